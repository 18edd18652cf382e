"""Agencies answer for their guests: lists, guesses, answers taken back, rounds."""

from __future__ import annotations

import csv
import io
from dataclasses import fields
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

import site_files as s
from estates import AS_OF, estate
from inventory.records import Nic, Record
from lumbung.commands.attesting import rows_in
from lumbung.files import attested_path, load_estate
from lumbung.settings import SettingsError
from lumbung.verifying import checksum
from planner.attestation.answers import Answers, Row, differences, read_answers, taken_in
from planner.attestation.guesses import Guesses
from planner.attestation.lists import UNOWNED, AskRow, lists_of, stem_of
from planner.attestation.rounds import classify_first, never_rows, overdue_rows, round_rows
from planner.estate import Estate
from planner.past import Past
from planner.report import Memory, make_report
from reports.attestation import instructions
from reports.cells import csv_text, from_csv_text, plain
from reports.weekly_csv import csv_of_rows
from rule_cases import nic
from site_files import NOW, Site
from stored import JAKARTA, disk, guest

OWNERS: dict[str, Any] = {
    "agencies": {"dukcapil": {"name": "Dinas Dukcapil"}, "kominfo": {"name": "Dinas Kominfo"}},
    "services": {"registry": {"owner": "dukcapil", "classification": "pribadi-umum"}},
}
MINE = guest("100", name="nik-db", uuid="U-100", tags=("opd.dukcapil",))
OTHER = guest("200", name="web-1", uuid="U-200", tags=("opd.kominfo", "cls.publik"))
NOBODYS = guest("300", name="mystery")
TEMPLATE = guest("900", name="tpl", template=True)


def city(*records: Record, owners: dict[str, Any] | None = None, **more: Any) -> Estate:
    return estate(*(records or (MINE, OTHER, NOBODYS, TEMPLATE)), owners=owners or OWNERS, **more)


# Lists and guesses


def test_each_agency_gets_its_guests_and_what_nobody_owns_is_apart() -> None:
    lists = lists_of(city())
    assert {stem: [row.guest_id for row in rows] for stem, rows in lists.items()} == {
        UNOWNED: ["300"],
        "dukcapil": ["100"],
        "kominfo": ["200"],
    }
    assert list(lists_of(city(), "kominfo")) == ["kominfo"]
    assert lists_of(city(), "unknown") == {}


@pytest.mark.parametrize("code", ["../../etc/x", "a b", "_unowned", "", "…", "=cmd"])
def test_a_code_from_a_tag_names_no_other_folder(code: str) -> None:
    assert "/" not in stem_of(code)
    assert not stem_of(code).startswith(".")


def guess(name: str, *records: Record) -> tuple[str, str] | None:
    """What is guessed for the guest "x", and why."""
    place = city(*records)
    view = next(v for v in place.guests if v.guest.guest_id == "x")
    found = Guesses(place).of(view, name)
    return (found.value, found.sign) if found else None


def test_a_guess_needs_two_guests_alike_that_agree() -> None:
    known = [guest(str(i), name=f"simpeg-{i}", tags=("opd.bkpsdm",)) for i in range(2)]
    mine = guest("x", name="simpeg-new")
    assert guess("agency", *known, mine) == ("bkpsdm", "2 of 2 guests called simpeg…")
    assert guess("agency", known[0], mine) is None
    disagreeing = guest("9", name="simpeg-9", tags=("opd.kominfo",))
    assert guess("agency", *known, disagreeing, mine) is None
    third = guest("8", name="simpeg-8", tags=("opd.bkpsdm",))
    assert guess("agency", *known, third, disagreeing, mine) == (
        "bkpsdm",
        "3 of 4 guests called simpeg…",
    )


def test_guesses_come_from_pool_and_segment_where_the_name_says_nothing() -> None:
    known = [
        guest(str(i), name=f"{'abc'[i]}bcd", resource_pool="dinkes", tags=("cls.pribadi-umum",))
        for i in range(2)
    ]
    pooled = guest("x", name="other", resource_pool="dinkes")
    assert guess("classification", *known, pooled) == (
        "pribadi-umum",
        "2 of 2 guests in pool dinkes",
    )
    wired = guest("x", name="other")
    cards = [
        nic("0", vlan=7),
        nic("1", vlan=7),
        Nic(nic_id="x/0", guest_id="x", cluster="c", network="vmbr0", vlan=7),
    ]
    assert guess("classification", *known, wired, *cards) == (
        "pribadi-umum",
        "2 of 2 guests on vmbr0/7",
    )


def test_a_name_that_holds_an_agencys_code_is_a_sign_and_what_is_known_is_not_guessed() -> None:
    assert guess("agency", guest("x", name="app-dukcapil-01")) == (
        "dukcapil",
        "its name has dukcapil",
    )
    assert guess("agency", guest("x", name="dukcapil", tags=("opd.kominfo",))) is None
    assert guess("agency", guest("x", name="dukcapil-kominfo")) is None


def test_a_guess_is_in_columns_of_its_own_and_counts_for_nothing() -> None:
    place = city(guest("x", name="dukcapil-x"))
    [row] = lists_of(place)[UNOWNED]
    assert (row.agency, row.guess_agency, row.guess_agency_from) == (
        None,
        "dukcapil",
        "its name has dukcapil",
    )
    assert all(getattr(row, f.name) == "" for f in fields(AskRow) if f.name.startswith("answer"))


@pytest.mark.parametrize("lang", ["en", "id"])
def test_the_text_beside_the_lists_names_what_may_be_answered(lang: str) -> None:
    place = city()
    text = instructions(place.owners, lang, as_of="2026-11-23", unowned="_unowned.csv", days=92)
    for word in ("pribadi-spesifik", "dukcapil", "registry", "answered_by", "92", "2026-11-23"):
        assert word in text
    assert all(f.name in text for f in fields(AskRow) if f.name.startswith("answer"))


# Answers


def row(guest_id: str = "100", **answers: str) -> Row:
    given_ = {f"answer_{n}" if n in ("agency", "service", "classification", "criticality", "owner")
              else n: value for n, value in answers.items()}  # fmt: skip
    return Row("list.csv", 2, {"cluster": "c", "guest_id": guest_id} | given_)


def read(*rows: Row, place: Estate | None = None) -> Answers:
    return read_answers(rows, place or city(), AS_OF)


def test_an_answer_becomes_an_entry_with_who_and_when() -> None:
    found = read(row(
        agency="DUKCAPIL", service="registry", classification="Pribadi-Spesifik", criticality="1",
        owner="Kepala Bidang PIAK", answered_by="Sekretaris Dinas", answered_on="20/11/2026",
    ), row("200"))  # fmt: skip
    assert found.faults == []
    assert found.unanswered == 1
    [entry] = found.entries.values()
    assert entry.model_dump(exclude_none=True) == {
        "match": {"uuid": "U-100"}, "agency": "dukcapil", "service": "registry",
        "classification": "pribadi-spesifik", "criticality": 1, "owner": "Kepala Bidang PIAK",
        "confirmed_by": "Sekretaris Dinas", "confirmed_on": date(2026, 11, 20),
    }  # fmt: skip


@pytest.mark.parametrize(
    ("answers", "told"),
    [
        ({"agency": "dukcapl", "answered_by": "R"}, ("answer_agency: 'dukcapl' is no agency here; "
         "did you mean dukcapil?")),
        ({"service": "x", "answered_by": "R"}, ("answer_service: 'x' is no service here; known are "
         "registry")),
        ({"classification": "rahasia", "answered_by": "R"}, ("answer_classification: 'rahasia' is "
         "no class here; known are infra, pribadi-spesifik, pribadi-umum, publik, terbatas")),
        ({"criticality": "5", "answered_by": "R"}, ("answer_criticality: '5' is not 1 (the "
         "highest) to 4")),
        ({"owner": "budi@x.id", "answered_by": "R"}, ("answer_owner: is an address; write the role "
         "of who answers for the guest")),
        ({"owner": "x" * 121, "answered_by": "R"}, "answer_owner: is longer than 120 characters"),
        ({"agency": "dukcapil"}, "answered_by: is empty; write the role of who answered"),
        ({"answered_on": "2026-11-20"}, "answered_by: is empty; write the role of who answered"),
        ({"answered_by": "R", "answered_on": "2026-11-24"}, ("answered_on: 2026-11-24 is still to "
         "come")),
        ({"answered_by": "R", "answered_on": "31/02/2026"}, ("answered_on: '31/02/2026' is no day "
         "such as 2026-11-23 or 23/11/2026")),
        ({"answered_by": "R", "answered_on": "last week"}, ("answered_on: 'last week' is no day "
         "such as 2026-11-23 or 23/11/2026")),
        ({"uuid": "u-999", "answered_by": "R"}, ("uuid: another guest has that id now; export the "
         "list anew")),
        ({"guest_id": "999", "answered_by": "R"}, "guest_id: no guest c/999 is known"),
    ],
)  # fmt: skip
def test_a_cell_that_cannot_be_taken_is_one_line(answers: dict[str, str], told: str) -> None:
    found = read(row(**answers))
    assert [str(fault) for fault in found.faults] == [f"list.csv:2: {told}"]
    assert found.entries == {}


def test_every_bad_cell_is_told_at_once_and_no_guest_is_answered_twice() -> None:
    found = read(row(agency="x", classification="y", criticality="z"))
    assert [fault.column for fault in found.faults] == [
        "answer_agency", "answer_classification", "answer_criticality", "answered_by",
    ]  # fmt: skip
    twice = read(row(answered_by="R"), row(answered_by="S"))
    assert [str(fault) for fault in twice.faults] == ["list.csv:2: guest_id: is answered twice"]


def test_an_answer_older_than_what_is_recorded_is_refused() -> None:
    entry = {"match": {"uuid": "U-100"}, "confirmed_on": "2026-11-20", "confirmed_by": "R"}
    place = city(owners=OWNERS | {"guests": [entry]})
    [fault] = read(row(answered_by="R", answered_on="2026-11-19"), place=place).faults
    assert fault.column == "answered_on"
    assert read(row(answered_by="R", answered_on="2026-11-20"), place=place).faults == []


def test_a_uuid_that_several_guests_have_names_none_of_them() -> None:
    place = city(MINE, guest("101", uuid="u-100"))
    [entry] = read(row(answered_by="R"), place=place).entries.values()
    assert entry.match.model_dump(exclude_none=True) == {"cluster": "c", "guest_id": "100"}


def changed(place: Estate, answers: Answers) -> tuple[list[tuple[str, str, str, str]], Estate]:
    """What the answers change, and the estate with them."""
    attested = taken_in((), answers, place)
    owners = place.owners.model_copy(update={"guests": (*attested, *place.owners.guests)})
    told = [(d.field, d.old, d.new, d.note) for d in differences(place, owners, answers)]
    return told, city(*place.facts.records(type(MINE)), owners=owners.model_dump())


def test_the_difference_is_what_the_answer_really_changes() -> None:
    told, after = changed(city(), read(row("300", agency="kominfo", answered_by="R")))
    assert told == [
        ("agency", "?", "kominfo", ""),
        ("confirmed_by", "?", "R", ""),
        ("confirmed_on", "?", "2026-11-23", ""),
    ]
    found = next(v for v in after.guests if v.guest.guest_id == "300")
    assert (found.agency, found.owner_confirmed_by) == ("kominfo", "R")


def test_an_answer_that_is_less_strict_than_a_tag_is_told_to_have_no_effect() -> None:
    place = city(guest("100", uuid="U-100", tags=("cls.pribadi-umum", "opd.dukcapil")))
    told, after = changed(place, read(row(classification="publik", answered_by="R"), place=place))
    assert (
        "classification", "pribadi-umum", "pribadi-umum",
        "publik was answered; the strictest of estate publik, tag pribadi-umum counts",
    ) in told  # fmt: skip
    assert after.guests[0].classification == "pribadi-umum"


def test_a_later_answer_replaces_the_earlier_one_and_keeps_what_it_is_silent_on() -> None:
    first = read(row(classification="terbatas", owner="Head", answered_by="R"))
    attested = taken_in((), first, city())
    second = read(row(criticality="2", answered_by="S"), row("200", answered_by="S"))
    renewed = taken_in(attested, second, city())
    assert [e.model_dump(exclude_none=True, exclude={"confirmed_on"}) for e in renewed] == [
        {"match": {"uuid": "U-100"}, "classification": "terbatas", "criticality": 2,
         "confirmed_by": "S", "owner": "Head"},
        {"match": {"uuid": "U-200"}, "confirmed_by": "S"},
    ]  # fmt: skip


# Rounds


def confirmed(guest_id: str, days_ago: int) -> dict[str, Any]:
    day = AS_OF - timedelta(days=days_ago)
    return {"match": {"guest_id": guest_id}, "confirmed_on": day, "confirmed_by": "R"}


def test_an_answer_holds_for_a_round() -> None:
    entries = [confirmed("100", 92), confirmed("200", 93)]
    place = city(owners=OWNERS | {"guests": entries})
    rows = {row.agency: row for row in round_rows(place)}
    mine, other, nobody = rows["dukcapil"], rows["kominfo"], rows[""]
    assert (mine.guests, mine.answered, mine.overdue, mine.never) == (1, 1, 0, 0)
    assert (other.answered, other.overdue, other.never) == (0, 1, 0)
    assert (nobody.answered, nobody.overdue, nobody.never, nobody.unclassified) == (0, 0, 1, 1)
    assert [(r.guest_id, r.days_overdue) for r in overdue_rows(place)] == [("200", 1)]
    assert [(r.guest_id, r.days_overdue) for r in never_rows(place)] == [("300", None)]
    assert sum(row.overdue for row in rows.values()) == len(overdue_rows(place))
    assert sum(row.never for row in rows.values()) == len(never_rows(place))
    longer = city(owners=OWNERS | {"guests": entries},
                  policy={"attestation": {"round_days": 93}})  # fmt: skip
    assert {row.agency: row.answered for row in round_rows(longer)}["kominfo"] == 1


def test_the_first_to_classify_are_the_public_then_the_dangerous_then_the_large() -> None:
    records = [
        guest("1", name="small"), guest("2", name="large"), guest("3", tags=("expo.public",)),
        guest("4", os="debian-8"), guest("5", tags=("cls.publik",)), TEMPLATE,
        *(disk(str(i), capacity_bytes=size) for i, size in ((1, 5), (2, 50), (4, 1))),
    ]  # fmt: skip
    report = make_report(city(*records), Past(), Memory(), zone=JAKARTA, run_id="RUN")
    assert [row.guest_id for row in classify_first(report)] == ["3", "4", "2", "1"]
    assert [row.rank for row in classify_first(report, 2)] == [1, 2]


# Cells there and back


TEXT = st.text(
    alphabet=st.one_of(st.sampled_from("'=+-@＝ \t\"ab;,\n"), st.characters()), max_size=8
)


@given(TEXT)
def test_a_text_comes_back_from_a_cell_as_it_was(text: str) -> None:
    told = plain(text)
    cell = csv_text(told)
    assert from_csv_text(cell) == told
    assert not cell.startswith(("=", "+", "-", "@", "\t", "＝", "＋", "－", "＠"))


NAMES = st.text(st.characters(exclude_categories=("Cs", "Cc", "Zl", "Zp")), max_size=6)


@given(st.lists(st.tuples(NAMES, NAMES), max_size=4), st.sampled_from(["standard", "excel-id"]))
def test_a_list_comes_back_as_it_was_written(
    tmp_path_factory: pytest.TempPathFactory, told: list[tuple[str, str]], dialect: Any
) -> None:
    blank: dict[str, Any] = {f.name: None for f in fields(AskRow)}
    rows = [
        AskRow(
            **(blank | {"cluster": f"={plain(a)}", "guest_id": str(i), "answer_owner": plain(b)})
        )
        for i, (a, b) in enumerate(told)
    ]
    path = tmp_path_factory.getbasetemp() / "back.csv"
    path.write_text(csv_of_rows(AskRow, rows, dialect), encoding="utf-8", newline="")
    back = list(rows_in(path))
    assert [(r.cells["cluster"], r.cells["guest_id"], r.cells["answer_owner"]) for r in back] == [
        (row.cluster, row.guest_id, row.answer_owner) for row in rows
    ]


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (b"cluster,guest_id\n", r":1: has no column answer_agency, .*; export the list anew"),
        (b"cluster\xff\n", ": is not UTF-8 text; save it as CSV UTF-8"),
        (None, ": No such file or directory"),
    ],
)
def test_a_file_that_is_no_list_is_one_line(
    tmp_path: Path, content: bytes | None, told: str
) -> None:
    path = tmp_path / "list.csv"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(SettingsError, match=told):
        list(rows_in(path))


# As files


ESTATE = """\
# people wrote this
version: 1
agencies:
  dukcapil: {name: Dinas Dukcapil}
services: {}
guests: []
"""


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Site:
    site = Site(tmp_path_factory.mktemp("attesting"), estate=ESTATE)
    guests = [
        s.guest("100", "h1", tags="opd.dukcapil", uuid="U-100") | {"name": "=nik"},
        s.guest("101", "h1") | {"name": "dukcapil-web"},
    ]
    site.write(NOW - timedelta(hours=1), hosts=[s.host("h1")], guests=guests)
    return site.collect()


def test_lists_go_out_and_come_back(site: Site) -> None:
    folder = site.root / "out"
    told = site.run("estate", "export", "--out", str(folder), "--lang", "id").splitlines()
    assert sorted(Path(line).name for line in told) == ["_unowned.csv", "dukcapil.csv"]
    assert {path.name: path.stat().st_mode & 0o777 for path in folder.iterdir()} == {
        "_unowned.csv": 0o600, "dukcapil.csv": 0o600, "README.txt": 0o600,
    }  # fmt: skip
    again = site.call("estate", "export", "--out", str(folder))
    assert again.returncode == 2
    assert "is there already and may hold answers" in again.stderr

    path = folder / "_unowned.csv"
    [cells] = list(csv.DictReader(io.StringIO(path.read_text())))
    assert (cells["guess_agency"], cells["agency"]) == ("dukcapil", "")
    cells |= {"answer_agency": "dukcapil", "answer_classification": "pribadi-umum",
              "answer_owner": "Kepala Bidang", "answered_by": "Sekretaris"}  # fmt: skip
    text = io.StringIO()
    writer = csv.DictWriter(text, cells.keys(), delimiter=";")
    writer.writeheader()
    writer.writerow(cells)
    path.write_text("\ufeff" + text.getvalue())

    asked = site.call("estate", "import", str(path))
    assert asked.returncode == 2
    assert "--yes takes the answers in" in asked.stderr
    assert not attested_path(site.root / "estate.yaml").exists()
    assert "pribadi-umum" in site.run("estate", "import", "--yes", str(path))

    assert (site.root / "estate.yaml").read_text() == ESTATE
    written = attested_path(site.root / "estate.yaml")
    assert written.stat().st_mode & 0o777 == 0o600
    assert yaml.safe_load(written.read_text())["guests"] == [
        {"match": {"cluster": "c1", "guest_id": "101"}, "agency": "dukcapil",
         "classification": "pribadi-umum", "confirmed_by": "Sekretaris",
         "confirmed_on": AS_OF, "owner": "Kepala Bidang"}
    ]  # fmt: skip
    log = {row["command"]: row["counts"] for row in site.rows("db", "log")}
    assert log["estate export"] == f"folder={folder.resolve()}; guests=2; lists=2"
    assert f"answers={checksum(written.read_bytes())}" in log["estate import"]
    rounds = {row["agency"]: row for row in site.rows("estate", "rounds")}
    assert (rounds["dukcapil"]["guests"], rounds["dukcapil"]["answered"]) == (2, 1)
    assert "1 of 2 guests answered for in this round (50 %)" in site.call("estate", "check").stderr
    assert [r["guest_id"] for r in site.rows("estate", "rounds", "--show", "unclassified")] == [
        "100"
    ]

    cells["answer_classification"] = "geheim"
    text = io.StringIO()
    writer = csv.DictWriter(text, cells.keys())
    writer.writeheader()
    writer.writerow(cells)
    path.write_text(text.getvalue())
    bad = site.call("estate", "import", "--yes", str(path))
    assert bad.returncode == 2
    assert f"{path}:2: answer_classification: 'geheim' is no class here" in bad.stderr
    assert "nothing was written: 1 cells cannot be taken" in bad.stderr


def test_an_answer_that_names_what_is_gone_is_one_line(tmp_path: Path) -> None:
    path = tmp_path / "estate.yaml"
    path.write_text(ESTATE)
    attested_path(path).write_text("version: 1\nguests:\n- match: {uuid: U-1}\n  agency: dishub\n")
    with pytest.raises(SettingsError) as caught:
        load_estate(path)
    assert str(caught.value) == f"{attested_path(path)}:4: 'dishub' is no agency in estate.yaml"
