"""What is not used, as `files` directories through the command line: worked examples 21, 22, 24,
25 and 36, exemptions, savings, and the rate card."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from site_files import GIB, Site, datastore, disk, guest, host

QUIET = {
    "net_in_bytes_per_second": 10, "net_out_bytes_per_second": 10,
    "disk_read_bytes_per_second": 0, "disk_write_bytes_per_second": 100,
}  # fmt: skip


def midnight(site: Site) -> datetime:
    return site.now.replace(hour=0, minute=0)


def use(
    site: Site, name: str, *, days: int, seconds: int = 3600, busy: int = 0, **levels: float
) -> Iterator[dict[str, Any]]:
    """Samples of the closed days before now; the first ``busy`` of them are busy ones."""
    end = midnight(site)
    for i in range(days * 86_400 // seconds):
        values = levels | ({"cpu_used_cores": 1.0} if i < busy else {})
        yield {
            "taken_at": (end - timedelta(seconds=seconds * i)).isoformat(),
            "entity": "guest",
            "entity_id": name,
            "period_seconds": seconds,
            **values,
        }


def advice(site: Site, name: str) -> dict[str, Any]:
    [row] = [row for row in site.rows("rightsize") if row["guest_id"] == name]
    return row


def collected(site: Site) -> Site:
    site.collect()
    site.run("report")  # closes the days
    return site


def test_example_21_and_22_halved_at_most_and_the_next_round_told(tmp_path: Path) -> None:
    site = Site(tmp_path)
    site.write(
        hosts=[host("h0"), host("h1")],
        guests=[
            guest("big", "h0", vcpus=16, memory=64 * GIB),
            guest("blind", "h0", vcpus=16, memory=64 * GIB),
            guest("new", "h1", vcpus=16, memory=64 * GIB),
        ],
        usage=[
            *use(site, "big", days=20, cpu_used_cores=3.2, memory_used_bytes=20 * GIB),
            *use(site, "blind", days=20, cpu_used_cores=3.2),
            *use(site, "new", days=13, cpu_used_cores=3.2, memory_used_bytes=20 * GIB),
        ],
    )
    collected(site)
    row = advice(site, "big")
    assert row["cpu_p95_cores"] == pytest.approx(3.2, rel=0.022)
    assert (row["recommended_vcpus"], row["next_vcpus"]) == (8, 6)
    assert (row["saves_vcpus"], row["saves_physical_cores"]) == (8, 0)
    assert row["memory_p99_gib"] == pytest.approx(20, rel=0.022)
    assert (row["recommended_memory_gib"], row["next_memory_gib"]) == (32, 24)
    assert (row["fits"], row["action"]) == ("oversized", "restart")
    blind = advice(site, "blind")
    assert (blind["recommended_vcpus"], blind["recommended_memory_gib"]) == (8, None)
    assert "memory: 0 of the last 30 days are known" in blind["why"]
    new = advice(site, "new")
    assert (new["fits"], new["recommended_vcpus"]) == ("unknown", None)
    assert "13 of the last 30 days are known" in new["why"]
    assert site.pool("cpu", "allocation")["reclaimable"] == 16
    assert site.pool("cpu", "demand")["reclaimable"] == 0
    assert site.pool("memory", "allocation")["reclaimable"] == 32
    assert "halved at most: 8 now" in site.run("explain", "guest/big/recommended_vcpus")
    assert "oversized: big (big)" in site.run("explain", "pool/c1/cpu/allocation/reclaimable")
    [total] = site.rows("rightsize", "--by", "cluster")
    assert (total["oversized"], total["unknown"], total["saves_vcpus"]) == (2, 1, 16)


@pytest.mark.parametrize(("busy", "found"), [(201, "idle"), (202, "none")])
def test_example_24_idle_from_3831_of_4032_samples_on(
    tmp_path: Path, busy: int, found: str
) -> None:
    site = Site(tmp_path)
    quiet = {"cpu_used_cores": 0.01, **QUIET}
    site.write(
        hosts=[host("h0"), host("h1")],
        guests=[guest("g", "h0"), guest("chatty", "h0")],
        usage=[
            *use(site, "g", days=14, seconds=300, busy=busy, **quiet),
            *use(site, "chatty", days=14, **quiet | {"net_in_bytes_per_second": 2000}),
        ],
    )
    collected(site)
    assert claimed(site, "g") == ([("idle", 2.0, 4.0)] if found == "idle" else [])
    assert claimed(site, "chatty") == []
    if found == "idle":
        assert "3831 of 4032 samples" in site.run("explain", "guest/g/reclaim_class")
        assert site.pool("memory", "allocation")["reclaimable"] == 4


def claimed(site: Site, name: str) -> list[tuple[str, float, float]]:
    return [
        (row["reclaim_class"], row["vcpus"], row["memory_gib"])
        for row in site.rows("reclaim")
        if row["guest_id"] == name
    ]


def example_25(site: Site, at: datetime, **more: Any) -> None:
    """A guest that is off with 550 GiB on disk, 50 of them its snapshot's; another's snapshot."""
    long_ago = (site.now - timedelta(days=90)).isoformat()
    given: dict[str, Any] = {
        "hosts": [host("h0"), host("h1")],
        "guests": [
            guest("off", "h0", power="stopped", tags="opd.setda"),
            guest("on", "h1", tags="opd.dinkes"),
        ],
        "datastores": [datastore("san", capacity=4000 * GIB, used=2000 * GIB)],
        "disks": [
            disk("off", "san", capacity=800 * GIB, allocated_bytes=550 * GIB),
            disk("on", "san", capacity=400 * GIB, allocated_bytes=300 * GIB),
        ],
        "snapshots": [
            {"guest_id": "off", "name": "s", "created_at": long_ago, "bytes": 50 * GIB},
            {"guest_id": "on", "name": "s", "created_at": long_ago, "bytes": 120 * GIB},
        ],
        "volumes": [{"volume_id": "san:left", "datastore_id": "san", "allocated_bytes": 30 * GIB}],
    }
    site.write(taken_at=at, **given | more)
    site.run("collect", now=at)


def test_example_25_each_byte_in_one_class(tmp_path: Path) -> None:
    site = Site(tmp_path)
    example_25(site, site.now - timedelta(days=35))
    example_25(site, site.now - timedelta(hours=1))
    rows = {row["name"]: row for row in site.rows("reclaim", "--by", "class")}
    assert {name: row["storage_gib"] for name, row in rows.items()} == {
        "powered_off": 550,
        "old_snapshot": 120,
        "orphan": 30,
    }
    demand, promised = site.pool("storage", "demand"), site.pool("storage", "allocation")
    assert demand["reclaimable"] == 700
    assert demand["headroom"] == pytest.approx(0.8 * 4000 - 2000)  # never added to it
    assert promised["reclaimable"] == 800  # the volume's promised size is not known
    assert "reclaimable_incomplete:1" in promised["flags"]
    by_agency = {row["name"]: row["storage_gib"] for row in site.rows("reclaim", "--by", "agency")}
    assert by_agency == {"setda": 550, "dinkes": 120, None: 30}
    guests = {row["guest_id"]: row for row in guest_lines(site)}
    assert (guests["off"]["reclaim_class"], guests["off"]["reclaim_gib"]) == ("powered_off", "550")
    assert guests["on"]["reclaim_gib"] == "120"


def guest_lines(site: Site) -> list[dict[str, str]]:
    site.run("report")
    with (site.root / "weekly" / "latest" / "guests.csv").open(encoding="utf-8") as file:
        return list(csv.DictReader(file))


def test_what_has_been_so_for_a_shorter_time_is_not_asked_back(tmp_path: Path) -> None:
    site = Site(tmp_path)
    example_25(site, site.now - timedelta(days=10))
    example_25(site, site.now - timedelta(hours=1))
    assert {row["reclaim_class"] for row in site.rows("reclaim")} == {"old_snapshot"}
    [total] = site.rows("reclaim", "--by", "class")
    assert total["storage_gib"] == 170  # the guest that is off only for ten days keeps its own


EXEMPT = """
version: 1
exemptions:
  - match: {guest_id: "off"}
    advice: [powered_off]
    reason: kept for the audit
    author: Inspektorat
    since: 2026-06-01
    until: UNTIL
"""


def test_an_exemption_spares_a_guest_until_it_ends_and_then_the_advice_is_back(
    tmp_path: Path,
) -> None:
    site = Site(tmp_path, estate=EXEMPT.replace("UNTIL", "2026-11-23"))
    example_25(site, site.now - timedelta(days=35))
    example_25(site, site.now - timedelta(hours=1))
    assert "powered_off" not in {row["reclaim_class"] for row in site.rows("reclaim")}
    guests = {row["guest_id"]: row for row in guest_lines(site)}
    assert (guests["off"]["reclaim_class"], guests["off"]["exempt_until"]) == (
        "exempt",
        "2026-11-23",
    )
    assert "exempt until 2026-11-23" in site.run("explain", "guest/off/exempt_until")
    ended = Site(tmp_path, estate=EXEMPT.replace("UNTIL", "2026-11-22"))
    example_25(ended, site.now)
    [row] = [row for row in ended.rows("reclaim") if row["reclaim_class"] == "powered_off"]
    assert row["note"] == (
        "exempt until 2026-11-22 (Inspektorat: kept for the audit), which is over"
    )


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ("    until: 2027-06-02", "until must be 0 to 365 days after since"),
        ("    until: 2026-05-01", "until must be 0 to 365 days after since"),
        ("    until: 2026-12-01\n    untill: 2026-12-01", "did you mean 'until'"),
    ],
)
def test_an_exemption_that_is_wrong_is_refused_with_its_line(
    tmp_path: Path, line: str, told: str
) -> None:
    site = Site(tmp_path, estate=EXEMPT.replace("    until: UNTIL", line))
    site.write(hosts=[host("h0")], guests=[guest("off", "h0")]).collect()
    ran = site.call("reclaim")
    assert ran.returncode == 2
    assert told in ran.stderr
    assert "estate.yaml:" in ran.stderr
    assert len(ran.stderr.splitlines()) == 1


def test_savings_say_what_was_proposed_and_what_was_given_back(tmp_path: Path) -> None:
    site = Site(tmp_path)
    example_25(site, site.now - timedelta(days=75))
    before = site.now - timedelta(days=35)
    example_25(site, before)
    site.run("report", now=before + timedelta(hours=1))
    example_25(
        site,
        site.now - timedelta(hours=1),
        guests=[guest("on", "h1")],
        disks=[disk("on", "san", capacity=400 * GIB)],
        snapshots=[
            {
                "guest_id": "on",
                "name": "new",
                "created_at": (site.now - timedelta(hours=1)).isoformat(),
            }
        ],
    )
    site.run("report")
    rows = {row["month"]: row for row in site.rows("reclaim", "--savings")}
    october, november = rows["2026-10"], rows["2026-11"]
    assert (october["proposed"], october["proposed_storage_gib"]) == (3, 700)
    assert (november["freed"], november["freed_storage_gib"]) == (2, 670)
    assert (october["still_open"], november["proposed"]) == (1, 0)  # the volume is still there
    site.run("report")
    assert site.rows("reclaim", "--savings") == list(rows.values())


def test_a_guest_that_is_in_use_again_gave_nothing_back(tmp_path: Path) -> None:
    site = Site(tmp_path)
    example_25(site, site.now - timedelta(days=40))
    before = site.now - timedelta(days=1)
    example_25(site, before)
    site.run("report", now=before + timedelta(hours=1))
    again = [guest("off", "h0"), guest("on", "h1")]
    example_25(site, site.now - timedelta(hours=1), guests=again)
    site.run("report")
    [row] = site.rows("reclaim", "--savings")
    assert (row["proposed"], row["freed"], row["kept"], row["freed_storage_gib"]) == (4, 0, 1, 0)


CARD = """
[showback]
currency = "IDR"
[showback.clusters.c1]
cost_month = 300000
memory_ratio = 0.6
cpu_ratio = 0.4
"""


def test_example_36_a_guest_pays_for_what_is_promised_to_it(tmp_path: Path) -> None:
    site = Site(tmp_path, policy=CARD)
    site.write(
        hosts=[host(f"h{i}") for i in range(4)],
        guests=[
            guest("g", "h0", vcpus=8, memory=32 * GIB, tags="opd.setda"),
            guest("off", "h1", vcpus=8, memory=32 * GIB, power="stopped"),
        ],
    )
    site.collect()
    payer, nobody, rest = site.rows("showback")
    assert (payer["name"], payer["cost_month"]) == ("setda", pytest.approx(7187.50))
    assert (payer["cost_cpu"], payer["cost_memory"]) == (
        pytest.approx(8 * 312.5),
        pytest.approx(32 * 146.484375),
    )
    assert (nobody["name"], nobody["cost_month"]) == (None, 0)  # off, and storage is free here
    assert rest["kind"] == "unallocated"
    assert sum(row["cost_month"] for row in (payer, nobody, rest)) == pytest.approx(300_000)
    assert payer["overhead_month"] == pytest.approx(0.25 * 2500 + 0.4 * 4687.5)
    assert "146.4844 per GiB" in site.run("explain", "guest/g/cost_month")
    assert {row["guest_id"]: row["cost_month"] for row in guest_lines(site)} == {
        "g": "7187.5",
        "off": "0",
    }


def test_without_a_rate_card_nothing_has_a_cost(tmp_path: Path) -> None:
    site = Site(tmp_path).write(hosts=[host("h0")], guests=[guest("g", "h0")])
    site.collect()
    assert site.rows("showback") == []
    assert "no rate card: set [showback.clusters.NAME]" in site.call("showback").stderr
    assert [row["cost_month"] for row in guest_lines(site)] == [""]
    assert "no rate card names c1" in site.run("explain", "guest/g/cost_month")


def test_ratios_that_do_not_sum_are_refused_with_the_file_and_the_line(tmp_path: Path) -> None:
    site = Site(tmp_path, policy=CARD.replace("0.4", "0.5"))
    site.write(hosts=[host("h0")], guests=[guest("g", "h0")]).collect()
    ran = site.call("showback")
    assert ran.returncode == 2
    assert ran.stderr.startswith(f"lumbung: {tmp_path}/policy.toml:4: showback.clusters.c1: ")
    assert "cpu_ratio + memory_ratio + storage_ratio is 1.1; it must be 1" in ran.stderr
