"""The worked examples that need no history, as `files` directories through the command line."""

from __future__ import annotations

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
