"""The Proxmox collector over real HTTPS against the API double: ways, rights, faults, history."""

from __future__ import annotations

import json
import os
import re
import signal
import socket
import sqlite3
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl

import pytest
from pydantic import SecretStr

from collectors.contract import BadAnswer, Budget, Source, Unauthorised, Unreachable
from collectors.proxmox import ProxmoxCollector, ProxmoxOptions
from collectors.proxmox.wire import Request, Wire, seen_fingerprint
from inventory.platform_records import (
    Certificate,
    ClusterState,
    FailedTask,
    Firewall,
    FirewallRule,
    HostNetwork,
    Package,
    PhysicalDisk,
    Service,
    StorageHealth,
)
from inventory.records import Backup, Guest, Host, Snapshot
from lab.pve_double import Served, serve
from lab.pve_model import Token
from lab.pve_synthetic import AUDITOR, BLIND, POOLED, RESTORER, synthetic, troubled
from patience import PATIENCE_SECONDS, Stoppable, until
from pve_recorded import Project

NOW = datetime(2026, 11, 23, 1, 0, tzinfo=UTC)


@pytest.fixture
def served() -> Iterator[Served]:
    with serve(synthetic(3, 12, now=NOW.timestamp(), version="8.4.21")) as running:
        yield running


@pytest.fixture(scope="module")
def troubles() -> Iterator[Served]:
    with serve(troubled(now=NOW.timestamp())) as running:
        yield running


def source_for(
    served: Served, token: Token = AUDITOR, urls: tuple[str, ...] = (), **options: Any
) -> Source[ProxmoxOptions]:
    user, name = token.id.split("!")
    trust = {"ca_file": served.ca_file} if not {"fingerprint", "verify"} & set(options) else {}
    return Source(
        name="pve",
        kind="proxmox",
        options=ProxmoxOptions(
            url=urls or (served.url,), user=user, token_name=name, token="env:X",
            **(trust | options),
        ),
        secrets={"token": SecretStr(token.secret)},
    )  # fmt: skip


def poll(source: Source[ProxmoxOptions], seconds: float = 300.0) -> Snapshot:
    collector = ProxmoxCollector()
    raw = collector.fetch(source, Budget(seconds))
    json.dumps({"context": raw.context, "answers": raw.answers})  # JSON can hold it
    return collector.parse(raw, source="pve", taken_at=NOW)


def configured(served: Served, folder: Path, token: Token = AUDITOR, **more: Any) -> Project:
    user, name = token.id.split("!")
    (folder / "pve.token").write_text(token.secret)
    (folder / "pve.token").chmod(0o600)
    extra = "".join(f"{key} = {json.dumps(value)}\n" for key, value in more.items())
    return Project(folder).configure(
        f'[[sources]]\nname = "pve"\nkind = "proxmox"\nurl = "{served.url}"\nuser = "{user}"\n'
        f'token_name = "{name}"\ntoken = "file:pve.token"\nca_file = "{served.ca_file}"\n{extra}'
    )


# Ways to the server


def test_a_ca_file_verifies_the_server(served: Served) -> None:
    assert len(poll(source_for(served)).of(Guest)) == 12


def test_a_pinned_fingerprint_is_enough(served: Served) -> None:
    assert seen_fingerprint(served.url) == served.fingerprint
    assert len(poll(source_for(served, fingerprint=served.fingerprint)).of(Guest)) == 12


def test_another_certificate_than_the_pinned_one_is_refused(served: Served) -> None:
    with pytest.raises(Unreachable, match="not the pinned one") as caught:
        poll(source_for(served, fingerprint=":".join(["AA"] * 32)))
    assert served.fingerprint in str(caught.value)
    assert served.requests == 0


def test_an_unknown_authority_is_refused_and_says_what_to_do(served: Served) -> None:
    with pytest.raises(Unreachable, match="set ca_file") as caught:
        poll(source_for(served, verify=True))
    assert served.fingerprint in str(caught.value)


def test_an_expired_certificate_is_said_to_be_expired() -> None:
    with (
        serve(
            synthetic(1, 1, now=NOW.timestamp()), not_after=datetime.now(UTC) - timedelta(days=1)
        ) as served,
        pytest.raises(Unreachable, match="has expired"),
    ):
        poll(source_for(served))


def test_endpoints_are_tried_in_turn(served: Served) -> None:
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        dead = f"https://127.0.0.1:{closed.getsockname()[1]}"
        found = poll(source_for(served, urls=(dead, served.url)))
    assert len(found.of(Guest)) == 12


def test_when_no_endpoint_answers_each_reason_is_told() -> None:
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        port = closed.getsockname()[1]
        urls = (f"https://127.0.0.1:{port}", "https://no-such-host.invalid:8006")
        options = ProxmoxOptions(url=urls, user="a@pve", token_name="t", token="env:X")
        source = Source("x", "proxmox", options, secrets={"token": SecretStr("s")})
        with pytest.raises(Unreachable) as caught:
            poll(source)
    assert "connection refused" in str(caught.value)
    assert "no-such-host.invalid" in str(caught.value)


def test_a_server_that_accepts_and_says_nothing_is_given_up_in_time() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        options = ProxmoxOptions(
            url=(f"https://127.0.0.1:{silent.getsockname()[1]}",),
            user="a@pve", token_name="t", token="env:X",
        )  # fmt: skip
        source = Source("x", "proxmox", options, secrets={"token": SecretStr("s")})
        began = time.monotonic()
        with pytest.raises(Unreachable, match="no answer in time"):
            poll(source, seconds=1.0)
        assert time.monotonic() - began < 30  # of which a slow machine takes the most


# Read-only by construction


def test_no_verb_but_get_can_leave_the_process(served: Served) -> None:
    with Wire(served.url, source_for(served), Budget(300)) as wire:
        for verb in ("post", "put", "delete", "create", "set"):
            with pytest.raises(BadAnswer, match="only reads"):
                getattr(wire._api("nodes/node001/status"), verb)(command="reboot")
    assert served.refused == {}
    assert served.requests == 0


def test_a_redirect_is_refused(served: Served) -> None:
    served.broken["/cluster/resources"] = (302, "Found", b"")
    found = poll(source_for(served))
    assert found.of(Guest) == ()
    assert any(gap.kind == "guest" and gap.state == "failed" for gap in found.coverage)


def test_the_token_is_sent_to_no_proxy(served: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HTTPS_PROXY", "https_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:1")
    assert len(poll(source_for(served)).of(Guest)) == 12


# Rights


def test_a_refused_token_is_told_without_its_secret(served: Served) -> None:
    wrong = Token(AUDITOR.id, "not-the-secret")
    with pytest.raises(Unauthorised, match="refused the token") as caught:
        poll(source_for(served, wrong))
    assert "not-the-secret" not in str(caught.value)


def test_without_rights_everything_is_hidden_and_nothing_is_none(served: Served) -> None:
    found = poll(source_for(served, BLIND))
    states = {part.kind: part.state for part in found.coverage if not part.scope}
    shown = {kind for kind, state in states.items() if state == "complete"}
    assert shown == {  # told to everyone
        "certificate", "host.subscription", "host_network", "realm", "role",
    }  # fmt: skip
    assert {state for kind, state in states.items() if kind not in shown} == {"hidden"}
    assert set(states) - shown >= {
        "host", "guest", "disk", "nic", "guest_snapshot", "datastore", "backup_job", "backup",
        "cluster_state", "failed_task", "firewall", "firewall_rule", "host.repositories",
        "package", "physical_disk", "service", "storage_health", "volume",
    }  # fmt: skip
    beyond = {part.kind for part in found.coverage if part.is_beyond_reach}
    assert beyond == {"filesystem", "volume"}
    assert all(
        "pveum acl modify / " in part.remedy
        for part in found.coverage
        if part.is_gap and not part.is_beyond_reach
    )
    assert found.of(FailedTask) == found.of(ClusterState) == ()
    assert found.guests_reported is None


def test_a_pool_token_sees_a_part_and_says_so(served: Served) -> None:
    found = poll(source_for(served, POOLED))
    assert len(found.of(Guest)) == 6
    assert {p.state for p in found.coverage if (p.kind, p.scope) == ("guest", "")} == {"partial"}
    seen = {p.scope for p in found.coverage if p.kind == "disk" and p.state == "complete"}
    assert seen == {f"guest/{guest.guest_id}" for guest in found.of(Guest)}


# What the platform tells of itself


def test_a_node_in_a_bad_state_is_told_as_it_is(troubles: Served) -> None:
    found = poll(source_for(troubles))
    [host] = [host for host in found.of(Host) if host.name == "node001"]
    assert host.subscription == "notfound"
    assert host.repositories == ("ceph-squid/no-subscription", "main", "pve-no-subscription")
    assert (host.boot_mode, host.secure_boot) == ("efi", False)
    assert (host.transport, host.transport_encrypted) == ("https", True)
    assert host.booted_at == NOW - timedelta(days=40)
    disks = {d.device: d for d in found.of(PhysicalDisk) if d.host_id == "node001"}
    assert (disks["/dev/sdb"].health, disks["/dev/sdb"].wearout_ratio) == ("FAILED", 0.96)
    assert (disks["/dev/sdc"].serial, disks["/dev/sdc"].wearout_ratio) == (None, None)
    certificates = {c.subject: c for c in found.of(Certificate)}
    assert certificates["node001/pve-ssl.pem"].expires_at == NOW + timedelta(days=5)
    [old] = [p for p in found.of(Package) if p.installed not in ("", p.available)]
    assert old.subject == "node001/pve-qemu-kvm"
    assert {s.subject for s in found.of(Service) if s.state != "running"} == {"node001/pvestatd"}
    assert [(t.kind, t.about, t.outcome) for t in found.of(FailedTask)] == [
        ("vzdump", "100", "job errors"), ("qmigrate", "101", "migration aborted"),
    ]  # fmt: skip
    assert "root@pam" not in repr(found.of(FailedTask))


def test_what_stands_below_the_datastores_has_a_health(troubles: Served) -> None:
    health = {one.subject: one for one in poll(source_for(troubles)).of(StorageHealth)}
    assert set(health) == {"node001/zfs/rpool", "node002/lvmthin/pve/data", "/ceph/ceph"}
    assert health["node001/zfs/rpool"].health == "DEGRADED"
    assert health["node001/zfs/rpool"].fragmentation_ratio == 0.41
    assert health["node002/lvmthin/pve/data"].metadata_used_ratio == 0.91
    assert health["/ceph/ceph"].health == "HEALTH_WARN"
    assert health["/ceph/ceph"].detail == "OSD_DOWN: 1 osds down"


def test_the_cluster_and_its_firewall_are_told(troubles: Served) -> None:
    found = poll(source_for(troubles))
    [state] = found.of(ClusterState)
    assert state == ClusterState(
        cluster="troubled", quorate=False, hosts_expected=3, quorum_device=False,
        migration_encrypted=False, metric_targets=1, ha_master="active",
    )  # fmt: skip
    walls = [one for one in found.of(Firewall) if not one.level.startswith("guest/")]
    levels = {one.level: (one.enabled, one.policy_in) for one in walls}
    assert levels == {
        "cluster": (True, "ACCEPT"), "host/node001": (False, ""), "host/node002": (True, ""),
        "host/node003": (True, ""),
    }  # fmt: skip
    rules = {one.subject: one for one in found.of(FirewallRule)}
    assert set(rules) == {
        "cluster#0", "cluster#1", "group/web#0", "host/node001#0", "guest/100#0",
    }  # fmt: skip
    assert (rules["cluster#0"].macro, rules["cluster#0"].source) == ("SSH", "")
    assert (rules["cluster#1"].direction, rules["cluster#1"].action) == ("group", "web")
    assert rules["group/web#0"].ports == "443"
    assert "Siti" not in repr(rules)


def test_a_bridge_over_a_bond_is_told_with_its_ports(served: Served) -> None:
    found = {one.name: one for one in poll(source_for(served)).of(HostNetwork)}
    assert found["vmbr0"].ports == ("bond0",)
    assert found["vmbr0"].vlan_aware is True
    assert found["bond0"].ports == ("eno1", "eno2")
    assert found["eno1"].vlan_aware is None


def test_pressure_is_known_from_9_on() -> None:
    for version, known in (("8.4.21", (None, None, None)), ("9.2.11", (0.125, 0.0025, 0.03))):
        with serve(troubled(now=NOW.timestamp(), version=version)) as served:
            host = poll(source_for(served)).of(Host)[0]
        assert known == (
            host.cpu_pressure_ratio, host.memory_pressure_ratio, host.io_pressure_ratio,
        )  # fmt: skip


def test_software_that_is_not_installed_is_none_and_no_gap(served: Served) -> None:
    found = poll(source_for(served))
    assert found.of(StorageHealth) == ()
    states = {part.state for part in found.coverage if part.kind == "storage_health"}
    assert states == {"complete"}


def test_a_healthy_cluster_leaves_only_what_no_right_shows(served: Served) -> None:
    gaps = [part for part in poll(source_for(served)).coverage if part.is_gap]
    assert [(gap.kind, gap.is_beyond_reach) for gap in gaps] == [
        ("filesystem", True), ("volume", True),
    ]  # fmt: skip


def test_an_answer_about_a_node_that_fails_costs_only_itself(served: Served) -> None:
    for status, state in ((403, "hidden"), (500, "failed"), (595, "failed")):
        served.broken["/nodes/node002/services"] = (status, "some reason", b"")
        found = poll(source_for(served))
        gaps = [part for part in found.coverage if part.is_gap and part.kind != "volume"]
        assert {(gap.kind, gap.scope, gap.state) for gap in gaps if gap.kind == "service"} == {
            ("service", "host/node002", state)
        }
        assert {one.host_id for one in found.of(Service)} == {"node001", "node003"}


# Backups


def test_a_token_that_may_restore_gets_the_sizes(served: Served) -> None:
    for token, size in ((AUDITOR, None), (RESTORER, 8 * 1024**3)):
        found = poll(source_for(served, token))
        assert len(found.of(Backup)) == 12
        assert {one.bytes for one in found.of(Backup)} == {size}
        [part] = [p for p in found.coverage if p.kind == "backup" and p.scope]
        assert part.state == "complete"
        assert ("by its content" in part.reason) is (size is not None)


def test_when_pruning_cannot_be_tried_the_content_is_listed(served: Served) -> None:
    served.broken["/nodes/node001/storage/backup/prunebackups"] = (500, "it broke", b"")
    found = poll(source_for(served, RESTORER))
    assert len(found.of(Backup)) == 12
    assert {p.state for p in found.coverage if p.kind == "backup"} == {"complete"}


def test_an_empty_content_is_no_proof_that_there_are_no_backups(served: Served) -> None:
    served.broken["/nodes/node001/storage/backup/prunebackups"] = (500, "it broke", b"")
    found = poll(source_for(served))
    assert "/nodes/node001/storage/backup/content" in served.asked
    assert found.of(Backup) == ()
    parts = {p.scope: p for p in found.coverage if p.kind == "backup"}
    assert {part.state for part in parts.values()} == {"partial"}
    assert "it broke" in parts["datastore/backup"].reason


# Faults: each ends in a gap, and everything else is stored


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (b"<html>maintenance</html>", "not JSON"),
        (b'{"data": [', "not JSON"),
        (b"[]", "no data"),
        (b'{"data": null}', ""),
        (b'{"data": {"odd": 1}}', ""),
        (b"", "not JSON"),
    ],
)
def test_an_odd_answer_costs_only_what_it_was_about(
    served: Served, body: bytes, reason: str
) -> None:
    served.broken["/nodes/node001/qemu/100/config"] = (200, "OK", body)
    found = poll(source_for(served))
    assert len(found.of(Guest)) == 12
    odd = next(guest for guest in found.of(Guest) if guest.guest_id == "100")
    assert odd.vcpus is None
    gap = next(p for p in found.coverage if p.scope == "guest/100" and p.kind == "disk")
    assert gap.state == "failed"
    assert reason in gap.reason


@pytest.mark.parametrize("status", [400, 403, 500, 501, 595, 596, 599])
def test_an_error_status_is_a_gap(served: Served, status: int) -> None:
    served.broken["/cluster/backup"] = (status, "some reason", b"")
    found = poll(source_for(served))
    [gap] = [p for p in found.coverage if p.kind == "backup_job"]
    assert gap.state == ("hidden" if status == 403 else "failed")
    assert "some reason" in gap.reason
    assert len(found.of(Guest)) == 12


def test_a_huge_answer_is_not_swallowed(served: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("collectors.proxmox.wire._LARGEST_ANSWER_BYTES", 2_000)
    found = poll(source_for(served))
    [gap] = [p for p in found.coverage if p.kind == "guest" and not p.scope]
    assert "larger than" in gap.reason


def test_a_dead_node_is_asked_nothing_and_its_guests_are_listed() -> None:
    cluster = synthetic(3, 12, now=NOW.timestamp())
    cluster.nodes = [
        node if node.name != "node002" else type(node)(name="node002", dead=True)
        for node in cluster.nodes
    ]
    with serve(cluster) as served:
        found = poll(source_for(served))
        asked = [path for path in served.asked if path.startswith("/nodes/node002/")]
    assert asked == []
    lost = [guest for guest in found.of(Guest) if guest.host_id == "node002"]
    assert len(lost) == 4
    assert {guest.vcpus for guest in lost} == {None}


def test_a_node_that_dies_during_the_poll_is_waited_for_once(served: Served) -> None:
    for path in ("status", "qemu/101/config", "qemu/101/snapshot", "qemu/104/config"):
        served.broken[f"/nodes/node002/{path}"] = (595, "No route to host", b"")
    served.broken["/nodes/node002/qemu/104/snapshot"] = (595, "No route to host", b"")
    source = source_for(served)
    raw = ProxmoxCollector().fetch(source, Budget(300, max_parallel=1))
    found = ProxmoxCollector().parse(raw, source="pve", taken_at=NOW)
    asked = [path for path in served.asked if path.startswith("/nodes/node002/")]
    assert asked == ["/nodes/node002/status"]
    assert len(found.of(Guest)) == 12


def test_when_time_runs_out_what_came_is_kept(served: Served) -> None:
    budget = Stoppable(60)
    served.happens["/nodes/node001/qemu/100/config"] = budget.over.set
    raw = ProxmoxCollector().fetch(source_for(served), budget)
    found = ProxmoxCollector().parse(raw, source="pve", taken_at=NOW)
    assert len(found.of(Guest)) == 12
    late = [p for p in found.coverage if p.is_gap and "used up" in p.reason]
    assert late
    assert served.asked["/nodes/node003/qemu/111/config"] == 0


def test_requests_run_side_by_side_but_no_more_than_allowed(served: Served) -> None:
    served.latency_seconds = 0.05
    ProxmoxCollector().fetch(source_for(served), Budget(300, max_parallel=4))
    assert 1 < served.most_at_once <= 4


# Through the program


def test_rates_come_from_the_second_poll(served: Served, tmp_path: Path) -> None:
    project = configured(served, tmp_path, backfill_seconds=0)
    assert project.call("collect", now=NOW).returncode == 0
    served.cluster.now += 300
    assert project.call("collect", now=NOW + timedelta(seconds=300)).returncode == 0
    with closing(sqlite3.connect(tmp_path / "inventory.db")) as database:
        rows = database.execute(
            "SELECT net_in_bytes_per_second, disk_write_bytes_per_second FROM usage u "
            "JOIN entity e ON e.key = u.entity_key WHERE e.kind = 'guest' ORDER BY taken_at"
        ).fetchall()
    assert [row for row in rows[:12] if any(v is not None for v in row)] == []
    assert {tuple(round(value) for value in row) for row in rows[12:]} == {(25_000, 90_000)}


def test_a_backfill_resumes_after_it_was_killed(served: Served, tmp_path: Path) -> None:
    project = configured(served, tmp_path, backfill_seconds=0)
    assert project.call("collect", now=NOW).returncode == 0
    served.latency_seconds = 0.05
    process = subprocess.Popen(
        [sys.executable, "-m", "lumbung", "--config", str(tmp_path / "lumbung.toml"), "backfill"],
        env=dict(os.environ, LUMBUNG_NOW=NOW.isoformat()),
        stderr=subprocess.DEVNULL,
    )
    try:
        until(lambda: _steps_done(tmp_path) >= 6)
    finally:
        process.send_signal(signal.SIGKILL)
        process.wait(timeout=PATIENCE_SECONDS)
    done, asked_before = _steps_done(tmp_path), _history_asked(served)
    result = project.call("backfill", now=NOW)
    assert result.returncode == 0, result.stderr
    assert "complete" in result.stderr
    steps = 3 + 2 + 3 + 12  # nodes, storages, guests
    assert _steps_done(tmp_path) == steps
    assert len(_history_asked(served) - asked_before) == steps - done  # what was done is not asked
    assert project.call("db", "check").returncode == 0
    asked_before = _history_asked(served)
    assert project.call("backfill", now=NOW).returncode == 0
    assert _history_asked(served) == asked_before


def _steps_done(folder: Path) -> int:
    with closing(sqlite3.connect(folder / "inventory.db", timeout=PATIENCE_SECONDS)) as database:
        [count] = database.execute("SELECT count(*) FROM history_step").fetchone()
    return int(count)


def _history_asked(served: Served) -> Counter[str]:
    """How often each history was asked for."""
    return Counter({path: n for path, n in served.asked.items() if path.endswith("/rrddata")})


def test_the_first_report_already_has_a_forecast(served: Served, tmp_path: Path) -> None:
    project = configured(served, tmp_path)
    assert project.call("collect", now=NOW).returncode == 0
    rows = {
        (row["pool"], row["resource"], row["model"]): row
        for row in project.rows("capacity", now=NOW)
    }
    san = rows["san", "storage", "demand"]
    # 160 TiB usable, 120 TiB used, 60 GiB a day.
    assert san["runway_days"] == pytest.approx(40 * 1024 / 60, abs=12)
    assert san["growth_per_day"] == pytest.approx(60, rel=0.02)
    assert san["confidence"] in ("medium", "high")


# Ours → the recorded one, where the names differ; the declared one is the first without them.
SHAPES = {
    "/version": "/version",
    "/cluster/status": "/cluster/status",
    "/cluster/resources": "/cluster/resources",
    "/storage": "/storage",
    "/cluster/backup": "/cluster/backup",
    "/cluster/options": "/cluster/options",
    "/cluster/config/qdevice": "/cluster/config/qdevice",
    "/cluster/metrics/server": "/cluster/metrics/server",
    "/cluster/ha/status/current": "/cluster/ha/status/current",
    "/cluster/firewall/options": "/cluster/firewall/options",
    "/cluster/firewall/rules": "/cluster/firewall/rules",
    "/cluster/firewall/groups": "/cluster/firewall/groups",
    "/cluster/firewall/groups/web": "/cluster/firewall/rules",
    "/nodes/node001/status": "/nodes/pve1/status",
    "/nodes/node001/subscription": "/nodes/pve1/subscription",
    "/nodes/node003/subscription": "/nodes/pve1/subscription",
    "/nodes/node001/apt/repositories": "/nodes/pve1/apt/repositories",
    "/nodes/node001/apt/versions": "/nodes/pve1/apt/versions",
    "/nodes/node001/certificates/info": "/nodes/pve1/certificates/info",
    "/nodes/node001/services": "/nodes/pve1/services",
    "/nodes/node001/network": "/nodes/pve1/network",
    "/nodes/node001/disks/list": "/nodes/pve1/disks/list",
    "/nodes/node001/disks/zfs": "/nodes/pve1/disks/zfs",
    "/nodes/node002/disks/lvmthin": "/nodes/pve1/disks/lvmthin",
    "/nodes/node001/tasks?errors=1": "/nodes/pve1/tasks",
    "/nodes/node001/firewall/options": "/nodes/pve1/firewall/options",
    "/nodes/node001/firewall/rules": "/nodes/pve1/firewall/rules",
    "/nodes/node001/qemu/100/snapshot": "/nodes/pve1/qemu/100/snapshot",
    "/nodes/node001/qemu/100/pending": "/nodes/pve1/qemu/100/pending",
    "/nodes/node001/qemu/100/firewall/options": "/nodes/pve1/qemu/100/firewall/options",
    "/nodes/node001/qemu/100/firewall/rules": "/nodes/pve1/qemu/100/firewall/rules",
    "/nodes/node001/lxc/200/config": "/nodes/pve1/lxc/201/config",
    "/nodes/node001/lxc/200/firewall/options": "/nodes/pve1/lxc/201/firewall/options",
    "/cluster/ha/resources": "/cluster/ha/resources",
    "/cluster/ha/groups": "/cluster/ha/groups",
    "/cluster/replication": "/cluster/replication",
    "/nodes/node001/replication": "/nodes/pve1/replication",
    "/access/users?full=1": "/access/users?full=1",
    "/access/groups": "/access/groups",
    "/access/roles": "/access/roles",
    "/access/acl": "/access/acl",
    "/access/domains": "/access/domains",
    "/access/domains/pam": "/access/domains/pve",
    "/access/tfa": "/access/tfa",
    "/nodes/node001/rrddata?cf=AVERAGE&timeframe=week": (
        "/nodes/pve1/rrddata?cf=AVERAGE&timeframe=week"
    ),
    "/nodes/node001/qemu/100/rrddata?cf=AVERAGE&timeframe=week": (
        "/nodes/pve1/qemu/100/rrddata?cf=AVERAGE&timeframe=week"
    ),
    "/nodes/node001/storage/san/rrddata?cf=AVERAGE&timeframe=week": (
        "/nodes/pve1/storage/local/rrddata?cf=AVERAGE&timeframe=week"
    ),
    "/nodes/node001/storage/backup/prunebackups?prune-backups=keep-all%3D1": (
        "/nodes/pve1/storage/backup/prunebackups?prune-backups=keep-all%3D1"
    ),
}
# Where neither a recording nor the declared form tells: an SSD's wear, states of services on 8.
UNDECLARED = {
    "/nodes/node001/disks/list": {"[].type", "[].wearout"},
    "/nodes/node001/services": {
        "[].active-state", "[].desc", "[].name", "[].service", "[].state", "[].unit-state",
    },
    "/cluster/config/qdevice": {".Algorithm", ".Model", ".State"},
    "/cluster/metrics/server": {"[].id", "[].port", "[].server", "[].type"},
    "/cluster/firewall/groups": {"[].digest", "[].group"},
    "/nodes/node001/firewall/options": {".enable"},
    "/nodes/node001/firewall/rules": {
        "[].action", "[].digest", "[].dport", "[].enable", "[].pos", "[].type",
    },
    "/cluster/backup": set(),
    "/nodes/node001/qemu/100/firewall/rules": {"[].comment"},
    "/cluster/replication": {"[].comment"},
    "/nodes/node001/replication": {"[].comment", "[].error"},
    "/access/users": set(),
}  # fmt: skip


@pytest.mark.parametrize("ours", SHAPES)
def test_shapes_are_those_of_the_recorded_answers(troubles: Served, ours: str) -> None:
    """Every key that the double answers with is one that a real cluster answered with, or that
    its release declares."""
    path, _question, query = ours.partition("?")
    request = Request(path, dict(parse_qsl(query)) or None)
    with Wire(troubles.url, source_for(troubles), Budget(300)) as wire:
        answer = wire.ask(request)
    assert answer["status"] == 200
    mine = _shape(answer["body"])
    known = _known(SHAPES[ours])
    for key, kinds in mine.items():
        if key in UNDECLARED.get(path, ()):
            continue
        assert key in known, key
        assert kinds & known[key], (key, kinds, known[key])


@cache
def _recording() -> tuple[dict[str, Any], dict[str, Any]]:
    """The recorded answers by path, and the declared forms of the release."""
    from pve_recorded import CLUSTER, SHARED

    if not CLUSTER.exists():
        pytest.skip("no recorded cluster at hand")
    recording = json.loads(CLUSTER.read_text())
    declared = json.loads((SHARED / "proxmox" / "schema.json").read_text())["versions"]
    return recording, declared["8.4.21"]


def _known(path: str) -> dict[str, set[str]]:
    recording, declared = _recording()
    answer = recording[f"AUD GET {path}"]
    answer = recording[answer["same"]] if "same" in answer else answer
    known = _shape((answer.get("body") or {}).get("data"))
    plain = path.partition("?")[0].replace("/nodes/pve1", "/nodes/{node}")
    plain = re.sub(r"/(qemu|lxc)/\d+/", r"/\1/{vmid}/", plain)
    for key, kinds in _form(declared.get(plain, {}).get("returns", {})).items():
        known.setdefault(key, set()).update(kinds)
    return known


def _form(declared: dict[str, Any], place: str = "") -> dict[str, set[str]]:
    """A declared form as _shape would find it in an answer."""
    kind = declared.get("type")
    if kind == "object":
        found: dict[str, set[str]] = {}
        for key, inner in declared.get("properties", {}).items():
            found |= _form(inner, f"{place}.{key}")
        return found
    if kind == "array":
        return _form(declared.get("items", {}), f"{place}[]")
    return {place: {"number" if kind in ("integer", "number", "boolean") else "str"}}


def _shape(value: Any, place: str = "") -> dict[str, set[str]]:
    """Every key path in an answer with the kinds of value found there; numbers are one kind."""
    if isinstance(value, dict):
        found: dict[str, set[str]] = {}
        for key, inner in value.items():
            for path, kinds in _shape(inner, f"{place}.{key}").items():
                found.setdefault(path, set()).update(kinds)
        return found
    if isinstance(value, list):
        found = {}
        for inner in value:
            for path, kinds in _shape(inner, f"{place}[]").items():
                found.setdefault(path, set()).update(kinds)
        return found
    kind = "number" if isinstance(value, int | float) else type(value).__name__
    return {place: {kind}}


def test_a_history_is_read_no_further_ahead_than_requests_run_at_once(served: Served) -> None:
    """What no one has taken yet fills the memory: a year of a guest is a megabyte."""
    collector, source = ProxmoxCollector(), source_for(served)
    steps = collector.history_steps(poll(source))
    found = collector.fetch_history(source, steps, Budget(300, max_parallel=2))
    next(found)
    time.sleep(0.5)  # for what would run ahead
    begun = {path for path in served.asked if path.endswith("/rrddata")}
    assert len(begun) <= 1 + 2
    assert len(list(found)) == len(steps) - 1


def test_from_release_nine_on_a_node_remembers_ten_years() -> None:
    cluster = synthetic(1, 1, now=NOW.timestamp(), version="9.2.11")
    cluster.history_days = 4 * 365
    collector = ProxmoxCollector()
    with serve(cluster) as served:
        source = source_for(served)
        steps = collector.history_steps(poll(source))
        found = {
            step.entity: collector.parse_history(step, raw)
            for step, raw in collector.fetch_history(source, steps, Budget(300))
        }
        decades = [q for q in served.queries if q.get("timeframe") == "decade"]
    oldest = {entity: min(s.taken_at for s in history.usage) for entity, history in found.items()}
    assert (NOW - oldest["host"]).days == pytest.approx(4 * 365, abs=14)
    assert (NOW - oldest["guest"]).days < 366
    assert len(decades) == 1


def test_maxima_are_read_where_averages_are_too_coarse_for_a_day() -> None:
    collector = ProxmoxCollector()
    with serve(synthetic(1, 1, now=NOW.timestamp(), version="9.2.11")) as served:
        source = source_for(served)
        for step, raw in collector.fetch_history(
            source, collector.history_steps(poll(source)), Budget(300)
        ):
            history = collector.parse_history(step, raw)
            means = {(s.taken_at, s.period_seconds): s for s in history.usage}
            assert history.peaks
            for peak in history.peaks:
                assert peak.period_seconds == 21_600
                mean = means.get((peak.taken_at, peak.period_seconds))
                for name in ("memory_used_bytes", "storage_used_bytes"):
                    if mean is not None and getattr(mean, name) is not None:
                        assert getattr(peak, name) >= getattr(mean, name) * (1 - 1e-9)
        maxima = [q["timeframe"] for q in served.queries if q.get("cf") == "MAX"]
    assert set(maxima) == {"year"}
