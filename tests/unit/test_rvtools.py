"""RVTools workbooks: what each sheet tells, what is refused, and how exports make a history."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from collectors.contract import BadAnswer, Budget, KeptAnswer, Raw, Source, Unreachable
from collectors.rvtools import RvtoolsCollector, RvtoolsOptions
from collectors.rvtools.dates import guessed_at
from inventory.platform_records import GuestFilesystem
from inventory.records import Datastore, Disk, Guest, GuestSnapshot, Host, Nic, Snapshot
from rvtools_book import COLUMNS, GIB, Book, Vm, host, store, uuid_of

JAKARTA = ZoneInfo("Asia/Jakarta")
MIB = 1024**2
TAKEN = datetime(2026, 11, 22, 10, 0, tzinfo=JAKARTA)
PLAIN = "2026/11/22 10:00:00"


def raw_of(
    *books: Book, cluster: str | None = None, before: list[dict[str, Any]] | None = None
) -> Raw:
    """What a fetch of these workbooks gives, as it would be replayed from a record."""
    answers = {
        f"{number}.xlsx": {"modified_at": 1.7e9 + number, "bytes": 1, "sheets": book.tables()}
        for number, book in enumerate(books, 1)
    }
    context = {"cluster": cluster, "zone": "Asia/Jakarta", "before": before or [], "waiting": 0}
    return Raw("rvtools", json.loads(json.dumps(answers, default=str)), context)


def parsed(*books: Book, **more: Any) -> Snapshot:
    return RvtoolsCollector().parse(raw_of(*books, **more), source="vc", taken_at=TAKEN)


def only(found: Snapshot, kind: type[Any]) -> Any:
    facts = found.of(kind)
    assert len(facts) == 1
    return facts[0]


def fetched(path: Path, kept: dict[str, KeptAnswer] | None = None, **options: Any) -> Raw:
    source = Source(
        "vc", "rvtools", RvtoolsOptions(path=path, **options), zone=JAKARTA, kept=kept or {}
    )
    return RvtoolsCollector().fetch(source, Budget(300))


def test_a_host_has_its_physical_cores_and_its_memory_in_bytes() -> None:
    found = only(parsed(Book.of([], hosts=[host()])), Host)
    assert (found.cpu_cores, found.cpu_threads, found.cpu_sockets) == (32, 64, 2)
    assert found.memory_bytes == 512 * 1024**3
    assert (found.cluster, found.status, found.platform) == ("VC-A", "in_service", "vmware")
    assert found.booted_at == datetime(2026, 1, 4, 20, 0, tzinfo=UTC)


def test_a_host_in_maintenance_is_so_and_one_outside_a_cluster_is_its_own() -> None:
    book = Book.of([], hosts=[host("esx9", "", **{"in Maintenance Mode": True})])
    found = only(parsed(book), Host)
    assert (found.status, found.cluster) == ("maintenance", "esx9")


def test_a_guest_is_known_by_its_object_and_its_smbios_uuid() -> None:
    guest = only(parsed(Book.of([Vm(7, "app")])), Guest)
    assert (guest.guest_id, guest.name, guest.uuid) == ("vm-7", "app", uuid_of(7))
    assert (guest.vcpus, guest.memory_bytes) == (4, 8 * 1024**3)
    assert (guest.power, guest.host_id, guest.template) == ("running", "esx1", False)
    assert (guest.firmware, guest.secure_boot, guest.agent) == ("bios", False, True)


@pytest.mark.parametrize(
    ("told", "power"),
    [
        ("poweredOn", "running"),
        ("poweredOff", "stopped"),
        ("suspended", "stopped"),
        ("dreaming", None),
        (None, None),
    ],
)
def test_power_is_what_holds_memory_on_the_host(told: str | None, power: str | None) -> None:
    assert only(parsed(Book.of([Vm(1, power=told)])), Guest).power == power  # type: ignore[arg-type]


def test_what_the_workbook_does_not_say_of_a_guest_is_not_known() -> None:
    info = dict.fromkeys(
        ("Template", "CPUs", "Firmware", "EFI Secure boot", "SMBIOS UUID", "Resource pool")
    )
    guest = only(parsed(Book.of([Vm(1, info=info, tools=None)])), Guest)
    unknown = (guest.template, guest.vcpus, guest.firmware, guest.secure_boot, guest.uuid)
    assert unknown == (None,) * 5
    assert (guest.agent, guest.passthrough, guest.vtpm) == (None, None, None)


def test_a_disk_lies_on_its_datastore_and_a_raw_device_on_none() -> None:
    raw = {"Raw": "True", "Raw LUN ID": "naa.6000", "Raw Comp. Mode": "physicalMode"}
    plain, mapped = parsed(Book.of([Vm(1, disks=[{"Thin": "False"}, raw])])).of(Disk)
    assert (plain.datastore_id, plain.capacity_bytes) == ("san1", 40 * 1024**3)
    assert (plain.allocated_bytes, plain.host_device) == (plain.capacity_bytes, "")
    assert (mapped.datastore_id, mapped.allocated_bytes) == (None, None)
    assert mapped.host_device == "physicalMode naa.6000"


def test_file_systems_are_told_as_the_tools_in_a_guest_tell_them() -> None:
    drives = [
        {"Disk": "C:\\", "Capacity MiB": 100, "Consumed MiB": 60, "Free MiB": 40},
        {"Disk": "D:\\", "Capacity MiB": 50, "Consumed MiB": None, "Free MiB": 20},
    ]
    book = Book.of([Vm(7, partitions=drives), Vm(8, tools="toolsNotInstalled", partitions=[])])
    found = parsed(book)
    told = {one.subject: (one.capacity_bytes, one.used_bytes) for one in found.of(GuestFilesystem)}
    assert told == {
        "vm-7:C:\\": (100 * MIB, 60 * MIB), "vm-7:D:\\": (50 * MIB, 30 * MIB),
    }  # fmt: skip
    [part] = [part for part in found.coverage if part.kind == "filesystem"]
    assert (part.scope, part.state) == ("", "complete")


def test_an_older_workbook_has_file_systems_in_mb() -> None:
    book = Book.of([Vm(7)])
    book.columns["vPartition"] = ["VM", "VM ID", "Disk", "Capacity MB", "Consumed MB", "Free MB"]
    row = {"VM": "vm7", "VM ID": "vm-7", "Disk": "/", "Capacity MB": "1,024", "Consumed MB": 24}
    book.sheets["vPartition"] = [row]
    found = only(parsed(book), GuestFilesystem)
    assert (found.capacity_bytes, found.used_bytes) == (1024 * MIB, 24 * MIB)


@pytest.mark.parametrize(
    ("cells", "used"),
    [
        ({"Consumed MiB": None, "Free MiB": None}, None),
        ({"Consumed MiB": 41 * GIB}, None),  # more than there is room
        ({"Consumed MiB": None, "Free MiB": 40 * GIB}, None),
        ({"Consumed MiB": 0}, 0),
    ],
)
def test_what_is_used_of_a_file_system_is_never_guessed(cells: dict[str, Any], used: Any) -> None:
    assert only(parsed(Book.of([Vm(1, partitions=[cells])])), GuestFilesystem).used_bytes == used


def test_a_mount_that_a_guest_lists_twice_is_one_file_system() -> None:
    book = Book.of([Vm(1, partitions=[{}, {"Capacity MiB": 1}])])
    assert only(parsed(book), GuestFilesystem).capacity_bytes == 39 * 1024**3


def test_what_keeps_a_disk_from_moving_is_told() -> None:
    disks = [
        {"Disk Mode": "independent_persistent"},
        {"Sharing mode": "sharingMultiWriter"},
        {"Shared Bus": "physicalSharing"},
        {},
        {"Sharing mode": None, "Shared Bus": None},
    ]
    found = parsed(Book.of([Vm(1, disks=disks)])).of(Disk)
    assert [disk.backup for disk in found] == [False, None, None, None, None]
    assert [disk.shareable for disk in found] == [False, True, True, False, None]


def test_devices_handed_through_are_named_and_their_absence_is_not_claimed() -> None:
    usb = Vm(1, usb=[{"Device Node": "1", "Device Type": "HASP dongle"}])
    nic = Vm(2, nics=[{"Direct Path IO": "True"}])
    guests = parsed(Book.of([usb, nic, Vm(3)])).of(Guest)
    handed = [guest.passthrough for guest in guests]
    assert handed == [("usb HASP dongle",), ("network Network adapter 1",), None]


def test_an_interface_of_a_guest_that_is_off_is_judged_by_how_it_starts() -> None:
    off = Vm(1, power="poweredOff", nics=[{}, {"Starts Connected": "False"}])
    assert [nic.link_down for nic in parsed(Book.of([off])).of(Nic)] == [False, True]


def test_snapshots_of_one_name_are_told_apart() -> None:
    taken = [
        {"Name": "before", "Date / time": when, "Size MiB (total)": 2048}
        for when in ("2026/11/01 09:00:00", "2026/11/02 09:00:00")
    ]
    first, second = parsed(Book.of([Vm(1, snapshots=taken)])).of(GuestSnapshot)
    assert first.created_at == datetime(2026, 11, 1, 2, 0, tzinfo=UTC)
    assert first.bytes == 2 * 1024**3
    assert first.name != second.name


def test_a_datastore_that_several_hosts_see_is_shared() -> None:
    stores = [store(), store("local1", **{"# Hosts": 1, "Hosts": "esx2"})]
    found = parsed(Book.of([], stores=stores)).of(Datastore)
    assert [s.shared for s in found] == [True, False]
    assert found[0].used_bytes == 4000 * 1024**3
    assert found[0].hosts == ("esx1", "esx2")


def test_datastores_of_one_name_in_two_datacenters_are_two() -> None:
    hosts = [host("esx1"), host("far1", "VC-B", Datacenter="DR")]
    stores = [store("datastore1", Hosts="esx1"), store("datastore1", Hosts="far1")]
    far = Vm(2, host="far1", info={"Datacenter": "DR", "Cluster": "VC-B"},
             disks=[{"Path": "[datastore1] a/a.vmdk"}])  # fmt: skip
    found = parsed(Book.of([far], hosts=hosts, stores=stores))
    assert [s.datastore_id for s in found.of(Datastore)] == ["DC/datastore1", "DR/datastore1"]
    assert [s.cluster for s in found.of(Datastore)] == ["VC-A", "VC-B"]
    assert only(found, Disk).datastore_id == "DR/datastore1"


def test_clusters_of_one_name_in_two_datacenters_are_two() -> None:
    hosts = [host("esx1", "Prod"), host("far1", "Prod", Datacenter="DR")]
    found = parsed(Book.of([], hosts=hosts, stores=[]))
    assert [h.cluster for h in found.of(Host)] == ["DC/Prod", "DR/Prod"]


def test_the_configured_cluster_stands_for_all() -> None:
    found = parsed(Book.of([Vm(1)]), cluster="vmware")
    assert {fact.cluster for fact in found.facts} == {"vmware"}  # type: ignore[attr-defined]


def test_merged_vcenters_keep_objects_of_one_number_apart() -> None:
    other = {"VI SDK Server": "vc2.example", "VI SDK UUID": "other"}
    hosts = [host("esx1"), host("far1", "VC-B", **other)]
    far = Vm(1, "far", host="far1", info={"Cluster": "VC-B", "VM UUID": None, **other})
    found = parsed(Book.of([Vm(1), far], hosts=hosts))
    assert [g.guest_id for g in found.of(Guest)] == ["vc1.example/vm-1", "vc2.example/vm-1"]
    assert [d.guest_id for d in found.of(Disk)] == ["vc1.example/vm-1", "vc2.example/vm-1"]


def test_usage_is_of_the_moment_and_in_cores_and_bytes() -> None:
    usage = {s.subject: s for s in parsed(Book.of([Vm(1)], taken=PLAIN)).usage}
    assert {s.taken_at for s in usage.values()} == {TAKEN}
    assert usage["host/esx1"].cpu_used_cores == 8.0
    assert usage["host/esx1"].memory_used_bytes == 256 * 1024**3
    assert usage["guest/vm-1"].cpu_used_cores == 0.5  # 1050 of 2100 MHz
    assert usage["guest/vm-1"].storage_used_bytes == 30 * 1024**3
    assert usage["datastore/san1"].storage_used_bytes == 4000 * 1024**3


def test_old_headers_in_mb_mean_mib_and_other_names_are_taken() -> None:
    book = Book.of([Vm(1)])
    rename = {
        "vDisk": {"Capacity MiB": "Capacity MB", "Raw Comp. Mode": "Raw Com. Mode"},
        "vDatastore": {"Capacity MiB": "Capacity MB", "In Use MiB": "in use  MB"},
        "vInfo": {"VM UUID": "VM Instance UUID"},
    }
    new = parsed(Book.of([Vm(1)]))
    for sheet, names in rename.items():
        book.columns[sheet] = [names.get(c, c) for c in book.columns[sheet]]
        for row in book.sheets[sheet]:
            row |= {new_name: row.get(old) for old, new_name in names.items()}
    assert parsed(book).facts == new.facts


def test_a_custom_attribute_does_not_hide_the_column_of_its_name() -> None:
    taken = [{"Name": "before", "Date / time": "2026/11/01 09:00:00"}]
    tables = Book.of([Vm(1, snapshots=taken)]).tables()
    tables["vSnapshot"] = [[*row, "Name" if i == 0 else "x"] for i, row in
                           enumerate(tables["vSnapshot"])]  # fmt: skip
    raw = raw_of(Book.of([]))
    raw.answers["1.xlsx"]["sheets"] = tables
    found = RvtoolsCollector().parse(raw, source="vc", taken_at=TAKEN)
    assert only(found, GuestSnapshot).name == "before"


@pytest.mark.parametrize(
    ("sheet", "kind"),
    [("vHost", "host"), ("vDisk", "disk"), ("vNetwork", "nic"), ("vDatastore", "datastore"),
     ("vSnapshot", "guest_snapshot"), ("vTools", "guest_tools"), ("vUSB", "guest_passthrough"),
     ("vPartition", "filesystem")],
)  # fmt: skip
def test_a_missing_sheet_is_a_gap(sheet: str, kind: str) -> None:
    found = parsed(Book.of([Vm(1)]).without(sheet))
    gap = next(part for part in found.coverage if part.kind == kind)
    assert (gap.state, gap.reason) == ("hidden", f"the workbook has no sheet {sheet}")
    assert not any(p.state == "complete" and p.kind == kind for p in found.coverage)


def test_every_sheet_there_leaves_no_gap() -> None:
    found = parsed(Book.of([Vm(1), Vm(2, snapshots=[{"Name": "a"}])]))
    assert [part for part in found.coverage if part.is_gap] == []
    assert found.guests_reported == 4  # what the hosts count


def test_fewer_hosts_than_the_cluster_has_is_a_gap() -> None:
    book = Book.of([])
    book.sheets["vCluster"][0]["NumHosts"] = 3
    gap = next(part for part in parsed(book).coverage if part.is_gap)
    assert (gap.kind, gap.state) == ("host", "partial")
    assert gap.reason == "cluster VC-A has 3 hosts, vHost lists 2"


def test_a_row_of_a_guest_that_vinfo_lacks_is_a_gap_not_a_fact() -> None:
    book = Book.of([Vm(1), Vm(2)])
    del book.sheets["vInfo"][1]
    found = parsed(book)
    assert {disk.guest_id for disk in found.of(Disk)} == {"vm-1"}
    kinds = {part.kind for part in found.coverage if part.scope == "guest/vm2"}
    assert kinds >= {"disk", "nic"}


def test_a_guest_that_vcenter_lost_is_a_gap() -> None:
    found = parsed(Book.of([Vm(1, info={"Connection state": "disconnected"})]))
    gap = next(part for part in found.coverage if part.is_gap)
    assert (gap.scope, gap.kind) == ("guest/vm-1", "guest")


def test_free_text_is_not_even_read(tmp_path: Path) -> None:
    path = Book.of([Vm(1)]).save(tmp_path / "one.xlsx")
    assert "hunter2" not in json.dumps(fetched(path).answers)


def _spoilt(sheet: str, column: str, cell: object) -> Book:
    book = Book.of([Vm(1), Vm(2)])
    book.sheets[sheet][1][column] = cell
    return book


@pytest.mark.parametrize(
    ("sheet", "column", "cell", "reason"),
    [
        ("vInfo", "Memory", "plenty", "'plenty' is not a number"),
        ("vInfo", "CPUs", -2, "-2 is not a number of at least 0"),
        ("vInfo", "Template", "perhaps", "'perhaps' is neither True nor False"),
        ("vInfo", "VM", None, "is empty"),
        ("vDisk", "Capacity MiB", True, "True is not a number"),
        ("vHost", "# Memory", 1e300, "1e+300 is not a number of at least 0"),
        ("vHost", "# CPU", 1.5, "1.5 is not a whole number"),
        ("vHost", "Boot time", "yesterday", "'yesterday' is not a date"),
        ("vHost", "Host", "esx1", "'esx1' stands already in row 2"),
        ("vInfo", "VM ID", "vm-1", "'vm-1' stands already in row 2"),
    ],
)
def test_a_bad_cell_is_told_with_its_place(
    sheet: str, column: str, cell: object, reason: str
) -> None:
    with pytest.raises(BadAnswer) as raised:
        parsed(_spoilt(sheet, column, cell))
    assert str(raised.value).startswith(f"1.xlsx, sheet {sheet}, row 3, column {column}: {reason}")


def test_a_missing_column_that_is_needed_is_named() -> None:
    book = Book.of([Vm(1)])
    book.columns["vInfo"].remove("CPUs")
    with pytest.raises(BadAnswer, match=r"1.xlsx, sheet vInfo, row 1: missing column CPUs"):
        parsed(book)


# When it was taken


def test_the_workbook_s_own_date_wins_then_its_name_then_its_file() -> None:
    assert parsed(Book.of([], taken=PLAIN)).taken_at == TAKEN
    assert parsed(Book.of([], taken=datetime(2026, 11, 22, 10, 0))).taken_at == TAKEN  # noqa: DTZ001
    assert parsed(Book.of([])).taken_at == datetime.fromtimestamp(1.7e9 + 1, UTC)


@pytest.mark.parametrize(
    ("name", "when"),
    [
        ("RVTools_export_all_2026-11-22_10.00.00.xlsx", TAKEN),
        ("RVTools_export_all_2026_11_22_10_00_vc1.xlsx", TAKEN),
        ("vc1-20261122T100000.xlsx", TAKEN),
        ("vc1 2026-11-22.xlsx", TAKEN.replace(hour=12)),
        ("vc1-2026-13-45.xlsx", datetime(2001, 9, 9, 1, 46, 40, tzinfo=UTC)),
        ("vc1.xlsx", datetime(2001, 9, 9, 1, 46, 40, tzinfo=UTC)),
    ],
)
def test_a_date_is_read_out_of_a_name(name: str, when: datetime) -> None:
    assert guessed_at(name, 1e9, JAKARTA) == when


def test_the_times_are_those_of_where_rvtools_ran(tmp_path: Path) -> None:
    path = Book.of([], taken=PLAIN).save(tmp_path / "one.xlsx")
    found = RvtoolsCollector().parse(
        fetched(path, timezone="Europe/Berlin"), source="vc", taken_at=TAKEN
    )
    assert found.taken_at == datetime(2026, 11, 22, 9, 0, tzinfo=UTC)


# Several exports


def _weeks(*used_gib: int) -> list[Book]:
    return [
        Book.of([Vm(1)], taken=f"2026/11/{1 + 7 * week:02d} 10:00:00", stores=[store(used=u * GIB)])
        for week, u in enumerate(used_gib)
    ]


def _between(found: Snapshot) -> list[tuple[int, float]]:
    return [
        (s.period_seconds, (s.storage_used_bytes or 0) / 1024**3)
        for s in found.usage
        if s.entity == "datastore" and s.period_seconds > 300
    ]


def test_exports_are_snapshots_of_their_own_time_oldest_first() -> None:
    first, second, third = _weeks(100, 200, 400)
    books = (second, third, first)
    found = RvtoolsCollector().parse_series(raw_of(*books), source="vc")
    assert [s.taken_at.day for s in found] == [1, 8, 15]
    assert RvtoolsCollector().parse(raw_of(*books), source="vc", taken_at=TAKEN) == found[-1]


def test_between_two_exports_a_datastore_held_the_mean_of_both_ends() -> None:
    found = RvtoolsCollector().parse_series(raw_of(*_weeks(100, 200, 400)), source="vc")
    week = 7 * 86_400 - 300
    assert [_between(s) for s in found] == [[], [(week, 150.0)], [(week, 300.0)]]


def test_an_export_read_before_is_the_other_end(tmp_path: Path) -> None:
    first, second = _weeks(100, 200)
    first.save(tmp_path / "a.xlsx")
    before = fetched(tmp_path)
    second.save(tmp_path / "b.xlsx")
    after = fetched(tmp_path, dict(before.kept))
    assert list(after.answers) == ["b.xlsx"]
    found = RvtoolsCollector().parse(after, source="vc", taken_at=TAKEN)
    assert _between(found) == [(7 * 86_400 - 300, 150.0)]


def test_over_more_than_five_weeks_nothing_is_said_of_what_lies_between() -> None:
    books = [Book.of([], taken=when) for when in ("2026/01/01 00:00:00", "2026/03/01 00:00:00")]
    assert _between(RvtoolsCollector().parse_series(raw_of(*books), source="vc")[-1]) == []


def test_nothing_new_reads_the_newest_again_and_no_other(tmp_path: Path) -> None:
    for name, book in zip("bca", _weeks(100, 200, 400), strict=True):
        book.save(tmp_path / f"{name}.xlsx")
    first = fetched(tmp_path)
    again = fetched(tmp_path, dict(first.kept))
    assert (sorted(first.answers), list(again.answers)) == (["a.xlsx", "b.xlsx", "c.xlsx"],
                                                            ["a.xlsx"])  # fmt: skip
    assert again.kept == first.kept


def test_another_vcenter_among_the_exports_is_refused() -> None:
    other = {"VI SDK Server": "vc2.example", "VI SDK UUID": "other"}
    foreign = Book.of([Vm(1, info=other)], hosts=[host(**other)], taken="2026/11/20 10:00:00")
    with pytest.raises(BadAnswer, match=r"is of vc1.example, the others are of vc2.example|"
                       r"is of vc2.example, the others are of vc1.example"):  # fmt: skip
        parsed(*_weeks(100), foreign)


def test_a_workbook_that_took_the_place_of_another_is_read_and_the_other_remembered(
    tmp_path: Path,
) -> None:
    first, second = _weeks(100, 200)
    path = first.save(tmp_path / "latest.xlsx")
    before = fetched(path)
    second.save(path)
    found = RvtoolsCollector().parse(fetched(path, dict(before.kept)), source="vc", taken_at=TAKEN)
    assert _between(found) == [(7 * 86_400 - 300, 150.0)]


def test_a_spent_budget_leaves_workbooks_for_the_next_poll(tmp_path: Path) -> None:
    for name, book in zip("abc", _weeks(100, 200, 400), strict=True):
        book.save(tmp_path / f"2026-11-0{ord(name) - 96}.xlsx")
    source = Source("vc", "rvtools", RvtoolsOptions(path=tmp_path), zone=JAKARTA)
    raw = RvtoolsCollector().fetch(source, Budget(0))
    assert list(raw.answers) == ["2026-11-01.xlsx"]
    gap = RvtoolsCollector().parse(raw, source="vc", taken_at=TAKEN).coverage[-1]
    assert (gap.kind, gap.state) == ("export", "partial")
    assert gap.reason.startswith("2 more workbooks")


# What is no workbook


@pytest.mark.parametrize(
    ("make", "reason"),
    [
        (lambda p: p.write_bytes(b"not a zip"), "is no .xlsx workbook"),
        (lambda p: p.write_bytes(b""), "is no .xlsx workbook"),
        (lambda p: _foreign(p), "has no sheet vInfo, so RVTools did not export it"),
        (lambda p: _cut_short(p), "no .xlsx workbook"),
        (lambda p: _with_database_names(p), "export it again without -DBColumnNames"),
    ],
)
def test_what_is_no_export_is_refused_in_one_line(
    tmp_path: Path, make: Callable[[Path], object], reason: str
) -> None:
    path = tmp_path / "odd.xlsx"
    make(path)
    with pytest.raises(BadAnswer, match=reason) as raised:
        fetched(path)
    assert "\n" not in str(raised.value)
    assert "odd.xlsx" in str(raised.value)


def _foreign(path: Path) -> None:
    Book({"Sheet1": [{"a": 1}]}, {"Sheet1": ["a"]}).save(path)


def _cut_short(path: Path) -> None:
    Book.of([Vm(1)]).save(path)
    path.write_bytes(path.read_bytes()[:-200])


def _with_database_names(path: Path) -> None:
    Book({"vInfo": [{"vInfoVMName": "a"}]}, {"vInfo": ["vInfoVMName"]}).save(path)


def test_a_path_without_workbooks_is_told(tmp_path: Path) -> None:
    with pytest.raises(Unreachable, match="neither a workbook nor a directory"):
        fetched(tmp_path / "absent")
    with pytest.raises(BadAnswer, match=r"holds no \.xlsx file"):
        fetched(tmp_path)


# Whatever the cells hold


_CELLS = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(2**70), 2**70),
    st.floats(),
    st.text(max_size=20),
    st.sampled_from(
        ["True", "poweredOn", "1,024", "2026/11/01 10:00:00", "[san1] a", "\x00\x1b[31m"]
    ),
)


@settings(max_examples=150, deadline=None)
@given(st.data())
def test_whatever_the_cells_hold_it_is_facts_or_one_clear_line(data: st.DataObject) -> None:
    snapshots = [{"Name": "before", "Date / time": "2026/11/01 09:00:00"}]
    book = Book.of([Vm(1, snapshots=snapshots), Vm(2, usb=[{"Device Node": "1"}])], taken=PLAIN)
    for sheet in data.draw(st.sets(st.sampled_from(sorted(COLUMNS)), max_size=3)):
        if sheet != "vInfo":
            book.without(sheet)
    for _ in range(data.draw(st.integers(0, 6))):
        sheet = data.draw(st.sampled_from(sorted(book.sheets)))
        column = data.draw(st.sampled_from(book.columns[sheet]))
        if data.draw(st.booleans()) and book.sheets[sheet]:
            data.draw(st.sampled_from(book.sheets[sheet]))[column] = data.draw(_CELLS)
        elif len(book.columns[sheet]) > 1:
            book.columns[sheet].remove(column)
    found: Snapshot | None
    try:
        found = parsed(book)
    except BadAnswer as error:
        told, found = str(error), None
    if found is None:
        assert "\n" not in told
        assert told.startswith("1.xlsx")
    else:
        _is_sound(found)


def _is_sound(found: Snapshot) -> None:
    subjects = [(fact.kind_name, fact.subject) for fact in found.facts]
    assert len(subjects) == len(set(subjects))
    names = [guest.name or "" for guest in found.of(Guest)]
    assert all(name.isprintable() for name in names)
    guests = {guest.guest_id for guest in found.of(Guest)}
    assert {disk.guest_id for disk in found.of(Disk)} <= guests
    assert all(size is None or size < 2**63 for size in (g.memory_bytes for g in found.of(Guest)))
    again = [type(fact).model_validate_json(fact.model_dump_json()) for fact in found.facts]
    assert again == list(found.facts)
