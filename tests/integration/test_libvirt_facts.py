"""What real libvirtds tell of security, tags and forgotten volumes, and two of them as one pool."""

from __future__ import annotations

import json
import shlex
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from collectors.tags import COMMAND, NAMESPACE
from inventory.platform_records import Volume
from inventory.records import Disk, Guest, Host, Nic, Record, Snapshot
from lab.libvirt_lab.daemon import Host as LabHost
from lab.libvirtd import Lab
from libvirt_project import (
    collected,
    collected_again,
    collected_until_rated,
    poll,
    rates,
    source,
    usage,
    uuid_of,
)
from patience import PATIENCE_SECONDS, until
from pve_recorded import Project

pytestmark = [pytest.mark.libvirt, pytest.mark.slow]

RICH = """
<domain type='qemu' xmlns:qemu='http://libvirt.org/schemas/domain/qemu/1.0'>
  <name>rich</name>
  <memory unit='MiB'>64</memory>
  <vcpu>1</vcpu>
  <os>
    <type arch='x86_64' machine='q35'>hvm</type>
    <loader readonly='yes' secure='yes' type='pflash'>{folder}/OVMF_CODE.fd</loader>
    <nvram template='{folder}/OVMF_VARS.ms.fd'>{folder}/rich.fd</nvram>
  </os>
  <features><acpi/><smm state='on'/></features>
  <cpu mode='custom' match='exact'>
    <model>Nehalem</model>
    <feature policy='require' name='aes'/>
  </cpu>
  <devices>
    <disk type='file' device='cdrom'>
      <source file='{folder}/debian.iso'/><target dev='sda' bus='sata'/>
    </disk>
    <disk type='block' device='disk'>
      <driver name='qemu' type='raw'/><source dev='/dev/sdz'/><target dev='vda' bus='virtio'/>
    </disk>
    <disk type='network' device='disk'>
      <driver name='qemu' type='raw'/>
      <source protocol='nbd' name='x'><host name='127.0.0.1' port='10809'/></source>
      <target dev='vdb' bus='virtio'/>
    </disk>
    <filesystem type='mount' accessmode='mapped'>
      <source dir='/srv/share'/><target dir='share'/>
    </filesystem>
    <interface type='bridge'>
      <source bridge='br9'/><filterref filter='clean-traffic'/><port isolated='yes'/>
    </interface>
    <serial type='tcp'>
      <source mode='bind' host='0.0.0.0' service='4555'/><protocol type='raw'/>
    </serial>
    <channel type='unix'><target type='virtio' name='org.qemu.guest_agent.0'/></channel>
    <graphics type='vnc' autoport='yes' listen='::'/>
    <memballoon model='virtio'/>
  </devices>
  <qemu:commandline><qemu:arg value='-no-shutdown'/></qemu:commandline>
</domain>
"""


@pytest.fixture
def lab(libvirt_lab: Lab) -> Lab:
    return libvirt_lab


@pytest.fixture
def project(tmp_path: Path, lab: Lab) -> Project:
    return Project(tmp_path).configure(source(lab.host))


@contextmanager
def defined(on: LabHost, name: str, definition: str) -> Iterator[None]:
    file = on.folder / f"{name}.xml"
    file.write_text(definition)
    on.virsh("define", file)
    try:
        yield
    finally:
        on.virsh("undefine", "--keep-nvram", name)


def of_guest(found: Snapshot, kind: type[Record], guest_id: str) -> list[Any]:
    return [fact for fact in found.of(kind) if getattr(fact, "guest_id", None) == guest_id]


# Security


def test_what_the_qemu_driver_makes_of_a_definition_is_read(lab: Lab) -> None:
    folder = lab.host.folder
    with defined(lab.host, "rich", RICH.format(folder=folder)):
        found, key = poll(lab.uri), uuid_of(lab.host, "rich")
    [guest] = of_guest(found, Guest, key)
    assert guest.machine.startswith("pc-q35-")
    assert (guest.cpu_model, guest.firmware, guest.secure_boot) == ("Nehalem +aes", "uefi", True)
    assert (guest.vtpm, guest.memory_encryption, guest.confinement) == (False, "", "none")
    assert (guest.ballooning, guest.agent, guest.clipboard) == (True, True, False)
    assert (guest.raw_arguments, guest.raw_options) == (True, ("-no-shutdown",))
    assert guest.host_paths == ("/srv/share",)
    assert guest.consoles == ("serial tcp 0.0.0.0:4555", "vnc ::")
    assert guest.media == (f"{folder}/debian.iso",)
    [nic] = of_guest(found, Nic, key)
    assert (nic.address_filter, nic.isolated, nic.firewall) == ("clean-traffic", True, True)
    device, remote = of_guest(found, Disk, key)
    assert (device.host_device, device.transport_encrypted) == ("/dev/sdz", None)
    assert (remote.host_device, remote.transport_encrypted, remote.backing) == ("", False, ())


def test_a_running_guest_tells_what_it_is_known_to_have_none_of(lab: Lab) -> None:
    [guest] = of_guest(poll(lab.uri), Guest, uuid_of(lab.host, "kvm1-guest1"))
    assert (guest.os, guest.os_source) == ("http://debian.org/debian/12", "metadata")
    assert guest.cpu_model.startswith("qemu64")
    assert (guest.firmware, guest.secure_boot, guest.vtpm) == ("bios", False, False)
    assert (guest.memory_encryption, guest.confinement, guest.agent) == ("", "none", False)
    assert guest.consoles == ("vnc 127.0.0.1",)
    assert (guest.persistent, guest.ballooning, guest.raw_options) == (True, True, ())


def test_an_open_screen_a_shared_folder_and_a_chain_of_images_are_seen(lab: Lab) -> None:
    found = poll(lab.uri)
    [risky] = of_guest(found, Guest, uuid_of(lab.host, "kvm1-risky"))
    assert (risky.consoles, risky.host_paths) == (("vnc 0.0.0.0",), ("/etc",))
    assert risky.ballooning is False
    spare = lab.host.folder / "spare"
    overlay, _sparse = of_guest(found, Disk, risky.guest_id)
    assert overlay.backing == (f"{spare}/template.qcow2",)
    [top] = of_guest(found, Disk, uuid_of(lab.host, "kvm1-guest2"))
    assert top.backing == (f"{lab.host.folder}/images/kvm1-guest2.qcow2",)  # no record of it


def test_the_host_tells_what_confines_its_guests_and_what_they_share(lab: Lab) -> None:
    [host] = poll(lab.uri).of(Host)
    assert host.confinement == "none"
    told = lab.virsh("node-memory-tune")
    pages = next((line.split()[-1] for line in told.splitlines() if "_sharing" in line), None)
    assert host.ksm_shared_bytes == (None if pages is None else int(pages) * 4096)


def test_a_connection_to_a_real_host_is_used_only_when_it_was_opened_for_reading(lab: Lab) -> None:
    import libvirt

    from collectors.contract import SourceMisconfigured
    from collectors.libvirt.wire import Wire

    Wire(libvirt.openReadOnly(lab.uri)).prove_read_only()
    with pytest.raises(SourceMisconfigured, match="could write"):
        Wire(libvirt.open(lab.uri)).prove_read_only()


# Tags


def test_the_documented_command_tags_a_guest(project: Project, lab: Lab) -> None:
    checked = project.call("sources", "check")
    assert COMMAND in " ".join(checked.stdout.split())
    name = "kvm1-shut"
    command = COMMAND.replace("GUEST", name).replace("CODE", "dinkes").replace("CLASS", "publik")
    lab.virsh(*shlex.split(command)[1:])
    try:
        collected(project)
        rows = {row["name"]: row["tags"] for row in project.rows("inventory", "guests")}
        assert sorted(rows.pop(name)) == ["cls.publik", "opd.dinkes"]
        assert all(tags == [] for tags in rows.values())
        assert NAMESPACE not in project.call("sources", "check").stdout
        assert project.call("record", "kvm1", str(project.folder)).returncode == 0
        assert "dinkes" in (project.folder / "kvm1.json").read_text()
    finally:
        lab.virsh("metadata", name, "--uri", NAMESPACE, "--remove", "--config")


# Volumes


def test_a_volume_that_no_guest_refers_to_is_told_until_it_is_deleted(
    project: Project, lab: Lab
) -> None:
    for pool in ("images", "spare"):
        lab.virsh("pool-refresh", pool)
    lab.virsh("vol-create-as", "spare", "forgotten.qcow2", "3G", "--format", "qcow2")
    try:
        collected(project)
        [row] = project.rows("inventory", "volumes")
        assert row["volume_id"].endswith("/spare/forgotten.qcow2")
        assert (row["kind"], row["capacity_bytes"]) == ("qcow2", 3 << 30)
    finally:
        lab.virsh("vol-delete", "forgotten.qcow2", "--pool", "spare")
    collected(project)
    assert project.rows("inventory", "volumes") == []


def test_a_file_that_its_pool_has_not_seen_yet_is_no_volume(lab: Lab) -> None:
    for pool in ("images", "spare"):
        lab.virsh("pool-refresh", pool)
    new = lab.host.folder / "spare" / "new.raw"
    new.write_bytes(bytes(512))
    try:
        assert poll(lab.uri).of(Volume) == ()
        lab.virsh("pool-refresh", "spare")
        assert len(poll(lab.uri).of(Volume)) == 1
    finally:
        new.unlink()
        lab.virsh("pool-refresh", "spare")


# Two hosts, one pool


@contextmanager
def migrating(name: str, here: LabHost, there: LabHost) -> Iterator[subprocess.Popen[bytes]]:
    """A live migration that goes on as slowly as it can; it is over when the block has ended."""
    slow = ("--live", "--unsafe", "--bandwidth", "1", "--listen-address", "127.0.0.1")
    command = ["virsh", "-q", "-c", here.uri, "migrate", *slow, name, there.uri, "tcp://127.0.0.1"]
    with subprocess.Popen(command) as process:
        try:
            until(lambda: name in there.virsh("list", "--name").split())
            yield process
        finally:
            here.virsh("migrate-setspeed", name, "1000")
            assert process.wait(timeout=PATIENCE_SECONDS) == 0


def test_two_hosts_of_one_cluster_are_one_pool_before_during_and_after_a_migration(
    tmp_path: Path, lab: Lab
) -> None:
    there, here = lab.hosts
    name, key = "kvm2-guest1", uuid_of(here, "kvm2-guest1")
    tables = [source(h, h.tls_uri, cluster="legacy") for h in lab.hosts]
    project = Project(tmp_path).configure(*tables)
    collected(project)
    before = pool_of(project)
    with migrating(name, here, there) as migration:
        for _poll in range(2):  # the second sees what the first remembered
            collected(project)
            assert migration.poll() is None, "the migration ended too early to show anything"
        assert pool_of(project) == before
        assert place_of(project, key) == (here.uuid, "running", "kvm2")
    try:
        collected_again(project)
        assert pool_of(project) == before
        assert place_of(project, key) == (there.uuid, "running", "kvm1")
        moved = [r for r in project.rows("changes") if r["subject"].startswith("guest ")]
        assert [(r["kind"], r["old"], r["new"]) for r in moved] == [
            ("moved", "kvm2.lab.test", "kvm1.lab.test")
        ]
        assert_rates_begin_anew(project, key)
    finally:
        there.migrate(name, here)


def test_the_image_of_a_guest_that_moved_away_is_not_left_behind(tmp_path: Path, lab: Lab) -> None:
    """Both hosts see the folder; the first has no guest any more that refers to the image."""
    there, here = lab.hosts
    name, [image] = "kvm2-guest1", images(here, "kvm2-guest1")
    here.virsh("pool-refresh", "images")
    project = Project(tmp_path).configure(*(source(h, cluster="legacy") for h in lab.hosts))
    move(name, here, there)
    try:
        assert image in [one.volume_id.partition(":")[2] for one in poll(here.uri).of(Volume)]
        collected(project)
        assert image not in [path for path, _host in volumes(project)]
        assert place_of(project, uuid_of(there, name)) == (there.uuid, "running", "kvm1")
    finally:
        move(name, there, here)


def move(name: str, here: LabHost, there: LabHost) -> None:
    """A live migration after which the first host does not know the guest any more."""
    kept = ("--persistent", "--undefinesource")
    listen = ("--listen-address", "127.0.0.1")
    to = (name, there.uri, "tcp://127.0.0.1")
    here.virsh("migrate", "--live", "--unsafe", *kept, *listen, *to)


def images(of: LabHost, name: str) -> list[str]:
    return [line.split()[-1] for line in of.virsh("domblklist", name).splitlines() if "/" in line]


def volumes(project: Project) -> list[tuple[str, str]]:
    rows = project.rows("inventory", "volumes")
    return [(row["volume_id"].partition(":")[2], row["source"]) for row in rows]


def pool_of(project: Project) -> dict[str, Any]:
    """What the capacity and failover tables say of the one pool that there is."""
    rows = [row for row in project.rows("capacity") if row["resource"] != "storage"]
    assert {row["pool"] for row in rows} == {"legacy"}
    failover = [(r["pool"], r["host"]) for r in project.rows("failover")]
    assert sorted(failover) == [("legacy", "kvm1.lab.test"), ("legacy", "kvm2.lab.test")]
    return {
        f"{row['resource']}/{row['model']}": (row["raw"], row["k"], row["allocated"])
        for row in rows
    }


def place_of(project: Project, key: str) -> tuple[str, str, str]:
    [row] = [row for row in project.rows("inventory", "guests") if row["guest_id"] == key]
    return row["host_id"], row["power"], row["source"]


def assert_rates_begin_anew(project: Project, key: str) -> None:
    """The first poll on the new host gives no rate, the next one a rate of the new process."""
    on_arrival = usage(project, "guest")[key][-1]
    assert on_arrival["cpu_used_cores"] is None
    collected_until_rated(project, ("guest", key))
    newest = rates(project, "guest", key)[-1]
    assert 0 <= newest["cpu_used_cores"] <= 1.05
    assert json.dumps(newest["disk_write_bytes_per_second"]) != "null"
    assert newest["disk_write_bytes_per_second"] >= 0
