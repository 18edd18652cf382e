"""The images that disks stand on, the devices that they are, and volumes that are no one's."""

from __future__ import annotations

from typing import Any

import pytest

from inventory.platform_records import Volume
from inventory.records import Coverage, Datastore, Disk, GuestSnapshot, Snapshot
from libvirt_answers import GIB, HOST, Written, disk, uuid, volume

OFF = (5, 0)
STORE = f"{HOST}/images"


def one_disk(devices: str, **more: Any) -> Disk:
    [found] = Written().domain(devices=devices, **more).snapshot().of(Disk)
    return found


def left_behind(found: Snapshot) -> list[str]:
    return [fact.volume_id.removeprefix(f"{STORE}:") for fact in found.of(Volume)]


def seen(found: Snapshot, scope: str = "") -> Coverage:
    [part] = [c for c in found.coverage if (c.kind, c.scope) == ("volume", scope)]
    return part


# Chains of images


def chain(*places: str, ends: bool = True) -> str:
    inner = "<backingStore/>" if ends else ""
    for place in reversed(places):
        inner = f"<backingStore type='file'><source file='{place}'/>{inner}</backingStore>"
    return inner


def test_a_running_guest_names_all_its_images() -> None:
    found = one_disk(disk("/p/a.s2", more=chain("/p/a.s1", "/p/a.qcow2", "/gold/debian.qcow2")))
    assert found.backing == ("/p/a.s1", "/p/a.qcow2", "/gold/debian.qcow2")
    assert found.linked_clone_of == "/gold/debian.qcow2"


def test_an_image_that_stands_alone_has_none_below() -> None:
    assert one_disk(disk("/p/a.qcow2", more=chain())).backing == ()
    raw = disk("/p/a.raw").replace("qcow2", "raw", 1)
    assert one_disk(raw).backing == ()


def test_an_image_that_nothing_is_told_of_may_have_some_below() -> None:
    found = one_disk(disk("/p/a.qcow2"), state=OFF)
    assert (found.backing, found.linked_clone_of) == (None, None)


def test_volumes_tell_the_images_below_a_guest_that_is_shut_off() -> None:
    volumes = [
        volume("/images/a.s1", GIB, 1, backing="/images/a.qcow2"),
        volume("/images/a.qcow2", GIB, 1, backing="/images/base.qcow2"),
        volume("/images/base.qcow2", GIB, 1),
    ]
    written = Written().pool("images", "/images", volumes=volumes)
    found = written.domain(devices=disk("/images/a.s1"), state=OFF).snapshot()
    [on] = found.of(Disk)
    assert on.backing == ("/images/a.qcow2", "/images/base.qcow2")
    assert on.linked_clone_of == "/images/base.qcow2"
    assert [s.name for s in found.of(GuestSnapshot)] == ["s1"]  # that libvirt has no record of
    assert left_behind(found) == []


def test_a_chain_that_turns_in_a_circle_ends() -> None:
    volumes = [
        volume("/images/a", GIB, 1, backing="/images/b"),
        volume("/images/b", GIB, 1, backing="/images/a"),
    ]
    written = Written().pool("images", "/images", volumes=volumes)
    found = written.domain(devices=disk("/images/a"), state=OFF).snapshot()
    assert found.of(Disk)[0].backing == ("/images/b",)


def test_a_layer_without_a_place_leaves_open_what_is_below() -> None:
    broken = "<backingStore type='file'><format type='qcow2'/></backingStore>"
    assert one_disk(disk("/p/a.qcow2", more=broken)).backing is None


# Devices and lines


def block(path: str, device: str = "disk") -> str:
    return (
        f"<disk type='block' device='{device}'><driver type='raw'/><source dev='{path}'/>"
        "<target dev='vda'/></disk>"
    )


@pytest.mark.parametrize(
    ("devices", "device"),
    [
        (disk("/p/a"), ""),
        (block("/dev/sdb"), "/dev/sdb"),
        (block("/dev/sdb", "lun"), "/dev/sdb"),
        (block("/dev/vg/web"), ""),
        ("<disk type='block' device='disk'><target dev='vda'/></disk>", None),
        (
            (
                "<disk type='nvme' device='disk'><source type='pci' namespace='1'>"
                "<address domain='0x0000' bus='0x01' slot='0x00' function='0x0'/></source>"
                "<target dev='vda'/></disk>"
            ),
            "nvme 0000:01:00.0",
        ),
    ],
)
def test_a_disk_of_the_host_is_told_from_a_volume(devices: str, device: str | None) -> None:
    written = Written().pool("vg", "/dev/vg", kind="logical").domain(devices=devices)
    [found] = written.snapshot().of(Disk)
    assert found.host_device == device


@pytest.mark.parametrize(
    ("source", "encrypted"),
    [
        ("protocol='nbd' name='a' tls='yes'", True),
        ("protocol='nbd' name='a'", False),
        ("protocol='https' name='a'", True),
        ("protocol='iscsi' name='iqn/1'", False),
        ("protocol='rbd' name='vm/a'", None),
        ("protocol='rbd' name='vm/a' tls='odd'", None),
        ("", None),
    ],
)
def test_the_line_to_a_network_disk(source: str, encrypted: bool | None) -> None:
    inside = f"<source {source}><host name='nas1'/></source><target dev='vda'/>"
    found = one_disk(f"<disk type='network' device='disk'>{inside}</disk>")
    assert found.transport_encrypted is encrypted


def test_a_disk_that_is_reached_over_a_local_socket_or_none_has_no_line_to_judge() -> None:
    inside = "<source protocol='nbd'><host transport='unix' socket='/s'/></source><target dev='a'/>"
    assert one_disk(f"<disk type='network'>{inside}</disk>").transport_encrypted is None
    assert one_disk(disk("/p/a")).transport_encrypted is None


# Volumes that no guest refers to

VOLUMES = [
    volume("/images/used.qcow2", 2 * GIB, GIB, backing="/images/base.qcow2"),
    volume("/images/base.qcow2", 2 * GIB, GIB),
    volume("/images/debian.iso", GIB, GIB),
    volume("/images/vmlinuz", 9, 9),
    volume("/images/old.qcow2", 8 * GIB, 3 * GIB, backing="/images/old-base.qcow2"),
    volume("/images/old-base.qcow2", 8 * GIB, GIB),
]
USER = disk("/images/used.qcow2", more=chain("/images/base.qcow2")) + disk(
    "/images/debian.iso", "sda", device="cdrom"
)
KERNEL = "<os><type>hvm</type><kernel>/images/vmlinuz</kernel></os>"


def used(volumes: list[str] = VOLUMES, **more: Any) -> Written:
    written = Written().domain(devices=USER, head=KERNEL, **more)
    return written.pool("images", "/images", volumes=volumes)


def test_what_no_guest_refers_to_is_told_with_its_size() -> None:
    found = used().snapshot()
    assert left_behind(found) == ["/images/old-base.qcow2", "/images/old.qcow2"]
    old = found.of(Volume)[1]
    assert (old.capacity_bytes, old.allocated_bytes) == (8 * GIB, 3 * GIB)
    assert old.datastore_id == STORE
    assert (seen(found).state, seen(found, f"datastore/{STORE}").state) == ("complete",) * 2
    assert "last refresh" in seen(found, f"datastore/{STORE}").reason


def test_the_format_of_a_volume_is_its_kind_and_folders_are_none() -> None:
    formatted = VOLUMES[4].replace("</target>", "<format type='qcow2'/></target>")
    folder = volume("/images/folder", 1, 1).replace("type='file'", "type='dir'")
    found = used([formatted, folder]).snapshot()
    assert [fact.kind for fact in found.of(Volume)] == ["qcow2"]


def test_a_volume_named_through_its_pool_is_used() -> None:
    named = (
        "<disk type='volume' device='disk'><driver type='qcow2'/>"
        "<source pool='images' volume='old.qcow2'/><target dev='vdb'/></disk>"
    )
    found = used().domain(2, devices=named, state=OFF).snapshot()
    assert left_behind(found) == []  # the one below it is not, either


def test_what_a_snapshot_refers_to_is_used() -> None:
    written = used()
    written.answers["domains/with_snapshots"]["value"].append(uuid(1))
    record = (
        "<domainsnapshot><name>s</name><memory snapshot='external' file='{}'/></domainsnapshot>"
    )
    saved = [record.format(f"/images/{name}") for name in ("old.qcow2",)]
    written.answers[f"domain/{uuid(1)}/snapshots"] = {"value": saved}
    assert left_behind(written.snapshot()) == []


def test_what_a_guest_that_moved_away_left_defined_is_used() -> None:
    found = used().domain(2, devices=disk("/images/old.qcow2"), state=(5, 4)).snapshot()
    assert left_behind(found) == []


@pytest.mark.parametrize(
    ("key", "answer", "says"),
    [
        (
            f"domain/{uuid(1)}/xml",
            {"error": "access denied", "code": 88},
            "definition was not read: vm1",
        ),
        ("domains", {"error": "no answer"}, "no answer"),
        ("domains/with_snapshots", {"error": "no answer"}, "no answer"),
        ("pools", {"error": "no answer within 9 s"}, "no answer within 9 s"),
    ],
)
def test_nothing_is_called_unused_while_a_definition_is_missing(
    key: str, answer: dict[str, Any], says: str
) -> None:
    written = used()
    written.answers[key] = answer
    found = written.snapshot()
    assert found.of(Volume) == ()
    assert seen(found).state == "partial"
    assert says in seen(found).reason


def test_nothing_is_called_unused_while_snapshots_are_missing() -> None:
    written = used()
    written.answers["domains/with_snapshots"]["value"].append(uuid(1))
    assert written.snapshot().of(Volume) == ()
    assert "snapshots that were not read: vm1" in seen(written.snapshot()).reason


def test_nothing_is_called_unused_while_images_may_stand_on_it() -> None:
    found = used().domain(2, devices=disk("/home/x/new.qcow2"), state=OFF).snapshot()
    assert found.of(Volume) == ()
    assert seen(found).reason == "any may be below the images of vm2 vda"


def test_shared_storage_is_left_to_all_of_its_hosts() -> None:
    export = "<host name='nas1'/><dir path='/export/vm'/>"
    written = Written().pool("nas", "/nas", kind="netfs", source=export, volumes=VOLUMES)
    found = written.snapshot()
    assert found.of(Volume) == ()
    hidden = seen(found, "datastore/nas1:/export/vm")
    assert "other hosts" in hidden.reason
    assert hidden.is_beyond_reach


def test_partitions_and_luns_are_no_images() -> None:
    lun = [volume("/dev/disk/by-path/lun-1", GIB, GIB)]
    found = Written().pool("san", "/dev/disk/by-path", kind="scsi", volumes=lun).snapshot()
    assert found.of(Volume) == ()


def test_an_old_or_sleeping_pool_is_no_complete_list() -> None:
    old = used([*VOLUMES, ""]).snapshot()
    assert "virsh pool-refresh images" in seen(old, f"datastore/{STORE}").remedy
    asleep = Written().pool("spare", "/spare", None).snapshot()
    assert seen(asleep, f"datastore/{HOST}/spare").remedy == "virsh pool-start spare"
    silent = used()
    silent.answers["pool/images/volumes"] = {"error": "no answer"}
    assert seen(silent.snapshot(), f"datastore/{STORE}").state == "failed"


def test_two_pools_on_one_file_system_tell_each_volume_once() -> None:
    written = Written().pool("images", "/images", volumes=[volume("/images/a", 1, 1)])
    written.pool("again", "/images", volumes=[volume("/images/a", 1, 1)])
    assert len(written.snapshot().of(Volume)) == 1


# During a migration


def test_the_copy_that_a_migration_fills_is_not_counted_before_it_runs() -> None:
    for state in ((3, 11), (3, 2)):
        arriving = Written().domain(state=state, persistent=False)
        arriving.answers |= {"domains/active": {"value": 1}, "domains/inactive": {"value": 0}}
        found = arriving.snapshot()
        assert (found.guests_reported, [f.kind_name for f in found.facts]) == (0, ["host"])
        assert {counter.entity for counter in found.counters} == {"host"}
    leaving = Written().domain(state=(3, 2), persistent=True).snapshot()
    assert "guest" in {fact.kind_name for fact in leaving.facts}


def test_a_paused_guest_that_nothing_says_is_arriving_counts() -> None:
    written = Written().domain(state=(3, 1), persistent=False)
    assert "guest" in {fact.kind_name for fact in written.snapshot().facts}
    unsaid = Written().domain(state=(3, 2), persistent=False)
    unsaid.answers["domains/persistent"] = {"error": "no answer"}
    assert "guest" in {fact.kind_name for fact in unsaid.snapshot().facts}


# Who may read an image, and how it is encrypted


def with_mode(xml: str, mode: str) -> str:
    return xml.replace("</target>", f"<permissions><mode>{mode}</mode></permissions></target>")


@pytest.mark.parametrize(
    ("mode", "bits"), [("0600", 0o600), ("0100644", 0o644), ("rw", None), ("9", None)]
)
def test_the_permissions_of_an_image_and_of_its_folder(mode: str, bits: int | None) -> None:
    written = Written().pool("images", "/images")
    pool = written.answers["pool/images/xml"]
    pool["value"] = with_mode(pool["value"], mode)
    written.answers["pool/images/volumes"]["value"] = [
        with_mode(volume("/images/a.qcow2", GIB, GIB), mode)
    ]
    found = written.domain(devices=disk("/images/a.qcow2")).snapshot()
    assert [one.file_mode for one in found.of(Disk)] == [bits]
    assert [one.folder_mode for one in found.of(Datastore)] == [bits]


@pytest.mark.parametrize("form", ["luks", "qcow"])
def test_how_qemu_encrypts_a_disk(form: str) -> None:
    stated = f"<encryption format='{form}'/>"
    beside = one_disk(disk("/p/a.qcow2", more=stated))
    within = one_disk(disk("/p/a.qcow2").replace("a.qcow2'/>", f"a.qcow2'>{stated}</source>"))
    assert beside.encryption == within.encryption == form
    assert beside.encrypted is within.encrypted is True
    assert one_disk(disk("/p/a.qcow2")).encryption == ""
