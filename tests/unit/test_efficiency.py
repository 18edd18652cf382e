"""What is not used: each test of the claims, the sizes and the money, by hand."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import timedelta
from typing import Any

import numpy as np
import pytest

from estates import AS_OF, NOW, answers, estate, health
from inventory.guest_days import GuestDay
from inventory.platform_records import Volume
from inventory.records import Backup, Disk, GuestSnapshot
from inventory.sketch import CPU_UNIT, MEMORY_UNIT, sketch_of
from planner.contention import grade, is_held_back, pressure_percent
from planner.efficiency.answer import Efficiency, efficiency_of, with_reclaim
from planner.efficiency.rows import (
    guest_columns,
    reclaim_rows,
    reclaim_totals,
    rightsize_rows,
    unjudged_lines,
)
from planner.efficiency.sizing import decaying_estimate, memory_needed, vcpus_needed
from planner.efficiency.use import decayed_cpu_quantile, decayed_weight, idleness
from planner.estate import Estate
from planner.policy import ReclaimRules
from stored import GIB, disk, guest, host

LONG_AGO = NOW - timedelta(days=90)


def days(
    cpu: float | Iterable[float] | None,
    *,
    memory: float | None = None,
    count: int = 30,
    rate: float | None = 10.0,
) -> tuple[GuestDay, ...]:
    """Whole days before as_of, all alike, or one level a day with the newest last."""
    levels = [cpu] * count if cpu is None or isinstance(cpu, float) else list(cpu)
    return tuple(
        GuestDay(
            AS_OF - timedelta(days=len(levels) - i),
            None if level is None else sketch_of(np.full(288, level), CPU_UNIT),
            None if memory is None else sketch_of(np.full(288, memory * GIB), MEMORY_UNIT),
            rate,
            rate,
        )
        for i, level in enumerate(levels)
    )


def judged(place: Estate, used: tuple[GuestDay, ...] = (), *, off_days: int = 0) -> Efficiency:
    keys = [view.fact.entity_key or 0 for view in place.guests]
    since = NOW - timedelta(days=off_days)
    return efficiency_of(place, dict.fromkeys(keys, used), dict.fromkeys(keys, since))


def classes(found: Efficiency) -> list[str]:
    return [claim.reclaim_class for claim in found.claims]


# Sizes


@pytest.mark.parametrize(
    ("cores", "vcpus"), [(0.0, 2), (1.4, 2), (1.41, 4), (3.2, 6), (4.2, 6), (5.6, 8)]
)
def test_vcpus_fill_to_seven_tenths_and_are_even(cores: float, vcpus: int) -> None:
    assert vcpus_needed(cores, 0.70) == vcpus


@pytest.mark.parametrize(
    ("used", "needed"), [(0.1, 1), (2.5, 3), (10, 12), (13, 16), (14, 18), (20, 24), (21, 26)]
)
def test_memory_goes_by_one_gib_and_by_two_above_sixteen(used: float, needed: int) -> None:
    assert memory_needed(used * GIB, 1.2) == needed * GIB


def test_example_23_the_decaying_estimate() -> None:
    assert decaying_estimate(3.0) == pytest.approx(3.45)
    assert decayed_weight(48, 24) == 0.25
    newest_high = days([*[1.0] * 20, 3.0])
    assert decayed_cpu_quantile(newest_high, AS_OF, 0.9, 24) == pytest.approx(3.0, rel=0.022)
    oldest_high = days([3.0, *[1.0] * 20])
    assert decayed_cpu_quantile(oldest_high, AS_OF, 0.9, 24) == pytest.approx(1.0, rel=0.022)


def test_the_decaying_estimator_asks_for_what_it_estimates() -> None:
    policy = {"rightsize": {"estimator": "decaying"}}
    place = estate(host(), guest(vcpus=8.0), policy=policy)
    [row] = rightsize_rows(judged(place, days(3.0, memory=1.0)), AS_OF)
    assert (row.recommended_vcpus, row.fits) == (4, "oversized")


def test_a_guest_of_the_highest_criticality_is_sized_by_its_highest_sample() -> None:
    used = days([*[1.0] * 29, 5.0])
    for tags, wanted in (("crit.1",), 8), (("crit.2",), 4):
        place = estate(host(), guest(vcpus=8.0, tags=tags))
        [row] = rightsize_rows(judged(place, used), AS_OF)
        assert row.recommended_vcpus == wanted


@pytest.mark.parametrize(("short", "fits"), [(5, "undersized"), (4, "right")])
def test_a_guest_is_too_small_when_five_days_are_short(short: int, fits: str) -> None:
    used = days([*[3.0] * (30 - short), *[3.9] * short])
    [row] = rightsize_rows(judged(estate(host(), guest(vcpus=4.0)), used), AS_OF)
    assert row.fits == fits
    assert row.recommended_vcpus == (6 if fits == "undersized" else 4)


def test_memory_that_only_the_host_sees_gets_no_advice() -> None:
    used = days(1.0, memory=3.9)
    for ballooning in (False, None):
        place = estate(host(), guest(vcpus=2.0, ballooning=ballooning))
        [row] = rightsize_rows(judged(place, used), AS_OF)
        assert (row.recommended_memory_gib, row.memory_p99_gib) == (None, None)
        assert "only the host's view" in row.why
    place = estate(host(), guest(memory_bytes=16 * GIB, ballooning=True))
    [row] = rightsize_rows(judged(place, used), AS_OF)
    assert (row.recommended_memory_gib, row.next_memory_gib) == (8, 5)
    assert "cache counted in" in row.why
    place = estate(host(), guest(memory_bytes=16 * GIB, kind="container"))
    [row] = rightsize_rows(judged(place, used), AS_OF)
    assert (row.recommended_memory_gib, row.action) == (8, "online")


def test_a_guest_whose_vcpus_are_not_known_is_unknown() -> None:
    found = judged(estate(host(), guest(vcpus=None, memory_bytes=None)), days(1.0, memory=1.0))
    [row] = rightsize_rows(found, AS_OF)
    assert (row.fits, row.recommended_vcpus, row.recommended_memory_gib) == ("unknown", None, None)


# Idle


def test_what_is_missing_never_makes_a_guest_idle() -> None:
    rules = ReclaimRules()
    assert idleness(days(0.01, count=14), 2.0, rules).verdict == "idle"
    assert idleness(days(0.01, count=13), 2.0, rules).verdict == "unknown"
    assert idleness(days([*[0.01] * 13, 1.0]), 2.0, rules).verdict == "busy"
    assert idleness(days(1.0, count=1), 2.0, rules).verdict == "busy"
    assert idleness((), 2.0, rules).verdict == "unknown"
    assert idleness(days(0.01, count=14), None, rules).verdict == "unknown"
    assert idleness(days(0.01, count=14, rate=None), 2.0, rules).verdict == "unknown"
    assert idleness(days(0.01, count=14, rate=1024.0), 2.0, rules).verdict == "busy"


def test_an_idle_guest_gives_back_cores_and_memory_and_is_not_resized() -> None:
    place = estate(host(), guest(vcpus=8.0, memory_bytes=16 * GIB, ballooning=True), disk())
    found = judged(place, days(0.01, memory=2.0))
    [claim] = found.claims
    assert (claim.reclaim_class, claim.vcpus, claim.memory_bytes) == ("idle", 8, 16 * GIB)
    assert claim.stored == ()
    [row] = rightsize_rows(found, AS_OF)
    assert (row.fits, row.recommended_vcpus, row.saves_vcpus) == ("idle", None, 0)


# Powered off, snapshots, orphans


def test_off_for_thirty_days_and_no_template() -> None:
    off = guest(power="stopped")
    assert classes(judged(estate(off, disk()), off_days=30)) == ["powered_off"]
    assert classes(judged(estate(off, disk()), off_days=29)) == []
    template = guest(power="stopped", template=True)
    assert classes(judged(estate(template, disk()), off_days=90)) == []
    paused = guest(power="paused")
    assert classes(judged(estate(paused, disk()), off_days=90)) == []


def test_a_disk_of_unknown_use_counts_as_promised_at_most() -> None:
    place = estate(guest(power="stopped"), disk(capacity_bytes=40 * GIB))
    found = judged(place, off_days=60)
    [claim] = found.claims
    assert (claim.storage_bytes, claim.is_measured) == (40 * GIB, False)
    assert claim.frees("storage", "demand", "san") is None
    assert claim.frees("storage", "allocation", "san") == 40 * GIB
    columns = guest_columns(place, found, {})[("c", "100")]
    assert (columns.reclaim_class, columns.reclaim_gib) == ("powered_off", 40)


def test_what_was_not_seen_is_unknown_not_nothing() -> None:
    hidden = (health(hidden=("disk", "guest_snapshot", "volume")),)
    off = judged(estate(guest(power="stopped"), sources=hidden), off_days=60)
    assert [(item.reclaim_class, item.subject) for item in off.unjudged] == [
        ("powered_off", "guest 100 (100)"),
        ("orphan", "source site"),
    ]
    place = estate(guest(), sources=hidden)
    found = judged(place)
    assert {item.reclaim_class for item in found.unjudged} == {
        "idle",
        "old_snapshot",
        "oversized",
        "orphan",
    }
    columns = guest_columns(place, found, {})[("c", "100")]
    assert (columns.reclaim_class, columns.reclaim_gib) == ("unknown", None)
    assert any("its snapshots: no right" in line for line in unjudged_lines(found))
    silent = judged(estate(guest(power=None)))
    assert "its power state is not known" in [item.reason for item in silent.unjudged]


def test_a_snapshot_without_an_age_or_a_size_is_unknown() -> None:
    def snapshot(name: str, **more: Any) -> GuestSnapshot:
        return GuestSnapshot(guest_id="100", cluster="c", name=name, **more)

    place = estate(
        guest(),
        disk(),
        snapshot("undated", bytes=GIB),
        snapshot("old", created_at=NOW - timedelta(days=7)),
        snapshot("new", created_at=NOW - timedelta(days=6), bytes=GIB),
    )
    found = judged(place)
    [claim] = found.claims
    assert (claim.reclaim_class, claim.storage_bytes) == ("old_snapshot", None)
    assert "the age of undated" in [item.reason for item in found.unjudged]


def test_backups_of_a_guest_that_is_gone_are_orphans_after_ninety_days() -> None:
    def backup(guest_id: str, age: int | None, **more: Any) -> Backup:
        at = None if age is None else NOW - timedelta(days=age)
        name = f"{guest_id}/{age}"
        return Backup(
            guest_id=guest_id, cluster="c", name=name, created_at=at, bytes=GIB,
            datastore_id="nas", **more,
        )  # fmt: skip

    place = estate(
        guest("100"),
        *(backup("100", age) for age in (200, 300)),
        *(backup("7", age) for age in (91, 200)),
        *(backup("8", age) for age in (89, 200)),
        backup("9", 400, protected=True),
        backup("10", None),
    )
    [claim] = judged(place).claims
    assert (claim.subject, claim.storage_bytes) == ("backups of 7", 2 * GIB)


def test_a_disk_that_is_attached_to_nothing_is_an_orphan_once_two_polls_saw_it_so() -> None:
    unused = Disk(
        disk_id="100/unused0", guest_id="100", cluster="c", datastore_id="san", purpose="unused",
        capacity_bytes=40 * GIB,
    )  # fmt: skip
    volume = Volume(volume_id="san:x", datastore_id="san", cluster="c", capacity_bytes=GIB)
    seen_once = judged(estate(guest(), unused, volume))
    assert classes(seen_once) == []


# The pool, and the scenario


def test_what_could_be_given_back_counts_half_in_the_scenario_and_frees_no_physical_cpu() -> None:
    place = estate(host(), guest(vcpus=8.0, ballooning=True), disk())
    found = judged(place, days(1.0, memory=3.9))
    pool = answers(place)[0].pool
    assert found.reclaimable(place, pool, "cpu", "allocation").amount == 4
    assert with_reclaim(place, found, pool, "cpu", "allocation") == 2
    assert found.reclaimable(place, pool, "cpu", "demand").amount == 0


def test_where_no_guest_could_be_judged_the_pool_s_sum_is_not_known() -> None:
    place = estate(host(), guest("100"), guest("101"))
    pool = answers(place)[0].pool
    found = judged(place).reclaimable(place, pool, "cpu", "allocation")
    assert (found.amount, found.unknown, found.flags) == (None, 2, ("reclaimable_incomplete:2",))


# Contention


def test_example_34_what_waited_is_a_share_of_the_interval() -> None:
    """2000 ms of 20 s; half of it where two processors waited by turns."""
    both, each = (host(cpu_pressure_ratio=ms / 20_000) for ms in (2000, 2000 / 2))
    assert pressure_percent(both, "cpu") == 10
    assert pressure_percent(each, "cpu") == 5
    assert pressure_percent(host(), "cpu") is None
    assert [grade(p) for p in (4.99, 5, 10, 10.01)] == ["good", "watch", "watch", "bad"]


def test_demand_is_a_lower_bound_only_where_waiting_is_known_to_be_bad() -> None:
    calm, busy = host("h1", cpu_pressure_ratio=0.1), host("h2", cpu_pressure_ratio=0.11)
    assert is_held_back([calm, busy], "cpu")
    assert not is_held_back([calm, host("h3")], "cpu")
    assert not is_held_back([busy], "memory")
    flags = {
        (a.question.resource, a.question.model): a.flags
        for a in answers(estate(calm, busy))[0].answers
    }
    assert "demand_is_lower_bound" in flags["cpu", "demand"]
    assert "demand_is_lower_bound" not in flags["cpu", "allocation"]
    assert "demand_is_lower_bound" not in flags["memory", "demand"]


def test_an_idle_guest_of_unknown_memory_claims_no_zero() -> None:
    place = estate(guest(memory_bytes=None))
    [claim] = judged(place, days(0.01, count=14)).claims
    assert (claim.reclaim_class, claim.memory_bytes) == ("idle", None)
    [row] = reclaim_rows(judged(place, days(0.01, count=14)), {}, AS_OF)
    assert row.memory_gib is None
    [total] = reclaim_totals([row], "class")
    assert total.sizes_not_known == 1
