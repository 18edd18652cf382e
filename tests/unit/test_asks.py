"""What a steady poll asks again: little, evenly spread, and no answer older than its time."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from collectors.contract import KeptAnswer
from collectors.proxmox.asks import BULK, DAY, HOUR, Ask, Wanted, seconds_left, split
from collectors.proxmox.visibility import Rights
from collectors.proxmox.wire import Request

NOW = datetime(2026, 11, 23, 1, 0, tzinfo=UTC)
NODE = {"type": "node", "node": "n1", "status": "online", "id": "node/n1"}


def guest(vmid: int, **more: object) -> dict[str, object]:
    row = {"type": "qemu", "vmid": vmid, "node": "n1", "id": f"qemu/{vmid}", "status": "running"}
    return row | more


def asks(*rows: dict[str, object], rights: str = "r") -> list[Ask]:
    """What is asked of guests alone."""
    found = Wanted((NODE, *rows), (), rights).asks()
    return [ask for ask in found if "/qemu/" in ask.request.path]


def kept(found: list[Ask], at: datetime = NOW) -> dict[str, KeptAnswer]:
    return {ask.request.key: KeptAnswer({"status": 200}, at, ask.mark) for ask in found}


def test_what_is_new_is_asked() -> None:
    due, standing = split(asks(guest(100)), {}, NOW)
    assert [ask.request.path for ask in due] == [
        "/nodes/n1/qemu/100/config", "/nodes/n1/qemu/100/snapshot",
        "/nodes/n1/qemu/100/firewall/options", "/nodes/n1/qemu/100/firewall/rules",
        "/nodes/n1/qemu/100/pending",
    ]  # fmt: skip
    assert standing == {}


def test_what_was_just_asked_stands() -> None:
    found = asks(guest(100))
    due, standing = split(found, kept(found), NOW + timedelta(minutes=5))
    assert due == []
    assert len(standing) == 5


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
    assert len(due) == 5


def test_an_answer_from_the_future_does_not_stand() -> None:
    ask = Ask(Request("/x"), DAY)
    assert seconds_left(ask, KeptAnswer({}, NOW + timedelta(seconds=1)), NOW) == 0


def test_an_error_stands_no_longer_than_it_is_said_to() -> None:
    for status, seconds, left in ((500, HOUR, HOUR), (501, HOUR, HOUR), (500, 0, 0), (403, 0, DAY)):
        ask = Ask(Request("/x"), DAY, error_seconds=seconds)
        assert seconds_left(ask, KeptAnswer({"status": status}, NOW), NOW) == left


def test_configurations_come_before_what_is_less_useful() -> None:
    """Where the time or the limit of a first poll ends, the most useful has been asked."""
    found = asks(guest(100), guest(101))
    whats = [ask.request.path.split("/", 5)[5] for ask in found]
    assert whats == [
        what
        for what in ("config", "snapshot", "firewall/options", "firewall/rules", "pending")
        for _guest in range(2)
    ]


def test_what_was_asked_together_is_asked_again_spread_over_the_day() -> None:
    """Two hundred guests, asked at once: no poll of the day that follows asks for many."""
    found = asks(*(guest(100 + i) for i in range(200)))
    answers = kept(found)
    sizes = []
    for minutes in range(5, 24 * 60 + 5, 5):
        at = NOW + timedelta(minutes=minutes)
        due, _standing = split(found, answers, at)
        sizes.append(len(due))
        answers |= kept(due, at)
    assert sum(sizes) >= 1000  # all of them, once
    assert max(sizes) <= 5  # 1,000 answers over 216 polls are 4.6 a poll
    assert max(sizes[:71]) == 0  # none in the first quarter of its time


# A whole cluster

DAY_OF_POLLS = range(5, 24 * 60 + 5, 5)
BULK_AND_VERSION = len(BULK) + 1


def large(nodes: int, guests: int) -> list[Ask]:
    """What a cluster of 9 with two shared storages for backups and one on each node is asked."""
    names = [f"n{number:02d}" for number in range(nodes)]
    rows = [dict(NODE, node=name, id=f"node/{name}") for name in names]
    rows += [guest(100 + number, node=names[number % nodes]) for number in range(guests)]
    rows += [
        {
            "type": "storage", "storage": storage, "node": name, "id": f"storage/{name}/{storage}",
            "content": "backup,images", "shared": int(storage != "local"),
        }
        for name in names
        for storage in ("nas", "pbs", "local")
    ]  # fmt: skip
    return list(Wanted(tuple(rows), (), "r", release=9).asks())


def a_day_of_sizes(found: list[Ask], answers: dict[str, KeptAnswer]) -> list[int]:
    """How many requests each poll of a day sends; what cannot be due yet is not looked at."""
    sizes = []
    named = [(ask.request.key, ask, timedelta(seconds=ask.every_seconds / 4)) for ask in found]
    for minutes in DAY_OF_POLLS:
        at = NOW + timedelta(minutes=minutes)
        old = [ask for key, ask, quarter in named if at - answers[key].asked_at >= quarter]
        due, _standing = split(old, answers, at)
        sizes.append(BULK_AND_VERSION + len(due))
        answers |= kept(due, at)
    return sizes


def test_a_steady_poll_of_a_large_cluster_is_small() -> None:
    """1,000 guests on 20 nodes, also on the day after all of it was asked at once."""
    found = large(20, 1000)
    assert max(a_day_of_sizes(found, kept(found))) <= 50


def test_a_node_is_asked_for_each_thing_it_tells_in_its_time() -> None:
    found = [ask for ask in large(1, 0) if ask.request.node]
    assert {ask.request.path.removeprefix("/nodes/n00/") for ask in found} >= {
        "status", "subscription", "certificates/info", "apt/versions", "services", "network",
        "disks/list", "disks/zfs", "disks/lvmthin", "tasks", "firewall/options", "rrddata",
    }  # fmt: skip
    hourly = {ask.request.path for ask in found if ask.every_seconds <= 3600}
    assert hourly == {
        "/nodes/n00/status", "/nodes/n00/rrddata",
        *(f"/nodes/n00/storage/{name}/prunebackups" for name in ("nas", "pbs", "local")),
    }  # fmt: skip
    assert not any(ask.request.path.endswith("apt/update") for ask in found)


def test_pressure_is_asked_of_a_release_that_has_it() -> None:
    for release, is_asked in ((7, False), (8, False), (9, True), (None, False)):
        found = Wanted((NODE,), (), "r", release=release).asks()
        assert any(ask.request.path.endswith("rrddata") for ask in found) is is_asked


# What the answers lead to

STORE = {
    "type": "storage", "storage": "nas", "node": "n1", "id": "storage/n1/nas", "content": "backup",
    "shared": 1,
}  # fmt: skip
DRY = "GET /nodes/n1/storage/nas/prunebackups?prune-backups=keep-all%3D1"


def test_backups_that_the_dry_run_cannot_list_are_asked_in_another_way() -> None:
    wanted = Wanted((NODE, STORE), (), "r")
    for status, is_asked in ((200, False), (403, False), (500, True), (400, True), (595, False)):
        more = list(wanted.follow_ups({DRY: {"status": status}}))
        paths = [ask.request.key for ask in more]
        content = ["GET /nodes/n1/storage/nas/content?content=backup"]
        assert paths == (content if is_asked else [])


def test_a_token_that_may_restore_is_asked_for_sizes_too() -> None:
    held = {"/vms": {"VM.Backup": 1}, "/storage": {"Datastore.AllocateSpace": 1}}
    for paths, is_asked in ((held, True), ({"/vms": held["/vms"]}, False), ({}, False)):
        wanted = Wanted((NODE, STORE), (), "r", Rights.of(paths, "a@pve!t"))
        keys = {ask.request.key for ask in wanted.asks()}
        assert DRY in keys
        assert ("GET /nodes/n1/storage/nas/content?content=backup" in keys) is is_asked


def test_the_rules_of_every_security_group_are_asked() -> None:
    groups = {"GET /cluster/firewall/groups": {"status": 200, "body": [{"group": "b"}, {}, 7]}}
    more = list(Wanted((NODE,), (), "r").follow_ups(groups))
    assert [ask.request.path for ask in more] == ["/cluster/firewall/groups/b"]


@given(st.text(min_size=1, max_size=20), st.integers(1, 10 * DAY), st.integers(0, 20 * DAY))
def test_no_answer_stands_longer_than_its_time_nor_less_than_a_quarter(
    path: str, every: int, age: int
) -> None:
    ask = Ask(Request(path), every)
    one = {ask.request.key: KeptAnswer({}, NOW - timedelta(seconds=age))}
    due, standing = split([ask], one, NOW)
    assert (due == [ask]) is (standing == {})
    assert standing or age >= every / 4
    assert not standing or age < every
