"""A request's answer: a page to print and send back, and the same in plain lines."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, fields
from datetime import date
from typing import Any

from planner.answers import Answer
from planner.pools import GIB
from planner.report import in_unit
from planner.scenario.coming import Coming
from planner.scenario.judging import Said
from planner.scenario.ordering import Condition
from planner.scenario.request import Decision, amounts_of
from reports.cells import number, plain, screen
from reports.pages import page_template
from reports.request_phrases import REQUEST

_MOST_NAMES = 6
_MOST_LINES = 8  # of each kind, so that all of it stays on one page
_TIB_IN_GIB = 1024.0
Words = Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Section:
    """A heading and its lines."""

    heading: str
    lines: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class RequestRow:
    """whatif --request: one request and its answer."""

    as_of: date
    request: str
    agency: str | None
    answer: str
    when: date
    until: date | None
    pool: str
    guests: int
    vcpus: float
    memory_gib: float
    storage_gib: float
    conditions: str
    order_by_date: date | None
    order_overdue_days: int | None
    possible_from: date
    lasts_until: date | None
    binding: str
    hosts: str
    datastores: str
    best_host: str
    failover_test: str
    stays_down: str
    why: str
    not_known: str
    assumed: str
    cost_month: float | None
    policy_version: str
    key: str = ""


def request_html(decision: Decision, *, lang: str = "en", key: str = "") -> str:
    """The page, in a language of ``reports.request_phrases``. Raises KeyError for another.

    ``key`` is what `explain` knows the answer by: it stands at the foot.
    """
    words = REQUEST[lang]
    estate = decision.outcome.base.estate
    return page_template("request.html.j2").render(
        lang=lang,
        words=words,
        site=estate.site,
        as_of=estate.as_of,
        verdict=decision.verdict,
        headline=_headline(decision, words),
        conditions=list(_conditions(decision, words)),
        facts=list(_facts(decision, words)),
        pools=[_pool_line(a, words) for p in decision.touched for a in p.answers],
        sections=list(sections(decision, words)),
        foot=words["foot"].format(policy=estate.policy.version, as_of=estate.as_of)
        + (f" · {key}" if key else ""),
    )


def request_text(decision: Decision, *, lang: str = "en") -> str:
    """The same in lines for a terminal."""
    words = REQUEST[lang]
    lines = [_headline(decision, words)]
    lines += [f"  - {condition}" for condition in _conditions(decision, words)]
    lines += ["", *(f"{name}: {value}" for name, value in _facts(decision, words))]
    for section in sections(decision, words):
        lines += ["", section.heading, *(f"  {line}" for line in section.lines)]
    return "\n".join(plain(line) for line in lines)


def _headline(decision: Decision, words: Words) -> str:
    verdict = decision.verdict
    if verdict != "yes_if":
        return f"{words[verdict]} {words[f'{verdict}_more']}"
    if decision.possible_from > decision.when:
        late = "yes_if_late" if decision.conditions else "yes_if_from"
        return words[late].format(date=decision.possible_from)
    return words["yes_if"]


def _conditions(decision: Decision, words: Words) -> Iterator[str]:
    """What is on its way and must be there, and what must be ordered."""
    if decision.verdict == "yes_if":
        yield from (_relied_on(coming, words) for coming in decision.relies_on)
    yield from (_condition(condition, words) for condition in decision.conditions)


def _relied_on(coming: Coming, words: Words) -> str:
    told = {"name": coming.name, "pool": coming.pool.name, "date": coming.by}
    if coming.stage is None:
        return words["relies_hardware"].format(**told)
    return words["relies_order"].format(stage=words[coming.stage], **told)


def _condition(condition: Condition, words: Words) -> str:
    """What must be ordered, and by when."""
    hosts = condition.unit == "hosts"
    key = "condition_gib"
    if hosts:
        key = "condition_hosts_1" if condition.quantity == 1 else "condition_hosts"
    what = words[key].format(
        count=screen(condition.quantity / (1 if hosts else _TIB_IN_GIB), words["lang"]),
        like=condition.like,
        pool=condition.pool.name,
        needed=condition.needed_on,
    )
    order = "overdue" if condition.overdue_days else "order_by"
    told = words[order].format(
        date=condition.order_by, days=condition.overdue_days, there=condition.in_service_on
    )
    return f"{what}: {told}"


def _facts(decision: Decision, words: Words) -> Iterator[tuple[str, str]]:
    """Who asks for what, from when to when."""
    yield words["asked_by"], decision.asked_by or words["nobody"]
    yield words["asked_for"], _asked_for(decision, words)
    yield words["from"], str(decision.when)
    yield words["until"], str(decision.until) if decision.until else words["open_end"]


def _asked_for(decision: Decision, words: Words) -> str:
    request, base = decision.request, decision.outcome.base
    amounts = amounts_of(base, request)
    shown = {
        "vcpus": screen(amounts["vcpus"], words["lang"]),
        "memory": screen(amounts["memory_gib"], words["lang"]),
        "storage": screen(amounts["storage_gib"], words["lang"]),
    }
    if request.demand is not None:
        cores = screen(request.demand.cpu_cores, words["lang"])
        piece = words["piece"].format(cores=cores, **shown)
        return f"{request.name} ({request.demand.pool}): {piece}"
    sizes = ", ".join(f"{g.count} × {g.profile} ({g.pool})" for g in request.guests)
    return f"{sizes}; {words['in_all'].format(**shown)}"


def sections(decision: Decision, words: Words) -> Iterator[Section]:
    """Everything below the answer, as far as there is something to say."""
    for heading, lines in (
        ("why", [_said(short.said, words) for short in decision.shorts]),
        ("not_known", [_said(said, words) for said in decision.unknown]),
        ("where", list(_where(decision, words))),
        ("best", list(_best(decision, words))),
        ("how_long", [_lasts(decision, words)]),
        ("if_host_dies", list(_failover(decision, words))),
        ("cost", [_cost(decision, words)]),
        ("assumed", [_said(said, words) for said in decision.assumptions]),
    ):
        told = list(dict.fromkeys(lines))
        if len(told) > _MOST_LINES:
            told[_MOST_LINES - 1 :] = [words["more"].format(n=len(told) - _MOST_LINES + 1)]
        if told:
            yield Section(words[heading], tuple(told))


def said_in_english(said: Said) -> str:
    """A statement as the answer's row has it."""
    return _said(said, REQUEST["en"])


def _said(said: Said, words: Words) -> str:
    values = {name: _value(name, value, said, words) for name, value in said.values.items()}
    return words[said.key].format(**values)


def _value(name: str, value: Any, said: Said, words: Words) -> str:
    lang = words["lang"]
    if name in ("resource", "model", "unit"):
        return words[value]
    if name == "amount":
        unit = GIB if said.values["unit"] == "gib" else 1
        return screen(float(value) / unit, lang)
    if name == "names":
        return _names(value, words)
    if name == "limits":
        told = ((words[r], words[m], number(factor, "g", lang)) for r, m, factor in value)
        return ", ".join(f"{resource} ({model}) {factor}" for resource, model, factor in told)
    return number(value, "g", lang) if isinstance(value, float) else str(value)


def _names(names: Sequence[str], words: Words) -> str:
    shown, more = ", ".join(names[:_MOST_NAMES]), len(names) - _MOST_NAMES
    return words["and_more"].format(names=shown, more=more) if more > 0 else shown


def _where(decision: Decision, words: Words) -> Iterator[str]:
    hosts = [words["host_takes"].format(host=host, count=n) for host, n in decision.hosts]
    if hosts:
        yield ", ".join(hosts)
    elif decision.request.guests:
        yield words["no_host"]
    for store, size in decision.stores:
        yield words["store_takes"].format(store=store, gib=screen(size / GIB, words["lang"]))


def _best(decision: Decision, words: Words) -> Iterator[str]:
    for choice in decision.choices[:3]:
        yield words["best_line"].format(
            host=choice.host,
            takes=screen(choice.takes),
            memory=screen(choice.memory_left_gib, words["lang"]),
            vcpus=screen(choice.vcpus_left, words["lang"]),
            failover=words[f"word_{choice.failover}"],
        )


def _lasts(decision: Decision, words: Words) -> str:
    """The last safe day, and what ends it."""
    if decision.lasts_until is not None:
        question = decision.binding.question
        return words["lasts"].format(
            date=decision.lasts_until,
            pool=question.pool.name,
            resource=words[question.resource],
            model=words[question.model],
        )
    unforeseen = [
        answer.runway.reason
        for pool in decision.touched
        for answer in pool.answers
        if answer.runway.reason not in ("", "no_growth", "beyond_horizon", "ring_buffer")
    ]
    if unforeseen:
        return words["lasts_unknown"].format(reason=words[unforeseen[0]])
    return words["lasts_long"]


def _failover(decision: Decision, words: Words) -> Iterator[str]:
    for pool in decision.touched:
        if pool.pool.kind != "cluster":
            continue
        text = words[pool.failover].format(names=_names(pool.stays_down, words))
        before = decision.outcome.base.by_pool["cluster", pool.pool.name].stays_down
        same = pool.failover == "fail" and set(pool.stays_down) <= set(before)
        yield f"{pool.pool.name}: {text}" + (f". {words['fail_before']}" if same else "")


def _cost(decision: Decision, words: Words) -> str:
    if decision.cost_month is None:
        return words["no_rate_card"]
    currency = decision.outcome.base.estate.policy.showback.currency
    amount = number(decision.cost_month, ",.0f", words["lang"])
    return words["cost_month"].format(amount=amount, currency=currency)


def _pool_line(answer: Answer, words: Words) -> tuple[str, str, str, str]:
    """Pool, what of it, what is left over, and when it is over."""
    question, runway = answer.question, answer.runway
    first = runway.conservative_first_over or runway.first_over
    left = screen(in_unit(answer.headroom, answer), words["lang"])
    return (
        question.pool.name,
        f"{words[question.resource]} ({words[question.model]})",
        f"{left} {words[question.unit]}",
        str(first) if first else words.get(runway.reason, words["none"]),
    )


def request_row(decision: Decision, key: str = "") -> RequestRow:
    """The answer as a row for CSV and JSON; ``key`` is what `explain` knows it by."""
    request, base = decision.request, decision.outcome.base
    words, amounts = REQUEST["en"], amounts_of(base, request)
    question, conditions = decision.binding.question, decision.conditions
    first = min(conditions, key=lambda condition: condition.order_by, default=None)
    pool = request.demand.pool if request.demand else ";".join(g.pool for g in request.guests[:1])
    return RequestRow(
        as_of=base.estate.as_of,
        request=request.name,
        agency=request.agency,
        answer=decision.verdict,
        when=decision.when,
        until=decision.until,
        pool=pool,
        guests=int(amounts["guests"]),
        vcpus=amounts["vcpus"],
        memory_gib=amounts["memory_gib"],
        storage_gib=amounts["storage_gib"],
        conditions="; ".join(_conditions(decision, words)),
        order_by_date=None if first is None else first.order_by,
        order_overdue_days=None if first is None else first.overdue_days,
        possible_from=decision.possible_from,
        lasts_until=decision.lasts_until,
        binding=question.key.removeprefix("pool/"),
        hosts="; ".join(f"{host}: {count}" for host, count in decision.hosts),
        datastores="; ".join(f"{store}: {size / GIB:g} GiB" for store, size in decision.stores),
        best_host=decision.choices[0].host if decision.choices else "",
        failover_test=decision.failover,
        stays_down="; ".join(decision.stays_down),
        why="; ".join(_said(short.said, words) for short in decision.shorts),
        not_known="; ".join(_said(said, words) for said in decision.unknown),
        assumed="; ".join(_said(said, words) for said in decision.assumptions),
        cost_month=decision.cost_month,
        policy_version=base.estate.policy.version,
        key=key,
    )


COLUMNS = tuple(field.name for field in fields(RequestRow))
