"""What was not seen is not none: sums, verdicts and counts of what nobody could look into."""

from __future__ import annotations

from dataclasses import fields, replace
from datetime import timedelta
from typing import Any

from estates import NOW, answers, estate, health
from inventory.facts import Facts
from inventory.records import Coverage, Host, Record
from planner.answers import answer_all
from planner.past import Past
from planner.questions import questions
from planner.report import Memory, Report, make_report
from planner.rows import PoolRow
from stored import GIB, JAKARTA, datastore, disk, guest, host

NOBODY = health(hidden=("guest", "disk", "datastore", "host"))
ROOMY = [host(f"h{n}", memory_bytes=512 * GIB, reserved_memory_bytes=0) for n in (1, 2, 3)]


def report(*records: Record, past: Past | None = None, **more: Any) -> Report:
    given = past or Past()
    return make_report(estate(*records, **more), given, Memory(), zone=JAKARTA, run_id="")


def of(found: Report, resource: str, model: str = "allocation", pool: str = "c") -> PoolRow:
    return next(
        row for row in found.pools if (row.pool, row.resource, row.model) == (pool, resource, model)
    )


def partial(kind: str, scope: str = "") -> Coverage:
    return Coverage(scope, kind, "partial", "5 of an unknown total are shown")


def test_a_cluster_of_which_no_guest_was_seen_has_no_zero_that_is_not_known() -> None:
    """Zero are only what the policy or the owners say, and how long it has been watched."""
    blind = [host(f"h{n}", cpu_cores=None, memory_bytes=None) for n in (1, 2)]
    found = report(*blind, sources=[NOBODY])
    known = {"committed_projects", "coverage_pct", "history_days"}
    zeros = {
        (row.resource, row.model, field.name)
        for row in found.pools
        for field in fields(row)
        if field.name not in known and getattr(row, field.name) == 0
    }
    assert zeros == {("cpu", "demand", "reclaimable")}  # fewer vCPUs never free a processor
    assert {row.failover_test for row in found.pools} == {"unproven"}
    assert {row.maintenance_test for row in found.pools} == {"unproven"}
    assert all("allocation_incomplete:?" in row.flags.split() for row in found.pools)
    [case] = found.failover
    assert (case.verdict, case.stays_down_count, case.stays_down_at_least) == (
        "unproven",
        None,
        None,
    )


def test_guests_of_an_unknown_total_are_a_lower_bound_and_prove_no_failover() -> None:
    place = [*ROOMY, guest(), guest("101", host_id="h2")]
    whole = report(*place)
    some = report(*place, sources=[health(gaps=[partial("guest")])])
    assert of(whole, "memory").allocated == of(some, "memory").allocated == 8
    assert "allocation_incomplete" not in of(whole, "memory").flags
    assert "allocation_incomplete:?" in of(some, "memory").flags.split()
    assert (of(whole, "cpu").failover_test, of(whole, "cpu").stays_down_count) == ("pass", 0)
    assert (of(some, "cpu").failover_test, of(some, "cpu").stays_down_count) == ("unproven", None)
    assert {(row.verdict, row.stays_down_count) for row in some.failover} == {("unproven", None)}
    assert all("site did not show all" in row.why for row in some.failover)
    assert of(whole, "cpu").tolerates_hosts == 2
    assert of(some, "cpu").tolerates_hosts is None
    assert (of(some, "cpu").fit_s, of(some, "memory").fit_s) == (None, None)
    assert [guest.stays_down_if_host_lost for guest in some.guests] == [None, None]


def test_a_failure_that_is_proven_stays_one_whoever_else_is_there() -> None:
    tight = [host(f"h{n}", memory_bytes=8 * GIB, reserved_memory_bytes=0) for n in (1, 2)]
    big = [guest(str(n), host_id=f"h{n}", memory_bytes=7 * GIB) for n in (1, 2)]
    some = report(*tight, *big, sources=[health(gaps=[partial("guest")])])
    assert (of(some, "cpu").failover_test, of(some, "cpu").stays_down_count) == ("fail", 2)


def test_guests_that_may_run_with_sizes_that_nobody_knows_sum_up_to_nothing_known() -> None:
    found = report(*ROOMY, guest(power=None), guest("101", vcpus=None, memory_bytes=None))
    assert (of(found, "cpu").allocated, of(found, "memory").allocated) == (None, None)
    assert "allocation_incomplete:2" in of(found, "cpu").flags.split()
    empty = report(*ROOMY, guest(power="stopped"))
    assert of(empty, "cpu").allocated == 0


UNSEEN = [Coverage("guest/100", "disk", "failed", "its node h2 is offline")]


def test_the_disks_of_a_guest_that_nobody_saw_may_lie_wherever_its_host_reaches() -> None:
    stores = [
        datastore("far", hosts=("h1",)),
        datastore("near", hosts=("h2",)),
        datastore("all", hosts=("h1", "h2")),
        datastore("told-by-none", hosts=None),
    ]
    here = disk("101", datastore_id="all")
    place = [*ROOMY, guest(host_id="h2"), guest("101"), here, *stores]
    found = report(*place, sources=[health(gaps=UNSEEN)])
    told = {
        row.pool: (row.allocated, "allocation_incomplete:1" in row.flags.split())
        for row in found.pools
        if (row.resource, row.model) == ("storage", "allocation")
    }
    assert told == {
        "far": (0, False),
        "near": (None, True),
        "all": (40, True),
        "told-by-none": (None, True),
    }
    assert (of(found, "storage", pool="near").fit_s, of(found, "storage", pool="all").fit_s) == (
        None,
        None,
    )
    assert of(found, "storage", pool="near").reclaimable is None


def test_disks_that_were_seen_once_count_while_their_host_is_away() -> None:
    place = [*ROOMY, guest(host_id="h2"), disk(), datastore(hosts=("h2",))]
    found = report(*place, sources=[health(gaps=UNSEEN)])
    row = of(found, "storage", pool="san")
    assert (row.allocated, "allocation_incomplete" in row.flags) == (40, False)


def test_another_sources_blindness_is_not_that_of_a_datastore_it_does_not_reach() -> None:
    blind = health("other", hidden=("guest", "disk"))
    place = estate(*ROOMY[:2], datastore(hosts=("h1",)), sources=[health(), blind])
    first, second = place.facts.of(Host)
    hosts = {Host: (first, replace(second, source="other"))}
    told = replace(place, facts=Facts(place.at, {**place.facts.by_kind, **hosts}))
    cluster, store = answers(told)
    assert store.answers[0].question.load.allocated == 0
    assert cluster.answers[0].question.load.allocated is None  # what runs on the other's host


def test_zeros_that_were_stored_while_nothing_was_seen_are_no_past() -> None:
    polls = tuple(NOW - timedelta(days=n) for n in range(60, 0, -1))
    told = []
    for sources in ([health()], [health(hidden=("disk",))]):
        place = estate(*ROOMY, datastore(), sources=sources)
        found = answer_all(place, questions(place, Past(polls={"site": polls}), JAKARTA))
        [store] = [pool for pool in found if pool.pool.kind == "datastore"]
        [answer] = [a for a in store.answers if a.question.model == "allocation"]
        told.append((answer.passage is None, answer.history_days, answer.runway.reason))
    assert told == [(False, 60, "no_growth"), (True, 0, "demand_unknown")]


def test_how_many_more_fit_is_not_known_where_guests_were_not_seen() -> None:
    found = report(*ROOMY, datastore(), sources=[health(hidden=("guest",))])
    [fit, *_others] = found.fits["cluster", "c"]
    assert (fit.count, fit.lower_bound) == (None, None)
    assert "host by host not known" in fit.binding


def test_a_live_host_of_unknown_size_takes_nobody_knows_how_many() -> None:
    blind = host("h4", cpu_cores=None, memory_bytes=None)
    [fit, *_others] = report(*ROOMY, blind).fits["cluster", "c"]
    assert fit.count is None
