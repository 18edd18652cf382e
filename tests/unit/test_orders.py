"""Purchases: lead times learnt, stages, what counts as capacity to come, gates, quantities."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import numpy as np
import pytest
from pydantic import ValidationError

from estates import AS_OF, answers, days, estate
from inventory.records import Record
from planner.answers import Answer
from planner.budget import budget_by
from planner.chances import triangular
from planner.explain import explain
from planner.leads import assumed_left, lead_of, learn, pending_of
from planner.levels import level_dates
from planner.orders import most_pressing_first
from planner.owners import EstateFile
from planner.past import Past
from planner.policy import LeadTime
from planner.purchases import Band, Budget, Order
from planner.report import Memory, Report, make_report
from planner.rows import OrderRow
from planner.runway import URGENCY
from stored import GIB, JAKARTA, datastore, guest, host

LEAD = LeadTime()


def day(text: str) -> date:
    return date.fromisoformat(text)


def order(name: str = "new", **stages: Any) -> Order:
    more = {key: stages.pop(key) for key in list(stages) if key not in STAGE_NAMES}
    return Order.model_validate(
        {"name": name, "pool": "c", "cpu_cores": 32, "memory_gib": 512, "stages": stages} | more
    )


STAGE_NAMES = ("proposed", "budgeted", "tendered", "contracted", "delivered", "in_service")


def past(name: str, took: int, *, contract_after: int = 100) -> dict[str, Any]:
    """An order in service a year ago that took so many days from the proposal."""
    start = AS_OF - timedelta(days=365 + took)
    return {
        "name": name,
        "pool": "c",
        "item": "host",
        "stages": {
            "proposed": start,
            "contracted": start + timedelta(days=contract_after),
            "in_service": start + timedelta(days=took),
        },
    }


PAST = [past("a", 200), past("b", 260), past("c", 400)]


def learnt_of(orders: list[dict[str, Any]]) -> Any:
    return learn([Order.model_validate(one) for one in orders], AS_OF)


# Lead times


def test_three_past_orders_teach_a_lead_and_two_do_not() -> None:
    lead = lead_of("host", LEAD, learnt_of(PAST))
    assert (lead.basis, lead.days) == ("learnt", 260 + LEAD.safety_days)
    assert lead_of("host", LEAD, learnt_of(PAST[:2])).basis == "assumed"
    assert lead_of("disk", LEAD, learnt_of(PAST)).days == 314


def test_what_was_confirmed_stays_and_is_told_to_be_too_short() -> None:
    stated = LeadTime(delivery_days=20, confirmed=True)
    lead = lead_of("host", stated, learnt_of(PAST))
    assert (lead.basis, lead.days, lead.contradicts) == ("confirmed", 154, True)
    assert not lead_of("host", LeadTime(confirmed=True), learnt_of(PAST)).contradicts


def test_an_order_in_service_after_the_day_teaches_nothing_yet() -> None:
    found = learn([Order.model_validate(one) for one in PAST], AS_OF - timedelta(days=366))
    assert found == {}


def test_each_stage_is_learnt_from_those_that_date_it() -> None:
    host_orders = learnt_of(PAST)["host"]
    assert host_orders.left["contracted"].days == (100, 160, 300)
    assert host_orders.steps["proposed", "contracted"].median == 100
    assert "tendered" not in host_orders.left


@pytest.mark.parametrize(
    ("stage", "left"),
    [
        ("proposed", 30 + 60 + 180 + 14),
        ("budgeted", 60 + 180 + 14),
        ("tendered", 60 + 180 + 14),
        ("contracted", 180 + 14),
        ("delivered", 14),
    ],
)
def test_what_is_left_of_the_policys_lead(stage: Any, left: int) -> None:
    assert assumed_left(stage, LEAD) == left


# Stages


def test_a_past_date_is_done_and_a_later_one_expected() -> None:
    one = order(contracted=day("2026-11-01"), in_service=day("2027-03-01"))
    assert one.reached(AS_OF) == ("contracted", day("2026-11-01"))
    assert one.reached(day("2026-10-31")) is None
    assert one.reached(day("2027-03-01")) == ("in_service", day("2027-03-01"))


def test_a_stated_stage_makes_a_passed_date_an_expectation() -> None:
    one = order(contracted=day("2026-06-01"), delivered=day("2026-10-01"), stage="contracted")
    assert one.reached(AS_OF) == ("contracted", day("2026-06-01"))


def test_a_stated_stage_may_have_no_date() -> None:
    one = order(proposed=day("2026-06-01"), stage="tendered")
    assert one.reached(AS_OF) == ("tendered", day("2026-06-01"))


def test_a_stage_that_is_reached_cannot_be_to_come() -> None:
    one = order(contracted=day("2027-01-01"), stage="contracted")
    assert "that is to come" in one.fault_on(AS_OF)
    assert one.fault_on(day("2027-01-01")) == ""


def stages(**dates: str) -> dict[str, Any]:
    return {"orders": [past("a", 200) | {"stages": dates}]}


def gates(**keys: Any) -> dict[str, Any]:
    return {"budget": {"gates": [{"name": "g"} | keys]}}


@pytest.mark.parametrize(
    ("tables", "told"),
    [
        ({"orders": [{"name": "x", "pool": "c", "stages": {}}]}, "at least one stage"),
        (stages(tendered="2026-12-01", budgeted="2027-01-01"), "is before budgeted"),
        ({"orders": [past("a", 200), past("a", 300)]}, "'a' is there twice"),
        (gates(submit_by="02-30", spend_from="01-01"), "no day"),
        (gates(), "needs either"),
        (gates(submit_by="02-03"), "needs both"),
        (
            gates(rounds=[{"submit_by": "2026-09-01", "spend_from": "2026-08-01"}]),
            "is before submit_by",
        ),
        ({"catalogue": [{"name": "x"}]}, "needs a size"),
        (
            {
                "projects": [
                    {"name": "p", "pool": "c", "when": "2027-01-01",
                     "memory_gib": {"low": 5, "mid": 4, "high": 9}}
                ]
            },
            "do not follow",
        ),
    ],
)  # fmt: skip
def test_what_cannot_be_is_refused(tables: dict[str, Any], told: str) -> None:
    with pytest.raises(ValidationError, match=told):
        EstateFile.model_validate(tables)


# When a pending order serves


def pending(one: Order, orders: list[dict[str, Any]] | None = None) -> Any:
    [found] = pending_of([one], LEAD, learnt_of(orders or []), AS_OF)
    return found


def test_a_declared_day_stands_and_wanders_as_past_orders_did() -> None:
    one = order(contracted=day("2026-11-01"), in_service=AS_OF + timedelta(days=100))
    alone = pending(one)
    assert (alone.expected, alone.basis, alone.spread) == (
        AS_OF + timedelta(days=100),
        "declared",
        (),
    )
    taught = pending(one, PAST)
    assert (taught.expected, taught.spread) == (AS_OF + timedelta(days=100), (40, 100, 240))


def test_without_a_declared_day_it_counts_from_the_last_stage() -> None:
    one = order(contracted=AS_OF - timedelta(days=50))
    assert pending(one).expected == AS_OF + timedelta(days=180 + 14 - 50)
    taught = pending(one, PAST)
    assert (taught.basis, taught.spread) == ("learnt", (50, 110, 250))
    assert taught.expected == AS_OF + timedelta(days=110)


def test_an_order_later_than_every_other_takes_the_safety_margin_from_now() -> None:
    one = order(contracted=AS_OF - timedelta(days=310))
    found = pending(one, PAST)
    assert (found.is_late, found.expected) == (True, AS_OF + timedelta(days=LEAD.safety_days))


def test_what_past_orders_took_less_than_is_no_longer_possible() -> None:
    one = order(contracted=AS_OF - timedelta(days=120))
    assert pending(one, PAST).spread == (40, 180)


def test_arrivals_are_the_same_at_every_call_and_spread_as_learnt() -> None:
    found = pending(order(contracted=AS_OF - timedelta(days=50)), PAST)
    arrivals = found.arrivals(500, 7)
    assert (arrivals == found.arrivals(500, 7)).all()
    assert (arrivals.min(), arrivals.max()) == (51, 250)
    assert abs(np.median(arrivals) - 110) <= 1


# What counts


HOSTS = [host(f"h{i}", memory_bytes=512 * GIB, cpu_cores=32.0) for i in range(4)]
STEEP = [500.0 + 9.0 * i for i in range(90)]
GROWTH = [700.0 + 2.0 * i for i in range(90)]


def memory_of(owners: dict[str, Any], *, policy: dict[str, Any] | None = None) -> Answer:
    place = estate(*HOSTS, owners=owners, policy=policy)
    [pool] = answers(place, memory=GROWTH, cpu=[5.0] * 90)
    return next(a for a in pool.answers if a.question.key == "pool/c/memory/demand")


def declared(**more: Any) -> dict[str, Any]:
    return {"name": "new", "pool": "c", "cpu_cores": 32, "memory_gib": 512} | more


@pytest.mark.parametrize("stage", ["tendered", "contracted", "delivered"])
def test_an_order_on_its_way_is_capacity_to_come(stage: str) -> None:
    alone = memory_of({}).runway
    stages = {stage: AS_OF - timedelta(days=5), "in_service": AS_OF + timedelta(days=60)}
    with_it = memory_of({"orders": [declared(stages=stages)]}).runway
    assert alone.first_over is not None
    assert with_it.first_over is not None
    assert with_it.first_over > alone.first_over + timedelta(days=100)


@pytest.mark.parametrize("stage", ["proposed", "budgeted", "in_service"])
def test_one_that_is_not_certain_or_serves_already_counts_no_more(stage: str) -> None:
    orders = [declared(stages={stage: AS_OF - timedelta(days=5)})]
    assert memory_of({"orders": orders}).runway == memory_of({}).runway


def test_the_lead_learnt_is_flagged_and_not_called_assumed() -> None:
    answer = memory_of({"orders": PAST})
    assert "lead_learnt" in answer.flags
    assert "lead_assumed" not in answer.flags
    assert answer.order.lead_days == 290
    assert "lead_assumed" in memory_of({}).flags


def test_a_late_order_is_a_shortfall_on_some_paths_alone() -> None:
    """Over on day 120 or so; one in three of the past orders would come after that."""
    one = declared(stages={"contracted": AS_OF - timedelta(days=50)})
    certain = memory_of({"orders": [one | {"stages": {
        "contracted": AS_OF - timedelta(days=50), "in_service": AS_OF + timedelta(days=110)
    }}]})  # fmt: skip
    spread = memory_of({"orders": [*PAST, one]})
    assert certain.passage is not None
    assert spread.passage is not None
    assert 0 == certain.passage.over_ratio[200] < spread.passage.over_ratio[200] < 1
    assert spread.runway.conservative_first_over is not None
    assert certain.runway.conservative_first_over is not None
    assert spread.runway.conservative_first_over < certain.runway.conservative_first_over


def test_a_late_order_is_flagged() -> None:
    one = declared(stages={"contracted": AS_OF - timedelta(days=400)})
    assert "order_late" in memory_of({"orders": [one]}).flags


# Projects


def project(**more: Any) -> dict[str, Any]:
    when = AS_OF + timedelta(days=20)
    return {"name": "p", "pool": "c", "status": "committed", "when": when} | more


def test_a_committed_project_of_three_sizes_widens_the_runway() -> None:
    certain = memory_of({"projects": [project(memory_gib=100)]})
    band = {"low": 20, "mid": 100, "high": 260}
    wide = memory_of({"projects": [project(memory_gib=band)]})
    assert wide.runway.conservative_days is not None
    assert certain.runway.conservative_days is not None
    assert wide.runway.conservative_days < certain.runway.conservative_days
    assert wide.question.committed == 100 * GIB


def test_a_tentative_project_is_a_second_line() -> None:
    alone = memory_of({})
    answer = memory_of({"projects": [project(status="tentative", probability=0.6, memory_gib=150)]})
    assert answer.runway == alone.runway
    assert alone.with_tentative is None
    assert answer.with_tentative is not None
    assert answer.runway.days is not None
    assert answer.with_tentative.days is not None
    assert answer.with_tentative.days < answer.runway.days - 20


def test_a_tentative_project_that_is_sure_weighs_like_a_committed_one() -> None:
    sure = memory_of({"projects": [project(status="tentative", probability=1, memory_gib=150)]})
    committed = memory_of({"projects": [project(memory_gib=150)]})
    assert sure.with_tentative == committed.runway


def test_the_triangle_has_its_three_corners() -> None:
    band = Band(low=10, mid=20, high=60)
    ends = triangular(band, np.array([0.0, 0.2, 1.0]))
    assert ends.tolist() == pytest.approx([10, 20, 60])
    drawn = triangular(band, (np.arange(10_000) + 0.5) / 10_000)
    assert drawn.mean() == pytest.approx(30, abs=0.01)


# Gates


SEPTEMBER = Budget.model_validate(
    {"gates": [{"name": "RKA", "submit_by": "09-01", "spend_from": "01-01", "spend_to": "11-30"}]}
)


def test_example_38_the_gate_for_next_years_money_has_closed() -> None:
    found = budget_by(SEPTEMBER, day("2027-03-10"), AS_OF)
    assert found is not None
    assert (found.on, found.missed, found.gate) == (day("2026-09-01"), True, "RKA")
    assert found.feasible_by == day("2026-09-01")
    assert found.following is not None
    assert found.following.submit_by == day("2027-09-01")
    assert found.following.spend_from == day("2028-01-01")


def test_without_gates_nothing_is_invented() -> None:
    assert budget_by(Budget(), day("2027-03-10"), AS_OF) is None


def test_a_revised_budget_is_the_later_gate_of_the_same_year() -> None:
    two = [
        {"name": "RKA", "submit_by": "09-01", "spend_from": "01-01"},
        {"name": "APBD-P", "submit_by": "06-30", "spend_from": "10-01", "spend_to": "11-30"},
    ]
    budget = Budget.model_validate({"gates": two})
    found = budget_by(budget, day("2027-10-15"), AS_OF)
    assert found is not None
    assert (found.gate, found.on, found.missed) == ("APBD-P", day("2027-06-30"), False)
    december = budget_by(budget, day("2027-12-20"), AS_OF)
    assert december is not None
    assert december.spend_by == day("2027-11-30")


def test_a_gate_with_dates_of_its_own_ends_with_them() -> None:
    rounds = [{"submit_by": "2026-12-01", "spend_from": "2027-05-01"}]
    budget = Budget.model_validate({"gates": [{"name": "once", "rounds": rounds}]})
    found = budget_by(budget, day("2027-06-01"), AS_OF)
    assert found is not None
    assert (found.on, found.missed) == (day("2026-12-01"), False)
    early = budget_by(budget, day("2027-04-30"), AS_OF)
    assert early is not None
    assert (early.on, early.missed) == (None, True)


# Levels


def test_each_level_is_passed_later_than_the_one_before() -> None:
    place = estate(*HOSTS)
    answer = next(
        a
        for a in answers(place, memory=GROWTH, cpu=[5.0] * 90)[0].answers
        if a.question.key == "pool/c/memory/demand"
    )
    warning, critical, full = level_dates(place, answer)
    assert (warning.name, critical.share, full.share) == ("warning", 0.9, 1.0)
    # 2 GiB a day from 880: over 0.9 × 1536 = 1382.4 on day 252, over 1536 on day 329.
    for level, day_over in ((critical, 252), (full, 329)):
        assert level.first_over is not None
        assert abs((level.first_over - AS_OF).days - day_over) <= 2
    assert answer.runway.first_over is not None
    assert warning.first_over is not None
    assert warning.first_over < answer.runway.first_over < critical.first_over


def test_a_level_of_what_may_be_promised_is_a_share_of_it() -> None:
    place = estate(*HOSTS, guest(memory_bytes=1200 * GIB))
    found = answers(place, memory=GROWTH, cpu=[5.0] * 90)[0].answers
    promised = next(a for a in found if a.question.key == "pool/c/memory/allocation")
    assert level_dates(place, promised) == ()  # no history of what was promised


# Rows and reasons


def report(*records: Record, memory: list[float] | None = None, **more: Any) -> Report:
    place = estate(*records, **more)
    gib = [value * GIB for value in memory or GROWTH]
    known = Past(cluster_days={("c", "memory"): days(gib), ("c", "cpu"): days([5.0] * 90)})
    return make_report(place, known, Memory(), zone=JAKARTA, run_id="RUN")


CATALOGUE = [
    {"name": "small", "item": "host", "cpu_cores": 16, "memory_gib": 128, "price": 100.0},
    {"name": "large", "pools": ["c"], "cpu_cores": 64, "memory_gib": 1024, "price": 700.0},
]  # fmt: skip
MONEY = {"buy": {"price_rise_month_pct": 2.0, "short_day_cost": 10.0, "owner": "IT office"}}


def test_the_row_says_how_much_of_what_for_how_much_and_who_decides() -> None:
    found = report(*HOSTS, owners={"catalogue": CATALOGUE}, policy=MONEY)
    [row] = found.orders
    assert (row.item, row.unit, row.owner) == ("large", "host", "IT office")
    assert row.quantity is not None
    assert row.cost == 700 * row.quantity
    assert row.shortfall_days is not None
    assert row.shortfall_days > 0
    assert row.cost_of_waiting_month == pytest.approx(row.cost * 0.02 + 30 * 10)
    by_row = {(r.resource, r.model): r.buy_quantity for r in found.pools}
    assert by_row["memory", "demand"] == row.quantity
    assert by_row["cpu", "demand"] == 0


def choice(*items: dict[str, Any]) -> tuple[str, int]:
    """What is bought of these items, and how many."""
    catalogue = [{"pools": ["c"], **item} for item in items]
    purchase = report(*HOSTS, owners={"catalogue": catalogue}).purchases["cluster", "c"]
    assert purchase.quantity is not None
    return purchase.item.name, purchase.quantity


def test_what_costs_least_in_all_is_bought_wherever_it_stands_in_the_catalogue() -> None:
    few = {"name": "few", "cpu_cores": 64, "memory_gib": 2048, "price": 9000.0}
    many = {"name": "many", "cpu_cores": 16, "memory_gib": 128, "price": 100.0}
    useless = {"name": "useless", "cpu_cores": 64, "price": 1.0}
    name, count = choice(few, many, useless)
    assert (name, choice(useless, many, few)) == ("many", (name, count))
    assert count * 100.0 < choice(few)[1] * 9000.0
    dear = many | {"price": 9000.0 * choice(few)[1] / count + 1}
    assert choice(dear, few)[0] == "few"


def test_without_every_price_the_fewest_pieces_are_bought() -> None:
    few = {"name": "few", "cpu_cores": 64, "memory_gib": 2048}
    many = {"name": "many", "cpu_cores": 16, "memory_gib": 128, "price": 100.0}
    assert choice(many, few)[0] == "few"


def test_without_a_catalogue_the_largest_host_stands_in_and_costs_are_not_known() -> None:
    found = report(*HOSTS)
    [row] = found.orders
    assert (row.item, row.cost, row.cost_of_waiting_month) == ("like h3", None, None)
    assert "a host like h3" in row.assumed
    assert all("item_assumed" in r.flags.split() for r in found.pools)


def test_a_datastore_is_bought_by_the_gib() -> None:
    known = Past(datastore_days={(1, "storage"): days([(2500 + 6.0 * i) * GIB for i in range(90)])})
    place = estate(datastore(capacity_bytes=4000 * GIB))
    found = make_report(place, known, Memory(), zone=JAKARTA, run_id="RUN")
    [row] = found.orders
    assert row.unit == "gib"
    assert row.quantity is not None
    # Until the target demand grows by 6 a day: 0.8 of what is bought holds what is over, and what
    # nine of ten futures add to it.
    until = found.purchases["datastore", "san"].until
    over = 2500 + 6 * (90 + (until - AS_OF).days) - 0.8 * 4000
    assert 1.0 <= row.quantity / (over / 0.8) <= 1.1


def test_an_order_under_way_has_a_row_with_its_stage() -> None:
    orders = [
        declared(name="near", count=2, price=5.0, owner="Buyers", note="lot 3",
                 stages={"contracted": AS_OF - timedelta(days=9)}),
        declared(name="far", stages={"proposed": AS_OF - timedelta(days=9)}),
        declared(name="lost", pool="cc", stages={"contracted": AS_OF}),
    ]  # fmt: skip
    found = report(*HOSTS, owners={"orders": orders, "pools": {"c": {"owner": "Council"}}})
    rows = {row.order: row for row in found.orders}
    near, far, lost = rows["near"], rows["far"], rows["lost"]
    assert (near.stage, near.quantity, near.cost, near.owner) == ("contracted", 2, 10, "Buyers")
    assert near.in_service_date == AS_OF + timedelta(days=180 + 14 - 9)
    assert "lot 3" in near.why
    assert (far.stage, far.owner) == ("proposed", "Council")
    assert "not counted before it is tendered" in far.why
    assert (lost.status, lost.pool) == ("unknown", "cc")
    [told] = found.misnamed
    assert "no pool is named 'cc', so it counts nowhere; did you mean 'c'?" in str(told)


def test_all_rows_are_in_one_order_by_status_and_by_the_last_day_to_act() -> None:
    def row(pool: str, status: str, by: str | None = None, order: str = "") -> OrderRow:
        return OrderRow(
            pool, "", None, "", None, None, None, None, status, "", "", "", "", order=order,
            feasible_by_date=None if by is None else day(by),
        )  # fmt: skip

    rows = [
        row("late", "overdue", "2026-11-19"),
        row("sooner", "overdue", "2025-08-31", order="under way"),
        row("now", "overdue"),
        row("host", "act"),
        row("soon", "plan", "2026-12-11"),
        row("later", "ok", "2027-03-04"),
        row("coming", "ok"),
    ]
    told = [one.pool for one in most_pressing_first(reversed(rows))]
    assert told == ["sooner", "late", "now", "host", "soon", "later", "coming"]


def test_an_order_that_is_overdue_comes_before_a_need_that_is_not() -> None:
    """Whether it is needed or under way already: the report sorts them together."""
    late = {"contracted": AS_OF - timedelta(days=9), "in_service": AS_OF + timedelta(days=900)}
    orders = [declared(name="late", stages=late)]
    guests = guest(cluster="post", host_id="alone", tags=("crit.1",))
    alone = host("alone", cluster="post", memory_bytes=64 * GIB)
    found = report(*HOSTS, alone, guests, owners={"orders": orders})
    statuses = [row.status for row in found.orders]
    assert statuses == sorted(statuses, key=URGENCY.index)
    assert len(set(statuses)) == 3
    assert found.orders[0].order == "late"


def test_what_comes_too_late_is_hastened_and_nothing_is_bought() -> None:
    """Over in some 170 days; what comes in 200 is enough for more than the target."""
    late = {"delivered": AS_OF - timedelta(days=9), "in_service": AS_OF + timedelta(days=200)}
    orders = [declared(name="near", count=4, memory_gib=1024, stages=late)]
    owners = {"orders": orders, "catalogue": CATALOGUE, "budget": SEPTEMBER.model_dump()}
    found = report(*HOSTS, owners=owners, policy={"lead_time": {"confirmed": True}})
    row = next(row for row in found.orders if not row.order)
    assert (row.what, row.quantity, row.status) == ("speed up near", 0, "overdue")
    assert (row.stage, row.in_service_date) == ("delivered", late["in_service"])
    assert row.shortfall_days == next(r for r in found.orders if r.order).shortfall_days
    assert row.shortfall_days is not None
    assert row.shortfall_days > 0
    assert (row.item, row.gate, row.cost) == ("", "", None)
    assert (row.budget_by_date, row.budget_missed) == (None, None)
    assert (row.order_by_date, row.order_overdue_days, row.feasible_by_date) == (None, None, None)
    told = explain(found, "order/c/budget_by_date")
    assert "nothing is to be bought, so there is no gate" in told


def test_what_is_only_proposed_is_a_part_of_what_is_needed() -> None:
    stages = {"proposed": AS_OF - timedelta(days=9)}
    alike = declared(name="far", count=2, cpu_cores=64, memory_gib=1024, stages=stages)
    owners = {"orders": [alike], "catalogue": CATALOGUE}
    rows = {row.order: row for row in report(*HOSTS, owners=owners, memory=STEEP).orders}
    need, far = rows[""], rows["far"]
    assert need.quantity is not None
    assert need.quantity > 2
    assert f"2 of these {need.quantity} are far (proposed, not counted)" in need.why
    assert f"part of the {need.quantity} that the pool needs, not on top of them" in far.why
    other = alike | {"memory_gib": 100}
    rows = {row.order: row for row in report(*HOSTS, owners=owners | {"orders": [other]}).orders}
    assert "far is proposed, not counted" in rows[""].why
    assert "part of what the pool needs, not on top of it" in rows["far"].why


def test_what_is_not_tendered_is_as_urgent_as_its_pool_and_not_called_in_time() -> None:
    stages = {"proposed": AS_OF - timedelta(days=9)}
    owners = {"orders": [declared(name="far", stages=stages)]}
    rows = {row.order: row for row in report(*HOSTS, owners=owners).orders}
    need, far = rows[""], rows["far"]
    assert (far.status, far.order_by_date) == (need.status, need.order_by_date)
    assert f"as urgent as its pool, to be ordered by {need.order_by_date}" in far.why
    assert far.shortfall_days is None


def test_a_second_host_is_one_host() -> None:
    found = report(host("h1"), guest(tags=("crit.1",), host_id="h1"), memory=[10.0] * 90)
    [row] = found.orders
    assert (row.what, row.quantity, row.unit) == ("a second host", 1, "host")


def test_explain_tells_the_lead_the_orders_the_gate_and_the_quantity() -> None:
    orders = [*PAST, declared(stages={"contracted": AS_OF - timedelta(days=50)})]
    owners = {
        "orders": orders,
        "catalogue": CATALOGUE,
        "budget": SEPTEMBER.model_dump(),
        "projects": [project(status="tentative", memory_gib={"low": 1, "mid": 2, "high": 9})],
    }
    text = explain(report(*HOSTS, owners=owners, policy=MONEY), "pool/c/memory/demand")
    for part in (
        "lead = median of past orders of class host 260 d (200 to 400, 3 orders) + safety 30",
        "proposed to contracted: 100 d (100 to 100, 3 orders)",
        "order new: 1 × host, contracted",
        "drawn per path from 50 to 250 days after as_of",
        "project p from 2026-12-13: 1 to 9, most likely 2 GiB, drawn per path, tentative: on 50 %",
        "with tentative projects: base",
        "RKA: hand in by",
        "item large: 64 cores, 1,024 GiB memory (catalogue)",
        "a month of waiting costs",
        "critical (90 % of what a failure leaves): base",
    ):
        assert part in text, part
