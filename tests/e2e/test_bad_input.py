"""Whatever is wrong is told in one clear line: what, where, what to do; and no secret is shown."""

from __future__ import annotations

import socket
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from command_line import Ran, lumbung, lumbung_here
from lab.pve_double import serve
from lab.pve_synthetic import AUDITOR, synthetic
from site_files import GIB, Site, guest, host

SECRET = "0f2c9a4e-not-for-your-eyes"
HEAD = '[site]\nname = "T"\ntimezone = "Asia/Jakarta"\n'
PVE = (
    '[[sources]]\nname = "pve"\nkind = "proxmox"\nurl = "{url}"\nuser = "a@pve"\n'
    'token_name = "t"\ntoken = "{token}"\ntimeout_seconds = 120\n'
)


@dataclass
class Folder:
    path: Path

    def configure(self, text: str) -> Folder:
        (self.path / "lumbung.toml").write_text(text)
        return self

    def token(self, secret: str = SECRET, mode: int = 0o600) -> Folder:
        (self.path / "t.token").write_text(secret + "\n")
        (self.path / "t.token").chmod(mode)
        return self

    def collect(self) -> Ran:
        return lumbung_here("--config", str(self.path / "lumbung.toml"), "collect")


@pytest.fixture
def folder(tmp_path: Path) -> Folder:
    return Folder(tmp_path)


def told(ran: Ran, code: int, *words: str) -> None:
    """One line on standard error that holds the words; nothing else, and no secret."""
    assert ran.returncode == code, ran.stderr
    assert ran.stdout == ""
    [line] = ran.stderr.splitlines()
    for word in words:
        assert word in line, line
    assert SECRET not in line
    assert "Traceback" not in line


Case = tuple[str, tuple[str, ...]]
SETTINGS: dict[str, Case] = {
    "unknown key": (
        HEAD + '[store]\nurll = "x"\n[[sources]]\nname = "a"\nkind = "files"\npath = "."\n',
        ("lumbung.toml:5", "[store]", "'urll'", "did you mean 'url'?"),
    ),
    "unknown table": (HEAD + "[sorce]\n", ("lumbung.toml:4", "'sorce'", "'sources'")),
    "unknown key of a kind": (
        HEAD + '[[sources]]\nname = "a"\nkind = "files"\npaht = "."\n',
        ("lumbung.toml:7", "a", "'paht'", "did you mean 'path'?"),
    ),
    "unknown kind": (
        HEAD + '[[sources]]\nname = "a"\nkind = "vmware"\n',
        ("lumbung.toml:6", "'vmware'", "known are files, "),
    ),
    "no source": (HEAD, ("lumbung.toml", "no [[sources]]")),
    "a name twice": (
        HEAD + '[[sources]]\nname = "a"\nkind = "files"\npath = "."\n' * 2,
        ("two sources are named 'a'",),
    ),
    "no time zone": (PVE.format(url="https://x:8006", token="env:X"), ("[site] timezone",)),
    "no such time zone": (
        '[site]\ntimezone = "Asia/Bogor"\n[[sources]]\nname = "a"\nkind = "files"\npath = "."\n',
        ("lumbung.toml:2", "'Asia/Bogor' is not a time zone"),
    ),
    "not TOML": (HEAD + "[[sources\n", ("lumbung.toml", "line 4")),
    "a policy that is not there": (
        HEAD + '[[sources]]\nname = "a"\nkind = "files"\npath = "."\n[policy]\nfile = "p.toml"\n',
        ("lumbung.toml:9", "[policy]", "p.toml: no such file"),
    ),
    "a secret in the configuration": (
        HEAD + PVE.format(url="https://x:8006", token=SECRET),
        ("pve", "token: the secret itself is written into the configuration", "file:PATH"),
    ),
    "a password in the store's address": (
        HEAD
        + f'[store]\nurl = "postgresql+psycopg://u:{SECRET}@h/d"\n'
        + '[[sources]]\nname = "a"\nkind = "files"\npath = "."\n',
        ("[store] url holds a password", 'password = "file:PATH"'),
    ),
    "a secret in the address": (
        HEAD + PVE.format(url=f"https://u:{SECRET}@x:8006", token="env:X"),
        ("url: holds a name or password",),
    ),
    "a page of the address": (
        HEAD + PVE.format(url="https://x:8006/api2/json", token="env:X"),
        ("url", "https://HOST:8006"),
    ),
}


@pytest.mark.parametrize("case", SETTINGS.values(), ids=SETTINGS)
def test_a_fault_in_the_configuration(folder: Folder, case: Case) -> None:
    told(folder.configure(case[0]).collect(), 2, *case[1])


def test_no_configuration_at_all(tmp_path: Path) -> None:
    told(
        lumbung_here("--config", str(tmp_path / "no.toml"), "collect"),
        2, "no.toml: no such file", "lumbung init",
    )  # fmt: skip


def test_an_unknown_command_and_option() -> None:
    told(lumbung_here("colect"), 2, "colect", "--help")
    told(lumbung_here("collect", "--al"), 2, "--al")
    told(lumbung_here("capacity", "--format", "xml"), 2, "xml")


def test_an_unknown_source_pool_date_and_key(tmp_path: Path) -> None:
    site = Site(tmp_path).write(hosts=[host("h1")], guests=[guest("g", "h1")]).collect()
    told(site.call("collect", "sight"), 2, "'sight'", "known are site")
    told(site.call("capacity", "--pool", "c9"), 2, "'c9'", "c1")
    told(site.call("capacity", "--on", "last monday"), 2, "--on", "last monday")
    ahead = "--on: 2027-01-01 is after today, 2026-11-23"
    for command in ("capacity", "report", "risks", "forecast", "fit", "showback", "cameras"):
        told(site.call(command, "--on", "2027-01-01"), 2, ahead)
    told(site.call("inventory", "guests", "--at", "2026-11-24"), 2, "--at: 2026-11-24 is after")
    told(site.call("changes", "--to", "2026-11-24"), 2, "--to: 2026-11-24 is after today")
    told(site.call("changes", "--from", "2026-11-24"), 2, "--from: 2026-11-24 is after today")
    backwards = ("--from", "2026-11-20", "--to", "2026-11-19")
    told(site.call("changes", *backwards), 2, "--from: 2026-11-20 is after --to 2026-11-19")
    incident = ("incident", "--guest", "g", "--from", "2026-11-20", "--to", "2026-11-24")
    told(site.call(*incident), 2, "--to: 2026-11-24 is after today")
    told(site.call("explain", "pool/c9/cpu/demand"), 2, "c9")
    told(site.call("explain", "finding/none"), 2, "none")


def test_of_a_day_before_the_first_poll_nothing_is_known_and_nothing_charged(
    tmp_path: Path,
) -> None:
    card = "{cost_month = 90, cpu_ratio = 0.5, memory_ratio = 0.3, storage_ratio = 0.2}"
    policy = f"[showback.clusters]\nc1 = {card}\n"
    stages = "{proposed: 2026-11-02, in_service: 2027-02-01}"
    estate = f"orders:\n  - {{name: Host, pool: c1, cpu_cores: 4, stages: {stages}}}\n"
    site = Site(tmp_path, policy=policy, estate=estate)
    site.write(hosts=[host("h1")], guests=[guest("g", "h1")]).collect()
    since = "the store knows nothing before 2026-11-23"
    for command in ("capacity", "forecast"):
        told(site.call(command, "--on", "2020-01-01"), 0, f"no pools are known: {since}")
    told(site.call("forecast", "c1", "--on", "2020-01-01"), 2, f"no pool is named 'c1'; {since}")
    ran = site.call("showback", "--on", "2020-01-01")
    assert ran.stdout == ""
    assert ran.stderr.splitlines() == [
        f"nothing is known that could be charged: {since}",
        "c1 has rates, but no host or guest of it is known: nothing is charged",
    ]
    assert len(site.rows("showback")) > 1


def test_a_backfill_of_less_than_no_time_is_refused() -> None:
    told(lumbung_here("backfill", "--seconds", "-1"), 2, "--seconds", "greater than or equal to 1")


def test_a_world_readable_token_is_refused(folder: Folder) -> None:
    folder.configure(HEAD + PVE.format(url="https://x:8006", token="file:t.token")).token(
        mode=0o644
    )
    told(folder.collect(), 2, "t.token can be read by others (mode 0644)", "chmod 600")


def test_a_missing_and_an_empty_token(folder: Folder) -> None:
    folder.configure(HEAD + PVE.format(url="https://x:8006", token="file:t.token"))
    told(folder.collect(), 2, "t.token does not exist")
    told(folder.token("").collect(), 2, "t.token is empty")
    folder.configure(HEAD + PVE.format(url="https://x:8006", token="env:LUMBUNG_NONE"))
    told(folder.collect(), 2, "LUMBUNG_NONE is not set")


def test_an_unreachable_host(folder: Folder) -> None:
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        url = f"https://127.0.0.1:{closed.getsockname()[1]}"
        folder.configure(HEAD + PVE.format(url=url, token="file:t.token")).token()
        told(folder.collect(), 4, "pve: failed", url, "connection refused")


def test_an_expired_certificate(folder: Folder) -> None:
    yesterday = datetime.now(UTC) - timedelta(days=1)
    with serve(synthetic(1, 1, now=0.0), not_after=yesterday) as served:
        folder.configure(
            HEAD
            + PVE.format(url=served.url, token="file:t.token")
            + f'ca_file = "{served.ca_file}"\n'
        ).token()
        told(folder.collect(), 4, "pve: failed", served.url, "has expired")


def test_a_missing_and_an_odd_ca_file(folder: Folder) -> None:
    text = HEAD + PVE.format(url="https://127.0.0.1:9", token="file:t.token")
    folder.token().configure(text + 'ca_file = "ca.pem"\n')
    told(folder.collect(), 2, "pve: failed", "ca.pem: No such file")
    (folder.path / "ca.pem").write_text("no certificate")
    told(folder.collect(), 2, "pve: failed", "ca.pem holds no certificate in PEM form")


def test_a_refused_token(folder: Folder) -> None:
    with serve(synthetic(1, 1, now=0.0)) as served:
        folder.configure(
            HEAD
            + PVE.format(url=served.url, token="file:t.token")
            + f'ca_file = "{served.ca_file}"\n'
        ).token()
        told(folder.collect(), 4, "pve: failed", "refused the token a@pve!t")
        assert AUDITOR.secret not in (folder.path / "lumbung.toml").read_text()


def test_no_secret_is_kept_in_the_store_nor_shown_with_v(folder: Folder) -> None:
    with serve(synthetic(1, 1, now=0.0)) as served:
        user, name = AUDITOR.id.split("!")
        folder.token(AUDITOR.secret).configure(
            HEAD
            + PVE.format(url=served.url, token="file:t.token")
            .replace("a@pve", user)
            .replace('"t"', f'"{name}"')
            + f'ca_file = "{served.ca_file}"\n'
        )
        ran = lumbung("-v", "--config", str(folder.path / "lumbung.toml"), "collect")
    assert ran.returncode == 0, ran.stderr
    assert AUDITOR.secret not in ran.stderr + ran.stdout
    assert AUDITOR.secret.encode() not in (folder.path / "inventory.db").read_bytes()


def _spoil(path: Path, old: str, new: str) -> None:
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new))


Spoil = Callable[[Path], None]
ROWS: dict[str, tuple[Spoil, tuple[str, ...]]] = {
    "no number": (
        lambda site: _spoil(site / "guests.csv", str(4 * GIB), "4 GiB"),
        ("guests.csv, line 2", "memory_bytes", "'4 GiB'"),
    ),
    "no such state": (
        lambda site: _spoil(site / "guests.csv", "running", "sleeping"),
        ("guests.csv, line 2", "power", "'sleeping'", "running"),
    ),
    "an empty bold cell": (
        lambda site: _spoil(site / "hosts.csv", "in_service", ""),
        ("hosts.csv, line 2", "status"),
    ),
    "a guest on no host": (
        lambda site: _spoil(site / "guests.csv", "h1", "h7"),
        ("guests.csv, line 2", "host_id", "'h7'"),
    ),
    "a row twice": (
        lambda site: (site / "hosts.csv").write_text(
            (site / "hosts.csv").read_text() + (site / "hosts.csv").read_text().splitlines()[1]
        ),
        ("hosts.csv, line 3", "h1", "already in line 2"),
    ),
    "a missing column": (
        lambda site: _spoil(site / "hosts.csv", "cpu_cores", "cores"),
        ("hosts.csv, line 1", "cpu_cores"),
    ),
    "an unknown file": (
        lambda site: (site / "guest.csv").write_text("x\n"),
        ("guest.csv", "guests.csv"),
    ),
    "a time without an offset": (
        lambda site: (site / "source.csv").write_text("taken_at\n2026-11-23T06:00:00\n"),
        ("source.csv, line 2", "taken_at", "offset"),
    ),
    "not UTF-8": (
        lambda site: (site / "guests.csv").write_bytes(b"guest_id,name\n\xff\xfe\n"),
        ("guests.csv", "UTF-8"),
    ),
    "a negative size": (
        lambda site: _spoil(site / "guests.csv", str(4 * GIB), "-1"),
        ("guests.csv, line 2", "memory_bytes", "'-1'"),
    ),
}


@pytest.mark.parametrize("case", ROWS.values(), ids=ROWS)
def test_one_bad_row_refuses_the_whole_directory(
    tmp_path: Path, case: tuple[Spoil, tuple[str, ...]]
) -> None:
    site = Site(tmp_path).write(hosts=[host("h1")], guests=[guest("g", "h1")]).collect()
    before = site.rows("inventory", "guests")
    case[0](tmp_path / "site")
    told(site.call("collect"), 4, "site: failed", *case[1])
    assert site.rows("inventory", "guests") == before
    assert site.rows("sources")[0]["status"] == "failing"


def test_a_fault_in_the_policy_and_in_the_estate(tmp_path: Path) -> None:
    site = Site(tmp_path, policy="[threshold]\nmemroy = 0.9\n", estate="version: 1\nagencis: []\n")
    site.write(hosts=[host("h1")], guests=[guest("g", "h1")]).collect()
    told(site.call("capacity"), 2, "policy.toml:2", "'threshold.memroy'", "did you mean 'memory'?")
    (tmp_path / "policy.toml").write_text("[threshold]\nmemory = 80\n")
    told(site.call("capacity"), 2, "policy.toml:2", "threshold.memory")
    (tmp_path / "policy.toml").write_text("")
    told(site.call("capacity"), 2, "estate.yaml:2", "'agencis'", "did you mean 'agencies'?")
    (tmp_path / "estate.yaml").write_text("version: 1\nagencies: [\n")
    told(site.call("capacity"), 2, "estate.yaml:3")


def test_a_store_that_is_none(tmp_path: Path) -> None:
    site = Site(tmp_path).write(hosts=[host("h1")], guests=[guest("g", "h1")])
    told(site.call("capacity"), 2, "no inventory", "lumbung collect")
    (tmp_path / "inventory.db").write_bytes(b"this is a text file, not a database\n" * 100)
    told(site.call("collect"), 2, "inventory.db", "something else or damaged")
    told(site.call("--db", "mysql://x/y", "capacity"), 2, "'mysql'", "sqlite")
    told(site.call("--db", "sqlite:////no/such/folder/x.db", "collect"), 2, "/no/such/folder")
