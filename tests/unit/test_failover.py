"""What a pool's failover test takes into account, and what it says when not all fit."""

from __future__ import annotations

from typing import Any

import pytest

from estates import answers, estate, health
from inventory.platform_records import HaResource, HaRule, Replication
from inventory.records import Record
from planner.answers import PoolAnswer
from planner.hosting import needed_in
from planner.placement.failover import FailoverCase, FailoverTest, failover_cases, overall
from planner.placement.packing import Bin, Load, pack
from planner.pools import pools_of
from stored import GIB, datastore, disk, guest, host

HOSTS = tuple(host(name, memory_bytes=64 * GIB) for name in ("h1", "h2", "h3"))


def answer(*records: Record, **more: Any) -> PoolAnswer:
    [found] = [a for a in answers(estate(*records, **more)) if a.pool.kind == "cluster"]
    return found


def case(lost: str, *records: Record, **more: Any) -> FailoverCase:
    [found] = [c for c in answer(*HOSTS, *records, **more).cases if c.lost == (lost,)]
    return found


def web(guest_id: str = "100", **more: Any) -> Record:
    return guest(guest_id, **({"name": "web", "memory_bytes": 8 * GIB} | more))


# What ties a guest to its host


def test_a_guest_with_a_local_disk_stays_down_and_the_disk_is_named() -> None:
    local = datastore("lvm", shared=False, hosts=("h1",))
    found = case("h1", web(), disk(datastore_id="lvm"), local)
    assert (found.verdict, found.stays_down) == ("fail", ("web (100)",))
    assert found.why == "web (100) has a disk on lvm, local to h1"
    assert found.smallest_change.startswith("let web (100) run elsewhere: it has a disk on lvm")


def test_a_shared_disk_ties_nobody() -> None:
    assert case("h1", web(), disk(), datastore()).verdict == "pass"
    everywhere = datastore(hosts=("h1", "h2", "h3"))
    assert case("h1", web(), disk(), everywhere).verdict == "pass"


def test_a_guest_goes_only_where_its_shared_disk_is_seen() -> None:
    seen = datastore(hosts=("h1", "h3"))
    found = case("h1", web(), disk(), seen)
    assert found.placed == (("web (100)", "h3"),)


def test_a_replicated_disk_lets_its_guest_run_where_the_copy_is() -> None:
    local = datastore("zfs", shared=False, hosts=("h1",))
    copy = Replication(job_id="100-0", guest_id="100", cluster="c", target_host="h2")
    known = (web(), disk(datastore_id="zfs", replicated=True), local)
    assert case("h1", *known, copy).placed == (("web (100)", "h2"),)
    assert case("h1", *known, copy.model_copy(update={"enabled": False})).verdict == "fail"


def test_a_datastore_not_known_to_be_shared_leaves_it_unproven() -> None:
    found = case("h1", web(), disk(), datastore(shared=None))
    assert (found.verdict, found.stays_down) == ("unproven", ())
    assert found.why == "web (100) has a disk on san: do other hosts see it?"


def test_what_is_proven_to_fail_fails_whatever_is_not_known_of_its_disks() -> None:
    big = web(memory_bytes=60 * GIB)
    full = [web(str(n), host_id=h, memory_bytes=40 * GIB) for n, h in ((1, "h2"), (2, "h3"))]
    assert case("h1", big, *full, disk(), datastore(shared=None)).verdict == "fail"


def test_a_device_that_every_host_has_ties_nobody() -> None:
    tunnel = web(passthrough=("dev0 /dev/net/tun",))
    assert case("h1", tunnel, disk(), datastore()).verdict == "pass"


def test_a_mapped_device_leaves_it_unproven_for_other_hosts_may_have_it() -> None:
    found = case("h1", web(passthrough=("hostpci0 mapping:gpu",)), disk(), datastore())
    assert (found.verdict, found.stays_down) == ("unproven", ())
    assert found.why == "web (100) uses the mapped device gpu: which hosts have it?"


def test_a_disk_that_is_not_in_use_ties_nobody() -> None:
    local = datastore("lvm", shared=False, hosts=("h1",))
    assert case("h1", web(), disk(datastore_id="lvm", purpose="unused"), local).verdict == "pass"


@pytest.mark.parametrize(
    ("fact", "why"),
    [
        (web(passthrough=("hostpci0",)), "web (100) uses hostpci0 of h1"),
        (web(), "web (100) has /dev/sdb of h1 handed through"),
    ],
)
def test_a_device_of_the_host_keeps_its_guest_down(fact: Record, why: str) -> None:
    device = disk(host_device="/dev/sdb" if "sdb" in why else "")
    found = case("h1", fact, device, datastore())
    assert (found.verdict, found.stays_down, found.why) == ("fail", ("web (100)",), why)


def rule(**more: Any) -> HaRule:
    given = {"kind": "node-affinity", "strict": True, "hosts": ("h1", "h2"), "guest_ids": ("100",)}
    return HaRule(rule_id="r1", cluster="c", **(given | more))


def test_a_strict_rule_is_kept_and_a_loose_one_is_not_a_tie() -> None:
    assert case("h1", web(), rule()).placed == (("web (100)", "h2"),)
    assert case("h1", web(), rule(hosts=("h1",))).why == "web (100) may run on h1 alone (rule r1)"
    for loose in (rule(hosts=("h1",), strict=False), rule(hosts=("h1",), enabled=False)):
        assert case("h1", web(), loose).verdict == "pass"


def test_a_rule_that_may_be_strict_leaves_it_unproven() -> None:
    assert case("h1", web(), rule(hosts=("h1",), strict=None)).verdict == "unproven"


def test_guests_that_must_keep_apart_do_not_share_a_survivor() -> None:
    apart = rule(kind="resource-affinity", affinity="negative", hosts=None, guest_ids=("1", "2"))
    found = case("h1", web("1"), web("2", host_id="h2"), apart)
    assert found.placed == (("web (1)", "h3"),)
    third = rule(
        kind="resource-affinity", affinity="negative", hosts=None, guest_ids=("1", "2", "3")
    )
    crowded = case("h1", web("1"), web("2", host_id="h2"), web("3", host_id="h3"), third)
    assert (crowded.verdict, crowded.why) == ("fail", "web (1) must keep apart from others (r1)")


def together(*guest_ids: str) -> HaRule:
    return rule(kind="resource-affinity", affinity="positive", hosts=None, guest_ids=guest_ids)


def test_guests_that_must_share_a_host_move_as_one() -> None:
    """Each would fit beside what runs on another survivor; both together fit on none."""
    pair = [web(n, memory_bytes=30 * GIB) for n in ("1", "2")]
    full = [web(str(n), host_id=h, memory_bytes=30 * GIB) for n, h in ((3, "h2"), (4, "h3"))]
    assert case("h1", *pair, *full).verdict == "pass"
    found = case("h1", *pair, *full, together("1", "2"))
    assert (found.verdict, found.stays_down) == ("fail", ("web (1)", "web (2)"))
    assert found.why == "web (1) with web (2) is larger than every gap"


def test_a_guest_follows_the_one_that_it_must_stay_with() -> None:
    found = case("h1", web("1"), web("2", host_id="h3", memory_bytes=30 * GIB), together("1", "2"))
    assert found.placed == (("web (1)", "h3"),)
    full = web("2", host_id="h3", memory_bytes=62 * GIB)
    lost = case("h1", web("1"), full, together("1", "2"))
    assert lost.verdict == "fail"
    assert "must stay with others of r1" in lost.why


# Pinned CPUs


def small(name: str, **more: Any) -> Record:
    return host(name, memory_bytes=64 * GIB, **({"cpu_cores": 8.0, "cpu_threads": 16} | more))


def test_a_pinned_guest_goes_only_where_all_its_cpus_are() -> None:
    pinned = web(pinned_cpus=("0-3", "20"))
    others = (small("h2"), small("h3", cpu_threads=21))
    found = {c.lost: c for c in answer(HOSTS[0], *others, pinned).cases}["h1",]
    assert found.placed == (("web (100)", "h3"),)
    alone = {c.lost: c for c in answer(HOSTS[0], others[0], pinned).cases}["h1",]
    assert (alone.verdict, alone.stays_down) == ("fail", ("web (100)",))
    assert alone.why == "web (100) is pinned to CPUs 0-3, 20 of h1"
    assert alone.smallest_change.startswith("let web (100) run elsewhere: it is pinned to CPUs")


def test_threads_that_are_not_known_leave_it_unproven_beyond_the_cores() -> None:
    blind = small("h2", cpu_threads=None)
    known = {c.lost: c for c in answer(HOSTS[0], blind, web(pinned_cpus=("7",))).cases}["h1",]
    assert known.verdict == "pass"  # a core has at least one thread
    found = {c.lost: c for c in answer(HOSTS[0], blind, web(pinned_cpus=("8",))).cases}["h1",]
    assert (found.verdict, found.stays_down) == ("unproven", ())
    assert found.why == "web (100) is pinned to CPU 8: does h2 have so many?"
    away = small("h2", cpu_threads=None, status="offline")
    beside = answer(HOSTS[0], away, small("h3"), web(pinned_cpus=("8",)))
    assert {c.lost: c for c in beside.cases}["h1",].verdict == "pass"


def test_pins_are_shared_unless_the_policy_says_that_they_are_exclusive() -> None:
    guests = (web("1", pinned_cpus=("0-3",)), web("2", host_id="h2", pinned_cpus=("3-5",)))
    assert {c.lost: c for c in answer(*HOSTS[:2], *guests).cases}["h1",].verdict == "pass"
    exclusive = {"failover": {"exclusive_pins": True}}
    found = {c.lost: c for c in answer(*HOSTS[:2], *guests, policy=exclusive).cases}["h1",]
    assert (found.verdict, found.why) == (
        "fail",
        "web (1) must keep apart from others (pin to CPU 0, pin to CPU 1, pin to CPU 2 and 1 more)",
    )  # fmt: skip
    third = answer(*HOSTS, *guests, policy=exclusive)
    assert {c.lost: c for c in third.cases}["h1",].placed == (("web (1)", "h3"),)


# What is not known


def test_a_guest_that_may_not_be_running_does_not_prove_a_fail() -> None:
    big = web("1", power=None, memory_bytes=60 * GIB)
    full = [web(str(n), host_id=h, memory_bytes=40 * GIB) for n, h in ((2, "h2"), (3, "h3"))]
    found = case("h1", big, *full)
    assert (found.verdict, found.why) == ("unproven", "whether web (1) is running is not known")
    assert case("h1", web("1", power=None), *full).verdict == "pass"


def test_a_running_guest_of_unknown_host_leaves_every_case_unproven() -> None:
    found = answer(*HOSTS, web("1"), web("2", host_id=None))
    assert {c.verdict for c in found.cases} == {"unproven"}
    assert found.cases[0].why == "host not known of web (2)"


def test_without_any_host_of_known_size_nothing_is_proven() -> None:
    blind = [host(name, memory_bytes=None) for name in ("h1", "h2")]
    assert answer(*blind, web()).failover == "unproven"


# When not all fit


def test_the_least_critical_stay_down() -> None:
    small = [host(name, memory_bytes=64 * GIB) for name in ("h1", "h2")]
    guests = [
        web(str(n), memory_bytes=size * GIB, tags=(f"crit.{n}",))
        for n, size in ((1, 20), (2, 20), (4, 30))
    ]
    found = {c.lost: c for c in answer(*small, *guests, web("9", host_id="h2")).cases}["h1",]
    assert found.stays_down == ("web (4)",)
    assert found.at_least == 1


def test_the_smallest_change_is_enough_and_names_both_ways() -> None:
    small = [host(name, memory_bytes=64 * GIB) for name in ("h1", "h2")]
    guests = [
        web("1", memory_bytes=50 * GIB),
        web("2", host_id="h2", memory_bytes=20 * GIB),
        web("3", host_id="h2", memory_bytes=4 * GIB),
    ]
    found = {c.lost: c for c in answer(*small, *guests).cases}["h1",]
    assert found.stays_down == ("web (1)",)
    assert found.smallest_change == "10 GiB more memory on h2, or web (1) shrunk by 10 GiB"
    more = [small[0], host("h2", memory_bytes=74 * GIB)]
    assert {c.lost: c for c in answer(*more, *guests).cases}["h1",].verdict == "pass"


def test_a_less_critical_guest_may_be_stopped_a_more_critical_one_not() -> None:
    bins = [Bin(name, 10.0 * GIB, 40.0, 10.0) for name in ("a", "b")]
    moving = [Load(f"m{i}", "a", 3 * GIB, 1.0, rank=2) for i in range(3)]
    for rank, change in ((3, ", or s (6 GiB) stopped on b"), (1, "")):
        staying = Load("s", "b", 6 * GIB, 1.0, rank=rank)
        [found] = [c for c in failover_cases(bins, [*moving, staying], k=1) if c.lost == ("a",)]
        assert found.smallest_change == f"5 GiB more memory on b{change}"


def test_who_must_be_started_by_hand_is_named() -> None:
    kept = HaResource(guest_id="1", cluster="c", requested="started")
    ignored = HaResource(guest_id="2", cluster="c", requested="ignored")
    guests = [web("1"), web("2"), web("3")]
    assert case("h1", *guests, kept, ignored).by_hand == ("web (2)", "web (3)")
    unseen = [health(hidden=("ha_resource",))]
    assert case("h1", *guests, kept, sources=unseen).by_hand == ()


# Racks, rooms, sites; and beyond


def test_a_rack_takes_its_hosts_together() -> None:
    owners = {
        "hosts": {
            "h1": {"site": "A", "rack": "1"},
            "c/h2": {"site": "A", "rack": "1"},
            "h3": {"site": "A", "rack": "2"},
            "h4": {"site": "B", "rack": "1"},
        }
    }
    hosts = [*HOSTS, host("h4", memory_bytes=64 * GIB)]
    guests = [web(str(n), host_id=f"h{n}", memory_bytes=30 * GIB) for n in (1, 2, 3, 4)]
    found = answer(*hosts, *guests, owners=owners)
    told = {c.domain: (c.lost, c.verdict) for c in found.domain_cases}
    assert told == {
        "rack 1, site A": (("h1", "h2"), "pass"),
        "site A": (("h1", "h2", "h3"), "fail"),
    }
    assert found.failover == "pass"  # of hosts; a rack is told beside it
    assert found.stays_down == ()


def test_a_site_that_holds_every_host_takes_everything_down() -> None:
    owners = {"hosts": {f"h{n}": {"site": "A"} for n in (1, 2, 3)}}
    [found] = answer(*HOSTS, web(), owners=owners).domain_cases
    assert (found.verdict, found.stays_down) == ("fail", ("web (100)",))
    assert found.why == "web (100) has no host left"


def bins(count: int, size: float = 10.0) -> list[Bin]:
    return [Bin(f"h{i}", size, size, size) for i in range(count)]


def resilience(hosts: list[Bin], loads: list[Load], k: int = 1) -> tuple[int | None, str]:
    found = overall(list(failover_cases(hosts, loads, k=k)))
    answered = FailoverTest(hosts, loads).resilience(k, found)
    return answered.tolerates, answered.maintenance


@pytest.mark.parametrize(
    ("size", "tolerates", "maintenance"), [(2, 3, "pass"), (4, 2, "pass"), (6, 0, "fail")]
)
def test_how_many_hosts_may_be_lost_at_once(size: int, tolerates: int, maintenance: str) -> None:
    loads = [Load(f"g{i}", f"h{i}", size, 1.0) for i in range(4)]
    assert resilience(bins(4), loads) == (tolerates, maintenance)


def test_where_two_are_too_many_one_may_still_be_lost() -> None:
    loads = [Load(f"g{i}", f"h{i}", 5, 1.0) for i in range(3)]
    assert resilience(bins(3), loads, k=2) == (1, "fail")


def test_of_two_hosts_none_may_be_away() -> None:
    assert resilience(bins(2), [Load("g", "h0", 1, 1.0)]) == (1, "fail")


def test_too_many_sets_are_not_tried_and_that_is_said() -> None:
    hosts = bins(70)
    loads = [Load(f"g{i}", f"h{i}", 1, 1.0) for i in range(70)]
    cases = list(failover_cases(hosts, loads, k=2))
    assert cases[-1].verdict == "unproven"
    assert cases[-1].why == "only 1953 of 2415 sets of hosts were tried, those of the fullest"
    assert overall(cases) == "unproven"


# The core at size


def test_ten_thousand_guests_on_two_hundred_hosts_are_packed_to_the_bound() -> None:
    sizes = (4, 8, 8, 16, 24, 64)
    hosts = [Bin(f"h{i:03}", 900.0, 400.0, 64.0) for i in range(200)]
    loads = [
        Load(f"g{i}", f"h{i % 200:03}", sizes[i * 7919 % 6], float(1 + i % 4))
        for i in range(10_000)
    ]
    cases = list(failover_cases(hosts, loads, k=1))
    assert len(cases) == 200
    assert overall(cases) == "pass"
    tight = [Bin(host.name, 895.0 if i else 1030.0, 400.0, 64.0) for i, host in enumerate(hosts)]
    for found in failover_cases(tight, loads, k=1):
        moved = len(found.placed) + len(found.stays_down)
        assert len(found.stays_down) - found.at_least <= 0.02 * moved


def test_a_swap_finds_what_placing_once_does_not() -> None:
    gaps = [Bin("a", 10.0, 99.0, 99.0), Bin("b", 9.0, 99.0, 99.0)]
    sizes = {"p": 6, "q": 5, "r": 4, "s": 4}
    loads = [Load(name, None, size, 1.0) for name, size in sizes.items()]
    assert pack(loads, gaps).verdict == "pass"


def test_the_hosts_that_guests_need_stand_beside_their_lower_bound() -> None:
    """Example 27 in a pool: 10 guests of 8 vCPUs / 64 GiB on hosts of 128 vCPUs / 409.6 GiB."""
    hosts = [host(f"h{i}", memory_bytes=round(409.6 * GIB)) for i in range(3)]
    guests = [
        guest(f"{i}", host_id=f"h{i % 3}", vcpus=8.0, memory_bytes=64 * GIB) for i in range(10)
    ]
    place = estate(*hosts, *guests)
    [pool] = pools_of(place)
    needed = needed_in(place, pool)
    assert str(needed) == (
        "hosts like h0 that its guests need, none kept free: at least 2, packed into 2 "
        "(gap 0.0 %); it has 3"
    )
    blind = estate(*hosts, *guests, guest("x", vcpus=None))
    assert needed_in(blind, pools_of(blind)[0]) is None
