"""The brief fits one A4 page, however much there is to say; printed by a real browser."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from estates import AS_OF, NOW, days, estate, health
from inventory.findings import PastReport
from inventory.forecast_records import Said
from inventory.platform_records import Recorder
from inventory.records import Coverage, Record
from patience import PATIENCE_SECONDS
from planner.owners import EstateFile
from planner.past import Past
from planner.report import Memory, Report, make_report
from reports.brief import brief_html
from said import band, engine, forecast
from stored import GIB, JAKARTA, datastore, disk, guest, host

BROWSERS = ("chromium", "chromium-browser", "google-chrome", "chrome")
BROWSER = next(filter(None, map(shutil.which, BROWSERS)), None)
pytestmark = pytest.mark.skipif(
    BROWSER is None, reason="NO BROWSER AT HAND: whether the brief fits one page is not tested"
)
LONG = "a-rather-long-name-such-as-people-give-to-their-machines"


def crowded() -> Report:
    """Twelve clusters that are over, ninety-six guests with risks, gaps everywhere."""
    names = [f"cluster-{i:02d}-{LONG}" for i in range(12)]
    records = [record for name in names for record in _cluster(name)]
    gaps = [Coverage(f"guest/{i}", "disk", "failed", f"{LONG} {i} is locked") for i in range(30)]
    values = [(900 + 5.0 * i) * GIB for i in range(90)]
    past = Past(cluster_days={(name, "memory"): days(values) for name in names})
    sources = [health(gaps=gaps), *(health(f"source-{i}-{LONG}", stale=True) for i in range(9))]
    records += [Recorder(recorder_id=f"{LONG}-{i}", cluster="c", checked_at=NOW) for i in range(9)]
    place = estate(*records, sources=sources, owners={"cameras": {"groups": _cameras()}})
    earlier = PastReport(AS_OF - timedelta(days=7), frozenset(), ())
    memory = Memory(past_report=earlier)
    return make_report(place, past, memory, zone=JAKARTA, run_id="20261123T010000Z-abcd")


def foreseen() -> Report:
    """The same, but not over yet: a picture with many labels, and a record of long names."""
    report = crowded()
    [pool, *_others] = report.answers
    name = pool.pool.name
    values = [(300 + 5.0 * i) * GIB for i in range(90)]
    project = {
        "pool": name,
        "when": AS_OF + timedelta(days=9),
        "memory_gib": 9,
        "status": "committed",
    }
    owners = {
        "cameras": {"groups": _cameras()},
        "projects": [project | {"name": f"{LONG}-{i}"} for i in range(9)],
    }
    place = replace(report.estate, owners=EstateFile.model_validate(owners))
    said = [
        Said(
            forecast(
                AS_OF - timedelta(days=7 * back), pool_kind="cluster", pool=name,
                resource="memory", usable_line=f"{AS_OF - timedelta(days=7 * back)}:{700.0 * GIB}",
                first_over_p10=AS_OF - timedelta(days=30), engine=engine(),
                first_over_p90=AS_OF - timedelta(days=3),
            ),
            tuple(band(ahead, 700 * GIB, GIB) for ahead in (7, 30)),
        )
        for back in range(2, 13)
    ]  # fmt: skip
    names = [pool.pool.name for pool in report.answers if pool.pool.kind == "cluster"]
    known = {(name, "memory"): days(values) for name in names}
    past = Past(cluster_days=known, said=tuple(said))
    return make_report(place, past, Memory(), zone=JAKARTA, run_id="20261123T010000Z-abcd")


def _cameras() -> list[dict[str, object]]:
    rule = {"days": 30, "basis": f"Rule {LONG}"}
    return [{"name": f"{LONG}-{i}", "count": 90, "mbps": 4, "retention": rule} for i in range(9)]


def _cluster(name: str) -> Iterator[Record]:
    for i in range(4):
        yield host(f"{name}-h{i}", cluster=name)
    for i in range(8):
        tags = ("cls.pribadi-spesifik", "expo.public", "os.debian-8", f"opd.{LONG}")
        yield guest(
            f"{name}-{i}", name=f"{LONG}-{i}", cluster=name, host_id=f"{name}-h{i % 4}",
            memory_bytes=300 * GIB, tags=tags,
        )  # fmt: skip
        yield disk(f"{name}-{i}", cluster=name, cache="unsafe", encrypted=False)
    yield datastore(f"store-{name}", cluster=name)


def calm() -> Report:
    return make_report(
        estate(host(), guest()), Past(), Memory(), zone=JAKARTA, run_id="20261123T010000Z-abcd"
    )


def pages(page: str, folder: Path) -> int:
    """How many sheets of A4 a page takes."""
    assert BROWSER is not None
    source, target = folder / "brief.html", folder / "brief.pdf"
    source.write_text(page, encoding="utf-8")
    sandbox = ["--no-sandbox"] if hasattr(os, "geteuid") and os.geteuid() == 0 else []
    subprocess.run(
        [
            BROWSER, "--headless", "--disable-gpu", *sandbox, f"--user-data-dir={folder / 'user'}",
            "--disable-dev-shm-usage",  # which is small in a container
            "--no-pdf-header-footer", f"--print-to-pdf={target}", source.as_uri(),
        ],
        check=True,
        capture_output=True,
        timeout=PATIENCE_SECONDS,
    )  # fmt: skip
    content = target.read_bytes()
    [(width, height)] = set(re.findall(rb"/MediaBox \[0 0 ([\d.]+) ([\d.]+)\]", content))
    assert (round(float(width)), round(float(height))) == (595, 842)
    return len(re.findall(rb"/Type\s*/Page\b(?!s)", content))


@pytest.mark.parametrize("lang", ["en", "id"])
@pytest.mark.parametrize("make", [calm, crowded, foreseen])
def test_the_brief_is_one_page(make: object, lang: str, tmp_path: Path) -> None:
    report: Report = make()  # type: ignore[operator]
    assert pages(brief_html(report, lang=lang), tmp_path) == 1


def test_the_crowded_page_has_a_picture_and_a_record() -> None:
    page = brief_html(foreseen())
    assert page.count("<svg") == 1
    assert "within the band of 80 %" in page
    assert "The bands of 1 rows did not hold" in page
