"""What a guest's definition says of its security, and what it leaves open."""

from __future__ import annotations

from typing import Any

import pytest

from inventory.records import Guest, Host, Nic
from libvirt_answers import EVERYTHING_DEVICES, EVERYTHING_HEAD, Written


def guest(devices: str = "", **more: Any) -> Guest:
    [found] = Written().domain(devices=devices, **more).snapshot().of(Guest)
    return found


def with_head(more: str, **rest: Any) -> Guest:
    return guest(head=f"<memory>1048576</memory><vcpu>2</vcpu>{more}", **rest)


def test_a_definition_with_everything_in_it() -> None:
    found = guest(EVERYTHING_DEVICES, head=EVERYTHING_HEAD)
    assert (found.machine, found.cpu_model) == ("pc-q35-7.2", "EPYC +ssbd -svm")
    assert (found.firmware, found.secure_boot, found.vtpm) == ("uefi", True, True)
    assert (found.memory_encryption, found.confinement) == ("sev-es", "apparmor")
    assert (found.ballooning, found.agent, found.clipboard) == (True, True, True)
    assert found.host_paths == ("/srv/image", "/srv/share")
    assert found.consoles == (
        "parallel udp [::]:4556",
        "serial telnet 0.0.0.0:4555",
        "vnc 0.0.0.0",
    )
    assert found.media == ("/iso/debian.iso",)
    assert (found.raw_arguments, found.raw_options) == (True, ("-object", "env DEBUG", "…"))
    assert "hunter" not in repr(found)


def test_a_definition_with_nothing_in_it_says_what_is_known_to_be_none() -> None:
    found = with_head("<os><type arch='x86_64'>hvm</type></os>")
    assert (found.firmware, found.secure_boot, found.vtpm) == ("bios", False, False)
    assert (found.memory_encryption, found.agent, found.clipboard) == ("", False, False)
    nothing = (found.host_paths, found.consoles, found.media, found.passthrough, found.tags)
    assert nothing == ((),) * 5
    assert (found.raw_arguments, found.raw_options) == (False, ())


def test_private_things_in_free_text_are_told_by_their_form_alone() -> None:
    found = with_head(
        "<title>app</title><description>NIK 3578010101900001, hub. 0812-3456-7890, "
        "password: hunter22</description>"
    )
    assert found.hints == ("identity-number", "password", "telephone")
    assert "hunter22" not in repr(found)
    assert with_head("<description>order 3578019901900001, ext 2020</description>").hints == ()


def test_what_a_definition_leaves_open_is_not_known() -> None:
    found = with_head("")
    for name in ("machine", "cpu_model", "firmware", "secure_boot", "ballooning"):
        assert getattr(found, name) is None, name
    assert (found.os, found.os_source) == ("", "")  # no metadata names one


def test_without_a_definition_nothing_of_it_is_known() -> None:
    written = Written().domain()
    key = next(key for key in written.answers if key.endswith("/xml"))
    written.answers[key] = {"error": "access denied", "code": 88}
    [found] = written.snapshot().of(Guest)
    for name in (
        "tags", "machine", "cpu_model", "firmware", "secure_boot", "vtpm", "memory_encryption",
        "confinement", "ballooning", "agent", "host_paths", "consoles", "clipboard", "media",
        "raw_arguments", "raw_options", "passthrough", "os", "os_source", "pinned_cpus",
    ):  # fmt: skip
        assert getattr(found, name) is None, name


@pytest.mark.parametrize(
    ("cpu", "model"),
    [
        ("<cpu mode='host-passthrough'/>", "host-passthrough"),
        (
            "<cpu mode='host-model'><feature policy='optional' name='vmx'/></cpu>",
            "host-model +vmx",
        ),
        ("<cpu mode='maximum'/>", "maximum"),
        ("<cpu><model>Nehalem</model><feature name='aes'/></cpu>", "Nehalem +aes"),
        ("<cpu><model>x</model><feature policy='odd' name='aes'/><feature/></cpu>", "x"),
        ("<cpu><topology sockets='1'/></cpu>", None),
    ],
)
def test_processor_models(cpu: str, model: str | None) -> None:
    assert with_head(cpu).cpu_model == model


@pytest.mark.parametrize(
    ("vcpu", "tune", "pinned"),
    [
        ("<vcpu>2</vcpu>", "", ()),
        ("<vcpu cpuset='0-7,^3'>2</vcpu>", "", ("0-2", "4-7")),
        ("<vcpu cpuset='0-7' placement='auto'>2</vcpu>", "", ()),
        ("<vcpu>2</vcpu>", "<vcpupin vcpu='0' cpuset='5'/>", ("5",)),
        (
            "<vcpu cpuset='8-9'>2</vcpu>",
            "<vcpupin vcpu='0' cpuset='5'/><emulatorpin cpuset='0'/>",
            ("5", "8-9"),
        ),
        (
            "<vcpu cpuset='8-9'>2</vcpu>",
            "<vcpupin vcpu='0' cpuset='5'/><vcpupin vcpu='1' cpuset='4'/>",
            ("4-5",),
        ),
        ("<vcpu cpuset='all'>2</vcpu>", "", None),
        ("<vcpu cpuset='9-5'>2</vcpu>", "", None),
        ("<vcpu cpuset='0-99999'>2</vcpu>", "", None),
    ],
)
def test_pinned_cpus(vcpu: str, tune: str, pinned: tuple[str, ...] | None) -> None:
    head = f"<memory>1048576</memory>{vcpu}<cputune>{tune}</cputune>"
    assert guest(head=head).pinned_cpus == pinned


def ovmf(secure: str = "") -> str:
    return f"<loader type='pflash'{f' secure={secure!r}' if secure else ''}>/OVMF.fd</loader>"


KEYS = "<nvram template='/usr/share/OVMF/OVMF_VARS_4M.ms.fd'>/n</nvram>"


@pytest.mark.parametrize(
    ("system", "firmware", "secure"),
    [
        ("<os firmware='bios'><type>hvm</type></os>", "bios", False),
        ("<os firmware='efi'><type>hvm</type></os>", "uefi", None),
        ("<os firmware='odd'><type arch='x86_64'>hvm</type></os>", None, None),
        ("<os><type arch='aarch64'>hvm</type></os>", None, None),
        (f"<os><type>hvm</type>{ovmf()}</os>", "uefi", False),
        (f"<os><type>hvm</type>{ovmf('no')}</os>", "uefi", False),
        (f"<os><type>hvm</type>{ovmf('yes')}</os>", "uefi", None),
        (f"<os><type>hvm</type>{ovmf('yes')}{KEYS}</os>", "uefi", True),
        (f"<os><type>hvm</type>{ovmf()}{KEYS}</os>", "uefi", None),
        (f"<os><type>hvm</type>{ovmf('odd')}{KEYS}</os>", "uefi", None),
        ("<os><type arch='x86_64'>hvm</type><loader type='rom'>/my.bin</loader></os>", None, None),
        (
            ("<os firmware='efi'><type>hvm</type><firmware><feature enabled='no' "
            "name='secure-boot'/></firmware></os>"), "uefi", False,
        ),
        (
            ("<os firmware='efi'><type>hvm</type><firmware><feature enabled='no' "
            f"name='enrolled-keys'/></firmware>{ovmf('yes')}</os>"),
            "uefi", False,
        ),
    ],
)  # fmt: skip
def test_firmware_and_secure_boot(system: str, firmware: str | None, secure: bool | None) -> None:
    found = with_head(system)
    assert (found.firmware, found.secure_boot) == (firmware, secure)


@pytest.mark.parametrize(
    ("backend", "has_one", "handed_through"),
    [
        ("<backend type='emulator'/>", True, ()),
        ("<backend type='external'/>", True, ()),
        (
            "<backend type='passthrough'><device path='/dev/tpm0'/></backend>",
            False,
            ("tpm /dev/tpm0",),
        ),
        ("<backend type='odd'/>", None, ()),
        ("", None, ()),
    ],
)
def test_a_tpm_of_its_own(
    backend: str, has_one: bool | None, handed_through: tuple[str, ...]
) -> None:
    found = guest(f"<tpm>{backend}</tpm>")
    assert (found.vtpm, found.passthrough) == (has_one, handed_through)


@pytest.mark.parametrize(
    ("security", "encryption"),
    [
        ("<launchSecurity type='sev'><policy>0x0003</policy></launchSecurity>", "sev"),
        ("<launchSecurity type='sev'><policy>7</policy></launchSecurity>", "sev-es"),
        ("<launchSecurity type='sev'><policy>odd</policy></launchSecurity>", "sev"),
        ("<launchSecurity type='sev-snp'/>", "sev-snp"),
        ("<launchSecurity type='tdx'/>", "tdx"),
        ("<launchSecurity type='odd'/>", None),
        ("<launchSecurity/>", None),
    ],
)
def test_memory_encryption(security: str, encryption: str | None) -> None:
    assert with_head(security).memory_encryption == encryption


def host_with(*models: str) -> Written:
    written = Written()
    answer = written.answers["host/capabilities"]
    start, _label, rest = answer["value"].partition("<secmodel>")
    end = rest.rpartition("</secmodel>")[2]
    told = "".join(f"<secmodel><model>{model}</model></secmodel>" for model in models)
    answer["value"] = f"{start}{told}{end}"
    return written


@pytest.mark.parametrize(
    ("models", "confinement"),
    [
        (("apparmor", "dac"), "apparmor"),
        (("selinux", "dac"), "selinux"),
        (("none", "dac"), "none"),
        (("dac",), "none"),
        ((), None),
    ],
)
def test_the_model_that_a_host_confines_guests_with(
    models: tuple[str, ...], confinement: str | None
) -> None:
    [found] = host_with(*models).snapshot().of(Host)
    assert found.confinement == confinement


OFF, ON = (5, 0), (1, 1)


@pytest.mark.parametrize(
    ("models", "label", "state", "confinement"),
    [
        (("apparmor",), "<seclabel type='dynamic' model='apparmor'/>", ON, "apparmor"),
        (("selinux",), "<seclabel type='static' model='selinux'/>", OFF, "selinux"),
        (("apparmor",), "<seclabel type='none' model='apparmor'/>", ON, "none"),
        (("apparmor",), "<seclabel type='none'/>", OFF, "none"),
        (("apparmor",), "<seclabel type='odd' model='apparmor'/>", ON, None),
        (("apparmor",), "<seclabel type='dynamic' model='dac'/>", ON, "none"),
        (("apparmor",), "<seclabel type='none' model='dac'/>", OFF, None),
        (("apparmor",), "", ON, "none"),
        (("apparmor",), "", OFF, None),  # it gets its label when it starts
        (("none", "dac"), "", OFF, "none"),
        ((), "", ON, None),
    ],
)
def test_confinement_of_a_guest(
    models: tuple[str, ...], label: str, state: tuple[int, int], confinement: str | None
) -> None:
    [found] = host_with(*models).domain(head=label, state=state).snapshot().of(Guest)
    assert found.confinement == confinement


@pytest.mark.parametrize(
    ("screen", "consoles"),
    [
        ("<graphics type='vnc' listen='127.0.0.1'/>", ("vnc 127.0.0.1",)),
        ("<graphics type='vnc'/>", ("vnc ?",)),
        ("<graphics type='vnc' socket='/run/vnc'/>", ("vnc socket",)),
        (
            "<graphics type='vnc'><listen type='socket' socket='/run/vnc'/></graphics>",
            ("vnc socket",),
        ),
        ("<graphics type='vnc' listen='0.0.0.0'><listen type='none'/></graphics>", ()),
        (
            (
                "<graphics type='spice'><listen type='network' network='lan'/>"
                "<listen type='address' address='::'/></graphics>"
            ),
            ("spice ::", "spice ?"),
        ),
        ("<graphics type='egl-headless'/><graphics/>", ()),
        ("<serial type='pty'/><serial type='tcp'/>", ()),
        ("<serial type='tcp'><source mode='bind'/></serial>", ("serial tcp ?:?",)),
    ],
)
def test_what_listens_for_a_guest(screen: str, consoles: tuple[str, ...]) -> None:
    assert guest(screen).consoles == consoles


def test_a_screen_never_reads_as_one_without_a_password() -> None:
    shown = guest("<graphics type='vnc' listen='0.0.0.0' passwdValidTo='2030-01-01T00:00:00'/>")
    assert shown.consoles == guest("<graphics type='vnc' listen='0.0.0.0'/>").consoles


VDAGENT = "<channel type='qemu-vdagent'><source><clipboard copypaste='{}'/></source></channel>"
SPICE = "<graphics type='spice'>{}</graphics>"


@pytest.mark.parametrize(
    ("devices", "shared"),
    [
        (SPICE.format("") + "<channel type='spicevmc'/>", True),
        (SPICE.format("<clipboard copypaste='no'/>") + "<channel type='spicevmc'/>", False),
        (SPICE.format(""), False),
        (VDAGENT.format("yes"), True),
        (VDAGENT.format("no"), False),
        ("<channel type='qemu-vdagent'/>", False),
    ],
)
def test_a_shared_clipboard(devices: str, shared: bool) -> None:
    assert guest(devices).clipboard is shared


@pytest.mark.parametrize(
    ("balloon", "ballooning"),
    [("<memballoon model='virtio'/>", True), ("<memballoon model='none'/>", False), ("", None)],
)
def test_ballooning(balloon: str, ballooning: bool | None) -> None:
    assert guest(balloon).ballooning is ballooning


def test_the_system_in_the_metadata_is_said_to_be_from_there() -> None:
    system = (
        "<metadata><l:libosinfo xmlns:l='http://libosinfo.org/xmlns/libvirt/domain/1.0'>"
        "<l:os id='http://debian.org/debian/12'/></l:libosinfo></metadata>"
    )
    found = with_head(system)
    assert (found.os, found.os_source) == ("http://debian.org/debian/12", "metadata")


# Interfaces


@pytest.mark.parametrize(
    ("kind", "inside", "address_filter", "isolated"),
    [
        ("bridge", "<source bridge='br0'/>", "", False),
        ("bridge", "<source bridge='br0'/><port isolated='yes'/>", "", True),
        ("bridge", "<source bridge='br0'/><port isolated='odd'/>", "", False),
        ("bridge", "<filterref filter='clean-traffic'/>", "clean-traffic", False),
        ("bridge", "<filterref/>", None, False),
        ("network", "<source network='prod'/>", "", None),
        ("network", "<source network='prod' bridge='virbr1'/>", "", False),
        ("direct", "<source dev='eth0' mode='private'/>", "", True),
        ("direct", "<source dev='eth0' mode='bridge'/>", "", False),
        ("direct", "<source dev='eth0' mode='vepa'/>", "", None),
        ("user", "", "", None),
    ],
)
def test_filters_and_isolation_of_an_interface(
    kind: str, inside: str, address_filter: str | None, isolated: bool | None
) -> None:
    devices = f"<interface type='{kind}'>{inside}</interface>"
    [nic] = Written().domain(devices=devices).snapshot().of(Nic)
    assert (nic.address_filter, nic.isolated) == (address_filter, isolated)


# The host


def test_memory_that_guests_share_is_counted_in_pages() -> None:
    written = Written()
    written.answers["host/memory_parameters"]["value"]["shm_pages_sharing"] = 1000
    [found] = written.snapshot().of(Host)
    assert found.ksm_shared_bytes == 1000 * 4096


@pytest.mark.parametrize(
    ("code", "told"), [(3, ""), (38, "what memory its guests share: cannot read it")]
)
def test_a_host_that_does_not_tell_shared_memory_is_a_gap_unless_it_cannot(
    code: int, told: str
) -> None:
    written = Written()
    written.answers["host/memory_parameters"] = {"error": "cannot read it", "code": code}
    found = written.snapshot()
    assert found.of(Host)[0].ksm_shared_bytes is None
    gaps = [part.reason for part in found.coverage if part.kind == "host" and part.is_gap]
    assert gaps == ([told] if told else [])
