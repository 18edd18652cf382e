"""What lies between guests and their host: confinement, raw settings, devices, firmware."""

from __future__ import annotations

from planner.eol import release_of
from planner.estate import Estate
from planner.guest_views import GuestView
from planner.risks.lasting import once_lasting
from planner.risks.lifecycle import os_of
from planner.risks.rule import (
    HIGH,
    LOW,
    MEDIUM,
    Outcome,
    Rule,
    not_applicable,
    ok,
    risk,
    rule,
    unknown,
)

_MEDIA_DAYS = 30
_PENDING_DAYS = 1
# Models that carry no fix for side channels unless flags add it.
# The first part of the paths that make a host what it is; "" is all of it.
_SYSTEM_FOLDERS = frozenset(
    {"", "etc", "boot", "root", "usr", "bin", "sbin", "lib", "dev", "proc", "sys", "run"}
)
_BARE_MODELS = ("kvm32", "kvm64", "qemu32", "qemu64", "x86-64-v")
_MITIGATIONS = frozenset(
    {"spec-ctrl", "ibrs", "ibpb", "stibp", "ssbd", "amd-ssbd", "virt-ssbd", "md-clear"}
)
_WHOLE_HOST = frozenset({"host", "host-passthrough", "host-model", "max", "maximum"})
_NESTING = frozenset({"vmx", "svm"})
_LEGACY_CARDS = frozenset({"e1000", "e1000e", "e1000-82540em", "rtl8139", "ne2k_pci", "pcnet"})
_LEGACY_SLOTS = ("ide", "hd", "fd")


def _not_a_machine(view: GuestView) -> Outcome | None:
    """Why a guest is no virtual machine that can run."""
    if view.guest.kind == "container":
        return not_applicable("a container")
    return not_applicable("template") if view.guest.template else None


@rule(
    "HYP-002",
    "Virtual machine whose process nothing confines",
    subject="guest",
    severity=HIGH,
    group="hypervisor",
    essential=True,
    sources=("libvirt",),
    why="Whoever breaks out of it may read the disks of every other guest on the host.",
    fix="Take the seclabel of type none out of its definition, and start it anew.",
)
def unconfined_machine(view: GuestView, estate: Estate) -> Outcome:
    if view.guest.confinement is None:
        return unknown("what confines its process was not seen")
    return risk(confinement="none") if view.guest.confinement == "none" else ok()


@rule(
    "HYP-006",
    "Device or system folder of the host handed to a guest",
    subject="guest",
    severity=MEDIUM,
    group="hypervisor",
    sources=("proxmox", "libvirt"),
    why="The guest speaks to real hardware, whose firmware can be changed from inside, or reads "
    "and writes the files that make the host what it is: whoever breaks into the guest is near the "
    "host.",
    fix="Take the device or folder away where no service needs it; else check that the IOMMU "
    "isolates the device, and share a folder of data instead of one of the system.",
)
def passthrough(view: GuestView, estate: Estate) -> Outcome:
    if view.guest.template:
        return not_applicable("template")
    devices, paths = view.guest.passthrough, view.guest.host_paths
    folders = sorted({found for path in paths or () if (found := _system_folder(path))})
    if folders:
        return risk(HIGH, devices=devices or "none", folders=folders)
    if devices:
        return risk(HIGH if view.public else None, devices=devices)
    return ok() if None not in (devices, paths) else unknown("its configuration was not seen")


def _system_folder(path: str) -> str:
    """The part of a host's system that a shared folder lies in; "" where it is none."""
    first = path.split("/")[1] if path.startswith("/") else None
    return f"/{first}" if first in _SYSTEM_FOLDERS else ""


@rule(
    "HYP-007",
    "Raw hypervisor arguments",
    subject="guest",
    severity=HIGH,
    group="hypervisor",
    essential=True,
    sources=("proxmox", "libvirt"),
    why="They pass by every check of the platform: they may open consoles, files or monitors that "
    "no setting shows.",
    fix="Say the same with the platform's own settings, and remove the arguments.",
)
def raw_arguments(view: GuestView, estate: Estate) -> Outcome:
    """The names of the options alone are evidence: what they are set to may be a secret."""
    if view.guest.kind == "container":
        return not_applicable("a container: see HYP-004")
    if view.guest.template:
        return not_applicable("template")
    if view.guest.raw_arguments is None:
        return unknown("its configuration was not seen")
    if not view.guest.raw_arguments:
        return ok()
    return risk(options=view.guest.raw_options or "set")


@rule(
    "HYP-008",
    "Hook script attached to a guest",
    subject="guest",
    severity=MEDIUM,
    group="hypervisor",
    sources=("proxmox",),
    why="It runs as root on the host whenever the guest starts or stops; who may write the file "
    "owns the host.",
    fix="Read the script, keep it where only administrators write, and remove it when nothing "
    "needs it.",
)
def hook_script(view: GuestView, estate: Estate) -> Outcome:
    script = view.guest.hook_script
    if script is None:
        return unknown("its configuration was not seen")
    return risk(script=script) if script else ok()


@rule(
    "HYP-009",
    "Processor model without fixes for side channels",
    subject="guest",
    severity=MEDIUM,
    group="hypervisor",
    sources=("proxmox", "libvirt"),
    why="The guest's kernel cannot protect itself against Spectre and its kin: the model hides the "
    "instructions that it needs.",
    fix="Use the model host, or a named model with the flags spec-ctrl, ssbd and md-clear (on AMD "
    "ibpb and virt-ssbd).",
)
def side_channels_open(view: GuestView, estate: Estate) -> Outcome:
    if reason := _not_a_machine(view):
        return reason
    model, flags = _processor(view)
    if not model:
        return unknown("its processor model was not seen")
    if model.startswith("custom-"):
        return unknown(f"what the model {model} holds is written on the hosts")
    if not model.startswith(_BARE_MODELS) or flags & _MITIGATIONS:
        return ok()
    return risk(model=model, flags=sorted(flags) or "none")


def _processor(view: GuestView) -> tuple[str, frozenset[str]]:
    """The model, and the flags that are added to it; "" for one that was not seen."""
    words = (view.guest.cpu_model or "").split()
    return words[0] if words else "", frozenset(_flags(view, "+"))


def _flags(view: GuestView, sign: str) -> list[str]:
    words = (view.guest.cpu_model or "").split()[1:]
    return [word[1:] for word in words if word.startswith(sign)]


@rule(
    "HYP-010",
    "Public guest that may run virtual machines of its own",
    subject="guest",
    severity=LOW,
    group="hypervisor",
    sources=("proxmox", "libvirt"),
    why="Nested virtualisation opens the least tested part of the hypervisor to whoever breaks "
    "into the guest.",
    fix="Take vmx and svm away from it (flags -vmx, -svm), or choose another model than host.",
)
def nesting_exposed(view: GuestView, estate: Estate) -> Outcome:
    if reason := _not_a_machine(view):
        return reason
    if not view.public:
        return not_applicable("not public" if view.public is False else "its tags were not seen")
    model, flags = _processor(view)
    if not model:
        return unknown("its processor model was not seen")
    taken_away = set(_flags(view, "-"))
    nests = flags & _NESTING or (model in _WHOLE_HOST and not taken_away & _NESTING)
    return risk(model=view.guest.cpu_model) if nests else ok()


@rule(
    "HYP-013",
    "Important guest that a slip could delete",
    subject="guest",
    severity=LOW,
    group="hypervisor",
    sources=("proxmox",),
    why="One wrong number in a command removes the guest with all its disks.",
    fix="Set protection=1 on the guest (qm set ID --protection 1).",
)
def not_protected(view: GuestView, estate: Estate) -> Outcome:
    if view.criticality not in (1, 2):
        return not_applicable("not of criticality 1 or 2")
    if view.guest.protection is None:
        return unknown("its configuration was not seen")
    return ok() if view.guest.protection else risk(protection=0, criticality=view.criticality)


@rule(
    "HYP-014",
    "Public guest with emulated hardware of another age",
    subject="guest",
    severity=LOW,
    group="hypervisor",
    sources=("proxmox", "libvirt"),
    why="Emulators of old cards and drives had most of the known ways out of a guest.",
    fix="Use virtio for disks and network; leave old models to systems without its drivers.",
)
def legacy_devices(view: GuestView, estate: Estate) -> Outcome:
    if reason := _not_a_machine(view):
        return reason
    if not view.public:
        return not_applicable("not public" if view.public is False else "its tags were not seen")
    nics, disks = estate.nics_of(view.guest), estate.disks_of(view.guest)
    old = [f"network card {nic.model}" for nic in nics if nic.model in _LEGACY_CARDS]
    old += [f"disk {d.slot}" for d in disks if (d.slot or "").startswith(_LEGACY_SLOTS)]
    if old:
        return risk(devices=sorted(old))
    gaps = (estate.gap(view.fact.source, kind, view.guest.scope) for kind in ("nic", "disk"))
    unseen = any(nic.model is None for nic in nics) or any(disk.slot is None for disk in disks)
    if unseen or any(gaps):
        return unknown("the models of its devices were not seen")
    return ok()


@rule(
    "HYP-015",
    "Personal data can be copied out through the console",
    subject="guest",
    severity=MEDIUM,
    group="hypervisor",
    sources=("proxmox", "libvirt"),
    why="Whoever sees its console can take data out by the clipboard, and nothing records it.",
    fix="Switch the clipboard of its display off (SPICE: copypaste=no and filetransfer=no).",
)
def clipboard_shared(view: GuestView, estate: Estate) -> Outcome:
    if view.guest.kind == "container":
        return not_applicable("a container")
    if not view.is_personal:
        return not_applicable("no personal data" if view.classification else "class not known")
    if view.guest.clipboard is None:
        return unknown("its display was not seen")
    return risk(clipboard="shared") if view.guest.clipboard else ok()


@rule(
    "HYP-016",
    "Installation medium left in a drive",
    subject="guest",
    severity=LOW,
    group="hypervisor",
    sources=("proxmox", "libvirt"),
    why="A restart may boot it, and the guest cannot move to a host that lacks the image.",
    fix="Eject it.",
)
def medium_left(view: GuestView, estate: Estate) -> Outcome:
    if reason := _not_a_machine(view):
        return reason
    media = view.guest.media
    if media is None:
        return unknown("its drives were not seen")
    return once_lasting(_MEDIA_DAYS, view.guest, estate, media=media) if media else ok()


@rule(
    "HYP-017",
    "Guest without the secure boot that its system is to have",
    subject="guest",
    severity=LOW,
    group="hypervisor",
    sources=("proxmox", "libvirt"),
    why="Whoever changes its boot loader stays in it unseen, through every restart.",
    fix="Move it to UEFI firmware with enrolled keys and a TPM; the systems are secure_boot_os "
    "under [hardening] in the policy.",
)
def no_secure_boot(view: GuestView, estate: Estate) -> Outcome:
    wanted = estate.policy.hardening.secure_boot_os
    if reason := _not_a_machine(view):
        return reason
    if not wanted:
        return not_applicable("the policy names no system that must boot securely")
    release = release_of(os_of(view) or "", estate.eol)
    if release is None:
        return unknown("which system it runs is not known")
    if not {release.product, f"{release.product}-{release.cycle}"} & set(wanted):
        return not_applicable(f"{release.label} need not boot securely")
    secure, vtpm = view.guest.secure_boot, view.guest.vtpm
    if secure is False or vtpm is False:
        return risk(os=release.label, secure_boot=secure, tpm=vtpm)
    return ok() if secure and vtpm else unknown("its firmware was not wholly seen")


@rule(
    "HYP-018",
    "Guest whose settings wait for a restart, or that was left suspended",
    subject="guest",
    severity=LOW,
    group="hypervisor",
    sources=("proxmox",),
    why="It does not run as it is configured, or its memory lies saved on a disk; both surprise "
    "at the next start.",
    fix="Restart the guest in its window, or revert the settings; resume or stop a suspended one.",
)
def left_half_done(view: GuestView, estate: Estate) -> Outcome:
    guest = view.guest
    if guest.template:
        return not_applicable("template")
    if guest.lock == "suspended":
        return risk(lock=guest.lock)
    if guest.pending:
        return once_lasting(_PENDING_DAYS, guest, estate, pending=guest.pending)
    if guest.lock:
        return unknown(f"locked ({guest.lock}); since when is not known")
    if guest.pending is None:
        return unknown("what waits for a restart was not seen")
    return ok()


RULES: tuple[Rule, ...] = (
    unconfined_machine,
    passthrough,
    raw_arguments,
    hook_script,
    side_channels_open,
    nesting_exposed,
    not_protected,
    legacy_devices,
    clipboard_shared,
    medium_left,
    no_secure_boot,
    left_half_done,
)
