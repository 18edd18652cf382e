"""Whether hosts are evenly used, and which few moves help."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import pytest

from estates import days, estate
from inventory.platform_records import HaRule
from inventory.records import Record
from planner.answers import answer_all
from planner.balance import BalanceRow, balances_of
from planner.estate import Estate
from planner.past import Past
from planner.questions import questions
from planner.sections import UnknownKey
from planner.told.balance import explain_balance
from stored import GIB, JAKARTA, guest, host

SIZE = 100 * GIB


def past_of(place: Estate, used: dict[str, float], lengths: Iterable[int] = (10,)) -> Past:
    """Each host's days at one share of its memory; its processors are a tenth busy."""
    keys = {fact.record.host_id: fact.entity_key or 0 for fact in place.hosts}
    found = {}
    for (name, share), length in zip(used.items(), list(lengths) * len(used), strict=False):
        found[keys[name], "memory"] = days([share * SIZE] * length)
        found[keys[name], "cpu"] = days([3.2] * length)
    return Past(host_days=found)


def balance(
    *records: Record, used: dict[str, float], lengths: Iterable[int] = (10,), **more: Any
) -> dict[tuple[str, str], BalanceRow]:
    place = estate(*records, **more)
    past = past_of(place, used, lengths)
    found = balances_of(place, past, answer_all(place, questions(place, past, JAKARTA)))
    rows = [row for one in found for row in one.rows()]
    return {(row.scope, row.resource): row for row in rows}


def hosts(*names: str, **more: Any) -> list[Record]:
    return [host(name, **({"memory_bytes": SIZE} | more)) for name in names]


def guests(on: str, *sizes: int, **more: Any) -> list[Record]:
    return [
        guest(f"{on}{i}", name="g", host_id=on, memory_bytes=size * GIB, **more)
        for i, size in enumerate(sizes)
    ]


FOUR = {"h1": 0.40, "h2": 0.45, "h3": 0.50, "h4": 0.85}


def test_moves_take_guests_from_the_fullest_and_say_what_is_left() -> None:
    records = [*hosts(*FOUR), *guests("h4", 17, 17, 17, 17), *guests("h1", 10)]
    row = balance(*records, used=FOUR)["cluster c", "memory"]
    assert (row.state, row.fullest, row.members, row.days) == ("imbalanced", "h4", 4, 10)
    moves = row.moves.split("; ")
    assert 1 <= len(moves) <= 5
    assert moves[0].startswith("g (h4")
    assert moves[0].endswith("from h4 to h1")
    assert "more than 20 points above the mean" in row.why
    assert "the moves leave" in row.why


def test_what_is_even_needs_no_move() -> None:
    even = dict.fromkeys(("h1", "h2", "h3"), 0.5)
    rows = balance(*hosts(*even), *guests("h1", 20, 20), used=even)
    assert {(row.state, row.moves) for row in rows.values()} == {("balanced", "")}


def test_fewer_than_seven_days_in_common_are_too_few() -> None:
    used = {"h1": 0.9, "h2": 0.1}
    for lengths, state in (((6, 10), "unknown"), ((7, 10), "imbalanced")):
        row = balance(*hosts(*used), used=used, lengths=lengths)["cluster c", "memory"]
        assert row.state == state
    assert balance(*hosts(*used, cpu_cores=None), used=used)["cluster c", "cpu"].state == "unknown"


def test_a_guest_moves_only_where_it_fits_and_may_run() -> None:
    used = {"h1": 0.9, "h2": 0.1, "h3": 0.1}
    movable = [*hosts(*used), *guests("h1", 30, 30)]
    assert balance(*movable, used=used)["cluster c", "memory"].moves
    pinned = HaRule(
        rule_id="r", cluster="c", kind="node-affinity", strict=True, hosts=("h1",),
        guest_ids=("h10", "h11"),
    )  # fmt: skip
    row = balance(*movable, pinned, used=used)["cluster c", "memory"]
    assert (row.state, row.moves) == ("imbalanced", "")
    assert row.why.endswith("no move of a guest that may move helps")
    full = [*guests("h2", 90), *guests("h3", 90)]
    assert not balance(*movable, *full, used=used)["cluster c", "memory"].moves


def test_no_move_is_advised_that_worsens_the_failover_test() -> None:
    # Two of 40 on h1 can restart on h2 and h3 while h3 is empty; one of them on h3 could not
    # save the other, for h2 is full.
    used = {"h1": 0.9, "h2": 0.3, "h3": 0.1}
    records = [*hosts(*used), *guests("h1", 45, 45), *guests("h2", 60)]
    row = balance(*records, used=used)["cluster c", "memory"]
    assert row.state == "imbalanced"
    assert row.moves == ""


def test_clusters_are_compared_and_so_are_sites() -> None:
    names = {"a": 0.9, "b": 0.9, "x": 0.1, "y": 0.1}
    records = [
        *hosts("a", "b", cluster="c"),
        *hosts("x", "y", cluster="d"),
        *guests("a", 20, 20, cluster="c"),
    ]
    owners = {"hosts": {"a": {"site": "A"}, "b": {"site": "A"}, "x": {"site": "B"}}}
    rows = balance(*records, used=names, owners=owners)
    between = rows["clusters", "memory"]
    assert (between.state, between.fullest, between.members) == ("imbalanced", "c", 2)
    assert between.moves.startswith("g (a0) of c from c to d")
    assert (rows["sites", "memory"].fullest, rows["sites", "memory"].moves) == ("A", "")
    assert rows["cluster c", "memory"].state == "balanced"


def test_a_single_host_is_not_compared() -> None:
    assert balance(*hosts("h1"), used={"h1": 0.9}) == {}


def test_a_host_away_is_not_compared() -> None:
    records = [*hosts("h1", "h2"), *hosts("h3", status="maintenance")]
    rows = balance(*records, used={"h1": 0.5, "h2": 0.5, "h3": 0.0})
    assert rows["cluster c", "memory"].members == 2
    assert rows["cluster c", "memory"].mean_pct == pytest.approx(50)


def explained(key: str) -> str:
    place = estate(*hosts(*FOUR), *guests("h4", 17, 17, 17, 17))
    past = past_of(place, FOUR)
    found = balances_of(place, past, answer_all(place, questions(place, past, JAKARTA)))
    return explain_balance(place, found, key)


def test_a_row_is_defended_member_by_member_and_move_by_move() -> None:
    told = explained("balance/cluster c/memory")
    for part in (
        "fullest = h4",
        "h4: 85.0 of 100 GiB = 85.00 %",
        "now: mean 55.00 %, fullest 85.00 %, 30.00 points above, standard deviation 0.1768",
        "  g (h4",
        "after them: mean 55.00 %",
    ):
        assert part in told, part
    one = explained("balance/cluster c/memory/stdev_ratio")
    assert one.splitlines()[2] == "stdev_ratio = 0.1768"
    with pytest.raises(UnknownKey, match="known are balance/cluster c/memory, balance/cluster c/"):
        explained("balance/cluster d/memory")
