"""`lumbung whatif` as a user types it, on a directory of files."""

from __future__ import annotations

import csv
import io
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from lumbung.files import load_estate
from lumbung.settings import SettingsError
from site_files import GIB, Site, datastore, disk, guest, host

IN_MARCH = "2027-03-01"
PROJECTS = """\
version: 1
agencies:
  tax: {name: Tax Office}
projects:
  - {name: portal, pool: c1, status: committed, when: 2027-02-01, memory_gib: 100, vcpus: 8}
"""


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Site:
    """Four hosts of 512 GiB that use 250 each; 48 guests of 2 vCPUs / 16 GiB / 40 GiB."""
    site = Site(tmp_path_factory.mktemp("whatif"), estate=PROJECTS)
    at = site.now.isoformat()
    used = [
        {"taken_at": at, "entity": "host", "entity_id": f"h{i}", "period_seconds": 300,
         "cpu_used_cores": 2, "memory_used_bytes": 150 * GIB} for i in range(4)
    ]  # fmt: skip
    site.write(
        taken_at=site.now,
        hosts=[host(f"h{i}") for i in range(4)],
        guests=[guest(f"g{i}", f"h{i % 4}", memory=16 * GIB) for i in range(48)],
        datastores=[datastore("san", capacity=8000 * GIB, used=1000 * GIB)],
        disks=[disk(f"g{i}", "san", capacity=40 * GIB) for i in range(48)],
        usage=used,
    )
    return site.collect()


def row_of(rows: list[dict[str, Any]], scenario: str, resource: str, model: str) -> dict[str, Any]:
    [row] = [
        r for r in rows if (r["scenario"], r["resource"], r["model"]) == (scenario, resource, model)
    ]
    return row


def test_options_make_one_scenario_beside_doing_nothing(place: Site) -> None:
    rows = place.rows("whatif", "--add", "10xM", "--pool", "c1", "--when", IN_MARCH)
    nothing = row_of(rows, "doing nothing", "memory", "allocation")
    asked = row_of(rows, "these options", "memory", "allocation")
    capacity = place.pool("memory", "allocation")
    assert nothing["headroom"] == capacity["headroom"] == 3 * 512 - 768
    assert (asked["headroom"], asked["headroom_change"]) == (3 * 512 - 768 - 160, -160)
    assert nothing["fit_m"] == capacity["fit_m"]
    assert asked["failover_test"] == "pass"
    assert asked["placement"] == "h0: 3; h1: 3; h2: 2; h3: 2"
    assert nothing["changed"] == ""


def test_nothing_is_stored(place: Site) -> None:
    before = place.run("capacity", "--format", "csv"), place.run("inventory", "guests")
    place.run("whatif", "--add", "10xM", "--pool", "c1", "--retire", "h3", "--format", "csv")
    assert (place.run("capacity", "--format", "csv"), place.run("inventory", "guests")) == before


def test_every_option_is_a_change(place: Site) -> None:
    rows = place.rows(
        "whatif", "--remove", "g4*", "--resize", "g1=4/32", "--retire", "h3", "--add-host", "2xh0",
        "--add-host", "1x64/1024", "--add-storage", "san=1000", "--growth", "memory=1.5",
        "--pool", "c1",
    )  # fmt: skip
    memory = row_of(rows, "these options", "memory", "allocation")
    assert memory["usable"] == 3 * 512 + 2 * 512  # six hosts, the largest of which is reserved
    assert memory["load"] == 768 - 9 * 16 + 16  # g4, g40 … g47 are gone
    storage = row_of(rows, "these options", "storage", "demand")
    assert storage["usable"] == 0.8 * 9000


def test_the_table_fits_a_hundred_columns_and_marks_what_differs(
    place: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "100")
    ran = place.call("whatif", "--add", "10xM", "--pool", "c1")
    lines = ran.stdout.splitlines()
    assert max(map(len, lines)) <= 100
    assert any(line.split()[:4] == ["these", "options", "!", "469*"] for line in lines), ran.stdout
    assert "these options: binds: c1/memory/demand. c1 takes h0: 3" in ran.stderr


def test_a_file_holds_several_scenarios(place: Site) -> None:
    file = place.root / "scenarios.yaml"
    file.write_text(
        "version: 1\n"
        "scenarios:\n"
        "  - name: A\n"
        f"    changes: [{{when: {IN_MARCH}, add: {{count: 4, pool: c1}}}}]\n"
        "  - name: B\n"
        "    changes:\n"
        "      - retire: {host: h3}\n"
        "      - service: {name: x, pool: c1, agency: tax, guests: [{count: 2, profile: S}]}\n"
    )
    told = place.run("whatif", "--file", str(file), "--format", "csv")
    rows = list(csv.DictReader(io.StringIO(told)))
    assert list(dict.fromkeys(row["scenario"] for row in rows)) == ["doing nothing", "A", "B"]
    both = place.rows("whatif", "--file", str(file), "--add", "1xM", "--pool", "c1")
    assert {row["scenario"] for row in both} >= {"A", "B", "these options"}


def test_a_row_is_explained_by_its_key(place: Site) -> None:
    file = place.root / "scenarios.yaml"
    file.write_text(
        "version: 1\n"
        "scenarios:\n"
        "  - name: tax/new\n"
        "    changes:\n"
        f"      - {{when: {IN_MARCH}, add: {{count: 4, pool: c1}}}}\n"
        "      - add_hosts: {like: h0}\n"
    )
    rows = place.rows("whatif", "--file", str(file))
    row = row_of(rows, "tax/new", "memory", "demand")
    assert row["key"] == "scenario/tax/new/c1/memory/demand"
    assert row_of(rows, "doing nothing", "memory", "demand")["key"] == "pool/c1/memory/demand"
    told = place.run("explain", row["key"], "--file", str(file))
    for line in (
        f"  {IN_MARCH}: add count 4, profile M, pool c1",
        "  2026-11-23: add_hosts count 1, like h0",
        "  of c1: hosts +1, guests +4, disks +4",
        "  c1/new-M-1: +16 GiB",
        "usable 1,638.4 GiB; doing nothing 1,228.8 GiB",
        f"  from {IN_MARCH}: usable 1,638.4 GiB, the scenario adds +64 GiB",
        "  host new-h0-1: capacity 512 GiB, reserve 0 (assumed), of the scenario",
        "  host h0: capacity 512 GiB, reserve 0 (assumed), source site, confirmed",
        "  factor 0.8 (threshold.memory, assumed); k = 1",
    ):
        assert line in told
    one = place.run("explain", f"{row['key']}/usable", "--file", str(file))
    assert "usable = 1,638.4; doing nothing 1,228.8" in one
    assert "runway =" not in one


def test_options_are_explained_where_they_are_asked(place: Site) -> None:
    key = "scenario/these options/c1/memory/allocation/headroom_change"
    told = place.run("whatif", "--add", "10xM", "--pool", "c1", "--explain", key)
    assert "headroom_change = -160; doing nothing" in told
    assert "headroom = U − A" in told
    alone = place.call("explain", key)
    assert alone.returncode == 2
    assert "name their file with --file" in alone.stderr
    bad = place.call("whatif", "--add", "10xM", "--explain", "scenario/those/c1/memory/demand")
    assert (bad.returncode, bad.stdout) == (2, "")
    assert "scenarios given are 'these options'" in bad.stderr
    unknown = place.call("whatif", "--add", "10xM", "--explain", key.replace("c1", "c9"))
    assert unknown.returncode == 2
    assert "pools are c1, san" in unknown.stderr


def test_a_file_without_scenarios_is_told_with_its_place(place: Site) -> None:
    file = place.root / "scenarios.yaml"
    file.write_text("version: 1\nscenarios: []\n")
    ran = place.call("whatif", "--file", str(file))
    assert ran.returncode == 2
    assert ran.stderr.startswith(f"lumbung: {file}:2: scenarios: holds none"), ran.stderr


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ("{add: {cont: 4, pool: c1}}", ":5: unknown key 'scenarios.0.changes.0.add.cont'; did you"),
        ("{add: {count: 4, pool: cc1}}", ":5: no cluster is named 'cc1'; did you mean 'c1'?"),
        ("{retire: {host: hh0}}", ":5: no host is named 'hh0'; did you mean 'h0'?"),
        ("{remove: {match: {name_glob: gg7}}}", ":5: no guest has name like 'gg7'; did you mean"),
        ("{when: 2026-02-30, retire: {host: h0}}", ":5: 2026-02-30 is no date: day is out of"),
        ("{when: 2020-01-01, retire: {host: h0}}", ":5: 2020-01-01 lies before 2026-11-23"),
        ("{add: {pool: c1, agency: taxi}}", ":5: 'taxi' is no agency here; did you mean 'tax'?"),
        ("{}", ":5: scenarios.0.changes.0: holds nothing; a change is exactly one of add"),
    ],
)
def test_a_bad_file_is_told_in_one_line_with_its_place(place: Site, change: str, told: str) -> None:
    file = place.root / "scenarios.yaml"
    file.write_text(f"version: 1\nscenarios:\n  - name: A\n    changes:\n      - {change}\n")
    ran = place.call("whatif", "--file", str(file))
    assert ran.returncode == 2
    assert ran.stdout == ""
    [line] = ran.stderr.splitlines()
    assert line.startswith(f"lumbung: {file}{told}"), line


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ((), "whatif needs a change, such as --add 10xM"),
        (("--add", "10xQ", "--pool", "c1"), "--add: 'Q' is neither S, M, L"),
        (("--add", "0xM", "--pool", "c1"), "--add: '0xM': the count must be 1 to 10,000"),
        (("--add", "-5xM", "--pool", "c1"), "--add: '-5xM': the count must be 1 to 10,000"),
        (("--add", "10001xM", "--pool", "c1"), "--add: '10001xM': the count must be 1 to"),
        (
            ("--add", "4xM", "--pool", "cc1"),
            "--pool: no cluster is named 'cc1'; did you mean 'c1'?",
        ),
        (("--add", "4xM", "--when", "2026-13-01"), "--when: '2026-13-01' is not a date"),
        (("--add", "4xM", "--when", "2026-01-01"), "--when: 2026-01-01 lies before 2026-11-23"),
        (("--resize", "g1=big"), "--resize: 'g1=big' is not GUEST=VCPUS/GIB"),
        (("--retire", "h44"), "--retire: no host is named 'h44'; known are h0, h1"),
        (("--migrate", "c1"), "--migrate: 'c1' is not FROM:TO"),
        (("--growth", "disk=2"), "--growth: 'disk=2' is not cpu, memory or storage"),
        (("--growth", "memory=nan"), "--growth: 'memory=nan' is not cpu, memory or storage"),
        (("--growth", "memory=-1"), "--growth: must be at least 0"),
        (("--add-storage", "sam=9"), "--add-storage: no datastore is named 'sam'"),
        (("--reclaim", "c9"), "--reclaim: no pool is named 'c9'"),
        (("--remove", "gg*"), "--remove: no guest has name like 'gg*'"),
        (("--add", "4xM", "--format", "xml"), "Invalid value for '--format': 'xml' is not one of"),
        (("--add-storage", "san"), "--add-storage: 'san' is not DATASTORE=GIB"),
        (("--project", "portl"), "--project: no project is named 'portl'; did you mean 'portal'?"),
        (("--request", "--retire", "h0"), "a request is made of --add NxSIZE"),
        (
            ("--request", "--add", "1xM", "--explain", "request/add=1xM"),
            "Invalid value for --explain: the key of a request says all of it",
        ),
        (("--request", "--add", "1xM", "--until", "2026-01-01"), "--until: 2026-01-01 lies before"),
        (("--request", "--add", "1xM", "--agency", "taxi"), "--agency: 'taxi' is no agency here"),
    ],
)
def test_bad_options_are_told_in_one_line(place: Site, options: tuple[str, ...], told: str) -> None:
    ran = place.call("whatif", *options)
    assert (ran.returncode, ran.stdout) == (2, "")
    [line] = ran.stderr.splitlines()
    assert line.startswith(f"lumbung: {told}"), line


def test_a_request_is_answered_with_a_page_to_send_back(place: Site) -> None:
    page = place.root / "answer.html"
    options = ("--request", "--agency", "tax", "--add", "8xM", "--when", IN_MARCH)
    told = place.run("whatif", *options, "--page", str(page))
    assert told.startswith("Yes. It fits")
    assert "Tax Office (tax)" in told
    assert "Tax Office (tax)" in page.read_text(encoding="utf-8")
    [row] = place.rows("whatif", *options)
    assert (row["answer"], row["pool"], row["memory_gib"]) == ("yes", "c1", 128)
    assert row["hosts"] == "h0: 2; h1: 2; h2: 2; h3: 2"
    assert row["datastores"] == "san: 640 GiB"
    assert (row["lasts_until"], row["cost_month"]) == (None, None)
    assert row["key"] == f"request/add=8xM,when={IN_MARCH},agency=tax"
    assert row["key"] in page.read_text(encoding="utf-8")
    assert "answer yes: yes = with all" in place.run("explain", row["key"])


def test_a_request_that_does_not_fit_names_the_order(place: Site) -> None:
    [row] = place.rows("whatif", "--request", "--add", "60xM", "--when", "2028-03-01")
    assert row["answer"] == "yes_if"
    # With the portal, which has begun by then, 600 + 100 + 960 GiB are used; with one host more
    # 4 x 512 x 0.8 = 1638 would be usable.
    assert row["conditions"].startswith("2 hosts like c1/h")
    lead = timedelta(days=314)
    assert row["order_by_date"] == str((place.now.replace(year=2028, month=3, day=1) - lead).date())


def test_whether_a_request_lasts_is_not_known_without_a_history(place: Site) -> None:
    options = ("--request", "--add", "1xM", "--until", "2027-06-01", "--lang", "id")
    assert place.run("whatif", *options).startswith("Belum diketahui.")


def test_a_project_is_not_counted_twice(place: Site) -> None:
    [row] = place.rows("whatif", "--project", "portal")
    assert (row["answer"], row["request"], row["when"]) == ("yes", "portal", "2027-02-01")
    assert row["memory_gib"] == 100
    assert "host by host is not tested" in row["assumed"]


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ("{name: a, pool: c, when: 2027-01-01, vcpu: 1}", ":3: unknown key 'projects.0.vcpu'; did"),
        ("{name: a, pool: c1, when: 2027-02-30}", ":3: 2027-02-30 is no date: day is out of range"),
    ],
)
def test_a_bad_project_is_told_with_its_line(tmp_path: Path, line: str, told: str) -> None:
    file = tmp_path / "estate.yaml"
    file.write_text(f"version: 1\nprojects:\n  - {line}\n")
    with pytest.raises(SettingsError) as caught:
        load_estate(file)
    assert str(caught.value).startswith(f"{file}{told}")
