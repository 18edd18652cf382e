"""An incident's page, to be read first; the tables beside it hold everything."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from planner.incident.answer import Incident
from planner.incident.rows import (
    AgencyRow,
    ConfigurationRow,
    CopyRow,
    DataRow,
    NeighbourRow,
    NotKnownRow,
    OpenFindingRow,
    RightRow,
    WhereRow,
)
from planner.rows import ChangeRow
from reports.cells import number, plain
from reports.incident_phrases import INCIDENT
from reports.pages import page_template

_MOST_ROWS = 25  # of a table on the page; the files have all
_MOST_NAMES = 40
_NOTICE_WITHIN = timedelta(hours=3 * 24)  # of learning of it
Words = Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Table:
    """A section: its heads, the rows that have room, and what is said of the rest."""

    heading: str
    heads: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    more: str


def incident_html(incident: Incident, *, lang: str, zone: ZoneInfo) -> str:
    """The page as HTML that needs nothing else."""
    page = _Page(incident, INCIDENT[lang], zone)
    return page_template("incident.html.j2").render(
        lang=lang,
        words=page.words,
        incident=incident,
        window=f"{page.when(incident.window.start)} – {page.when(incident.window.end)}",
        made=page.when(incident.made_at),
        summary=page.summary(),
        personal=page.personal(),
        tables=page.tables(),
        due=page.words["due"].format(at=page.when(incident.made_at + _NOTICE_WITHIN)),
        by_hand=page.words["by_hand_lines"].split("|"),
        times=page.words["times"].format(zone=zone.key),
    )


@dataclass(frozen=True, slots=True)
class _Page:
    incident: Incident
    words: Words
    zone: ZoneInfo

    def when(self, at: datetime | None) -> str:
        return "?" if at is None else at.astimezone(self.zone).strftime("%Y-%m-%d %H:%M")

    def _yes(self, value: bool | None) -> str:
        return "?" if value is None else self.words["yes" if value else "no"]

    def summary(self) -> list[str]:
        """The lines that say it all."""
        words, incident = self.words, self.incident
        data: dict[str, DataRow] = {row.field: row for row in incident.tables["data"]}

        def said(name: str) -> str:
            return data[name].now or data[name].then or "?"

        there = [row for row in incident.tables["copies"] if row.there_now]
        before, after = ([r for r in there if r.before_window is told] for told in (True, False))
        return [
            words["which_class"].format(value=said("classification")),
            words["which_people"].format(value=said("data_subjects")),
            words["which_owner"].format(
                agency=said("agency"), owner=said("owner"), dpo=said("data_protection_officer")
            ),
            words["which_team"].format(value=said("incident_team")),
            *(
                words[f"reach_{shares}"].format(n=len(incident.reached(shares)))
                for shares in ("host", "network", "datastore")
            ),
            words["copies_short"].format(n=len(before)),
            *([words["copies_after"].format(n=len(after))] if after else []),
            words["changes_short"].format(n=len(incident.tables["changes"])),
            words["unknown_short"].format(n=len(incident.tables["not_known"])),
        ]

    def personal(self) -> str:
        """The neighbours whose data may be concerned too, by name."""
        found = self.incident.reached_personal
        if not found:
            return self.words["reach_none"]
        names = [f"{row.guest} [{row.classification or '?'}]" for row in found[:_MOST_NAMES]]
        more = len(found) - len(names)
        if more:
            names.append(self.words["more"].format(n=more, file="neighbours.csv"))
        return f"{self.words['reach_personal'].format(n=len(found))} {', '.join(names)}"

    def tables(self) -> list[Table]:
        return [
            self._table("data", ("statement", "then", "now"), self._data),
            self._table(
                "agencies", ("agency", "owner", "class", "people", "shares", "guests"), self._agency
            ),
            self._table("where", ("host", "power", "not_before", "since", "until"), self._where),
            self._table(
                "neighbours",
                ("guest", "shares", "what", "since", "until", "class", "agency", "owner"),
                self._neighbour,
            ),
            self._table(
                "rights",
                ("principal", "role", "path", "factors", "then", "now"),
                self._right,
            ),
            self._table(
                "copies",
                ("kind", "name", "made_at", "before", "datastore", "encrypted", "there"),
                self._copy,
            ),
            self._table("changes", ("at", "kind", "what", "field", "old", "new"), self._change),
            self._table(
                "configuration", ("subject", "setting", "then", "now"), self._setting,
                [row for row in self.incident.tables["configuration"] if row.differs],
            ),
            self._table(
                "findings",
                ("severity", "finding", "subject", "evidence", "then", "now"),
                self._finding,
            ),
            self._table("not_known", ("what", "why", "since", "until"), self._not_known),
        ]  # fmt: skip

    def _table(
        self, name: str, heads: tuple[str, ...], told: Any, rows: Sequence[Any] | None = None
    ) -> Table:
        found = self.incident.tables[name] if rows is None else rows
        shown = found if name == "not_known" else found[:_MOST_ROWS]
        more = len(found) - len(shown)
        return Table(
            heading=self.words[name],
            heads=tuple(self.words[head] for head in heads),
            rows=tuple(tuple(plain(cell) for cell in told(row)) for row in shown),
            more=self.words["more"].format(n=more, file=f"{name}.csv") if more else "",
        )

    def _data(self, row: DataRow) -> tuple[str, ...]:
        return self.words[f"data_{row.field}"], row.then or "?", row.now or "?"

    def _where(self, row: WhereRow) -> tuple[str, ...]:
        until = self.words["still"] if row.until is None else self.when(row.until)
        return (
            row.host or "?", row.power or "?", self.when(row.not_before), self.when(row.since),
            until,
        )  # fmt: skip

    def _agency(self, row: AgencyRow) -> tuple[str, ...]:
        shares = ", ".join(self.words[f"by_{name}"] for name in row.shares.split(";"))
        sure = shares if row.certain else f"{shares} ({self.words['perhaps']})"
        guests = row.guests.replace(";", ", ")
        people = "?" if row.people is None else number(row.people, ",", self.words["lang"])
        classes = row.classes.replace(";", ", ")
        return row.agency or "?", row.owner or "?", classes, people, sure, guests

    def _neighbour(self, row: NeighbourRow) -> tuple[str, ...]:
        what = row.what if row.certain else f"{row.what} ({self.words['perhaps']})"
        return (
            row.guest, self.words[f"by_{row.shares}"], what,
            self.when(row.since), self.when(row.until), row.classification or "?",
            row.agency or "?", row.owner or "?",
        )  # fmt: skip

    def _right(self, row: RightRow) -> tuple[str, ...]:
        who = f"{row.principal}: {row.member}" if row.member else row.principal
        factors = row.second_factors
        shown = "?" if factors is None else factors or self.words["none"]
        return who, row.role, row.path, shown, self._yes(row.then), self._yes(row.now)

    def _copy(self, row: CopyRow) -> tuple[str, ...]:
        return (
            row.kind, row.name, self.when(row.created_at), self._yes(row.before_window),
            row.datastore or "?", self._yes(row.encrypted), self._yes(row.there_now),
        )  # fmt: skip

    def _change(self, row: ChangeRow) -> tuple[str, ...]:
        return self.when(row.at), row.kind, row.subject, row.field, row.old, row.new

    def _setting(self, row: ConfigurationRow) -> tuple[str, ...]:
        return row.subject, row.field, row.then or "?", row.now or "?"

    def _finding(self, row: OpenFindingRow) -> tuple[str, ...]:
        severity = row.severity if row.outcome == "risk" else row.outcome
        return (
            severity, f"{row.rule} {row.title}", row.subject, row.evidence,
            self._yes(row.then), self._yes(row.now),
        )  # fmt: skip

    def _not_known(self, row: NotKnownRow) -> tuple[str, ...]:
        since = "" if row.since is None else self.when(row.since)
        return row.what, row.why, since, "" if row.until is None else self.when(row.until)
