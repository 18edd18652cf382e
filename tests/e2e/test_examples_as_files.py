"""The worked examples that need no history, as `files` directories through the command line."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from site_files import GIB, TIB, Site, datastore, disk, guest, host


def test_example_1_and_13_a_cluster_of_four(tmp_path: Path) -> None:
    site = Site(tmp_path).write(
        hosts=[host(f"h{i}") for i in range(4)],
        guests=[guest(f"g{i}", f"h{i % 4}", vcpus=7, memory=GIB) for i in range(50)],
    )
    site.collect()
    assert site.pool("memory", "demand")["usable"] == pytest.approx(1228.8)
    cpu = site.pool("cpu", "allocation")
    assert (cpu["usable"], cpu["allocated"], cpu["headroom"]) == (384, 350, 34)
    assert cpu["unit"] == "vcpus"
    assert cpu["overcommit_now"] == pytest.approx(2.734, abs=0.0005)
    assert cpu["overcommit_after_failure"] == pytest.approx(3.646, abs=0.0005)
    assert cpu["runway_reason"] == "not_enough_history"
    assert cpu["runway_days"] is None


def test_example_2_reserves(tmp_path: Path) -> None:
    site = Site(tmp_path).write(
        hosts=[host(f"h{i}", reserved_memory_bytes=8 * GIB) for i in range(4)],
        guests=[guest("g", "h0")],
    )
    site.collect()
    row = site.pool("memory", "demand")
    assert row["usable"] == pytest.approx(1209.6)
    assert "reserve_assumed" not in row["flags"]


def test_example_3_unequal_hosts(tmp_path: Path) -> None:
    sizes = (512, 512, 256, 256)
    site = Site(tmp_path).write(
        hosts=[host(f"h{i}", memory=size * GIB) for i, size in enumerate(sizes)],
        guests=[guest("g", "h0")],
    )
    site.collect()
    row = site.pool("memory", "demand")
    assert (row["ha_reserve"], row["usable"]) == (512, pytest.approx(819.2))
    assert "reserve_assumed" in row["flags"]


def test_example_14_a_threshold_from_the_policy(tmp_path: Path) -> None:
    site = Site(tmp_path, policy="[threshold]\ncpu = 0.80\n").write(
        hosts=[host(f"h{i}") for i in range(4)], guests=[guest("g", "h0")]
    )
    site.collect()
    assert site.pool("cpu", "demand")["usable"] == pytest.approx(76.8)


def test_example_16_thin_storage(tmp_path: Path) -> None:
    site = Site(tmp_path).write(
        hosts=[host("h0"), host("h1")],
        guests=[guest("g", "h0")],
        datastores=[datastore("san", capacity=100 * TIB, used=55 * TIB)],
        disks=[disk("g", "san", capacity=140 * TIB)],
    )
    site.collect()
    row = site.pool("storage", "demand")
    assert row["usable"] == 80 * 1024
    assert row["demand"] == 55 * 1024
    assert row["headroom"] == 25 * 1024
    assert row["overcommit_now"] == pytest.approx(1.40)
    assert f"thin_debt_gib:{85 * 1024}" in row["flags"]
    assert f"thin_exposure_gib:{40 * 1024}" in row["flags"]
    assert "demand_of_today" in row["flags"]


def just_now(site: Site, **levels: float) -> list[dict[str, object]]:
    """What every host used in the last five minutes."""
    at = site.now.isoformat()
    return [
        {"taken_at": at, "entity": "host", "entity_id": f"h{i}", "period_seconds": 300, **levels}
        for i in range(4)
    ]


def test_example_18_host_by_host_one_less_than_pooled(tmp_path: Path) -> None:
    policy = "[failover]\nhosts = 0\n[threshold]\nmemory = 1.0\n"
    site = Site(tmp_path, policy=policy)
    site.write(
        taken_at=site.now,
        hosts=[host(f"h{i}", memory=100 * GIB) for i in range(4)],
        guests=[guest(f"g{i}", f"h{i}", memory=80 * GIB) for i in range(4)],
        usage=just_now(site, memory_used_bytes=10 * GIB, cpu_used_cores=1),
    )
    site.collect()
    [row] = site.rows("fit", "--profile", "2/16/0")
    assert (row["pooled"], row["fit"]) == (5, 4)
    assert row["binding"] == "host by host"
    assert row["where"] == "h0: 1; h1: 1; h2: 1; h3: 1"
    assert row["fragmentation_pct"] == 20


def test_example_19_as_many_as_the_vcpus_allow(tmp_path: Path) -> None:
    site = Site(tmp_path)
    site.write(
        taken_at=site.now,
        hosts=[host(f"h{i}") for i in range(4)],
        guests=[guest(f"g{i}", f"h{i % 4}", vcpus=7, memory=GIB) for i in range(50)],
        usage=just_now(site, memory_used_bytes=250 * GIB, cpu_used_cores=1),
    )
    site.collect()
    [row] = site.rows("fit", "--profile", "M")
    assert (row["fit"], row["binding"]) == (8, "cpu/allocation")
    assert site.pool("cpu", "allocation")["fit_m"] == 8
    assert "memory/demand 14" in site.run("explain", "pool/c1/memory/demand/fit_m")
    [clone] = site.rows("fit", "--clone", "g7")
    assert (clone["profile"], clone["vcpus"], clone["fit"]) == ("g7 (g7)", 7, 4)


def test_example_26_an_imbalance_and_what_helps(tmp_path: Path) -> None:
    site = Site(tmp_path)
    shares = (0.40, 0.45, 0.50, 0.85)
    last = site.now - timedelta(hours=1)
    usage = [
        {
            "taken_at": (last - timedelta(hours=hour)).isoformat(),
            "entity": "host",
            "entity_id": f"h{i}",
            "period_seconds": 3600,
            "cpu_used_cores": 3.2,
            "memory_used_bytes": int(share * 100 * GIB),
        }
        for i, share in enumerate(shares)
        for hour in range(9 * 24)
    ]
    site.write(
        taken_at=site.now,
        hosts=[host(f"h{i}", memory=100 * GIB) for i in range(4)],
        guests=[guest(f"g{i}", "h3", memory=10 * GIB) for i in range(8)],
        usage=usage,
    )
    site.collect()
    rows = {row["resource"]: row for row in site.rows("balance")}
    memory = rows["memory"]
    assert (memory["state"], memory["fullest"], memory["mean_pct"]) == ("imbalanced", "h3", 55)
    assert (memory["over_mean_points"], memory["stdev_ratio"]) == (30, 0.1768)
    assert memory["moves"].startswith("g0 (g0) from h3 to h0")
    assert rows["cpu"]["state"] == "balanced"


def test_example_35_no_guest_is_larger_than_its_host(tmp_path: Path) -> None:
    site = Site(tmp_path)
    site.write(
        taken_at=site.now,
        hosts=[host(f"h{i}") for i in range(4)],
        guests=[guest("g", "h0")],
        usage=just_now(site, memory_used_bytes=GIB, cpu_used_cores=1),
    )
    site.collect()
    [row] = site.rows("fit", "--profile", "40/1/0")
    assert (row["fit"], row["binding"]) == (0, "host by host")


@pytest.mark.parametrize("size", ["XL", "4/16", "4/16/80/1", "0/4/40", "4/-1/40", "nan/4/40"])
def test_a_profile_that_is_no_size_is_refused(tmp_path: Path, size: str) -> None:
    site = Site(tmp_path).write(hosts=[host("h0")], guests=[guest("g", "h0")])
    site.collect()
    ran = site.call("fit", "--profile", size)
    assert ran.returncode == 2
    assert "is neither S, M, L, average nor VCPU/GIB/GIB" in ran.stderr
    assert "no guest is called 'nobody'" in site.call("fit", "--clone", "nobody").stderr
    assert "no pool is named 'x'" in site.call("fit", "--pool", "x").stderr


def test_a_rack_in_the_estate_file_is_a_case_of_its_own(tmp_path: Path) -> None:
    racks = "version: 1\nhosts: {h0: {rack: R1}, h1: {rack: R1}}\n"
    site = Site(tmp_path, estate=racks).write(
        hosts=[host(f"h{i}", memory=64 * GIB) for i in range(3)],
        guests=[guest(f"g{i}", f"h{i}", memory=40 * GIB) for i in range(2)],
    )
    site.collect()
    [rack] = [row for row in site.rows("failover") if row["domain"]]
    assert (rack["host"], rack["domain"], rack["verdict"]) == ("h0 h1", "rack R1", "fail")
    assert rack["stays_down_at_least"] == 1
    assert rack["smallest_change"] == "16 GiB more memory on h2, or g1 (g1) shrunk by 16 GiB"
    row = site.pool("memory", "demand")
    assert (row["failover_test"], row["tolerates_hosts"], row["maintenance_test"]) == (
        "pass", 1, "fail",
    )  # fmt: skip
    told = site.run("explain", "pool/c1/memory/demand/failover_test")
    assert "[rack R1]: fail" in told
    assert "hosts that may be lost at once: 1, proven" in told


def test_example_20_the_guest_that_stays_down_is_named(tmp_path: Path) -> None:
    hosts = [host(name, memory=256 * GIB) for name in "ABCD"]
    guests = [guest("big", "A", memory=160 * GIB)]
    guests += [guest(f"on-{name}", name, memory=150 * GIB) for name in "BCD"]
    site = Site(tmp_path).write(hosts=hosts, guests=guests)
    site.collect()
    verdicts = {row["host"]: row for row in site.rows("failover")}
    assert verdicts["A"]["verdict"] == "fail"
    assert verdicts["A"]["stays_down"] == "big (big)"
    assert verdicts["A"]["stays_down_count"] == 1
    row = site.pool("memory", "demand")
    assert (row["failover_test"], row["stays_down_count"]) == ("fail", 4)


def test_example_45_one_host_with_a_critical_guest(tmp_path: Path) -> None:
    site = Site(tmp_path).write(hosts=[host("h0")], guests=[guest("g", "h0", tags="crit.1")])
    site.collect()
    row = site.pool("memory", "demand")
    assert (row["k"], row["status"]) == (0, "act")
    assert row["usable"] == pytest.approx(0.80 * 512)
    assert "no_ha" in row["flags"]
    assert site.rows("failover")[0]["verdict"] == "not_applicable"


def test_a_pinned_guest_stays_down_where_its_cpus_are_missing(tmp_path: Path) -> None:
    site = Site(tmp_path).write(
        hosts=[host("h1", cores=32, cpu_threads=64), host("h2", cores=16, cpu_threads=32)],
        guests=[
            guest("db", "h1", pinned_cpus="40-43;48"),
            guest("web", "h1", pinned_cpus="0-3"),
            guest("app", "h1", pinned_cpus=";"),
        ],
    )
    site.collect()
    [lost] = [row for row in site.rows("failover") if row["host"] == "h1"]
    assert (lost["verdict"], lost["stays_down"]) == ("fail", "db (db)")
    assert lost["why"] == "db (db) is pinned to CPUs 40-43, 48 of h1"
    known = {row["guest_id"]: row["pinned_cpus"] for row in site.rows("inventory", "guests")}
    assert known == {"db": ["40-43", "48"], "web": ["0-3"], "app": []}


def test_a_list_of_cpus_that_is_none_is_told_with_its_place(tmp_path: Path) -> None:
    site = Site(tmp_path).write(hosts=[host("h1")], guests=[guest("db", "h1", pinned_cpus="3-Jan")])
    told = site.call("collect").stderr
    assert "guests.csv, line 2, column pinned_cpus: '3-Jan' is no list of CPUs" in told
