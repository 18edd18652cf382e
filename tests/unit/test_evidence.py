"""The lists that an auditor samples from, and the folder they are handed over in."""

from __future__ import annotations

import csv
import io
import sqlite3
from dataclasses import fields
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest

from docs.comments import field_comments
from estates import NOW, estate, health
from inventory.platform_records import Grant, Principal
from inventory.records import Backup, BackupJob, Nic, Record
from lumbung.files import load_regulations
from planner.evidence import ROW_TYPES, Evidence, evidence_of, judged_in_full, statement_of
from planner.incident.rows import TABLES
from planner.past import Past
from planner.report import Memory, Report, make_report
from site_files import GIB, Site, datastore, disk, guest, host
from stored import JAKARTA
from stored import datastore as a_datastore
from stored import disk as a_disk
from stored import guest as a_guest
from stored import host as a_host

OWNERS = {"agencies": {"a": {"name": "A", "contact": "a@kota.example"}}}
DAY = date(2026, 11, 23)


def report_of(*records: Record, **more: Any) -> Report:
    return make_report(
        estate(*records, owners=OWNERS, **more), Past(), Memory(), zone=JAKARTA, run_id="RUN",
        regulations=load_regulations(),
    )  # fmt: skip


def lists_of(report: Report) -> dict[str, Evidence]:
    return {one.name: one for one in evidence_of(report)}


NIGHTLY = BackupJob(
    job_id="nightly", cluster="c", enabled=True, schedule="02:00", selects_all=True,
    datastore_id="pbs", retention="keep-daily=7",
)  # fmt: skip
TARGET = a_datastore("pbs")

RECORDS = (
    a_host("h1", platform="proxmox-ve", version="8.4.1"),
    a_guest("100", name="web", tags=("cls.pribadi-umum", "opd.a", "os.debian-12"), uuid="u"),
    a_guest("101", tags=None, os="ubuntu-18.04"),
    a_disk(),
    a_disk("100", "scsi1", backup=False),
    a_datastore(),
    Nic(nic_id="100/net0", guest_id="100", cluster="c", network="br0", vlan=7, firewall=True),
    NIGHTLY,
    Backup(guest_id="100", cluster="c", name="b1", created_at=NOW, encrypted=True, verified=False),
    Principal(principal_id="ana@pve", cluster="c", kind="user", enabled=True),
    Principal(principal_id="budi@pve", cluster="c", kind="user", enabled=False),
    Grant(path="/", principal_id="ana@pve", role_id="PVEAuditor", cluster="c", propagates=True),
)  # fmt: skip


def test_every_thing_is_an_asset_and_can_be_followed_to_its_source() -> None:
    rows = lists_of(report_of(*RECORDS))["assets"].rows
    assert {(row.kind, row.id) for row in rows} == {
        ("host", "h1"), ("datastore", "san"), ("guest", "100"), ("guest", "101"),
    }  # fmt: skip
    assert all(row.source == "site" and row.confirmed_at is not None for row in rows)
    [web] = [row for row in rows if row.id == "100"]
    assert (web.agency, web.owner, web.uuid) == ("a", "a@kota.example", "u")


def test_who_says_which_class() -> None:
    rows = {row.id: row for row in lists_of(report_of(*RECORDS))["classification"].rows}
    assert rows["100"].stated == "tag=pribadi-umum"
    assert (rows["101"].classification, rows["101"].tags) == (None, None)


def test_support_has_dates_or_is_not_known() -> None:
    rows = {row.id: row for row in lists_of(report_of(*RECORDS))["support"].rows}
    assert rows["h1"].support == "ended"
    assert rows["h1"].supported_until == date(2026, 8, 31)
    assert rows["101"].support == "extended"
    assert rows["101"].supported_until < DAY <= rows["101"].extended_until
    [vague] = [
        row for row in lists_of(report_of(a_guest("1", os="l26")))["support"].rows if row.id == "1"
    ]
    assert (vague.support, vague.release) == ("unknown", None)


def test_how_each_guest_is_backed_up() -> None:
    rows = {row.id: row for row in lists_of(report_of(*RECORDS))["backups"].rows}
    web = rows["100"]
    assert (web.jobs, web.schedules, web.targets) == ("nightly", "02:00", "pbs")
    assert (web.retention, web.disks_left_out) == ("keep-daily=7", "scsi1")
    assert (web.backups, web.encrypted, web.verified) == (1, 1, 0)
    assert rows["101"].backups == 0
    assert rows["101"].declared_method is None


def test_declared_backups_and_restore_tests_are_listed_with_their_dates() -> None:
    owners = {
        **OWNERS,
        "services": {"s": {"owner": "a", "restore_test": {"tested_on": "2026-10-01"}}},
        "guests": [
            {
                "match": {"guest_id": "100"},
                "service": "s",
                "backup": {"method": "borg", "last_success": "2026-11-22"},
            }
        ],
    }
    place = estate(a_guest("100"), owners=owners)
    report = make_report(place, Past(), Memory(), zone=JAKARTA, run_id="RUN")
    [row] = lists_of(report)["backups"].rows
    assert (row.declared_method, row.declared_on) == ("borg", date(2026, 11, 22))
    assert row.restore_tested_on == date(2026, 10, 1)


def test_backups_that_are_hidden_are_not_counted_as_none() -> None:
    hidden = (health(hidden=("backup",)),)
    rows = lists_of(report_of(a_guest("100"), sources=hidden))["backups"].rows
    assert [row.backups for row in rows] == [None]


@pytest.mark.parametrize(
    ("records", "hidden", "told"),
    [
        ((a_disk(backup=True), a_datastore(), TARGET), (), ""),
        (
            (a_disk(backup=True), a_datastore(enabled=False), TARGET), (),
            "scsi0 lies on san, switched off",
        ),
        (
            (a_disk(backup=True), a_datastore(), a_datastore("pbs", enabled=False)), (),
            "nightly: pbs is switched off",
        ),
        (
            (a_disk(backup=True), a_disk("100", "scsi1", backup=False)), (),
            "nightly: its target was not seen; scsi0: its datastore was not seen",
        ),
        ((TARGET,), ("disk", "backup_job"), "backup_job: no right; disk: no right"),
    ],
)  # fmt: skip
def test_what_is_in_the_way_of_a_run_is_named_also_what_was_not_seen(
    records: tuple[Record, ...], hidden: tuple[str, ...], told: str
) -> None:
    report = report_of(a_guest("100"), NIGHTLY, *records, sources=(health(hidden=hidden),))
    [row] = lists_of(report)["backups"].rows
    assert row.in_the_way == told


def test_everyone_who_may_do_something_is_listed_with_it() -> None:
    rows = lists_of(report_of(*RECORDS))["access"].rows
    told = [(row.principal, row.role, row.path, row.enabled) for row in rows]
    assert told == [("ana@pve", "PVEAuditor", "/", True), ("budi@pve", None, None, False)]


def test_networks_stand_beside_the_class_of_the_data() -> None:
    [row] = lists_of(report_of(*RECORDS))["networks"].rows
    told = (row.guest, row.interface, row.vlan, row.classification, row.firewall)
    assert told == ("web (100)", "net0", 7, "pribadi-umum", True)


def test_the_statement_asks_every_rule_but_those_that_are_switched_off() -> None:
    policy = {"risks": {"off": ["PRV-001"]}}
    report = report_of(*RECORDS, policy=policy)
    asked = judged_in_full(report).counts
    assert "PRV-001" not in asked
    assert set(asked) >= {found.rule.id for found in report.assessment.findings}
    iso = report.regulations.pack("iso27001", DAY)
    rows = {row.control: row for row in statement_of(report, iso)}
    assert "PRV-001" in rows["A.5.12"].not_asked
    assert rows["A.8.8"].status == "risk"


def test_every_list_is_evidence_of_the_control_it_is_asked_for_by() -> None:
    iso = load_regulations().pack("iso27001", DAY)
    for one in evidence_of(report_of(*RECORDS)):
        assert one.annex_a in iso.controls
        assert one.controls(iso), one.name


@pytest.mark.parametrize("row_type", [*ROW_TYPES.values(), *TABLES.values()], ids=str)
def test_every_column_says_what_it_means(row_type: type[Any]) -> None:
    if row_type.__module__ == "planner.rows":
        return  # docs/meanings.toml tells those of the weekly files
    assert set(field_comments(row_type)) == {field.name for field in fields(row_type)}


# The folder


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Site:
    made = Site(tmp_path_factory.mktemp("evidence"), estate="version: 1\n").write(
        hosts=[host("h0")],
        guests=[guest("100", "h0", tags="cls.publik"), guest("101", "h0")],
        disks=[disk("100", "san", capacity=GIB)],
        datastores=[datastore("san", capacity=9 * GIB, used=GIB)],
    )
    return made.collect()


def read(path: Path) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(path.read_text(encoding="utf-8"))))


def test_a_framework_is_told_with_its_evidence(site: Site) -> None:
    folder = site.root / "audit"
    rows = site.rows("risks", "--framework", "iso27001", "--out", str(folder))
    assert len(rows) == 93
    index = {row["file"]: row for row in read(folder / "index.csv")}
    written = {path.name for path in folder.iterdir()} - {"index.csv", "manifest.json"}
    assert set(index) == written
    wanted = ("A.5.9-", "A.5.12-", "A.8.6-", "A.8.8-", "A.8.13-", "A.8.14-")
    assert all(any(name.startswith(start) for name in written) for start in wanted)
    for name, row in index.items():
        assert len(read(folder / name)) == int(row["rows"])
    assert folder.stat().st_mode & 0o777 == 0o700
    assert all(path.stat().st_mode & 0o777 == 0o600 for path in folder.iterdir())
    assert "all as they were" in site.run("report", "verify", str(folder))
    assert "risks --framework" in site.run("db", "log")


def test_a_pack_misses_the_line_that_tells_of_it_when_the_log_is_cut(site: Site) -> None:
    """The end of the log is taken away, and what the store remembers of it is made to fit."""
    folder = site.root / "handed-over"
    site.run("risks", "--framework", "cis8", "--out", str(folder))
    store = site.root / "inventory.db"
    whole = store.read_bytes()
    with sqlite3.connect(store) as connection:
        [last] = connection.execute("SELECT max(number) FROM audit_line").fetchone()
        connection.execute("DROP TRIGGER audit_line_no_delete")
        connection.execute("DELETE FROM audit_line WHERE number = ?", (last,))
        connection.execute(
            "UPDATE meta SET value = (SELECT number || ' ' || seal FROM audit_line "
            "ORDER BY number DESC LIMIT 1) WHERE name = 'audit_head'"
        )
    connection.close()
    told = site.run("report", "verify", str(folder), expect=1)
    store.write_bytes(whole)
    assert told == "handed-over: the audit log does not tell of it\n"
    assert "all as they were" in site.run("report", "verify", str(folder))


def test_what_is_asked_wrongly_is_one_line(site: Site) -> None:
    for arguments, said in (
        (("--framework", "iso"), "known are iso27001"),
        (("--framework", "iso27001", "--format", "sarif"), "leave out --framework"),
        (("--framework", "iso27001", "--on", "2020-01-01"), "holds from 2022-10-25"),
        (("--out", "x"), "belongs to --framework"),
    ):
        ran = site.call("risks", *arguments)
        assert ran.returncode == 2, arguments
        assert said in ran.stderr
        assert len(ran.stderr.splitlines()) == 1


def test_a_pack_of_the_site_is_read_by_the_configuration(site: Site, tmp_path: Path) -> None:
    (tmp_path / "rules").mkdir()
    (tmp_path / "rules" / "own.yaml").write_text(
        "version: 1\nid: perwali\nname: Perwali 7\ncited_as: Perwali 7\n"
        f"valid_from: {DAY - timedelta(days=1)}\nsource: lembaran daerah\n"
        "controls:\n  pasal 1: {title: Pemilik, verified: [PRV-002]}\n"
    )
    config = tmp_path / "lumbung.toml"
    text = site.config.read_text().replace('path = "site"', f'path = "{site.root}/site"')
    text = text.replace("estate.yaml", f"{site.root}/estate.yaml")
    config.write_text(text + '[regulations]\nfolder = "rules"\n')
    own = Site(tmp_path)
    store = f"sqlite:///{site.root}/inventory.db"
    told = own.run("--db", store, "risks", "--framework", "perwali", "--format", "csv")
    assert "perwali,pasal 1,Pemilik,risk" in told
    assert "Perwali 7 pasal 1" in own.run("--db", store, "risks", "--format", "csv")
    config.write_text(text + '[regulations]\nfolder = "rulez"\n')
    assert "rulez: no such folder" in own.call("risks").stderr


def test_the_catalogue_is_told_in_both_languages_and_with_what_is_missing(site: Site) -> None:
    english, indonesian = (site.rows("rules", "--lang", lang) for lang in ("en", "id"))
    assert [row["id"] for row in english] == [row["id"] for row in indonesian]
    assert all(a["title"] != b["title"] for a, b in zip(english, indonesian, strict=True))
    assert {row["profile"] for row in english} == {"essential", "full"}
    missing = site.rows("rules", "--absent")
    assert all(row["reason"].endswith(".") for row in missing)
    assert {row["id"] for row in missing}.isdisjoint(row["id"] for row in english)
