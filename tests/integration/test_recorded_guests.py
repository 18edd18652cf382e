"""Guests and access of the recorded 8.4 cluster: every entry of its truth is arrived at."""

from __future__ import annotations

import copy
import json
import sqlite3
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TypeVar

import pytest
from pydantic import SecretStr

from collectors.contract import Budget, Raw, Source
from collectors.proxmox import ProxmoxCollector, ProxmoxOptions
from collectors.proxmox.lean import lean
from inventory.facts import Facts, facts_at
from inventory.platform_records import (
    Firewall,
    FirewallRule,
    Grant,
    HaResource,
    HaRule,
    Principal,
    Realm,
    Replication,
    Role,
)
from inventory.records import (
    BackupJob,
    Datastore,
    Disk,
    Guest,
    GuestSnapshot,
    Nic,
    Record,
    Snapshot,
)
from inventory.sources import sources_at
from inventory.store import Store
from planner.backups import Cover, cover, selects
from planner.estate import Estate, SourceHealth
from planner.policy import Policy
from planner.risks.catalogue import RULES
from planner.risks.engine import assess
from pve_recorded import CLUSTER, RECORDED_AT, TRUTH, Project, Replay, recorded, replay

K = TypeVar("K", bound=Record)

pytestmark = recorded


@pytest.fixture(scope="module")
def truth() -> dict[str, Any]:
    found: dict[str, Any] = json.loads(TRUTH.read_text())
    return found


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Replay]:
    with replay(CLUSTER, tmp_path_factory.mktemp("guests")) as running:
        yield running


@pytest.fixture(scope="module")
def auditor(served: Replay) -> Project:
    """The cluster as collected with an auditor's token."""
    source = served.source("AUD", backfill_seconds=0)
    project = Project(served.counts.parent, RECORDED_AT).configure(source)
    assert project.call("collect").returncode == 3  # its gaps are new
    return project


@pytest.fixture(scope="module")
def estate(auditor: Project) -> Facts:
    store = Store.open(f"sqlite:///{auditor.folder / 'inventory.db'}")
    try:
        with store.reading() as connection:
            return facts_at(connection, RECORDED_AT)
    finally:
        store.close()


def readable(truth: dict[str, Any]) -> dict[str, dict[str, Any]]:
    return {v: g for v, g in truth["guests"].items() if g.get("config_readable", True)}


# Guests


def test_what_a_guests_configuration_says_equals_the_truth(
    estate: Facts, truth: dict[str, Any]
) -> None:
    guests = {guest.guest_id: guest for guest in estate.records(Guest)}
    for vmid, known in readable(truth).items():
        guest = guests[vmid]
        assert guest.protection is known.get("protection", False)
        assert guest.autostart is known.get("onboot", False)
        assert guest.lock == (known.get("lock") or "")
        assert guest.ha_state == known.get("ha", "")
        assert guest.hook_script == known.get("hookscript", "")
        assert guest.raw_arguments is bool(known.get("args") or known.get("raw_lxc_keys"))
        if known["type"] == "lxc":
            assert guest.unprivileged is known["unprivileged"]
            assert guest.features == tuple(sorted(known.get("features", ())))
            assert guest.vcpus == known["vcpus"]
            continue
        assert guest.cpu_model == known.get("cpu_type", "kvm64")
        assert guest.agent is known.get("agent_configured", False)
        assert guest.ballooning is known.get("ballooning", True)
        assert guest.cpu_limit_cores == known.get("cpulimit", 0)
        assert guest.firmware == ("uefi" if known.get("bios") == "ovmf" else "bios")
        assert guest.vtpm is any(disk.get("kind") == "tpm" for disk in known["disks"])
        assert bool(guest.media) is any("none" not in slot for slot in known.get("cdroms", ()))
        assert tuple(sorted(name.split()[0] for name in guest.consoles or ())) == tuple(
            known.get("serial", ["serial0"] if vmid == "103" else [])
        )
        assert guest.clipboard is ("clipboard=vnc" in known.get("vga", ""))


def test_what_is_special_about_single_guests(estate: Facts, truth: dict[str, Any]) -> None:
    guests = {guest.guest_id: guest for guest in estate.records(Guest)}
    assert guests["100"].secure_boot is True
    assert guests["100"].media == ("local:iso/debian-12.iso",)
    assert guests["102"].os == "Windows 11 or Server 2022/2025"
    [device] = truth["guests"]["101"]["hostpci"]
    assert guests["101"].passthrough == (f"hostpci0 {device.split()[0]}",)
    [bound] = truth["guests"]["201"]["bind_mounts"]
    assert guests["201"].host_paths == (bound.split()[1],)
    assert guests["201"].raw_options == ("lxc.apparmor.profile: unconfined", "lxc.cap.drop:")
    assert guests["201"].confinement == "none"
    assert guests["200"].swap_bytes == truth["guests"]["200"]["swap_bytes"]
    assert guests["202"].cpu_limit_cores == 0  # it may use its whole host: no number
    told = {vmid for vmid, g in truth["guests"].items() if g.get("secret_in_description")}
    assert {v for v, g in guests.items() if "password" in (g.hints or ())} == told
    assert "identity-number" in (guests["100"].hints or ())
    assert guests["103"].hints == ("cloud-init-password",)
    assert {guest.pending for v, guest in guests.items() if v in readable(truth)} == {()}


def test_privileged_containers_equal_the_truth(estate: Facts, truth: dict[str, Any]) -> None:
    privileged = {g.guest_id for g in estate.records(Guest) if g.unprivileged is False}
    assert privileged == set(map(str, truth["privileged_containers_readable"]))


def test_totals_equal_the_truth(estate: Facts, truth: dict[str, Any]) -> None:
    totals, guests = truth["totals"], estate.records(Guest)
    kinds = [guest.kind for guest in guests]
    assert (len(kinds), kinds.count("vm"), kinds.count("container")) == (
        totals["guests"], totals["qemu"], totals["lxc"],
    )  # fmt: skip
    templates = {guest.guest_id for guest in guests if guest.template}
    assert templates == set(map(str, totals["templates"]))
    known = [guest for guest in guests if guest.memory_bytes is not None]
    plain = [guest for guest in known if not guest.template]
    assert (len(known), len(plain)) == (
        totals["readable_guests"], totals["readable_non_template"],
    )  # fmt: skip
    assert (
        sum(guest.vcpus or 0 for guest in plain if guest.kind == "vm")
        == totals["vcpus_configured_pve1_qemu_non_template"]
    )
    assert sum(g.memory_bytes or 0 for g in plain) == totals["memory_configured_pve1_non_template"]
    running = [guest for guest in plain if guest.power == "running"]
    assert sum(g.memory_bytes or 0 for g in running) == totals["memory_configured_pve1_running"]
    data = [disk for disk in estate.records(Disk) if disk.purpose == "data"]
    provisioned = sum(disk.capacity_bytes or 0 for disk in data)
    assert provisioned == totals["provisioned_data_pve1_incl_templates"]


def test_a_disk_says_what_it_is(estate: Facts) -> None:
    disks = {disk.disk_id: disk for disk in estate.records(Disk)}
    assert (disks["100/scsi0"].format, disks["102/scsi2"].format) == ("qcow2", "raw")
    assert disks["9001/scsi0"].backing == ("base-9000-disk-0.qcow2",)
    assert {disk.shareable for disk in disks.values()} == {False}
    assert disks["101/unused0"].purpose == "unused"
    assert (disks["101/unused0"].backup, disks["101/unused0"].capacity_bytes) == (False, None)


def test_snapshots_equal_the_truth(estate: Facts, truth: dict[str, Any]) -> None:
    found = {(one.guest_id, one.name): one for one in estate.records(GuestSnapshot)}
    wanted = {(vmid, one["name"]): one for vmid, rows in truth["snapshots"].items() for one in rows}
    assert set(found) == set(wanted)
    for key, known in wanted.items():
        assert found[key].created_at == datetime.fromtimestamp(known["snaptime"], UTC)
        assert found[key].memory_state is known.get("vmstate", False)
        assert found[key].parent == known.get("parent", "")


def test_resource_pools_equal_the_truth(estate: Facts, truth: dict[str, Any]) -> None:
    members: dict[str, list[int]] = {}
    for guest in estate.records(Guest):
        if guest.resource_pool:
            members.setdefault(guest.resource_pool, []).append(int(guest.guest_id))
    assert {pool: sorted(found) for pool, found in members.items()} == truth["pools"]


# Firewalls


def test_which_interfaces_are_filtered_follows_from_the_facts(
    estate: Facts, truth: dict[str, Any]
) -> None:
    """The datacenter's firewall, the guest's, the interface's flag, and a link that is up."""
    walls = {wall.level: wall.enabled for wall in estate.records(Firewall)}
    guests = {v for v in readable(truth) if walls[f"guest/{v}"]}
    assert guests == set(map(str, truth["firewall"]["guest_enabled"]))
    filtered = {
        nic.nic_id
        for nic in estate.records(Nic)
        if walls["cluster"] and nic.guest_id in guests and nic.firewall and not nic.link_down
    }
    assert filtered == set(truth["firewall"]["nic_effectively_filtered"])
    flagged = {nic.nic_id for nic in estate.records(Nic) if nic.firewall} - filtered
    assert flagged == set(truth["firewall"]["unfiltered_although_nic_flag"])
    for vmid, known in readable(truth).items():
        for nic in known["nics"]:
            assert (f"{vmid}/{nic['key']}" in filtered) is nic["effective_filtering"]


def test_open_rules_of_guests_equal_the_truth(estate: Facts, truth: dict[str, Any]) -> None:
    told = {
        f"{rule.level.partition('/')[2]}: {(rule.direction or '').upper()} {rule.action} "
        f"{rule.source} {rule.protocol}/{rule.ports}"
        for rule in estate.records(FirewallRule)
        if rule.level.startswith("guest/") and rule.enabled and rule.ports
    }
    wanted = [text for text in truth["firewall"]["open_rules"] if not text.startswith("cluster")]
    assert told == {text.partition(" on a guest")[0] for text in wanted}


# High availability and replication


def test_ha_equals_the_truth(estate: Facts, truth: dict[str, Any]) -> None:
    kinds = {"vm": "vm", "container": "ct"}
    guests = {g.guest_id: kinds[str(g.kind)] for g in estate.records(Guest)}
    found = {f"{guests[r.guest_id]}:{r.guest_id}": r for r in estate.records(HaResource)}
    assert {name: one.requested for name, one in found.items()} == truth["ha"]["resources"]
    rules = estate.records(HaRule)
    assert [rule.rule_id for rule in rules] == truth["ha"]["groups"]
    assert {rule.kind for rule in rules} == {"group"}  # rules are of release 9
    assert rules[0].hosts == ("pve1", "pve2")
    assert rules[0].guest_ids == ("100",)


def test_replication_equals_the_truth(estate: Facts, truth: dict[str, Any]) -> None:
    found = {job.job_id: job for job in estate.records(Replication)}
    assert set(found) == set(truth["replication"])
    for job_id, known in truth["replication"].items():
        job = found[job_id]
        assert (job.source_host, job.target_host) == (known["source"], known["target"])
        assert job.enabled is not known["disabled"]
    assert (found["100-0"].failures, found["100-0"].last_sync_at) == (0, None)  # never ran
    assert found["111-0"].failures is None  # its host is dead


# Access


def test_an_auditor_sees_principals_but_not_the_grants(auditor: Project, estate: Facts) -> None:
    """A group's role on /access replaced the auditor's there: the empty list is hidden."""
    assert estate.records(Grant) == ()
    assert len(estate.records(Principal)) == 8 + 9 + 2  # users, tokens, groups
    with sqlite3.connect(auditor.folder / "inventory.db") as database:
        rows = database.execute("SELECT kind, state, reason FROM coverage WHERE scope = ''")
        states = {kind: (state, reason) for kind, state, reason in rows.fetchall()}
    database.close()
    assert states["grant"] == ("hidden", "Sys.Audit on /access is missing: nothing is shown")
    for kind in ("principal", "role", "realm", "second_factor"):
        assert states[kind][0] == "complete", kind


def test_tokens_equal_the_truth(estate: Facts, truth: dict[str, Any]) -> None:
    tokens = [who for who in estate.records(Principal) if who.kind == "token"]
    forever = {who.principal_id for who in tokens if who.expires is False}
    assert forever == set(truth["tokens_never_expire"])
    unlimited = {who.principal_id for who in tokens if who.privilege_separated is False}
    assert unlimited == set(truth["tokens_privsep_0"])


def test_no_second_factor_is_stored_and_realms_are_known(estate: Facts) -> None:
    users = [who for who in estate.records(Principal) if who.kind == "user"]
    assert {who.second_factors for who in users} == {()}
    assert {realm.realm_id: realm.kind for realm in estate.records(Realm)} == {
        "pam": "pam", "pve": "pve",
    }  # fmt: skip
    assert {realm.encrypted for realm in estate.records(Realm)} == {None}  # they have no line


def raw_of(served: Replay) -> Raw:
    """The answers that an auditor gets, as they leave fetch."""
    full, secret = served.tokens["AUD"].split("=", 1)
    user, name = full.split("!", 1)
    options = ProxmoxOptions(
        url=(served.url,), user=user, token_name=name, token="env:X",
        fingerprint=served.fingerprint,
    )  # fmt: skip
    source = Source("lab", "proxmox", options, secrets={"token": SecretStr(secret)})
    return ProxmoxCollector().fetch(source, Budget(300))


# What the recording's own list of grants would be: the truth names them, no token may read them.
GRANTS = [
    ("/", "user", "dina@pve", "Administrator"),
    ("/", "group", "admins", "Administrator"),
    ("/", "user", "automation@pve", "LabTerraform"),
    ("/", "user", "alice@pve", "PVEAdmin"),
    ("/vms", "user", "bob@pve", "PVEVMAdmin"),
    ("/vms/100", "token", "eko@pve!old", "PVEVMAdmin"),
]
_CHANGES_EVERYTHING = {"Permissions.Modify", "Sys.Modify"}


@pytest.fixture(scope="module")
def with_grants(served: Replay) -> Snapshot:
    """The cluster as a token would see it that may audit /access, too."""
    raw = raw_of(served)
    answers = copy.deepcopy(dict(raw.answers))
    rows = [
        {"path": path, "type": kind, "ugid": who, "roleid": role, "propagate": 1}
        for path, kind, who, role in GRANTS
    ]
    key = "GET /access/acl"
    answers[key] = lean(key, {"status": 200, "reason": "OK", "body": rows})
    answers["GET /access/permissions"]["body"]["/access"] = {"Sys.Audit": 1}
    changed = Raw("proxmox", answers, raw.context)
    return ProxmoxCollector().parse(changed, source="lab", taken_at=RECORDED_AT)


def test_who_is_over_privileged_follows_from_the_facts(
    with_grants: Snapshot, truth: dict[str, Any]
) -> None:
    roles = {
        role.role_id
        for role in with_grants.of(Role)
        if set(role.privileges or ()) >= _CHANGES_EVERYTHING
    }
    people = {who.principal_id: who for who in with_grants.of(Principal)}
    mighty = {g.principal_id for g in with_grants.of(Grant) if g.path == "/" and g.role_id in roles}
    through = {who for name in mighty if name in people for who in people[name].members or ()}
    tokens = {
        name
        for name, who in people.items()
        if who.kind == "token"
        and who.privilege_separated is False
        and (name.partition("!")[0] in mighty | through | {"root@pam"})
    }
    wanted = {entry["id"] for entry in truth["principals_over_privileged"]}
    assert mighty | through | tokens == wanted
    [admins] = [e for e in truth["principals_over_privileged"] if e["id"] == "@admins"]
    assert people["@admins"].members == tuple(sorted(admins["members"]))


def test_who_is_dormant_follows_from_the_facts(
    with_grants: Snapshot, truth: dict[str, Any]
) -> None:
    at = with_grants.taken_at
    held = {grant.principal_id for grant in with_grants.of(Grant)}
    dormant = {
        who.principal_id
        for who in with_grants.of(Principal)
        if who.principal_id in held
        and (who.enabled is False or (who.expires_at is not None and who.expires_at < at))
    }
    assert dormant == {entry["id"] for entry in truth["principals_dormant"]}


# Backups


def covers(estate: Facts) -> dict[str, Cover]:
    disks: dict[str, list[Disk]] = {}
    for disk in estate.records(Disk):
        disks.setdefault(disk.guest_id, []).append(disk)
    jobs = estate.records(BackupJob)
    stores = {store.datastore_id: store for store in estate.records(Datastore)}
    return {
        guest.guest_id: cover(guest, disks.get(guest.guest_id, []), jobs, stores)
        for guest in estate.records(Guest)
    }


def test_every_guest_is_covered_as_the_truth_says(estate: Facts, truth: dict[str, Any]) -> None:
    found = covers(estate)
    assert set(found) == set(truth["backup_coverage"])
    for vmid, known in truth["backup_coverage"].items():
        one = found[vmid]
        assert bool(one.jobs) is known["covered"], vmid
        assert [job.job_id for job in one.jobs] == known["by_jobs"], vmid
        assert (not one.unusable) is known.get("target_usable", True), vmid
        assert [d.slot for d in one.unreadable] == (["scsi0"] if "risk" in known else []), vmid
        if vmid in readable(truth):
            volumes = [disk.slot for disk in one.left_out]
            volumes += ["mp0 (bind mount)" for _folder in one.folders]
            assert volumes == known["volumes_not_in_backup"], vmid


def test_the_target_that_cannot_be_used_is_named(estate: Facts) -> None:
    found = covers(estate)
    assert found["102"].unusable == {"backup-db-pool": "pbs1 is not available on pve1"}
    assert found["111"].unusable == {"backup-db-pool": "pbs1 is not available on pve2"}
    assert not found["102"].can_run
    assert found["100"].can_run
    assert not found["104"].can_run  # its only disk lies on a storage that is switched off


def test_who_is_not_covered_equals_the_truth_and_not_the_platforms_list(
    estate: Facts, truth: dict[str, Any]
) -> None:
    found = covers(estate)
    templates = set(map(str, truth["totals"]["templates"]))
    uncovered = {vmid for vmid, one in found.items() if not one.jobs} - templates
    assert uncovered == set(map(str, truth["not_covered_non_template"]))
    # The platform counts a job that is switched off, which is why 101 is not in its list.
    jobs = estate.records(BackupJob)
    of_101 = next(guest for guest in estate.records(Guest) if guest.guest_id == "101")
    assert [job.job_id for job in jobs if selects(job, of_101)] == ["backup-web-disabled"]
    assert 101 not in truth["pve_not_backed_up_answer"]


# Every risk that the rules of three groups find; each is true of the configuration that the truth
# describes. What lies on the dead nodes, and backups on pbs1, are not known and are not here.
RISKS = {
    ("AVL-004", "dukcapil-app (100)"),  # under HA on host-local disks, and never replicated
    ("AVL-005", "111"),  # its replication is disabled
    ("BKP-001", "ci-runner (103)"),
    ("BKP-001", "db-pg01 (102)"),
    ("BKP-001", "forgotten-test (104)"),
    ("BKP-001", "linked-clone (9001)"),
    ("BKP-001", "web-dmz (101)"),
    ("BKP-003", "ct-docker (200) disk mp1"),
    ("BKP-003", "db-pg01 (102) disk scsi1"),
    ("BKP-003", "dukcapil-app (100) disk scsi1"),
    ("BKP-005", "backup-web-disabled"),
    ("BKP-012", "db-pg01 (102)"),  # plain archives of personal data in a folder
    ("BKP-012", "dukcapil-app (100)"),
    ("BKP-018", "ct-files (201)"),  # a bind mount
    ("BKP-019", "backup-db-pool"),  # pbs1 is there for pve3 only
    ("DAR-004", "web-dmz (101) disk virtio0"),
    ("DAR-005", "local"),  # unused0 of 101
    ("DAR-006", "dukcapil-app (100)"),  # go-live holds the memory
}


def test_the_risks_of_backups_data_and_availability_are_true_and_no_others(
    auditor: Project, estate: Facts
) -> None:
    store = Store.open(f"sqlite:///{auditor.folder / 'inventory.db'}")
    with store.reading() as connection:
        states = sources_at(connection, RECORDED_AT)
    store.close()
    sources = tuple(SourceHealth(state, 5, 1.0, stale=False) for state in states)
    place = Estate(
        as_of=RECORDED_AT.date(), at=RECORDED_AT, facts=estate, policy=Policy(), sources=sources
    )
    groups = ("backup", "data_at_rest", "availability")
    found = assess(place, (), [rule for rule in RULES if rule.group in groups])
    assert {(risk.rule.id, risk.subject.label) for risk in found.risks} == RISKS


# Tokens that see less


def test_a_token_on_one_pool_sees_its_guests_and_no_more(
    served: Replay, tmp_path: Path, truth: dict[str, Any]
) -> None:
    source = served.source("POOL", backfill_seconds=0)
    source = source.replace("file:POOL.token", f"file:{served.counts.parent}/POOL.token")
    project = Project(tmp_path, RECORDED_AT).configure(source)
    project.call("collect")
    seen = {int(row["guest_id"]) for row in project.rows("inventory", "guests")}
    assert seen == set(truth["pool_token"]["visible_guests"])
    names = {row["name"] for row in project.rows("inventory", "datastores")}
    assert names == set(truth["pool_token"]["visible_storages"])
    told = project.call("sources", "check").stdout
    assert "5 guests of an unknown total" in truth["pool_token"]["must_say"]
    assert "5 guests of an unknown total" in told
    [row] = project.rows("sources")
    hidden = set(row["hidden"].split())
    assert {"grant", "principal", "ha_resource", "ha_rule", "firewall"} <= hidden


def test_a_token_without_rights_takes_nothing_for_none(served: Replay, tmp_path: Path) -> None:
    source = served.source("NONE", backfill_seconds=0)
    source = source.replace("file:NONE.token", f"file:{served.counts.parent}/NONE.token")
    project = Project(tmp_path, RECORDED_AT).configure(source)
    project.call("collect")
    [row] = project.rows("sources")
    hidden = set(row["hidden"].split())
    assert {
        "guest", "pending", "firewall", "firewall_rule", "ha_resource", "ha_rule", "replication",
        "principal", "grant", "second_factor",
    } <= hidden  # fmt: skip


def test_no_secret_is_in_what_is_kept_or_stored(
    served: Replay, auditor: Project, truth: dict[str, Any]
) -> None:
    raw = raw_of(served)
    kept = {key: one.answer for key, one in raw.kept.items()}
    database = (auditor.folder / "inventory.db").read_bytes()
    for secret in (*truth["sensitive_never_store"], "alice@lab.invalid", "Vendor", "left in 2025"):
        assert secret not in json.dumps([raw.answers, kept]), secret
        assert secret.encode() not in database, secret
