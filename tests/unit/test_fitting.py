"""How many more guests fit into the pools of an estate."""

from __future__ import annotations

from typing import Any

import pytest

from estates import answers, estate, health
from inventory.records import Record
from planner.estate import Estate
from planner.fitting import average_of, clone_of, fits_of, profiles_of, stores_for_guests
from planner.placement.fit import Fit, Profile
from planner.scenario.names import ScenarioError
from stored import GIB, datastore, disk, guest, host
from what_if import site, what_if

USED = {"memory": [4.0] * 30, "cpu": [1.0] * 30}
S = Profile("S", 2, 4 * GIB, 40 * GIB)


def hosts(count: int = 3, **more: Any) -> list[Record]:
    given = {"memory_bytes": 100 * GIB, "cpu_cores": 64.0, "reserved_memory_bytes": 0}
    return [host(f"h{i}", **(given | more)) for i in range(1, count + 1)]


def pool_fit(
    place: Estate, profile: Profile = S, *, kind: str = "cluster", past: dict[str, Any] = USED
) -> Fit:
    found = answers(place, **past)
    [pool] = [answer for answer in found if answer.pool.kind == kind]
    [fit] = fits_of(place, found, pool, [profile])
    return fit


def fit_of(*records: Record, profile: Profile = S, **more: Any) -> Fit:
    return pool_fit(estate(*records, **more), profile)


def test_memory_that_may_be_used_binds() -> None:
    found = fit_of(*hosts(), guest(memory_bytes=4 * GIB))
    assert (found.count, found.binding) == (39, "memory/demand")  # (0.8 × 200 − 4) ÷ 4
    assert found.lower_bound == 39
    assert sum(count for _host, count in found.where) == 39


def test_storage_is_counted_one_datastore_at_a_time() -> None:
    full = [datastore(name, capacity_bytes=100 * GIB, used_bytes=0) for name in ("a", "b")]
    disks = [disk(key=f"d{s.name}", datastore_id=s.name, capacity_bytes=GIB) for s in full]
    found = fit_of(*hosts(), guest(), *full, *disks)
    # 80 GiB each may be filled: two disks of 40 GiB on either, and 160 ÷ 40 together.
    assert (found.count, found.pooled, found.binding) == (4, 4, "storage of a, b")
    large = fit_of(*hosts(), guest(), *full, *disks, profile=Profile("x", 1, GIB, 50 * GIB))
    assert (large.count, large.pooled) == (2, 3)
    assert large.fragmentation_percent == pytest.approx(100 / 3)


@pytest.mark.parametrize(
    "facts",
    [
        {"content": ("backup", "iso")},
        {"shared": False},
        {"shared": None},
        {"enabled": False},
    ],
)
def test_what_takes_no_guests_disks_adds_none(facts: dict[str, Any]) -> None:
    given = {"capacity_bytes": 100 * GIB, "used_bytes": 0}
    stores = [datastore("a", **given), datastore("b", **(given | facts))]
    disks = [disk(key=f"d{n}", datastore_id=n, capacity_bytes=GIB) for n in ("a", "b")]
    assert fit_of(*hosts(), guest(), *stores, *disks).count == 2


def test_on_local_disks_guests_fit_too() -> None:
    local = datastore("a", shared=False, capacity_bytes=100 * GIB, used_bytes=0, hosts=("h1",))
    held = disk(datastore_id="a", capacity_bytes=GIB)
    assert fit_of(*hosts(), guest(), local, held).binding == "storage of a"


def test_a_datastore_fits_by_its_own_headroom() -> None:
    store = datastore(capacity_bytes=1000 * GIB, used_bytes=400 * GIB)
    found = pool_fit(estate(*hosts(), guest(), disk(), store), kind="datastore")
    assert (found.count, found.lower_bound) == (10, 10)
    assert found.binding == "storage/demand"


def test_a_failure_that_does_not_pack_keeps_the_proven_number_down() -> None:
    # 40 GiB may still be promised, which is three of 12; but when h1 dies, its three guests leave
    # 10 on one host and 30 on the other, and that takes two.
    full = [guest(str(i), host_id="h1", memory_bytes=20 * GIB) for i in range(3)]
    full += [guest(f"on {h}", host_id=h, memory_bytes=50 * GIB) for h in ("h2", "h3")]
    found = fit_of(*hosts(), *full, profile=Profile("x", 1, 12 * GIB, 0))
    assert (found.count, found.binding, found.lower_bound) == (3, "memory/allocation", 2)
    assert {limit.name for limit in found.limits} == {
        "cpu/demand", "cpu/allocation", "memory/demand", "memory/allocation", "host by host",
        "failover reserve",
    }  # fmt: skip


def test_a_host_in_maintenance_takes_none_now() -> None:
    away = [*hosts(2), host("h3", memory_bytes=100 * GIB, cpu_cores=64.0, status="maintenance")]
    assert "h3" not in dict(fit_of(*away, guest()).where)


# What is not known


@pytest.mark.parametrize(
    "records",
    [
        [*hosts(), guest(memory_bytes=None)],
        [*hosts(), guest(vcpus=None)],
        [*hosts(), guest(power=None)],
        [*hosts(2), host("h3", memory_bytes=None), guest()],
        [*hosts(), guest(), datastore(capacity_bytes=None), disk()],
        [*hosts(), guest(host_id=None)],
    ],
)
def test_what_is_not_known_of_the_pool_is_not_known_of_the_fit(records: list[Record]) -> None:
    found = fit_of(*records)
    assert (found.count, found.lower_bound, found.where) == (None, None, ())
    assert "not known" in found.binding


def test_without_any_demand_measured_there_is_an_upper_bound_alone() -> None:
    found = pool_fit(estate(*hosts(), guest()), past={})
    assert found.count is None
    assert found.pooled == 49  # by what is allocated: (200 − 4) ÷ 4
    assert found.binding == "cpu/demand not known, memory/demand not known"


def test_nothing_fits_where_one_limit_is_zero_whatever_else_is_not_known() -> None:
    crowded = [guest(str(i), host_id=f"h{i}", memory_bytes=99 * GIB) for i in (1, 2, 3)]
    assert pool_fit(estate(*hosts(), *crowded), past={}).count == 0


def test_a_failover_test_that_is_not_proven_proves_no_number() -> None:
    place = estate(*hosts(), guest(), disk(), datastore(shared=None, used_bytes=0))
    found = pool_fit(place)
    assert found.lower_bound is None


# Whose size


def test_the_profiles_are_the_policys() -> None:
    place = estate(policy={"profiles": {"S": {"memory_gib": 8}, "L": {"vcpus": 16}}})
    assert [(p.name, p.vcpus, p.memory_bytes / GIB) for p in profiles_of(place.policy)] == [
        ("S", 2, 8), ("M", 4, 16), ("L", 16, 32),
    ]  # fmt: skip


def test_the_average_is_of_guests_that_run_and_whose_size_is_known() -> None:
    place = estate(
        *hosts(),
        guest("1", vcpus=2, memory_bytes=4 * GIB),
        guest("2", vcpus=4, memory_bytes=12 * GIB),
        guest("3", vcpus=None),
        guest("4", power="stopped", vcpus=64),
        guest("5", template=True, vcpus=64),
        disk("1"),
        disk("2"),
        datastore(),
    )
    [pool] = [a.pool for a in answers(place) if a.pool.kind == "cluster"]
    found = average_of(place, pool)
    assert found == Profile("average", 3, 8 * GIB, 40 * GIB)
    assert average_of(estate(*hosts()), pool) is None


def test_a_clone_is_as_large_as_configured_with_all_its_disks() -> None:
    place = estate(*hosts(), guest("1", name="web"), disk("1"), disk("1", "scsi1"))
    [view] = place.guests
    assert clone_of(place, view) == Profile("web (1)", 2, 4 * GIB, 80 * GIB)
    assert view.is_called("web")
    assert view.is_called("c/1")
    assert not view.is_called("web2")


def pinned_fit(*records: Record, **more: Any) -> Fit:
    """How many clones of guest 1 fit beside it."""
    place = estate(*records, guest("1", pinned_cpus=("0-3",), memory_bytes=4 * GIB), **more)
    model = clone_of(place, next(view for view in place.guests if view.guest.guest_id == "1"))
    assert model is not None
    return pool_fit(place, model)


def test_a_clone_is_pinned_like_its_model() -> None:
    everywhere = pinned_fit(*hosts(cpu_threads=128))
    assert {host for host, _count in everywhere.where} == {"h1", "h2", "h3"}
    few = host("h3", memory_bytes=100 * GIB, reserved_memory_bytes=0, cpu_cores=2.0, cpu_threads=2)
    found = pinned_fit(*hosts(2, cpu_threads=128), few)
    assert {host for host, _count in found.where} == {"h1", "h2"}
    blind = few.model_copy(update={"cpu_threads": None})
    assert pinned_fit(*hosts(2, cpu_threads=128), blind).count is None


def test_of_exclusive_pins_a_host_takes_one() -> None:
    policy = {"failover": {"exclusive_pins": True, "hosts": 0}}
    found = pinned_fit(*hosts(cpu_threads=128), policy=policy)
    assert found.where == (("h2", 1), ("h3", 1))  # the model itself is on h1


def test_a_clone_of_unknown_size_is_none() -> None:
    for record in (guest(memory_bytes=None), guest(vcpus=None)):
        place = estate(*hosts(), record)
        assert clone_of(place, place.guests[0]) is None
    unsized = estate(*hosts(), guest(), disk(capacity_bytes=None))
    assert clone_of(unsized, unsized.guests[0]) is None


def test_what_new_guests_do_to_processors_is_learnt_from_those_that_run() -> None:
    # 2 vCPUs keep 20 cores busy: 10 a vCPU; (0.75 × 128 − 20) ÷ 20 is 3.
    busy = {"memory": [4.0] * 30, "cpu": [20.0] * 30}
    found = pool_fit(estate(*hosts(), guest()), past=busy)
    assert (found.count, found.binding) == (3, "cpu/demand")


def test_stale_sources_do_not_hide_what_fits() -> None:
    assert fit_of(*hosts(), guest(), sources=[health(stale=True)]).count is not None


# Datastores that hold no guests

BACKUPS = datastore("nas", kind="pbs", content=("backup",), used_bytes=0)
RING = {"storages": {"san": {"ring_buffer": True}}}


@pytest.mark.parametrize(
    ("given", "name", "why"),
    [
        ({"more": [BACKUPS]}, "nas", "it is pbs for backup"),
        ({"owners": RING}, "san", "it is the ring buffer of a recorder"),
    ],
)
def test_a_datastore_that_holds_no_guests_has_no_fit_and_takes_none(
    given: dict[str, Any], name: str, why: str
) -> None:
    place = site(**given)
    pool = place.by_pool["datastore", name]
    for one in fits_of(place.estate, place.answers, pool, profiles_of(place.estate.policy)):
        assert (one.count, one.pooled, one.lower_bound, one.binding) == (None, None, None, why)
    with pytest.raises(ScenarioError, match=f"{name} holds no guests: {why}; those of c that do"):
        what_if(place, {"add": {"count": 1, "pool": "c", "storage": name}})


def test_a_datastore_for_guests_is_named_where_another_is_refused() -> None:
    place = site(more=[BACKUPS])
    assert stores_for_guests(place.estate, place.answers) == ("san",)
    assert fits_of(place.estate, place.answers, place.by_pool["datastore", "san"],
                   profiles_of(place.estate.policy))[0].count == 55  # fmt: skip  # 2200 ÷ 40
