"""The calendar file: what ships, what init writes, and how faults in it are told."""

from __future__ import annotations

from datetime import date
from importlib.resources import files
from pathlib import Path

import pytest

from lumbung.commands.starting import _calendar
from lumbung.files import load_calendar
from lumbung.settings import SettingsError, load_settings
from planner.forecast.calendar import NO_CALENDAR

SHIPPED = Path(str(files("config"))) / "calendar.yaml"


def told(folder: Path, text: str) -> str:
    path = folder / "calendar.yaml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(SettingsError) as caught:
        load_calendar(path)
    return str(caught.value).removeprefix(str(folder) + "/")


def test_the_shipped_holidays_are_those_of_three_years() -> None:
    found = load_calendar(SHIPPED)
    assert [sum(day.year == year for day in found.holidays) for year in (2025, 2026, 2027)] == [
        28, 25, 26,
    ]  # fmt: skip
    some = {date(2025, 3, 31), date(2026, 3, 21), date(2027, 3, 10), date(2025, 8, 18)}
    assert some <= found.holidays
    assert found.month_end_days == 2


def test_init_writes_indonesian_holidays_only_where_it_is_there(tmp_path: Path) -> None:
    path = tmp_path / "calendar.yaml"
    for zone, known in (("Asia/Makassar", 79), ("Europe/Berlin", 0)):
        path.write_text(_calendar(zone), encoding="utf-8")
        assert len(load_calendar(path).holidays) == known


def test_without_a_file_no_day_is_a_holiday() -> None:
    assert load_calendar(None) == NO_CALENDAR


@pytest.mark.parametrize(
    ("line", "fault"),
    [
        ("  - {when: 2026-02-30}", "calendar.yaml:5: 2026-02-30 is no date"),
        ("  - {when: 17 August}", "calendar.yaml:5: holidays.1.when: "),
        ("  - {when: 2026-08-17}", "calendar.yaml:5: holidays.1.when: 2026-08-17 is there twice"),
        ("  - {when: 2026-09-03, until: 2026-09-01}", "calendar.yaml:5: holidays.1: ends on"),
        ("  - {when: 2026-09-03, titel: x}", "calendar.yaml:5: unknown key 'holidays.1.titel'"),
    ],
)
def test_a_fault_is_told_with_its_line(tmp_path: Path, line: str, fault: str) -> None:
    head = "version: 1\nmonth_end_days: 2\nholidays:\n  - {when: 2026-08-17}\n"
    assert told(tmp_path, f"{head}{line}\n").startswith(fault)


def test_the_configuration_names_the_file(tmp_path: Path) -> None:
    path = tmp_path / "lumbung.toml"
    text = '[[sources]]\nname = "x"\nkind = "files"\npath = "x"\n[calendar]\nfile = "days.yaml"\n'
    path.write_text(text, encoding="utf-8")
    with pytest.raises(SettingsError, match=r"lumbung\.toml:6: \[calendar\] .*no such file"):
        load_settings(path)
    (tmp_path / "days.yaml").write_text("version: 1\nholidays: []\n", encoding="utf-8")
    assert load_settings(path).calendar_file == tmp_path / "days.yaml"
