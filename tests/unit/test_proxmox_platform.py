"""What nodes and the cluster tell of themselves: small answers of 8.4 and 9.2, and odd ones."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from collectors.contract import Raw
from collectors.proxmox.cluster import (
    HA,
    METRICS,
    OPTIONS,
    QUORUM_DEVICE,
    STATUS,
    ceph_health,
    cluster_state,
    release_of,
)
from collectors.proxmox.firewall import firewall_of, group_names, rules_of
from collectors.proxmox.lean import lean
from collectors.proxmox.nodes import (
    TOLD,
    certificates,
    failed_tasks,
    host_details,
    networks,
    packages,
    physical_disks,
    pressure_of,
    repositories_of,
    services,
    subscription_of,
    thin_pools,
    zfs_pools,
)
from collectors.proxmox.parse import parse
from collectors.proxmox.visibility import NEEDS, Rights
from inventory.records import Coverage, Host, Snapshot

NOW = datetime(2026, 11, 23, 1, 0, tzinfo=UTC)
ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner),
    max_leaves=8,
)
READERS = [*(told.read for told in TOLD), lambda h, c, body: ceph_health(c, body)]


def only(found: Any) -> Any:
    [one] = found
    return one


# Hosts


def test_a_host_of_8_is_told_in_full() -> None:
    found = host_details(
        {
            "boot-info": {"mode": "efi", "secureboot": 1},
            "cpuinfo": {"cores": 32, "cpus": 64, "mhz": "2596.120", "model": "EPYC", "sockets": 2},
            "current-kernel": {"release": "6.8.12-1-pve"},
            "ksm": {"shared": 4096},
            "rootfs": {"total": 100, "used": 40, "free": 60, "avail": 55},
            "swap": {"total": 8, "used": 0},
            "uptime": 3600,
        },
        NOW,
    )
    assert found == {
        "cpu_mhz": 2596.12, "cpu_model": "EPYC", "cpu_sockets": 2, "kernel": "6.8.12-1-pve",
        "swap_bytes": 8, "root_bytes": 100, "root_used_bytes": 40,
        "booted_at": NOW - timedelta(hours=1), "boot_mode": "efi", "secure_boot": True,
        "ksm_shared_bytes": 4096,
    }  # fmt: skip


def test_a_host_of_7_names_its_kernel_in_a_line_only() -> None:
    found = host_details({"kversion": "Linux 5.15.158-2-pve #1 SMP PVE 5.15.158-2"}, NOW)
    assert found["kernel"] == "5.15.158-2-pve"
    assert {name for name, value in found.items() if value is not None} == {"kernel"}


def test_a_legacy_bios_has_no_secure_boot_and_an_efi_that_does_not_say_is_not_known() -> None:
    assert host_details({"boot-info": {"mode": "legacy-bios"}}, NOW)["secure_boot"] is False
    assert host_details({"boot-info": {"mode": "efi"}}, NOW)["secure_boot"] is None


def test_no_swap_is_known_and_an_impossible_uptime_is_not() -> None:
    found = host_details({"swap": {"total": 0}, "uptime": 2**40}, NOW)
    assert (found["swap_bytes"], found["booted_at"]) == (0, None)


def test_pressure_is_that_of_the_newest_row_that_tells_it() -> None:
    rows = [
        {"time": 60, "pressurecpusome": 66.77, "pressureiosome": 0.5, "pressurememorysome": 0},
        {"time": 120, "pressurecpusome": 48.4, "pressureiosome": "0.1", "pressurememorysome": 250},
        {"time": 180},
    ]
    assert pressure_of(rows) == {
        "cpu_pressure_ratio": 0.484, "io_pressure_ratio": 0.001, "memory_pressure_ratio": None,
    }  # fmt: skip
    assert set(pressure_of([{"time": 60, "cpu": 0.5}]).values()) == {None}


def test_a_subscription_is_told_by_its_state() -> None:
    assert subscription_of({"status": "notfound", "message": "There is no key"}) == "notfound"
    assert subscription_of({}) is None


def test_only_enabled_binary_repositories_count() -> None:
    def one(*components: str, enabled: Any = 1, kind: str = "deb", at: str = "/debian/pve") -> Any:
        return {
            "Components": list(components), "Enabled": enabled, "Types": [kind],
            "URIs": [f"https://repo.example{at}"],
        }  # fmt: skip

    files = [
        {"repositories": [one("pve-enterprise", enabled=0), one("pve-no-subscription")]},
        {"repositories": [one("main", "contrib"), one("secret", kind="deb-src"), 7]},
        {"repositories": [one("test", at="/debian/ceph-squid")]},
        "odd",
    ]
    assert repositories_of({"files": files}) == (
        "ceph-squid/test", "contrib", "main", "pve-no-subscription",
    )  # fmt: skip
    assert repositories_of({"files": []}) == ()
    assert repositories_of({"errors": []}) is None


# Facts of a host's own


def test_a_certificate_ends_at_an_instant() -> None:
    found = only(
        certificates(
            "n1", "c",
            [{"filename": "pve-ssl.pem", "notafter": 1858450992, "issuer": "/CN=CA"}, {"san": []}],
        )
    )  # fmt: skip
    assert (found.subject, found.issuer, found.subject_name) == ("n1/pve-ssl.pem", "/CN=CA", None)
    assert found.expires_at == datetime.fromtimestamp(1858450992, UTC)


def test_what_is_installed_and_what_could_be_are_told_apart() -> None:
    rows = [
        {"Package": "lvm2", "OldVersion": "1", "Version": "2", "CurrentState": "Installed"},
        {"Package": "swtpm", "Version": "0.7", "CurrentState": "NotInstalled"},
        {"Package": "odd", "Version": "3", "CurrentState": "HalfInstalled"},
    ]
    found = {p.name: (p.installed, p.available) for p in packages("n1", "c", rows)}
    assert found == {"lvm2": ("1", "2"), "swtpm": ("", "0.7"), "odd": (None, "3")}


def test_a_service_that_is_not_to_run_says_so() -> None:
    rows = [
        {"service": "pveproxy", "state": "running", "unit-state": "enabled"},
        {"service": "pvestatd", "state": "dead", "unit-state": "enabled"},
        {"service": "corosync", "state": "dead", "unit-state": "disabled"},
        {"service": "systemd-timesyncd", "state": "dead", "unit-state": "not-found"},
        {"name": "old", "state": "running"},
    ]
    found = {s.name: s.state for s in services("n1", "c", rows)}
    assert found == {
        "pveproxy": "running", "pvestatd": "dead", "corosync": "disabled",
        "systemd-timesyncd": "not-found", "old": "running",
    }  # fmt: skip


def test_addresses_and_ports_of_a_host_are_told_once() -> None:
    rows = [
        {
            "iface": "vmbr0", "type": "bridge", "active": 1, "bridge_ports": "bond0 tap1",
            "bridge_vlan_aware": "1", "cidr": "192.0.2.1/24", "address": "192.0.2.1",
            "netmask": "24", "address6": "2001:db8::1", "netmask6": 64,
        },
        {"iface": "vmbr1", "type": "bridge", "bridge_ports": "none"},
        {"iface": "eth0", "type": "eth", "active": 1, "address": "192.0.2.9"},
    ]  # fmt: skip
    found = {one.name: one for one in networks("n1", "c", rows)}
    assert found["vmbr0"].addresses == ("192.0.2.1/24", "2001:db8::1/64")
    assert found["vmbr0"].ports == ("bond0", "tap1")
    assert (found["vmbr1"].active, found["vmbr1"].ports, found["vmbr1"].vlan_aware) == (
        False, (), False,
    )  # fmt: skip
    assert (found["eth0"].addresses, found["eth0"].vlan_aware) == (("192.0.2.9",), None)


@pytest.mark.parametrize(
    ("wearout", "ratio"), [(100, 0.0), ("4", 0.96), (0, 1.0), ("N/A", None), (250, None)]
)
def test_wear_counts_from_new_to_worn_out(wearout: Any, ratio: float | None) -> None:
    """The platform tells what remains; 100 is a new disk."""
    rows = [{"devpath": "/dev/sda", "size": "960197124096", "wearout": wearout, "type": "ssd"}]
    found = only(physical_disks("n1", "c", rows))
    assert (found.wearout_ratio, found.capacity_bytes) == (ratio, 960197124096)
    assert found.used_for == ""


def test_pools_tell_what_they_are_and_nothing_they_do_not() -> None:
    pool = only(
        zfs_pools(
            "n1", "c",
            [{"name": "tank", "size": 900, "alloc": 700, "frag": 41, "health": "DEGRADED"}],
        )
    )  # fmt: skip
    assert (pool.subject, pool.health, pool.fragmentation_ratio) == (
        "n1/zfs/tank", "DEGRADED", 0.41,
    )  # fmt: skip
    thin = only(
        thin_pools(
            "n1", "c",
            [{"vg": "pve", "lv": "data", "lv_size": 10, "used": 4, "metadata_size": 0,
              "metadata_used": 3}],
        )
    )  # fmt: skip
    assert (thin.name, thin.health, thin.metadata_used_ratio) == ("pve/data", None, None)


def test_a_task_that_ended_well_or_still_runs_is_no_failed_one() -> None:
    rows = [
        {"upid": "UPID:n1:1:2:3:vzdump:100:", "status": "OK", "type": "vzdump"},
        {"upid": "UPID:n1:1:2:4:vzdump:100:", "type": "vzdump"},
        {"upid": "UPID:n1:1:2:5:vzdump::", "status": "job errors", "type": "vzdump", "id": ""},
    ]
    found = only(failed_tasks("n1", "c", rows))
    assert (found.task_id, found.about, found.ended_at) == ("UPID:n1:1:2:5:vzdump::", "", None)


# The firewall: what is absent has another default at each level


@pytest.mark.parametrize(
    ("level", "enabled", "policy_in"),
    [("cluster", False, "DROP"), ("host/n1", True, ""), ("guest/100", False, "DROP")],
)
def test_an_unset_firewall_has_the_default_of_its_level(
    level: str, enabled: bool, policy_in: str
) -> None:
    found = only(firewall_of(level, "c", {"digest": "da39"}))
    assert (found.enabled, found.policy_in) == (enabled, policy_in)


def test_a_switch_that_is_no_number_is_not_known() -> None:
    assert only(firewall_of("cluster", "c", {"enable": "yes"})).enabled is None
    assert only(firewall_of("cluster", "c", {"enable": "2"})).enabled is True
    assert list(firewall_of("cluster", "c", None)) == []


def test_rules_keep_what_they_filter_and_not_what_was_written_beside() -> None:
    rows = [
        {"pos": 0, "enable": 1, "type": "in", "action": "ACCEPT", "dport": "22:25", "proto": "tcp"},
        {"pos": "1", "enable": 0, "type": "group", "action": "web", "comment": "ask Budi"},
        {"type": "in", "action": "ACCEPT"},
    ]
    first, second = rules_of("group/x", "c", rows)
    assert (first.source, first.ports, first.enabled) == ("", "22:25", True)
    assert (second.subject, second.enabled, second.action) == ("group/x#1", False, "web")
    assert "Budi" not in repr(second)


def test_groups_are_named_once_and_sorted() -> None:
    assert group_names([{"group": "b"}, {"group": "a"}, {}, 7, {"group": "b"}]) == ["a", "b"]
    assert group_names(None) == []


# The cluster


def test_a_cluster_of_8_is_told_from_five_answers() -> None:
    found = cluster_state(
        "c",
        {
            STATUS: [{"type": "cluster", "quorate": 1, "nodes": 3}, {"type": "node"}],
            OPTIONS: {"migration": {"network": "10.10.0.0/24", "type": "insecure"}},
            QUORUM_DEVICE: {},
            METRICS: [{"type": "influxdb"}, {"type": "graphite", "disable": 1}],
            HA: [
                {"type": "master", "status": "n1 (old timestamp - dead?, Mon Nov 23 19:23 2026)"}
            ],
        },
    )  # fmt: skip
    assert dict(found) == {
        "cluster": "c", "quorate": True, "hosts_expected": 3, "quorum_device": False,
        "migration_encrypted": False, "metric_targets": 1, "ha_master": "old timestamp - dead?",
    }  # fmt: skip


def test_a_node_that_stands_alone_has_quorum_by_itself() -> None:
    found = cluster_state(
        "c", {STATUS: [{"type": "node"}], HA: [{"type": "quorum", "quorate": "1"}], OPTIONS: {}}
    )
    assert (found.quorate, found.hosts_expected, found.ha_master) == (True, 1, "")
    assert found.migration_encrypted is True


@pytest.mark.parametrize(
    ("options", "encrypted"),
    [
        ({}, True),
        ({"migration": "secure,network=10.0.0.0/8"}, True),
        ({"migration": "insecure"}, False),
        ({"migration": "type=insecure"}, False),
        ({"migration_unsecure": 1}, False),
        ({"migration_unsecure": "what"}, None),
    ],
)
def test_migration_is_encrypted_unless_it_says_otherwise(
    options: dict[str, Any], encrypted: bool | None
) -> None:
    assert cluster_state("c", {OPTIONS: options}).migration_encrypted is encrypted


def test_what_was_not_answered_is_not_known() -> None:
    known = {name: value for name, value in dict(cluster_state("c", {})).items() if value}
    assert known == {"cluster": "c"}


def test_ceph_tells_every_check_that_failed() -> None:
    found = only(
        ceph_health(
            "c",
            {
                "health": {
                    "status": "HEALTH_ERR",
                    "checks": {
                        "PG_DEGRADED": {"summary": {"message": "7 pgs degraded"}},
                        "OSD_DOWN": {"summary": {}},
                    },
                },
                "pgmap": {"bytes_total": 60, "bytes_used": 20},
            },
        )
    )
    assert (found.health, found.detail) == ("HEALTH_ERR", "OSD_DOWN; PG_DEGRADED: 7 pgs degraded")
    assert (found.host_id, found.capacity_bytes, found.used_bytes) == (None, 60, 20)
    assert list(ceph_health("c", {})) == []


def test_a_release_is_its_first_number() -> None:
    assert [release_of({"version": text}) for text in ("9.2.11", "7.4-20", "x")] == [9, 7, None]
    assert release_of(None) is None


# What must not be kept


@pytest.mark.parametrize(
    ("key", "body", "secret"),
    [
        ("GET /nodes/n/subscription", {"status": "active", "key": "pve2b-XX"}, "pve2b"),
        ("GET /nodes/n/subscription", {"status": "active", "serverid": "AF12"}, "AF12"),
        ("GET /nodes/n/certificates/info", [{"filename": "a", "pem": "-----BEGIN"}], "BEGIN"),
        ("GET /nodes/n/network", [{"iface": "a", "comments": "call Budi"}], "Budi"),
        ("GET /nodes/n/network", [{"iface": "a", "options": ["wpa-psk x1"]}], "wpa"),
        ("GET /cluster/options", {"description": "root pw", "email_from": "b@x"}, "pw"),
        ("GET /cluster/firewall/rules", [{"pos": 0, "comment": "for Siti"}], "Siti"),
        ("GET /cluster/firewall/groups/web", [{"pos": 0, "comment": "for Siti"}], "Siti"),
        ("GET /cluster/metrics/server", [{"type": "influxdb", "token": "t0k"}], "t0k"),
        ("GET /storage", [{"storage": "p", "encryption-key": "AA:BB"}], "AA:BB"),
        ("GET /nodes/n/storage/s/content?content=backup", [{"notes": "for Siti"}], "Siti"),
        (
            "GET /nodes/n/apt/repositories",
            {"files": [{"repositories": [{"URIs": ["https://me:pw1@repo.example/debian"]}]}]},
            "pw1",
        ),
        (
            "GET /nodes/n/tasks?errors=1&limit=100",
            [{"upid": "UPID:n:1:2:3:vzdump:100:budi@pve:", "user": "budi@pve"}],
            "budi",
        ),
    ],
)
def test_what_is_private_leaves_an_answer_at_once(key: str, body: Any, secret: str) -> None:
    assert secret in repr(body)
    assert secret not in repr(lean(key, {"status": 200, "body": body}))


def test_a_task_is_as_unique_without_its_user() -> None:
    rows = [{"upid": "UPID:n:0003C1F5:01:6744D1B1:vzdump:100:root@pam!x:", "id": "100"}]
    found = lean("GET /nodes/n/tasks", {"status": 200, "body": rows})["body"]
    assert found == [{"upid": "UPID:n:0003C1F5:01:6744D1B1:vzdump:100:", "id": "100"}]


def test_a_refusal_has_no_body_and_keeps_none() -> None:
    for told in TOLD:
        key = told.request("n").key
        assert lean(key, {"status": 403, "reason": "no", "body": None})["body"] is None


# Total on whatever comes


@given(ANYTHING)
def test_no_reader_breaks_on_any_answer(body: Any) -> None:
    for reader in READERS:
        list(reader("n1", "c", body))
    list(rules_of("cluster", "c", body))
    list(firewall_of("cluster", "c", body))
    cluster_state("c", dict.fromkeys((STATUS, OPTIONS, QUORUM_DEVICE, METRICS, HA), body))
    repositories_of(body)
    subscription_of(body)
    pressure_of(body)
    host_details(body if isinstance(body, dict) else {}, NOW)


@given(st.sampled_from(TOLD), ANYTHING)
def test_nothing_of_an_odd_answer_breaks_what_is_kept_of_it(told: Any, body: Any) -> None:
    lean(told.request("n").key, {"status": 200, "reason": "OK", "body": body})


# Rights


def rights(**paths: list[str]) -> Rights:
    body = {path.replace("_", "/"): dict.fromkeys(names, 1) for path, names in paths.items()}
    found = Rights.of(body, "a@pve!t")
    assert found is not None
    return found


def test_a_top_path_that_is_not_told_holds_nothing_though_the_root_does() -> None:
    """A group's own ACL on /access replaced there what / gives."""
    found = rights(_=["Sys.Audit"], _nodes=["Sys.Audit"])
    assert found.has("Sys.Audit", "/nodes/n1")
    assert not found.has("Sys.Audit", "/access")
    assert not found.has("Sys.Audit", "/storage")


def test_a_more_specific_role_that_lacks_the_right_is_named() -> None:
    found = rights(_vms=["VM.Audit"], _vms_103=["VM.Console"], _vms_104=["VM.Audit"])
    assert found.has("VM.Audit", "/vms")
    assert not found.has_everywhere("VM.Audit", "/vms")
    assert found.lack("VM.Audit", "/vms") == "VM.Audit on /vms/103 is missing"
    [told] = [one for one in found.listed(8) if one.name == "VM.Audit"]
    assert (told.held, told.note) == (False, "held, but not on /vms/103")
    assert "pveum acl modify /vms/103 --users a@pve --roles PVEAuditor" in told.remedy


def test_a_privilege_that_does_not_propagate_holds_on_its_path_alone() -> None:
    found = Rights.of({"/": {"Sys.Audit": 0}, "/pool": {"Pool.Audit": 0}}, "a@pve!t")
    assert found is not None
    assert found.has("Pool.Audit", "/pool")
    assert not found.has("Pool.Audit", "/pool/prod")


def test_every_need_says_what_it_hides_and_how_to_grant_it() -> None:
    for right in rights(_pool_a=["Pool.Audit"]).listed(9):
        assert not right.held
        assert right.shows
        assert f"pveum acl modify {right.path} --tokens 'a@pve!t'" in right.remedy
    assert {need.writes for need in NEEDS if need.role == "PVEAuditor"} == {False}


def test_a_token_without_any_right_is_offered_all_of_them_at_once() -> None:
    remedies = {right.remedy for right in rights().listed(9) if not right.writes}
    [remedy] = remedies
    assert remedy == (
        "pveum acl modify / --users a@pve --roles PVEAuditor && "
        "pveum acl modify / --tokens 'a@pve!t' --roles PVEAuditor"
    )


# Coverage


def snapshot(**answers: Any) -> Snapshot:
    """What comes of a cluster of 8 with one node and these answers, by what they are of it."""
    every = ["Sys.Audit", "VM.Audit", "Datastore.Audit"]
    tops = ("/", "/nodes", "/vms", "/storage", "/access")
    known: dict[str, Any] = {
        "GET /version": {"version": "8.4.21"},
        "GET /access/permissions": {path: dict.fromkeys(every, 1) for path in tops},
        "GET /cluster/resources": [{"type": "node", "node": "n1", "status": "online"}],
        "GET /nodes/n1/status": {"uptime": 60},
    }
    raw: dict[str, Any] = {
        key: {"status": 200, "reason": "OK", "body": body} for key, body in known.items()
    }
    raw |= {told.request("n1").key: _answer([]) for told in TOLD}
    raw |= {key: _answer(body) for key, body in answers.items()}
    return parse(Raw("proxmox", raw, {"token_id": "a@pve!t"}), source="s", taken_at=NOW)


def _answer(body: Any) -> dict[str, Any]:
    return body if isinstance(body, dict) and "status" in body else _answered(body)


def _answered(body: Any) -> dict[str, Any]:
    return {"status": 200, "reason": "OK", "body": body}


def of(found: Snapshot, kind: str, scope: str = "host/n1") -> Coverage:
    return only(part for part in found.coverage if (part.kind, part.scope) == (kind, scope))


@pytest.mark.parametrize(
    ("status", "reason", "state"),
    [
        (500, "zfsutils-linux not installed", "complete"),
        (500, "cannot open /dev/zfs", "failed"),
        (403, "Permission check failed (/, Sys.Audit)", "hidden"),
        (595, "No route to host", "failed"),
        (0, "no answer in time", "failed"),
        (501, "Method 'GET /x' not implemented", "hidden"),
    ],
)
def test_what_an_error_means_for_what_was_seen(status: int, reason: str, state: str) -> None:
    error = {"status": status, "reason": reason, "body": None}
    part = of(snapshot(**{"GET /nodes/n1/disks/zfs": error}), "storage_health")
    assert part.state == state
    assert bool(part.remedy) is (status == 403)
    if status == 403:
        assert "pveum acl modify / --users" in part.remedy


def test_what_was_asked_before_is_dated() -> None:
    """Of two answers about one kind the older one dates both."""
    earlier = NOW - timedelta(hours=7)
    old = _answered([]) | {"asked_at": earlier.timestamp()}
    newer = _answered([]) | {"asked_at": (NOW - timedelta(hours=1)).timestamp()}
    found = snapshot(**{"GET /nodes/n1/disks/zfs": newer, "GET /nodes/n1/disks/lvmthin": old})
    assert of(found, "storage_health").asked_at == earlier
    assert of(found, "package").asked_at is None


def test_uptime_counts_back_from_when_it_was_told() -> None:
    earlier = NOW - timedelta(minutes=40)
    status = _answered({"uptime": 600}) | {"asked_at": earlier.timestamp()}
    host = only(snapshot(**{"GET /nodes/n1/status": status}).of(Host))
    assert host.booted_at == earlier - timedelta(minutes=10)


def test_an_answer_of_another_form_is_a_failed_one() -> None:
    found = snapshot(**{"GET /nodes/n1/services": {"odd": 1}, "GET /nodes/n1/network": "x"})
    assert of(found, "service").state == of(found, "host_network").state == "failed"


def test_no_tasks_are_no_proof_without_the_right_to_see_them() -> None:
    refused = {"status": 403, "reason": "Permission check failed (/nodes/n1, Sys.Audit)"}
    part = of(snapshot(**{"GET /nodes/n1/status": refused}), "failed_task")
    assert part.state == "hidden"
    assert "pveum acl modify" in part.remedy


def test_images_that_no_guest_refers_to_are_never_said_to_be_none() -> None:
    part = of(snapshot(), "volume", "")
    assert part.state == "hidden"
    assert part.is_beyond_reach
    assert "qm disk rescan --dryrun 1" in part.reason
