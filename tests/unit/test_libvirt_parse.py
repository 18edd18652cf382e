"""What libvirt's answers mean: facts, figures, and what they do not say."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from collectors.contract import Raw
from collectors.scrub import scrubbed
from conftest import SHARED
from inventory.records import (
    Coverage,
    Datastore,
    Disk,
    Guest,
    GuestSnapshot,
    Host,
    Nic,
    Record,
    Snapshot,
    Usage,
)
from libvirt_answers import AT, GIB, HOST, Written, disk, recorded, snapshot, uuid, volume

MIB = 1024**2


def only(kind: type[Record], found: Snapshot) -> Any:
    [fact] = found.of(kind)
    return fact


def gap(found: Snapshot, scope: str, kind: str) -> Coverage | None:
    return next(
        (c for c in found.coverage if (c.scope, c.kind) == (scope, kind) and c.is_gap), None
    )


def usage_of(found: Snapshot, entity_id: str) -> Usage | None:
    return next((sample for sample in found.usage if sample.entity_id == entity_id), None)


def rates_of(found: Snapshot, entity_id: str) -> dict[str, float]:
    return {c.metric: c.value * c.scale for c in found.counters if c.entity_id == entity_id}


# The recorded host


def test_the_recorded_host_is_what_it_was() -> None:
    found = snapshot(recorded())
    host = only(Host, found)
    assert (host.host_id, host.name, host.cluster) == (HOST, "kvm1.example", "kvm1.example")
    assert (host.cpu_cores, host.cpu_threads) == (2.0, 2)
    assert host.memory_bytes == 24684084 * 1024
    assert (host.transport, host.transport_encrypted) == ("unix", True)
    assert found.platform == "libvirt 9.0.0, QEMU 7.2.22 (unix)"
    assert found.guests_reported == 5
    assert {g.name: (g.power, g.vcpus, g.memory_bytes // MIB) for g in found.of(Guest)} == {
        "lab-h1-vm1": ("running", 1.0, 128),
        "lab-h1-vm2": ("running", 1.0, 128),
        "lab-h1-vm3": ("paused", 1.0, 128),
        "off-h1": ("stopped", 1.0, 256),
        "risky-h1": ("stopped", 2.0, 512),
    }


def test_the_recorded_disks_have_the_sizes_of_their_images() -> None:
    found = snapshot(recorded())
    names = {guest.guest_id: guest.name for guest in found.of(Guest)}
    disks = {(names[d.guest_id], d.slot): d for d in found.of(Disk)}
    assert {key: (d.capacity_bytes, d.allocated_bytes) for key, d in disks.items()} == {
        ("lab-h1-vm1", "vda"): (GIB, 528384),
        ("lab-h1-vm2", "vda"): (GIB, 4780032),
        ("lab-h1-vm3", "vda"): (GIB, 4911104),
        ("off-h1", "vda"): (64 * MIB, 208896),
        ("risky-h1", "vda"): (10 * GIB, 200704),
        ("risky-h1", "vdb"): (5 * GIB, 0),
    }
    assert {d.datastore_id for d in disks.values()} == {f"{HOST}/lab"}
    risky = disks["risky-h1", "vda"]
    assert (risky.cache, risky.linked_clone_of) == ("unsafe", "/srv/lab/h1/pool/thin.qcow2")
    assert disks["lab-h1-vm1", "vda"].linked_clone_of == ""


def test_a_snapshot_without_a_record_shows_in_the_image_chain() -> None:
    found = {s.name: s for s in snapshot(recorded()).of(GuestSnapshot)}
    assert set(found) == {"before-upgrade", "snap1"}
    assert found["before-upgrade"].created_at is None
    assert found["snap1"].created_at is not None
    assert found["snap1"].memory_state is False


def test_the_cpu_time_of_a_shut_off_guest_is_the_daemons_own() -> None:
    raw, found = recorded(), snapshot(recorded())
    off = next(g.guest_id for g in found.of(Guest) if g.name == "risky-h1")
    assert raw.answers["statistics/all"]["value"][off]["cpu.time"] > 0
    assert rates_of(found, off) == {}
    use = usage_of(found, off)
    assert use is not None  # its disks lie there all the same
    assert (use.cpu_used_cores, use.memory_used_bytes) == (None, None)
    assert use.storage_used_bytes is not None


@pytest.mark.skipif(not (SHARED / "libvirt").exists(), reason="no recorded statistics at hand")
def test_recorded_statistics_of_another_host_give_plausible_figures() -> None:
    rows = json.loads((SHARED / "libvirt" / "domain-stats.json").read_text())
    written = Written()
    written.answers["statistics/all"]["at"] = 1795462400.0
    nic = "<interface type='bridge'><source bridge='br0'/></interface>"
    for number, (name, fields) in enumerate(sorted(rows.items()), 1):
        slots = [fields[f"block.{i}.name"] for i in range(fields.get("block.count", 0))]
        drives = "".join(disk(f"/srv/{name}-{slot}", slot) for slot in slots)
        state = (fields["state.state"], fields["state.reason"])
        written.domain(number, drives + nic * fields.get("net.count", 0), state=state)
        written.answers["statistics/all"]["value"][uuid(number)] = fields
    found = written.snapshot()
    for number, (name, fields) in enumerate(sorted(rows.items()), 1):
        rates, sample = rates_of(found, uuid(number)), usage_of(found, uuid(number))
        if fields["state.state"] == 5:
            assert (rates, sample) == ({}, None), name
            continue
        assert rates["cpu_used_cores"] == pytest.approx(fields["vcpu.0.time"] / 1e9)
        assert rates["disk_write_bytes_per_second"] == fields["block.0.wr.bytes"]
        assert rates["net_in_bytes_per_second"] == fields["net.0.rx.bytes"]
        used = (fields["balloon.available"] - fields["balloon.usable"]) * 1024
        assert sample is not None
        assert sample.memory_used_bytes == used


# The host


def test_threads_of_one_core_are_one_core() -> None:
    written = Written()
    cpus = "".join(f"<cpu id='{i}' siblings='{i % 8},{i % 8 + 8}'/>" for i in range(16))
    written.answers["host/capabilities"]["value"] = (
        f"<capabilities><host><uuid>{HOST}</uuid><topology><cells><cell id='0'><cpus>{cpus}</cpus>"
        "</cell></cells></topology></host></capabilities>"
    )
    # What a host whose topology libvirt cannot tell says of itself: one socket, no threads.
    written.answers["host/info"]["value"] = ["x86_64", 1000, 16, 2600, 1, 1, 16, 1]
    host = only(Host, written.snapshot())
    assert (host.cpu_cores, host.cpu_threads) == (8.0, 16)


def test_a_topology_of_other_processors_is_not_believed() -> None:
    written = Written()
    written.answers["host/info"]["value"] = ["x86_64", 1000, 64, 2600, 2, 1, 16, 2]
    assert only(Host, written.snapshot()).cpu_cores == 32.0


def test_memory_of_the_numa_nodes_stands_in_only_where_there_is_no_other_figure() -> None:
    written = Written()
    written.answers["host/memory"] = {"error": "this function is not supported", "code": 3}
    assert (
        only(Host, written.snapshot()).memory_bytes
        == written.answers["host/info"]["value"][1] * MIB
    )
    written.answers["host/memory"] = {"error": "cannot open /proc/meminfo", "code": 38}
    found = written.snapshot()
    assert only(Host, found).memory_bytes is None
    refused = gap(found, f"host/{HOST}", "host")
    assert refused is not None
    assert "cannot open /proc/meminfo" in refused.reason


def test_the_configured_cluster_wins() -> None:
    written = Written().domain()
    written.context["cluster"] = "legacy"
    assert {fact.cluster for fact in written.snapshot().facts} == {"legacy"}


def test_a_host_that_does_not_say_which_it_is_leaves_everything_as_it_was() -> None:
    written = Written().domain()
    written.answers["host/capabilities"] = {"error": "internal error", "code": 1}
    found = written.snapshot()
    assert (found.facts, found.usage, found.counters) == ((), (), ())
    assert {part.state for part in found.coverage} == {"failed"}


def test_memory_that_guests_share_is_no_cache() -> None:
    backing = "<memoryBacking><source type='memfd'/><access mode='shared'/></memoryBacking>"
    memory = "<memory unit='KiB'>1048576</memory><vcpu>2</vcpu>"
    plain, shared = Written(), Written()
    plain.domain(head=memory, balloon__rss=600_000)
    shared.domain(head=memory + backing, balloon__rss=600_000)
    used = [usage_of(w.snapshot(), HOST) for w in (plain, shared)]
    assert used[1].memory_used_bytes - used[0].memory_used_bytes == 600_000 * 1024  # type: ignore[union-attr, operator]


# Guests


@pytest.mark.parametrize(
    ("state", "power"),
    [
        ((1, 1), "running"), ((2, 0), "running"), ((3, 1), "paused"), ((3, 2), "paused"),
        ((4, 1), "running"), ((5, 0), "stopped"), ((5, 1), "stopped"), ((6, 1), "stopped"),
        ((7, 0), "paused"), ((0, 0), None),
    ],
)  # fmt: skip
def test_power_states(state: tuple[int, int], power: str | None) -> None:
    assert only(Guest, Written().domain(state=state).snapshot()).power == power


def test_a_guest_that_moved_to_another_host_is_none_of_this_one() -> None:
    written = Written().domain(1).domain(2, state=(5, 4))
    written.answers["domains/active"] = {"value": 1}
    written.answers["domains/inactive"] = {"value": 1}
    found = written.snapshot()
    assert only(Guest, found).name == "vm1"
    assert found.guests_reported == 1


def test_a_guest_that_went_during_the_poll_is_no_gap() -> None:
    written = Written().domain(1).domain(2)
    written.answers[f"domain/{uuid(2)}/xml"] = {"error": "Domain not found", "code": 42}
    found = written.snapshot()
    assert only(Guest, found).name == "vm1"
    assert gap(found, f"guest/{uuid(2)}", "guest") is None


def test_a_guest_whose_xml_was_refused_is_listed_with_what_is_known() -> None:
    written = Written().domain(1)
    written.answers[f"domain/{uuid(1)}/xml"] = {"error": "access denied", "code": 88}
    found = written.snapshot()
    guest = only(Guest, found)
    assert (guest.name, guest.power) == ("vm1", "running")
    unseen = ("vcpus", "memory_bytes", "os", "raw_arguments", "passthrough")
    assert all(getattr(guest, name) is None for name in unseen)
    for kind in ("guest", "disk", "nic"):
        refused = gap(found, f"guest/{uuid(1)}", kind)
        assert refused is not None
        assert refused.reason == "access denied"


def test_sizes_are_what_is_plugged_in_and_the_most_the_balloon_gives() -> None:
    head = (
        "<memory unit='GiB'>8</memory><currentMemory unit='MiB'>2048</currentMemory>"
        "<vcpu current='3'>16</vcpu>"
    )
    guest = only(Guest, Written().domain(head=head).snapshot())
    assert (guest.vcpus, guest.memory_bytes, guest.memory_min_bytes) == (3.0, 8 * GIB, 2 * GIB)


def test_what_binds_a_guest_to_its_host_is_named() -> None:
    devices = (
        "<hostdev mode='subsystem' type='pci'><source><address domain='0x0000' bus='0x06' "
        "slot='0x12' function='0x5'/></source></hostdev>"
        "<hostdev mode='subsystem' type='usb'><source><vendor id='0x0951'/><product id='0x1666'/>"
        "</source></hostdev>"
        "<interface type='direct'><source dev='eth2' mode='passthrough'/></interface>"
        "<interface type='direct'><source dev='eth3' mode='bridge'/></interface>"
    )
    found = only(Guest, Written().domain(devices=devices).snapshot())
    assert found.passthrough == ("interface eth2", "pci 0000:06:12.5", "usb 0951:1666")


def test_raw_arguments_are_seen() -> None:
    head = (
        "<qemu:commandline xmlns:qemu='http://libvirt.org/schemas/domain/qemu/1.0'>"
        "<qemu:arg value='-s'/></qemu:commandline>"
    )
    assert only(Guest, Written().domain(head=head).snapshot()).raw_arguments is True
    assert only(Guest, Written().domain().snapshot()).raw_arguments is False


# Disks


def test_media_are_no_disks() -> None:
    devices = disk("/iso/debian.iso", "sda", device="cdrom") + disk("/a", "fda", device="floppy")
    assert Written().domain(devices=devices).snapshot().of(Disk) == ()


@pytest.mark.parametrize(("state", "taken"), [((1, 1), 30), ((5, 0), 20)])
def test_what_a_disk_takes_is_told_by_another_field_when_it_runs(
    state: tuple[int, int], taken: int
) -> None:
    figures = {
        "block__0__name": "vda", "block__0__capacity": 100, "block__0__allocation": 20,
        "block__0__physical": 30,
    }  # fmt: skip
    found = Written().domain(devices=disk("/srv/a.qcow2"), state=state, **figures).snapshot()
    assert (only(Disk, found).capacity_bytes, only(Disk, found).allocated_bytes) == (100, taken)


def test_a_disk_without_figures_has_no_size() -> None:
    found = only(Disk, Written().domain(devices=disk("/srv/a.qcow2"), state=(5, 0)).snapshot())
    assert (found.capacity_bytes, found.allocated_bytes) == (None, None)


def test_encryption_below_qemu_is_not_guessed() -> None:
    clear = only(Disk, Written().domain(devices=disk("/srv/a")).snapshot())
    inside = "<encryption format='luks'><secret type='passphrase' uuid='x'/></encryption>"
    luks = only(Disk, Written().domain(devices=disk("/srv/a", more=inside)).snapshot())
    assert (clear.encrypted, luks.encrypted) == (None, True)


@pytest.mark.parametrize(
    ("top", "below", "clone_of", "snapshots"),
    [
        ("/p/web.before-upgrade", "/p/web.qcow2", "", {"before-upgrade"}),
        ("/p/web.2026.01", "/p/web.img", "", {"2026.01"}),
        ("/p/web.qcow2", "/p/debian12.qcow2", "/p/debian12.qcow2", set()),
        ("/p/web.qcow2", "/p/web.raw", "/p/web.raw", set()),
        ("/p/web.snap", "/golden/web.qcow2", "/golden/web.qcow2", set()),
    ],
)
def test_a_clone_is_told_from_a_snapshot(
    top: str, below: str, clone_of: str, snapshots: set[str]
) -> None:
    chain = f"<backingStore><source file='{below}'/><backingStore/></backingStore>"
    found = Written().domain(devices=disk(top, more=chain)).snapshot()
    assert only(Disk, found).linked_clone_of == clone_of
    assert {s.name for s in found.of(GuestSnapshot)} == snapshots


def test_a_disk_in_no_pool_is_said_to_be() -> None:
    found = Written().domain(devices=disk("/home/x/a.qcow2")).pool("images", "/images").snapshot()
    assert only(Disk, found).datastore_id is None
    outside = gap(found, f"guest/{uuid(1)}", "datastore")
    assert outside is not None
    assert "vda" in outside.reason


# Interfaces


def test_an_interface_is_known_by_its_address() -> None:
    devices = (
        "<interface type='network'><mac address='52:54:00:aa:bb:cc'/>"
        "<source network='prod' bridge='virbr1'/><vlan><tag id='42'/></vlan>"
        "<model type='virtio'/><link state='down'/><filterref filter='clean-traffic'/></interface>"
    )
    nic = only(Nic, Written().domain(devices=devices).snapshot())
    assert nic.nic_id == f"{uuid(1)}/52:54:00:AA:BB:CC"
    assert (nic.network, nic.vlan, nic.firewall, nic.link_down) == ("prod", 42, True, True)


def test_the_tag_of_a_virtual_network_shows_only_while_the_guest_runs() -> None:
    off = "<interface type='network'><source network='prod'/></interface>"
    bridged = "<interface type='bridge'><source bridge='br0'/></interface>"
    assert only(Nic, Written().domain(devices=off).snapshot()).vlan is None
    assert only(Nic, Written().domain(devices=bridged).snapshot()).vlan == 0


# Datastores


def test_two_folders_on_one_file_system_are_one_datastore() -> None:
    written = Written().pool("images", "/var/lib/images", (100 * GIB, 30 * GIB))
    written.pool("iso", "/var/lib/iso", (100 * GIB, 30 * GIB + 4096))
    store = only(Datastore, written.snapshot())
    assert (store.name, store.aliases) == ("kvm1.example/images", ("iso",))
    assert (store.capacity_bytes, store.used_bytes) == (100 * GIB, 30 * GIB + 4096)


def test_a_folder_in_another_ones_file_system_is_the_same_datastore() -> None:
    written = (
        Written().pool("a", "/srv", (100 * GIB, 0)).pool("b", "/srv/iso", (100 * GIB, 9 * GIB))
    )
    assert only(Datastore, written.snapshot()).aliases == ("b",)


@pytest.mark.parametrize("fills", [(10 * GIB, 60 * GIB), (4096, 4096)])
def test_twin_disks_are_two_datastores(fills: tuple[int, int]) -> None:
    written = Written().pool("one", "/mnt/1", (100 * GIB, fills[0]))
    written.pool("two", "/mnt/2", (100 * GIB, fills[1]))
    assert len(written.snapshot().of(Datastore)) == 2


def test_a_shared_export_is_the_same_datastore_on_every_host() -> None:
    export = "<host name='nas1'/><dir path='/export/vm'/>"
    one = Written().pool("vm", "/mnt/vm", kind="netfs", source=export)
    other = Written().pool("images", "/images", kind="netfs", source=export)
    stores = [only(Datastore, written.snapshot()) for written in (one, other)]
    assert {store.datastore_id for store in stores} == {"nas1:/export/vm"}
    assert {store.shared for store in stores} == {True}


def test_a_pool_that_is_not_active_is_a_gap_and_not_empty() -> None:
    found = Written().pool("spare", "/spare", None).snapshot()
    store = only(Datastore, found)
    assert (store.capacity_bytes, store.used_bytes, store.enabled) == (None, None, None)
    asleep = gap(found, f"datastore/{HOST}/spare", "datastore")
    assert asleep is not None
    assert asleep.remedy == "virsh pool-start spare"
    assert usage_of(found, store.datastore_id) is None


def test_a_disk_among_no_volumes_proves_an_old_pool() -> None:
    written = Written().domain(devices=disk("/images/new.qcow2"))
    fresh = volume("/images/new.qcow2", GIB, 1)
    seen = written.pool("images", "/images", volumes=[fresh]).snapshot()
    assert gap(seen, f"datastore/{HOST}/images", "datastore") is None
    old = written.pool("images", "/images", volumes=[]).snapshot()
    outdated = gap(old, f"datastore/{HOST}/images", "datastore")
    assert outdated is not None
    assert "virsh pool-refresh images" in outdated.remedy


def test_the_size_of_a_disk_of_a_guest_that_is_off_comes_from_its_volume() -> None:
    shown = volume("/images/a.qcow2", 20 * GIB, 3 * GIB, backing="/images/base.qcow2")
    written = Written().domain(devices=disk("/images/a.qcow2"), state=(5, 0))
    found = only(Disk, written.pool("images", "/images", volumes=[shown]).snapshot())
    assert (found.capacity_bytes, found.allocated_bytes) == (20 * GIB, 3 * GIB)
    assert found.linked_clone_of == "/images/base.qcow2"


# Usage


def balloon(**more: Any) -> dict[str, Any]:
    told = {"last-update": int(AT.timestamp()) - 5, "available": 1000, "usable": 600, "unused": 500}
    return {f"balloon__{name}": value for name, value in (told | more).items()}


def test_memory_of_a_guest_leaves_out_its_cache() -> None:
    sample = usage_of(Written().domain(**balloon()).snapshot(), uuid(1))
    assert sample is not None
    assert sample.memory_used_bytes == 400 * 1024


@pytest.mark.parametrize(
    "told", [{"last-update": 0}, {"last-update": 627319920}, {"usable": None}, {"usable": 2000}]
)
def test_memory_that_the_guest_does_not_tell_is_not_known(told: dict[str, Any]) -> None:
    assert usage_of(Written().domain(**balloon(**told)).snapshot(), uuid(1)) is None


def test_memory_statistics_that_are_off_are_told_with_the_command_that_turns_them_on() -> None:
    devices = "<memballoon model='virtio'><stats period='10'/></memballoon>"
    assert gap(Written().domain(devices=devices).snapshot(), f"guest/{uuid(1)}", "usage") is None
    off = gap(Written().domain().snapshot(), f"guest/{uuid(1)}", "usage")
    assert off is not None
    assert "virsh dommemstat" in off.remedy


def test_counters_belong_to_one_start_of_a_guest() -> None:
    times = {"vcpu__current": 2, "vcpu__0__time": 5, "vcpu__1__time": 7, "cpu__time": 99}
    series = [
        {
            c.series
            for c in Written().domain(domain_id=i, **times).snapshot().counters
            if c.entity == "guest"
        }
        for i in (7, 8)
    ]
    assert series[0]
    assert not series[0] & series[1]


def test_processor_time_is_the_guests_own_and_without_qemus() -> None:
    times = {"vcpu__current": 2, "vcpu__0__time": 5e9, "vcpu__1__time": 7e9, "cpu__time": 99e9}
    assert rates_of(Written().domain(**times).snapshot(), uuid(1)) == {"cpu_used_cores": 12.0}
    whole = {"cpu__time": 99e9}
    assert rates_of(Written().domain(**whole).snapshot(), uuid(1)) == {"cpu_used_cores": 99.0}


def test_bytes_are_summed_over_devices_and_only_when_all_tell() -> None:
    nics = "<interface type='bridge'><source bridge='br0'/></interface>" * 2
    one = {
        "net__count": 2,
        "net__0__name": "vnet0",
        "net__0__rx__bytes": 5,
        "net__1__name": "vnet1",
    }
    both = one | {"net__1__rx__bytes": 7}
    assert rates_of(Written().domain(devices=nics, **one).snapshot(), uuid(1)) == {}
    assert rates_of(Written().domain(devices=nics, **both).snapshot(), uuid(1)) == {
        "net_in_bytes_per_second": 12
    }


def test_a_stuck_monitor_is_named_and_costs_only_its_own_figures() -> None:
    written = Written()
    written.domain(1, disk("/a"), silent=True, domain_id=3)
    partial = {
        "state.state": 1,
        "state.reason": 1,
        "cpu.time": 5,
        "vcpu.current": 1,
        "vcpu.0.time": 4,
    }
    written.answers["statistics/all"]["value"][uuid(1)] = partial
    written.answers[f"domain/{uuid(1)}/control"] = {"value": [2, 0, 26089]}
    written.domain(2, disk("/b"), block__0__name="vda", block__0__capacity=GIB)
    found = written.snapshot()
    stuck = gap(found, f"guest/{uuid(1)}", "usage")
    assert stuck is not None
    assert stuck.reason == "the QEMU monitor of vm1 does not answer"
    assert gap(found, f"guest/{uuid(1)}", "disk") is not None  # its size stays as it was known
    assert gap(found, f"guest/{uuid(2)}", "disk") is None
    assert "cpu_used_cores" in rates_of(found, uuid(1))


def test_statistics_that_never_came_are_a_gap_of_every_guest_that_runs() -> None:
    written = Written().domain(1, disk("/a")).domain(2, state=(5, 0))
    written.answers["statistics/all"] = {"error": "no answer within 24 s"}
    found = written.snapshot()
    silent = gap(found, f"guest/{uuid(1)}", "usage")
    assert silent is not None
    assert (silent.state, silent.reason) == ("failed", "no answer within 24 s")
    assert gap(found, f"guest/{uuid(2)}", "usage") is None
    assert only_names(found) == {"vm1": "running", "vm2": "stopped"}


def only_names(found: Snapshot) -> dict[str | None, str | None]:
    return {guest.name: guest.power for guest in found.of(Guest)}


def test_nothing_the_test_driver_measures_is_a_sample() -> None:
    written = Written().domain(cpu__time=5, **balloon()).pool("p", "/p")
    written.answers["connection/driver"] = {"value": "TEST"}
    found = written.snapshot(source="fake")
    assert (found.usage, found.counters) == ((), ())
    assert only(Host, found).host_id == "fake"
    assert only(Guest, found).raw_arguments is None
    made_up = gap(found, "", "usage")
    assert made_up is not None


# Scrubbing


def test_a_scrubbed_answer_is_still_xml_and_tells_nothing_personal() -> None:
    private = (
        "<title>Budi's server</title><description>root / geheim</description>"
        "<metadata><libosinfo:libosinfo xmlns:libosinfo='http://libosinfo.org/xmlns/libvirt/"
        "domain/1.0'><libosinfo:os id='http://debian.org/debian/12'/></libosinfo:libosinfo>"
        "<app:data xmlns:app='urn:x'>NIK 3271012345</app:data></metadata>"
        "<sysinfo type='fwcfg'><entry name='opt/x'>ignition hunter0</entry></sysinfo>"
        "<os><cmdline>rd.luks.key=hunter1</cmdline></os><memory unit='KiB'>1024</memory>"
        "<qemu:commandline xmlns:qemu='http://libvirt.org/schemas/domain/qemu/1.0'>"
        "<qemu:arg value='-object secret,id=s,data=hunter2'/></qemu:commandline>"
    )
    devices = (
        "<graphics type='vnc' listen='0.0.0.0' passwd='hunter3 and more'/>"
        "<disk type='network' device='disk'><source protocol='rbd' name='vm/a'/>"
        "<auth username='budi'><secret type='ceph' uuid='x'/></auth><target dev='vda'/></disk>"
    )
    written = Written().domain(head=private, devices=devices)
    clean = scrubbed(written.raw)
    text = json.dumps(clean.answers)
    for secret in ("Budi", "budi", "geheim", "NIK", "hunter", "and more"):
        assert secret not in text
    guest = only(Guest, snapshot(clean))
    assert (guest.os, guest.raw_arguments) == ("http://debian.org/debian/12", True)
    assert guest.hints is None  # what is gone cannot be looked into
    as_looked_into = guest.model_copy(update={"hints": ()})
    facts = [as_looked_into if fact == guest else fact for fact in snapshot(clean).facts]
    assert tuple(facts) == written.snapshot().facts


def test_a_recording_survives_scrubbing() -> None:
    raw: Raw = recorded()
    assert snapshot(scrubbed(raw)) == snapshot(raw)


@pytest.mark.parametrize(
    ("context", "told"),
    [
        ({"transport": "ssh", "could_write": False}, ()),
        ({"transport": "ssh", "could_write": True}, ("write over ssh",)),
        ({"transport": "ssh"}, None),
        ({"transport": "unix", "could_write": "yes"}, None),
        ({"transport": "test"}, ()),
    ],
)
def test_credentials_that_could_write_are_told(
    context: dict[str, Any], told: tuple[str, ...] | None
) -> None:
    raw = replace(Written().raw, context=Written().raw.context | {"could_write": None} | context)
    assert snapshot(raw).excess_rights == told


@pytest.mark.parametrize("transport", ["tls", "tcp"])
def test_libvirt_knows_no_reader_over_tls(transport: str) -> None:
    raw = replace(Written().raw, context=Written().raw.context | {"transport": transport})
    [told] = snapshot(raw).excess_rights or ()
    assert told.startswith("write: ")
