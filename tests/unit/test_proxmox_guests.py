"""What guests, HA, replication and access tell: small answers of 8.4 and 9.2, and odd ones."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from collectors.contract import Raw
from collectors.proxmox.lean import lean
from collectors.proxmox.parse import parse
from inventory.platform_records import (
    Firewall,
    FirewallRule,
    Grant,
    GuestFilesystem,
    HaResource,
    HaRule,
    Principal,
    Realm,
    Replication,
    Role,
)
from inventory.records import Coverage, Disk, Guest, GuestSnapshot, Nic, Record, Snapshot

NOW = datetime(2026, 11, 23, 1, 0, tzinfo=UTC)
AUDIT = {"Datastore.Audit": 1, "Sys.Audit": 1, "VM.Audit": 1}
ALL_RIGHTS = dict.fromkeys(("/", "/access", "/access/groups", "/nodes", "/vms"), AUDIT)
NODE = {"type": "node", "id": "node/n1", "node": "n1", "status": "online", "maxmem": 2**36}
STORAGES = [
    {"storage": "local", "type": "dir", "path": "/var/lib/vz"},
    {"storage": "thin", "type": "lvmthin", "vgname": "pve", "thinpool": "data"},
    {"storage": "tank", "type": "zfspool", "pool": "tank/vm"},
]


def answered(**answers: Any) -> dict[str, Any]:
    """Answers by path, as fetch makes them; a number stands for an error of that status."""
    found = {}
    for path, body in answers.items():
        key = f"GET {path}"
        if isinstance(body, int):
            found[key] = {"status": body, "reason": "refused", "body": None}
        else:
            found[key] = lean(key, {"status": 200, "reason": "OK", "body": body})
    return found


def snapshot(
    answers: dict[str, Any],
    *guests: dict[str, Any],
    rights: dict[str, Any] | None = None,
    version: str = "8.4.21",
) -> Snapshot:
    """What one node with these guests tells."""
    bulk: dict[str, Any] = {
        "/version": {"version": version},
        "/access/permissions": ALL_RIGHTS if rights is None else rights,
        "/cluster/status": [{"type": "cluster", "name": "c"}],
        "/cluster/resources": [NODE, *guests],
        "/storage": STORAGES,
    }
    raw = Raw("proxmox", answered(**bulk) | answered(**answers), {"token_id": "a@pve!t"})
    return parse(raw, source="s", taken_at=NOW)


def row(vmid: int = 100, kind: str = "qemu", **more: Any) -> dict[str, Any]:
    given = {
        "type": kind, "vmid": vmid, "node": "n1", "id": f"{kind}/{vmid}", "status": "running",
        "name": f"g{vmid}",
    }  # fmt: skip
    return given | more


def one(kind: type[Any], found: Snapshot) -> Any:
    [only] = found.of(kind)
    return only


def machine(version: str = "8.4.21", **config: Any) -> Guest:
    path = "/nodes/n1/qemu/100/config"
    found: Guest = one(Guest, snapshot({path: {"digest": "d", **config}}, row(), version=version))
    return found


def container(**config: Any) -> Guest:
    path = "/nodes/n1/lxc/200/config"
    found: Guest = one(Guest, snapshot({path: {"digest": "d", **config}}, row(200, "lxc")))
    return found


def part(found: Snapshot, kind: str, scope: str = "") -> Coverage | None:
    return next((p for p in found.coverage if (p.kind, p.scope) == (kind, scope)), None)


# Virtual machines


def test_an_empty_configuration_means_the_defaults() -> None:
    guest = machine()
    assert (guest.vcpus, guest.memory_bytes, guest.cpu_limit_cores) == (1, 512 * 2**20, 0)
    assert (guest.cpu_model, guest.machine, guest.firmware) == ("kvm64", "i440fx", "bios")
    assert (guest.secure_boot, guest.vtpm, guest.agent, guest.protection) == (False,) * 4
    assert (guest.ballooning, guest.autostart, guest.clipboard) == (True, False, False)
    assert (guest.os, guest.os_source, guest.hook_script, guest.memory_encryption) == ("",) * 4
    assert (guest.consoles, guest.media, guest.passthrough, guest.host_paths) == ((),) * 4
    assert (guest.swap_bytes, guest.features, guest.raw_options) == (None, None, ())


@pytest.mark.parametrize(
    ("config", "field", "value"),
    [
        ({"sockets": 2, "cores": "4"}, "vcpus", 8),
        ({"cores": 8, "vcpus": 6}, "vcpus", 6),
        ({"cores": "many"}, "vcpus", None),
        ({"cpulimit": "1.5"}, "cpu_limit_cores", 1.5),
        ({"cpu": "host"}, "cpu_model", "host"),
        ({"cpu": "cputype=x86-64-v3,flags=+aes;-pcid"}, "cpu_model", "x86-64-v3 +aes -pcid"),
        ({"cpu": ["host"]}, "cpu_model", None),
        ({"machine": "q35"}, "machine", "q35"),
        ({"machine": "type=pc-q35-9.0,viommu=intel"}, "machine", "pc-q35-9.0"),
        ({"bios": "ovmf"}, "firmware", "uefi"),
        ({"bios": "coreboot"}, "firmware", None),
        ({"bios": "ovmf"}, "secure_boot", False),
        ({"bios": "ovmf", "efidisk0": "local:1/a,pre-enrolled-keys=1"}, "secure_boot", True),
        ({"bios": "ovmf", "efidisk0": "local:1/a,pre-enrolled-keys=yes"}, "secure_boot", None),
        ({"bios": "coreboot"}, "secure_boot", None),
        ({"tpmstate0": "local:1/b,version=v2.0"}, "vtpm", True),
        ({"amd-sev": "type=snp,no-debug=1"}, "memory_encryption", "sev-snp"),
        ({"amd-sev": "std"}, "memory_encryption", "sev"),
        ({"intel-tdx": "type=tdx"}, "memory_encryption", "tdx"),
        ({"balloon": 0}, "ballooning", False),
        ({"balloon": "2048"}, "ballooning", True),
        ({"balloon": "2048"}, "memory_min_bytes", 2 * 2**30),
        ({"balloon": {}}, "ballooning", None),
        ({"memory": "current=4096"}, "memory_bytes", 4 * 2**30),
        ({"agent": "1"}, "agent", True),
        ({"agent": 1}, "agent", True),
        ({"agent": "enabled=1,fstrim_cloned_disks=1"}, "agent", True),
        ({"agent": "enabled=0"}, "agent", False),
        ({"agent": None}, "agent", None),
        ({"protection": 1}, "protection", True),
        ({"hookscript": "local:snippets/hook.pl"}, "hook_script", "local:snippets/hook.pl"),
        ({"hookscript": {"a": 1}}, "hook_script", None),
        ({"ostype": "l26"}, "os", "Linux"),
        ({"ostype": "l26"}, "os_source", "configuration"),
        ({"ostype": "win11"}, "os", "Windows 11 or Server 2022/2025"),
        ({"args": "-device ich9-intel-hda"}, "raw_arguments", True),
        ({"args": "-device ich9-intel-hda"}, "consoles", ()),
        ({"args": "-vnc 0.0.0.0:77 -monitor tcp:0.0.0.0:4"}, "consoles",
         ("monitor tcp:0.0.0.0:4", "vnc 0.0.0.0:77")),
        ({"args": "-monitor none"}, "consoles", ()),
        ({"serial0": "socket", "serial1": "/dev/ttyS0"}, "consoles",
         ("serial0 socket", "serial1 /dev/ttyS0")),
        ({"vga": "virtio,clipboard=vnc"}, "clipboard", True),
        ({"vga": "type=qxl2"}, "clipboard", True),
        ({"vga": "serial0"}, "clipboard", False),
        ({"hostpci0": "0000:01:00.0,pcie=1"}, "passthrough", ("hostpci0 0000:01:00.0",)),
        ({"hostpci0": "mapping=gpu"}, "passthrough", ("hostpci0 mapping:gpu",)),
        ({"usb0": "host=1234:5678", "usb1": "spice"}, "passthrough", ("usb0 1234:5678",)),
        ({"usb0": "host=spice,usb3=1"}, "passthrough", ()),
        ({"scsi2": "/dev/disk/by-id/x,size=9G"}, "passthrough", ("scsi2 /dev/disk/by-id/x",)),
        ({}, "pinned_cpus", ()),
        ({"affinity": "8-11,0,1,5"}, "pinned_cpus", ("0-1", "5", "8-11")),
        ({"affinity": 3}, "pinned_cpus", ("3",)),
        ({"affinity": ["3"]}, "pinned_cpus", None),
        ({"virtiofs0": "dirid=shares,cache=auto"}, "host_paths", ("mapping:shares",)),
        ({"ide2": "local:iso/a.iso,media=cdrom,size=6M"}, "media", ("local:iso/a.iso",)),
        ({"ide2": "none,media=cdrom"}, "media", ()),
        ({"ide2": "cdrom,media=cdrom"}, "media", ("cdrom",)),
        ({"ide2": "local:103/vm-103-cloudinit.qcow2,media=cdrom"}, "media", ()),
    ],
)  # fmt: skip
def test_a_machines_configuration(config: dict[str, Any], field: str, value: Any) -> None:
    assert getattr(machine(**config), field) == value


def test_the_guest_itself_names_its_system_best() -> None:
    """PVE 9: agent/get-osinfo, whose answer is nested once more."""
    base = "/nodes/n1/qemu/100"
    told = {"result": {"pretty-name": "Debian GNU/Linux 12 (bookworm)", "id": "debian"}}
    config = {"digest": "d", "ostype": "l26", "agent": "1"}
    for agent, name, source in (
        (told, "Debian GNU/Linux 12 (bookworm)", "agent"),
        ({"result": {"name": "Alpine Linux"}}, "Alpine Linux", "agent"),
        ({"result": None}, "Linux", "configuration"),
        ([], "Linux", "configuration"),
        (500, "Linux", "configuration"),
    ):
        found = snapshot({f"{base}/config": config, f"{base}/agent/get-osinfo": agent}, row())
        guest = one(Guest, found)
        assert (guest.os, guest.os_source) == (name, source)


FSINFO = "/nodes/n1/qemu/100/agent/get-fsinfo"
ASKS_AGENTS = dict.fromkeys(("/", "/nodes", "/vms"), AUDIT | {"VM.GuestAgent.Audit": 1})


def filesystems(body: Any, *, config: Any = None, system: Any = None, **more: Any) -> Snapshot:
    """What a running guest of 9.2 with an agent tells."""
    answers = {
        "/nodes/n1/qemu/100/config": {"digest": "d", "agent": "1"} if config is None else config,
        "/nodes/n1/qemu/100/agent/get-osinfo": {"result": {}} if system is None else system,
        FSINFO: body,
    }
    return snapshot(answers, row(**more), rights=ASKS_AGENTS, version="9.2.11")


@pytest.mark.parametrize(
    ("told", "known"),
    [
        ({"mountpoint": "/", "type": "ext4", "total-bytes": 9, "used-bytes": 4}, ("ext4", 9, 4)),
        ({"mountpoint": "C:\\", "type": "NTFS", "total-bytes": "9", "used-bytes": "4"},
         ("ntfs", 9, 4)),
        ({"mountpoint": "/cd", "type": "iso9660"}, ("iso9660", None, None)),
        ({"mountpoint": "/x", "total-bytes": 4, "used-bytes": 9}, (None, 4, None)),
        ({"mountpoint": "/x", "total-bytes": -1, "used-bytes": "many"}, (None, None, None)),
    ],
)  # fmt: skip
def test_a_file_system_as_an_agent_tells_it(told: dict[str, Any], known: tuple[Any, ...]) -> None:
    found = one(GuestFilesystem, filesystems({"result": [told]}))
    assert (found.kind, found.capacity_bytes, found.used_bytes) == known
    assert found.subject == f"100:{told['mountpoint']}"


def test_only_four_facts_of_a_file_system_are_kept() -> None:
    told = {"name": "sda1", "mountpoint": "/", "disk": [{"serial": "hush-hush"}]}
    assert answered(**{FSINFO: {"result": [told, 7]}})[f"GET {FSINFO}"]["body"] == {
        "result": [{"mountpoint": "/"}, {}]
    }


@pytest.mark.parametrize("body", [[], {}, {"result": None}, {"result": {"error": "x"}}, 7, 595])
def test_an_odd_answer_of_an_agent_is_a_gap_and_not_an_empty_list(body: Any) -> None:
    found = filesystems(body)
    assert found.of(GuestFilesystem) == ()
    assert part(found, "filesystem").state == "partial"  # type: ignore[union-attr]


@pytest.mark.parametrize(
    ("more", "state"),
    [
        ({"config": {"digest": "d"}}, "complete"),  # no agent: there is nothing to be told
        ({"config": 500}, "partial"),  # whether it has one is not known
        ({"system": 500}, "hidden"),  # silent
        ({"system": 596}, "partial"),  # not reached
        ({}, "complete"),
    ],
)
def test_one_line_says_what_agents_did_not_tell(more: dict[str, Any], state: str) -> None:
    body = {"result": []} if not more else 404
    found = filesystems(body, **more)
    lines = [part for part in found.coverage if part.kind == "filesystem"]
    assert lines[0].state == state
    assert [line.scope for line in lines[1:]] == ([] if more else ["guest/100"])


def test_only_the_names_of_pending_settings_are_kept() -> None:
    base = "/nodes/n1/qemu/100"
    rows = [
        {"key": "memory", "value": "2048", "pending": "4096"},
        {"key": "net1", "value": "virtio=…", "delete": 1},
        {"key": "name", "value": "g100"},
        {"key": "cipassword", "pending": "hush-hush"},
        {"value": "no key, as an old server may answer"},
    ]
    answers = {f"{base}/config": {"digest": "d"}, f"{base}/pending": rows}
    assert "hush-hush" not in str(answered(**answers))
    assert "2048" not in str(answered(**answers))
    found = snapshot(answers, row())
    assert one(Guest, found).pending == ("cipassword", "memory", "net1")
    assert part(found, "pending", "guest/100") is None


def test_pending_settings_that_were_not_told_are_a_gap_of_their_own() -> None:
    found = snapshot({"/nodes/n1/qemu/100/config": {"digest": "d"}}, row())
    assert one(Guest, found).pending is None
    gap = part(found, "pending", "guest/100")
    assert gap is not None
    assert gap.state == "failed"
    assert not part(found, "guest", "guest/100").is_gap  # type: ignore[union-attr]


# Containers


def test_an_empty_container_is_privileged_and_unlimited() -> None:
    guest = container()
    assert guest.unprivileged is False
    assert (guest.vcpus, guest.cpu_limit_cores) == (None, 0)  # all of its host, not "not known"
    assert guest.swap_bytes == 512 * 2**20
    assert (guest.features, guest.raw_options, guest.host_paths) == ((),) * 3
    assert guest.confinement == "apparmor"
    assert (guest.firmware, guest.vtpm, guest.agent, guest.media) == (None,) * 4  # machines'


@pytest.mark.parametrize(
    ("config", "field", "value"),
    [
        ({"cores": 2, "cpulimit": "1.5"}, "vcpus", 2),
        ({"cpulimit": "1.5"}, "vcpus", 1.5),
        ({"cores": 2, "cpulimit": "1.5"}, "cpu_limit_cores", 1.5),
        ({"swap": 0}, "swap_bytes", 0),
        ({"unprivileged": 1}, "unprivileged", True),
        ({"features": "keyctl=1,nesting=1,fuse=0,mount=nfs;cifs"}, "features",
         ("keyctl", "mount=nfs;cifs", "nesting")),
        ({"lxc": [["lxc.apparmor.profile", "unconfined"], ["lxc.cap.drop", ""]]}, "raw_options",
         ("lxc.apparmor.profile: unconfined", "lxc.cap.drop:")),
        ({"lxc": [["lxc.apparmor.profile", "unconfined"]]}, "confinement", "none"),
        ({"lxc": [["lxc.cap.drop", ""]]}, "raw_arguments", True),
        ({"lxc": [["lxc.cgroup2.cpuset.cpus", "2-3"]]}, "pinned_cpus", ("2-3",)),
        ({"lxc": [["lxc.cap.drop", ""]]}, "pinned_cpus", ()),
        ({"lxc": "odd"}, "raw_options", ()),
        ({"lxc": [["lxc.mount.entry", "/srv/a srv none bind"]]}, "host_paths", ("/srv/a",)),
        ({"mp0": "/srv/data,mp=/data"}, "host_paths", ("/srv/data",)),
        ({"mp0": "tank:subvol-1,mp=/data"}, "host_paths", ()),
        ({"dev0": "/dev/net/tun,mode=0666"}, "passthrough", ("dev0 /dev/net/tun",)),
        ({"dev0": "path=/dev/kvm"}, "passthrough", ("dev0 /dev/kvm",)),
        ({"mp1": "/dev/sdb1,mp=/data"}, "passthrough", ("mp1 /dev/sdb1",)),
        ({"ostype": "debian"}, "os", "debian"),
    ],
)  # fmt: skip
def test_a_containers_configuration(config: dict[str, Any], field: str, value: Any) -> None:
    assert getattr(container(**config), field) == value


def test_the_environment_of_a_container_is_not_kept() -> None:
    config = {
        "digest": "d", "env": "DB_PASSWORD=hush-hush",
        "lxc": [["lxc.environment", "DB_KEY=hush-hush"], ["lxc.hook.mount", "token=hush-hush"]],
    }  # fmt: skip
    path = "/nodes/n1/lxc/200/config"
    assert "hush-hush" not in str(answered(**{path: config}))
    guest = one(Guest, snapshot({path: config}, row(200, "lxc")))
    assert guest.raw_options == ("lxc.environment: stated", "lxc.hook.mount: stated")


@pytest.mark.parametrize(
    ("arguments", "left"),
    [
        ("-object secret,id=s0,data=aHVzaA== -vnc :7", "-object secret,id=s0,data=stated -vnc :7"),
        ("-spice port=1,password=hush", "-spice port=1,password=stated"),
        ("-device ich9-intel-hda", "-device ich9-intel-hda"),
    ],
)
def test_secrets_in_raw_arguments_are_not_kept(arguments: str, left: str) -> None:
    path = "/nodes/n1/qemu/100/config"
    answers = answered(**{path: {"digest": "d", "args": arguments}})
    assert answers[f"GET {path}"]["body"]["args"] == left


@pytest.mark.parametrize(
    ("text", "hints"),
    [
        ("web server of the city", ()),
        ("password: hunter2", ("password",)),
        ("old password FAKE-ct-secret", ("password",)),
        ("login admin / Passw0rd-x", ("password",)),
        ("kata sandi: rahasia", ("password",)),
        ("password policy as usual, see the wiki", ()),
        ("Password Policy v2", ()),
        ("login via https://10.0.0.1/Admin", ()),
        ("NIK contoh: 3578010101900001", ("identity-number",)),
        ("order 9999999999999999", ()),
    ],
)
def test_what_free_text_betrays_is_a_hint_and_the_text_is_gone(text: str, hints: Any) -> None:
    path = "/nodes/n1/qemu/100/config"
    answers = {path: {"digest": "d", "description": text}}
    assert one(Guest, snapshot(answers, row())).hints == hints
    assert text not in str(answered(**answers))


# Disks and interfaces


def disks(kind: str = "qemu", **config: Any) -> dict[str, Disk]:
    path = f"/nodes/n1/{kind}/100/config"
    found = snapshot({path: {"digest": "d", **config}}, row(kind=kind))
    return {str(disk.slot): disk for disk in found.of(Disk)}


@pytest.mark.parametrize(
    ("line", "field", "value"),
    [
        ("local:1/vm-1-disk-0.qcow2,size=32G", "format", "qcow2"),
        ("local:1/vm-1-disk-0.raw,size=32G", "format", "raw"),
        ("local:1/vm-1-disk-0,size=32G,format=vmdk", "format", "vmdk"),
        ("thin:vm-1-disk-0,size=32G", "format", "raw"),
        ("tank:vm-1-disk-0,size=32G", "format", "raw"),
        ("local:1/odd,size=32G", "format", None),
        ("elsewhere:vm-1-disk-0", "format", None),
        ("file=thin:vm-1-disk-0,size=1.5T", "capacity_bytes", 3 * 2**39),
        ("thin:vm-1-disk-0,size=99999999999999999T", "capacity_bytes", None),
        ("thin:vm-1-disk-0", "datastore_id", "n1/thin"),
        ("local:9/base-9-disk-0.qcow2/1/vm-1-disk-0.qcow2", "linked_clone_of",
         "base-9-disk-0.qcow2"),
        ("tank:base-9-disk-0/vm-1-disk-0", "backing", ("base-9-disk-0",)),
        ("tank:vm-1-disk-0", "linked_clone_of", ""),
        ("tank:vm-1-disk-0", "backing", ()),
        ("thin:vm-1-disk-0", "linked_clone_of", None),  # LVM thin: the name does not tell
        ("thin:vm-1-disk-0", "backing", None),
        ("thin:vm-1-disk-0", "replicated", True),
        ("thin:vm-1-disk-0,replicate=0", "replicated", False),
        ("thin:vm-1-disk-0", "backup", True),
        ("thin:vm-1-disk-0,backup=0", "backup", False),
        ("thin:vm-1-disk-0,backup=maybe", "backup", None),
        ("thin:vm-1-disk-0,cache=unsafe", "cache", "unsafe"),
        ("thin:vm-1-disk-0", "host_device", ""),
        ("/dev/disk/by-path/pci-0000:00:1f.2-ata-1,size=8G", "host_device",
         "/dev/disk/by-path/pci-0000:00:1f.2-ata-1"),
        ("/dev/disk/by-path/pci-0000:00:1f.2-ata-1,size=8G", "datastore_id", None),
        ("/dev/sdb,size=8G", "capacity_bytes", 8 * 2**30),
        ("/dev/sdb,size=8G", "purpose", "data"),
        ("/dev/sdb,size=8G", "format", "raw"),
        ("iscsi://10.0.0.1/x/1", "datastore_id", None),
    ],
)  # fmt: skip
def test_a_disks_line(line: str, field: str, value: Any) -> None:
    assert getattr(disks(scsi0=line)["scsi0"], field) == value


def test_machines_and_containers_have_opposite_defaults_of_backup() -> None:
    machine = disks(scsi0="thin:a,size=1G", virtio1="thin:b,backup=0", unused0="thin:c")
    assert {slot: disk.backup for slot, disk in machine.items()} == {
        "scsi0": True, "virtio1": False, "unused0": False,
    }  # fmt: skip
    assert machine["unused0"].capacity_bytes is None
    assert machine["unused0"].replicated is None
    container = disks(
        "lxc", rootfs="tank:subvol-1-disk-0,size=8G", mp0="tank:a,mp=/a,backup=1",
        mp1="tank:b,mp=/b", mp2="/srv/x,mp=/x", mp3="/dev/sdc,mp=/c,size=4G",
    )  # fmt: skip
    assert {slot: disk.backup for slot, disk in container.items()} == {
        "rootfs": True, "mp0": True, "mp1": False, "mp3": False,
    }  # fmt: skip
    assert container["rootfs"].format == "subvol"
    assert container["mp3"].host_device == "/dev/sdc"


def test_a_volume_in_two_configurations_is_shareable() -> None:
    found = snapshot(
        {
            "/nodes/n1/qemu/100/config": {"digest": "d", "scsi0": "tank:vm-100-disk-0"},
            "/nodes/n1/qemu/101/config": {
                "digest": "d", "scsi3": "tank:vm-100-disk-0", "scsi4": "/dev/sdb",
            },
            "/nodes/n1/qemu/102/config": {"digest": "d", "unused0": "tank:vm-100-disk-0"},
        },
        row(100), row(101), row(102),
    )  # fmt: skip
    shared = {disk.disk_id: disk.shareable for disk in found.of(Disk)}
    assert shared == {"100/scsi0": True, "101/scsi3": True, "101/scsi4": False,
                      "102/unused0": False}  # fmt: skip


def test_interfaces() -> None:
    path = "/nodes/n1/qemu/100/config"
    found = snapshot(
        {
            path: {
                "digest": "d", "net0": "virtio=BC:24:11:00:00:01,bridge=vmbr0,tag=5,firewall=1",
                "net1": "e1000=bc:24:11:00:00:02,bridge=vmbr1,link_down=1,trunks=1;2",
                "net2": "virtio,bridge=vmbr2,tag=99999", "net3": 7,
            }
        },
        row(),
    )  # fmt: skip
    told = [(n.network, n.vlan, n.firewall, n.link_down, n.mac, n.model) for n in found.of(Nic)]
    assert told == [
        ("vmbr0", 5, True, False, "BC:24:11:00:00:01", "virtio"),
        ("vmbr1", 0, False, True, "BC:24:11:00:00:02", "e1000"),
        ("vmbr2", None, False, False, None, "virtio"),
        ("", 0, False, False, None, "7"),
    ]


# Firewalls


def test_an_absent_switch_of_a_guests_firewall_is_off() -> None:
    base = "/nodes/n1/qemu/100/firewall"
    rules = [
        {"pos": 0, "type": "in", "action": "ACCEPT", "enable": 1, "dport": "5432", "proto": "tcp",
         "source": "0.0.0.0/0", "comment": "Siti's database"},
        {"pos": "1", "type": "group", "action": "web"},
        {"type": "in", "action": "ACCEPT"},
    ]  # fmt: skip
    found = snapshot({f"{base}/options": {"digest": "d"}, f"{base}/rules": rules}, row())
    wall = one(Firewall, found)
    assert (wall.level, wall.enabled, wall.policy_in) == ("guest/100", False, "DROP")
    first, second = found.of(FirewallRule)
    assert (first.ports, first.source, first.enabled) == ("5432", "0.0.0.0/0", True)
    assert (second.direction, second.action, second.position) == ("group", "web", 1)
    assert "Siti" not in str(found)
    assert not part(found, "firewall", "guest/100").is_gap  # type: ignore[union-attr]


def test_what_an_odd_answer_lists_twice_is_one_thing() -> None:
    rule = {"pos": 0, "type": "in", "action": "DROP"}
    twice = {"/nodes/n1/qemu/100/firewall/rules": [rule, rule | {"action": "ACCEPT"}]}
    assert one(FirewallRule, snapshot(twice, row())).action == "ACCEPT"
    assert one(Guest, snapshot({}, row(), row())).guest_id == "100"


def test_a_firewall_that_was_not_told_is_no_open_one() -> None:
    found = snapshot({"/nodes/n1/qemu/100/firewall/options": 403}, row())
    assert found.of(Firewall) == ()
    gap = part(found, "firewall", "guest/100")
    assert gap is not None
    assert gap.state == "hidden"
    assert "pveum acl modify" in gap.remedy


# High availability and replication

RESOURCES = [
    {"sid": "vm:100", "state": "started", "group": "prefer-n1", "max_restart": 2},
    {"sid": "ct:200", "type": "ct"},
    {"sid": "storage:x"},
    {"sid": None},
]


def test_ha_of_release_8_has_groups() -> None:
    group = {"group": "prefer-n1", "nodes": "n2:1,n1:2", "restricted": 1, "comment": "by Siti"}
    found = snapshot(
        {
            "/cluster/ha/resources": RESOURCES, "/cluster/ha/groups": [group],
            "/cluster/ha/rules": 501,
        }
    )  # fmt: skip
    first, second = found.of(HaResource)
    assert first == HaResource(
        guest_id="100", cluster="c", requested="started", group="prefer-n1", max_restart=2,
        max_relocate=1,
    )  # fmt: skip
    assert (second.guest_id, second.requested, second.group) == ("200", "started", "")
    assert one(HaRule, found) == HaRule(
        rule_id="prefer-n1", cluster="c", kind="group", affinity="positive", strict=True,
        enabled=True, hosts=("n1", "n2"), guest_ids=("100",),
    )  # fmt: skip
    assert part(found, "ha_rule").state == "complete"  # type: ignore[union-attr]


MIGRATED = {
    "status": 500, "body": None,
    "reason": "cannot index groups: ha groups have been migrated to rules",
}  # fmt: skip


def test_ha_of_release_9_has_rules() -> None:
    rules = [
        {"rule": "keep", "type": "node-affinity", "nodes": "n1:2,n2", "resources": "vm:100",
         "strict": 1},
        {"rule": "apart", "type": "resource-affinity", "affinity": "negative", "disable": 1,
         "resources": "vm:100,ct:200"},
        {"type": "node-affinity"},
    ]  # fmt: skip
    answers = answered(**{"/cluster/ha/resources": RESOURCES, "/cluster/ha/rules": rules})
    raw = Raw("proxmox", answers | {"GET /cluster/ha/groups": MIGRATED}, {"cluster": "c"})
    found = parse(raw, source="s", taken_at=NOW)
    keep, apart = found.of(HaRule)
    assert (keep.kind, keep.affinity, keep.strict, keep.enabled) == (
        "node-affinity", "positive", True, True,
    )  # fmt: skip
    assert (keep.hosts, keep.guest_ids) == (("n1", "n2"), ("100",))
    assert (apart.affinity, apart.strict, apart.enabled) == ("negative", None, False)
    assert apart.guest_ids == ("100", "200")
    assert part(found, "ha_rule").state == "complete"  # type: ignore[union-attr]


@pytest.mark.parametrize(
    ("groups", "rules", "state"),
    [
        ([], 501, "complete"),
        (403, 501, "hidden"),
        (MIGRATED, [], "complete"),
        (MIGRATED, 403, "hidden"),
        ([], [], "complete"),
        ([], 500, "failed"),
        (500, [], "failed"),
        (595, 595, "failed"),
    ],
)
def test_where_guests_may_run_is_known_when_the_release_told_it(
    groups: Any, rules: Any, state: str
) -> None:
    answers = answered(**{"/cluster/ha/groups": 0, "/cluster/ha/rules": rules})
    answers["GET /cluster/ha/groups"] = (
        groups if isinstance(groups, dict) else answered(**{"/g": groups})["GET /g"]
    )
    found = parse(Raw("proxmox", answers, {"cluster": "c"}), source="s", taken_at=NOW)
    assert part(found, "ha_rule").state == state  # type: ignore[union-attr]


def test_replication_is_told_by_the_host_it_starts_on() -> None:
    jobs = [
        {"id": "100-0", "guest": 100, "target": "n2", "comment": "by Siti"},
        {"id": "111-0", "guest": 111, "source": "n2", "target": "n1", "disable": 1,
         "schedule": "mon 06:00"},
        {"id": "bad", "guest": "x"},
    ]  # fmt: skip
    states = [
        {"id": "100-0", "last_sync": 1795465000, "last_try": 1795465300, "fail_count": 3,
         "error": "no such pool"},
    ]  # fmt: skip
    answers = {"/cluster/replication": jobs, "/nodes/n1/replication": states}
    found = snapshot(answers, row(100))
    told, silent = found.of(Replication)
    assert told == Replication(
        job_id="100-0", guest_id="100", cluster="c", source_host="n1", target_host="n2",
        schedule="*/15", enabled=True, failures=3, error="no such pool",
        last_sync_at=datetime.fromtimestamp(1795465000, UTC),
        last_attempt_at=datetime.fromtimestamp(1795465300, UTC),
    )  # fmt: skip
    assert (silent.enabled, silent.schedule, silent.failures) == (False, "mon 06:00", None)
    gap = part(found, "replication", "replication/111-0")
    assert gap is not None
    assert (gap.state, gap.reason) == ("partial", "its node n2 is unknown")


def test_a_job_that_never_ran_has_no_last_time_and_no_error() -> None:
    job = {"id": "100-0", "guest": 100, "target": "n2"}
    state = job | {"last_sync": 0, "last_try": 0, "fail_count": 0}
    found = snapshot({"/cluster/replication": [job], "/nodes/n1/replication": [state]}, row(100))
    told = one(Replication, found)
    assert (told.last_sync_at, told.failures, told.error) == (None, 0, "")


def test_without_a_right_on_all_guests_replication_is_seen_in_part() -> None:
    some = {"/vms/100": AUDIT}
    for guests, state in (((row(100),), "partial"), ((), "hidden")):
        found = snapshot({"/cluster/replication": []}, *guests, rights=some)
        assert part(found, "replication").state == state  # type: ignore[union-attr]


# Access

USERS = [
    {
        "userid": "siti@pve", "enable": 1, "expire": 0, "groups": "admins", "email": "s@x.invalid",
        "firstname": "Siti", "lastname": "Rahma", "comment": "",
        "tokens": [{"tokenid": "auto", "expire": 0, "privsep": 0, "comment": "of the backup"}],
    },
    {"userid": "root@pam", "tokens": None, "expire": "1778185392", "enable": "0"},
    {"userid": "locked@pve", "totp-locked": 1},
    {"userid": None},
]  # fmt: skip


def test_users_and_tokens_without_what_names_a_person() -> None:
    found = snapshot({"/access/users?full=1": USERS, "/access/tfa": []})
    people = {who.principal_id: who for who in found.of(Principal)}
    assert set(people) == {"siti@pve", "siti@pve!auto", "root@pam", "locked@pve"}
    siti, token, root = people["siti@pve"], people["siti@pve!auto"], people["root@pam"]
    assert (siti.purpose_stated, siti.contact_stated) == (False, True)
    assert (siti.expires, siti.expires_at, siti.second_factors, siti.locked) == (
        False, None, (), False,
    )  # fmt: skip
    assert (token.kind, token.privilege_separated, token.purpose_stated) == ("token", False, True)
    assert (root.enabled, root.expires) == (False, True)
    assert root.expires_at == datetime.fromtimestamp(1778185392, UTC)
    assert people["locked@pve"].locked is True
    for private in ("Siti", "Rahma", "s@x.invalid", "of the backup"):
        assert private not in str(answered(**{"/access/users?full=1": USERS}))


def test_second_factors_by_their_kinds_alone() -> None:
    factors = [
        {
            "userid": "siti@pve", "tfa-locked-until": NOW.timestamp() + 60,
            "entries": [
                {"type": "totp", "enable": 1, "description": "Siti's phone", "id": "totp0"},
                {"type": "webauthn", "enable": 0}, {"type": "recovery"}, None,
            ],
        }
    ]  # fmt: skip
    answers = {"/access/users?full=1": USERS[:1], "/access/tfa": factors}
    found = snapshot(answers)
    siti = next(who for who in found.of(Principal) if who.kind == "user")
    assert siti.second_factors == ("totp",)
    assert siti.locked is True
    assert "phone" not in str(answered(**answers))


def test_hidden_second_factors_are_not_none() -> None:
    """Without Sys.Audit on /access/groups a token is shown its own user's alone."""
    rights = {path: held for path, held in ALL_RIGHTS.items() if path != "/access/groups"}
    found = snapshot({"/access/users?full=1": USERS[:1], "/access/tfa": []}, rights=rights)
    assert {who.second_factors for who in found.of(Principal)} == {None}
    assert part(found, "second_factor").state == "hidden"  # type: ignore[union-attr]
    assert part(found, "principal").state == "partial"  # type: ignore[union-attr]


def test_groups_have_their_members() -> None:
    """Told with the group, or, by a release that does not, with the users."""
    groups = [{"groupid": "ops", "users": "b@pve,a@pve"}, {"groupid": "admins", "comment": "c"}]
    found = snapshot({"/access/groups": groups, "/access/users?full=1": USERS[:1]})
    members = {who.principal_id: who.members for who in found.of(Principal) if who.kind == "group"}
    assert members == {"@ops": ("a@pve", "b@pve"), "@admins": ("siti@pve",)}


def test_roles_and_grants() -> None:
    privileges = ",".join(f"VM.Config.{number}" for number in range(100))
    found = snapshot(
        {
            "/access/roles": [{"roleid": "Big", "privs": privileges, "special": 1},
                              {"roleid": "Nothing", "privs": ""}, {"roleid": "Odd", "privs": 7}],
            "/access/acl": [
                {"path": "/", "roleid": "Big", "type": "group", "ugid": "ops", "propagate": 1},
                {"path": "/vms/1", "roleid": "Big", "type": "token", "ugid": "a@pve!t",
                 "propagate": 0},
                {"path": "/", "roleid": None, "type": "user", "ugid": "a@pve"},
            ],
        }
    )  # fmt: skip
    big, nothing, odd = found.of(Role)
    assert len(big.privileges or ()) == 100  # longer than any other text
    assert (nothing.privileges, nothing.built_in, odd.privileges) == ((), False, None)
    assert [(g.path, g.principal_id, g.propagates) for g in found.of(Grant)] == [
        ("/", "@ops", True), ("/vms/1", "a@pve!t", False),
    ]  # fmt: skip
    assert part(found, "grant").state == "complete"  # type: ignore[union-attr]


def test_grants_are_hidden_where_another_role_replaced_the_auditors() -> None:
    """/access is not among the paths: the token may nothing there, whatever it may on /."""
    rights = {path: held for path, held in ALL_RIGHTS.items() if path != "/access"}
    found = snapshot({"/access/acl": []}, rights=rights)
    gap = part(found, "grant")
    assert gap is not None
    assert (gap.state, gap.reason) == (
        "hidden", "Sys.Audit on /access is missing: nothing is shown",
    )  # fmt: skip
    assert "pveum acl modify /access " in gap.remedy


@pytest.mark.parametrize(
    ("kind", "detail", "encrypted", "verified"),
    [
        ("ldap", {"mode": "ldaps", "verify": 1, "bind_dn": "cn=x", "password": "hush"}, True, True),
        ("ldap", {"mode": "ldap+starttls"}, True, False),
        ("ad", {"secure": 1}, True, False),
        ("ldap", {"mode": "ldap", "verify": 1}, False, False),
        ("ldap", {}, False, False),
        ("ldap", {"mode": "odd"}, None, None),
        ("ldap", 403, None, None),
        ("pam", {}, None, None),
    ],
)
def test_the_line_to_a_directory(kind: str, detail: Any, encrypted: Any, verified: Any) -> None:
    realms = [{"realm": "city", "type": kind, "tfa": "type=oath,step=30", "comment": "Siti"}]
    answers = {"/access/domains": realms, "/access/domains/city": detail}
    found = snapshot(answers)
    realm = one(Realm, found)
    assert (realm.encrypted, realm.verified, realm.second_factor) == (encrypted, verified, "oath")
    assert "hush" not in str(answered(**answers))
    if detail == 403:
        assert part(found, "realm", "realm/city").state == "hidden"  # type: ignore[union-attr]


# Odd answers

WHOLE: dict[str, Any] = {
    "/nodes/n1/qemu/100/config": {
        "digest": "d", "cores": 2, "memory": "2048", "scsi0": "tank:vm-100-disk-0,size=8G",
        "net0": "virtio=BC:24:11:00:00:01,bridge=vmbr0", "cpu": "host", "agent": "1",
        "ide2": "local:iso/a.iso,media=cdrom", "description": "x", "smbios1": "uuid=1",
    },
    "/nodes/n1/qemu/100/snapshot": [{"name": "a", "snaptime": 1795465000, "vmstate": 1}],
    "/nodes/n1/qemu/100/pending": [{"key": "memory", "pending": "1"}],
    "/nodes/n1/qemu/100/firewall/options": {"enable": 1},
    "/nodes/n1/qemu/100/firewall/rules": [{"pos": 0, "type": "in", "action": "DROP"}],
    "/nodes/n1/qemu/100/agent/get-osinfo": {"result": {"name": "Debian"}},
    "/nodes/n1/qemu/100/agent/get-fsinfo": {
        "result": [{"mountpoint": "/", "type": "ext4", "total-bytes": 9, "used-bytes": 4}],
    },
    "/nodes/n1/lxc/200/config": {
        "digest": "d", "rootfs": "tank:subvol-200-disk-0,size=8G", "mp0": "/srv,mp=/srv",
        "features": "nesting=1", "lxc": [["lxc.cap.drop", ""]], "swap": 512,
    },
    "/cluster/ha/resources": RESOURCES,
    "/cluster/ha/groups": [{"group": "g", "nodes": "n1:2"}],
    "/cluster/ha/rules": [{"rule": "r", "type": "node-affinity", "nodes": "n1"}],
    "/cluster/replication": [{"id": "100-0", "guest": 100, "target": "n2"}],
    "/nodes/n1/replication": [{"id": "100-0", "last_sync": 1}],
    "/access/users?full=1": USERS,
    "/access/tfa": [{"userid": "siti@pve", "entries": [{"type": "totp"}]}],
    "/access/groups": [{"groupid": "ops", "users": "a@pve"}],
    "/access/roles": [{"roleid": "r", "privs": "VM.Audit"}],
    "/access/acl": [{"path": "/", "roleid": "r", "type": "user", "ugid": "a@pve"}],
    "/access/domains": [{"realm": "city", "type": "ldap"}],
    "/access/domains/city": {"mode": "ldap"},
}  # fmt: skip
GUESTS = (row(100, tags="a;b", pool="p"), row(200, "lxc"))
ODD = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8)
    | st.sampled_from([2**80, -1, "9" * 400, "a\x00b\x1b[31mc", "NaN", "\u202e", "1e400"]),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(max_size=4), inner),
    max_leaves=4,
)  # fmt: skip
KINDS = (Guest, GuestFilesystem, Disk, Nic, GuestSnapshot, Firewall, FirewallRule, HaResource,
         HaRule, Replication, Principal, Role, Grant, Realm)  # fmt: skip


def _subjects(found: Snapshot) -> set[tuple[str, str]]:
    return {(fact.kind_name, fact.subject) for fact in found.facts}


def _is_clean(fact: Record) -> bool:
    texts = [value for _name, value in fact if isinstance(value, str)]
    texts += [word for _name, value in fact if isinstance(value, tuple) for word in value]
    numbers = [value for _name, value in fact if isinstance(value, int)]
    return all(map(str.isprintable, texts)) and all(n < 2**63 for n in numbers)


@st.composite
def _damaged(draw: st.DrawFn, body: Any) -> Any:
    """A body with something taken out of it, or something odd put in its place."""
    if draw(st.integers(0, 3)) == 0 or not isinstance(body, dict | list) or not body:
        return draw(ODD)
    if isinstance(body, list):
        at = draw(st.integers(0, len(body) - 1))
        rest = [*body[:at], *body[at + 1 :]]
        return rest if draw(st.booleans()) else [*rest, draw(_damaged(body[at]))]
    at = draw(st.sampled_from(sorted(body)))
    rest = {name: value for name, value in body.items() if name != at}
    return rest if draw(st.booleans()) else rest | {at: draw(_damaged(body[at]))}


@given(st.data())
def test_an_odd_answer_is_a_gap_or_not_known_never_a_crash(data: st.DataObject) -> None:
    path = data.draw(st.sampled_from(sorted(WHOLE)))
    found = snapshot(WHOLE | {path: data.draw(_damaged(WHOLE[path]))}, *GUESTS)
    facts = [fact for fact in found.facts if isinstance(fact, KINDS)]
    assert all(map(_is_clean, facts))
    assert len({(fact.kind_name, fact.subject) for fact in facts}) == len(facts)


@given(st.data())
def test_an_odd_row_in_the_list_is_a_gap_never_a_crash(data: st.DataObject) -> None:
    rows = data.draw(_damaged(list(GUESTS)))
    found = snapshot(WHOLE, *(rows if isinstance(rows, list) else [rows]))
    assert all(_is_clean(fact) for fact in found.facts if isinstance(fact, KINDS))
    whole = part(found, "guest")
    assert whole is not None
    readable = {"100", "200"} & {guest.guest_id for guest in found.of(Guest)}
    kept = [one for one in rows if one in GUESTS] if isinstance(rows, list) else []
    assert len(readable) >= len(kept)


@given(st.sets(st.sampled_from(sorted(WHOLE))))
def test_what_is_not_answered_adds_nothing(missing: set[str]) -> None:
    everything = _subjects(snapshot(WHOLE, *GUESTS))
    some = {path: body for path, body in WHOLE.items() if path not in missing}
    assert _subjects(snapshot(some, *GUESTS)) <= everything
