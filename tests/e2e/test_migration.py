"""The move off VMware: obstacles, waves, twins counted once, the burn-down."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from rvtools_book import GIB, Book, Estate, Vm, uuid_of
from site_files import guest, write_csv
from site_files import host as kvm_host

NOW = datetime(2026, 11, 23, 8, 0, tzinfo=ZoneInfo("Asia/Jakarta"))
_KVM = '\n[[sources]]\nname = "kvm"\nkind = "files"\npath = "kvm"\n'


@dataclass
class Move:
    """Both sides of a migration: exports of the one, a directory of CSV of the other."""

    root: Path
    estate: str = ""
    site: Estate = field(init=False)

    def __post_init__(self) -> None:
        self.site = Estate(self.root, NOW, estate=self.estate, more=_KVM).configure()

    def vmware(self, vms: list[Vm], *, days_ago: float = 0) -> Move:
        taken = (NOW - timedelta(days=days_ago)).replace(tzinfo=None)
        Book.of(vms, taken=taken).save(self.site.exports / f"{taken:%Y-%m-%d_%H.%M.%S}.xlsx")
        return self

    def kvm(self, guests: Iterable[dict[str, Any]], *, days_ago: float = 0) -> Move:
        folder = self.root / "kvm"
        folder.mkdir(exist_ok=True)
        at = (NOW - timedelta(days=days_ago)).isoformat()
        write_csv(folder / "source.csv", [{"taken_at": at, "timezone": "Asia/Jakarta"}])
        write_csv(folder / "hosts.csv", [kvm_host("kvm1", cluster="new")])
        write_csv(folder / "guests.csv", [_RESIDENT, *guests])
        return self

    def collect(self) -> Move:
        self.site.run("collect")
        return self

    def rows(self, *arguments: str) -> list[dict[str, Any]]:
        said = self.site.run("migration", *arguments, "--format", "json")
        found: list[dict[str, Any]] = json.loads(said)
        return found

    def row(self, guest_id: str) -> dict[str, Any]:
        return next(row for row in self.rows() if row["guest_id"] == guest_id)

    def allocated_gib(self, pool: str) -> float:
        said = self.site.run("capacity", "--pool", pool, "--format", "json")
        return next(
            float(row["allocated"])
            for row in json.loads(said)
            if (row["resource"], row["model"]) == ("memory", "allocation")
        )


_RESIDENT = guest("resident", "kvm1", power="stopped")


def landed(number: int, **more: Any) -> dict[str, Any]:
    """The guest that a VMware guest became."""
    return guest(f"10{number}", "kvm1", memory=8 * 1024**3, uuid=uuid_of(number)) | more


@pytest.fixture
def move(tmp_path: Path) -> Move:
    return Move(tmp_path)


# Twins


@pytest.mark.parametrize(
    ("here", "there", "counted_here", "counted_there"),
    [
        ("poweredOn", "stopped", 8.0, 0.0),
        ("poweredOff", "running", 0.0, 8.0),
        ("poweredOn", "running", 0.0, 8.0),  # seen later there: the export is a day old
        ("poweredOff", "stopped", 0.0, 0.0),
    ],
)
def test_a_guest_on_both_sides_counts_once_where_it_runs(
    move: Move, here: str, there: str, counted_here: float, counted_there: float
) -> None:
    move.vmware([Vm(1, power=here)], days_ago=1).kvm([landed(1, power=there)]).collect()
    assert (move.allocated_gib("VC-A"), move.allocated_gib("new")) == (counted_here, counted_there)


def test_a_pool_says_how_many_of_its_guests_count_elsewhere(move: Move) -> None:
    move.vmware([Vm(1), Vm(2)]).kvm([landed(1, power="stopped")]).collect()
    said = move.site.run("capacity", "--pool", "new", "--format", "json")
    assert all("twins_counted_elsewhere:1" in row["flags"] for row in json.loads(said))


def test_two_that_share_a_uuid_on_one_side_are_nobody_s_twin(move: Move) -> None:
    clone = Vm(2, info={"SMBIOS UUID": uuid_of(1)})
    move.vmware([Vm(1), clone]).kvm([landed(1)]).collect()
    assert [row["twin_id"] for row in move.rows()] == [None, None]
    assert move.allocated_gib("VC-A") == 16.0


def test_guests_of_one_uuid_that_nobody_moves_are_two(tmp_path: Path) -> None:
    move = Move(tmp_path, "version: 1\nmigration: {leaving: [elsewhere]}\n")
    move.vmware([Vm(1)]).kvm([landed(1)]).collect()
    assert (move.allocated_gib("VC-A"), move.allocated_gib("new")) == (8.0, 8.0)
    assert move.rows() == []


def test_a_twin_can_be_declared_where_no_uuid_tells(tmp_path: Path) -> None:
    estate = """version: 1
migration:
  arriving: new
  twins:
    - leaving: {guest_id: vm-1}
      arriving: {name_glob: "new-app"}
"""
    move = Move(tmp_path, estate)
    other = landed(1, uuid="", name="new-app", power="stopped")
    move.vmware([Vm(1)]).kvm([other]).collect()
    row = move.row("vm-1")
    assert (row["state"], row["twin_id"], row["counted_on"]) == ("in_both", "new:101", "VC-A")
    assert (move.allocated_gib("VC-A"), move.allocated_gib("new")) == (8.0, 0.0)


# State


def test_a_guest_goes_from_not_started_through_both_to_moved(move: Move) -> None:
    move.vmware([Vm(1), Vm(2), Vm(3)], days_ago=2)
    move.kvm([landed(2, power="stopped"), landed(3, power="stopped")], days_ago=2).collect()
    move.vmware([Vm(1), Vm(2), Vm(3, power="poweredOff")], days_ago=1)
    move.kvm([landed(2, power="stopped"), landed(3)]).collect()
    assert {row["guest_id"]: row["state"] for row in move.rows()} == {
        "vm-1": "not_started",
        "vm-2": "in_both",
        "vm-3": "moved",
    }
    moved = move.row("vm-3")
    assert (moved["twin_id"], moved["counted_on"]) == ("new:103", "new")
    assert moved["moved_on"] == NOW.date().isoformat()
    assert (moved["verdict"], moved["reasons"]) == (None, "")


def test_one_that_was_deleted_after_its_move_has_moved(move: Move) -> None:
    move.vmware([Vm(1), Vm(2)], days_ago=8).kvm([landed(1)], days_ago=3).collect()
    move.vmware([Vm(2)], days_ago=1).collect()
    row = move.row("vm-1")
    assert (row["state"], row["moved_on"]) == ("moved", "2026-11-22")


def test_one_that_left_without_a_twin_is_gone(move: Move) -> None:
    move.vmware([Vm(1), Vm(2)], days_ago=8).vmware([Vm(2)], days_ago=1).kvm([]).collect()
    assert move.row("vm-1")["state"] == "gone"


def test_one_that_was_registered_anew_is_the_same(move: Move) -> None:
    anew = Vm(9, info={"SMBIOS UUID": uuid_of(1)})
    move.vmware([Vm(1)], days_ago=8).vmware([anew], days_ago=1).kvm([]).collect()
    assert [(row["guest_id"], row["state"]) for row in move.rows()] == [("vm-9", "not_started")]


def test_templates_and_what_stays_do_not_move(move: Move) -> None:
    vms = [Vm(1), Vm(2, "vCLS-0a1b"), Vm(3, info={"Template": "True"}, power="poweredOff")]
    move.vmware(vms).kvm([]).collect()
    assert [row["guest_id"] for row in move.rows()] == ["vm-1"]


# Obstacles

_RAW = {"Raw": "True", "Raw LUN ID": "naa.6000", "Raw Comp. Mode": "physicalMode"}


@pytest.mark.parametrize(
    ("vm", "verdict", "reason"),
    [
        (Vm(1), "pass", ""),
        (Vm(1, disks=[{}, _RAW]), "block", "Hard disk 2 is a raw device (physicalMode naa.6000)"),
        (Vm(1, disks=[{"Shared Bus": "physicalSharing"}]), "block", "Hard disk 1 is shared"),
        (Vm(1, disks=[{"Disk Mode": "independent_persistent"}]), "warn", "is independent"),
        (Vm(1, usb=[{"Device Type": "HASP"}]), "block", "handed through: usb HASP"),
        (Vm(1, tools="toolsNotInstalled"), "warn", "no VMware Tools"),
        (Vm(1, tools="toolsNotRunning", power="poweredOff"), "pass", ""),
        (Vm(1, info={"Firmware": "efi"}), "warn", "UEFI: the target needs an EFI disk"),
        (Vm(1, info={"Firmware": "efi", "EFI Secure boot": "True"}), "warn", "with secure boot"),
        (
            Vm(1, snapshots=[{"Name": "a", "Date / time": "2026/10/01 10:00:00"}]),
            "warn",
            "1 snapshots, the oldest of 2026-10-01: consolidate",
        ),
        (Vm(1, info={"OS according to the VMware Tools": "Apple macOS 11 (64-bit)"}), "block",
         "Apple macOS 11 (64-bit) is not supported on KVM"),
        (Vm(1, info={"OS according to the VMware Tools": "Microsoft Windows Server 2008 (32-bit)"}),
         "warn", "try a copy first"),
        (Vm(1, info={"OS according to the VMware Tools":
                     "Microsoft Windows Server 2008 R2 (64-bit)"}), "pass", ""),
        (Vm(1, info={"OS according to the VMware Tools": "Microsoft Windows Server 2022 (64-bit)"}),
         "pass", ""),
        (Vm(1, tools="toolsNotInstalled", disks=[_RAW]), "block", "raw device"),
    ],
)  # fmt: skip
def test_what_stands_in_the_way_is_told(move: Move, vm: Vm, verdict: str, reason: str) -> None:
    row = move.vmware([vm]).kvm([]).collect().row("vm-1")
    assert row["verdict"] == verdict
    assert reason in row["reasons"]
    assert bool(row["reasons"]) == bool(reason)


def test_what_an_export_cannot_tell_is_named_not_passed_over(move: Move) -> None:
    row = move.vmware([Vm(1, tools=None)]).kvm([]).collect().row("vm-1")
    assert row["unknown"] == "tools, virtual TPM, passthrough"


def test_disks_that_were_not_seen_are_no_pass(move: Move) -> None:
    book = Book.of([Vm(1)], taken=NOW.replace(tzinfo=None)).without("vDisk")
    book.save(move.site.exports / "one.xlsx")
    move.kvm([]).site.run("collect", expect=3)  # a gap is new
    row = move.row("vm-1")
    assert row["verdict"] == "warn"
    assert "its disks were not seen: the workbook has no sheet vDisk" in row["reasons"]
    assert row["provisioned_gib"] is None


# Waves


def test_without_declared_waves_the_small_go_first_and_what_is_blocked_last(tmp_path: Path) -> None:
    move = Move(tmp_path, "version: 1\nmigration: {wave_size: 2}\n")
    sizes = {1: 400, 2: 100, 3: 300, 4: 200}
    vms = [Vm(n, disks=[{"Capacity MiB": size * GIB}]) for n, size in sizes.items()]
    move.vmware([*vms, Vm(5, disks=[_RAW])]).kvm([]).collect()
    assert [(row["guest_id"], row["wave"]) for row in move.rows()] == [
        ("vm-2", "auto-1"),
        ("vm-4", "auto-1"),
        ("vm-1", "auto-2"),
        ("vm-3", "auto-2"),
        ("vm-5", "auto-blocked"),
    ]


def test_declared_waves_come_first_and_the_first_that_fits_counts(tmp_path: Path) -> None:
    estate = """version: 1
migration:
  waves:
    - {name: pilot, when: 2026-12-05, match: [{guest_id: vm-3}]}
    - {name: web, when: 2026-12-12, match: [{name_glob: "web*"}, {guest_id: vm-3}]}
"""
    move = Move(tmp_path, estate)
    move.vmware([Vm(1), Vm(2, "web1"), Vm(3)]).kvm([]).collect()
    found = [(row["guest_id"], row["wave"], row["wave_on"]) for row in move.rows()]
    assert found == [
        ("vm-3", "pilot", "2026-12-05"),
        ("vm-2", "web", "2026-12-12"),
        ("vm-1", "auto-1", None),
    ]


# The burn-down


def test_the_burn_down_shows_the_pace_observed_and_the_pace_needed(move: Move) -> None:
    everyone = [Vm(n) for n in range(1, 13)]
    move.kvm([landed(n) for n in range(1, 5)], days_ago=40).vmware(everyone, days_ago=35).collect()
    for week in range(1, 5):  # one a week is switched off here, for it runs there
        vms = [Vm(n, power="poweredOff" if n <= week else "poweredOn") for n in range(1, 13)]
        move.vmware(vms, days_ago=28 - 7 * week).collect()
    rows = move.rows("--to", "2026-12-21")
    past = [
        (row["week_end"], row["remaining"], row["moved"])
        for row in rows
        if row["moved"] is not None
    ]
    assert past[-5:] == [
        ("2026-10-26", 12, 0),
        ("2026-11-02", 11, 1),
        ("2026-11-09", 10, 1),
        ("2026-11-16", 9, 1),
        ("2026-11-23", 8, 1),
    ]
    ahead = [row for row in rows if row["moved"] is None]
    assert [row["week_end"] for row in ahead] == [
        "2026-11-30", "2026-12-07", "2026-12-14", "2026-12-21",
    ]  # fmt: skip
    assert [row["at_observed_pace"] for row in ahead] == [7.0, 6.0, 5.0, 4.0]
    assert [row["at_needed_pace"] for row in ahead] == [6.0, 4.0, 2.0, 0.0]
    said = move.site.call("migration", "--to", "2026-12-21").stderr
    assert "8 of 12 guests remain; pace of the last 4 weeks 1.0 a week" in said
    assert "needed to be done by 2026-12-21: 2.0 a week" in said
    assert "done on 2027-01-18 at this pace, 28 days late" in said


def test_before_a_week_was_watched_no_pace_is_claimed(move: Move) -> None:
    move.vmware([Vm(1)]).kvm([]).collect()
    ahead = [row for row in move.rows("--to", "2026-12-07") if row["moved"] is None]
    assert [row["at_observed_pace"] for row in ahead] == [None, None]
    assert [row["at_needed_pace"] for row in ahead] == [0.5, 0.0]


def test_a_day_that_is_past_is_said_to_be(move: Move) -> None:
    move.vmware([Vm(1)]).kvm([]).collect()
    said = move.site.call("migration", "--to", "2026-11-01").stderr
    assert "needed to be done by 2026-11-01: past" in said


def test_without_vmware_it_says_that_nothing_moves(move: Move) -> None:
    move.kvm([landed(1)])
    move.site.run("collect", "kvm")
    result = move.site.call("migration")
    assert (result.returncode, result.stdout) == (0, "")
    assert "no guest is to move" in result.stderr


def test_a_bad_date_or_key_is_one_line(tmp_path: Path) -> None:
    move = Move(tmp_path, "version: 1\nmigration: {wavesize: 2}\n")
    move.vmware([Vm(1)]).kvm([]).collect()
    assert "did you mean 'wave_size'" in move.site.call("migration").stderr
    assert move.site.call("migration", "--to", "soon").returncode == 2
