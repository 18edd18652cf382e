"""The defence of an answer to a request: why, what to order by when, where, at what cost."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from planner.answers import Answer, PoolAnswer, in_unit
from planner.efficiency.explained import rate_lines
from planner.pools import GIB
from planner.purchase_reasons import lead_lines
from planner.saying import unit_name
from planner.scenario.judging import Said
from planner.scenario.ordering import Condition
from planner.scenario.request import Decision, amounts_of, charged_parts
from planner.scenario.world import key_of
from planner.sections import Sections, shown
from planner.told.asked import cells
from planner.told.scenarios import scenario_sections, worded

Say = Callable[[Said], str]
Part = Callable[[], Iterator[str]]
_RULE = (
    "yes = with all that is asked for in place, nothing of the pools it touches is over its usable "
    "capacity until the date asked for, every new guest has a host, and no failure takes down more "
    "than it does today; yes_if = the same with what is ordered; what is not proven is unknown"
)


def explain_request(decision: Decision, row: Any, column: str | None, say: Say) -> str:
    """The text behind the row of a request's answer, or behind one of its columns.

    ``say`` puts a statement into the words of the answer.
    """
    told = _Told(decision, say)
    value = cells(row) if column is None else [f"{column} = {shown(getattr(row, column))}"]
    lines = [row.key, "", *value]
    chosen = told.parts.values() if column is None else [told.part_of(column)]
    for number, part in enumerate(dict.fromkeys(chosen)):
        lines += ["", *part()] if number or column is None else part()
    estate = decision.outcome.base.estate
    foot = f"as of {estate.as_of}, policy {estate.policy.version}; a request, nothing is stored"
    return "\n".join([*lines, "", foot])


class _Told:
    """The parts of the defence, by the columns that they stand behind."""

    def __init__(self, decision: Decision, say: Say) -> None:
        self._decision, self._say = decision, say
        self._base, self._outcome = decision.outcome.base, decision.outcome

    @property
    def parts(self) -> Mapping[str, Part]:
        asked = ("guests", "vcpus", "memory_gib", "storage_gib")
        return {
            "answer": self._answer,
            **dict.fromkeys(("why", "not_known", "pool"), self._answer),
            **dict.fromkeys(asked, self._asked),
            **dict.fromkeys(
                ("conditions", "order_by_date", "order_overdue_days", "possible_from"),
                self._conditions,
            ),
            **dict.fromkeys(("lasts_until", "binding"), self._lasts),
            **dict.fromkeys(("hosts", "datastores", "best_host"), self._where),
            **dict.fromkeys(("failover_test", "stays_down"), self._failover),
            "cost_month": self._cost,
            "assumed": self._assumed,
        }

    def part_of(self, column: str) -> Part:
        return self.parts.get(column, self._answer)

    def _answer(self) -> Iterator[str]:
        decision = self._decision
        yield f"answer {decision.verdict}: {_RULE}"
        yield f"  asked from {decision.when}, until {decision.until or 'no end is given'}"
        if decision.begins > decision.when:
            yield (
                f"  judged from {decision.begins} on: by {decision.when} not all that is on its "
                "way or must be ordered is there"
            )
        for change in decision.request.changes:
            yield f"  {worded(change)}"
        on_its_way = ", nor anything on its way" if decision.relies_on else ""
        yield f"with what is asked for, and nothing ordered{on_its_way}:"
        shorts = [self._say(short.said) for short in decision.shorts]
        yield from (f"  short: {one}" for one in dict.fromkeys(shorts))
        if not shorts:
            yield "  nothing is short"
        if decision.conditions:
            yield (
                "with what must be ordered nothing is short"
                if decision.verdict != "no"
                else ("what can be ordered does not change that, or is there too late")
            )
        elif decision.relies_on and decision.verdict == "yes_if":
            yield "with what is on its way by then nothing is short"
        for said in decision.unknown:
            yield f"  not known: {self._say(said)}"
        ordered = ", and what must be ordered for it" if decision.conditions else ""
        yield f"figures of {decision.begins}: with what has come, gone and begun by then"
        yield f"the pools that it touches, as they are and with it{ordered}:"
        for pool in decision.touched:
            yield from (f"  {self._figures(pool, answer)}" for answer in pool.answers)
        yield from (f"  taken as given: {note}" for note in self._outcome.world.notes)

    def _figures(self, pool: PoolAnswer, answer: Answer) -> str:
        """One figure beside that of doing nothing."""
        question = answer.question
        before = next(
            one
            for one in self._base.by_pool[key_of(pool.pool)].answers
            if one.question.key == question.key
        )
        load, usable = (
            f"{shown(in_unit(old, before))} → {shown(in_unit(new, answer))}"
            for old, new in ((before.load, answer.load), (before.usable, answer.usable))
        )
        return (
            f"{question.key}: load {load}, usable {usable} {unit_name(question.unit)}; first over "
            f"{_first(before)} → {_first(answer)}"
        )

    def _asked(self) -> Iterator[str]:
        request, policy = self._decision.request, self._base.estate.policy
        yield "asked for = number × size of each guest"
        for part in charged_parts(self._base, request):
            told = ", ".join(f"{name} {amount:g}" for name, amount in part.amounts.items())
            yield f"  in {part.cluster}: {told}"
        for guests in request.guests:
            size = guests.profile
            origin = policy.origin("profiles", size) if size in ("S", "M", "L") else "as asked"
            yield f"  {guests.count} × {size} ({origin})"
        if request.demand is not None:
            yield "  the most likely sizes of the project in the estate file"
        if len(request.changes) > 1:
            total = amounts_of(self._base, request)
            yield f"  in all: {', '.join(f'{name} {amount:g}' for name, amount in total.items())}"

    def _conditions(self) -> Iterator[str]:
        decision = self._decision
        yield "conditions = per pool that is short the least that helps"
        if not decision.conditions:
            yield "  none" + (": nothing that can be ordered helps" if decision.shorts else "")
        for condition in decision.conditions:
            yield from self._condition(condition)
        yield from self._coming()
        yield (
            f"possible from {decision.possible_from}: the day asked for, or the first on which all "
            "that is needed by then is there"
        )

    def _coming(self) -> Iterator[str]:
        """What is on its way to the pools it touches, and whether the answer depends on it."""
        decision = self._decision
        touched = {key_of(pool.pool) for pool in decision.touched}
        for one in decision.coming:
            if key_of(one.pool) not in touched:
                continue
            verb = "arrives in" if one.arrives else "leaves"
            stage = f"({one.stage})" if one.stage else f"(declared: {verb})"
            late = f", at the latest {one.by}" if one.by > one.hardware.when else ""
            needed = "; without it something is short" if one in decision.relies_on else ""
            yield (
                f"  {one.name or 'hardware'} in {one.pool.name} {stage}, expected "
                f"{one.hardware.when}{late}, counted from then on{needed}"
            )

    def _condition(self, condition: Condition) -> Iterator[str]:
        pool = self._base.by_pool[key_of(condition.pool)]
        answer, one_less = pool.answers[0], "one host less"
        like = f" like {condition.like}" if condition.like else ""
        if condition.unit == "gib":
            one_less = "one TiB less"
        yield f"  {condition.quantity:g} {unit_name(condition.unit)}{like} in {condition.pool.name}"
        for said in dict.fromkeys(self._say(said) for said in condition.with_less):
            yield f"    with {one_less}: {said}"
        yield (
            f"    needed on {condition.needed_on}: something is short from {condition.short_on} "
            f"on, the request begins on {self._decision.begins}"
        )
        yield from (f"    {line}" for line in lead_lines(answer, self._base.estate.policy))
        yield (
            f"    order by {condition.needed_on} − {answer.question.lead.days} days = "
            f"{condition.order_by}, overdue {condition.overdue_days} days; there "
            f"{condition.in_service_on}"
        )

    def _lasts(self) -> Iterator[str]:
        decision = self._decision
        yield (
            "lasts until = the day before the first of the pools it touches is over (conservative "
            "where that is known, else base)"
        )
        for pool in decision.touched:
            for answer in pool.answers:
                yield f"  {answer.question.key}: first over {_first(answer)}"
        yield f"  = {shown(decision.lasts_until) if decision.lasts_until else 'no end is foreseen'}"
        yield f"what ends first: {decision.binding.question.key}"
        yield from self._sections(decision.binding).of_each(("usable", "headroom", "runway_days"))

    def _where(self) -> Iterator[str]:
        decision = self._decision
        yield "hosts = a packing of all new guests, found host by host (glossary 14)"
        yield from (f"  {host}: {count}" for host, count in decision.hosts)
        for store, size in decision.stores:
            yield f"  on {store}: {size / GIB:,g} GiB of disks"
        yield "best host = for one of them: every failure packed first, then most room left"
        for choice in decision.choices:
            yield (
                f"  {choice.host}: {choice.memory_left_gib:,g} GiB and {choice.vcpus_left:g} vCPUs "
                f"left after one, takes {shown(choice.takes)}; failover then {choice.failover}"
            )

    def _failover(self) -> Iterator[str]:
        for pool in self._decision.touched:
            if pool.pool.kind != "cluster":
                continue
            before = self._base.by_pool[key_of(pool.pool)]
            yield f"{pool.pool.name}: failover {before.failover} → {pool.failover}"
            new = sorted(set(pool.stays_down) - set(before.stays_down))
            yield f"  stays down that did not before: {', '.join(new) or 'nobody'}"
            yield from scenario_sections(self._outcome, pool, pool.binding).of("failover_test")

    def _cost(self) -> Iterator[str]:
        yield "cost a month = what is asked for × the rates of its cluster (glossary 22)"
        for part in charged_parts(self._base, self._decision.request):
            if part.rates is None:
                yield f"  no rate card names {part.cluster}: set [showback.clusters.{part.cluster}]"
                continue
            for name, rate, cost in (
                ("vcpus", part.rates.cpu, part.cost.cpu),
                ("memory_gib", part.rates.memory, part.cost.memory),
                ("storage_gib", part.rates.storage, part.cost.storage),
            ):
                yield f"  {name} {part.amounts[name]:g} × {shown(rate.each)} = {shown(cost)}"
            yield from rate_lines(self._base.estate, part.cluster, part.rates)

    def _assumed(self) -> Iterator[str]:
        yield "assumed: what was taken as given, for the reader to contradict"
        for said in self._decision.assumptions:
            yield f"  {self._say(said)}"

    def _sections(self, answer: Answer) -> Sections:
        pool = next(p for p in self._decision.touched if any(one is answer for one in p.answers))
        return scenario_sections(self._outcome, pool, answer)


def _first(answer: Answer) -> str:
    first = answer.runway.conservative_first_over or answer.runway.first_over
    return str(first) if first else answer.runway.reason.replace("_", " ") or "none"
