"""What one poll asks a libvirt host: first what cannot hang, then what may, each in its time.

A guest whose QEMU does not answer its monitor makes the bulk statistics of the whole host wait for
ever. So they are asked aside; when they do not come, a new connection asks again: by then that
guest's monitor is taken, it is passed over, and the others answer. Every such guest holds one of
the daemon's workers until it answers, so only a few are ever waited for.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from collectors.contract import Budget, CollectError, Raw, Source
from collectors.libvirt import LibvirtOptions
from collectors.libvirt.monitor import is_stuck
from collectors.libvirt.refusals import Refusal, Silence, one_line, told
from collectors.libvirt.trial import COULD_WRITE, tried_lately
from collectors.libvirt.wire import (
    ACTIVE,
    ALL_GROUPS,
    AUTOSTARTED,
    OVER_SSH,
    PERSISTENT,
    SAFE_GROUPS,
    STATE_GROUP,
    WITH_SNAPSHOTS,
    Wire,
    connect,
    could_write,
    within,
)
from inventory.records import KeptAnswer

Answers = dict[str, dict[str, Any]]  # {"value": …} or {"error": reason, "code": libvirt's number}

_ATTEMPTS = 2  # at the bulk statistics: each may leave a worker of the daemon waiting
_MOST_STUCK = 4  # guests with a stuck monitor, from which on the daemon's workers are spared
_SHARE_OF_THE_TIME = 0.4  # of what is left, for each call that may hang
_TIME_USED_UP = "not asked: the time of this poll was used up"
_WORKERS_SPARED = (
    "not asked: the monitors of several guests do not answer, and each question would hold one "
    "more of the daemon's workers"
)


def fetch(source: Source[LibvirtOptions], budget: Budget) -> Raw:
    """All answers of one poll. Raises CollectError when the host could not be read at all."""
    poll = _Poll(source, budget)
    poll.ask_host()
    poll.ask_guests()
    poll.ask_statistics()
    poll.ask_pools()
    return Raw("libvirt", poll.answers, poll.context(), poll.kept)


class _Poll:
    """One poll while it goes on: what was answered, and the connection that is in use."""

    def __init__(self, source: Source[LibvirtOptions], budget: Budget) -> None:
        self.answers: Answers = {}
        self.kept: dict[str, KeptAnswer] = {}
        self._source = source
        self._address = source.options.address
        self._budget = budget
        self._began = time.monotonic()
        self._requests = 0  # over connections that were given up
        self._wire: Wire | None = connect(self._address, budget)

    def ask_host(self) -> None:
        """What the host is. Raises CollectError when it does not say which it is."""
        wire = self._line()
        for key, call in (("host/name", "getHostname"), ("host/capabilities", "getCapabilities")):
            self.answers[key] = {"value": self._needed(call)}
        for key, call in (
            ("connection/driver", "getType"),
            ("connection/encrypted", "isEncrypted"),
            ("host/hypervisor", "getVersion"),
            ("host/libvirt", "getLibVersion"),
            ("host/info", "getInfo"),
        ):
            _keep(self.answers, key, wire.ask, call)
        if not self._address.is_fake:
            _keep(self.answers, "host/memory", wire.ask, "getMemoryStats", -1)
            _keep(self.answers, "host/cpu", wire.ask, "getCPUStats", -1)
            _keep(self.answers, "host/memory_parameters", wire.ask, "getMemoryParameters", 0)

    def _needed(self, call: str, *arguments: Any) -> Any:
        """An answer without which the rest means nothing. Raises CollectError."""
        try:
            return self._line().ask(call, *arguments)
        except Refusal as refusal:
            raise told(refusal, self._address) from refusal

    def ask_guests(self) -> None:
        """Everything about guests that no guest can hold up."""
        wire = self._line()
        domains: list[Any] = self._needed("listAllDomains", 0)
        self.answers["domains"] = {"value": [_named(wire, domain) for domain in domains]}
        _keep(self.answers, "domains/active", wire.ask, "numOfDomains")
        _keep(self.answers, "domains/inactive", wire.ask, "numOfDefinedDomains")
        _keep(self.answers, "domains/autostarted", _uuids, wire, AUTOSTARTED)
        _keep(self.answers, "domains/persistent", _uuids, wire, PERSISTENT)
        snapshots = _keep(self.answers, "domains/with_snapshots", _uuids, wire, WITH_SNAPSHOTS)
        for domain in domains:
            uuid = wire.ask_of(domain, "UUIDString")
            if self._budget.is_spent:
                self.answers[f"domain/{uuid}/xml"] = {"error": _TIME_USED_UP}
                continue
            _keep(self.answers, f"domain/{uuid}/xml", wire.ask_of, domain, "XMLDesc", 0)
            if uuid in (snapshots or ()):
                _keep(self.answers, f"domain/{uuid}/snapshots", _snapshots, wire, domain)

    def ask_statistics(self) -> None:
        """First the groups that no guest can hold up, then all."""
        groups = STATE_GROUP if self._address.is_fake else SAFE_GROUPS
        _keep(self.answers, "statistics/state", self._line().statistics, groups)
        if self._address.is_fake:
            return
        try:
            self._ask_all_statistics("statistics/all")
        except (CollectError, Refusal) as error:
            self.answers["statistics/all"] = {"error": one_line(str(error))}

    def _ask_all_statistics(self, key: str) -> None:
        for _attempt in range(_ATTEMPTS):
            if self._stuck_monitors() >= _MOST_STUCK:
                self.answers[key] = {"error": _WORKERS_SPARED}
                return
            wire, found, seconds = self._line(), Answers(), self._share()
            try:
                within(seconds, lambda: _keep(found, key, wire.statistics, ALL_GROUPS))  # noqa: B023  (called before the next turn)
            except Silence:
                self.answers[key] = {"error": f"no answer within {seconds:.0f} s"}
                self._give_up_the_line()
            else:
                self.answers |= found
                return
        self._stuck_monitors()

    def _stuck_monitors(self) -> int:
        """Asks since when each running guest's monitor is busy; returns how many are stuck.

        The daemon knows that without asking the guest.
        """
        wire = self._line()
        states = []
        for domain in wire.ask("listAllDomains", ACTIVE):
            if not self._budget.is_spent:
                key = f"domain/{wire.ask_of(domain, 'UUIDString')}/control"
                states.append(_keep(self.answers, key, wire.ask_of, domain, "controlInfo"))
        return sum(is_stuck(state) for state in states)

    def ask_pools(self) -> None:
        """The storage pools and volumes; on a dead network file system they may hang, too."""
        found, seconds = Answers(), self._share()
        try:
            wire = self._line()
            within(seconds, lambda: _ask_pools(wire, found))
        except Silence:
            self._give_up_the_line()
            found.setdefault("pools", {"error": f"no answer within {seconds:.0f} s"})
        except (CollectError, Refusal) as error:
            found.setdefault("pools", {"error": one_line(str(error))})
        self.answers |= dict(found)

    def context(self) -> dict[str, Any]:
        """What parsing needs beside the answers."""
        return {
            "transport": self._address.transport,
            "could_write": self._could_write(),
            "cluster": self._source.cluster,
            "known_cluster": self._source.known_cluster,
            "period_seconds": self._source.period_seconds,
            "requests": self._requests + (self._wire.requests if self._wire else 0),
            "bytes": len(json.dumps(self.answers)),
            "seconds": round(time.monotonic() - self._began, 3),
        }

    def _could_write(self) -> bool | None:
        """Whether the credentials could write; what takes a connection more is tried once a day,
        and anew where the address is another."""
        now, mark = self._source.now or datetime.now(UTC), self._address.uri
        before = tried_lately(self._source.kept.get(COULD_WRITE), mark, now)
        tried = before or KeptAnswer(could_write(self._address, self._budget), now, mark)
        if self._address.transport in OVER_SSH and isinstance(tried.answer, bool):
            self.kept[COULD_WRITE] = tried
        return tried.answer if isinstance(tried.answer, bool) else None

    def _line(self) -> Wire:
        """The open connection, or a new one in place of one that was given up."""
        if self._wire is None:
            self._wire = connect(self._address, self._budget)
        return self._wire

    def _give_up_the_line(self) -> None:
        """A call that hangs in a connection delays the others in it: it is used no more."""
        if self._wire is not None:
            self._requests += self._wire.requests
        self._wire = None

    def _share(self) -> float:
        return _SHARE_OF_THE_TIME * self._budget.remaining


def _keep(answers: Answers, key: str, ask: Callable[..., Any], *arguments: Any) -> Any:
    """The answer, remembered with its time under the key; None for one that was refused."""
    try:
        value = ask(*arguments)
    except Refusal as refusal:
        answers[key] = {"error": one_line(refusal.text), "code": refusal.code}
        return None
    answers[key] = {"value": value, "at": time.time()}
    return value


def _named(wire: Wire, domain: Any) -> dict[str, Any]:
    return {
        "uuid": wire.ask_of(domain, "UUIDString"),
        "name": wire.ask_of(domain, "name"),
        "id": wire.ask_of(domain, "ID"),  # another one after every start; -1 when shut off
    }


def _uuids(wire: Wire, flag: int) -> list[str]:
    """The UUIDs of the domains that a flag selects."""
    return [wire.ask_of(domain, "UUIDString") for domain in wire.ask("listAllDomains", flag)]


def _snapshots(wire: Wire, domain: Any) -> list[str]:
    found = wire.ask_of(domain, "listAllSnapshots", 0)
    return [wire.ask_of(snapshot, "getXMLDesc", 0) for snapshot in found]


def _ask_pools(wire: Wire, answers: Answers) -> None:
    """Each pool, the active ones with their size and volumes, as they were last refreshed."""
    pools = _keep(answers, "pools/handles", wire.ask, "listAllStoragePools", 0)
    listed = answers.pop("pools/handles")
    if pools is None:
        answers["pools"] = listed
        return
    active = {wire.ask_of(pool, "name"): bool(wire.ask_of(pool, "isActive")) for pool in pools}
    answers["pools"] = {"value": active}
    for pool in pools:
        base = f"pool/{wire.ask_of(pool, 'name')}"
        _keep(answers, f"{base}/xml", wire.ask_of, pool, "XMLDesc", 0)
        if active[wire.ask_of(pool, "name")]:
            _keep(answers, f"{base}/info", wire.ask_of, pool, "info")
    for pool in pools:
        name = wire.ask_of(pool, "name")
        if active[name]:
            _keep(answers, f"pool/{name}/volumes", _volumes, wire, pool)


def _volumes(wire: Wire, pool: Any) -> list[str]:
    """The volumes' XML, "" for one that cannot be read: it went since the pool was refreshed."""
    return [_volume(wire, volume) for volume in wire.ask_of(pool, "listAllVolumes", 0)]


def _volume(wire: Wire, volume: Any) -> str:
    try:
        return str(wire.ask_of(volume, "XMLDesc", 0))
    except Refusal:
        return ""
