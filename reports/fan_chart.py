"""The fan chart: a forecast as a picture, in SVG written by a template. Loads nothing.

What was measured, the bands of 80 and 95 % ahead, what is usable, and the dates, each with a
label that overlaps no other. Without colour lines differ by width and dashes, bands by shade.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from math import ceil, floor, log10

from planner.picture import Marker, Picture
from reports.cells import number, short
from reports.pages import page_template
from reports.phrases import PHRASES

_LEFT, _RIGHT, _BELOW = 58.0, 14.0, 44.0
_LOW_HEIGHT, _BELOW_LOW = 200, 22.0  # a low picture has its legend beside the title, and no date
_ABOVE = 22.0  # the title
_LANE = 13.0  # a row of labels
_LETTER, _TITLE_LETTER = 5.0, 6.6  # the mean width of a letter
_GAP = 8.0
_MONTH_LETTERS = 8  # 2026-11, and some room
_LONGEST_LABEL = 34
_LANE_SHARE = 0.2  # of the height, for labels
_FIRST = ("order_by", "over_one_in_ten", "over_half", "over")
_CLOSE_DAYS = 60  # two dates that are closer have one label
_MOST_TICKS, _TICK_HEIGHT = 5, 20.0
_LONGEST_JOIN_DAYS = 14  # over a longer gap the line is broken
_TIB = 1024.0
_TIB_FROM = 8 * _TIB  # GiB above which TiB read better


@dataclass(frozen=True, slots=True)
class _Tick:
    at: float
    text: str


@dataclass(frozen=True, slots=True)
class _Label:
    """A marker in place: its line at ``x``, its text in a lane above the plot."""

    x: float
    y: float
    text: str
    anchor: str
    kind: str
    has_room: bool


def fan_svg(picture: Picture, *, lang: str = "en", width: int = 720, height: int = 300) -> str:
    """The picture as an SVG element; the same picture gives the same text."""
    return _Drawing(picture, lang, float(width), float(height)).svg()


def fans_svg(pictures: Sequence[Picture], *, lang: str = "en") -> str:
    """Several pictures, one below the other."""
    width, height = 720, 300
    placed = [(height * i, fan_svg(p, lang=lang)) for i, p in enumerate(pictures)]
    return page_template("fans.svg.j2").render(
        width=width, height=height * len(placed), placed=placed
    )


class _Drawing:
    """Where everything of one picture is."""

    def __init__(self, picture: Picture, lang: str, width: float, height: float) -> None:
        self._picture, self._lang, self._words = picture, lang, PHRASES[lang]
        self._width, self._height = width, height
        self._scale = _TIB if picture.unit == "gib" and _highest(picture) >= _TIB_FROM else 1.0
        self._labels = _in_lanes(self._texts(), width, int(height * _LANE_SHARE / _LANE))
        lanes = 1 + max((lane for lane, label in self._labels if label.has_room), default=-1)
        self._top = _ABOVE + lanes * _LANE + 4
        self._is_low = height < _LOW_HEIGHT
        self._bottom = height - (_BELOW_LOW if self._is_low else _BELOW)
        ticks = min(_MOST_TICKS, int((self._bottom - self._top) / _TICK_HEIGHT))
        self._low, self._high, self._step = _nice(*_extremes(picture, self._scale), ticks)

    def svg(self) -> str:
        picture = self._picture
        return page_template("fan.svg.j2").render(
            words=self._words,
            width=self._width,
            height=self._height,
            left=_LEFT,
            right=self._width - _RIGHT,
            top=self._top,
            bottom=self._bottom,
            title=self._title(),
            dated="" if self._is_low else self._dated(),
            legend_y=14.0 if self._is_low else self._height - 8,
            described=self._described(),
            x_ticks=list(self._x_ticks()),
            y_ticks=list(self._y_ticks()),
            outer=self._band(0, 4),
            inner=self._band(1, 3),
            middle=self._line(
                [(d, row[2]) for d, row in zip(picture.days, picture.bands, strict=True)]
            ),
            history=[self._line(part) for part in _unbroken(picture.history)],
            usable=self._usable(),
            now=self._x(picture.as_of),
            labels=[label for _lane, label in self._labels],
            legend=list(self._legend()),
        )

    # Places

    def _x(self, day: date) -> float:
        whole = (self._picture.last - self._picture.first).days
        share = (day - self._picture.first).days / whole if whole else 0.0
        return round(_LEFT + share * (self._width - _LEFT - _RIGHT), 1)

    def _y(self, amount: float) -> float:
        share = (amount / self._scale - self._low) / (self._high - self._low)
        return round(self._bottom - share * (self._bottom - self._top), 1)

    def _line(self, points: Sequence[tuple[date, float]]) -> str:
        return " ".join(f"{self._x(day)},{self._y(amount)}" for day, amount in points)

    def _band(self, low: int, high: int) -> str:
        rows = list(zip(self._picture.days, self._picture.bands, strict=True))
        there = [(day, row[high]) for day, row in rows]
        back = [(day, row[low]) for day, row in reversed(rows)]
        return self._line([*there, *back])

    def _usable(self) -> str:
        """The usable line with its steps, up to the end of the picture."""
        points: list[tuple[date, float]] = []
        for day, amount in self._picture.usable:
            if points:
                points.append((day, points[-1][1]))
            points.append((day, amount))
        if points:
            points.append((self._picture.last, points[-1][1]))
        return self._line(points)

    # Texts

    def _unit(self) -> str:
        if self._scale > 1:
            return "TiB"
        return self._words[self._picture.unit]

    def _title(self) -> str:
        picture, words = self._picture, self._words
        about = f": {words[picture.resource]}, {words[picture.model]} ({self._unit()})"
        beside = self._legend_width() if self._is_low else _LETTER * len(self._dated()) + _GAP
        room = (self._width - _LEFT - _RIGHT - beside) / _TITLE_LETTER - len(about)
        return short(picture.pool, max(8, int(room))) + about

    def _dated(self) -> str:
        told = f"{self._words['as_of']} {self._picture.as_of}"
        why = self._picture.reason
        return f"{told} · {self._words.get(why, why)}" if why else told

    def _described(self) -> str:
        """The picture for who cannot see it."""
        told = "; ".join(label.text for _lane, label in self._labels if label.text)
        return f"{self._dated()}. {told}"

    def _texts(self) -> Iterator[tuple[float, str, str]]:
        """Per marker, by date: where, what it says, and of which kind."""
        close = _close_half(self._picture.markers)
        for marker, kind in _merged(self._picture.markers):
            if close and kind == "over_half":  # the line alone: the label before it says both
                yield self._x(marker.on), "", kind
                continue
            both = close and kind == "over_one_in_ten"
            named = short(marker.label, _LONGEST_LABEL) or self._change(marker)
            text = self._words["chart_over_both" if both else f"chart_{kind}"]
            told = text.format(label=named, date=marker.on, half=close)
            yield self._x(marker.on), " ".join(told.split()), kind

    def _change(self, marker: Marker) -> str:
        if marker.amount is None:
            return ""
        amount = marker.amount / self._scale
        return f"{amount:+,.{0 if abs(amount) >= 10 else 1}f} {self._unit()}"

    def _legend(self) -> Iterator[tuple[str, str, float]]:
        """Kind of line, its text and where it begins."""
        x = self._width - _RIGHT - self._legend_width() if self._is_low else _LEFT
        for kind, text in self._lines():
            yield kind, text, round(x, 1)
            x += _legend_room(text)

    def _legend_width(self) -> float:
        return sum(_legend_room(text) for _kind, text in self._lines())

    def _lines(self) -> Iterator[tuple[str, str]]:
        """The kinds of lines that there are, and what they are called."""
        picture = self._picture
        shown = {
            "history": picture.history,
            "middle": picture.bands,
            "inner": picture.bands,
            "outer": picture.bands,
            "usable": picture.usable,
        }
        yield from ((kind, self._words[f"chart_{kind}"]) for kind, there in shown.items() if there)

    # Axes

    def _x_ticks(self) -> Iterator[_Tick]:
        """The first days of months, so many that their names do not touch."""
        first, last = self._picture.first, self._picture.last
        months = _months(first, last)
        room = int((self._width - _LEFT - _RIGHT) / (_MONTH_LETTERS * _LETTER + _GAP))
        every = next(n for n in (1, 2, 3, 4, 6, 12, 24) if len(months) / n <= room or n == 24)
        for month in months:
            beyond = self._x(month) + _MONTH_LETTERS / 2 * _LETTER > self._width
            if (month.month - 1) % min(every, 12) == 0 and not beyond:
                yield _Tick(self._x(month), f"{month:%Y-%m}")

    def _y_ticks(self) -> Iterator[_Tick]:
        count = round((self._high - self._low) / self._step)
        digits = max(0, -floor(log10(self._step) + 1e-9))
        for i in range(count + 1):
            amount = self._low + i * self._step
            yield _Tick(self._y(amount * self._scale), number(amount, f",.{digits}f", self._lang))


def _legend_room(text: str) -> float:
    return 26 + _LETTER * len(text) + _GAP


def _highest(picture: Picture) -> float:
    return max(_amounts(picture), default=0.0)


def _amounts(picture: Picture) -> Iterator[float]:
    yield from (amount for _day, amount in picture.history)
    yield from (amount for _day, amount in picture.usable)
    for row in picture.bands:
        yield from (row[0], row[-1])


def _extremes(picture: Picture, scale: float) -> tuple[float, float]:
    """From 0, unless all lies far above; a band that leaves the usable line far behind is cut."""
    amounts = sorted(amount / scale for amount in _amounts(picture)) or [0.0, 1.0]
    low, high = amounts[0], amounts[-1]
    return (0.0 if low < 0.6 * high else low, high)


def _nice(low: float, high: float, ticks: int) -> tuple[float, float, float]:
    """Round ends of an axis that holds both, and the distance of its some ticks."""
    span = (high - low) or abs(high) or 1.0
    rough = span / max(1, ticks)
    power = 10.0 ** floor(log10(rough))
    step = next(power * n for n in (1, 2, 2.5, 5, 10) if power * n >= rough)
    bottom = max(0.0, floor(low / step - 0.2) * step) if low >= 0 else floor(low / step) * step
    return bottom, ceil(high / step + 0.2) * step, step


def _unbroken(history: Sequence[tuple[date, float]]) -> Iterator[list[tuple[date, float]]]:
    """The history in parts between which too much is missing to draw a line."""
    part: list[tuple[date, float]] = []
    for day, amount in history:
        if part and (day - part[-1][0]).days > _LONGEST_JOIN_DAYS:
            yield part
            part = []
        part.append((day, amount))
    if part:
        yield part


def _months(first: date, last: date) -> list[date]:
    """The first days of the months of a span."""
    found = []
    day = first.replace(day=1)
    while day <= last:
        if day >= first:
            found.append(day)
        day = (day + timedelta(days=32)).replace(day=1)
    return found


def _merged(markers: Sequence[Marker]) -> list[tuple[Marker, str]]:
    """By date, with its kind; the two dates of being over as one where they are the same day."""
    found = sorted(markers, key=lambda marker: marker.on)
    half = {marker.on for marker in found if marker.kind == "over_half"}
    both = {m.on for m in found if m.kind == "over_one_in_ten" and m.on in half}
    kept = [m for m in found if not (m.kind == "over_half" and m.on in both)]
    return [(m, "over" if m.kind == "over_one_in_ten" and m.on in both else m.kind) for m in kept]


def _close_half(markers: Sequence[Marker]) -> date | None:
    """The date by which half of the paths are over, where it is soon after that of one in ten."""
    dates = {marker.kind: marker.on for marker in markers}
    first, half = dates.get("over_one_in_ten"), dates.get("over_half")
    if first is None or half is None or not 0 < (half - first).days <= _CLOSE_DAYS:
        return None
    return half


def _in_lanes(
    texts: Iterator[tuple[float, str, str]], width: float, most: int
) -> list[tuple[int, _Label]]:
    """The labels, each in the first lane where it touches no other; dates to act on come first.

    What finds no lane keeps its line, and is told in the description only.
    """
    lanes: list[list[tuple[float, float]]] = []
    placed = []
    for x, text, kind in sorted(texts, key=lambda told: (told[2] not in _FIRST, told[0])):
        long = _LETTER * len(text) + _GAP
        anchor = "start" if x + long <= width else "end"
        begin = x if anchor == "start" else x - long
        lane = next(
            (
                i
                for i, taken in enumerate(lanes)
                if all(begin + long <= first or last <= begin for first, last in taken)
            ),
            len(lanes),
        )
        if lane == len(lanes) < most:
            lanes.append([])
        if lane < len(lanes):
            lanes[lane].append((begin, begin + long))
        y = _ABOVE + (min(lane, most - 1) + 1) * _LANE - 3
        placed.append((lane, _Label(x, y, text, anchor, kind, lane < len(lanes))))
    return placed
