"""Examples 30 to 32 as `files` directories: a step is no growth, and its cause is named."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from site_files import GIB, NOW, Site, datastore, disk, guest, host

DAYS = 90
MIDNIGHT = NOW.replace(hour=0)
A_WEEK = "{pool: a, from: 2026-11-01, to: 2026-11-09, reason: x, author: y}"


def daily(
    level: Callable[[int], float], entity: str, name: str, metric: str
) -> list[dict[str, Any]]:
    """Ninety days, every hour of each at the day's level in GiB."""
    rows = []
    for day in range(DAYS):
        for hour in range(24):
            at = MIDNIGHT - timedelta(days=DAYS - day) + timedelta(hours=hour + 1)
            rows.append(
                {
                    "taken_at": at.isoformat(),
                    "entity": entity,
                    "entity_id": name,
                    "period_seconds": 3600,
                    metric: round(level(day) * GIB),
                }
            )
    return rows


def is_weekend(day: int) -> bool:
    return (MIDNIGHT - timedelta(days=DAYS - day)).weekday() >= 5


@pytest.mark.parametrize(
    ("level", "steps"),
    [
        (lambda day: 1000 if day < 60 else 1200, [("2026-10-24", 200.0)]),
        (lambda day: 1000 if day < 45 else 1200, [("2026-10-09", 200.0)]),
        (lambda day: 800 if is_weekend(day) else 1000, []),
    ],
    ids=["example 30", "example 31", "example 32"],
)
def test_no_growth(
    tmp_path: Path, level: Callable[[int], float], steps: list[tuple[str, float]]
) -> None:
    site = Site(tmp_path).write(
        hosts=[host("h0"), host("h1")],
        guests=[guest("g", "h0")],
        datastores=[datastore("san", capacity=1536 * GIB, used=1200 * GIB)],
        usage=daily(level, "datastore", "san", "storage_used_bytes"),
    )
    site.collect()
    row = site.pool("storage", "demand")
    assert row["usable"] == pytest.approx(1228.8)
    assert (row["runway_days"], row["runway_days_conservative"]) == (None, None)
    assert (row["runway_reason"], row["status"]) == ("no_growth", "ok")
    assert row["growth_per_day"] == pytest.approx(0, abs=1e-3)
    assert re.findall(r"step:(\S+)", row["flags"]) == [on for on, _size in steps]
    [told] = [r for r in site.rows("forecast") if r["model"] == "demand" and r["pool"] == "san"]
    last = [] if told["last_step_on"] is None else [(told["last_step_on"], told["last_step"])]
    assert last == [(on, pytest.approx(size)) for on, size in steps]
    assert told["level_365d"] == pytest.approx(told["level"], abs=0.5)


@pytest.fixture(scope="module")
def grown(tmp_path_factory: pytest.TempPathFactory) -> Site:
    """A cluster polled every week; thirty days ago a guest of 120 GiB came."""
    estate = (
        "version: 1\n"
        "exclusions:\n"
        "  - {pool: c1, from: 2026-09-10, to: 2026-09-11, reason: restore test, author: NOC}\n"
    )
    site = Site(tmp_path_factory.mktemp("grown"), estate=estate)

    def usage(upto: datetime) -> list[dict[str, Any]]:
        rows = daily(lambda day: 500 if day < 60 else 600, "host", "h0", "memory_used_bytes")
        rows += daily(lambda _day: 300, "guest", "old", "memory_used_bytes")
        rows += daily(lambda day: 100 if day >= 60 else 0, "guest", "new", "memory_used_bytes")
        rows += daily(lambda _day: 0, "host", "h1", "memory_used_bytes")
        return [
            row
            for row in rows
            if row["taken_at"] <= upto.isoformat()
            and (row["entity_id"] != "new" or row["memory_used_bytes"])
        ]

    for week in range(12, -1, -1):
        at = NOW - timedelta(weeks=week, hours=1)
        came = at >= MIDNIGHT - timedelta(days=30)
        guests = [guest("old", "h0", memory=400 * GIB)]
        disks = [disk("old", "san", capacity=100 * GIB)]
        if came:
            guests.append(guest("new", "h0", memory=120 * GIB))
            disks.append(disk("new", "san", capacity=50 * GIB))
        if week == 0:
            disks.append(disk("old", "san", capacity=25 * GIB, key="d1"))
        site.write(
            at,
            hosts=[host("h0", memory=1024 * GIB), host("h1", memory=1024 * GIB)],
            guests=guests,
            disks=disks,
            datastores=[datastore("san", capacity=4000 * GIB, used=900 * GIB)],
            usage=usage(at),
        )
        site.run("collect", now=at + timedelta(minutes=5))
    return site


def row_of(site: Site, resource: str, model: str) -> dict[str, Any]:
    [row] = [
        row for row in site.rows("forecast") if (row["resource"], row["model"]) == (resource, model)
    ]
    return row


def test_a_step_is_put_down_to_the_guest_that_came(grown: Site) -> None:
    row = row_of(grown, "memory", "demand")
    assert (row["last_step_on"], row["last_step_cause"]) == ("2026-10-24", "added: new (new)")
    assert row["last_step"] == pytest.approx(100)
    assert row["growth_per_day"] == pytest.approx(0, abs=0.01)
    assert row_of(grown, "memory", "allocation")["last_step_cause"] == "added: new (new)"


def test_a_change_of_demand_is_told_apart(grown: Site) -> None:
    row = row_of(grown, "memory", "demand")
    assert (row["quarter_change"], row["quarter_since"]) == (None, "2026-08-18")
    assert (row["week_change"], row["week_organic"], row["week_added"]) == (0, 0, 0)
    assert row["accounted_pct"] == pytest.approx(100 * 400 / 600, abs=0.1)


def test_a_change_of_what_is_allocated_is_told_apart(grown: Site) -> None:
    row = row_of(grown, "storage", "allocation")
    assert (row["week_change"], row["week_resized"], row["week_unexplained"]) == (25, 25, 0)
    assert row["quarter_since"] == "2026-08-31"  # the first poll
    assert (row["quarter_change"], row["quarter_added"], row["quarter_resized"]) == (75, 50, 25)


def test_what_guests_do_not_account_for_is_flagged(grown: Site) -> None:
    flags = grown.pool("memory", "demand")["flags"].split()
    assert "unexplained_use" in flags
    assert "days_excluded:2" in flags
    assert "unexplained_use" not in grown.pool("memory", "allocation")["flags"]


def test_forecast_and_explain_name_steps_parts_and_days_left_out(grown: Site) -> None:
    for told in (grown.run("forecast", "c1"), grown.run("explain", "pool/c1/memory/demand")):
        assert "2026-10-24: +100.00 GiB, added: new (new)" in told
        assert "left out 2026-09-10..2026-09-11: restore test (says NOC)" in told
        assert "used 600.0 GiB, accounted for 400.0: unexplained 33.3 %" in told
        assert "days missing in the history: none" in told


def test_gaps_are_listed(tmp_path: Path) -> None:
    usage = [
        row
        for row in daily(lambda _day: 100, "datastore", "san", "storage_used_bytes")
        if not "2026-11-01T00:30" < row["taken_at"] < "2026-11-04T00:30"
    ]
    site = Site(tmp_path).write(
        hosts=[host("h0")],
        guests=[guest("g", "h0")],
        datastores=[datastore("san", capacity=1000 * GIB)],
        usage=usage,
    )
    site.collect()
    [row] = [r for r in site.rows("forecast", "san") if r["model"] == "demand"]
    assert (row["gap_days"], row["gaps"]) == (3, "2026-11-01..2026-11-03")


def test_a_pool_that_is_not_there_is_named(tmp_path: Path) -> None:
    site = Site(tmp_path).write(hosts=[host("h0")], guests=[guest("g", "h0")])
    site.collect()
    ran = site.call("forecast", "nowhere")
    assert ran.returncode == 2
    assert "no pool is named 'nowhere'; known are c1" in ran.stderr


@pytest.mark.parametrize(
    ("entry", "message"),
    [
        (
            "{pool: a, from: 2026-11-10, to: 2026-11-02, reason: x, author: y}",
            "estate.yaml:3: exclusions.0: ends on 2026-11-02, before it begins on 2026-11-10",
        ),
        (
            "\n  - ".join([A_WEEK, A_WEEK.replace("11-01", "11-09")]),
            "overlap for a",
        ),
        (
            "{pool: a, from: 2026-11-01, to: 2026-11-09, reason: x, author: y, fron: 1}",
            "estate.yaml:3: unknown key 'exclusions.0.fron'; did you mean 'from'?",
        ),
    ],
)
def test_an_impossible_exclusion_is_one_clear_line(
    tmp_path: Path, entry: str, message: str
) -> None:
    site = Site(tmp_path, estate=f"version: 1\nexclusions:\n  - {entry}\n")
    site.write(hosts=[host("h0")], guests=[guest("g", "h0")]).collect()
    ran = site.call("capacity")
    assert ran.returncode == 2
    assert message in ran.stderr
    assert "estate.yaml" in ran.stderr
    assert len(ran.stderr.strip().splitlines()) == 1


def test_the_growth_of_a_datastore_is_put_down_to_its_guests(tmp_path: Path) -> None:
    """Guest a stores 2 GiB more a day, guest b nothing more; 1 GiB a day nobody tells."""

    def stored(name: str, entity: str, at: float, per_day: float) -> list[dict[str, Any]]:
        return [
            {
                "taken_at": (MIDNIGHT - timedelta(days=DAYS - day - 1)).isoformat(),
                "entity": entity,
                "entity_id": name,
                "period_seconds": 86400,
                "storage_used_bytes": round((at + per_day * day) * GIB),
            }
            for day in range(DAYS)
        ]

    site = Site(tmp_path).write(
        hosts=[host("h0"), host("h1")],
        guests=[guest("a", "h0"), guest("b", "h1")],
        datastores=[datastore("san", capacity=4000 * GIB)],
        disks=[disk(name, "san", capacity=900 * GIB) for name in ("a", "b")],
        usage=stored("san", "datastore", 800, 3)
        + stored("a", "guest", 300, 2)
        + stored("b", "guest", 200, 0),
    )
    site.collect()
    row = row_of(site, "storage", "demand")
    assert (row["week_change"], row["week_organic"], row["week_unexplained"]) == (21, 14, 7)
    assert (row["week_added"], row["week_removed"]) == (0, 0)
    told = site.run("forecast", "san")
    assert "organic +14.00 GiB: a (a) +14.00 GiB" in told
    assert "unexplained +7.00 GiB" in told
