"""What was published of a figure stands beside what is computed of it now."""

from __future__ import annotations

import csv
import json
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest

from estates import AS_OF, NOW
from lumbung.commands.published import beside, edition_called, editions, held_against
from lumbung.publish import publish
from lumbung.settings import SettingsError
from planner.explain import explain
from planner.policy import Policy
from planner.rows import ROW_TYPES
from whole_report import report


def row_of(key: str) -> Any:
    rows = (row for _type, rows in report().tables.values() for row in rows)
    return next(row for row in rows if row.key == key)


@pytest.fixture(scope="module")
def weekly(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("weekly")
    publish(report(), folder, dialect="standard", lang="en")
    return folder


def told(folder: Path, row: Any) -> list[str]:
    return list(beside(folder, report(), row))


def test_every_key_in_every_weekly_file_is_answered(weekly: Path) -> None:
    for stem in ROW_TYPES:
        with (weekly / "latest" / f"{stem}.csv").open(encoding="utf-8", newline="") as file:
            keys = [row["key"] for row in csv.DictReader(file)]
        assert keys == [row.key for row in report().tables[stem][1]]
        for key in keys:
            assert explain(report(), key).startswith(f"{key}\n")


def test_a_row_that_is_as_it_was_published_says_so_with_the_run(weekly: Path) -> None:
    policy = report().policy.version
    first = f"published as 2026-W48.RUN: run RUN, policy {policy}"
    assert told(weekly, row_of("order/c")) == [first, "  orders.csv says the same"]


def test_every_row_is_found_as_it_was_published(weekly: Path) -> None:
    edition = edition_called(weekly, "2026-W48")
    for stem, (_type, rows) in report().tables.items():
        for row in rows:
            lines = list(held_against(edition, report(), row))
            assert lines[1:] == [f"  {stem}.csv says the same"]


def test_what_differs_is_told_figure_by_figure(weekly: Path) -> None:
    row = row_of("order/c")
    changed = replace(row, cost=1.5, order_by_date=date(2027, 1, 1), in_service_date=None)
    other = replace(report(), policy=Policy(label="new"))
    lines = list(held_against(edition_called(weekly, "latest"), other, changed))
    assert lines[1:] == [
        f"  the policy is another one now: {other.policy.version}",
        f"  order_by_date: published {row.order_by_date}, now 2027-01-01",
        f"  in_service_date: published {row.in_service_date}, now nothing",
        f"  cost: published {row.cost:g}, now 1.5",
    ]


def test_semicolons_and_decimal_commas_are_read_back(tmp_path: Path) -> None:
    publish(report(), tmp_path, dialect="excel-id", lang="id")
    for key in ("order/c", "pool/c/memory/demand", report().risks[0].key):
        assert told(tmp_path, row_of(key))[1].endswith("says the same")


def test_figures_are_compared_where_texts_are_hidden_from_the_reader(tmp_path: Path) -> None:
    publish(report(), tmp_path, dialect="standard", lang="en", profile="management")
    row = row_of("order/c")
    assert told(tmp_path, row)[1:] == ["  orders.csv says the same"]
    assert "cost: published" in told(tmp_path, replace(row, cost=1.0))[1]
    assert "hidden from management" in told(tmp_path, replace(row, key="order/x"))[1]


def test_a_report_of_another_day_is_named_and_one_that_is_none_is_not(weekly: Path) -> None:
    later = replace(report(), as_of=AS_OF + timedelta(days=7))
    [line] = beside(weekly, later, row_of("order/c"))
    assert line.startswith(f"the newest published report is 2026-W48.RUN, as of {AS_OF}; --report")
    assert list(beside(weekly, replace(report(), as_of=AS_OF - timedelta(days=7)), line)) == []
    assert told(weekly / "none", row_of("order/c")) == []
    assert told(weekly, "no row of a weekly file") == []


def test_a_report_is_computed_of_the_second_in_which_it_was_made(weekly: Path) -> None:
    [edition] = editions(weekly)
    when = edition.when(date(2027, 1, 1))
    assert (when.as_of, when.today) == (AS_OF, date(2027, 1, 1))
    assert NOW <= when.at < NOW + timedelta(seconds=1)


def test_a_key_that_is_computed_no_more_is_said_to_have_been_published(weekly: Path) -> None:
    edition = edition_called(weekly, "latest")
    for key in ("order/c", "order/c/cost"):
        assert "orders.csv of 2026-W48.RUN has it: the policy" in edition.has(key)
    assert edition.has("order/x") == ""


def test_what_was_altered_since_is_told(tmp_path: Path) -> None:
    folder = publish(report(), tmp_path, dialect="standard", lang="en").resolve()
    path = folder / "orders.csv"
    text = path.read_text(encoding="utf-8")
    path.write_text("\n".join(",".join(line.split(",")[:3]) for line in text.splitlines()))
    lines = told(tmp_path, row_of("order/c"))
    assert lines[1:] == [
        f"  {folder.name}: orders.csv was altered",
        "  orders.csv cannot be read, or is of a version whose rows had no keys",
    ]


def test_a_published_file_that_is_no_text_any_more_is_told(tmp_path: Path) -> None:
    folder = publish(report(), tmp_path, dialect="standard", lang="en").resolve()
    (folder / "orders.csv").write_bytes(b"\xff\xfe key")
    lines = told(tmp_path, row_of("order/c"))
    assert lines[-1] == "  orders.csv cannot be read, or is of a version whose rows had no keys"


def test_a_report_that_is_not_there_is_told_with_those_that_are(weekly: Path) -> None:
    with pytest.raises(SettingsError, match=r"published as 'W1'; known are 2026-W48\.RUN"):
        edition_called(weekly, "W1")
    for name in ("RUN", str(weekly / "2026-W48.RUN")):
        assert edition_called(weekly, name).published.name == "2026-W48.RUN"


def test_a_manifest_that_cannot_be_read_is_passed_over_and_not_guessed(tmp_path: Path) -> None:
    folder = publish(report(), tmp_path, dialect="standard", lang="en").resolve()
    manifest = json.loads((folder / "manifest.json").read_text())
    del manifest["at"]
    (folder / "manifest.json").write_text(json.dumps(manifest))
    assert editions(tmp_path) == []
    with pytest.raises(SettingsError, match="no report is published as 'latest'; known are none"):
        edition_called(tmp_path, "latest")
