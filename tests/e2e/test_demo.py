"""The demo city, by the real way, against its answer key."""

from __future__ import annotations

import csv
import json
import re
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any

import pytest
import yaml

from bench.planted import accuracy, named
from command_line import lumbung, lumbung_here
from site_files import JAKARTA

# A Monday, as in the worked examples; a Saturday, for the weekly rhythm hides on weekends; and
# an hour after midnight, when another day has begun at the site but not in UTC.
MOMENTS = (
    datetime(2026, 11, 23, 7, 30, tzinfo=JAKARTA),
    datetime(2027, 1, 16, 15, 0, tzinfo=JAKARTA),
    datetime(2026, 11, 25, 1, 5, tzinfo=JAKARTA),
)


class City:
    """A demo that has run, as its files tell it."""

    def __init__(self, folder: Path, now: datetime) -> None:
        self.now = now
        self.as_of = now.date()
        self.run = lumbung("demo", str(folder), now=now)
        assert self.run.returncode == 0, self.run.stderr
        self.folder = folder
        self.weekly = folder / "weekly" / "latest"
        self.key = yaml.safe_load(files("lab.city").joinpath("answer_key.yaml").read_text("utf-8"))

    def forecast(self) -> list[dict[str, Any]]:
        told = lumbung(
            "--config", str(self.folder / "lumbung.toml"), "forecast", "--format", "json",
            now=self.now,
        )  # fmt: skip
        assert told.returncode == 0, told.stderr
        found: list[dict[str, Any]] = json.loads(told.stdout)
        return found

    def rows(self, table: str) -> list[dict[str, str]]:
        with (self.weekly / f"{table}.csv").open(newline="", encoding="utf-8") as file:
            return list(csv.DictReader(file))


# What no hour and no weekday changes is asked once.
on_a_monday = pytest.mark.parametrize("city", MOMENTS[:1], indirect=True, ids=["Mon"])


@pytest.fixture(scope="module")
def city_at(tmp_path_factory: pytest.TempPathFactory) -> Callable[[datetime], City]:
    """The city at a moment; it is made once."""

    @cache
    def made(moment: datetime) -> City:
        return City(tmp_path_factory.mktemp("demo") / "city", moment)

    return made


@pytest.fixture(params=MOMENTS, ids=lambda at: at.strftime("%a"))
def city(request: pytest.FixtureRequest, city_at: Callable[[datetime], City]) -> City:
    return city_at(request.param)


def test_the_pools_runways_and_order_by_dates_are_found(city: City) -> None:
    rows = {(r["pool"], r["resource"], r["model"]): r for r in city.rows("pools")}
    for entry in city.key["pools"]:
        row = rows[entry["pool"], entry["resource"], entry["model"]]
        assert row["status"] == entry["status"], (entry, row)
        if "runway_days" in entry:
            _assert_runway(city, entry, row)
        if "growth_per_day" in entry:
            growth = float(row["growth_per_day"])
            assert abs(growth - entry["growth_per_day"]) <= entry["growth_within"], growth
        if "flag" in entry:
            assert entry["flag"] in row["flags"].split()


def _assert_runway(city: City, entry: dict[str, Any], row: dict[str, str]) -> None:
    if entry["runway_days"] is None:
        assert (row["runway_days"], row["runway_reason"]) == ("", entry["reason"]), entry
        return
    assert abs(int(row["runway_days"]) - entry["runway_days"]) <= entry["within"], (entry, row)
    if "order_by_in_days" in entry:
        found = (date.fromisoformat(row["order_by_date"]) - city.as_of).days
        assert abs(found - entry["order_by_in_days"]) <= entry["order_within"], (entry, found)


def test_a_demo_at_noon_says_what_one_in_the_morning_says(
    city_at: Callable[[datetime], City],
) -> None:
    """How busy the offices are when it runs is not how busy they are all day."""
    morning, noon = (city_at(at) for at in (MOMENTS[0], MOMENTS[0].replace(hour=11)))
    told = [
        {(row["pool"], row["resource"], row["model"]): row["status"] for row in one.rows("pools")}
        for one in (morning, noon)
    ]
    assert told[0] == told[1]


def test_what_to_buy_and_what_is_under_way_is_told(city: City) -> None:
    rows = {(row["pool"], row["order"]): row for row in city.rows("orders")}
    for entry in city.key["purchases"]:
        row = rows[entry["pool"], entry.get("order", "")]
        for column in ("what", "unit", "owner", "stage", "status", "gate"):
            assert row[column] == entry.get(column, row[column]), (entry, row)
        assert int(row["quantity"]) == entry.get("quantity", int(row["quantity"])), row
        if "missed" in entry:
            assert row["budget_missed"] == str(int(entry["missed"])), row
        for column, key in (
            ("budget_by_date", "budget_by_in_days"),
            ("in_service_date", "in_service_in_days"),
        ):
            if key in entry:
                assert (date.fromisoformat(row[column]) - city.as_of).days == entry[key], row


@on_a_monday
def test_an_order_is_defended_as_it_was_published(city: City) -> None:
    [row] = [r for r in city.rows("orders") if r["key"] == "order/san-01"]
    config = ("--config", str(city.folder / "lumbung.toml"))
    ran = lumbung_here(*config, "explain", f"{row['key']}/cost", "--report", "latest", now=city.now)
    told = ran.stdout.splitlines()
    assert told[2] == f"cost = {int(row['cost']):,}"
    assert told[-2].startswith(f"published as {city.weekly.resolve().name}: run ")
    assert told[-1] == "  orders.csv says the same"


def test_the_lead_is_learnt_and_the_tentative_project_is_a_second_line(city: City) -> None:
    leads, second = city.key["leads"], city.key["tentative"]
    for row in city.rows("pools"):
        assert int(row["lead_days"]) == leads["days"]
        assert bool(row["order_by_date"]) == (leads["flag"] in row["flags"].split())
        is_second = all(row[key] == value for key, value in second.items())
        if is_second:
            with_it = int(row["runway_days_conservative_with_tentative"])
            assert with_it < int(row["runway_days_conservative"])


def test_the_planted_steps_are_found_with_their_causes_and_no_other(city: City) -> None:
    rows = [row for row in city.forecast() if row["steps"]]
    for entry in city.key["steps"]:
        [row] = [
            r for r in rows if (r["pool"], r["resource"]) == (entry["pool"], entry["resource"])
        ]
        found = (city.as_of - date.fromisoformat(row["last_step_on"])).days
        assert abs(found - entry["days_ago"]) <= 7, row
        assert abs(row["last_step"] - entry["size"]) <= entry["within"], row
        assert row["last_step_cause"] == entry["cause"]
    assert len(rows) == len(city.key["steps"])


def test_what_the_week_added_is_told_apart(city: City) -> None:
    rows = {(r["pool"], r["resource"], r["model"]): r for r in city.forecast()}
    for entry in city.key["growth"]:
        row = rows[entry.pop("pool"), entry.pop("resource"), entry.pop("model")]
        assert {name: row[f"week_{name}"] for name in entry} == pytest.approx(entry, abs=0.1)


def test_the_guests_that_stay_down_are_named(city: City) -> None:
    rows = city.rows("failover")
    pools = {row["pool"]: row for row in city.rows("pools")}
    for entry in city.key["failover"]:
        assert pools[entry["pool"]]["failover_test"] == entry["verdict"]
        if "host" in entry:
            [row] = [r for r in rows if (r["pool"], r["host"]) == (entry["pool"], entry["host"])]
            names = sorted(re.findall(r"([\w-]+) \(", row["stays_down"]))
            assert names == sorted(entry["stays_down"])
        if "domain" in entry:
            [row] = [
                r for r in rows if (r["pool"], r["domain"]) == (entry["pool"], entry["domain"])
            ]
            assert row["verdict"] == entry["domain_verdict"]


def test_how_many_more_fit_is_found(city: City) -> None:
    rows = {row["pool"]: row for row in city.rows("pools")}
    for entry in city.key["fit"]:
        row = rows[entry["pool"]]
        assert [int(row[f"fit_{size}"]) for size in "sml"] == [entry[size] for size in "sml"], entry


def test_the_recorders_are_judged_by_how_far_back_they_reach(city: City) -> None:
    rows = {row["recorder"]: row for row in city.rows("cameras")}
    assert set(rows) == {entry["recorder"] for entry in city.key["cameras"]}
    for entry in city.key["cameras"]:
        row = rows[entry["recorder"]]
        for column, value in entry.items():
            told = row[column]
            assert told == value if isinstance(value, str) else _number(told) == value, column


def _number(cell: str) -> float | None:
    return float(cell) if cell else None


def test_what_the_recorders_lack_is_ordered(city: City) -> None:
    orders = {row["pool"]: row for row in city.rows("orders")}
    assert "cctv-pool" not in orders
    for entry in city.key["orders"]:
        row = orders[entry["pool"]]
        assert [row["what"], row["unit"], row["status"]] == [
            entry["what"], entry["unit"], entry["status"],
        ]  # fmt: skip
        assert float(row["quantity"]) == entry["quantity"]
        assert row["order_by_date"] == ""


def told(city: City, *arguments: str) -> list[dict[str, Any]]:
    """The rows of a command that is run on the demo's store."""
    config = str(city.folder / "lumbung.toml")
    ran = lumbung("--config", config, *arguments, "--format", "json", now=city.now)
    assert ran.returncode == 0, ran.stderr
    rows: list[dict[str, Any]] = json.loads(ran.stdout)
    return rows


@on_a_monday
def test_what_could_be_given_back_is_found_each_byte_in_one_class(city: City) -> None:
    rows = {row["name"]: row for row in told(city, "reclaim", "--by", "class")}
    assert set(rows) == {entry["class"] for entry in city.key["reclaim"]}
    for entry in city.key["reclaim"]:
        row = rows[entry["class"]]
        for name in ("items", "storage_gib", "vcpus", "memory_gib"):
            assert row[name] == entry[name], (entry, row)
        assert row["sizes_not_known"] == entry.get("sizes_not_known", 0)
    guests = {row["name"]: row for row in city.rows("guests")}
    for entry in city.key["exempt"]:
        until = city.as_of + timedelta(days=entry["in_days"])
        assert guests[entry["guest"]]["exempt_until"] == str(until)
        assert guests[entry["guest"]]["reclaim_class"] == "exempt"
    [month] = told(city, "reclaim", "--savings")
    assert (month["proposed"], month["freed"]) == (14, 0)


@on_a_monday
def test_what_agencies_are_shown_sums_to_what_their_clusters_cost(city: City) -> None:
    rows = told(city, "showback")
    for cluster, cost in (("balaikota", 180e6), ("command-center", 120e6)):
        payers = [row for row in rows if row["cluster"] == cluster]
        assert sum(row["cost_month"] for row in payers) == pytest.approx(cost)
        assert [row["kind"] for row in payers][-1] == "unallocated"
        assert payers[-1]["cost_month"] > 0


@on_a_monday
def test_the_scenarios_come_to_what_was_reckoned(city: City) -> None:
    ran = lumbung(
        "--config", str(city.folder / "lumbung.toml"), "whatif", "--format", "json",
        "--file", str(city.folder / "scenarios.yaml"), now=city.now,
    )  # fmt: skip
    assert ran.returncode == 0, ran.stderr
    rows = {
        (r["scenario"], r["pool"], r["resource"], r["model"]): r for r in json.loads(ran.stdout)
    }
    for entry in city.key["scenarios"]:
        row = rows[entry["scenario"], entry["pool"], entry["resource"], entry["model"]]
        assert row["headroom"] == pytest.approx(entry["headroom"], abs=1), entry
        assert row["failover_test"] == entry["failover"], entry


@on_a_monday
def test_the_requests_are_answered(city: City) -> None:
    for entry in city.key["requests"]:
        when = city.as_of + timedelta(days=entry["in_days"])
        ran = lumbung(
            "--config", str(city.folder / "lumbung.toml"), "whatif", "--request", "--add",
            entry["add"], "--pool", entry["pool"], "--when", str(when), "--format", "json",
            now=city.now,
        )  # fmt: skip
        assert ran.returncode == 0, ran.stderr
        [row] = json.loads(ran.stdout)
        assert row["answer"] == entry["answer"], row
        if "hosts" in entry:
            assert row["conditions"].startswith(f"{entry['hosts']} hosts like"), row


def test_the_planted_risks_are_found_and_nothing_else(city: City) -> None:
    found = [row for row in city.rows("risks") if row["outcome"] == "risk" and not row["waiver"]]
    planted = city.key["risks"]
    for entry in planted:
        [row] = [
            r
            for r in found
            if r["rule"] == entry["rule"] and named(r["subject"]) == entry["subject"]
        ]
        assert row["severity"] == entry["severity"], row
        assert row["evidence"]
    for rule in city.key["nothing_else"]:
        subjects = {named(r["subject"]) for r in found if r["rule"] == rule}
        assert subjects == {e["subject"] for e in planted if e["rule"] == rule}, rule


def test_a_risk_that_is_accepted_stays_in_sight_and_counts_for_nothing(city: City) -> None:
    found = [row for row in city.rows("risks") if row["waiver"]]
    for row, entry in zip(found, city.key["accepted"], strict=True):
        assert (row["rule"], named(row["subject"])) == (entry["rule"], entry["subject"])
        assert row["waiver"] == entry["waiver"]
        until = city.now.astimezone(JAKARTA).date() + timedelta(days=entry["until_in_days"])
        assert row["waiver_until"] == str(until)
        assert (row["points"], int(row["points_waived"]) > 0) == ("0", True)


@on_a_monday
def test_agencies_have_answered_for_some_of_their_guests(city: City) -> None:
    config = ("--config", str(city.folder / "lumbung.toml"))
    shown = lumbung_here(*config, "estate", "rounds", "--format", "json", now=city.now)
    rounds = {row["agency"]: row for row in json.loads(shown.stdout)}
    counted = ("guests", "answered", "overdue", "never")
    for agency, told in city.key["answered"].items():
        assert [rounds[agency][name] for name in counted] == [told[name] for name in counted]


@on_a_monday
def test_every_planted_risk_is_found_and_every_other_rule_is_silent(city: City) -> None:
    found = accuracy(city.weekly / "risks.csv")
    assert (found.precision, found.recall) == (1.0, 1.0), str(found)


@on_a_monday
@pytest.mark.parametrize(
    ("rule", "fact", "asked", "answer"),
    [
        ("DAR-004", "disk balaikota/111/scsi0", ("disks", "disk_id", "111/scsi0"), "cache"),
        ("SEG-001", "guest balaikota/110", ("nics", "guest_id", "110"), "vlan"),
        ("BKP-003", "disk balaikota/108/scsi1", ("disks", "disk_id", "108/scsi1"), "slot"),
    ],
)
def test_a_finding_is_followed_to_what_its_source_answered_and_back(
    city: City, rule: str, fact: str, asked: tuple[str, str, str], answer: str
) -> None:
    """From the report to the fact, its source and the poll; and from the fact to the report."""
    config = ("--config", str(city.folder / "lumbung.toml"))
    [row] = [r for r in city.rows("risks") if r["rule"] == rule]
    why = lumbung_here(*config, "explain", f"finding/{row['finding_id']}", now=city.now).stdout
    seen = city.now.astimezone(UTC).isoformat(timespec="seconds")
    traced = rf"^fact: {fact} of balaikota, .*last seen {re.escape(seen)}$"
    assert re.search(traced, why, re.MULTILINE), why
    assert f"evidence: {row['evidence']}" in why
    table, column, name = asked
    shown = lumbung_here(*config, "inventory", table, "--format", "json", now=city.now)
    [told] = [r for r in json.loads(shown.stdout) if r[column] == name]
    assert str(told[answer]) in row["evidence"]


@on_a_monday
def test_all_that_a_breach_touched_is_named_and_nothing_else(city: City, tmp_path: Path) -> None:
    breach = city.key["breach"]
    start = city.now - timedelta(days=breach["from_days_ago"])
    end = city.now - timedelta(hours=breach["until_hours_ago"])
    ran = lumbung(
        "--config", str(city.folder / "lumbung.toml"), "incident", "--guest", breach["guest"],
        "--from", start.isoformat(), "--to", end.isoformat(), "--out", str(tmp_path / "pack"),
        now=city.now,
    )  # fmt: skip
    assert ran.returncode == 0, ran.stderr
    pack = json.loads((tmp_path / "pack" / "incident.json").read_text("utf-8"))
    assert [row["host"] for row in pack["where"]] == breach["hosts"]
    for shares in ("host", "network", "datastore"):
        near = {row["guest"].split()[0] for row in pack["neighbours"] if row["shares"] == shares}
        assert near == set(breach[shares]), shares
    assert {row["agency"] or "" for row in pack["agencies"]} == set(breach["agencies"])
    people = {row["agency"]: row["people"] for row in pack["agencies"] if row["people"]}
    assert people == breach["people"]
    rights = [": ".join(filter(None, (r["principal"], r["member"]))) for r in pack["rights"]]
    assert sorted(rights) == sorted(breach["rights"])
    assert [row["kind"] for row in pack["changes"]] == breach["changes"]
    differs = {row["field"] for row in pack["configuration"] if row["differs"]}
    assert differs == set(breach["configuration"])
    copies = [row["before_window"] for row in pack["copies"] if row["there_now"]]
    assert {"before": copies.count(True), "since": copies.count(False)} == breach["copies"]
    assert {row["topic"] for row in pack["not_known"]} == set(breach["not_known"])


def test_the_weeks_changes_are_named(city: City) -> None:
    rows = city.rows("changes")
    for entry in city.key["changes"]:
        assert any(
            row["kind"] == entry["kind"] and f"({entry['subject']})" in row["subject"]
            for row in rows
        ), entry
    assert len(rows) == len(city.key["changes"])


def test_the_report_counts_what_the_sources_count(city: City) -> None:
    manifest = json.loads((city.weekly / "manifest.json").read_text())
    for source in manifest["sources"]:
        assert source["guests_listed"] == source["guests_reported"] == source["guests_seen"]
    [center] = [row for row in city.rows("sources") if row["source"] == "command-center"]
    expires = date.fromisoformat(center["token_expires_on"])
    assert expires - city.as_of in (timedelta(days=19), timedelta(days=20))


def test_it_ends_by_showing_what_matters_first(city: City) -> None:
    assert "Order or decide" in city.run.stdout
    assert "san-01" in city.run.stdout
    assert "analitik-video" in city.run.stdout
    assert "brief.html" in city.run.stderr


def test_the_headline_is_the_most_urgent_order(city: City) -> None:
    brief = (city.weekly / "brief.html").read_text()
    headline = re.search(r'class="headline overdue">([^<]*)<', brief)
    first = city.rows("orders")[0]
    assert headline is not None
    assert first["pool"] in headline[1]
    assert first["order_by_date"] in headline[1]


def test_no_secret_is_in_any_file_but_its_own(city: City) -> None:
    secrets = [path.read_text().strip() for path in city.folder.glob("*.token")]
    assert len(secrets) == 2
    for path in city.folder.rglob("*"):
        if path.is_file() and path.suffix != ".token":
            content = path.read_bytes()
            assert not any(secret.encode() in content for secret in secrets), path


def test_a_folder_that_is_no_demo_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "mine.txt").write_text("keep")
    result = lumbung("demo", str(tmp_path))
    assert result.returncode == 2
    assert "is no demo" in result.stderr
    assert (tmp_path / "mine.txt").read_text() == "keep"
