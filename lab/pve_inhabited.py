"""What a cluster that people work with has beside its load: firewalls, HA, replication, access."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from lab.pve_model import GIB, MIB, Cluster, GuestSpec

SECRET = "hush-hush"  # noqa: S105  (nobody's: what people write where they should not)
_TOLD = {
    "id": "debian", "kernel-release": "6.1.0-28-amd64", "name": "Debian GNU/Linux",
    "pretty-name": "Debian GNU/Linux 12 (bookworm)", "version": "12 (bookworm)", "version-id": "12",
}  # fmt: skip
_DISK = {"bus": 0, "bus-type": "scsi", "serial": "Siti-4711", "target": 0, "unit": 0}
_FILE_SYSTEMS = (
    {"disk": [_DISK], "mountpoint": "/", "name": "sda1", "total-bytes": 32 * GIB,
     "type": "ext4", "used-bytes": 20 * GIB},
    {"disk": [_DISK], "mountpoint": "/boot/efi", "name": "sda15", "total-bytes": 128 * MIB,
     "type": "vfat", "used-bytes": 12 * MIB},
    {"disk": [], "mountpoint": "/mnt/cd", "name": "sr0", "type": "iso9660"},
)  # fmt: skip


def inhabited(cluster: Cluster, now: float) -> Cluster:
    """The cluster with one guest that has everything, a container, and people who use both.

    Its first guest is on its first node; a second node has to exist.
    """
    first, *others = cluster.guests
    source, target = (node.name for node in cluster.nodes[:2])
    cluster.guests = [_busy(first, now), *others, _container(source)]
    cluster.ha_groups = (
        {"comment": "by Siti", "group": "prefer-first", "nodes": f"{source}:2,{target}:1",
         "nofailback": 0, "restricted": 1},
    )  # fmt: skip
    cluster.ha_rules = (
        {"affinity": "negative", "resources": f"vm:{first.vmid},ct:200", "rule": "apart",
         "type": "resource-affinity"},
        {"nodes": f"{source}:2,{target}:1", "resources": f"vm:{first.vmid}", "rule": "prefer-first",
         "strict": 1, "type": "node-affinity"},
    )  # fmt: skip
    job: dict[str, Any] = {"guest": first.vmid, "id": f"{first.vmid}-0", "jobnum": 0,
                           "source": source, "target": target, "type": "local"}  # fmt: skip
    cluster.replications = (job | {"comment": "by Siti", "schedule": "*/15"},)
    cluster.replication_states = {
        job["id"]: {"fail_count": 2, "error": "no such pool", "last_sync": int(now) - 7200,
                    "last_try": int(now) - 600},
    }  # fmt: skip
    return _with_people(cluster, now)


def _busy(guest: GuestSpec, now: float) -> GuestSpec:
    return replace(
        guest,
        ha="started",
        ha_group="prefer-first",
        firewall={"enable": 1, "policy_in": "DROP", "ipfilter": 1},
        firewall_rules=(
            {"action": "ACCEPT", "comment": "for Siti", "dport": "5432", "proto": "tcp",
             "source": "0.0.0.0/0"},
        ),
        waiting={"memory": "8192"},
        told_by_agent=_TOLD,
        file_systems=_FILE_SYSTEMS,
        snapshots=(("before", now - 86_400.0, True),),
        config={
            "affinity": "0-3",
            "args": f"-vnc :7,password={SECRET}", "bios": "ovmf", "cipassword": "**********",
            "cpu": "host", "description": f"login admin / {SECRET}",
            "efidisk0": f"san:vm-{guest.vmid}-disk-1,efitype=4m,pre-enrolled-keys=1,size=528K",
            "hookscript": "local:snippets/hook.pl", "hostpci0": "0000:01:00.0,pcie=1",
            "ide2": "local:iso/debian-12.iso,media=cdrom,size=631M", "machine": "q35",
            "protection": 1, "serial0": "socket",
            "tpmstate0": f"san:vm-{guest.vmid}-disk-2,size=4M,version=v2.0",
            "vga": "virtio,clipboard=vnc",
        },
    )  # fmt: skip


def _container(node: str) -> GuestSpec:
    """A privileged container that may use its whole host and sees a folder of it."""
    return GuestSpec(
        vmid=200, name="files", node=node, kind="lxc", ha="started",
        disks={"rootfs": "san:subvol-200-disk-0,size=8G", "mp0": "/srv/data,mp=/data"},
        nics={"net0": "name=eth0,bridge=vmbr0,hwaddr=BC:24:11:00:02:00,type=veth"},
        config={
            "cores": None, "features": "nesting=1", "lxc": [["lxc.environment", SECRET]],
            "unprivileged": None,
        },
    )  # fmt: skip


def _with_people(cluster: Cluster, now: float) -> Cluster:
    cluster.users = (
        {
            "comment": "of the city", "email": "siti@city.invalid", "enable": 1, "expire": 0,
            "firstname": "Siti", "groups": "admins", "lastname": "Rahma", "realm-type": "ldap",
            "tokens": [
                {"comment": SECRET, "expire": 0, "privsep": 0, "tokenid": "auto"},
                {"expire": int(now) - 86_400, "privsep": 1, "tokenid": "old"},
            ],
            "userid": "siti@city",
        },
    )  # fmt: skip
    cluster.groups = ({"comment": "by Siti", "groupid": "admins", "users": "siti@city"},)
    cluster.grants = (
        {"path": "/", "propagate": 1, "roleid": "Administrator", "type": "group", "ugid": "admins"},
        {"path": "/vms", "propagate": 0, "roleid": "PVEAuditor", "type": "token",
         "ugid": "siti@city!auto"},
    )  # fmt: skip
    cluster.realms = (
        *cluster.realms,
        {"comment": "the city's directory", "mode": "ldap", "realm": "city", "tfa": "oath",
         "type": "ldap", "verify": 0},
    )  # fmt: skip
    cluster.second_factors = (
        {
            "entries": [
                {"created": int(now), "description": "Siti's phone", "enable": 1, "id": "totp0",
                 "type": "totp"},
            ],
            "userid": "siti@city",
        },
    )  # fmt: skip
    return cluster
