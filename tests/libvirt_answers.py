"""A recorded libvirt host, and answers written by hand for what it does not show."""

from __future__ import annotations

import copy
import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from collectors.contract import Raw
from collectors.libvirt import LibvirtCollector
from inventory.records import Snapshot
from lab.libvirt_node import uuid

PAYLOAD = Path(__file__).parent / "payloads" / "libvirt" / "kvm1.json"
HOST = "495ee28f-6e8e-4064-8750-14c6d3b9bcf7"
GIB = 1024**3
AT = datetime(2026, 11, 24, 15, 34, 42, tzinfo=UTC)


def recorded() -> Raw:
    """A real host with QEMU 7.2: two guests run, one is paused, two are shut off."""
    content = json.loads(PAYLOAD.read_text())
    return Raw("libvirt", content["answers"], content["context"])


def snapshot(raw: Raw, source: str = "kvm") -> Snapshot:
    return LibvirtCollector().parse(raw, source=source, taken_at=AT)


class Written:
    """The recorded host, with guests and pools of our own instead of its own."""

    def __init__(self) -> None:
        kept = copy.deepcopy(recorded())
        self.context: dict[str, Any] = dict(kept.context)
        self.answers: dict[str, Any] = {
            key: answer
            for key, answer in kept.answers.items()
            if key.partition("/")[0] in ("connection", "host")
        }
        for key in ("autostarted", "persistent", "with_snapshots"):
            self.answers[f"domains/{key}"] = {"value": []}
        self.answers |= {"domains": {"value": []}, "pools": {"value": {}}}
        for key in ("state", "all"):
            self.answers[f"statistics/{key}"] = {"value": {}, "at": AT.timestamp()}

    def domain(
        self,
        number: int = 1,
        devices: str = "",
        *,
        head: str = "<memory unit='KiB'>1048576</memory><vcpu>2</vcpu>",
        state: tuple[int, int] = (1, 1),
        domain_id: int | None = 7,
        silent: bool = False,
        persistent: bool = True,
        **fields: Any,
    ) -> Written:
        """A guest; ``fields`` are statistics, written cpu__time for cpu.time."""
        key, name = uuid(number), f"vm{number}"
        runs = state[0] not in (5, 6)
        self.answers["domains"]["value"].append(
            {"uuid": key, "name": name, "id": domain_id if runs and domain_id else -1}
        )
        self.answers[f"domain/{key}/xml"] = {
            "value": f"<domain type='kvm'><name>{name}</name><uuid>{key}</uuid>{head}"
            f"<devices>{devices}</devices></domain>"
        }
        if persistent:
            self.answers["domains/persistent"]["value"].append(key)
        stated = {"state.state": state[0], "state.reason": state[1]}
        more = {name.replace("__", "."): value for name, value in fields.items()}
        self.answers["statistics/state"]["value"][key] = stated
        if not silent:
            self.answers["statistics/all"]["value"][key] = stated | more
        return self

    def pool(
        self,
        name: str,
        path: str,
        sizes: tuple[int, int] | None = (100 * GIB, 10 * GIB),
        *,
        kind: str = "dir",
        source: str = "",
        volumes: list[str] | None = None,
    ) -> Written:
        """A pool with its capacity and allocation; without sizes it is not active."""
        self.answers["pools"]["value"][name] = sizes is not None
        self.answers[f"pool/{name}/xml"] = {
            "value": f"<pool type='{kind}'><name>{name}</name><source>{source}</source>"
            f"<target><path>{path}</path></target></pool>"
        }
        if sizes is not None:
            self.answers[f"pool/{name}/info"] = {"value": [2, *sizes, sizes[0] - sizes[1]]}
            self.answers[f"pool/{name}/volumes"] = {"value": volumes or []}
        return self

    @property
    def raw(self) -> Raw:
        return Raw("libvirt", self.answers, self.context)

    def snapshot(self, source: str = "kvm") -> Snapshot:
        return snapshot(self.raw, source)


def disk(path: str, slot: str = "vda", more: str = "", device: str = "disk") -> str:
    return (
        f"<disk type='file' device='{device}'><driver name='qemu' type='qcow2'/>"
        f"<source file='{path}'/>{more}<target dev='{slot}' bus='virtio'/></disk>"
    )


def volume(path: str, capacity: int, allocation: int, backing: str = "") -> str:
    below = f"<backingStore><path>{backing}</path></backingStore>" if backing else ""
    return (
        f"<volume type='file'><name>{Path(path).name}</name><key>{path}</key>"
        f"<capacity unit='bytes'>{capacity}</capacity>"
        f"<allocation unit='bytes'>{allocation}</allocation>"
        f"<target><path>{path}</path></target>{below}</volume>"
    )


# A guest with one of everything that is read.
_LABELS = (
    "<seclabel type='dynamic' model='apparmor' relabel='yes'><label>libvirt-x</label></seclabel>"
    "<seclabel type='dynamic' model='dac' relabel='yes'><label>+64055:+64055</label></seclabel>"
)
EVERYTHING_HEAD = (
    "<memory unit='KiB'>1048576</memory><vcpu>2</vcpu>"
    "<os firmware='efi'><type arch='x86_64' machine='pc-q35-7.2'>hvm</type>"
    "<firmware><feature enabled='yes' name='enrolled-keys'/>"
    "<feature enabled='yes' name='secure-boot'/></firmware>"
    "<loader readonly='yes' secure='yes' type='pflash'>/usr/share/OVMF/OVMF_CODE.fd</loader>"
    "<nvram template='/usr/share/OVMF/OVMF_VARS.ms.fd'>/var/lib/nvram/a.fd</nvram></os>"
    "<cpu mode='custom' match='exact'><model fallback='forbid'>EPYC</model>"
    "<feature policy='require' name='ssbd'/><feature policy='disable' name='svm'/></cpu>"
    "<launchSecurity type='sev'><policy>0x0007</policy></launchSecurity>"
    "<qemu:commandline xmlns:qemu='http://libvirt.org/schemas/domain/qemu/1.0'>"
    "<qemu:arg value='-object'/><qemu:arg value='secret,id=s,data=hunter2'/>"
    "<qemu:env name='DEBUG' value='hunter3'/></qemu:commandline>" + _LABELS
)
EVERYTHING_DEVICES = (
    disk("/iso/debian.iso", "sda", device="cdrom")
    + "<disk type='file' device='cdrom'><target dev='sdb'/></disk>"
    "<filesystem type='mount'><source dir='/srv/share'/><target dir='share'/></filesystem>"
    "<filesystem type='file'><source file='/srv/image'/><target dir='image'/></filesystem>"
    "<channel type='unix'><source mode='bind' path='/run/qga'/>"
    "<target type='virtio' name='org.qemu.guest_agent.0'/></channel>"
    "<channel type='spicevmc'><target type='virtio' name='com.redhat.spice.0'/></channel>"
    "<serial type='tcp'><source mode='bind' host='0.0.0.0' service='4555'/>"
    "<protocol type='telnet'/><target port='0'/></serial>"
    "<console type='tcp'><source mode='bind' host='0.0.0.0' service='4555'/>"
    "<target type='serial' port='0'/></console>"
    "<parallel type='udp'><source mode='bind' host='::' service='4556'/></parallel>"
    "<serial type='tcp'><source mode='connect' host='logs' service='514'/></serial>"
    "<tpm model='tpm-crb'><backend type='emulator' version='2.0'/></tpm>"
    "<graphics type='vnc' port='5900' listen='0.0.0.0'>"
    "<listen type='address' address='0.0.0.0'/></graphics>"
    "<graphics type='spice'><listen type='none'/></graphics>"
    "<memballoon model='virtio'/>"
)
