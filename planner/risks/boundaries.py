"""Boundaries between agencies: whose accounts reach whose guests."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import chain

from inventory.platform_records import Grant, Principal
from planner.estate import Estate
from planner.guest_views import GuestView
from planner.risks.access import ADMINISTRATOR, ROOT, Access, accesses, is_live, user_of
from planner.risks.naming import few, labels
from planner.risks.rule import HIGH, Outcome, Rule, not_applicable, ok, risk, rule, unknown

_LOOKS_ONLY = frozenset({"VM.Audit", "VM.GuestAgent.Audit"})
_READS_DATA = frozenset(
    {
        "VM.Console", "VM.Backup", "VM.Monitor", "VM.GuestAgent.FileRead",
        "VM.GuestAgent.FileWrite", "VM.GuestAgent.Unrestricted",
    }
)  # fmt: skip


def _may_change_guests(grant: Grant, access: Access) -> bool:
    privileges = access.privileges(grant.role_id) - _LOOKS_ONLY
    return any(name.startswith("VM.") or name == "Permissions.Modify" for name in privileges)


class Whose:
    """Which agency an account works for. Made once of an estate: ``estate.once(Whose)``."""

    def __init__(self, estate: Estate) -> None:
        self._declared = estate.owners.principals

    def is_custodian(self, who: Principal) -> bool:
        """Whether it looks after the guests of all: itself, its user, or everyone in a group."""
        entries = [self._declared.get(name) for name in self._names(who)]
        if any(entry is not None and entry.custodian for entry in entries):
            return True
        members = [self._declared.get(name) for name in who.members or ()]
        return bool(members) and all(entry is not None and entry.custodian for entry in members)

    def agency(self, who: Principal) -> str | None:
        """Its agency; a group's is that of all its members. None when nobody declared it."""
        entries = (self._declared.get(name) for name in self._names(who))
        own = next((entry.agency for entry in entries if entry is not None), None)
        if own is not None or not who.members:
            return own
        members = {entry.agency if (entry := self._declared.get(m)) else None for m in who.members}
        return members.pop() if len(members) == 1 else None

    @staticmethod
    def _names(who: Principal) -> tuple[str, str]:
        return who.principal_id, user_of(who.principal_id)


@rule(
    "IAM-011",
    "Account of one agency with rights on guests of another",
    subject="principal",
    severity=HIGH,
    group="identity",
    essential=True,
    needs=("role", "grant", "guest"),
    sources=("proxmox",),
    why="People of one agency can stop, change or read what another agency answers for, and the "
    "owner does not know.",
    fix="Grant roles per resource pool, one pool for each agency. Operators who look after the "
    "guests of all are declared as custodian under principals in the estate file.",
)
def crosses_agencies(who: Principal, estate: Estate) -> Outcome:
    access, whose = accesses(estate).of(who.cluster), estate.once(Whose)
    if who.principal_id == ROOT or is_live(who, estate.at) is False:
        return not_applicable("root, or an account that is over")
    granted = access.granted_to(who.principal_id)
    grants = [grant for grant in granted if _may_change_guests(grant, access)]
    if not grants:
        return not_applicable("it may change no guest")
    if whose.is_custodian(who):
        return ok()
    agency = whose.agency(who)
    if agency is None:
        return unknown("its agency is not declared (principals in the estate file)")
    reached = {v.key: v for grant in grants for v in _reached(grant, estate)}
    foreign = [v for v in reached.values() if v.agency not in (None, agency)]
    if not foreign:
        silent = [v.key for v in reached.values() if v.agency is None]
        return unknown(f"whose {', '.join(labels(silent, estate))} is") if silent else ok()
    return risk(
        agency=agency,
        roles=few(f"{grant.role_id} on {grant.path}" for grant in grants),
        guests_of=few(view.agency or "" for view in foreign),
        guests=labels((view.key for view in foreign), estate),
    )


def _reached(grant: Grant, estate: Estate) -> Iterable[GuestView]:
    """The guests below the path of a grant."""
    place, _slash, name = grant.path.strip("/").partition("/")
    if not name and grant.propagates is False:
        return ()
    if place == "vms" and name:
        view = estate.guest_of.get((grant.cluster, name))
        return (view,) if view else ()
    if place in ("", "vms"):
        return estate.guests_in(grant.cluster)
    pools = estate.resource_pools(grant.cluster) if place == "pool" else {}
    return chain.from_iterable(
        views for pool, views in pools.items() if not name or f"{pool}/".startswith(f"{name}/")
    )


@rule(
    "IAM-012",
    "Personal data within reach of accounts that do not own it",
    subject="guest",
    severity=HIGH,
    group="identity",
    needs=("principal", "role", "grant"),
    sources=("proxmox",),
    why="They can open its console, read its files or take a copy of its disks, and the agency "
    "that answers for the data has not agreed to it.",
    fix="Split the role: one that starts and stops, another, for the owner alone, with console, "
    "backup and guest agent.",
)
def personal_data_within_reach(view: GuestView, estate: Estate) -> Outcome:
    if not view.is_personal or view.guest.template:
        return not_applicable("no personal data" if view.classification else "class not known")
    if view.agency is None:
        return unknown("whose it is")
    readers = estate.once(Readers).of(view)
    whose = estate.once(Whose)
    others = {
        who.principal_id: (whose.agency(who), privileges)
        for who, privileges in readers
        if not whose.is_custodian(who) and whose.agency(who) != view.agency
    }
    strangers = {name: held for name, (agency, held) in others.items() if agency is not None}
    if strangers:
        held = frozenset().union(*strangers.values())
        return risk(accounts=few(strangers), privileges=few(held), owner=view.agency)
    return unknown(f"the agency of {', '.join(few(others))} is not declared") if others else ok()


class Readers:
    """Who can get at what a guest holds, root and administrators apart, whom IAM-003 counts."""

    def __init__(self, estate: Estate) -> None:
        self._estate = estate
        self._found: dict[object, list[tuple[Principal, frozenset[str]]]] = {}

    def of(self, view: GuestView) -> list[tuple[Principal, frozenset[str]]]:
        """The users and tokens, with the privileges that let them."""
        access = accesses(self._estate).of(view.guest.cluster)
        place = (view.guest.cluster, *access.places(view.guest))
        if place not in self._found:
            self._found[place] = list(self._readers(view, access))
        return self._found[place]

    def _readers(
        self, view: GuestView, access: Access
    ) -> Iterator[tuple[Principal, frozenset[str]]]:
        for who in access.principals.values():
            if who.kind == "group" or is_live(who, self._estate.at) is False:
                continue
            held = access.may_on(who, view.guest)
            if ADMINISTRATOR not in held and held & _READS_DATA:
                yield who, held & _READS_DATA


RULES: tuple[Rule, ...] = (crosses_agencies, personal_data_within_reach)
