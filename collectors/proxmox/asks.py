"""What a poll asks a Proxmox VE cluster, and how long an answer may stand in for asking again.

Bulk answers come at every poll. What only the thing itself tells is asked when the thing is new,
when what the bulk answer says of it changed, and otherwise once in its time, spread over the
polls: so a steady poll stays small and no answer is older than its time.
"""

from __future__ import annotations

import hashlib
import math
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from collectors.contract import KeptAnswer
from collectors.proxmox.agents import has_agent, may_be_asked
from collectors.proxmox.answers import FILE_SYSTEMS, OS_INFO
from collectors.proxmox.cluster import GROUPS, HOURLY_PATHS
from collectors.proxmox.firewall import group_names
from collectors.proxmox.guests import guest_id_of
from collectors.proxmox.nodes import told_by
from collectors.proxmox.replication import source_of
from collectors.proxmox.values import text
from collectors.proxmox.visibility import Rights
from collectors.proxmox.wire import Answer, Request, rows_of

Row = Mapping[str, Any]

QUARTER = 900
HOUR = 3_600
DAY = 24 * HOUR

BULK = (
    Request("/access/permissions"),
    Request("/access/users", {"full": 1}),
    Request("/cluster/status"),
    Request("/cluster/resources"),
    Request("/storage"),
    Request("/cluster/backup"),
    Request("/cluster/replication"),
)
# The dry listing of what pruning would do: the one way in which an auditor sees every backup.
# Without keep-all a storage that has no prune settings of its own answers an error.
_ALL_BACKUPS = {"prune-backups": "keep-all=1"}
# The listing with sizes, which silently leaves out what the token may not restore.
_BACKUPS_WITH_SIZES = {"content": "backup"}

# What a guest's row says of its configuration: another value means that it was changed.
_GUEST_MARKS = (
    "node", "name", "type", "status", "template", "tags", "pool", "lock", "maxcpu", "maxmem",
    "maxdisk",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Ask:
    """A request, and for how long its answer may be used again (0: for this poll only).

    ``mark`` is what the bulk answers say of its subject: when it changes, it is asked at once.
    An error of the platform (500 and the like) stands for no longer than ``error_seconds``.
    """

    request: Request
    every_seconds: int = 0
    mark: str = ""
    error_seconds: int = HOUR


# What is asked once for the whole cluster beside its own state.
_HA = ("/cluster/ha/resources", "/cluster/ha/groups", "/cluster/ha/rules")
_ACCESS = ("/access/acl", "/access/roles", "/access/groups", "/access/domains", "/access/tfa")
# What is asked of every guest after its configuration, the most useful first.
_OF_A_GUEST = ("snapshot", "firewall/options", "firewall/rules", "pending")
_DIRECTORIES = ("ldap", "ad")
_RESTS = 0.25  # the share of its time in which an answer is not asked again


@dataclass(frozen=True, slots=True)
class Wanted:
    """The bulk answers as far as they decide what else is asked."""

    resources: tuple[Row, ...]
    storages: tuple[Row, ...]
    rights: str = ""  # a digest of what the token may see
    may: Rights | None = None  # what it may see; None: not known
    release: int | None = None
    replications: tuple[Row, ...] = ()

    def asks(self) -> Iterator[Ask]:
        """Everything beside the bulk answers, the most useful first: where the time or the limit
        of a poll ends, the rest is left for the next one."""
        online = self._online()
        guests = [(row, self._mark(row)) for row in self._guests(online)]
        for node in online:
            yield Ask(Request(f"/nodes/{node}/status", node=node), HOUR, self.rights)
        for row, mark in guests:
            yield self._of_guest(row, "config", mark)
        yield from self._backup_lists(online)
        yield from self._of_the_cluster()
        yield from self._replication_states(online)
        for node in online:
            yield from self._of_node(node)
        for what in _OF_A_GUEST:
            for row, mark in guests:
                yield self._of_guest(row, what, mark)

    def follow_ups(self, answers: Mapping[str, Answer]) -> Iterator[Ask]:
        """What the answers so far lead to: rules of groups, backups that could not be listed,
        directories, and the agents of guests that are configured to have one."""
        for name in group_names(answers.get(f"GET {GROUPS}", {}).get("body")):
            yield Ask(Request(f"{GROUPS}/{name}"), HOUR, self.rights)
        for ask in self._backup_lists(self._online()):
            base, _slash, what = ask.request.path.rpartition("/")
            other = Request(f"{base}/content", _BACKUPS_WITH_SIZES, ask.request.node)
            failed = what == "prunebackups" and _is_refused(answers.get(ask.request.key))
            if failed and other.key not in answers:
                yield Ask(other, HOUR, self.rights)
        for row in rows_of(answers.get("GET /access/domains")):
            realm = text(row.get("realm"))
            if realm and row.get("type") in _DIRECTORIES:
                yield Ask(Request(f"/access/domains/{realm}"), HOUR, self.rights)
        for row in self._guests(self._online()):
            if may_be_asked(row, self.may) and has_agent(_told(row, "config", answers).get("body")):
                yield self._of_guest(row, OS_INFO, self._mark(row), error_seconds=DAY)

    def of_agents(self, answers: Mapping[str, Answer]) -> Iterator[Ask]:
        """What else the agents tell that answered: one that is silent costs one request a day."""
        for row in self._guests(self._online()):
            if may_be_asked(row, self.may) and _told(row, OS_INFO, answers).get("status") == 200:
                yield self._of_guest(row, FILE_SYSTEMS, self._mark(row), error_seconds=DAY)

    def _of_node(self, node: str) -> Iterator[Ask]:
        for told in told_by(self.release):
            yield Ask(told.request(node), told.every_seconds, self.rights)

    def _online(self) -> list[str]:
        return sorted(
            str(row.get("node"))
            for row in self.resources
            if row.get("type") == "node" and row.get("status") == "online"
        )

    def _guests(self, online: list[str]) -> list[Row]:
        guests = [row for row in self.resources if row.get("type") in ("qemu", "lxc")]
        return sorted(
            (row for row in guests if row.get("node") in online and guest_id_of(row)),
            key=lambda row: str(row.get("id")),
        )

    def _of_the_cluster(self) -> Iterator[Ask]:
        for path in HOURLY_PATHS:
            yield Ask(Request(path), HOUR, self.rights)
        managed = [(row.get("id"), row.get("hastate")) for row in self.resources]
        state = _digest(self.rights, *sorted(map(repr, managed)))
        for path in _HA:
            yield Ask(Request(path), HOUR, state)
        for path in _ACCESS:
            yield Ask(Request(path), HOUR, self.rights)

    def _mark(self, row: Row) -> str:
        return _digest(self.rights, *(row.get(name) for name in _GUEST_MARKS))

    def _of_guest(self, row: Row, what: str, mark: str, *, error_seconds: int = 0) -> Ask:
        request = Request(f"{_base(row)}/{what}", node=str(row["node"]))
        return Ask(request, DAY, mark, error_seconds)

    def _replication_states(self, online: list[str]) -> Iterator[Ask]:
        """The hosts that a job starts on tell how it went."""
        nodes = {str(row.get("vmid")): str(row.get("node")) for row in self.resources}
        sources = {source_of(row, nodes) for row in self.replications}
        for node in sorted(sources & set(online), key=str):
            yield Ask(Request(f"/nodes/{node}/replication", node=node), QUARTER, self.rights)

    def _backup_lists(self, online: list[str]) -> Iterator[Ask]:
        """One listing per storage that takes backups: of a shared one through any node with it."""
        disabled = {row.get("storage") for row in self.storages if row.get("disable")}
        asked: set[str] = set()
        rows = [row for row in self.resources if row.get("type") == "storage"]
        for row in sorted(rows, key=lambda row: str(row.get("id"))):
            storage, node = str(row.get("storage")), str(row.get("node"))
            takes_backups = "backup" in str(row.get("content", "")).split(",")
            if not takes_backups or storage in disabled or node not in online:
                continue
            if row.get("shared") and storage in asked:
                continue
            asked.add(storage)
            for what, parameters in self._ways(storage):
                path = f"/nodes/{node}/storage/{storage}/{what}"
                yield Ask(Request(path, parameters, node=node), HOUR, self.rights)

    def _ways(self, storage: str) -> Iterator[tuple[str, Mapping[str, str]]]:
        """The dry listing always; the one with sizes for a token that is shown all of it."""
        yield "prunebackups", _ALL_BACKUPS
        if self.may is not None and self.may.sees_backups_in(storage):
            yield "content", _BACKUPS_WITH_SIZES


def _is_refused(answer: Answer | None) -> bool:
    """Whether the cluster gave an error at once: then another way may succeed."""
    return answer is not None and answer.get("status") in (400, 500, 501)


def _base(row: Row) -> str:
    return f"/nodes/{row['node']}/{row['type']}/{row.get('vmid')}"


def _told(row: Row, what: str, answers: Mapping[str, Answer]) -> Answer:
    return answers.get(f"GET {_base(row)}/{what}") or {}


def rights_digest(permissions: Any) -> str:
    """A mark of what the token may see: with other rights everything is asked again."""
    return _digest(permissions)


def _digest(*parts: Any) -> str:
    text = "\x00".join(repr(part) for part in parts)
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def seconds_left(ask: Ask, kept: KeptAnswer | None, now: datetime) -> float:
    """For how long the kept answer may still stand in for asking; 0: it has to be asked."""
    if kept is None or not ask.every_seconds or kept.mark != ask.mark:
        return 0.0
    age = (now - kept.asked_at).total_seconds()
    return max(0.0, _longest(ask, kept) - age) if age >= 0 else 0.0


def _longest(ask: Ask, kept: KeptAnswer) -> int:
    is_error = kept.answer.get("status", 200) >= 500
    return min(ask.every_seconds, ask.error_seconds) if is_error else ask.every_seconds


def split(
    asks: Iterable[Ask],
    kept: Mapping[str, KeptAnswer],
    now: datetime,
    period_seconds: int = 300,
) -> tuple[list[Ask], dict[str, KeptAnswer]]:
    """The asks to send, in their order, and the kept answers that stand in for the others.

    From a quarter of its time on an answer may be asked again. So many are, of those that are kept
    as long the ones that end first, that the polls until each one's end need not send more: what
    was asked together is not asked together again, and no answer is older than its time.
    """
    listed = [(ask, seconds_left(ask, kept.get(ask.request.key), now)) for ask in asks]
    renewable: dict[int, list[tuple[float, str]]] = defaultdict(list)
    for ask, left in listed:
        key = ask.request.key
        if left and left <= (1 - _RESTS) * _longest(ask, kept[key]):
            renewable[ask.every_seconds].append((left, key))
    early = {key for ends in renewable.values() for key in _renewed(ends, period_seconds)}
    due = [ask for ask, left in listed if not left or ask.request.key in early]
    asked = {ask.request.key for ask in due}
    keys = (ask.request.key for ask, _left in listed)
    return due, {key: kept[key] for key in keys if key not in asked}


def _renewed(ends: Iterable[tuple[float, str]], period_seconds: int) -> Iterator[str]:
    """The answers to ask again before their time ends, of (seconds left, request)."""
    first = sorted(ends)
    polls = (math.ceil(left / period_seconds) for left, _key in first)
    share = max((math.ceil(k / n) for k, n in enumerate(polls, 1)), default=0)
    return (key for _left, key in first[:share])
