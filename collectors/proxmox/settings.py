"""What the configuration of a guest says beside its disks and interfaces.

An absent key means Proxmox VE's own default, which is stated here; a value that cannot be what it
should be is not known.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from collectors.proxmox.disks import drives_of, is_bind_mount, is_medium
from collectors.proxmox.private import HINTS
from collectors.proxmox.values import (
    flag,
    memory_bytes,
    mib_bytes,
    properties,
    smbios_uuid,
    stated,
    text,
)
from collectors.untrusted import number, whole
from inventory.cpu_lists import cpus_in, ranges_of

Config = Mapping[str, Any]

_DEVICE = re.compile(r"^(hostpci|usb|dev)\d+$")
_SHARED_FOLDER = re.compile(r"^virtiofs\d+$")
_SERIAL = re.compile(r"^serial\d+$")
# Consoles and monitors that raw arguments open: -vnc 0.0.0.0:77, -monitor tcp:…, -serial telnet:…
_LISTENER = re.compile(r"(?:^|\s)-(vnc|spice|monitor|qmp|serial|chardev)[ =](\S+)")
_OPTION = re.compile(r"(?:^|\s)(--?[A-Za-z][\w-]{0,40})")  # the names of raw arguments
_CPUS_OF_CONTAINER = ("lxc.cgroup2.cpuset.cpus", "lxc.cgroup.cpuset.cpus")
_DEFAULT_SWAP_MIB = 512
_ENCRYPTION = {"std": "sev", "es": "sev-es", "snp": "sev-snp"}

# What ostype tells; a Linux one says nothing about the release.
_OS = {
    "l24": "Linux 2.4",
    "l26": "Linux",
    "w2k": "Windows 2000",
    "w2k3": "Windows Server 2003",
    "w2k8": "Windows Server 2008",
    "wxp": "Windows XP",
    "wvista": "Windows Vista",
    "win7": "Windows 7 or Server 2008 R2",
    "win8": "Windows 8 or Server 2012",
    "win10": "Windows 10 or Server 2016/2019",
    "win11": "Windows 11 or Server 2022/2025",
    "solaris": "Solaris",
    "other": "",
    "unmanaged": "",
}


def machine_settings(config: Config) -> dict[str, Any]:
    """The Guest fields that a virtual machine's configuration states."""
    balloon = whole(config.get("balloon"))
    firmware = {"seabios": "bios", "ovmf": "uefi"}.get(str(config.get("bios", "seabios")))
    return {
        "vcpus": _vcpus(config),
        "memory_bytes": memory_bytes(config),
        "memory_min_bytes": mib_bytes(balloon) if balloon else None,
        "ballooning": True if "balloon" not in config else _unless_none(balloon),
        "uuid": smbios_uuid(config),
        "raw_arguments": bool(config.get("args")),
        "raw_options": _sorted(_OPTION.findall(text(config.get("args")) or "")),
        "cpu_model": _cpu_model(config),
        "machine": _machine(config),
        "firmware": firmware,
        "secure_boot": _secure_boot(config, firmware),
        "vtpm": any(str(key).startswith("tpmstate") for key in config),
        "memory_encryption": _memory_encryption(config),
        "agent": _agent(config.get("agent", 0)),
        "host_paths": _sorted(_shared_folders(config)),
        "consoles": _sorted((*_serials(config), *_listeners(config))),
        "clipboard": _clipboard(config),
        "shares_memory": flag(config.get("allow-ksm", 1)),
        "media": _sorted(_media(config)),
        "pinned_cpus": _pinned(config.get("affinity")),
        **_of_both(config),
    }


def container_settings(config: Config) -> dict[str, Any]:
    """The Guest fields that a container's configuration states.

    Without cores or a limit it may use every processor of whatever host it is on: it has no
    number of vCPUs then, and a limit of 0.
    """
    lines = _raw_lines(config)
    return {
        "vcpus": number(config.get("cores")) or number(config.get("cpulimit")) or None,
        "memory_bytes": memory_bytes(config),
        "swap_bytes": mib_bytes(config.get("swap", _DEFAULT_SWAP_MIB)),
        "unprivileged": flag(config.get("unprivileged", 0)),
        "raw_arguments": bool(lines),
        "raw_options": tuple(f"{key}: {value}".strip() for key, value in lines),
        "confinement": _confinement(lines),
        "features": _features(config),
        "shares_memory": False,  # only QEMU offers its guests' pages for merging
        "host_paths": _sorted((*_bind_mounts(config), *_mount_entries(lines))),
        "pinned_cpus": _pinned(next((v for k, v in lines if k in _CPUS_OF_CONTAINER), None)),
        **_of_both(config),
    }


def _of_both(config: Config) -> dict[str, Any]:
    stated_type = stated(config.get("ostype"))
    os = None if stated_type is None else _OS.get(stated_type, stated_type)
    return {
        "os": os,
        "os_source": "configuration" if os else os,
        "cpu_limit_cores": number(config.get("cpulimit", 0)),
        "autostart": flag(config.get("onboot", 0)),
        "protection": flag(config.get("protection", 0)),
        "hook_script": stated(config.get("hookscript")),
        "passthrough": _sorted(_passthrough(config)),
        "hints": _hints(config),
    }


def _pinned(listed: Any) -> tuple[str, ...] | None:
    """The CPUs of its node that a guest may use alone; () for any."""
    cpus = frozenset[int]() if listed is None else cpus_in(str(listed))
    return None if cpus is None else ranges_of(cpus)


def _sorted(found: Any) -> tuple[str, ...]:
    return tuple(sorted(set(found)))


def _unless_none(value: int | None) -> bool | None:
    return None if value is None else value > 0


def _vcpus(config: Config) -> float | None:
    """sockets × cores, or ``vcpus`` where fewer of them are plugged in."""
    plugged = number(config.get("vcpus"))
    if plugged:
        return plugged
    sockets, cores = number(config.get("sockets", 1)), number(config.get("cores", 1))
    return None if sockets is None or cores is None else sockets * cores


def _cpu_model(config: Config) -> str | None:
    """The model, and after it the flags that are set: ``host +aes -pcid``."""
    if "cpu" not in config:
        return "kvm64"
    given = properties(config["cpu"])
    model = given.get("") or given.get("cputype")
    return " ".join((model, *given.get("flags", "").split(";"))).strip() if model else None


def _machine(config: Config) -> str | None:
    given = properties(config.get("machine", "i440fx"))
    return given.get("") or given.get("type") or None


def _secure_boot(config: Config, firmware: str | None) -> bool | None:
    """Whether the firmware came with the keys that secure boot checks against."""
    if firmware is None:
        return None
    keys = properties(config.get("efidisk0", "")).get("pre-enrolled-keys", "0")
    return flag(keys) if firmware == "uefi" else False


def _memory_encryption(config: Config) -> str | None:
    if "intel-tdx" in config:
        return "tdx"
    if "amd-sev" not in config:
        return ""
    given = properties(config["amd-sev"])
    return _ENCRYPTION.get(given.get("") or given.get("type", ""))


def _agent(value: Any) -> bool | None:
    given = properties(value)
    return flag(given.get("enabled", given.get("", "")))


def _serials(config: Config) -> Iterator[str]:
    for slot in filter(_SERIAL.match, map(str, config)):
        yield f"{slot} {text(config[slot]) or '?'}"


def _listeners(config: Config) -> Iterator[str]:
    """What raw arguments open beside Proxmox VE's own consoles."""
    for kind, address in _LISTENER.findall(text(config.get("args")) or ""):
        if address not in ("none", "null"):
            yield f"{kind} {address}"


def _clipboard(config: Config) -> bool | None:
    """Shared by a VNC clipboard, or by the SPICE channel that a qxl display comes with."""
    given = properties(config.get("vga", "std"))
    if "clipboard" in given:
        return given["clipboard"] == "vnc"
    return (given.get("") or given.get("type", "")).startswith("qxl")


def _media(config: Config) -> Iterator[str]:
    """Images in drives; a cloud-init disk is made by the platform and is none."""
    for _slot, volume, drive in drives_of(config, container=False):
        if is_medium(volume, drive) and volume not in ("", "none") and "cloudinit" not in volume:
            yield volume


def _shared_folders(config: Config) -> Iterator[str]:
    """Folders shared by virtiofs: named by their mapping, for the path is the hosts' matter."""
    for slot in filter(_SHARED_FOLDER.match, map(str, config)):
        given = properties(config[slot])
        yield f"mapping:{given.get('') or given.get('dirid', '?')}"


def _passthrough(config: Config) -> Iterator[str]:
    """``SLOT DEVICE`` of what the host hands through; ``mapping:NAME`` where several have it."""
    for slot in map(str, config):
        given = properties(config[slot])
        device = given.get("") or given.get("host") or given.get("path") or given.get("file", "")
        if _DEVICE.match(slot) and "spice" not in (device, given.get("host")):
            yield f"{slot} " + (f"mapping:{given['mapping']}" if "mapping" in given else device)
    yield from _disk_passthrough(config)


def _disk_passthrough(config: Config) -> Iterator[str]:
    for container in (False, True):
        for slot, volume, _drive in drives_of(config, container=container):
            if volume.startswith("/dev/"):
                yield f"{slot} {volume}"


def _features(config: Config) -> tuple[str, ...]:
    """nesting, keyctl, mount=nfs;cifs …: what is switched on beside the default."""
    given = properties(config.get("features", ""))
    return _sorted(
        name if value == "1" else f"{name}={value}" for name, value in given.items() if value != "0"
    )


def _raw_lines(config: Config) -> list[tuple[str, str]]:
    lines = config.get("lxc")
    return [
        (text(line[0]) or "?", text(line[1]) or "")
        for line in (lines if isinstance(lines, list) else ())
        if isinstance(line, list | tuple) and len(line) == 2
    ]


def _confinement(lines: list[tuple[str, str]]) -> str:
    """A container runs under a profile of AppArmor unless a raw line takes it off."""
    off = ("lxc.apparmor.profile", "unconfined") in lines or (
        ("lxc.aa_profile", "unconfined") in lines
    )
    return "none" if off else "apparmor"


def _bind_mounts(config: Config) -> Iterator[str]:
    for _slot, volume, _drive in drives_of(config, container=True):
        if is_bind_mount(volume):
            yield volume


def _mount_entries(lines: list[tuple[str, str]]) -> Iterator[str]:
    """The folders that raw lines mount: ``lxc.mount.entry: /host/path path type options``."""
    for key, value in lines:
        if key == "lxc.mount.entry" and value.startswith("/"):
            yield value.split()[0]


def _hints(config: Config) -> tuple[str, ...] | None:
    """What was found in its free text before that was dropped; None where nobody looked."""
    found = config.get(HINTS)
    return tuple(str(hint) for hint in found) if isinstance(found, list) else None
