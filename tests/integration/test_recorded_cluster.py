"""A real three-node Proxmox VE 8.4 cluster, recorded, with two dead nodes; and single nodes."""

from __future__ import annotations

import json
import re
import sqlite3
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, TypeVar

import pytest

from inventory.facts import facts_at
from inventory.platform_records import (
    Certificate,
    ClusterState,
    Firewall,
    FirewallRule,
    Package,
    StorageHealth,
)
from inventory.records import Backup, Datastore, Host, Record
from inventory.sources import SourceState, sources_at
from inventory.store import Store
from planner.estate import Estate, SourceHealth
from planner.policy import Policy
from planner.risks.backup import backup_state
from planner.risks.catalogue import RULES
from planner.risks.engine import assess
from pve_recorded import (
    CLUSTER,
    RECORDED_AT,
    SINGLE_NODES,
    TRUTH,
    Project,
    Replay,
    as_cluster_recording,
    completed,
    recorded,
    replay,
)

K = TypeVar("K", bound=Record)

pytestmark = recorded
GIB = 1024**3
LATER = RECORDED_AT + timedelta(minutes=4)  # when it is polled again


@pytest.fixture(scope="module")
def truth() -> dict[str, Any]:
    found: dict[str, Any] = json.loads(TRUTH.read_text())
    return found


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Replay]:
    with replay(CLUSTER, tmp_path_factory.mktemp("replay")) as running:
        yield running


@pytest.fixture(scope="module")
def auditor(served: Replay) -> Project:
    """The cluster as collected with an auditor's token."""
    project = Project(served.counts.parent, RECORDED_AT).configure(served.source("AUD"))
    result = project.call("collect")
    assert result.returncode == 3, result.stderr  # its gaps are new
    return project


# Every risk that these groups find; each was looked up in the recorded configuration. What lies on
# the dead nodes is not known; that no guest there is classified or owned is.
RISKS = {
    ("HYP-003", "ct-files (201)"),
    ("HYP-004", "ct-files (201)"),  # unconfined, and drops no capability
    ("HYP-006", "web-dmz (101)"),  # hostpci0
    ("HYP-007", "web-dmz (101)"),  # args: -device
    ("HYP-008", "ci-runner (103)"),
    ("HYP-009", "ci-runner (103)"),  # no cpu: kvm64
    ("HYP-009", "forgotten-test (104)"),
    ("HYP-009", "linked-clone (9001)"),
    ("HYP-009", "web-dmz (101)"),  # x86-64-v2-AES without flags
    ("HYP-012", "pve1"),
    ("HYP-014", "web-dmz (101)"),  # net1 is an e1000
    ("HYP-015", "db-pg01 (102)"),  # vga: clipboard=vnc
    ("OWN-013", "lab"),
    ("PAT-001", "pve1"),  # 8.4
    ("PAT-005", "linked-clone (9001)"),  # no ostype
    ("PAT-009", "pve1"),  # notfound
    ("PRV-003", "db-pg01 (102)"),
    ("PRV-003", "dukcapil-app (100)"),
    ("PRV-009", "backup"),  # of 150, which is gone
    ("PRV-012", "ct-files (201)"),  # "old password …"
    ("PRV-012", "dukcapil-app (100)"),  # a login and an identity number
}
NOBODYS = {"110", "111", "210", "220", "ci-runner (103)", "ct-files (201)", "forgotten-test (104)",
           "linked-clone (9001)", "web-dmz (101)"}  # fmt: skip
UNCLASSIFIED = NOBODYS | {"120", "ct-docker (200)"}


def test_the_risks_of_lifecycle_isolation_and_privacy_are_true_and_no_others(
    auditor: Project,
) -> None:
    place = estate_of(auditor)
    groups = ("lifecycle", "hypervisor", "privacy", "own")
    rules = [rule for rule in RULES if rule.group in groups and rule.subject != "tool"]
    found = {(risk.rule.id, risk.subject.label) for risk in assess(place, (), rules).risks}
    told = {(rule, guest) for rule, guest in found if rule not in ("PRV-001", "PRV-002", "PRV-020")}
    assert told == RISKS
    assert {guest for rule, guest in found if rule == "PRV-001"} == UNCLASSIFIED
    assert {guest for rule, guest in found if rule == "PRV-002"} == NOBODYS
    assert {health.state.excess_rights for health in place.sources} == {()}


def test_who_has_no_backup_is_who_the_rule_finds(auditor: Project) -> None:
    """Of db-pg01 there is one of 13 months ago, of ci-runner one that nobody can date."""
    place = estate_of(auditor)
    rules = [rule for rule in RULES if rule.id == "BKP-001"]
    found = assess(place, (), rules)
    states = {view.guest.guest_id: backup_state(view, place) for view in place.guests}
    none = {guest for guest, state in states.items() if state == "none"}
    assert none == {risk.subject.thing.guest.guest_id for risk in found.risks}
    assert {"101", "102", "103"} <= none
    unknown = {guest for guest, state in states.items() if state == "unknown"}
    assert unknown == {one.subject.thing.guest.guest_id for one in found.unknowns}


def test_guests_and_sizes_equal_the_truth(auditor: Project, truth: dict[str, Any]) -> None:
    guests = {row["guest_id"]: row for row in auditor.rows("inventory", "guests")}
    assert set(guests) == set(truth["guests"])
    for vmid, known in truth["guests"].items():
        row = guests[vmid]
        assert row["host_id"] == known["node"]
        assert row["tags"] == sorted(known["tags"])
        assert row["resource_pool"] == known.get("pool", "")
        if known.get("config_readable", True):
            assert row["name"] == known["name"]
            assert row["vcpus"] == known["vcpus"]
            assert row["memory_bytes"] == known["memory_bytes"]
            assert row["template"] is known["template"]
            assert row["power"] == known["status"]
            assert row["memory_min_bytes"] == known.get("balloon_min_bytes")


def test_guests_of_dead_nodes_are_listed_with_what_is_known(
    auditor: Project, truth: dict[str, Any]
) -> None:
    guests = {row["guest_id"]: row for row in auditor.rows("inventory", "guests")}
    dead = [v for v, g in truth["guests"].items() if not g.get("config_readable", True)]
    assert len(dead) == 5
    for vmid in dead:
        row = guests[vmid]
        for unseen in ("name", "power", "vcpus", "memory_bytes", "template", "uuid"):
            assert row[unseen] is None, (vmid, unseen)
        assert row["host_id"] in ("pve2", "pve3")


def test_disks_equal_the_truth(auditor: Project, truth: dict[str, Any]) -> None:
    disks: dict[str, dict[str, Any]] = {}
    for row in auditor.rows("inventory", "disks"):
        disks.setdefault(row["guest_id"], {})[row["slot"]] = row
    for vmid, known in truth["guests"].items():
        if not known.get("config_readable", True):
            assert vmid not in disks
            continue
        seen = disks.get(vmid, {})
        assert set(seen) == {disk["key"] for disk in known["disks"]}
        for disk in known["disks"]:
            row = seen[disk["key"]]
            assert row["capacity_bytes"] == disk["size_bytes"]
            assert row["datastore_id"].rsplit("/")[-1] == disk["storage"]
            if "backup" in disk:
                assert row["backup"] is disk["backup"]
            if "cache" in disk:
                assert row["cache"] == disk["cache"]
            assert row["linked_clone_of"] == disk.get("linked_clone_of", "")
        data = sum(row["capacity_bytes"] for row in seen.values() if row["purpose"] == "data")
        assert data == known["provisioned_bytes_data"]


def test_interfaces_equal_the_truth(auditor: Project, truth: dict[str, Any]) -> None:
    nics = {row["nic_id"]: row for row in auditor.rows("inventory", "nics")}
    for vmid, known in truth["guests"].items():
        for nic in known["nics"] if known.get("config_readable", True) else []:
            row = nics[f"{vmid}/{nic['key']}"]
            assert row["network"] == nic["bridge"]
            assert row["vlan"] == (nic["tag"] or 0)
            assert row["trunks"] == (nic["trunks"] or "")
            assert row["firewall"] is bool(nic["firewall_flag"])
            assert row["link_down"] is nic.get("link_down", False)


def test_storages_are_counted_once_per_backend(auditor: Project, truth: dict[str, Any]) -> None:
    rows = {row["datastore_id"]: row for row in auditor.rows("inventory", "datastores")}
    known = [row for row in rows.values() if row["capacity_bytes"] is not None]
    assert (
        sum(row["capacity_bytes"] for row in known) == truth["storages"]["total_capacity_visible"]
    )
    assert sum(row["used_bytes"] for row in known) == truth["storages"]["total_used_visible"]
    assert rows["backup"]["aliases"] == ["backup-alias"]
    unknown = {
        row["datastore_id"]
        for row in rows.values()
        if row["capacity_bytes"] is None and row["enabled"]
    }
    wanted = set()  # the truth names them storage@node
    for name in truth["storages"]["capacity_unknown"]:
        storage, node = name.split("@")
        wanted.add(storage if storage == "pbs1" else f"{node}/{storage}")
    assert unknown == wanted
    assert rows["nfs-old"]["enabled"] is False


def test_snapshots_leave_out_the_running_state(auditor: Project, truth: dict[str, Any]) -> None:
    found: dict[str, set[str]] = {}
    for row in auditor.rows("inventory", "snapshots"):
        found.setdefault(row["guest_id"], set()).add(row["name"])
    assert found == {
        vmid: {snapshot["name"] for snapshot in rows} for vmid, rows in truth["snapshots"].items()
    }


def test_an_auditor_sees_every_backup(auditor: Project, truth: dict[str, Any]) -> None:
    rows = auditor.rows("inventory", "backups")
    assert len(rows) == len(truth["backups"])
    by_guest: dict[str, list[dict[str, Any]]] = {}
    for row in rows:
        by_guest.setdefault(row["guest_id"], []).append(row)
    assert {v: len(r) for v, r in by_guest.items()} == {
        v: r["count"] for v, r in truth["backups_by_vmid"].items()
    }
    [renamed] = by_guest["103"]
    assert renamed["created_at"] is None  # a renamed file's time is not its backup's
    assert all(row["bytes"] is None for row in rows)  # the listing tells no size


def test_backup_coverage_is_judged_from_the_jobs(auditor: Project, truth: dict[str, Any]) -> None:
    risks = auditor.rows("risks")
    uncovered = {
        row["subject"].rsplit("(", 1)[1].rstrip(")")
        for row in risks
        if row["rule"] == "BKP-001" and row["outcome"] == "risk"
    }
    must_fail = {
        vmid
        for vmid, known in truth["backup_coverage"].items()
        if not known.get("target_usable", True) or "must fail" in known.get("risk", "")
    }
    assert uncovered - must_fail == {str(vmid) for vmid in truth["not_covered_non_template"]}
    # Of 111, whose node is dead, it is not even known whether it is a template.
    assert must_fail & uncovered == must_fail - {"111"} == {"102", "104"}
    evidence = " ".join(row["evidence"] for row in risks if row["rule"] == "BKP-001")
    assert "must_fail=backup-db-pool: pbs1 is not available on pve1" in evidence
    assert "must_fail=scsi0 lies on nfs-old, switched off" in evidence
    left_out = {
        row["subject"] for row in risks if row["rule"] == "BKP-003" and row["outcome"] == "risk"
    }
    readable = {
        (vmid, volume)
        for vmid, known in truth["backup_coverage"].items()
        if truth["guests"][vmid].get("config_readable", True)
        for volume in known["volumes_not_in_backup"]
        if "bind mount" not in volume
    }
    assert left_out == {
        f"{truth['guests'][vmid]['name']} ({vmid}) disk {volume}" for vmid, volume in readable
    }


def test_who_and_what_is_exposed_follows_from_the_truth(
    auditor: Project, truth: dict[str, Any]
) -> None:
    found: dict[str, set[str]] = {}
    for row in auditor.rows("risks"):
        if row["outcome"] == "risk":
            found.setdefault(row["rule"], set()).add(row["subject"])
    assert found["IAM-005"] == set(truth["tokens_never_expire"])
    assert found["IAM-004"] == {"root@pam!backup"}  # what the others' users may is hidden
    assert found["IAM-001"] == {"root@pam"}
    assert found["NET-005"] == {"dukcapil-app (100) firewall"}
    guests = truth["guests"]
    unfiltered = {
        f"{known['name']} ({vmid}) interface {nic['key']}"
        for vmid, known in guests.items()
        if known.get("config_readable", True)
        for nic in known["nics"]
        if not nic["effective_filtering"] and not nic.get("link_down")
    }
    assert found["NET-003"] == unfiltered
    assert not {"NET-001", "NET-011", "SEG-001", "SEG-006"} & set(found)


def test_hosts_equal_the_truth(auditor: Project, truth: dict[str, Any]) -> None:
    hosts = {one.name: one for one in facts(auditor, Host)}
    assert set(hosts) == set(truth["nodes"])
    for name, known in truth["nodes"].items():
        assert hosts[name].status == ("in_service" if known["status"] == "online" else "offline")
    one = hosts["pve1"]
    assert one.cpu_threads == truth["nodes"]["pve1"]["threads"]
    assert one.root_bytes == truth["storages"]["rootfs_pve1"]["total"]
    assert one.memory_bytes == truth["rrd"]["node_pve1"]["memtotal"]
    assert (one.cpu_sockets, one.kernel, one.swap_bytes) == (1, "6.18.44-1-pve", 0)
    assert (one.boot_mode, one.secure_boot, one.subscription) == ("legacy-bios", False, "notfound")
    assert (one.ksm_shared_bytes, one.cpu_pressure_ratio) == (0, None)  # 8 tells no pressure
    for dead in ("pve2", "pve3"):
        for unseen in ("kernel", "root_bytes", "booted_at", "subscription", "repositories"):
            assert getattr(hosts[dead], unseen) is None, (dead, unseen)


def test_backends_disabled_and_restricted_storages_equal_the_truth(
    auditor: Project, truth: dict[str, Any]
) -> None:
    stores = {one.datastore_id: one for one in facts(auditor, Datastore)}
    for known in truth["storages"]["backends"]:
        name = known["names"][0]
        one = stores[name if known.get("shared") else f"pve1/{name}"]
        assert {one.name, *one.aliases} == set(known["names"])
        assert (one.capacity_bytes, one.used_bytes) == (known["capacity"], known["used"])
        assert bool(one.shared) is known.get("shared", False)
    assert stores["backup"].backend == "/srv/pve/backup"
    assert stores["pve1/local"].backend == "/var/lib/vz"  # whatever storage.cfg says
    assert stores["pbs1"].backend == "127.0.0.8:main"
    assert stores["pbs1"].encrypted_backups is False
    assert stores["backup"].encrypted_backups is None
    disabled = {one.name for one in stores.values() if one.enabled is False}
    assert disabled == set(truth["storages"]["disabled"])
    for name, nodes in truth["storages"]["restricted"].items():
        hosts = {host for one in stores.values() if one.name == name for host in one.hosts}
        assert hosts == set(nodes), name


def test_the_cluster_equals_the_truth(auditor: Project, truth: dict[str, Any]) -> None:
    [state] = facts(auditor, ClusterState)
    assert state.cluster == truth["cluster"]["name"]
    assert state.hosts_expected == truth["cluster"]["nodes"]
    assert state.quorate is bool(truth["cluster"]["quorate"])
    assert (state.quorum_device, state.migration_encrypted) == (False, False)
    assert state.metric_targets == 0
    assert state.ha_master == "old timestamp - dead?"


def test_the_cluster_firewall_equals_the_truth(auditor: Project, truth: dict[str, Any]) -> None:
    levels = {one.level: one for one in facts(auditor, Firewall)}
    assert levels["cluster"].enabled is truth["firewall"]["datacenter_enabled"]
    assert levels["cluster"].policy_in == "DROP"
    assert levels["host/pve1"].enabled is True  # unset, it is on for hosts
    rules = [one for one in facts(auditor, FirewallRule) if one.level == "cluster"]
    told = {
        f"cluster: {(one.direction or '').upper()} {one.action} {one.protocol}/{one.ports}"
        + ("" if one.source else " any source" if one.enabled else "")
        for one in rules
        if one.ports
    }
    wanted = truth["firewall"]["open_rules"] + truth["firewall"]["disabled_rules"]
    assert told == {text for text in wanted if text.startswith("cluster: ")}
    [disabled] = [one for one in rules if one.enabled is False]
    assert disabled.ports == "8006"
    [trusted] = [one for one in rules if one.macro == "SSH"]
    assert trusted.source == "+dc/trusted"


def test_what_a_host_has_of_its_own_is_told(auditor: Project) -> None:
    assert {one.subject for one in facts(auditor, Certificate)} == {
        "pve1/pve-root-ca.pem", "pve1/pve-ssl.pem",
    }  # fmt: skip
    packages = {one.name: one for one in facts(auditor, Package)}
    assert packages["corosync"].installed == "3.1.7-1+deb12u2"
    assert packages["swtpm"].installed == ""
    assert facts(auditor, StorageHealth) == ()


def test_what_cannot_be_seen_is_a_gap_and_not_none(auditor: Project) -> None:
    gaps = {(gap.kind, gap.scope): gap for gap in state_of(auditor).gaps}
    assert gaps["volume", ""].state == "hidden"  # orphaned images
    assert gaps["backup", "datastore/pbs1"].state == "failed"
    for host in ("host/pve2", "host/pve3"):
        for kind in ("certificate", "package", "firewall", "storage_health", "failed_task"):
            assert gaps[kind, host].state == "failed"
    assert ("storage_health", "host/pve1") not in gaps  # no ZFS there: none, and known


def test_a_token_that_may_restore_sees_sizes_and_protection(
    tmp_path: Path, truth: dict[str, Any]
) -> None:
    with replay(completed("BAK", tmp_path / "recording.json"), tmp_path) as served:
        project = Project(tmp_path, RECORDED_AT).configure(served.source("BAK", backfill_seconds=0))
        assert project.call("collect").returncode == 3
    found = {(one.guest_id, one.name.rsplit("/")[-1]): one for one in facts(project, Backup)}
    assert len(found) == len(truth["backups"])
    for known in truth["backups"]:
        one = found[str(known["vmid"]), known["volid"].rsplit("/")[-1]]
        assert one.bytes == known["size_bytes"]
        assert one.protected is known["protected"]
        assert one.encrypted is False
        assert one.verified is None
        if one.guest_id != "103":
            assert one.created_at is not None
            assert one.created_at.timestamp() == known["ctime"]
    sizes: dict[str, int] = {}
    for (vmid, _name), one in found.items():
        sizes[vmid] = sizes.get(vmid, 0) + (one.bytes or 0)
    assert sizes == {v: row["total_bytes"] for v, row in truth["backups_by_vmid"].items()}
    with sqlite3.connect(tmp_path / "inventory.db") as database:
        [(reason,)] = database.execute(
            "SELECT reason FROM coverage WHERE kind = 'backup' AND scope = 'datastore/backup'"
        ).fetchall()
    database.close()
    assert "by its content" in reason
    assert b"before migration" not in (tmp_path / "inventory.db").read_bytes()  # a note


def test_the_way_in_which_backups_were_listed_is_told(auditor: Project) -> None:
    with sqlite3.connect(auditor.folder / "inventory.db") as database:
        reasons = database.execute(
            "SELECT DISTINCT reason FROM coverage WHERE kind = 'backup' "
            "AND scope = 'datastore/backup'"
        ).fetchall()
    database.close()
    assert reasons == [("listed by the dry run of pruning: no sizes, no verification",)]


def test_rights_are_judged_by_their_paths(auditor: Project) -> None:
    """A group's own ACL on /access replaced the auditor's role there."""
    shown = auditor.call("sources", "check").stdout
    [granted] = [line for line in shown.splitlines() if "granted:" in line]
    assert "Sys.Audit on /nodes" in granted
    assert "Sys.Audit on /access/groups" in granted
    assert "Sys.Audit on /access," not in granted
    assert "missing: Sys.Audit on /access (held on /access/groups only)" in shown
    assert "pveum acl modify /access --tokens 'collector@pve!inv' --roles PVEAuditor" in shown
    assert "VM.Backup on /vms" in shown


def test_what_was_not_seen_is_never_ok(auditor: Project) -> None:
    """What is unknown of the dead hosts and their guests is told by the finding that they are."""
    risks = auditor.rows("risks")
    told = {row["subject"]: row["evidence"] for row in risks if row["rule"] == "MON-007"}
    for dead in ("pve2", "pve3"):
        assert re.fullmatch(r"status=offline; stands_for=unknown × \d\d", told[dead])
    for vmid in ("110", "111", "120", "210", "220"):
        assert {row["outcome"] for row in risks if row["subject"] == vmid} <= {"risk"}
    judged = {row["subject"] for row in risks if row["rule"] == "PAT-001"}
    assert judged <= {"pve1"}


def test_what_dead_hosts_store_is_not_taken_for_nothing(auditor: Project) -> None:
    """No disk of a guest on pve2 and pve3 was seen; every disk of one on pve1 was."""
    rows = [r for r in auditor.rows("capacity") if r["resource"] == "storage"]
    known = {row["pool"]: row["allocated"] for row in rows}
    assert {name for name, allocated in known.items() if allocated} == {"pve1/fast", "pve1/local"}
    assert {allocated for name, allocated in known.items() if "pve1" not in name} == {None}
    flagged = {row["pool"] for row in rows if "allocation_incomplete" in row["flags"]}
    assert flagged == set(known) - {"pve1/fast"}  # of a disk on pve1/local the size is not told


def test_a_second_poll_with_the_same_gaps_is_healthy(auditor: Project) -> None:
    result = auditor.call("collect", now=LATER)
    assert result.returncode == 0, result.stderr
    assert " gaps (0 new)" in result.stderr
    assert "0 facts added, 0 changed, 0 gone" in result.stderr


def test_nothing_sensitive_is_stored_or_shown(auditor: Project, truth: dict[str, Any]) -> None:
    auditor.call("report")
    auditor.call("record", "lab", str(auditor.folder / "record"))
    (auditor.folder / "checked.txt").write_text(auditor.call("sources", "check").stdout)
    files = [path for path in auditor.folder.rglob("*") if path.is_file()]
    contents = {path: path.read_bytes() for path in files if path.suffix != ".token"}
    assert any(path.name == "lab.json" for path in contents)
    for secret in truth["sensitive_never_store"]:
        for path, content in contents.items():
            assert secret.encode() not in content, (secret, path)


def test_the_year_behind_equals_the_recording(auditor: Project, truth: dict[str, Any]) -> None:
    """The demand of a storage that only grows by a known formula."""
    with sqlite3.connect(auditor.folder / "inventory.db") as database:
        rows = database.execute(
            "SELECT u.taken_at, u.period_seconds, u.storage_used_bytes FROM usage u "
            "JOIN entity e ON e.key = u.entity_key "
            "WHERE e.native_id = 'pve1/fast' ORDER BY u.taken_at"
        ).fetchall()
    database.close()
    rrd = truth["rrd"]
    known, checked = rrd["fast"]["used_at_T0"], 0
    for ends, period, used in rows:
        if ends > rrd["T0"]:
            continue  # the recording machine itself, for some minutes
        middle = (rrd["T0"] - (ends - period / 2)) / 86_400
        if period > 86_400 or 149 < middle < 153 or 39 < middle < 42:
            continue  # a bent curve's mean over a week, and the recording's gaps
        expected = max(0.0, known - 1.1 * GIB * middle * (1 - middle / 1460))
        assert used == pytest.approx(expected, rel=2e-3), middle
        checked += 1
    assert checked > 100
    covered = sum(period for _ends, period, _used in rows)
    assert covered / 86_400 == pytest.approx(365, abs=15)  # no time is counted twice


def test_highest_values_stand_where_averages_hide_a_days_peak(
    auditor: Project, truth: dict[str, Any]
) -> None:
    """The recording has a sawtooth of 28 GiB a week; averages over hours lie below its maxima."""
    with sqlite3.connect(auditor.folder / "inventory.db") as database:
        rows = database.execute(
            "SELECT e.kind, e.native_id, p.taken_at, p.period_seconds, "
            "p.memory_used_bytes, u.memory_used_bytes, p.storage_used_bytes, u.storage_used_bytes "
            "FROM peak p JOIN entity e ON e.key = p.entity_key "
            "LEFT JOIN usage u USING (entity_key, taken_at, period_seconds)"
        ).fetchall()
        days = database.execute(
            "SELECT count(*) FROM entity_day d JOIN entity e ON e.key = d.entity_key "
            "WHERE e.native_id = 'pve1/fast' AND storage_high_bytes >= storage_mean_bytes "
            "AND span_days = 1"
        ).fetchone()
    database.close()
    assert {kind for kind, *_rest in rows} == {"host", "guest", "datastore"}
    assert {period for _kind, _id, _ends, period, *_rest in rows} == {10_800, 43_200}
    pairs = [pair for row in rows for pair in (row[4:6], row[6:8]) if None not in pair]
    assert len(pairs) > 500
    assert all(high >= mean * (1 - 1e-9) for high, mean in pairs)
    assert days[0] >= 28


def test_a_token_without_rights_sees_hidden_not_none(served: Replay, tmp_path: Path) -> None:
    project = _project(served, tmp_path, "NONE")
    result = project.call("collect")
    assert result.returncode == 3
    assert "hidden" in result.stderr
    [source] = project.rows("sources")
    assert source["guests_seen"] == 0
    assert source["guests_reported"] is None
    assert {"guest", "disk", "datastore", "backup", "backup_job"} <= set(source["hidden"].split())
    risks = project.rows("risks")
    judged = [row for row in risks if row["rule"].split("-")[0] != "OWN"]
    # Nodes are listed to everyone, and which of them are down.
    down = {row["subject"] for row in judged if row["outcome"] == "risk"}
    assert down == {"pve2", "pve3"}
    assert {row["rule"] for row in judged if row["outcome"] == "risk"} == {"MON-007"}
    assert {row["outcome"] for row in judged} == {"risk", "unknown"}
    assert any(
        "pveum acl modify" in line for line in project.call("sources", "check").stdout.splitlines()
    )
    pools = project.rows("capacity")
    for column in ("usable", "allocated", "stays_down_count", "fit_s", "fit_m", "fit_l"):
        assert {row[column] for row in pools} == {None}, column
    assert {row["failover_test"] for row in pools} == {"unproven"}
    [case] = project.rows("failover")
    assert (case["stays_down_count"], case["stays_down_at_least"]) == (None, None)
    assert "how many guests would stay down is not known" in project.call("failover").stderr


def test_a_token_on_one_pool_says_that_its_view_is_partial(
    served: Replay, tmp_path: Path, truth: dict[str, Any]
) -> None:
    project = _project(served, tmp_path, "POOL")
    project.call("collect")
    guests = project.rows("inventory", "guests")
    assert {row["guest_id"] for row in guests} == {
        str(vmid) for vmid in truth["pool_token"]["visible_guests"]
    }
    [source] = project.rows("sources")
    assert source["guests_reported"] is None
    assert "guest" in source["hidden"].split()
    assert "5 guests of an unknown total" in project.call("sources", "check").stdout


def test_a_refused_token_says_what_to_check(served: Replay, tmp_path: Path) -> None:
    project = _project(served, tmp_path, "BAD")
    result = project.call("collect")
    assert result.returncode == 4
    assert "refused the token collector@pve!inv" in result.stderr
    assert "00000000-0000-4000-8000-0000000000ff" not in result.stderr + result.stdout
    assert "Traceback" not in result.stderr


def test_a_node_that_dies_keeps_its_guests_last_known_values(
    tmp_path: Path, truth: dict[str, Any]
) -> None:
    with replay(CLUSTER, tmp_path) as before:
        project = Project(tmp_path, RECORDED_AT).configure(before.source("AUD", backfill_seconds=0))
        project.call("collect")
        seen = {row["guest_id"]: row for row in project.rows("inventory", "guests")}
    with replay(CLUSTER, tmp_path, "--dead-node", "pve1", "--dead-after", "0.5") as after:
        project.configure(after.source("AUD", backfill_seconds=0))
        result = project.call("collect", now=LATER)
        assert result.returncode == 3, result.stderr
        now = {row["guest_id"]: row for row in project.rows("inventory", "guests", now=LATER)}
    for vmid in ("100", "200", "9000"):
        for field in ("name", "vcpus", "memory_bytes", "power", "uuid"):
            assert now[vmid][field] == seen[vmid][field], (vmid, field)
        assert now[vmid]["confirmed_at"] == seen[vmid]["confirmed_at"]
    assert len(project.rows("inventory", "disks", now=LATER)) == 19


@pytest.mark.parametrize("release", sorted(SINGLE_NODES))
def test_a_single_node_is_read(release: str, tmp_path: Path) -> None:
    recording = as_cluster_recording(SINGLE_NODES[release], tmp_path / "single.json")
    with replay(recording, tmp_path) as served:
        project = Project(tmp_path, RECORDED_AT).configure(served.source("AUD", name="solo"))
        result = project.call("collect")
        assert result.returncode in (0, 3), result.stderr
        guests = {row["guest_id"]: row for row in project.rows("inventory", "guests")}
        [host] = project.rows("inventory", "hosts")
    assert host["cluster"] == "solo"  # a node that stands alone is named by its source
    assert host["version"].startswith(release)
    assert (host["cpu_cores"], host["memory_bytes"]) == (2, 25276510208)
    assert guests["101"]["vcpus"] == 4  # the list caps it at the host's two threads
    assert guests["9000"]["template"] is True
    assert guests["201"]["unprivileged"] is False


def test_only_get_requests_were_sent(tmp_path: Path) -> None:
    with replay(CLUSTER, tmp_path) as served:
        project = Project(tmp_path, RECORDED_AT).configure(served.source("AUD"))
        for command in (["sources", "check"], ["collect"], ["backfill"]):
            project.call(*command)
    counts = json.loads((tmp_path / "counts.json").read_text())
    assert counts["requests"] > 100
    assert counts["refused_non_get"] == {}
    assert counts["peak_concurrency"] <= 4


def estate_of(project: Project) -> Estate:
    """What is stored, some days after the recording, as the planner sees it."""
    state = state_of(project)
    with (
        Store.open(f"sqlite:///{project.folder}/inventory.db") as store,
        store.reading() as connection,
    ):
        facts = facts_at(connection, RECORDED_AT)
    now = datetime(2026, 12, 1, tzinfo=UTC)
    sources = (SourceHealth(state, 5, 1.0, stale=False),)
    return Estate(as_of=now.date(), at=now, facts=facts, policy=Policy(), sources=sources)


def facts(project: Project, kind: type[K]) -> tuple[K, ...]:
    """The records of a kind as they are stored now."""
    with (
        Store.open(f"sqlite:///{project.folder}/inventory.db") as store,
        store.reading() as connection,
    ):
        return facts_at(connection, RECORDED_AT).records(kind)


def state_of(project: Project) -> SourceState:
    with (
        Store.open(f"sqlite:///{project.folder}/inventory.db") as store,
        store.reading() as connection,
    ):
        [state] = sources_at(connection, RECORDED_AT)
        return state


def _project(served: Replay, folder: Path, label: str) -> Project:
    project = Project(folder, RECORDED_AT)
    source = served.source(label).replace(
        f"file:{label}.token", f"file:{served.counts.parent}/{label}.token"
    )
    return project.configure(source)
