"""The segregation matrix: what data and what exposure stand together, place by place."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Literal

from inventory.records import Host
from planner.estate import Estate
from planner.guest_views import GuestView
from planner.hosting import place_of
from planner.risks.around import Around
from planner.risks.naming import few
from planner.risks.segments import UNSEEN

Scope = Literal["site", "host", "segment", "datastore", "backup target"]
Meets = Literal["yes", "no", "not known"]
SCOPES: tuple[Scope, ...] = ("site", "host", "segment", "datastore", "backup target")
UNKNOWN_PLACE = "?"
Place = tuple[str, str]  # cluster ("" for what is in none), name


@dataclass(frozen=True, slots=True)
class MatrixRow:
    """`lumbung risks --matrix`: a place, its guests by class, and whether personal data meets the
    public there. A guest that is in several places of a scope counts in each; templates in none.
    """

    scope: Scope
    cluster: str
    place: str
    guests: int
    pribadi_spesifik: int
    pribadi_umum: int
    infra: int
    terbatas: int
    publik: int
    unclassified: int
    public: int
    public_unknown: int
    meets: Meets
    personal_guests: str
    public_guests: str


def matrix_of(estate: Estate) -> tuple[MatrixRow, ...]:
    """A row for every place in which a guest is; guests of which it was not seen are in "?"."""
    views = [
        view
        for view in estate.guests
        if not view.guest.template and view.key not in estate.twins.uncounted
    ]
    return tuple(row for scope in SCOPES for row in _rows(scope, views, estate))


def _rows(scope: Scope, views: Iterable[GuestView], estate: Estate) -> Iterator[MatrixRow]:
    found: dict[Place, list[GuestView]] = defaultdict(list)
    places = {
        "site": _site, "host": _host, "segment": _segments, "datastore": _datastores,
        "backup target": _backup_targets,
    }[scope]  # fmt: skip
    for view in views:
        for place in places(view, estate):
            found[place].append(view)
    for place in sorted(found):
        yield _row(scope, place, found[place])


def _row(scope: Scope, place: Place, views: list[GuestView]) -> MatrixRow:
    personal, public = [v for v in views if v.is_personal], [v for v in views if v.public]
    counts = _by_class(views)
    return MatrixRow(
        scope=scope,
        cluster=place[0],
        place=place[1],
        guests=len(views),
        pribadi_spesifik=counts["pribadi-spesifik"],
        pribadi_umum=counts["pribadi-umum"],
        infra=counts["infra"],
        terbatas=counts["terbatas"],
        publik=counts["publik"],
        unclassified=counts[None],
        public=len(public),
        public_unknown=sum(v.public is None for v in views),
        meets="not known" if place[1] == UNKNOWN_PLACE else _meets(views),
        personal_guests="; ".join(few(v.label for v in personal)),
        public_guests="; ".join(few(v.label for v in public)),
    )


def _by_class(views: Iterable[GuestView]) -> Mapping[str | None, int]:
    counts: dict[str | None, int] = defaultdict(int)
    for view in views:
        counts[view.classification] += 1
    return counts


def _meets(views: list[GuestView]) -> Meets:
    """Whether a guest with personal data and another that faces the public are both there."""
    if _two([v for v in views if v.is_personal], [v for v in views if v.public]):
        return "yes"
    holds = [v for v in views if v.is_personal is not False]
    faces = [v for v in views if v.public is not False]
    return "not known" if _two(holds, faces) else "no"


def _two(some: list[GuestView], others: list[GuestView]) -> bool:
    """Whether there is one of each that are not the same guest."""
    keys = {view.key for view in (*some, *others)}
    return bool(some and others) and len(keys) > 1


# Where a guest is


def _site(view: GuestView, estate: Estate) -> Iterable[Place]:
    host = _hosts(estate).get((view.guest.cluster, view.guest.host_id))
    return [("", (place_of(estate, host).site if host else None) or UNKNOWN_PLACE)]


def _host(view: GuestView, estate: Estate) -> Iterable[Place]:
    host = _hosts(estate).get((view.guest.cluster, view.guest.host_id))
    return [(view.guest.cluster, host.name if host else view.guest.host_id or UNKNOWN_PLACE)]


def _hosts(estate: Estate) -> Mapping[tuple[str, str | None], Host]:
    return estate.once(_hosts_by_id)


def _hosts_by_id(estate: Estate) -> Mapping[tuple[str, str | None], Host]:
    return {(h.cluster, h.host_id): h for h in (fact.record for fact in estate.hosts)}


def _segments(view: GuestView, estate: Estate) -> Iterable[Place]:
    """Those it is in; "?" beside them when a VLAN or its interfaces were not seen."""
    segments = estate.once(Around).segments
    ports, names = segments.ports_of(view.key), set(segments.received_by(view.key))
    nics = estate.nics_of(view.guest)
    unseen = any(UNSEEN in port.vlans for port in ports) or any(
        nic.network is None and not nic.link_down for nic in nics
    )
    if unseen or (not nics and _hides(view, "nic", estate)):
        names.add(UNKNOWN_PLACE)
    return [(view.guest.cluster, name) for name in names]


def _datastores(view: GuestView, estate: Estate) -> Iterable[Place]:
    disks = estate.disks_of(view.guest)
    names = {_store(view, disk.datastore_id, estate) for disk in disks}
    if not disks and _hides(view, "disk", estate):
        names.add(UNKNOWN_PLACE)
    return [(view.guest.cluster, name) for name in names]


def _backup_targets(view: GuestView, estate: Estate) -> Iterable[Place]:
    """Where its backups lie, and where the jobs that cover it will put the next."""
    told = {backup.datastore_id for backup in estate.backups_of(view.guest)}
    told |= {job.datastore_id for job in estate.cover_of(view.guest).jobs}
    names = {_store(view, one, estate) for one in told if one}
    if _hides(view, "backup", estate) and not names:
        names.add(UNKNOWN_PLACE)
    return [(view.guest.cluster, name) for name in names]


def _store(view: GuestView, datastore_id: str | None, estate: Estate) -> str:
    store = estate.datastore(view.guest.cluster, datastore_id)
    return store.datastore_id if store else datastore_id or UNKNOWN_PLACE


def _hides(view: GuestView, kind: str, estate: Estate) -> bool:
    return estate.gap(view.fact.source, kind, view.guest.scope) is not None
