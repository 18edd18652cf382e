"""Which findings are accepted: they stay in sight with their points apart, and no longer count."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

from inventory.records import Datastore, Disk
from planner.estate import Estate
from planner.guest_views import GuestView
from planner.risks.rule import Finding, Severity, Subject
from planner.waiver_entries import Scope, Waiver


@dataclass(frozen=True, slots=True)
class WaiverView:
    """A waiver of the owners' file, and how severe what it accepts is by its rule."""

    entry: Waiver
    severity: Severity


def with_waivers(findings: Sequence[Finding], estate: Estate) -> Iterator[Finding]:
    """The findings; a risk that is accepted today has its points moved and says until when.

    Of several waivers the one that lasts longest counts. What is not known cannot be accepted.
    """
    near: dict[tuple[str, str], list[Waiver]] = defaultdict(list)
    for waiver in estate.owners.waivers:
        near[waiver.rule, (waiver.scope.uuid or "").lower()].append(waiver)
    places = _Places(estate)
    for finding in findings:
        rule, uuid = finding.rule.id, finding.subject.guest_uuid.lower()
        accepted = [
            waiver
            for key in {(rule, ""), (rule, uuid)}
            for waiver in near.get(key, ())
            if finding.outcome.state == "risk"
            and waiver.is_in_force(finding.severity, estate.as_of)
            and places.fits(waiver.scope, finding.subject)
        ]
        yield _accepted(finding, accepted) if accepted else finding


@dataclass(frozen=True, slots=True)
class Unfit:
    """A waiver whose scope names what nobody knows: it accepts nothing."""

    place: tuple[str | int, ...]  # the keys that lead to it
    waiver: str
    part: str
    name: str

    def __str__(self) -> str:
        what = _SCOPED.get(self.part, f"{self.part} is")
        return f"waiver {self.waiver!r}: no known {what} {self.name!r}, so it accepts nothing"


_SCOPED = {"uuid": "guest has the uuid", "tag": "guest has the tag", "storage": "datastore is"}


def unfit(estate: Estate) -> tuple[Unfit, ...]:
    """The waivers, as long as they last, whose scope names no source, place or guest known."""
    known = _known(estate)
    return tuple(
        Unfit(("waivers", i, "scope", part), waiver.id, part, name)
        for i, waiver in enumerate(estate.owners.waivers)
        if waiver.expires >= estate.as_of
        for part, name in waiver.scope.model_dump(exclude_none=True).items()
        if (name.lower() if part in ("uuid", "tag") else name) not in known[part]
    )


def _known(estate: Estate) -> Mapping[str, frozenset[str]]:
    """By the parts of a scope the names that fit something."""
    hosts = [fact.record for fact in estate.hosts]
    stores = [fact.record for fact in estate.datastores]
    tags = (tag.lower() for view in estate.guests for tag in view.guest.tags or ())
    return {
        "source": frozenset(health.state.name for health in estate.sources),
        "cluster": frozenset(estate.clusters),
        "host": frozenset(name for host in hosts for name in (host.name, host.host_id)),
        "storage": frozenset(name for one in stores for name in (one.name, one.datastore_id)),
        "service": frozenset(service.name for service in estate.services)
        | {view.service for view in estate.guests if view.service},
        "tag": frozenset(tags),
        "uuid": frozenset(v.guest.uuid.lower() for v in estate.guests if v.guest.uuid),
    }


def _accepted(finding: Finding, waivers: Sequence[Waiver]) -> Finding:
    chosen = max(waivers, key=lambda waiver: (waiver.last_day(finding.severity), waiver.id))
    return replace(finding, points=0, waived_points=finding.points, waiver=chosen)


@dataclass(frozen=True)
class _Places:
    """Where subjects are, as scopes name places."""

    estate: Estate

    def fits(self, scope: Scope, subject: Subject) -> bool:
        """Whether all that a scope names is so of a subject; what is not known is not so."""
        view = self._views.get(subject.guest)
        tests = (
            (scope.source, lambda name: name == subject.source),
            (scope.cluster, lambda name: name == subject.cluster),
            (scope.host, lambda name: name in self._hosts_of(subject)),
            (scope.storage, lambda name: name in self._storages_of(subject, view)),
            (scope.service, lambda name: name == subject.service),
            (scope.tag, lambda name: name.lower() in _tags(view)),
            (scope.uuid, lambda name: name.lower() == subject.guest_uuid.lower()),
        )
        return all(test(name) for name, test in tests if name is not None)

    @cached_property
    def _views(self) -> Mapping[str, GuestView]:
        return {f"{cluster}/{name}": view for (cluster, name), view in self.estate.guest_of.items()}

    @cached_property
    def _host_names(self) -> Mapping[tuple[str, str], str]:
        hosts = (fact.record for fact in self.estate.hosts)
        return {(host.cluster, host.host_id): host.name for host in hosts}

    def _hosts_of(self, subject: Subject) -> frozenset[str]:
        if subject.cluster is None or subject.host_id is None:
            return frozenset()
        name = self._host_names.get((subject.cluster, subject.host_id), subject.host_id)
        return frozenset({name, subject.host_id})

    def _storages_of(self, subject: Subject, view: GuestView | None) -> frozenset[str]:
        """The names of the one datastore that a subject is or lies on; none where it is several."""
        thing = subject.thing
        if subject.kind == "datastore":  # as the planner answers for it
            return frozenset({thing.pool.name})
        if isinstance(thing, Datastore):
            return frozenset({thing.name, thing.datastore_id})
        if isinstance(thing, Disk):
            return self._named(thing.cluster, {thing.datastore_id})
        if subject.kind == "guest" and view is not None:
            disks = self.estate.disks_of(view.guest)
            return self._named(view.guest.cluster, {disk.datastore_id for disk in disks})
        return frozenset()

    def _named(self, cluster: str, ids: set[str | None]) -> frozenset[str]:
        if len(ids) != 1 or None in ids:
            return frozenset()
        [datastore_id] = ids
        store = self.estate.datastore(cluster, datastore_id)
        return frozenset({str(datastore_id), *([store.name] if store else [])})


def _tags(view: GuestView | None) -> frozenset[str]:
    return frozenset(tag.lower() for tag in (view.guest.tags or ())) if view else frozenset()
