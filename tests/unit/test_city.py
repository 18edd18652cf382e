"""The demo city is the same at every hour: only what was planted in it is amiss."""

from __future__ import annotations

import csv
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from lab.city.balaikota import balaikota
from lab.city.command_center import command_center
from lab.city.kvm_site import write_site
from lab.pve_model import Cluster, last_at
from site_files import JAKARTA

MIDNIGHT = datetime(2026, 11, 24, 0, 30, tzinfo=JAKARTA)
HOURS = [MIDNIGHT + timedelta(hours=hour) for hour in range(24)]
_STOPPED_BACKING_UP = 103


@pytest.mark.parametrize("city", [balaikota, command_center])
def test_the_newest_backups_are_of_the_last_night_whatever_the_hour(city: object) -> None:
    for at in HOURS:
        cluster: Cluster = city(at.timestamp())  # type: ignore[operator]
        newest: dict[int, float] = {}
        for backup in cluster.backups(at.timestamp()):
            newest[backup.vmid] = max(backup.made_at, newest.get(backup.vmid, 0.0))
        newest.pop(_STOPPED_BACKING_UP, None)
        ages = {vmid: at.timestamp() - taken for vmid, taken in newest.items()}
        assert ages
        assert all(0 <= age < 86_400 for age in ages.values()), (at, ages)


def test_a_site_carried_in_at_any_hour_holds_no_backup_of_the_future(tmp_path: Path) -> None:
    for at in HOURS:
        write_site(tmp_path, at, history=False)
        with (tmp_path / "backups.csv").open(encoding="utf-8") as file:
            times = [datetime.fromisoformat(row["created_at"]) for row in csv.DictReader(file)]
        assert max(times) <= at
        assert sorted(at - time < timedelta(days=1) for time in times)[:2] == [False, True]


def test_the_last_time_of_an_hour_is_today_s_or_yesterday_s() -> None:
    nine = datetime(2026, 11, 24, 21, 0, tzinfo=JAKARTA).timestamp()
    assert last_at(nine, 21) == nine
    assert last_at(nine - 1, 21) == nine - 86_400
