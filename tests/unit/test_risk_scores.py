"""The score: levels, points that add up however they are told, and what became of findings."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from estates import AS_OF, answers, estate, health
from inventory.findings import PastReport, first_seen, remember_findings, report_before
from inventory.records import FindingState, Record
from planner.estate import Estate
from planner.risks.catalogue import BY_ID, RULES
from planner.risks.engine import Assessment, assess, coverage_percent
from planner.risks.rule import Rule
from planner.risks.scores import By, score_rows
from planner.risks.trend import TURNS, states_of, trend_of
from planner.rows import ScoreRow
from rule_cases import PUBLIC, nic
from rule_cases.own import waiver
from stored import Book, datastore, disk, guest, host

WEEK_AGO = AS_OF - timedelta(days=7)
CITY: dict[str, Any] = {
    "organisation": {"operator": "kominfo"},
    "agencies": {
        "kominfo": {"name": "Dinas Kominfo", "contact": "it@city.example"},
        "dukcapil": {"name": "Dinas Dukcapil"},
        "idle": {"name": "Has no guest"},
    },
    "services": {"registry": {"owner": "dukcapil", "classification": "pribadi-umum"}},
}
PLACE: tuple[Record, ...] = (
    host("h1", version="7.4"), host("h2", version="9.1"),
    guest("100", tags=("svc.registry",)), disk("100", cache="unsafe"), nic("100"),
    PUBLIC, nic("200"), guest("300", tags=("opd.kominfo",)), guest("400"), datastore(),
)  # fmt: skip
BYS: tuple[By, ...] = ("estate", "agency", "service", "guest")


def city(*records: Record, **more: Any) -> Estate:
    return estate(*(records or PLACE), **({"owners": CITY} | more))


def assessed(place: Estate, rules: Iterable[Rule] = RULES) -> Assessment:
    return assess(place, answers(place), tuple(rules))


def rows_of(place: Estate, by: By, past: PastReport | None = None) -> dict[str, ScoreRow]:
    found = assessed(place)
    rows = score_rows(place, found, trend_of(past, found), by)
    return {row.name: row for row in rows}


def report_of(found: Assessment, on: date = WEEK_AGO) -> PastReport:
    return PastReport(on, frozenset(found.counts), tuple(states_of(found, on)))


# Whom it belongs to


@pytest.mark.parametrize("by", BYS)
def test_the_rows_of_every_kind_add_up_to_the_estate(by: By) -> None:
    place = city(owners=CITY | waiver(scope={"uuid": "x"}) | waiver(rule="BKP-001"))
    [whole] = rows_of(place, "estate").values()
    rows = rows_of(place, by).values()
    found = assessed(place)
    assert whole.points == sum(f.points for f in found.findings) > 0
    assert whole.points_waived == sum(f.waived_points for f in found.findings) > 0
    for name in ("points", "points_waived", "critical", "high", "waived", "unknown", "guests"):
        assert sum(getattr(row, name) for row in rows) == getattr(whole, name), name
    assert min(-ord(row.level) for row in rows) == -ord(whole.level)


def test_what_was_judged_by_account_is_what_was_judged_by_rule() -> None:
    place = city(sources=[health(hidden=("nic", "backup_job"))])
    found = assessed(place)
    for state in ("ok", "risk", "unknown", "not_applicable"):
        total = sum(counts.get(state, 0) for counts in found.judged.values())  # type: ignore[call-overload]
        assert total == found.total(state)  # type: ignore[arg-type]


def test_what_is_found_on_the_platforms_is_charged_once_to_who_runs_them() -> None:
    place = city()
    found = [f for f in assessed(place).risks if f.subject.kind in ("host", "cluster", "platform")]
    assert found
    assert {f.subject.agency for f in found} == {"kominfo"}
    assert {f.subject.owner for f in found} == {"it@city.example"}
    guests = rows_of(place, "guest")
    assert guests[""].points >= sum(f.points for f in found)
    assert all(f.rule.id not in row.worst for f in found for n, row in guests.items() if n)


def test_of_a_guest_that_nobody_owns_the_operator_is_asked_and_is_not_accountable() -> None:
    orphan = guest("300", tags=("cls.pribadi-umum",))
    found = assessed(city(host(), orphan, disk("300"))).findings
    found = tuple(f for f in found if f.subject.kind in ("guest", "disk"))
    assert {f.subject.kind for f in found} == {"guest", "disk"}
    assert {(f.subject.agency, f.subject.owner) for f in found} == {(None, "it@city.example")}


def test_a_cluster_may_be_run_by_an_agency_of_its_own() -> None:
    owners = CITY | {"pools": {"c": {"agency": "dukcapil"}}}
    found = assessed(city(owners=owners)).risks
    hosts = {f.subject.agency for f in found if f.subject.kind == "host"}
    assert hosts == {"dukcapil"}
    assert {f.subject.agency for f in assessed(city(owners={})).risks if not f.subject.guest} == {
        None
    }


def test_the_worst_comes_first_and_an_agency_without_guests_is_there() -> None:
    rows = list(rows_of(city(), "agency").values())
    assert [row.level for row in rows] == sorted((row.level for row in rows), reverse=True)
    idle = next(row for row in rows if row.name == "idle")
    assert (idle.level, idle.points, idle.guests, idle.guests_high_pct) == ("A", 0, 0, None)
    assert idle.coverage_pct is None
    assert idle.called == "Has no guest"


def test_a_row_says_what_weighs_most_with_its_formula() -> None:
    row = rows_of(city(), "agency")["dukcapil"]
    first = row.worst.split("; ")[0]
    assert first == (
        "SEG-001 guest 100 (100): critical 40 × pribadi-umum 1.5 = 60"
    ) or first.startswith("BKP-001 guest 100 (100): critical 40 × pribadi-umum 1.5 = 60")
    assert len(row.worst.split("; ")) <= 5
    assert (row.compared_with, row.points_before, row.turned_new) == (None, None, None)


def test_how_many_guests_have_a_high_risk() -> None:
    place = city(guest("1", tags=("opd.kominfo",)), guest("2", tags=("opd.kominfo",)), host())
    rules = [BY_ID["BKP-001"]]
    found = assess(place, (), rules)
    [row] = [r for r in score_rows(place, found, None, "agency") if r.name == "kominfo"]
    assert (row.guests, row.guests_high_pct, row.coverage_pct) == (2, 100.0, 100.0)


# What became of it


def turned(past: PastReport, now: Assessment) -> dict[str, str]:
    trend = trend_of(past, now)
    assert trend is not None
    return {f"{found.rule} {found.subject}": found.turn for found in trend.turned}


BACKUP = [BY_ID["BKP-001"]]
PLAIN = guest("300", tags=("cls.publik",))


def test_new_and_fixed() -> None:
    before = assessed(city(PLAIN, host()), BACKUP)
    after = assessed(city(guest("301", tags=("cls.publik",)), host()), BACKUP)
    assert turned(report_of(before), after) == {
        "BKP-001 guest 300 (300)": "fixed",
        "BKP-001 guest 301 (301)": "new",
    }
    assert turned(report_of(after), after) == {}


def test_another_class_or_severity_is_a_reclassification() -> None:
    before = assessed(city(PLAIN, host()), BACKUP)
    after = assessed(city(guest("300", tags=("cls.pribadi-umum",)), host()), BACKUP)
    assert turned(report_of(before), after) == {"BKP-001 guest 300 (300)": "reclassified"}
    terbatas = assessed(city(guest("300", tags=("cls.terbatas",)), host()), BACKUP)
    assert turned(report_of(before), terbatas) == {"BKP-001 guest 300 (300)": "reclassified"}


def test_a_waiver_and_its_end() -> None:
    plain = assessed(city(PLAIN, host()), BACKUP)
    accepted = assessed(city(PLAIN, host(), owners=waiver()), BACKUP)
    assert turned(report_of(plain), accepted) == {"BKP-001 guest 300 (300)": "waived"}
    assert turned(report_of(accepted), plain) == {"BKP-001 guest 300 (300)": "returned"}
    assert turned(report_of(accepted), accepted) == {}


def test_what_can_no_longer_be_seen_is_not_fixed() -> None:
    before = report_of(assessed(city(PLAIN, host()), BACKUP))
    blind = assessed(city(PLAIN, host(), sources=[health(hidden=("backup_job",))]), BACKUP)
    assert turned(before, blind) == {"BKP-001 guest 300 (300)": "not_seen"}
    partly = assessed(city(host(), sources=[health(hidden=("guest",))]), BACKUP)
    assert turned(before, partly) == {"BKP-001 guest 300 (300)": "not_seen"}


def test_a_rule_that_is_no_longer_asked_fixes_nothing_and_a_new_one_is_no_new_risk() -> None:
    before = assessed(city(PLAIN, host()), BACKUP)
    after = assessed(city(PLAIN, host()), [BY_ID["PRV-002"]])
    assert turned(report_of(before), after) == {
        "BKP-001 guest 300 (300)": "rule_off",
        "PRV-002 guest 300 (300)": "new_rule",
    }


def test_the_first_report_is_compared_with_nothing() -> None:
    assert trend_of(None, assessed(city())) is None


CLASSES = st.sampled_from(["publik", "terbatas", "pribadi-umum", "pribadi-spesifik"])
GUESTS = st.dictionaries(
    st.sampled_from(["1", "2", "3"]),
    st.tuples(CLASSES, st.sampled_from(["kominfo", "dukcapil"])),
    max_size=3,
)


@given(GUESTS, GUESTS, st.booleans(), st.booleans())
def test_points_of_last_week_and_what_turned_come_to_the_points_of_today(
    before: dict[str, tuple[str, str]],
    after: dict[str, tuple[str, str]],
    waived_before: bool,
    waived_after: bool,
) -> None:
    rules = [BY_ID["BKP-001"], BY_ID["PRV-001"], BY_ID["BKP-004"]]
    first, second = (
        city(
            host(),
            *(guest(name, tags=(f"cls.{c}", f"opd.{a}")) for name, (c, a) in guests.items()),
            owners=CITY | (waiver() if waived else {}),
        )
        for guests, waived in ((before, waived_before), (after, waived_after))
    )
    past, found = report_of(assess(first, (), rules)), assess(second, (), rules)
    trend = trend_of(past, found)
    assert trend is not None
    [whole] = score_rows(second, found, trend, "estate")
    moved = sum(one.points - (one.was.points if one.was else 0) for one in trend.turned)
    assert whole.points_before is not None
    assert whole.points_before + moved == whole.points
    told = [getattr(whole, f"turned_{turn}") for turn in TURNS]
    assert sum(told) + (whole.not_comparable or 0) == len(trend.turned)
    for by in BYS:
        rows = score_rows(second, found, trend, by)
        assert sum(row.points_before or 0 for row in rows) == whole.points_before
        assert sum(row.points for row in rows) == whole.points
        assert sum(row.turned_fixed or 0 for row in rows) == whole.turned_fixed


# What is remembered


def state(name: str, points: int = 20, **more: Any) -> FindingState:
    given_ = {
        "finding_id": name, "since_on": AS_OF, "last_on": AS_OF, "rule": "BKP-001",
        "outcome": "risk", "severity": "high", "points": points, "points_waived": 0, "waiver": "",
        "classification": None, "source": None, "agency": "", "service": "", "guest": "",
        "subject": name,
    }  # fmt: skip
    return FindingState(**(given_ | more))


def remember(book: Book, day: int, *states: FindingState, rules: tuple[str, ...] = ("R",)) -> None:
    with book.store.writing() as connection:
        remember_findings(connection, states, rules, AS_OF + timedelta(days=day))


def before(book: Book, day: int) -> tuple[int, dict[str, int]] | None:
    """Which day's report is the earlier one, and the points it had."""
    with book.store.reading() as connection:
        found = report_before(connection, AS_OF + timedelta(days=day))
    if found is None:
        return None
    return (found.on - AS_OF).days, {s.finding_id: s.points for s in found.states}


def test_a_week_is_compared_with_the_newest_report_that_is_a_week_old() -> None:
    book = Book.empty()
    assert before(book, 0) is None
    remember(book, 0, state("a"), state("b"))
    remember(book, 3, state("a", 30), state("b"))
    remember(book, 7, state("b"), state("c"))
    assert before(book, 0) is None
    assert before(book, 1) == (0, {"a": 20, "b": 20})  # younger, but all there is
    assert before(book, 7) == (0, {"a": 20, "b": 20})
    assert before(book, 10) == (3, {"a": 30, "b": 20})
    assert before(book, 13) == (3, {"a": 30, "b": 20})
    assert before(book, 14) == (7, {"b": 20, "c": 20})


def test_a_second_report_of_a_day_replaces_the_first() -> None:
    book = Book.empty()
    remember(book, 0, state("a"), state("b"))
    remember(book, 7, state("a", 30), state("d"), rules=("R", "S"))
    remember(book, 7, state("a"), state("c"))
    assert before(book, 14) == (7, {"a": 20, "c": 20})
    assert before(book, 7) == (0, {"a": 20, "b": 20})
    with book.store.reading() as connection:
        found = report_before(connection, AS_OF + timedelta(days=14))
    assert found is not None
    assert found.rules == {"R"}
    lasting = next(one for one in found.states if one.finding_id == "a")
    assert lasting.since_on == AS_OF  # one row for both days


def test_a_report_of_the_past_changes_nothing_but_first_days() -> None:
    book = Book.empty()
    remember(book, 7, state("a"))
    remember(book, 0, state("a", 99), state("z", 99))
    assert before(book, 14) == (7, {"a": 20})
    assert before(book, 1) is None
    with book.store.reading() as connection:
        assert first_seen(connection) == {"a": AS_OF, "z": AS_OF}


def test_what_went_and_came_back_was_away() -> None:
    book = Book.empty()
    remember(book, 0, state("a"))
    remember(book, 7)
    remember(book, 14, state("a"))
    assert before(book, 14) == (7, {})
    assert before(book, 21) == (14, {"a": 20})


def test_one_unknown_of_many_is_never_rounded_away() -> None:
    def percent(ok: int, unknown: int) -> float | None:
        return coverage_percent({"ok": ok, "risk": 1, "unknown": unknown})

    assert [percent(9_999, 1), percent(99_999, 1), percent(9_999, 0)] == [99.9, 99.9, 100.0]
    assert coverage_percent({}) is None
