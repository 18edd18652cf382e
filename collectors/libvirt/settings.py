"""What a guest's definition says beside its disks and interfaces.

What libvirt leaves out has a meaning for most elements, which is stated here; where it has none,
or the value cannot be what it should be, the fact is not known.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any
from xml.etree.ElementTree import Element

from collectors.hints import SCRUBBED, hints_in
from collectors.libvirt.storage import place_of
from collectors.libvirt.values import attribute, child, text
from collectors.untrusted import whole
from inventory.cpu_lists import cpus_in, ranges_of

CONFINING = ("apparmor", "selinux")  # the security models that hold a guest's process back

_QEMU = "{http://libvirt.org/schemas/domain/qemu/1.0}"
_ITSELF = ("host-passthrough", "host-model", "maximum")  # processor modes that are a model
_FEATURE = {"force": "+", "require": "+", "optional": "+", "disable": "-", "forbid": "-"}
_WITH_BIOS = ("i686", "x86_64")  # where a guest without a loader gets a BIOS
_SEV_ENCRYPTED_STATE = 0x4  # of AMD's policy bits
_REMOTE_SCREENS = ("vnc", "spice", "rdp")
_CHARACTER_DEVICES = ("serial", "parallel", "console", "channel", "smartcard", "redirdev")
_RAW_NAME = re.compile(r"^--?[A-Za-z][\w-]{0,40}")


def settings_of(
    xml: Element, host_confinement: str | None, *, is_active: bool, is_fake: bool
) -> dict[str, Any]:
    """The Guest fields that a definition states."""
    firmware = _firmware(xml)
    raw = _raw_options(xml)
    return {
        "machine": attribute(xml, "os/type", "machine"),
        "cpu_model": _cpu_model(xml),
        "pinned_cpus": _pinned_cpus(xml),
        "firmware": firmware,
        "secure_boot": _secure_boot(xml, firmware),
        "vtpm": _vtpm(xml),
        "memory_encryption": _memory_encryption(xml),
        "confinement": _confinement(xml, host_confinement, is_active=is_active),
        "ballooning": _ballooning(xml),
        "agent": _has_channel(xml, "org.qemu.guest_agent.0"),
        "host_paths": _sorted(_host_paths(xml)),
        "consoles": _sorted((*_screens(xml), *_lines(xml))),
        "clipboard": _clipboard(xml),
        "shares_memory": xml.find("memoryBacking/nosharepages") is None,
        "media": _sorted(_media(xml)),
        "passthrough": tuple(sorted(_passthrough(xml))),
        "hints": _hints(xml),
        # The test driver drops raw arguments, so their absence says nothing.
        "raw_arguments": None if is_fake else bool(raw),
        "raw_options": None if is_fake else raw,
    }


def _hints(xml: Element) -> tuple[str, ...] | None:
    """What its title and description hold that should not be there; None where they were taken
    out of a recording before anyone looked."""
    texts = [child(xml, name) or "" for name in ("title", "description")]
    return None if SCRUBBED in texts else tuple(hints_in("\n".join(texts)))


def _sorted(found: Any) -> tuple[str, ...]:
    return tuple(sorted(set(found)))


def _raw_options(xml: Element) -> tuple[str, ...]:
    """The names of the raw QEMU options that are set; what they are set to may be a secret."""
    found = []
    for given in xml.iterfind(f"{_QEMU}commandline/*"):
        name = _RAW_NAME.match(given.get("value", ""))
        if given.tag == f"{_QEMU}env":
            found.append(f"env {text(given.get('name')) or '?'}")
        else:
            found.append(name[0] if name else "…")
    return _sorted(found)


# Processor, firmware, memory


def _cpu_model(xml: Element) -> str | None:
    """The model, and after it the features that are set: ``Skylake-Server +ssbd -vmx``."""
    mode = attribute(xml, "cpu", "mode")
    model = mode if mode in _ITSELF else child(xml, "cpu/model")
    if model is None:
        return None
    features = [
        f"{_FEATURE[policy]}{name}"
        for feature in xml.iterfind("cpu/feature")
        if (policy := feature.get("policy", "require")) in _FEATURE
        and (name := text(feature.get("name")))
    ]
    return " ".join((model, *sorted(set(features))))


def _pinned_cpus(xml: Element) -> tuple[str, ...] | None:
    """The CPUs of the host that its vCPUs are bound to; () for none.

    A vCPU without a pin of its own runs where all of them may, unless libvirt chooses.
    """
    lists = [pin.get("cpuset", "") for pin in xml.iterfind("cputune/vcpupin")]
    of_all, placement = (attribute(xml, "vcpu", name) for name in ("cpuset", "placement"))
    if of_all and placement != "auto" and len(lists) < (whole(child(xml, "vcpu")) or 1):
        lists.append(of_all)
    found = [cpus_in(listed) for listed in lists]
    known = [cpus for cpus in found if cpus is not None]
    return ranges_of(frozenset().union(*known)) if len(known) == len(found) else None


def _firmware(xml: Element) -> str | None:
    """uefi or bios; None where neither is named and the architecture does not decide it."""
    stated = {"efi": "uefi", "bios": "bios"}.get(attribute(xml, "os", "firmware") or "")
    loader = xml.find("os/loader")
    if stated or loader is None:
        return stated or _default_firmware(xml)
    if loader.get("type") == "pflash" or xml.find("os/nvram") is not None:
        return "uefi"
    return None  # an image of the guest's own: what it is only its owner knows


def _default_firmware(xml: Element) -> str | None:
    stated = attribute(xml, "os", "firmware")
    return "bios" if stated is None and attribute(xml, "os/type", "arch") in _WITH_BIOS else None


def _secure_boot(xml: Element, firmware: str | None) -> bool | None:
    """Whether only signed systems boot: the firmware checks, and there are keys to check with.

    A loader that could check, with variables of unknown content, does not tell.
    """
    if firmware != "uefi":
        return False if firmware == "bios" else None
    secure = attribute(xml, "os/loader", "secure") or _firmware_feature(xml, "secure-boot")
    keys = _firmware_feature(xml, "enrolled-keys")
    if "no" in (secure, keys):
        return False
    if secure is None:  # a loader that is named and not said to check does not, unless on ARM
        named = child(xml, "os/loader") is not None
        return False if named and not _has_keys(xml) else None
    return True if secure == "yes" and (keys == "yes" or _has_keys(xml)) else None


def _firmware_feature(xml: Element, name: str) -> str | None:
    features = xml.iterfind("os/firmware/feature")
    return next((f.get("enabled") for f in features if f.get("name") == name), None)


def _has_keys(xml: Element) -> bool:
    """Whether the variables came from a template that distributions fill with keys."""
    template = (attribute(xml, "os/nvram", "template") or "").rpartition("/")[2].lower()
    return any(part in template for part in (".ms.", ".secboot.", "snakeoil"))


def _vtpm(xml: Element) -> bool | None:
    """Whether it has a TPM of its own; the host's handed through is none."""
    backends = [attribute(tpm, "backend", "type") for tpm in xml.iterfind("devices/tpm")]
    if any(backend in ("emulator", "external") for backend in backends):
        return True
    return False if all(backend == "passthrough" for backend in backends) else None


def _memory_encryption(xml: Element) -> str | None:
    kind = attribute(xml, "launchSecurity", "type")
    if xml.find("launchSecurity") is None:
        return ""
    if kind == "sev":
        policy = _bits(child(xml, "launchSecurity/policy"))
        return "sev-es" if policy is not None and policy & _SEV_ENCRYPTED_STATE else "sev"
    return kind if kind in ("sev-snp", "tdx", "s390-pv") else None


def _bits(value: str | None) -> int | None:
    try:
        return int(value or "", 16 if (value or "").lower().startswith("0x") else 10)
    except ValueError:
        return None


def _ballooning(xml: Element) -> bool | None:
    """Whether the host can take memory back; QEMU's guests always say which balloon they have."""
    model = attribute(xml, "devices/memballoon", "model")
    return None if model is None else model != "none"


# Confinement


def _confinement(xml: Element, host: str | None, *, is_active: bool) -> str | None:
    """The security model that its process runs under, or none.

    A guest that is shut off gets its label when it starts, so without a stated one only a host
    without any model tells.
    """
    labels = [s for s in xml.findall("seclabel") if s.get("model") != "dac"]
    if any(label.get("type") == "none" for label in labels):
        return "none"
    for label in labels:
        if label.get("type") in ("dynamic", "static") and label.get("model") in CONFINING:
            return label.get("model")
    if labels or host is None:
        return None
    return "none" if host == "none" or is_active else None


# What is shared with the host and with those who look on


def _has_channel(xml: Element, name: str) -> bool:
    targets = xml.iterfind("devices/channel/target")
    return any(target.get("name") == name for target in targets)


def _host_paths(xml: Element) -> Iterator[str]:
    """The folders, files and devices of the host that a guest mounts."""
    for shared in xml.iterfind("devices/filesystem"):
        for name in ("dir", "file", "dev", "socket", "name"):
            if path := attribute(shared, "source", name):
                yield path
                break


def _screens(xml: Element) -> Iterator[str]:
    """``vnc 0.0.0.0`` for each address that a screen is shown at.

    Whether a password is asked for is not shown to a reader.
    """
    for screen in xml.iterfind("devices/graphics"):
        kind = screen.get("type")
        if kind in _REMOTE_SCREENS:
            listens = screen.findall("listen")
            addresses = [_listened_at(listen) for listen in listens] or [
                text(screen.get("listen")) or ("socket" if screen.get("socket") else "?")
            ]
            yield from (f"{kind} {address}" for address in addresses if address)


def _listened_at(listen: Element) -> str | None:
    """An address, socket, or "?" for one that is told when the guest starts; None for nothing."""
    kind = listen.get("type")
    if kind == "none":
        return None
    return "socket" if kind == "socket" else text(listen.get("address")) or "?"


def _lines(xml: Element) -> Iterator[str]:
    """``serial tcp 0.0.0.0:4555`` for each device that waits for someone on the network."""
    for kind in _CHARACTER_DEVICES:
        for device in xml.iterfind(f"devices/{kind}"):
            # The first serial device is shown once more, as the console.
            if kind == "console" and attribute(device, "target", "type") == "serial":
                continue
            source = device.find("source[@mode='bind']")
            way = device.get("type")
            if source is None or way not in ("tcp", "udp"):
                continue
            if attribute(device, "protocol", "type") == "telnet":
                way = "telnet"
            host, port = (text(source.get(name)) or "?" for name in ("host", "service"))
            yield f"{kind} {way} {f'[{host}]' if ':' in host else host}:{port}"


def _clipboard(xml: Element) -> bool:
    """Whether what is copied inside can be pasted outside: by SPICE unless it says no, and by
    QEMU's own agent where it says yes."""
    channels = [channel.get("type") for channel in xml.iterfind("devices/channel")]
    spice = xml.findall("devices/graphics[@type='spice']")
    shared = any(attribute(screen, "clipboard", "copypaste") != "no" for screen in spice)
    agent = xml.findall("devices/channel[@type='qemu-vdagent']")
    return (shared and "spicevmc" in channels) or any(
        attribute(channel, "source/clipboard", "copypaste") == "yes" for channel in agent
    )


def _media(xml: Element) -> Iterator[str]:
    """The images in its drives; an empty drive has none."""
    for drive in xml.iterfind("devices/disk"):
        if drive.get("device") in ("cdrom", "floppy") and (place := place_of(drive)):
            yield place


# Devices of the host


def _passthrough(xml: Element) -> list[str]:
    """Devices of the host that bind the guest to it."""
    found = [
        f"{d.get('type', 'device')} {address_of(d)}".strip() for d in xml.findall("devices/hostdev")
    ]
    for nic in xml.findall("devices/interface"):
        direct = nic.get("type") == "direct" and attribute(nic, "source", "mode") == "passthrough"
        if nic.get("type") == "hostdev" or direct:
            found.append(f"interface {attribute(nic, 'source', 'dev') or address_of(nic)}".strip())
    found += [
        f"tpm {attribute(backend, 'device', 'path') or ''}".strip()
        for backend in xml.iterfind("devices/tpm/backend[@type='passthrough']")
    ]
    return [text(name) or "device" for name in found]


def address_of(element: Element) -> str:
    """A device's address, as 0000:06:12.5 or by its ids."""
    address = element.find("source/address")
    if address is not None and address.get("slot"):
        d, b, s, f = (
            address.get(k, "0").removeprefix("0x") for k in ("domain", "bus", "slot", "function")
        )
        return f"{d}:{b}:{s}.{f}"
    if address is not None and address.get("uuid"):
        return address.get("uuid", "")
    ids = [attribute(element, f"source/{part}", "id") for part in ("vendor", "product")]
    return ":".join(part.removeprefix("0x") for part in ids if part)
