"""The picture of a forecast: what is in it, and that it can be read."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import timedelta
from typing import Any
from xml.etree import ElementTree as ET

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from estates import AS_OF, answers, days, estate, health
from planner.answers import Answer, answers_of
from planner.past import Past
from planner.picture import Marker, Picture, picture_of
from planner.questions import questions
from reports.fan_chart import fan_svg, fans_svg
from reports.png import png_of
from stored import GIB, JAKARTA, datastore, host

DAY = timedelta(days=1)
SVG = "{http://www.w3.org/2000/svg}"
HOSTILE = "<script>alert(1)</script>\x1b[31m"


def answered(**more: Any) -> Answer:
    there = estate(datastore("san"), **more)
    past = Past(datastore_days={(1, "storage"): days([(2600 + 4.0 * i) * GIB for i in range(120)])})
    asked = [q for q in questions(there, past, JAKARTA) if q.model == "demand"]
    [answer] = answers_of(there, asked, {})
    return answer


def picture(**more: Any) -> Picture:
    return picture_of(estate(datastore("san"), **more), answered(**more))


COMING = {
    "hardware": [
        {"pool": "san", "change": "arrives", "when": AS_OF + 40 * DAY, "storage_gib": 1000}
    ],
    "projects": [
        {"pool": "san", "name": HOSTILE, "when": AS_OF + 20 * DAY, "status": "committed",
         "storage_gib": 100},
        {"pool": "san", "name": "perhaps", "when": AS_OF + 20 * DAY, "status": "tentative",
         "probability": 0.5, "storage_gib": 100},
    ],
}  # fmt: skip


# What is shown


def test_the_band_is_the_published_one_and_goes_on_where_the_past_ends() -> None:
    answer, shown = answered(), picture()
    assert answer.passage is not None
    assert shown.history[-1] == (AS_OF - DAY, 2600 + 4 * 119)
    assert shown.days[0] == AS_OF
    assert shown.bands[30][1:4] == pytest.approx([v / GIB for v in answer.passage.bands[2][1:4]])
    assert shown.last == answer.runway.first_over + 44 * DAY or shown.last == AS_OF + 180 * DAY  # type: ignore[operator]


def test_dates_steps_of_capacity_and_committed_projects_are_marked() -> None:
    shown = picture(owners=COMING)
    kinds = [marker.kind for marker in shown.markers]
    assert kinds == ["project", "arrives", "over_one_in_ten", "over_half"]
    assert shown.usable == ((AS_OF, 3200.0), (AS_OF + 40 * DAY, 4000.0))
    assert shown.bands[21][2] == pytest.approx(2600 + 4 * (120 + 21) + 100, abs=2)


def test_without_a_forecast_the_past_is_shown_and_the_reason_told() -> None:
    shown = picture(sources=[health(stale=True)])
    assert (shown.bands, shown.days, shown.reason) == ((), (), "stale")
    assert len(shown.history) == 120
    drawn = fan_svg(shown)
    assert "<polygon" not in drawn
    assert "stale" in drawn


def test_not_known_is_not_drawn() -> None:
    unknown = estate(datastore("san", capacity_bytes=None))
    [demand, _allocation] = [a for pool in answers(unknown) for a in pool.answers]
    shown = picture_of(unknown, demand)
    assert (shown.history, shown.usable, shown.bands) == ((), (), ())
    assert "measured" not in fan_svg(shown)


def test_steps_of_the_past_are_marked_with_their_size() -> None:
    level = [100.0] * 60 + [160.0] * 60
    place = estate(host("h1"), host("h2"))
    [found] = answers(place, memory=level, cpu=[1.0] * 120)
    [memory] = [a for a in found.answers if a.question.key.endswith("memory/demand")]
    [step] = picture_of(place, memory).markers
    assert (step.kind, step.on) == ("step", AS_OF - 60 * DAY)
    assert step.amount == pytest.approx(60, abs=1)
    assert "step +60 GiB" in fan_svg(picture_of(place, memory))


# How it is drawn


def texts(svg: str) -> list[str]:
    return ["".join(node.itertext()) for node in ET.fromstring(svg).iter(f"{SVG}text")]  # noqa: S314


def test_names_from_outside_are_escaped() -> None:
    drawn = fan_svg(picture(owners=COMING))
    assert "<script" not in drawn
    assert "&lt;script&gt;" in drawn
    assert "\x1b" not in drawn
    assert not re.search(r"(?i)<(script|image|foreignobject)|\son\w+=|url\(|href", drawn)


def test_the_title_names_the_unit_and_large_storage_is_told_in_tib() -> None:
    assert texts(fan_svg(picture()))[0] == "san: storage, demand (GiB)"
    large = replace(picture(), usable=((AS_OF, 9 * 1024.0),))
    assert texts(fan_svg(large))[0] == "san: storage, demand (TiB)"
    assert texts(fan_svg(large, lang="id"))[0] == "san: penyimpanan, kebutuhan (TiB)"


def test_both_dates_on_one_day_are_one_label() -> None:
    over = AS_OF + 50 * DAY
    same = (Marker(over, "over_one_in_ten"), Marker(over, "over_half"))
    told = [text for text in texts(fan_svg(replace(picture(), markers=same))) if "over" in text]
    assert told == [f"over: {over} (1 in 10 and 1 in 2)"]


def test_two_dates_that_are_close_are_told_in_one_label_of_a_low_picture() -> None:
    """Side by side they found no room, and only the later one was told."""
    first, half = AS_OF + 50 * DAY, AS_OF + 55 * DAY
    markers = (Marker(first, "over_one_in_ten"), Marker(half, "over_half"))
    drawn = fan_svg(replace(picture(), markers=markers), height=137)
    assert f"over: {first} (1 in 10), {half} (1 in 2)" in texts(drawn)


def test_a_long_gap_breaks_the_line() -> None:
    whole = picture()
    broken = replace(whole, history=(*whole.history[:40], *whole.history[60:]))
    assert fan_svg(broken).count("<polyline") == fan_svg(whole).count("<polyline") + 1


MARKERS = st.lists(
    st.builds(
        Marker,
        st.integers(-119, 180).map(lambda day: AS_OF + day * DAY),
        st.sampled_from(["step", "project", "arrives", "leaves", "order_by", "over_half"]),
        st.text(st.characters(codec="ascii", categories=["L", "N"]), min_size=1, max_size=60),
    ),
    max_size=8,
)


@settings(max_examples=40)
@given(MARKERS, st.sampled_from([190, 300]))
def test_no_label_touches_another_or_leaves_the_picture(markers: list[Marker], height: int) -> None:
    root = ET.fromstring(  # noqa: S314
        fan_svg(replace(_SHOWN, markers=tuple(markers)), height=height)
    )
    boxes = []
    for node in root.iter(f"{SVG}text"):
        width = 4.6 * len(node.text or "")  # of most letters at ten points
        shift = {"start": 0.0, "middle": width / 2, "end": width}[node.get("text-anchor", "start")]
        x, y = float(node.get("x", "nan")) - shift, float(node.get("y", "nan"))
        boxes.append((x, x + width, y - 8, y + 2))
        assert x >= 0
        assert 0 <= y <= max(height, 60)
    for i, one in enumerate(boxes):
        for other in boxes[i + 1 :]:
            apart = (
                one[1] <= other[0] or other[1] <= one[0] or one[3] <= other[2] or other[3] <= one[2]
            )
            assert apart, (one, other)


_SHOWN = picture()


def test_no_month_is_cut_off_at_the_edge_wherever_the_picture_ends() -> None:
    for days_more in range(62):
        drawn = fan_svg(replace(_SHOWN, last=_SHOWN.last + days_more * DAY))
        root = ET.fromstring(drawn)  # noqa: S314
        months = [n for n in root.iter(f"{SVG}text") if re.fullmatch(r"\d{4}-\d\d", n.text or "")]
        places = [float(node.get("x", "nan")) for node in months]
        assert len(places) >= 5
        assert max(places) + len("2026-11") / 2 * 5.6 <= 720


@settings(max_examples=40)
@given(st.lists(st.floats(0, 1e7), min_size=2, max_size=60), st.floats(0, 1e7), st.booleans())
def test_everything_lies_inside_the_axes(values: list[float], usable: float, flat: bool) -> None:
    shown = replace(
        _SHOWN,
        history=tuple(
            (AS_OF - (60 - i) * DAY, values[0] if flat else v) for i, v in enumerate(values)
        ),
        usable=((AS_OF, usable),),
    )
    root = ET.fromstring(fan_svg(shown))  # noqa: S314
    for tag in ("polyline", "polygon"):
        for node in root.iter(f"{SVG}{tag}"):
            for point in (node.get("points") or "").split():
                x, y = map(float, point.split(","))
                assert -0.1 <= x <= 720.1
                assert -0.1 <= y <= 256.1


def test_the_same_picture_gives_the_same_text_and_several_lie_below_each_other() -> None:
    one = fan_svg(_SHOWN)
    assert one == fan_svg(picture())
    both = fans_svg([_SHOWN, _SHOWN])
    assert both.count("<title>") == 2
    assert 'height="600"' in both.splitlines()[0]


def test_a_png_is_one() -> None:
    pytest.importorskip("resvg_py", reason="the extra [chart] is not installed")
    assert png_of(fan_svg(_SHOWN)).startswith(b"\x89PNG\r\n")
