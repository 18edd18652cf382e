"""Every row of a report has a key, and `explain` answers it with the values of the row."""

from __future__ import annotations

from dataclasses import fields
from datetime import timedelta
from functools import cache
from typing import Any

import pytest

from estates import AS_OF, NOW, days, estate, health
from inventory.changes import Change
from inventory.forecast_records import Said
from inventory.platform_records import Recorder, Volume
from inventory.records import Backup, BackupJob, Coverage, GuestSnapshot, Proposal
from planner.explain import KINDS, explain
from planner.keys import finding_key
from planner.pools import Past
from planner.report import Memory, Report, make_report
from planner.rows import ROW_TYPES, GuestLine
from planner.sections import UnknownKey, shown
from said import band, forecast
from stored import GIB, JAKARTA, datastore, disk, guest, host

DAY = timedelta(days=1)


def past_order(name: str, item: str, took: int) -> dict[str, Any]:
    start = AS_OF - timedelta(days=400 + took)
    stages = {"proposed": start, "contracted": start + 90 * DAY, "in_service": start + took * DAY}
    return {"name": name, "pool": "c", "item": item, "stages": stages}


OWNERS: dict[str, Any] = {
    "agencies": {"tax": {"name": "Tax Office", "contact": "it@tax.example"}},
    "pools": {"c": {"owner": "Council"}},
    "hosts": {"h1": {"site": "north"}, "h2": {"site": "north"}},
    "catalogue": [
        {"name": "big", "cpu_cores": 64, "memory_gib": 1024, "price": 900.0},
        {"name": "small", "cpu_cores": 16, "memory_gib": 128, "price": 200.0},
        {"name": "shelf", "item": "recorder", "storage_gib": 4096, "price": 70.0},
    ],
    "budget": {"gates": [{"name": "RKA", "submit_by": "08-31", "spend_from": "01-15"}]},
    "orders": [
        past_order("first", "host", 200),
        past_order("second", "host", 260),
        past_order("third", "host", 300),
        {"name": "next one", "pool": "c", "cpu_cores": 32, "memory_gib": 512, "price": 5.0,
         "stages": {"contracted": AS_OF - 50 * DAY}},
        {"name": "shelves", "pool": "san", "storage_gib": 9, "stages": {"proposed": AS_OF - DAY}},
        {"name": "lost", "pool": "cc", "memory_gib": 9, "stages": {"contracted": AS_OF - DAY}},
    ],
    "cameras": {
        "uplinks": {"ring": {"mbps": 1000}},
        "groups": [{"name": "gates", "count": 100, "mbps": 4, "recorder": "nvr", "agency": "tax",
                    "uplink": "ring", "retention": {"days": 30, "basis": "Rule 7"}}],
    },
    "waivers": [{"id": "W-1", "rule": "AVL-001", "scope": {"cluster": "c"}, "reason": "spring",
                 "requested_by": "IT", "approved_by": "Mayor", "approved_at": AS_OF - DAY,
                 "expires": AS_OF + 60 * DAY}],
}  # fmt: skip
POLICY: dict[str, Any] = {
    "buy": {"owner": "Diskominfo", "price_rise_month_pct": 1.0, "short_day_cost": 2.0},
    "showback": {
        "currency": "IDR",
        "clusters": {"c": {"cost_month": 300_000, "cpu_ratio": 0.4, "memory_ratio": 0.6}},
    },
}  # fmt: skip


def said_of_san() -> Said:
    """A forecast of eight weeks ago, that the datastore would be full by now."""
    as_of = AS_OF - 56 * DAY
    told = forecast(
        as_of,
        usable_line=f"{as_of}:{3200.0 * GIB!r}",
        first_over_p10=AS_OF - 9 * DAY,
        first_over_p50=AS_OF - 5 * DAY,
        first_over_p90=AS_OF - 2 * DAY,
    )
    return Said(told, (band(7, 2700.0 * GIB, 20.0 * GIB), band(30, 2800.0 * GIB, 20.0 * GIB)))


@cache
def report() -> Report:
    """A site with a row of every kind: what is short, late, hidden, lost, forgotten, accepted."""
    records: list[Any] = [
        *(host(f"h{i}") for i in (1, 2, 3)),
        *(guest(f"{100 + i}", host_id=f"h{1 + i % 3}", memory_bytes=60 * GIB,
                tags=("cls.pribadi-umum", "opd.tax", "svc.tax")) for i in range(9)),
        guest("200", name="off", power="stopped"),
        guest("300", name="alone", cluster="d", host_id="d1", tags=("crit.1",)),
        host("d1", cluster="d"),
        *(disk(f"{100 + i}") for i in range(9)),
        disk("200"),
        datastore("san", used_bytes=3000 * GIB),
        GuestSnapshot(cluster="c", guest_id="100", name="before", created_at=NOW - 40 * DAY),
        Backup(cluster="c", guest_id="100", name="b1", created_at=NOW - 9 * DAY),
        BackupJob(cluster="c", job_id="nightly", enabled=True, guest_ids=("100",)),
        Volume(cluster="c", volume_id="san:left", datastore_id="san", allocated_bytes=3 * GIB),
        Recorder(cluster="cctv", recorder_id="nvr", name="nvr", capacity_bytes=8 * 10**12,
                 checked_at=NOW - DAY, oldest_recording_at=NOW - 5 * DAY),
    ]  # fmt: skip
    gap = Coverage("", "nic", "hidden", "no right", "grant it")
    old, new = {"memory_bytes": 32 * GIB}, {"memory_bytes": 60 * GIB}
    subject = "guest c/100 (guest 100)"
    change = Change(NOW, "resized", subject, "", "memory_bytes", old, new, ("c", "100"))
    place = estate(
        *records, owners=OWNERS, policy=POLICY, sources=[health(gaps=[gap])], days_seen=60,
        changes=[change],
    )  # fmt: skip
    memory = [(900 + 2.0 * i) * GIB for i in range(120)]
    key = next(fact.entity_key for fact in place.datastores)
    past = Past(
        cluster_days={("c", "memory"): days(memory), ("c", "cpu"): days([20.0] * 120)},
        datastore_days={(key or 0, "storage"): days([(2600 + 4.0 * i) * GIB for i in range(120)])},
        said=(said_of_san(),),
    )
    proposal = Proposal(
        proposal_id="p", claim="powered_off/c/200", reclaim_class="powered_off", cluster="c",
        guest_id="200", agency=None, first_on=AS_OF - 40 * DAY, last_on=AS_OF - 7 * DAY,
        storage_bytes=40.0 * GIB, outcome="freed", settled_on=AS_OF,
        freed_storage_bytes=40.0 * GIB,
    )  # fmt: skip
    memory_of = Memory(changes=(change,), proposals=(proposal,))
    return make_report(place, past, memory_of, zone=JAKARTA, run_id="RUN")


def test_every_weekly_file_has_rows_and_keys_that_no_other_row_has() -> None:
    tables = report().tables
    assert [stem for stem, (_type, rows) in tables.items() if not rows] == []
    keys = [row.key for _type, rows in tables.values() for row in rows]
    assert len(set(keys)) == len(keys)
    assert set(ROW_TYPES.values()) <= {k.row_type for k in KINDS.values()}


@pytest.mark.parametrize("name", KINDS)
def test_every_key_that_a_row_tells_is_answered(name: str) -> None:
    rows = KINDS[name].rows(report())
    assert rows
    for row in rows:
        told = explain(report(), row.key).splitlines()
        assert row.key.startswith(f"{name}/")
        assert told[:2] == [row.key, ""]
        assert any(line.strip() for line in told[2:-2]), row.key
        assert told[-1] == f"as of {AS_OF}, policy {report().policy.version}, run RUN"


LABELS = {
    "as_of", "site", "pool", "pool_kind", "resource", "model", "unit", "policy_version", "run_id",
    "key",
}  # fmt: skip


def test_every_column_of_a_pool_but_labels_has_a_formula() -> None:
    for row in report().pools:
        for field in fields(row):
            told = explain(report(), f"{row.key}/{field.name}").splitlines()
            assert ("  (a label)" in told) == (field.name in LABELS), field.name


@pytest.mark.parametrize("name", KINDS)
def test_every_column_is_answered_with_the_value_of_the_row(name: str) -> None:
    rows = KINDS[name].rows(report())
    for row in (rows[0], rows[-1]):
        for field in fields(row):
            told = explain(report(), f"{row.key}/{field.name}").splitlines()
            assert told[2] == f"{field.name} = {shown(getattr(row, field.name))}"
            assert any(line.strip() for line in told[3:-2]), field.name


def lines(key: str) -> str:
    return explain(report(), key)


def test_an_order_is_defended_by_lead_gate_quantity_cost_and_who_decides() -> None:
    [row] = [one for one in report().orders if one.key == "order/c"]
    told = lines(row.key)
    purchase = report().purchases["cluster", "c"]
    answer = next(p for p in report().answers if p.pool.name == "c").binding
    first = answer.runway.conservative_first_over
    for part in (
        f"cost = {shown(row.cost)}",
        f"= first over {first} − 290 days: order by {row.order_by_date}, overdue",
        "lead = median of past orders of class host 260 d (200 to 300, 3 orders) + safety 30",
        f"second {AS_OF - timedelta(days=660)} to {AS_OF - timedelta(days=400)}",
        "RKA: hand in by",
        f"item {row.item}:",
        f"    not {purchase.others[0].item.name}: would take",
        f"  cost {row.quantity} × {purchase.item.price:,.0f} = {row.cost:,.0f}",
        f"asked for today it serves {purchase.earliest}",
        "owner Council: pools.c.owner of the estate file",
        "reserve 0: set reserve in the policy",
        "(buy.target_days, assumed)",
        "source site, confirmed 2026-11-23",
    ):
        assert part in told, part


def test_a_column_of_an_order_tells_only_what_stands_behind_it() -> None:
    told = lines("order/c/owner")
    assert "owner = Council" in told
    assert "lead =" not in told
    assert "RKA: hand in by" in lines("order/c/budget_by_date")
    assert "RKA: hand in by" not in lines("order/c/cost")


def test_an_order_under_way_is_defended_by_its_stages_and_by_past_ones() -> None:
    told = lines("order/c/next one")
    assert told == lines("order/next one").replace("order/next one", "order/c/next one", 1)
    for part in (
        f"contracted {AS_OF - timedelta(days=50)}",
        "past orders of class host took 170 d (110 to 210, 3 orders) from contracted to in service",
        "50 d are gone",
        "counted as capacity to come: yes",
        "cost 1 × 5 = 5",
    ):
        assert part in told, part
    assert "no pool is named 'cc': it counts nowhere" in lines("order/cc/lost")


def test_recorder_storage_is_defended_by_what_is_missing_and_the_catalogue() -> None:
    [row] = [one for one in report().orders if one.key == "order/recorder/nvr"]
    told = lines("order/nvr")
    assert f"{row.quantity} pieces" in told
    assert f"cost {row.quantity} × 70 = {row.cost:,.0f}" in told
    assert "owner it@tax.example: the contact of tax" in told


def test_a_lost_host_is_defended_guest_by_guest() -> None:
    [case] = [c for p in report().answers if p.pool.name == "c" for c in p.cases if "h2" in c.lost]
    told = lines("failover/c/h2").splitlines()
    for guest_name, target in case.placed:
        assert any(f"  {guest_name}: " in one and f"→ {target}" in one for one in told)
    site = next(row for row in report().failover if row.domain == "site north")
    assert f"without h1, h2: {site.verdict}" in lines("failover/c/site north")


def test_the_points_of_a_guest_and_of_an_agency_are_those_of_their_findings() -> None:
    for row in (report().guests[0], *report().risk_score):
        points = [
            found.points
            for found in report().assessment.findings
            if f"({finding_key(found.id)})" in lines(row.key)
        ]
        assert sum(points) == (row.risk_points if isinstance(row, GuestLine) else row.points)


def test_a_cost_is_defended_by_the_rate_card() -> None:
    told = lines("guest/c/100/cost_month")
    assert "memory: 60 GiB: " in told
    assert "its cost of 300,000 IDR a month" in told
    assert "per vCPU = 0.4 × the cost ÷ " in told


@pytest.mark.parametrize(
    ("key", "told"),
    [
        ("orders/c", "a key is one of order/POOL"),
        ("order", "a key is one of order/POOL"),
        ("order/cx", "no order is named 'cx'; did you mean 'c'?"),
        ("order/zzz", "no order is named 'zzz' (a key is order/POOL"),
        ("order/c/costs", "'costs' is no column of a row order/…; did you mean 'cost'?"),
        ("pool/c9/cpu/demand", "no pool is named 'c9'; known are c, d, san"),
        ("guest/100/hots", "'hots' is no column of a row guest/…; did you mean 'host'?"),
        ("recorder/x", "no recorder is named 'x' (a key is recorder/NAME); known are nvr"),
    ],
)
def test_a_key_that_nothing_has_is_told_with_what_it_may_be(key: str, told: str) -> None:
    with pytest.raises(UnknownKey) as caught:
        explain(report(), key)
    assert told in str(caught.value)
