"""Camera recordings: the worked examples 39 to 44, and what is measured, computed or not known."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from pydantic import ValidationError

from estates import NOW, estate, health
from inventory.platform_records import Recorder
from planner.answers import PoolAnswer, answer_all
from planner.camera_entries import CameraGroup, Cameras, Overheads
from planner.camera_report import camera_orders, more_cameras
from planner.cameras import (
    TB,
    TIB,
    Stream,
    Stretch,
    bytes_per_day,
    cameras_possible,
    kept_bytes,
    raw_bytes,
    retention_days,
    storage_bytes,
    table_mbps,
    uplink_cameras,
)
from planner.estate import Estate
from planner.past import Past
from planner.questions import questions
from planner.recorders import Keeper, keepers_of
from stored import GIB, JAKARTA, datastore, disk, guest, host

CITY = [Stream(count=106, mbps=4.0)]
RULE = {"days": 30, "basis": "Rule 7"}


# The worked examples


def test_example_39_what_106_cameras_need() -> None:
    needed = storage_bytes(106, 4, 24, 30)
    assert needed / TB == pytest.approx(137.376)
    assert needed / TIB == pytest.approx(124.943, abs=0.0005)
    assert storage_bytes(1, 4, 24, 30) / TB == pytest.approx(1.296)
    assert bytes_per_day(1) == pytest.approx(10.8e9)
    assert sum(stream.count * stream.mbps for stream in CITY) == 424


def test_example_40_overheads_fill_and_raid() -> None:
    with_container = Overheads(container_pct=10)
    whole = Overheads(container_pct=10, fill_ratio=0.9, raid_data=8, raid_parity=2)
    assert storage_bytes(106, 4, 24, 30, with_container) / TB == pytest.approx(151.1136)
    net = storage_bytes(106, 4, 24, 30, whole)
    assert net / TB == pytest.approx(167.904)
    assert raw_bytes(net, whole) / TB == pytest.approx(209.88)


def test_example_41_what_120_tb_keep() -> None:
    assert CITY[0].daily_bytes / TB == pytest.approx(4.5792)
    assert retention_days(120 * TB, CITY) == pytest.approx(26.2, abs=0.01)
    assert cameras_possible(120 * TB, CITY, 30) == 92


def test_example_42_growth_to_150_cameras() -> None:
    more = storage_bytes(150, 4, 24, 30)
    assert more / TB == pytest.approx(194.4)
    assert (more - storage_bytes(106, 4, 24, 30)) / TB == pytest.approx(57.024)


def test_example_43_two_tiers() -> None:
    tiered = [Stream(106, 4.0, tiers=(Stretch(30, 4.0), Stretch(60, 1.0)))]
    assert kept_bytes(tiered, 30) / TB == pytest.approx(137.376)
    assert kept_bytes(tiered, 90) / TB == pytest.approx(206.064)
    assert retention_days(206.064 * TB, tiered) == pytest.approx(90)


def test_example_44_what_an_uplink_carries() -> None:
    assert uplink_cameras(1000, 0.70, 4) == 175


def test_hours_count_in_bytes_only() -> None:
    assert storage_bytes(1, 4, 12, 30) == storage_bytes(1, 4, 24, 30) / 2


@pytest.mark.parametrize(
    ("megapixels", "codec", "fps", "activity", "expected"),
    [
        (2, "h264", 15, "medium", 4),
        (1, "h264", 15, "medium", 2),
        (8, "h264", 15, "high", 22.4),
        (4, "h265", 30, "low", 4.8),
    ],
)
def test_the_table_where_nobody_has_measured(
    megapixels: Any, codec: Any, fps: float, activity: Any, expected: float
) -> None:
    assert table_mbps(megapixels, codec, fps, activity) == pytest.approx(expected)


def test_a_store_that_no_camera_fills_has_no_retention() -> None:
    assert retention_days(120 * TB, []) is None
    assert cameras_possible(120 * TB, [], 30) is None


# One recorder


def recorder(kept_days: float | None = 26.2, *, checked: float | None = 1, **more: Any) -> Recorder:
    at = None if checked is None else NOW - timedelta(days=checked)
    oldest = None if kept_days is None or at is None else at - timedelta(days=kept_days)
    given: dict[str, Any] = {"capacity_bytes": 120 * TB, "cameras": 106, "cameras_recording": 106}
    given |= {"disks_failed": 0, "checked_at": at, "oldest_recording_at": oldest}
    return Recorder(recorder_id="nvr", name="Nvr one", cluster="site", **(given | more))


def group(**more: Any) -> dict[str, Any]:
    given = {"name": "gates", "count": 106, "mbps": 4, "retention": RULE, "recorder": "nvr"}
    return {name: value for name, value in (given | more).items() if value is not None}


def place(*records: Any, groups: Any = None, **more: Any) -> Estate:
    """An estate with these cameras; sources in ``more``."""
    shared = {name: more.pop(name) for name in ("uplinks", "overheads") if name in more}
    owners = {"cameras": {"groups": [group()] if groups is None else groups, **shared}}
    return estate(*records, owners=owners | more.pop("owners", {}), **more)


def only(found: Estate) -> Keeper:
    [keeper] = keepers_of(found)
    return keeper


def test_what_was_measured_wins_over_what_is_computed() -> None:
    keeper = only(place(recorder(31.0)))
    assert keeper.computed_days == pytest.approx(26.2, abs=0.01)
    assert keeper.achieved == (31.0, "measured")
    assert keeper.verdict == "ok"


def test_exactly_as_long_as_required_is_long_enough() -> None:
    assert only(place(recorder(30.0))).verdict == "ok"
    assert only(place(recorder(29.99))).verdict == "short"


def test_without_an_oldest_recording_it_is_computed() -> None:
    keeper = only(place(recorder(None)))
    assert (keeper.achieved[1], keeper.verdict) == ("computed", "short")
    assert keeper.still_possible == 92 - 106


@pytest.mark.parametrize(
    ("checked", "verdict"), [(30.0, "ok"), (30.01, "unknown"), (None, "unknown"), (-2, "unknown")]
)
def test_a_check_counts_for_thirty_days(checked: float | None, verdict: str) -> None:
    keeper = only(place(recorder(31.0, checked=checked, capacity_bytes=500 * TB)))
    assert keeper.verdict == verdict
    if verdict == "unknown":
        assert keeper.achieved == (None, "")
        assert (keeper.not_recording, keeper.disks_failed) == (None, None)
        assert keeper.computed_days is not None  # its size is no check


@pytest.mark.parametrize(
    ("records", "groups", "why"),
    [
        ((), [group()], "no source tells of this recorder"),
        ((), [group(recorder=None, datastore="san")], "no source tells of this datastore"),
        ((), [group(recorder=None)], "names neither a recorder nor a datastore"),
        ((recorder(31.0),), [], "no required retention is declared"),
        ((recorder(31.0),), [group(retention=None)], "no required retention is declared"),
        ((recorder(None, capacity_bytes=None),), [group()], "its capacity is not known"),
        ((recorder(None),), [], "no cameras are declared for it"),
    ],
)
def test_what_is_missing_makes_it_unknown_and_is_named(records: Any, groups: Any, why: str) -> None:
    keeper = only(place(*records, groups=groups))
    assert keeper.verdict == "unknown"
    assert why in keeper.why


def test_the_longest_requirement_of_its_groups_counts() -> None:
    groups = [group(), group(name="doors", count=1, retention={"days": 90, "basis": "Rule 8"})]
    keeper = only(place(recorder(40.0), groups=groups))
    assert (keeper.required_days, keeper.basis) == (90, "Rule 7; Rule 8")
    assert (keeper.cameras, keeper.verdict) == (107, "short")


def test_a_recorder_may_be_called_by_its_name_its_id_or_in_full() -> None:
    for name in ("nvr", "Nvr one", "site/nvr"):
        keeper = only(place(recorder(), groups=[group(recorder=name)]))
        assert keeper.recorder is not None
        assert keeper.answers_to(name)


def test_what_the_last_check_found_broken_is_flagged() -> None:
    broken = recorder(31.0, cameras=110, cameras_recording=104, disks_failed=2)
    assert only(place(broken)).flags == (
        "overheads_assumed", "count_differs:110", "not_recording:6", "disks_failed:2",
    )  # fmt: skip
    table = group(mbps=None, resolution_mp=2)
    flagged = only(place(recorder(), groups=[table], overheads={"fill_ratio": 1.0})).flags
    assert flagged == ("bitrate_from_table",)


def test_overheads_shrink_what_a_recorder_keeps() -> None:
    keeper = only(place(recorder(None), overheads={"fill_ratio": 0.9, "container_pct": 10}))
    assert keeper.usable_bytes == pytest.approx(120 * TB * 0.9 / 1.1)
    assert keeper.computed_days == pytest.approx(26.2055 * 0.9 / 1.1, abs=0.001)


# A line


def test_all_cameras_on_a_line_share_it() -> None:
    groups = [group(uplink="ring"), group(name="far", recorder="other", count=50, uplink="ring")]
    for keeper in keepers_of(place(recorder(), groups=groups, uplinks={"ring": {"mbps": 1000}})):
        assert keeper.line is not None
        assert (keeper.line.used_mbps, keeper.line.more(4)) == (624, 175 - 156)
        assert keeper.line.used_percent == pytest.approx(100 * 624 / 700)


# More cameras


def test_more_cameras_shorten_a_measured_retention_too() -> None:
    found = place(recorder(31.0), groups=[group(uplink="ring")], uplinks={"ring": {"mbps": 1000}})
    row = more_cameras(found, only(found), 44, None)
    assert (row.cameras, row.cameras_after) == (106, 150)
    assert (row.needed_tb, row.needed_tb_after, row.more_tb) == (137.376, 194.4, 57.024)
    assert row.uplink_mbps_after == 600
    assert row.achieved_days_after == pytest.approx(31 * 106 / 150, abs=0.05)
    assert (row.verdict, row.verdict_after) == ("ok", "short")


def test_more_cameras_of_another_bitrate_are_thinned_out_alike() -> None:
    tiers = [{"days": 30}, {"days": 60, "mbps": 1}]
    found = place(recorder(), groups=[group(count=10, tiers=tiers)])
    after = only(found).with_more(5, 8.0)
    assert after.streams[1].tiers == (Stretch(30, 8.0), Stretch(60, 2.0))
    assert after.daily_bytes == pytest.approx(2 * 10 * bytes_per_day(4))


def test_more_cameras_on_a_recorder_of_unknown_ones_stay_unknown() -> None:
    keeper = only(place(recorder(31.0), groups=[]))
    assert keeper.with_more(10, 4.0) == keeper


# Orders


def test_what_is_missing_is_ordered_and_what_needs_looking_at_is_said() -> None:
    owners = {"agencies": {"dishub": {"name": "D", "contact": "c@city.example"}}}
    [order] = camera_orders(place(recorder(), groups=[group(agency="dishub")], owners=owners))
    assert (order.what, order.unit, order.owner) == (
        "more recorder storage", "gib", "D",
    )  # fmt: skip
    assert order.quantity == pytest.approx(17.376 * TB / GIB, abs=0.1)
    assert order.assumed == "no overheads"
    assert (order.budget_by_date, order.gate, order.cost, order.item) == (None, "", None, "")
    [order] = camera_orders(place(recorder(20.0, capacity_bytes=200 * TB)))
    assert (order.what, order.quantity) == ("why the recorder keeps less", None)
    assert list(camera_orders(place(recorder(31.0)))) == []


def test_an_office_decides_on_a_recorder_as_on_everything_else() -> None:
    bought = {"buy": {"owner": "IT office"}}
    [order] = camera_orders(place(recorder(), policy=bought))
    assert order.owner == "IT office"
    assert [row.owner for row in camera_orders(place(recorder()))] == [""]


def test_recorder_storage_has_a_price_and_a_gate_as_other_orders_have() -> None:
    yearly = {"name": "plan", "submit_by": "09-01", "spend_from": "01-02"}
    shelf = {"item": "recorder", "storage_gib": 10_000, "price": 500.0}
    catalogue = [
        shelf | {"name": "dear", "price": 900.0},
        shelf | {"name": "shelf"},
        shelf | {"name": "disk", "item": "disk", "price": 1.0},
    ]
    owners = {"budget": {"gates": [yearly]}, "catalogue": catalogue}
    [order] = camera_orders(place(recorder(), owners=owners))
    assert (order.item, order.unit, order.quantity, order.cost) == ("shelf", "recorder", 2, 1000.0)
    assert order.budget_missed == 1  # money for today had to be asked for last year
    assert order.gate == "plan, missed; next plan by 2027-09-01, money from 2028-01-02"
    own = [shelf | {"name": "own", "price": 2_000.0, "pools": ["Nvr one"]}]
    [order] = camera_orders(place(recorder(), owners=owners | {"catalogue": [*catalogue, *own]}))
    assert (order.item, order.cost) == ("own", 4_000.0)


# Datastores that are full by design

ON_SAN = group(recorder=None, datastore="san")


def storage(found: Estate) -> PoolAnswer:
    """The answer of the datastore san, which is full to the brim."""
    answers = answer_all(found, questions(found, Past(), JAKARTA))
    return next(pool for pool in answers if pool.pool.name == "san")


def full(capacity: int = 120 * TB) -> tuple[Any, ...]:
    store = datastore(capacity_bytes=capacity, used_bytes=capacity)
    return (host(), guest(), disk(capacity_bytes=capacity), store)


@pytest.mark.parametrize(
    ("capacity", "status"), [(200 * TB, "ok"), (137_376 * 10**9, "ok"), (120 * TB, "act")]
)
def test_the_fill_of_a_ring_buffer_is_no_risk_but_its_retention_is(
    capacity: int, status: str
) -> None:
    pool = storage(place(*full(capacity), groups=[ON_SAN]))
    for answer in pool.answers:
        assert (answer.status, answer.runway.reason) == (status, "ring_buffer")
        assert "ring_buffer" in answer.flags
        assert answer.order.on is None


def test_a_storage_entry_may_say_that_it_is_a_ring_buffer() -> None:
    declared = {"storages": {"san": {"ring_buffer": True}}}
    pool = storage(place(*full(), groups=[], owners=declared))
    assert {answer.status for answer in pool.answers} == {"unknown"}
    plain = storage(place(*full(), groups=[]))
    assert "ring_buffer" not in plain.answers[0].flags


def test_the_recorder_of_a_ring_buffer_speaks_for_it_while_it_is_measured() -> None:
    both = group(datastore="san")
    found = place(*full(), recorder(31.0, capacity_bytes=None), groups=[both])
    assert only(found).net_bytes == 120 * TB
    assert {answer.status for answer in storage(found).answers} == {"ok"}
    stale = place(*full(), groups=[ON_SAN], sources=[health(stale=True)])
    assert "is stale" in only(stale).why
    assert {answer.status for answer in storage(stale).answers} == {"unknown"}


# The owners' file


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"mbps": None}, "needs mbps"),
        ({"retention": {"days": 30}}, "basis"),
        ({"retention": {"days": 30, "basis": "  "}}, "basis"),
        ({"retention": {"days": 0, "basis": "x"}}, "days"),
        ({"count": 0}, "count"),
        ({"hours_per_day": 25}, "hours_per_day"),
        ({"resolution_mp": 3}, "resolution_mp"),
        ({"tiers": [{"days": 20}]}, "its tiers keep 20 days, its retention requires 30"),
    ],
)
def test_a_group_that_cannot_be_planned_is_refused(change: dict[str, Any], told: str) -> None:
    with pytest.raises(ValidationError, match=told):
        CameraGroup.model_validate(group(**change))


def test_groups_name_what_exists_and_stand_there_once() -> None:
    with pytest.raises(ValidationError, match="'ring' is no uplink here"):
        Cameras.model_validate({"groups": [group(uplink="ring")]})
    with pytest.raises(ValidationError, match="'gates' stands there twice"):
        Cameras.model_validate({"groups": [group(), group()]})
    with pytest.raises(ValidationError, match="'none' is no agency here"):
        place(groups=[group(agency="none")])
