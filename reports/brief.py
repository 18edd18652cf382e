"""The brief: one A4 page for whoever decides. Plain HTML, nothing loaded from elsewhere."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from itertools import islice

from planner.answers import Answer, PoolAnswer
from planner.picture import most_telling, picture_of
from planner.placement.packing import WORST_FIRST
from planner.report import Report, in_unit
from planner.rows import CameraRow, OrderRow, ScoreRow, TrackRow
from planner.runway import URGENCY
from planner.track import rows_of
from reports.cells import screen, short
from reports.fan_chart import fan_svg
from reports.pages import page_template
from reports.phrases import PHRASES

# So many lines of each, none longer than the template cuts it, fill one A4 page and no more.
_MOST_ORDERS = 6
_MOST_POOLS = 5
_MOST_RISKS = 4
_MOST_GAPS = 5
_MOST_RECORDERS = 3
_MOST_AGENCIES = 3
_FEWER_BESIDE_RECORDERS = 1  # lines of clusters, failover, risks and gaps: they share the page
_FEWER_BESIDE_PICTURE = 2  # of orders, failover, risks and gaps; of clusters and recorders one
_MOST_RECORD = 2
_PICTURE_HEIGHT = 125
_RECORD_AHEAD_DAYS = 30
_TELLING_AHEAD_DAYS = (90, 30, 14, 7)


@dataclass(frozen=True, slots=True)
class _OrderLine:
    pool: str
    what: str
    buy: str
    order_by: str
    overdue: str
    money_by: str
    money_missed: bool
    status: str
    why: str
    assumed: str


@dataclass(frozen=True, slots=True)
class _FailoverLine:
    pool: str
    verdict: str
    hosts: str
    stays_down: str


@dataclass(frozen=True, slots=True)
class _RecorderLine:
    recorder: str
    cameras: str
    keeps: str
    required: str
    verdict: str
    why: str


@dataclass(frozen=True, slots=True)
class _PoolLine:
    pool: str
    binding: str
    used: str
    runway: str
    status: str


def brief_html(report: Report, *, lang: str = "en") -> str:
    """The page in a language of ``reports.phrases``. Raises KeyError for another one."""
    words = PHRASES[lang]
    binding = report.binding
    clusters = _worst_first(report)
    shown = most_telling(answer for pool in report.answers for answer in pool.answers)
    picture = None if shown is None else picture_of(report.estate, shown)
    beside = 0 if picture is None else _FEWER_BESIDE_PICTURE
    fewer = _FEWER_BESIDE_RECORDERS if report.cameras else 0
    most_orders = _MOST_ORDERS - beside - (fewer if picture else 0)
    most_recorders = _MOST_RECORDERS - beside // 2
    most_pools, most_losses = _MOST_POOLS - beside // 2 - fewer, _MOST_POOLS - beside - fewer
    most_risks, most_gaps = _MOST_RISKS - beside - fewer, _MOST_GAPS - beside - fewer
    return page_template("brief.html.j2").render(
        lang=lang,
        words=words,
        report=report,
        headline=_headline(report, binding, words),
        orders=[_order(row, words) for row in report.orders[:most_orders]],
        more_orders=max(0, len(report.orders) - most_orders),
        picture=picture and fan_svg(picture, lang=lang, height=_PICTURE_HEIGHT),
        record=list(islice(_record(report, shown, words), _MOST_RECORD)),
        pools=[_pool(pool, words) for pool in clusters[:most_pools]],
        more_pools=max(0, len(clusters) - most_pools),
        failover=[_failover(pool, words) for pool in _least_safe_first(clusters)[:most_losses]],
        more_failover=max(0, len(clusters) - most_losses),
        risks=[row for row in report.risks if row.outcome == "risk" and not row.waiver][
            :most_risks
        ],
        titles={row.rule: row.title for row in report.risks},
        more_risks=max(0, len(report.assessment.risks) - most_risks),
        agencies=[_agency(row, words) for row in _worst_agencies(report)],
        trend=_trend(report, words),
        recorders=[_recorder(row, words) for row in report.cameras[:most_recorders]],
        more_recorders=max(0, len(report.cameras) - most_recorders),
        gaps=_gaps(report, words)[:most_gaps],
        more_gaps=max(0, len(_gaps(report, words)) - most_gaps),
        coverage=screen(report.assessment.coverage_percent),
    )


def _record(report: Report, shown: Answer | None, words: Mapping[str, str]) -> Iterator[str]:
    """How earlier reports came true: of all pools, the dates that came, and the pool shown."""
    rows = report.track_record
    for row in rows:
        levels = row.pool_kind == "fleet" and row.ahead_days == _RECORD_AHEAD_DAYS
        if levels and row.model == "demand" and row.scored:
            yield _said("record_fleet", row, words)
    wider = sum(1 for row in report.pools if "band_widened" in row.flags)
    if wider:
        yield words["record_widened"].format(n=wider)
    came = [row for row in rows if row.outcome in ("came", "unforeseen", "not_come")]
    for row in sorted(came, key=_newest_last, reverse=True):
        yield _said(f"record_{row.outcome}", row, words)
    own = {} if shown is None else {r.ahead_days: r for r in rows_of(rows, shown.question)}
    for ahead in _TELLING_AHEAD_DAYS:
        if ahead in own:
            yield _said("record_level", own[ahead], words)
            return


def _newest_last(row: TrackRow) -> date:
    """By the day that it came, else by the day that it was said."""
    return max(day for day in (row.came_date, row.said_on, date.min) if day is not None)


def _said(phrase: str, row: TrackRow, words: Mapping[str, str]) -> str:
    cells = {name: screen(getattr(row, name)) for name in TrackRow.__slots__}
    named = {"pool": short(row.pool, 30), "resource": words.get(row.resource, row.resource)}
    return words[phrase].format(**cells | named | {"unit": words.get(row.unit, row.unit)})


def _worst_first(report: Report) -> list[PoolAnswer]:
    """The clusters, those first whose status is the most urgent."""
    clusters = [pool for pool in report.answers if pool.pool.kind == "cluster"]
    return sorted(clusters, key=lambda pool: URGENCY.index(pool.binding.status))


def _least_safe_first(clusters: list[PoolAnswer]) -> list[PoolAnswer]:
    return sorted(clusters, key=lambda pool: WORST_FIRST.index(pool.failover))


def _headline(report: Report, binding: Answer | None, words: Mapping[str, str]) -> str:
    """The one sentence that must not be missed."""
    if binding is None:
        return words["nothing_known"]
    question, order = binding.question, binding.order
    if order.on is None:
        return words["no_order_date"]
    row = next((row for row in report.orders if row.pool == question.pool.name), None)
    if row is not None and row.quantity == 0:  # what is on its way is enough, if it comes
        return f"{short(row.pool, 40)}: {short(row.what, 60)}."
    return words["headline"].format(
        pool=short(question.pool.name, 40),
        resource=words[question.resource],
        date=order.on,
        late=_late(order.overdue_days, words),
    )


def _late(days: int, words: Mapping[str, str]) -> str:
    return words["overdue_by"].format(days=days) if days else ""


def _order(row: OrderRow, words: Mapping[str, str]) -> _OrderLine:
    order_by: date | None = row.order_by_date
    overdue: int | None = row.order_overdue_days
    return _OrderLine(
        pool=row.pool,
        what=row.what,
        buy=_pieces(row, words),
        money_by=screen(row.budget_by_date) if row.budget_by_date else "–",
        money_missed=bool(row.budget_missed),
        order_by=screen(order_by) if order_by else "–",
        overdue=str(overdue) if overdue else "",
        status=row.status,
        why=row.why,
        assumed=row.assumed,
    )


def _pieces(row: OrderRow, words: Mapping[str, str]) -> str:
    """How many of what, in a few characters; a dash for none and for not known."""
    if not row.quantity:
        return "–"
    return f"{row.quantity:,.0f} {words.get(row.unit, row.unit)}"


def _pool(pool: PoolAnswer, words: Mapping[str, str]) -> _PoolLine:
    binding = pool.binding
    question = binding.question
    load, usable = in_unit(binding.load, binding), in_unit(binding.usable, binding)
    shortest = binding.runway.shortest
    return _PoolLine(
        pool=pool.pool.name,
        binding=f"{words[question.resource]} ({words[question.model]})",
        used=f"{screen(load)} / {screen(usable)} {words[question.unit]}",
        runway=words["days"].format(days=shortest)
        if shortest is not None
        else words.get(binding.runway.reason, binding.runway.reason),
        status=binding.status,
    )


def _failover(pool: PoolAnswer, words: Mapping[str, str]) -> _FailoverLine:
    failed = [case for case in pool.cases if case.verdict in ("fail", "unproven")]
    alone = pool.failover == "not_applicable"
    return _FailoverLine(
        pool=pool.pool.name,
        verdict=words.get(pool.failover, pool.failover),
        hosts=", ".join(" + ".join(case.lost) for case in failed or pool.cases * alone)
        or words["none"],
        stays_down=words["all"] if alone else ", ".join(pool.stays_down) or words["none"],
    )


def _recorder(row: CameraRow, words: Mapping[str, str]) -> _RecorderLine:
    return _RecorderLine(
        recorder=row.recorder,
        cameras=screen(row.cameras),
        keeps=_in_days(row.achieved_days, words),
        required=_in_days(row.required_days, words),
        verdict=row.verdict,
        why=row.why,
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


def _in_days(value: float | None, words: Mapping[str, str]) -> str:
    return screen(None) if value is None else words["days"].format(days=f"{value:g}")


def _gaps(report: Report, words: Mapping[str, str]) -> list[str]:
    """What is missing behind the figures: stale and failing sources, then what is hidden."""
    lines = []
    for row in report.sources:
        if row.status not in ("ok", "partial"):
            since = screen(row.last_success_at) if row.last_success_at else words["never"]
            lines.append(f"{row.source}: {row.status}, {words['last_success']} {since}")
    lines += [
        f"{health.state.name}: {gap}"
        for health in report.estate.sources
        for gap in health.state.gaps
    ]
    lines = [str(fault) for fault in report.misnamed] + lines
    if report.zone_is_assumed:
        lines.append(words["zone_assumed"])
    return lines
