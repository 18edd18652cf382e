"""The libvirt collector on libvirt's own test driver: real calls, made-up figures."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from collectors.contract import BadAnswer, Budget, Source, SourceMisconfigured
from collectors.libvirt import LibvirtCollector, LibvirtOptions
from collectors.tags import NAMESPACE
from inventory.records import Datastore, Disk, Guest, Host, Nic, Snapshot
from lab.libvirt_node import is_off, memory_kib, vcpus, write_node
from libvirt_answers import AT, GIB, uuid
from pve_recorded import Project

pytestmark = pytest.mark.libvirt

GUESTS = 1_000


def poll(uri: str, seconds: float = 300.0) -> Snapshot:
    source = Source("fake", "libvirt", LibvirtOptions(uri=uri))
    collector = LibvirtCollector()
    return collector.parse(collector.fetch(source, Budget(seconds)), source="fake", taken_at=AT)


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> Snapshot:
    return poll(write_node(tmp_path_factory.mktemp("node") / "node.xml", GUESTS))


def test_a_thousand_guests_are_what_the_file_says(found: Snapshot) -> None:
    guests = {guest.guest_id: guest for guest in found.of(Guest)}
    assert found.guests_reported == len(guests) == GUESTS
    for number in range(GUESTS):
        guest = guests[uuid(number)]
        assert guest.name == f"vm{number}"
        assert guest.power == ("stopped" if is_off(number) else "running")
        assert guest.vcpus == vcpus(number)
        assert guest.memory_bytes == memory_kib(number) * 1024
    assert {nic.guest_id for nic in found.of(Nic)} == set(guests)


def test_disks_are_as_large_as_their_volumes(found: Snapshot) -> None:
    sizes = {disk.guest_id: disk for disk in found.of(Disk)}
    for number in range(GUESTS):
        assert sizes[uuid(number)].capacity_bytes == (number % 5 + 1) * GIB
        assert sizes[uuid(number)].allocated_bytes == 10 * 1024**2
        assert sizes[uuid(number)].datastore_id == "fake/images"
    [store] = found.of(Datastore)
    assert store.used_bytes == GUESTS * 10 * 1024**2


def test_the_host_is_what_the_file_says(found: Snapshot) -> None:
    [host] = found.of(Host)
    assert (host.cpu_cores, host.cpu_threads, host.memory_bytes) == (32.0, 64, 512 * GIB)
    assert found.platform.endswith(" (test)")


def test_no_made_up_figure_becomes_usage(found: Snapshot) -> None:
    assert (found.usage, found.counters) == ((), ())
    assert [part.reason for part in found.coverage if part.kind == "usage"] == [
        "libvirt's test driver makes its figures up; none is taken"
    ]


def test_it_is_collected_checked_and_recorded_like_any_source(tmp_path: Path) -> None:
    uri = write_node(tmp_path / "node.xml", 8)
    project = Project(tmp_path).configure(
        f'[[sources]]\nname = "fake"\nkind = "libvirt"\nuri = "{uri}"\n'
    )
    checked = project.call("sources", "check")
    assert checked.returncode == 0, checked.stdout
    assert "the platform says 8 guests, we see 8, on 1 host\n" in checked.stdout
    assert "8 × domain/…/xml" in checked.stdout
    assert "tags        no guest says whose it is" in checked.stdout
    assert f"--uri {NAMESPACE} " in checked.stdout
    assert project.call("collect").returncode == 3  # that its figures are made up is a new gap
    assert project.call("collect").returncode == 0
    assert len(project.rows("inventory", "guests")) == 8
    recorded = project.call("record", "fake", str(tmp_path / "record"))
    assert recorded.returncode == 0, recorded.stderr
    assert (tmp_path / "record" / "fake.json").stat().st_size > 0


def test_a_file_that_is_not_there_is_one_line(tmp_path: Path) -> None:
    with pytest.raises(SourceMisconfigured) as caught:
        poll(f"test://{tmp_path}/none.xml")
    assert str(caught.value).count("\n") == 0
    assert "none.xml" in str(caught.value)


def test_tags_that_libvirt_itself_wrote_into_the_metadata_are_read(tmp_path: Path) -> None:
    import libvirt

    uri = write_node(tmp_path / "node.xml", 1)
    connection = libvirt.open(uri)
    [domain] = connection.listAllDomains(0)
    domain.setMetadata(
        libvirt.VIR_DOMAIN_METADATA_ELEMENT,
        "<inventory><cls>pribadi-umum</cls><zone>dmz</zone></inventory>",
        "lumbung",
        NAMESPACE,
        libvirt.VIR_DOMAIN_AFFECT_LIVE,
    )
    (tmp_path / "tagged.xml").write_text(
        (tmp_path / "node.xml").read_text().partition("<domain")[0] + domain.XMLDesc(0) + "</node>"
    )
    [guest] = poll(f"test://{tmp_path}/tagged.xml").of(Guest)
    assert guest.tags == ("cls.pribadi-umum", "zone.dmz")


# Read-only by construction


def test_a_connection_that_could_write_is_refused_and_its_answer_is_dropped(tmp_path: Path) -> None:
    import libvirt

    from collectors.libvirt.wire import Wire

    wire = Wire(libvirt.open(write_node(tmp_path / "node.xml", 1)))
    with pytest.raises(SourceMisconfigured, match="could write") as caught:
        wire.prove_read_only()
    assert "<domain" not in repr(caught.value)
    Wire(libvirt.openReadOnly(write_node(tmp_path / "node.xml", 1))).prove_read_only()


def test_a_host_without_guests_has_no_secrets_to_ask_for(tmp_path: Path) -> None:
    import libvirt

    from collectors.libvirt.wire import Wire

    wire = Wire(libvirt.openReadOnly(write_node(tmp_path / "node.xml", 0)))
    wire.prove_read_only()
    assert wire.requests == 1


def forbidden() -> list[tuple[str, tuple[Any, ...]]]:
    return [
        ("destroy", ()), ("create", ()), ("undefine", ()), ("shutdown", ()), ("setMemory", (1,)),
        ("XMLDesc", (1,)), ("migrateToURI3", ()), ("qemuMonitorCommand", ("x", 0)),
        ("memoryStats", ()), ("__class__", ()), ("_o", ()),
    ]  # fmt: skip


@pytest.mark.parametrize(("call", "arguments"), forbidden())
def test_no_other_call_can_be_made(call: str, arguments: tuple[Any, ...], tmp_path: Path) -> None:
    from collectors.libvirt.address import Address
    from collectors.libvirt.wire import connect

    wire = connect(Address.of(write_node(tmp_path / "node.xml", 1)), Budget(300.0))
    [domain] = wire.ask("listAllDomains", 0)
    before = wire.requests
    with pytest.raises(BadAnswer, match="refused to call"):
        wire.ask_of(domain, call, *arguments)
    with pytest.raises(BadAnswer, match="refused to call"):
        wire.ask("defineXML", "<domain/>")
    assert wire.requests == before


def test_every_allowed_call_exists_in_the_binding() -> None:
    import libvirt

    from collectors.libvirt.wire import ALLOWED

    for kind, calls in ALLOWED.items():
        for call in calls:
            assert callable(getattr(getattr(libvirt, kind), call)), (kind, call)
