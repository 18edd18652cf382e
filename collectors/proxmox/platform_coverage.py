"""What a poll saw of the hosts' and the cluster's own facts, kind by kind and host by host."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from collectors.proxmox.answers import Answers
from collectors.proxmox.cluster import CEPH, FIREWALL, GROUPS, RULES, STATE_PATHS, STATUS
from collectors.proxmox.firewall import group_names
from collectors.proxmox.gaps import guests_shown, is_absent, judged, refusal, whole
from collectors.proxmox.nodes import Told, told_by
from collectors.proxmox.visibility import Rights
from inventory.records import BEYOND_REACH, Coverage, CoverageState

_WORST: Mapping[CoverageState, int] = {"complete": 0, "partial": 1, "hidden": 2, "failed": 3}
# Of these kinds some facts are the whole cluster's: their whole is judged by answers of its own.
_OF_THE_CLUSTER = ("firewall", "firewall_rule", "storage_health")
OF_GUESTS_TOO = ("firewall", "firewall_rule")
# No right that only reads shows images: the content of a storage leaves them out silently.
_NO_IMAGES = (
    "images are listed only to who may also write (VM.Config.Disk); on a node, "
    "`qm disk rescan --dryrun 1` names those that no guest refers to"
)


def of_the_platform(answers: Answers, rights: Rights) -> Iterator[Coverage]:
    """The coverage of every kind that nodes and the cluster tell of themselves."""
    nodes = answers.get("GET /cluster/resources")
    for kind, told in _by_kind(answers.release).items():
        if nodes["status"] != 200:  # nobody knows which nodes there are
            yield whole(kind, "failed", refusal(nodes))
            continue
        source = (
            _of_cluster(answers, rights, kind)
            if kind in _OF_THE_CLUSTER
            else _whole_of(kind, told, rights)
        )
        yield source
        for part in _of_nodes(answers, rights, kind, told):
            if (source.state, part.state) != ("hidden", "hidden"):  # the whole says it already
                yield part
    yield _cluster_state(answers, rights)
    yield whole("volume", "hidden", _NO_IMAGES, BEYOND_REACH)


# Hosts


def _by_kind(release: int | None) -> dict[str, list[Told]]:
    found: dict[str, list[Told]] = {}
    for told in told_by(release):
        found.setdefault(told.kind, []).append(told)
    return found


def _of_nodes(answers: Answers, rights: Rights, kind: str, told: list[Told]) -> Iterator[Coverage]:
    """One part per node: the worst of the answers that tell of the kind."""
    for row in answers.node_rows:
        node = str(row["node"])
        scope = f"host/{node}"
        if row.get("status") != "online":
            why = f"node {node} is {row.get('status', 'unknown')}"
            yield Coverage(scope, kind, "failed", why)
            continue
        yield _worst([_of_node(answers, rights, node, one) for one in told])


def _of_node(answers: Answers, rights: Rights, node: str, told: Told) -> Coverage:
    """Whoever may not see tasks of others is answered with none of them, and not refused."""
    answer, path = answers.node_answer(node, told), f"/nodes/{node}"
    if told.what == "tasks" and answer["status"] == 200 and not _may_see(answers, rights, node):
        reason = f"Sys.Audit on {path} is missing: tasks of others are not shown"
        return Coverage(f"host/{node}", told.kind, "hidden", reason, rights.grant("/nodes"))
    return judged(f"host/{node}", told.kind, answer, rights, path)


def _may_see(answers: Answers, rights: Rights, node: str) -> bool:
    refused = answers.get(f"GET /nodes/{node}/status")["status"] == 403
    return rights.has("Sys.Audit", f"/nodes/{node}") and not refused


def _worst(parts: list[Coverage]) -> Coverage:
    """The part that saw the least; when all saw everything, the one that is the oldest."""
    worst = max(_WORST[part.state] for part in parts)
    alike = [part for part in parts if _WORST[part.state] == worst]
    return min(alike, key=lambda part: part.asked_at.timestamp() if part.asked_at else 2.0**40)


def _whole_of(kind: str, told: list[Told], rights: Rights) -> Coverage:
    """The source as a whole: hidden when the right is missing everywhere, else part by part."""
    path = "/nodes"
    if all(one.to_everyone for one in told) or rights.has("Sys.Audit", path):
        return whole(kind, "complete")
    state: CoverageState = "partial" if rights.held_below("Sys.Audit", path) else "hidden"
    reason = f"Sys.Audit on {path} is missing"
    return whole(kind, state, reason, rights.grant(path))


# The cluster


def _of_cluster(answers: Answers, rights: Rights, kind: str) -> Coverage:
    """The whole of a kind that the cluster has facts of itself of, too."""
    paths = {
        "firewall": [FIREWALL],
        "firewall_rule": [RULES, GROUPS, *_groups(answers)],
        "storage_health": [CEPH],
    }[kind]
    if not rights.has("Sys.Audit", "/"):  # groups are then an empty list, the others refused
        reason = f"Sys.Audit on / is missing: {paths[0]} is not shown"
        return whole(kind, "hidden", reason, rights.grant("/"))
    parts = [judged("", kind, answers.get(f"GET {path}"), rights, "/") for path in paths]
    if kind in OF_GUESTS_TOO:
        parts.append(guests_shown(answers, rights, kind))
    return _worst(parts)


def _groups(answers: Answers) -> list[str]:
    return [f"{GROUPS}/{name}" for name in group_names(answers.body(f"GET {GROUPS}"))]


def _cluster_state(answers: Answers, rights: Rights) -> Coverage:
    """Its status tells most; what else could not be had leaves it partial."""
    kind = "cluster_state"
    if not rights.has("Sys.Audit", "/"):
        reason = "Sys.Audit on / is missing: neither quorum nor options are shown"
        return whole(kind, "hidden", reason, rights.grant("/"))
    status = judged("", kind, answers.get(f"GET {STATUS}"), rights, "/")
    if status.is_gap:
        return status
    missing = [path for path in STATE_PATHS if _is_missing(answers.get(f"GET {path}"))]
    if not missing:
        return status
    why = "; ".join(f"{path}: {refusal(answers.get(f'GET {path}'))}" for path in missing)
    return whole(kind, "partial", why)


def _is_missing(answer: Mapping[str, Any]) -> bool:
    """Not answered, although this release could."""
    return answer["status"] not in (200, 501) and not is_absent(answer)
