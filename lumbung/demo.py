"""The demo: a city's data centre on this machine, by the very way a real one is read.

The double serves two modelled Proxmox clusters over HTTPS, a third site arrives as files; the
real collectors, store, planner and report do the rest. Weeks that lie behind are polled with the
clock set back, so that the store has a past.
"""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from datetime import datetime, time, timedelta
from importlib.resources import files
from pathlib import Path
from zoneinfo import ZoneInfo

from collectors.contract import CollectError
from collectors.poll import Result
from inventory.forecasts import remember_forecasts
from inventory.store import Store
from lab.city import owners_files
from lab.city.balaikota import AUDITOR, balaikota
from lab.city.cameras import write_cameras
from lab.city.command_center import TOKEN_SECRET, command_center
from lab.city.kvm_site import write_site
from lab.pve_double import Served, serve
from lumbung.collecting import backfill, collect, keep_house, note_collect
from lumbung.plan import When, gather
from lumbung.printing import number_of
from lumbung.publish import new_run_id, publish_logged, weekly
from lumbung.session import Session
from lumbung.settings import Settings, SettingsError, load_settings
from lumbung.verifying import checksum
from planner.questions import questions
from planner.report import Report
from planner.track import replayed

_MARK = ".lumbung-demo"
_ZONE = ZoneInfo("Asia/Jakarta")  # the city's, as its configuration says
_WEEKS_BEFORE = 8
_EARLY = time(7, 30)
_WEEKS_REPLAYED = 40
_REPLAYED_DAYS = 300  # ahead: what is farther cannot have come yet
_REPLAYED_SAMPLES = 200  # paths of each: forty reports of 500 would take as long as the rest
_HISTORY_SECONDS = 120.0
_EDITABLE = ("lumbung.toml", "policy.toml", "estate.yaml", "scenarios.yaml")


@dataclass(frozen=True, slots=True)
class Demo:
    """A demo that has run: its report, its folder, and how to go on with it."""

    report: Report
    folder: Path
    session: Session


@dataclass(frozen=True, slots=True)
class Step:
    """What the demo does now, and how far it is (0 to 1)."""

    words: str
    done: float


def prepare(folder: Path, *, again: bool = False) -> None:
    """An empty folder for the demo. Raises SettingsError rather than lose anybody's work: another's
    files, and unless ``again`` what was changed in a demo or published from it since it ran."""
    if folder.exists():
        if not (folder / _MARK).exists() and any(folder.iterdir()):
            raise SettingsError(f"{folder} exists and is no demo; name another folder")
        if not again and (lost := _would_be_lost(folder)):
            raise SettingsError(
                f"{folder} holds a demo that was worked with; a new one would delete "
                f"{' and '.join(lost)}: name another folder, or delete them with --again"
            )
        shutil.rmtree(folder)
    folder.mkdir(parents=True, mode=0o700)
    (folder / _MARK).touch()


def _would_be_lost(folder: Path) -> list[str]:
    """What is in a demo's folder that the demo did not make."""
    lines = (folder / _MARK).read_text("utf-8").splitlines() if (folder / _MARK).exists() else []
    written = dict(line.split("  ", 1)[::-1] for line in lines)
    changed = [name for name, seal in _sealed(folder).items() if written.get(name) != seal]
    reports = [path for path in folder.glob("weekly/*.*") if path.is_dir()]
    lost = [f"the changes to {', '.join(changed)}"] if changed else []
    more = len(reports) - 1  # the demo's own
    return [*lost, f"{number_of(more, 'report')} published since"] if more > 0 else lost


def _seal(folder: Path) -> None:
    """Notes how the files look that a person may edit, to know later whether somebody has."""
    lines = (f"{seal}  {name}\n" for name, seal in _sealed(folder).items())
    (folder / _MARK).write_text("".join(lines), encoding="utf-8")


def _sealed(folder: Path) -> dict[str, str]:
    paths = [folder / name for name in _EDITABLE if (folder / name).exists()]
    return {path.name: checksum(path.read_bytes()) for path in paths}


@contextmanager
def city(folder: Path, now: datetime) -> Iterator[tuple[Served, Served]]:
    """The two clusters, served while the block lasts, and their configuration in the folder."""
    with ExitStack() as stack:
        served = []
        for cluster in (balaikota(now.timestamp()), command_center(now.timestamp())):
            place = folder / "certificates" / cluster.name
            place.mkdir(parents=True)
            served.append(stack.enter_context(serve(cluster, folder=place)))
        first, second = served
        _configure(folder, now, first, second)
        _write_scenarios(folder, now)
        yield first, second


def _configure(folder: Path, now: datetime, first: Served, second: Served) -> None:
    for name, secret in (("balaikota", AUDITOR.secret), ("command-center", TOKEN_SECRET)):
        path = folder / f"{name}.token"
        path.touch(mode=0o600)
        path.write_text(f"{secret}\n", encoding="utf-8")
    policy = files("lab.city").joinpath("policy.toml").read_text("utf-8")
    (folder / "policy.toml").write_text(policy, encoding="utf-8")
    for name, text in owners_files(now.astimezone(_ZONE).date()).items():
        (folder / name).write_text(text, encoding="utf-8")
    (folder / "lumbung.toml").write_text(_CONFIGURATION.format(
        first=first.url, first_ca=first.ca_file.relative_to(folder),
        second=second.url, second_ca=second.ca_file.relative_to(folder),
    ), encoding="utf-8")  # fmt: skip


def _write_scenarios(folder: Path, now: datetime) -> None:
    """The city's scenarios, dated from today on."""
    text = files("lab.city").joinpath("scenarios.yaml").read_text("utf-8")
    today = now.astimezone(_ZONE).date()
    dated = re.sub(
        r"\$in_(\d+)_days", lambda found: str(today + timedelta(days=int(found[1]))), text
    )
    (folder / "scenarios.yaml").write_text(dated, encoding="utf-8")


_CONFIGURATION = """\
[site]
name = "Kota (demo)"
timezone = "Asia/Jakarta"

[schedule]
poll_minutes = 1440                 # the demo is polled once; it stays fresh for three days

[[sources]]
name = "balaikota"
kind = "proxmox"
url = "{first}"
user = "lumbung@pve"
token_name = "collect"
token = "file:balaikota.token"
ca_file = "{first_ca}"

[[sources]]
name = "command-center"
kind = "proxmox"
url = "{second}"
user = "lumbung@pve"
token_name = "collect"
token = "file:command-center.token"
ca_file = "{second_ca}"

[[sources]]
name = "gedung-arsip"
kind = "files"
path = "gedung-arsip"

[[sources]]
name = "kamera"
kind = "files"
path = "kamera"

[policy]
file = "policy.toml"

[estate]
file = "estate.yaml"
"""


Tell = Callable[[Step], None]


def run(folder: Path, now: datetime, tell: Tell, *, again: bool = False) -> Demo:
    """Collects, plans and reports the city; ``tell`` hears of every step.

    ``again``: what was changed in an earlier demo of the folder may be deleted.
    """
    prepare(folder, again=again)
    with city(folder, now) as served:
        _seal(folder)
        session = Session(config=folder / "lumbung.toml", at=now)
        settings = load_settings(folder / "lumbung.toml")
        with session.store(settings, create=True) as store:
            play = _Play(folder, session, settings, store, served, tell)
            for week in range(_WEEKS_BEFORE, 0, -1):
                then = _early(now - timedelta(weeks=week))
                play.collect(then, done=0.7 * (1 - week / _WEEKS_BEFORE))
            play.read_history(play.collect(now, done=0.7, with_history=True))
            keep_house(session, settings, store)
            tell(Step("forecasts of the past year", 0.9))
            replay(settings, store, now)
            tell(Step("plan and report", 0.95))
            report = weekly(session, settings, store, None)
            weeks = folder / "weekly"
            publish_logged(session, store, report, weeks, dialect="standard", lang="en")
    tell(Step("done", 1.0))
    return Demo(report, folder, session)


def _early(at: datetime) -> datetime:
    """That day before the offices open: one poll is all that the demo has of it, and one at noon
    would be taken for how busy the whole day was."""
    return at.astimezone(_ZONE).replace(hour=_EARLY.hour, minute=_EARLY.minute)


def replay(settings: Settings, store: Store, now: datetime) -> None:
    """Fills the ledger with what reports of the past Mondays would have said of the future."""
    when = When.of(settings, None, now)
    estate, past, _memory = gather(settings, store, when)
    asked = questions(estate, past, settings.zone)
    monday = when.as_of - timedelta(days=when.as_of.weekday())
    mondays = [monday - timedelta(weeks=back) for back in range(_WEEKS_REPLAYED, 0, -1)]
    run_id = f"replayed-{new_run_id(now)}"
    said = list(
        replayed(
            estate,
            asked,
            mondays,
            run_id=run_id,
            horizon_days=_REPLAYED_DAYS,
            samples=_REPLAYED_SAMPLES,
        )
    )
    with store.writing() as connection:
        remember_forecasts(connection, said)


@dataclass(frozen=True, slots=True)
class _Play:
    folder: Path
    session: Session
    settings: Settings
    store: Store
    served: tuple[Served, ...]
    tell: Tell

    def collect(self, at: datetime, *, done: float, with_history: bool = False) -> list[Result]:
        """One poll of every source with the clock of the city and of the program set to ``at``."""
        self.tell(Step(f"collect as of {at:%Y-%m-%d}", done))
        for one in self.served:
            one.cluster.now = at.timestamp()
        write_site(self.folder / "gedung-arsip", at - timedelta(hours=2), history=with_history)
        write_cameras(self.folder / "kamera", at - timedelta(hours=2), self.session.now())
        then = replace(self.session, at=at)
        results = list(collect(then, self.settings, self.store, []))
        for result in results:
            if not result.ok:
                raise CollectError(f"the demo could not read {result.source}: {result.error}")
        note_collect(then, self.store, "collect", results)
        return results

    def read_history(self, results: list[Result]) -> None:
        for result in results:
            source = self.settings.source(result.source)
            if result.snapshot is None or source.common.kind != "proxmox":
                continue
            for progress in backfill(
                self.session,
                self.settings,
                self.store,
                source,
                result.snapshot,
                seconds=_HISTORY_SECONDS,
            ):
                share = progress.done / max(1, progress.total)
                self.tell(Step(f"history of {result.source}", 0.75 + 0.2 * share))
