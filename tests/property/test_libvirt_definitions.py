"""Whatever a definition has lost or gained, it is read, and nothing is read into it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from xml.etree.ElementTree import Element, register_namespace, tostring

from defusedxml.ElementTree import fromstring
from hypothesis import given
from hypothesis import strategies as st

from collectors.scrub import scrubbed
from collectors.tags import NAMESPACE
from inventory.records import Disk, Guest, Nic, Record, Snapshot
from libvirt_answers import (
    EVERYTHING_DEVICES,
    EVERYTHING_HEAD,
    Written,
    recorded,
    snapshot,
    uuid,
)

MORE_HEAD = (
    "<metadata><l:inventory xmlns:l='urn:lumbung:inventory:1'><l:cls>publik</l:cls>"
    "<l:opd>dinkes</l:opd></l:inventory></metadata>"
)
MORE_DEVICES = (
    "<disk type='file' device='disk'><driver name='qemu' type='qcow2' cache='unsafe'/>"
    "<source file='/p/a.s1'/><backingStore type='file'><format type='qcow2'/>"
    "<source file='/p/a.qcow2'/><backingStore/></backingStore><target dev='vda'/>"
    "<shareable/></disk>"
    "<disk type='network' device='disk'><driver type='raw'/><source protocol='nbd' name='x' "
    "tls='yes'><host name='nas'/></source><target dev='vdb'/></disk>"
    "<disk type='block' device='lun'><source dev='/dev/sdb'/><target dev='vdc'/></disk>"
    "<interface type='bridge'><mac address='52:54:00:aa:bb:cc'/><source bridge='br0'/>"
    "<vlan><tag id='42'/></vlan><filterref filter='clean-traffic'/><port isolated='yes'/>"
    "</interface><hostdev mode='subsystem' type='pci'><source><address domain='0x0000' "
    "bus='0x06' slot='0x12' function='0x5'/></source></hostdev>"
)
ODD = st.sampled_from(["", "?", "odd", "-1", "9" * 30, "0x", "yes", "no", "none", "/", "\x7f", "é"])
LISTS = ("tags", "host_paths", "consoles", "media", "passthrough", "raw_options")


# As libvirt writes them.
register_namespace("qemu", "http://libvirt.org/schemas/domain/qemu/1.0")
register_namespace("lumbung", NAMESPACE)


def document() -> Element:
    written = Written().domain(head=EVERYTHING_HEAD + MORE_HEAD, devices=EVERYTHING_DEVICES)
    text = written.answers[f"domain/{uuid(1)}/xml"]["value"]
    found: Element = fromstring(text.replace("</devices>", f"{MORE_DEVICES}</devices>"))
    return found


PARTS = len(list(document().iter()))


@st.composite
def damaged(draw: st.DrawFn) -> Element:
    """A full definition that lost some elements and attributes, or has odd values in them."""
    root = document()
    for place in draw(st.sets(st.integers(1, PARTS - 1), max_size=8)):
        parts = list(root.iter())
        part = parts[place % len(parts)]
        match draw(st.sampled_from(["remove", "drop", "change", "text"])):
            case "remove" if part is not root:
                next(parent for parent in parts if part in list(parent)).remove(part)
            case "drop" if part.attrib:
                part.attrib.pop(draw(st.sampled_from(sorted(part.attrib))))
            case "change" if part.attrib:
                part.set(draw(st.sampled_from(sorted(part.attrib))), draw(ODD))
            case _:
                part.text = draw(ODD)
    return root


def read(root: Element) -> Snapshot:
    written = Written().domain()
    written.answers[f"domain/{uuid(1)}/xml"] = {"value": tostring(root, encoding="unicode")}
    return written.snapshot()


def facts(found: Snapshot) -> Iterator[Record]:
    return (fact for fact in found.facts if isinstance(fact, Guest | Disk | Nic))


@given(damaged())
def test_a_damaged_definition_is_read_and_nothing_is_made_up(root: Element) -> None:
    found, text = read(root), tostring(root, encoding="unicode")
    [guest] = found.of(Guest)
    for claim, proof in (
        (guest.secure_boot, "secure"), (guest.vtpm, "<tpm"), (guest.agent, "guest_agent"),
        (guest.memory_encryption, "launchSecurity"), (guest.clipboard, "spice"),
        (guest.raw_arguments, "commandline"), (guest.confinement, "seclabel"),
    ):  # fmt: skip
        assert not claim or claim == "none" or proof in text, proof
    for name in LISTS:
        for word in getattr(guest, name) or ():
            assert _comes_from(word, text), (name, word)
    for disk in found.of(Disk):
        for place in (disk.volume, disk.host_device, *(disk.backing or ())):
            assert not place or _comes_from(place, text)
    assert all(nic.address_filter in (None, "") or "filterref" in text for nic in found.of(Nic))


def _comes_from(word: str, text: str) -> bool:
    """Whether each part of a value is somewhere in the definition."""
    ours = {"…", "?", "env", "interface", "device", "socket", "cls", "opd"}
    parts = {part for part in re.split(r"[\s:.\[\]]", word) if part}
    return all(part in ours or part.lower() in text.lower() for part in parts)


@given(damaged())
def test_what_a_definition_loses_is_never_gained(root: Element) -> None:
    """Subjects of facts stay unique, whatever their names became."""
    subjects = [(fact.kind_name, fact.subject) for fact in facts(read(root))]
    assert len(subjects) == len(set(subjects))


@given(st.text(max_size=300), st.sampled_from(["domain", "capabilities", "pool", "volumes"]))
def test_any_text_in_place_of_xml_is_no_fact_and_no_crash(text: str, what: str) -> None:
    raw = recorded()
    answers = {
        key: {"value": [text] if key.endswith("volumes") else text} if what in key else answer
        for key, answer in raw.answers.items()
        if not isinstance(answer.get("value"), dict)
    }
    odd = snapshot(type(raw)("libvirt", answers, raw.context))
    told = {fact.subject for fact in odd.facts}
    assert told <= {fact.subject for fact in snapshot(raw).facts}


@given(damaged())
def test_a_recording_of_a_damaged_definition_reads_the_same(root: Element) -> None:
    written = Written().domain()
    written.answers[f"domain/{uuid(1)}/xml"] = {"value": tostring(root, encoding="unicode")}
    clean = snapshot(scrubbed(written.raw))
    raw_free = {"raw_options"}  # what an argument is set to is taken out
    for one, other in zip(facts(clean), facts(written.snapshot()), strict=True):
        assert one.model_dump(exclude=raw_free) == other.model_dump(exclude=raw_free)
