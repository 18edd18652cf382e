"""The brief: one A4 page for whoever decides. Plain HTML, nothing loaded from elsewhere."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import date
from itertools import islice
from typing import Any

from planner.answers import Answer, PoolAnswer
from planner.picture import most_telling, picture_of
from planner.placement.packing import WORST_FIRST
from planner.report import Report, in_unit
from planner.rows import CameraRow, OrderRow, ScoreRow, TrackRow
from planner.runway import URGENCY
from planner.saying import counted, unit_name
from planner.track import rows_of
from reports.cells import number, screen, short
from reports.fan_chart import fan_svg
from reports.pages import page_template
from reports.phrases import PHRASES
from reports.sayings import gap_told, tell, word
from reports.sheet import LINE_MM, Listed, row_mm, shares, text_mm

_LEAST = 1  # row of each list, however little room there is
_MOST = 12  # however much room there is: who wants more reads the files
_DUE = ("overdue", "overdue_if_assumed", "act")
_MOST_AGENCIES = 3
_MOST_RECORD = 2
_TITLE_MM, _COLUMNS_MM, _MORE_MM = 8.4, 4.3, 4.5  # of a list
_ONCE_MM = 22.8  # the page's own title, a headline of one line, and the foot
_HEADLINE_CHARACTERS = 78  # of one line
_PICTURE_HEIGHT, _PICTURE_MM = 137, 35.7
_WHY_CHARACTERS, _WHY_MM = 112, 3.8  # of the line below an order
_RECORD_AHEAD_DAYS = 30
_TELLING_AHEAD_DAYS = (90, 30, 14, 7)


@dataclass(frozen=True, slots=True)
class _OrderLine:
    order_by: str
    overdue: str
    pool: str
    what: str
    buy: str
    money_by: str
    money_missed: str
    status: str
    status_told: str
    why: str
    assumed: str

    @property
    def height_mm(self) -> float:
        """Of its cells, and of the line below them that says why."""
        cells = (self.order_by, self.pool, self.what, self.buy, self.money_by, self.money_missed)
        return row_mm([*cells, self.status_told, self.assumed]) + _WHY_MM


@dataclass(frozen=True, slots=True)
class _FailoverLine:
    pool: str
    verdict: str
    verdict_told: str
    hosts: str
    stays_down: str


@dataclass(frozen=True, slots=True)
class _RecorderLine:
    recorder: str
    cameras: str
    keeps: str
    required: str
    verdict: str
    verdict_told: str
    why: str


@dataclass(frozen=True, slots=True)
class _RiskLine:
    severity: str
    severity_told: str
    rule: str
    subject: str
    agency: str
    title: str


@dataclass(frozen=True, slots=True)
class _PoolLine:
    pool: str
    binding: str
    used: str
    runway: str
    status: str
    status_told: str


@dataclass(frozen=True, slots=True)
class _GapLine:
    text: str


def brief_html(report: Report, *, lang: str = "en") -> str:
    """The page in a language of ``reports.phrases``. Raises KeyError for another one."""
    words = PHRASES[lang]
    shown = most_telling(answer for pool in report.answers for answer in pool.answers)
    picture = None if shown is None else picture_of(report.estate, shown)
    told = islice(_record(report, shown, lang), _MOST_RECORD)
    record = [short(line, 150) for line in told]
    lists = _lists(report, lang)
    headline = _headline(report, lang)
    agencies = [_agency(row, words) for row in _worst_agencies(report)]
    beside = _beside_mm(
        lists,
        headline,
        [" · ".join(agencies), *record],
        has_picture=picture is not None,
        has_record=bool(record),
    )
    counts = shares({name: listed.sized() for name, listed in lists.items()}, beside_mm=beside)
    return page_template("brief.html.j2").render(
        lang=lang,
        words=words,
        report=report,
        headline=headline,
        lines={name: listed.lines[: counts[name]] for name, listed in lists.items()},
        more={name: len(listed.lines) - counts[name] for name, listed in lists.items()},
        picture=picture and fan_svg(picture, lang=lang, height=_PICTURE_HEIGHT),
        record=record,
        agencies=agencies,
        trend=_trend(report, words),
        coverage=_coverage(report, lang),
    )


def _coverage(report: Report, lang: str) -> str:
    """How much was judged, in tenths: more digits than it has would say more than is known."""
    percent = report.assessment.coverage_percent
    return screen(None) if percent is None else number(percent, "g", lang)


@dataclass(frozen=True, slots=True)
class _List:
    lines: Sequence[Any]  # one type of line, as its table prints it
    first: int = 0  # so many come before any other list gets a second one

    def sized(self) -> Listed:
        return Listed(self._rows_mm(), _LEAST, _MOST, self.first)

    def _rows_mm(self) -> Sequence[float]:
        if self.lines and isinstance(self.lines[0], _OrderLine):
            return [line.height_mm for line in self.lines]
        if self.lines and isinstance(self.lines[0], _GapLine):
            return [text_mm(line.text) for line in self.lines]
        return [row_mm(_printed(line)) for line in self.lines]


def _printed(line: Any) -> list[str]:
    """The texts of a line; what only gives them their colour is none."""
    told = asdict(line)
    return [text for name, text in told.items() if f"{name}_told" not in told]


def _lists(report: Report, lang: str) -> dict[str, _List]:
    """The lists of the page, in the order in which they get more room.

    The orders that are due come before all of it; those that are not wait for the others.
    """
    words, clusters = PHRASES[lang], _worst_first(report)
    return {
        "pools": _List([_pool(pool, lang) for pool in clusters]),
        "failover": _List([_failover(pool, words) for pool in _least_safe_first(clusters)]),
        "risks": _List(_risks(report, words)),
        "recorders": _List([_recorder(row, lang) for row in report.cameras]),
        "gaps": _List([_GapLine(short(line, 120)) for line in _gaps(report, lang)]),
        "orders": _List(
            [_order(row, lang) for row in report.orders],
            first=sum(1 for row in report.orders if row.status in _DUE),
        ),
    }


def _beside_mm(
    lists: Mapping[str, _List],
    headline: str,
    texts: Sequence[str],
    *,
    has_picture: bool,
    has_record: bool,
) -> float:
    """What stands on the page beside the rows of its lists; ``texts`` are its other lines."""
    heads = sum(
        _TITLE_MM + _MORE_MM + (_COLUMNS_MM if name != "gaps" else 0)
        for name, listed in lists.items()
        if listed.lines or name != "recorders"
    )
    foreseen = _TITLE_MM if has_picture or has_record else 0
    picture = _PICTURE_MM if has_picture else 0
    second = LINE_MM * 1.5 if len(headline) > _HEADLINE_CHARACTERS else 0
    return _ONCE_MM + second + heads + foreseen + picture + sum(map(text_mm, texts))


def _record(report: Report, shown: Answer | None, lang: str) -> Iterator[str]:
    """How earlier reports came true: of all pools, the dates that came, and the pool shown."""
    rows = report.track_record
    words = PHRASES[lang]
    for row in rows:
        levels = row.pool_kind == "fleet" and row.ahead_days == _RECORD_AHEAD_DAYS
        if levels and row.model == "demand" and row.scored:
            yield _said("record_fleet", row, lang)
    wider = sum(1 for row in report.pools if "band_widened" in row.flags)
    if wider:
        yield words["record_widened"].format(n=wider)
    came = [row for row in rows if row.outcome in ("came", "unforeseen", "not_come")]
    for row in sorted(came, key=_newest_last, reverse=True):
        yield _said(f"record_{row.outcome}", row, lang)
    own = {} if shown is None else {r.ahead_days: r for r in rows_of(rows, shown.question)}
    for ahead in _TELLING_AHEAD_DAYS:
        if ahead in own:
            yield _said("record_level", own[ahead], lang)
            return


def _newest_last(row: TrackRow) -> date:
    """By the day that it came, else by the day that it was said."""
    return max(day for day in (row.came_date, row.said_on, date.min) if day is not None)


def _said(phrase: str, row: TrackRow, lang: str) -> str:
    words = PHRASES[lang]
    cells = {name: screen(getattr(row, name), lang) for name in TrackRow.__slots__}
    if row.within_80_pct is not None:  # in tenths
        cells["within_80_pct"] = number(row.within_80_pct, "g", lang)
    named = {"pool": short(row.pool, 30), "resource": words.get(row.resource, row.resource)}
    return words[phrase].format(**cells | named | {"unit": words.get(row.unit, row.unit)})


def _worst_first(report: Report) -> list[PoolAnswer]:
    """The clusters, those first whose status is the most urgent."""
    clusters = [pool for pool in report.answers if pool.pool.kind == "cluster"]
    return sorted(clusters, key=lambda pool: URGENCY.index(pool.binding.status))


def _least_safe_first(clusters: list[PoolAnswer]) -> list[PoolAnswer]:
    return sorted(clusters, key=lambda pool: WORST_FIRST.index(pool.failover))


def _headline(report: Report, lang: str) -> str:
    """The one sentence that must not be missed: the first of the orders, else what binds next."""
    if report.orders:
        return _most_pressing(report, report.orders[0], lang)
    if report.binding is None:
        return PHRASES[lang]["nothing_known"]
    if report.binding.order.on is None:
        return PHRASES[lang]["no_order_date"]
    return _order_by(report.binding, lang)


def _most_pressing(report: Report, row: OrderRow, lang: str) -> str:
    pool = next((pool for pool in report.answers if pool.pool.name == row.pool), None)
    is_a_purchase = not row.order and row.quantity != 0 and row.order_by_date is not None
    if pool is not None and is_a_purchase:
        return _order_by(pool.binding, lang)
    return f"{short(row.pool, 40)}: {short(tell(row.what, lang), 60)}."


def _order_by(answer: Answer, lang: str) -> str:
    """By when to order; where the lead time is only assumed it asks before it shouts."""
    words, question, order = PHRASES[lang], answer.question, answer.order
    assumed = answer.status == "overdue_if_assumed"
    return words["headline_assumed" if assumed else "headline"].format(
        pool=short(question.pool.name, 40),
        resource=words[question.resource],
        date=order.on,
        late=_late(order.overdue_days, words),
        lead=question.lead.days,
    )


def _late(days: int, words: Mapping[str, str]) -> str:
    return words["overdue_by"].format(days=days) if days else ""


def _order(row: OrderRow, lang: str) -> _OrderLine:
    words = PHRASES[lang]
    order_by: date | None = row.order_by_date
    overdue: int | None = row.order_overdue_days
    return _OrderLine(
        pool=short(row.pool, 24),
        what=short(tell(row.what, lang), 44),
        buy=_pieces(row, lang),
        money_by=screen(row.budget_by_date) if row.budget_by_date else "–",
        money_missed=words["missed"] if row.budget_missed else "",
        order_by=screen(order_by) if order_by else "–",
        overdue=words["days_late"].format(days=overdue) if overdue else "",
        status=row.status,
        status_told=words[f"status_{row.status}"],
        why=short(tell(row.why, lang), _WHY_CHARACTERS),
        assumed=short(tell(row.assumed, lang), 34),
    )


def _pieces(row: OrderRow, lang: str) -> str:
    """How many of what, in a few characters; a dash for none and for not known."""
    if not row.quantity:
        return "–"
    if lang == "en":
        return counted(row.quantity, row.unit)
    return f"{number(row.quantity, ',.0f', lang)} {word(unit_name(row.unit), lang)}"


def _pool(pool: PoolAnswer, lang: str) -> _PoolLine:
    words, binding = PHRASES[lang], pool.binding
    question = binding.question
    load, usable = in_unit(binding.load, binding), in_unit(binding.usable, binding)
    shortest = binding.runway.shortest
    return _PoolLine(
        pool=short(pool.pool.name, 30),
        binding=f"{words[question.resource]} ({words[question.model]})",
        used=f"{screen(load, lang)} / {screen(usable, lang)} {words[question.unit]}",
        runway=words["days"].format(days=shortest)
        if shortest is not None
        else words.get(binding.runway.reason, binding.runway.reason),
        status=binding.status,
        status_told=words[f"status_{binding.status}"],
    )


def _failover(pool: PoolAnswer, words: Mapping[str, str]) -> _FailoverLine:
    failed = [case for case in pool.cases if case.verdict in ("fail", "unproven")]
    alone = pool.failover == "not_applicable"
    hosts = ", ".join(" + ".join(case.lost) for case in failed or pool.cases * alone)
    down = words["all"] if alone else ", ".join(pool.stays_down)
    return _FailoverLine(
        pool=short(pool.pool.name, 24),
        verdict=pool.failover,
        verdict_told=words[f"verdict_{pool.failover}"],
        hosts=short(hosts or words["none"], 24),
        stays_down=short(down or words["none"], 60),
    )


def _risks(report: Report, words: Mapping[str, str]) -> list[_RiskLine]:
    """The open findings that nobody accepted, the worst first."""
    return [
        _RiskLine(
            severity=row.severity,
            severity_told=words[f"severity_{row.severity}"],
            rule=row.rule,
            subject=short(row.subject, 36),
            agency=short(row.agency or "?", 20),
            title=short(row.title, 80),
        )
        for row in report.risks
        if row.outcome == "risk" and not row.waiver
    ]


def _recorder(row: CameraRow, lang: str) -> _RecorderLine:
    words = PHRASES[lang]
    return _RecorderLine(
        recorder=short(row.recorder, 30),
        cameras=screen(row.cameras, lang),
        keeps=_in_days(row.achieved_days, lang),
        required=_in_days(row.required_days, lang),
        verdict=row.verdict,
        verdict_told=words[row.verdict],
        why=short(tell(row.why, lang), 66),
    )


def _worst_agencies(report: Report) -> list[ScoreRow]:
    """The agencies with open risks whose level, then points, are the worst."""
    rows = [row for row in report.risk_score if row.by == "agency" and row.level != "A"]
    return rows[:_MOST_AGENCIES]


def _agency(row: ScoreRow, words: Mapping[str, str]) -> str:
    told = words["agency_score"].format(
        agency=short(row.name or words["no_agency"], 24), level=row.level, points=row.points
    )
    return told + (words["accepted"].format(points=row.points_waived) if row.points_waived else "")


def _trend(report: Report, words: Mapping[str, str]) -> str:
    """How many findings came and went since an earlier report; "" without one."""
    row = next((row for row in report.risk_score if row.by == "estate"), None)
    if row is None or row.compared_with is None:
        return ""
    return words["trend"].format(
        since=row.compared_with,
        new=row.turned_new,
        fixed=row.turned_fixed,
        waived=row.turned_waived,
        reclassified=row.turned_reclassified,
    )


def _in_days(value: float | None, lang: str) -> str:
    if value is None:
        return screen(None)
    return PHRASES[lang]["days"].format(days=number(value, "g", lang))


def _gaps(report: Report, lang: str) -> list[str]:
    """What is missing behind the figures: stale and failing sources, then what is hidden."""
    words = PHRASES[lang]
    lines = []
    for row in report.sources:
        if row.status not in ("ok", "partial"):
            since = screen(row.last_success_at) if row.last_success_at else words["never"]
            told = words[f"source_{row.status}"]
            lines.append(f"{row.source}: {told}, {words['last_success']} {since}")
    lines += [
        f"{health.state.name}: {gap_told(gap, lang)}"
        for health in report.estate.sources
        for gap in health.state.gaps
    ]
    lines = [tell(fault.told, lang) for fault in report.misnamed] + lines
    if report.zone_is_assumed:
        lines.append(words["zone_assumed"])
    return lines
