"""Every row of a report has a key, and `explain` answers it with the values of the row."""

from __future__ import annotations

import contextlib
from dataclasses import fields
from datetime import timedelta

import pytest

from estates import AS_OF
from planner.explain import KINDS, explain
from planner.keys import finding_key
from planner.risks.scores import score_rows
from planner.rows import ROW_TYPES, GuestLine, PoolRow
from planner.sections import UnknownKey, shown
from whole_report import report


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
    for key in ("pool/c/memory/demand", "pool/san/storage/allocation"):
        for field in fields(PoolRow):
            told = explain(report(), f"{key}/{field.name}").splitlines()
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
    assert "owner Tax Office: the agency whose cameras it keeps (estate file)" in told


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


def test_the_scores_of_guests_are_answered_too() -> None:
    place = report()
    rows = score_rows(place.estate, place.assessment, place.trend, "guest")
    assert {row.key.split("/")[0] for row in rows} == {"guest", "score"}
    for row in rows:
        assert lines(row.key).startswith(row.key)


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


@pytest.mark.parametrize("name", KINDS)
def test_a_key_that_was_cut_or_went_on_is_answered_or_told_in_words(name: str) -> None:
    parts = KINDS[name].rows(report())[0].key.split("/")
    for length in range(len(parts) + 1):
        for end in ("", "/", "/nope", "//", "/1/2/3"):
            key = "/".join(parts[:length]) + end
            with contextlib.suppress(UnknownKey):  # told in words: nothing else may be raised
                assert explain(report(), key).startswith(key)
