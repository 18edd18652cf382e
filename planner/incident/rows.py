"""The tables of an incident: their fields are the columns, in their order."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from planner.rows import ChangeRow


@dataclass(frozen=True, slots=True)
class ConfigurationRow:
    """configuration.csv: one setting of the guest, its disks and interfaces, then and now."""

    subject: str  # the guest, a disk or an interface
    field: str  # the setting
    then: str | None  # at the beginning of the window; empty: not known
    now: str | None  # today; empty: not known, or the guest is gone
    differs: bool  # whether the two are not the same


@dataclass(frozen=True, slots=True)
class WhereRow:
    """where.csv: a host on which the guest was, and how."""

    host: str | None  # its name
    power: str | None  # running, stopped, paused
    since: datetime  # first seen so
    until: datetime | None  # no longer seen so; empty: it still is
    source: str  # the source that tells of it
    not_before: datetime  # the look before that: it may have been so since then


@dataclass(frozen=True, slots=True)
class AgencyRow:
    """agencies.csv: an agency whose personal data was near it, or may have been."""

    agency: str | None  # empty: nobody's, or nobody says
    owner: str | None  # its mailbox
    guests: str  # its guests that were near, with personal data or of unknown class
    classes: str  # of their data; ? for one that nobody classified
    shares: str  # what they shared with it: network, host, datastore
    certain: bool  # false: each of them only perhaps
    people: int | None  # whose data their services hold; empty: one of them does not say


@dataclass(frozen=True, slots=True)
class NeighbourRow:
    """neighbours.csv: a guest that shared something with it within the window."""

    guest: str  # as people call it
    id: str  # as the platform names it
    cluster: str  # where it is
    shares: str  # host, network or datastore
    what: str  # which one
    certain: bool  # false: the VLAN of one is not known, or looks leave open whether they met
    since: datetime  # from when on within the window, at the earliest
    until: datetime  # to when
    classification: str | None  # the class of its data
    personal: bool | None  # whether that is personal data; empty: the class is not known
    agency: str | None  # the agency accountable for it
    owner: str | None  # that agency's mailbox


@dataclass(frozen=True, slots=True)
class RightRow:
    """rights.csv: a role on a path that covers the guest, and who has it."""

    principal: str  # user@realm, user@realm!token or @group
    member: str | None  # who is in the group
    kind: str | None  # user, token or group
    role: str  # what is granted
    path: str  # on what
    privileges: str | None  # what the role holds; empty: not seen
    enabled: bool | None  # whether the account may log in
    second_factors: str | None  # their kinds; empty: none, or not seen
    then: bool  # held at the beginning of the window
    now: bool  # held today


@dataclass(frozen=True, slots=True)
class CopyRow:
    """copies.csv: a backup or snapshot of the guest."""

    kind: str  # backup or snapshot
    name: str  # as the platform names it
    created_at: datetime | None  # empty: its age cannot be trusted
    before_window: bool | None  # made before the window; empty: not known
    datastore: str | None  # where it is
    encrypted: bool | None  # whether it is
    verified: bool | None  # whether it was read back
    there_now: bool  # false: gone since the beginning of the window


@dataclass(frozen=True, slots=True)
class OpenFindingRow:
    """findings.csv: what was found about the guest, its hosts and its platform."""

    finding_id: str  # stable from report to report
    rule: str  # its id
    severity: str  # of the finding
    outcome: str  # risk or unknown
    title: str  # what the rule finds
    subject: str  # what it is about
    evidence: str  # what lets a person check it
    fix: str  # what to do
    then: bool  # open at the beginning of the window
    now: bool  # open today


@dataclass(frozen=True, slots=True)
class NotKnownRow:
    """not_known.csv: something a notice may need and that is not known."""

    topic: str  # source, guest, data, backups, rights or inside
    what: str  # what is not known
    why: str  # and why
    since: datetime | None  # from when on
    until: datetime | None  # to when


@dataclass(frozen=True, slots=True)
class DataRow:
    """data.csv: what is declared of the data on the guest."""

    field: str  # the statement
    then: str | None  # at the beginning of the window; empty: not declared
    now: str | None  # today


TABLES: Mapping[str, type[Any]] = {
    "data": DataRow,
    "configuration": ConfigurationRow,
    "where": WhereRow,
    "agencies": AgencyRow,
    "neighbours": NeighbourRow,
    "rights": RightRow,
    "copies": CopyRow,
    "changes": ChangeRow,
    "findings": OpenFindingRow,
    "not_known": NotKnownRow,
}
