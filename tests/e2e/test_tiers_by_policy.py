"""Tiers of the policy, as files through the command line."""

from __future__ import annotations

from pathlib import Path

import pytest

from site_files import GIB, Site, guest, host

TIERS = """\
[threshold]
memory = 0.8

[tiers.1]
threshold = {memory = 0.6}
failover_hosts = 2
"""
EXCLUDED = """\
version: 1
exclusions:
  - {pool: c11, from: 2026-11-01, to: 2026-11-02, reason: restore, author: Diskominfo}
  - {source: sight, from: 2026-11-01, to: 2026-11-02, reason: outage, author: Diskominfo}
"""


def test_a_tier_rules_its_cluster_and_no_other(tmp_path: Path) -> None:
    site = Site(tmp_path, policy=TIERS).write(
        hosts=[
            *(host(f"a{i}", memory=100 * GIB, reserved_memory_bytes=0) for i in range(4)),
            *(
                host(f"b{i}", cluster="c2", memory=100 * GIB, reserved_memory_bytes=0)
                for i in range(4)
            ),
        ],
        guests=[
            guest("top", "a0", tags="crit.1"),
            guest("plain", "a1"),
            guest("low", "b0", cluster="c2", tags="crit.3"),
        ],
    )
    site.collect()
    strict, plain = site.pool("memory", "demand", "c1"), site.pool("memory", "demand", "c2")
    assert (strict["k"], strict["threshold"]) == (2, 0.6)
    assert strict["usable"] == pytest.approx(0.6 * 200)
    assert "tier:1" in strict["flags"]
    assert (plain["k"], plain["threshold"]) == (1, 0.8)
    assert plain["usable"] == pytest.approx(0.8 * 300)
    assert "tier" not in plain["flags"]
    told = site.run("explain", "pool/c1/memory/demand/usable")
    assert "factor 0.6 (threshold.memory, policy); k = 2" in told
    assert "tiers.1.failover_hosts = 2 holds, the strictest here: top (top)" in told


def test_a_fault_in_a_tier_is_one_line_with_its_line(tmp_path: Path) -> None:
    site = Site(tmp_path, policy="[tiers.1]\nfailover_host = 2\n").write(
        hosts=[host("h0")], guests=[guest("g", "h0")]
    )
    site.collect()
    ran = site.call("capacity")
    assert ran.returncode == 2
    [line] = ran.stderr.splitlines()
    assert "policy.toml:2" in line
    assert "did you mean 'failover_hosts'?" in line


def test_an_exclusion_of_an_unknown_pool_or_source_is_told(tmp_path: Path) -> None:
    site = Site(tmp_path, estate=EXCLUDED).write(hosts=[host("h0")], guests=[guest("g", "h0")])
    site.collect()
    checked = site.call("estate", "check")
    assert checked.returncode == 2
    pool, source = checked.stdout.splitlines()
    assert "estate.yaml:3: exclusion from 2026-11-01: no pool is named 'c11'" in pool
    assert "did you mean 'c1'?" in pool
    assert "estate.yaml:4: exclusion from 2026-11-01: no source is named 'sight'" in source
    assert "did you mean 'site'?" in source
