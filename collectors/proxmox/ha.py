"""High availability: the guests under it, and where they may or may not run.

Until release 8 groups say where; from 9 on rules do, and groups answer that they have been
migrated. An older release knows no rules and answers 501. Both mean: none of that kind.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from collectors.proxmox.answers import Answers
from collectors.proxmox.gaps import judged
from collectors.proxmox.values import count, flag, stated, text, words
from collectors.proxmox.visibility import Rights
from inventory.platform_records import HaResource, HaRule
from inventory.records import Coverage, Record

Row = Mapping[str, Any]
_RESOURCES, _GROUPS, _RULES = (
    "GET /cluster/ha/resources", "GET /cluster/ha/groups", "GET /cluster/ha/rules",
)  # fmt: skip
_KINDS = ("node-affinity", "resource-affinity")
_DEFAULT_TRIES = 1  # restarts on a host, and moves to another one


def ha_facts(answers: Answers) -> Iterator[Record]:
    """The guests under HA, the groups and the rules."""
    resources = list(_resources(answers))
    yield from resources
    for row in answers.rows(_GROUPS):
        name = text(row.get("group"))
        if name:
            yield _group(name, row, resources, answers.cluster)
    for row in answers.rows(_RULES):
        name = text(row.get("rule"))
        if name:
            yield _rule(name, row, answers.cluster)


def _resources(answers: Answers) -> Iterator[HaResource]:
    for row in answers.rows(_RESOURCES):
        guest = _guest_id(text(row.get("sid")) or "")
        if guest:
            yield HaResource(
                guest_id=guest,
                cluster=answers.cluster,
                requested=text(row.get("state", "started")),
                group=stated(row.get("group")),
                max_restart=count(row.get("max_restart", _DEFAULT_TRIES)),
                max_relocate=count(row.get("max_relocate", _DEFAULT_TRIES)),
            )


def _guest_id(resource: str) -> str:
    """100 from vm:100 or ct:100; "" from what is no guest."""
    kind, _colon, guest = resource.partition(":")
    return guest if kind in ("vm", "ct") else ""


def _group(name: str, row: Row, resources: list[HaResource], cluster: str) -> HaRule:
    return HaRule(
        rule_id=name,
        cluster=cluster,
        kind="group",
        affinity="positive",
        strict=flag(row.get("restricted", 0)),
        enabled=True,
        hosts=_hosts(row),
        guest_ids=tuple(sorted(r.guest_id for r in resources if r.group == name)),
    )


def _rule(name: str, row: Row, cluster: str) -> HaRule:
    kind: Any = row.get("type") if row.get("type") in _KINDS else None
    stated_affinity: Any = row.get("affinity")
    affinity = stated_affinity if stated_affinity in ("positive", "negative") else None
    disabled = flag(row.get("disable", 0))
    return HaRule(
        rule_id=name,
        cluster=cluster,
        kind=kind,
        affinity="positive" if kind == "node-affinity" else affinity,
        strict=flag(row.get("strict", 0)) if kind == "node-affinity" else None,
        enabled=None if disabled is None else not disabled,
        hosts=_hosts(row),
        guest_ids=tuple(sorted(filter(None, map(_guest_id, words(row.get("resources"), ","))))),
    )


def _hosts(row: Row) -> tuple[str, ...]:
    """pve1 and pve2 from ``pve2:1,pve1:2``: the names without their priorities."""
    return tuple(sorted({part.partition(":")[0] for part in words(row.get("nodes"), ",")}))


def ha_coverage(answers: Answers, rights: Rights) -> Iterator[Coverage]:
    """Whether the guests under HA were seen, and the groups and rules that the release has."""
    yield judged("", "ha_resource", answers.get(_RESOURCES), rights, "/")
    told = [answers.get(key) for key in (_GROUPS, _RULES)]
    groups, rules = (judged("", "ha_rule", answer, rights, "/") for answer in told)
    if _is_none(answers.get(_RULES)):
        yield groups
    elif _is_none(answers.get(_GROUPS)):
        yield rules
    else:
        yield groups if groups.is_gap else rules


def _is_none(answer: Row) -> bool:
    """Whether the release has no such thing: no rules yet, or no groups any more."""
    reason = str(answer.get("reason"))
    return answer["status"] == 501 or (answer["status"] == 500 and "migrated to rules" in reason)
