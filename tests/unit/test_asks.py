"""What a steady poll asks again: little, evenly spread, and no answer older than its time."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from collectors.contract import KeptAnswer
from collectors.proxmox.asks import DAY, Ask, Wanted, split, standing_in
from collectors.proxmox.wire import Request

NOW = datetime(2026, 11, 23, 1, 0, tzinfo=UTC)
NODE = {"type": "node", "node": "n1", "status": "online", "id": "node/n1"}


def guest(vmid: int, **more: object) -> dict[str, object]:
    row = {"type": "qemu", "vmid": vmid, "node": "n1", "id": f"qemu/{vmid}", "status": "running"}
    return row | more


def asks(*rows: dict[str, object], rights: str = "r") -> list[Ask]:
    return list(Wanted((NODE, *rows), (), rights).asks())


def kept(found: list[Ask], at: datetime = NOW) -> dict[str, KeptAnswer]:
    return {ask.request.key: KeptAnswer({"status": 200}, at, ask.mark) for ask in found}


def test_what_is_new_is_asked() -> None:
    due, standing = split(asks(guest(100)), {}, NOW)
    assert [ask.request.path for ask in due] == [
        "/nodes/n1/status", "/nodes/n1/qemu/100/config", "/nodes/n1/qemu/100/snapshot",
    ]  # fmt: skip
    assert standing == {}


def test_what_was_just_asked_stands() -> None:
    found = asks(guest(100))
    due, standing = split(found, kept(found), NOW + timedelta(minutes=5))
    assert due == []
    assert len(standing) == 3


def test_a_guest_of_which_the_list_says_something_else_is_asked_at_once() -> None:
    before = kept(asks(guest(100), guest(101)))
    for changed in ({"maxmem": 1}, {"tags": "a"}, {"status": "stopped"}, {"name": "b"}):
        due, _standing = split(asks(guest(100, **changed), guest(101)), before, NOW)
        assert {ask.request.path.split("/")[4] for ask in due} == {"100"}


def test_load_alone_is_no_change() -> None:
    before = kept(asks(guest(100, cpu=0.1, mem=5, uptime=3)))
    due, _standing = split(asks(guest(100, cpu=0.9, mem=9, uptime=303)), before, NOW)
    assert due == []


def test_with_other_rights_everything_is_asked_again() -> None:
    before = kept(asks(guest(100)))
    due, _standing = split(asks(guest(100), rights="more"), before, NOW)
    assert len(due) == 3


def test_an_answer_from_the_future_does_not_stand() -> None:
    ask = Ask(Request("/x"), DAY)
    assert not standing_in(ask, KeptAnswer({}, NOW + timedelta(seconds=1)), NOW)


def test_what_was_asked_together_is_asked_again_spread_over_half_a_day() -> None:
    """A thousand guests, asked at once: no poll of the day that follows asks for many."""
    found = asks(*(guest(100 + i) for i in range(1000)))
    answers = kept(found)
    sizes = []
    for minutes in range(5, 24 * 60 + 5, 5):
        at = NOW + timedelta(minutes=minutes)
        due, _standing = split(found, answers, at)
        sizes.append(len(due))
        answers |= kept(due, at)
    assert sum(sizes) >= 2000  # all of them, once
    assert max(sizes) <= 35  # 2,000 answers over 144 polls are 14 a poll
    assert max(sizes[:140]) <= 1  # the node itself, once an hour


@given(st.text(min_size=1), st.integers(1, 10 * DAY), st.integers(0, 20 * DAY))
def test_no_answer_stands_longer_than_its_time_nor_less_than_half(
    path: str, every: int, age: int
) -> None:
    ask = Ask(Request(path), every)
    stands = standing_in(ask, KeptAnswer({}, NOW - timedelta(seconds=age)), NOW)
    assert stands or age >= every / 2
    assert not stands or age < every
