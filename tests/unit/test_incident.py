"""What is told of one guest and a window of time, and what is said not to be known."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from dataclasses import fields
from datetime import date
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from estates import health
from inventory.changes import changes_between
from inventory.facts import facts_at
from inventory.platform_records import Grant, HostNetwork, Principal, Role
from inventory.records import Backup, Coverage, Disk, Guest, Nic
from inventory.schema import FACT_KINDS
from inventory.window import blind_between, looks_between, spans_between
from lumbung.dates import instant_option
from lumbung.settings import SettingsError
from planner.estate import Estate
from planner.incident.answer import Incident, incident_of
from planner.incident.past import Past, Window
from planner.incident.rows import TABLES
from planner.owners import EstateFile
from planner.policy import Policy
from reports.incident import incident_html
from reports.incident_phrases import INCIDENT
from site_files import Site, datastore, disk, guest, host
from stored import GIB, JAKARTA, Book, at
from stored import disk as a_disk
from stored import guest as a_guest
from stored import host as a_host

OWNERS = {
    "organisation": {"dpo": {"contact": "ppdp@kota.example"}},
    "agencies": {"a": {"name": "A", "contact": "a@kota.example"}},
    "services": {
        "warga": {"owner": "a", "classification": "pribadi-umum", "data_subjects": 120_000}
    },
}
WINDOW = Window(at(1), at(3))
WHOLE = tuple(Coverage("", kind.kind_name, "complete") for kind in FACT_KINDS)


def nic(guest_id: str, vlan: int | None, network: str = "br0", **more: Any) -> Nic:
    name = f"{guest_id}/net0"
    return Nic(nic_id=name, guest_id=guest_id, cluster="c", network=network, vlan=vlan, **more)


def backup(guest_id: str, hour: int) -> Backup:
    return Backup(
        guest_id=guest_id, cluster="c", name=f"b{hour}", created_at=at(hour), datastore_id="pbs"
    )


RIGHTS = (
    Principal(principal_id="ana@pve", cluster="c", kind="user", enabled=True, second_factors=()),
    Principal(principal_id="@ops", cluster="c", kind="group", members=("ana@pve",)),
    Role(role_id="Admin", cluster="c", privileges=("VM.Console", "VM.Config.Disk")),
    Grant(path="/vms/100", principal_id="@ops", role_id="Admin", cluster="c", propagates=True),
    Grant(path="/vms/101", principal_id="ana@pve", role_id="Admin", cluster="c", propagates=True),
    Grant(path="/", principal_id="root@pam", role_id="Admin", cluster="c", propagates=True),
    Grant(path="/pool", principal_id="x@pve", role_id="Admin", cluster="c", propagates=False),
)
FIRST = (
    a_host("h1"), a_host("h2"),
    a_guest("100", name="warga", host_id="h1", tags=("svc.warga",), power="running"),
    a_guest("101", host_id="h1", tags=("cls.pribadi-spesifik", "opd.a"), power="running"),
    a_guest("102", host_id="h2", tags=("cls.publik",), power="running"),
    a_guest("103", host_id="h1", tags=("cls.publik",), power="stopped"),
    a_guest("104", host_id="h2", tags=(), power="running"),
    nic("100", 10), nic("101", 20), nic("102", 10), nic("104", None),
    a_disk("100"), a_disk("104"), backup("100", -24), *RIGHTS,
)  # fmt: skip
SECOND = (
    a_host("h1"), a_host("h2"),
    a_guest("100", name="warga", host_id="h2", tags=("svc.warga",), power="running", vcpus=8.0),
    a_guest("102", host_id="h2", tags=("cls.publik",), power="running"),
    a_guest("103", host_id="h1", tags=("cls.publik",), power="stopped"),
    a_guest("104", host_id="h2", tags=(), power="running"),
    nic("100", 10), nic("102", 10), nic("104", None),
    a_disk("100"), a_disk("104"), backup("100", 2), *RIGHTS[:4],
)  # fmt: skip


@pytest.fixture(scope="module")
def incident() -> Incident:
    book = Book.empty()
    book.poll(at(0), *FIRST, coverage=WHOLE)
    book.poll(at(2), *SECOND, coverage=WHOLE)
    book.poll(at(4), *SECOND, coverage=WHOLE)
    return told_of(book, ("c", "100"))


def told_of(book: Book, key: tuple[str, str], gaps: Iterable[Coverage] = ()) -> Incident:
    owners = EstateFile.model_validate(OWNERS)
    with book.store.reading() as connection:

        def estate(hour: int) -> Estate:
            return Estate(
                as_of=date(2026, 11, 23), at=at(hour), facts=facts_at(connection, at(hour)),
                policy=Policy(), owners=owners, sources=(health(gaps=gaps),),
            )  # fmt: skip

        def spans(kind: type[Any]) -> Any:
            return spans_between(connection, kind, WINDOW.start, at(4), "c")

        past = Past(
            guests=spans(Guest), disks=spans(Disk), nics=spans(Nic),
            changes=changes_between(connection, WINDOW.start, WINDOW.end),
            blind=blind_between(connection, WINDOW.start, WINDOW.end),
            looks=looks_between(connection, WINDOW.start, WINDOW.end),
        )  # fmt: skip
        return incident_of(key, WINDOW, estate(1), estate(4), past)


def rows(incident: Incident, name: str, *columns: str) -> list[tuple[Any, ...]]:
    return [tuple(getattr(row, c) for c in columns) for row in incident.tables[name]]


def test_it_tells_where_the_guest_ran(incident: Incident) -> None:
    assert rows(incident, "where", "host", "since", "until", "not_before") == [
        ("h1", at(0), at(2), at(0)),
        ("h2", at(2), None, at(0)),
    ]


def test_it_tells_the_configuration_then_and_now(incident: Incident) -> None:
    differs = [row for row in incident.tables["configuration"] if row.differs]
    assert {(row.subject, row.field, row.then, row.now) for row in differs} == {
        ("guest", "host_id", "h1", "h2"),
        ("guest", "vcpus", "2", "8"),
    }
    assert any(row.subject.startswith("interface") for row in incident.tables["configuration"])


def test_every_guest_that_it_could_reach_is_named(incident: Incident) -> None:
    told = rows(incident, "neighbours", "id", "shares", "certain", "since", "until", "personal")
    assert set(told) == {
        ("101", "host", False, at(1), at(2), True),  # it was seen there before the window only
        ("102", "host", True, at(1), at(3), False),  # it moved at some time before it was seen
        ("104", "host", True, at(1), at(3), None),
        ("102", "network", True, at(1), at(3), False),
        ("104", "network", False, at(1), at(3), None),
        ("104", "datastore", True, at(1), at(3), None),
    }
    assert {row.id for row in incident.reached_personal} == {"101", "104"}
    assert incident.reached("host") != ()


def test_each_agency_with_personal_data_near_it_is_told_once(incident: Incident) -> None:
    told = rows(incident, "agencies", "agency", "owner", "classes", "shares", "certain")
    assert told == [
        ("a", "a@kota.example", "pribadi-spesifik", "host", False),
        (None, None, "?", "network;host;datastore", True),
    ]
    assert "101" in incident.tables["agencies"][0].guests


def test_what_is_first_seen_after_the_window_may_have_been_so_within_it() -> None:
    book = Book.empty()
    book.poll(at(0), *FIRST, coverage=WHOLE)
    book.poll(at(4), *SECOND, coverage=WHOLE)
    told = rows(told_of(book, ("c", "100")), "neighbours", "id", "shares", "certain")
    assert ("102", "host", False) in told  # on h2, where it was seen at four


def test_an_interface_that_receives_every_vlan_is_on_the_network_too() -> None:
    bridge = HostNetwork(
        host_id="h1", name="br0", cluster="c", kind="bridge", vlan_aware=True, ports=("eno1",)
    )
    book = Book.empty()
    for hour in (0, 2, 4):
        book.poll(at(hour), *FIRST[:5], nic("100", 10), nic("101", 0), bridge, coverage=WHOLE)
    told = rows(told_of(book, ("c", "100")), "neighbours", "id", "shares", "certain")
    assert ("101", "network", True) in told


def test_root_and_tokens_that_may_do_what_their_user_may_have_rights_too() -> None:
    whole = Principal(principal_id="ana@pve!all", cluster="c", kind="token",
                      privilege_separated=False)  # fmt: skip
    root = Principal(principal_id="root@pam", cluster="c", kind="user")
    book = Book.empty()
    book.poll(at(0), *FIRST[:4], *RIGHTS[:4], whole, root, coverage=WHOLE)
    told = rows(told_of(book, ("c", "100")), "rights", "principal", "role", "path")
    assert ("ana@pve!all", "Admin", "/vms/100") in told
    assert ("root@pam", "Administrator", "/") in told


def test_it_tells_who_had_rights_then_and_now(incident: Incident) -> None:
    told = rows(incident, "rights", "principal", "member", "path", "then", "now")
    assert told == [
        ("@ops", "ana@pve", "/vms/100", True, True),
        ("root@pam", None, "/", True, False),
    ]
    assert incident.tables["rights"][0].privileges == "VM.Console;VM.Config.Disk"


def test_it_tells_which_copies_are_from_before(incident: Incident) -> None:
    assert rows(incident, "copies", "name", "before_window", "there_now") == [
        ("b-24", True, False),
        ("b2", False, True),
    ]


def test_it_tells_data_changes_and_findings(incident: Incident) -> None:
    data = {row.field: row.now for row in incident.tables["data"]}
    assert data["classification"] == "pribadi-umum"
    assert data["data_subjects"] == "120000"
    assert data["data_protection_officer"] == "ppdp@kota.example"
    changed = {(row.kind, row.field) for row in incident.tables["changes"]}
    assert changed == {("moved", "host_id"), ("resized", "vcpus")}
    found = {row.rule for row in incident.tables["findings"] if row.then}
    assert "DAR-001" in found
    assert all("101" not in row.subject for row in incident.tables["findings"])


def test_what_no_hypervisor_tells_is_said(incident: Incident) -> None:
    topics = [row.topic for row in incident.tables["not_known"]]
    assert topics[-1] == "inside"
    assert topics.count("source") == 2  # two hours without a look, twice
    assert "data" not in topics


def test_gaps_of_the_window_are_said() -> None:
    book = Book.empty()
    gap = Coverage("", "grant", "hidden", "no right")
    book.poll(at(0), a_host("h1"), a_guest("100", tags=None))
    seen = [part for part in WHOLE if part.kind != "grant"]
    book.poll(at(2), a_host("h1"), a_guest("100", tags=None), coverage=[*seen, gap])
    found = told_of(book, ("c", "100"), gaps=[gap])
    told = {(row.topic, row.why) for row in found.tables["not_known"]}
    assert ("rights", "no right") in told
    assert ("source", "no right") in told
    assert ("data", "nobody classified it") in told
    assert ("data", "no agency is accountable for it") in told


def test_a_guest_that_is_gone_is_told_as_it_was() -> None:
    book = Book.empty()
    book.poll(at(0), *FIRST, coverage=WHOLE)
    book.poll(at(2), *SECOND, coverage=WHOLE)
    found = told_of(book, ("c", "101"))
    assert found.is_gone
    assert found.then is not None
    assert {row.now for row in found.tables["configuration"]} == {None}
    assert rows(found, "where", "host", "until") == [("h1", at(2))]
    assert ("removed",) in rows(found, "changes", "kind")


@pytest.mark.parametrize("lang", ["en", "id"])
def test_the_page_tells_all_sections_and_escapes_names(incident: Incident, lang: str) -> None:
    page = incident_html(incident, lang=lang, zone=ZoneInfo("Asia/Jakarta"))
    for word in ("data", "where", "neighbours", "rights", "not_known", "by_hand"):
        assert f"<h2>{INCIDENT[lang][word]}</h2>" in page
    assert "120000" in page
    assert "script" not in page


def test_only_a_word_that_no_column_holds_is_broken(incident: Incident) -> None:
    """Of cells that may break anywhere a browser makes narrow columns: "1,080,00" and "0"."""
    page = incident_html(incident, lang="en", zone=ZoneInfo("Asia/Jakarta"))
    [cells] = re.findall(r"td, th \{([^}]*)\}", page)
    assert "overflow-wrap: break-word" in cells
    told = re.findall(r'<td( class="long")?>([^<]*)<', page)
    assert told
    for is_long, cell in told:
        assert bool(is_long) == any(len(word) > 30 for word in cell.split()), cell


def test_both_languages_say_the_same_things() -> None:
    assert set(INCIDENT["en"]) == set(INCIDENT["id"])
    differing = [key for key in INCIDENT["en"] if INCIDENT["en"][key] != INCIDENT["id"][key]]
    assert len(differing) > 0.8 * len(INCIDENT["en"])


# The command


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Site:
    return (
        Site(tmp_path_factory.mktemp("incident"))
        .write(
            hosts=[host("h0")],
            guests=[guest("100", "h0") | {"name": "web 3271014505900001"}, guest("101", "h0")],
            disks=[disk("100", "san", capacity=GIB)],
            datastores=[datastore("san", capacity=9 * GIB, used=GIB)],
        )
        .collect()
    )


def test_the_folder_holds_a_page_tables_and_a_manifest(site: Site) -> None:
    folder = site.root / "pack"
    site.run("incident", "--guest", "100", "--from", "2026-11-22", "--out", str(folder))
    names = {path.name for path in folder.iterdir()}
    assert names == {"incident.html", "incident.json", "manifest.json"} | {
        f"{stem}.csv" for stem in TABLES
    }
    told = json.loads((folder / "incident.json").read_text())
    assert told["guest"]["id"] == "100"
    for stem, row_type in TABLES.items():
        columns = ",".join(field.name for field in fields(row_type))
        assert (folder / f"{stem}.csv").read_text().splitlines()[0] == columns
    assert all(b"3271014505900001" not in path.read_bytes() for path in folder.iterdir())
    assert "all as they were" in site.run("report", "verify", str(folder))
    (folder / "rights.csv").write_text("x")
    assert "rights.csv was altered" in site.run("report", "verify", str(folder), expect=1)
    line = site.call("incident", "--guest", "100", "--from", "2026-11-22", "--out", str(folder))
    assert line.returncode == 2
    assert "exists; name another folder" in line.stderr


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--guest", "none", "--from", "2026-11-22"), "nobody was called 'none'"),
        (("--guest", "100", "--from", "soon"), "'soon' is no instant such as"),
        (("--guest", "100", "--from", "2026-12-24"), "not before the end of the window"),
    ],
)
def test_what_cannot_be_answered_is_one_line(
    site: Site, arguments: tuple[str, ...], said: str
) -> None:
    ran = site.call("incident", *arguments)
    assert ran.returncode == 2
    assert said in ran.stderr
    assert len(ran.stderr.splitlines()) == 1


def test_an_instant_is_taken_as_the_sites() -> None:
    assert (
        instant_option("2026-11-23", "--from", JAKARTA).isoformat() == "2026-11-22T17:00:00+00:00"
    )
    assert instant_option("2026-11-23", "--to", JAKARTA, ends=True).day == 23
    assert instant_option("2026-11-23T07:30", "--to", JAKARTA).hour == 0
    assert instant_option("2026-11-23T07:30+00:00", "--to", JAKARTA).hour == 7
    with pytest.raises(SettingsError, match="--to"):
        instant_option("x", "--to", JAKARTA)
