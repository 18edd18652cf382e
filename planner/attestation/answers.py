"""What an agency answered: every cell is checked, then it becomes entries of the owners' file."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from datetime import date
from difflib import get_close_matches
from typing import Any

from planner.attestation.lists import AskRow
from planner.estate import Estate
from planner.guest_views import GuestView
from planner.owners import STRICTNESS, EstateFile, GuestEntry, Match
from planner.twins import matches

_ANSWERS = tuple(f.name for f in fields(AskRow) if f.name.startswith("answer"))
NEEDED = ("cluster", "guest_id", *_ANSWERS)
_LONGEST = 120
_LOCAL_DAY = re.compile(r"(\d{1,2})/(\d{1,2})/(\d{4})")
COMPARED = (
    "agency", "service", "classification", "criticality", "owner_role", "owner_confirmed_by",
    "owner_confirmed_on",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Row:
    """One line of a list that came back: its cells by column."""

    file: str
    line: int
    cells: Mapping[str, str]

    def get(self, column: str) -> str:
        return self.cells.get(column, "").strip()


@dataclass(frozen=True, slots=True)
class CellFault:
    """A cell that cannot be taken, and why."""

    row: Row
    column: str
    reason: str

    def __str__(self) -> str:
        return f"{self.row.file}:{self.row.line}: {self.column}: {self.reason}"


class _Bad(ValueError):
    """What is wrong with one cell."""

    def __init__(self, column: str, reason: str) -> None:
        super().__init__(reason)
        self.column = column


@dataclass
class Answers:
    """Everything that came back: what is answered by guest, what is not, and every fault."""

    entries: dict[tuple[str, str], GuestEntry] = field(default_factory=dict)
    unanswered: int = 0
    faults: list[CellFault] = field(default_factory=list)


def read_answers(rows: Iterable[Row], estate: Estate, today: date) -> Answers:
    """The answers in lists that came back; a row without any is not answered."""
    reader, found = _Reader(estate, today), Answers()
    for row in rows:
        if not any(row.get(column) for column in _ANSWERS):
            found.unanswered += 1
            continue
        view = reader.guest(row)
        if isinstance(view, _Bad):
            found.faults.append(CellFault(row, view.column, str(view)))
            continue
        values, faults = reader.values(row, view)
        found.faults += [CellFault(row, bad.column, str(bad)) for bad in faults]
        if view.key in found.entries:
            found.faults.append(CellFault(row, "guest_id", "is answered twice"))
        elif not faults:
            found.entries[view.key] = GuestEntry(match=reader.match(view), **values)
    return found


class _Reader:
    """Checks cells against what is known."""

    def __init__(self, estate: Estate, today: date) -> None:
        self._estate = estate
        self._today = today
        self._uuids = Counter(v.guest.uuid.lower() for v in estate.guests if v.guest.uuid)

    def guest(self, row: Row) -> GuestView | _Bad:
        """The guest that a row is about."""
        view = self._estate.guest_of.get((row.get("cluster"), row.get("guest_id")))
        if view is None:
            return _Bad("guest_id", f"no guest {row.get('cluster')}/{row.get('guest_id')} is known")
        uuid = row.get("uuid").lower()
        if uuid and view.guest.uuid and uuid != view.guest.uuid.lower():
            return _Bad("uuid", "another guest has that id now; export the list anew")
        return view

    def values(self, row: Row, view: GuestView) -> tuple[dict[str, Any], list[_Bad]]:
        """What is answered of a guest, and what cannot be taken."""
        checks = {
            "agency": self._agency,
            "service": self._service,
            "classification": self._classification,
            "criticality": self._criticality,
            "owner": self._role,
        }
        values: dict[str, Any] = {}
        faults: list[_Bad] = []
        for name, check in checks.items():
            try:
                if text := row.get(f"answer_{name}"):
                    values[name] = check(f"answer_{name}", text)
            except _Bad as bad:
                faults.append(bad)
        try:
            values["confirmed_by"] = self._answerer(row)
            values["confirmed_on"] = self._day(row.get("answered_on"), view)
        except _Bad as bad:
            faults.append(bad)
        return values, faults

    def match(self, view: GuestView) -> Match:
        """How an entry names a guest: by its UUID, where no other guest has the same."""
        guest = view.guest
        if guest.uuid and self._uuids[guest.uuid.lower()] == 1:
            return Match(uuid=guest.uuid)
        return Match(cluster=guest.cluster, guest_id=guest.guest_id)

    def _agency(self, column: str, text: str) -> str:
        return _one_of(column, text, self._estate.owners.agencies, "agency")

    def _service(self, column: str, text: str) -> str:
        return _one_of(column, text, self._estate.owners.services, "service")

    def _classification(self, column: str, text: str) -> str:
        return _one_of(column, text, STRICTNESS, "class")

    def _criticality(self, column: str, text: str) -> int:
        if text not in ("1", "2", "3", "4"):
            raise _Bad(column, f"{text!r} is not 1 (the highest) to 4")
        return int(text)

    def _role(self, column: str, text: str) -> str:
        if "@" in text:
            raise _Bad(column, "is an address; write the role of who answers for the guest")
        if len(text) > _LONGEST:
            raise _Bad(column, f"is longer than {_LONGEST} characters")
        return text

    def _answerer(self, row: Row) -> str:
        if text := row.get("answered_by"):
            return self._role("answered_by", text)
        raise _Bad("answered_by", "is empty; write the role of who answered")

    def _day(self, text: str, view: GuestView) -> date:
        day = _day_in(text) if text else self._today
        if day > self._today:
            raise _Bad("answered_on", f"{day} is still to come")
        known = view.owner_confirmed_on
        if known is not None and day < known:
            raise _Bad("answered_on", f"{day} is older than the answer of {known} that is recorded")
        return day


def _one_of(column: str, text: str, known: Iterable[str], what: str) -> str:
    """The known word that a text means, whatever its case."""
    by_lower = {word.lower(): word for word in known}
    if text.lower() in by_lower:
        return by_lower[text.lower()]
    near = get_close_matches(text.lower(), by_lower, 1)
    hint = f"did you mean {by_lower[near[0]]}?" if near else f"known are {_listed(by_lower)}"
    raise _Bad(column, f"{text!r} is no {what} here; {hint}")


def _listed(known: Mapping[str, str]) -> str:
    return ", ".join(sorted(known.values())) or "none"


def _day_in(text: str) -> date:
    """A day as 2026-11-23, or as spreadsheets of the country write it: 23/11/2026."""
    local = _LOCAL_DAY.fullmatch(text)
    try:
        if local:
            return date(int(local[3]), int(local[2]), int(local[1]))
        return date.fromisoformat(text)
    except ValueError:
        raise _Bad("answered_on", f"{text!r} is no day such as 2026-11-23 or 23/11/2026") from None


# What the answers change


@dataclass(frozen=True, slots=True)
class Difference:
    """A field of a guest as it is and will be; ``note`` says where an answer has no effect."""

    guest: str
    field: str
    old: str
    new: str
    note: str = ""


def taken_in(
    attested: Sequence[GuestEntry], answers: Answers, estate: Estate
) -> tuple[GuestEntry, ...]:
    """The attested entries with the answers in place of earlier ones for the same guests."""
    answered = [estate.guest_of[key] for key in answers.entries]
    by_uuid = {(v.guest.uuid or "").lower() for v in answered} - {""}
    by_id = {view.key for view in answered}

    def stays(entry: GuestEntry) -> bool:
        match = entry.match
        same_uuid = match.uuid is not None and match.uuid.lower() in by_uuid
        return not same_uuid and (match.cluster or "", match.guest_id or "") not in by_id

    kept = [entry for entry in attested if stays(entry)]
    earlier = [entry for entry in attested if not stays(entry)]
    renewed = [
        _with_earlier(entry, [old for old in earlier if matches(old.match, fact)])
        for key, entry in answers.entries.items()
        for fact in [estate.guest_of[key].fact]
    ]
    return (*kept, *renewed)


def _with_earlier(entry: GuestEntry, earlier: Iterable[GuestEntry]) -> GuestEntry:
    """An answer, with what an earlier one said and this one confirms by its silence."""
    known: dict[str, Any] = {}
    for old in earlier:
        known |= old.model_dump(exclude_none=True, exclude={"match"})
    said = entry.model_dump(exclude_none=True, exclude={"match"})
    return GuestEntry(match=entry.match, **(known | said))


def differences(estate: Estate, owners: EstateFile, answers: Answers) -> Iterator[Difference]:
    """What changes for the guests that were answered for, once ``owners`` is what is declared."""
    after = replace(estate, owners=owners)
    for key, entry in answers.entries.items():
        old, new = estate.guest_of[key], after.guest_of[key]
        for name in COMPARED:
            before, now = getattr(old, name), getattr(new, name)
            if before != now:
                called = name.removeprefix("owner_")
                yield Difference(new.label, called, _shown(before), _shown(now))
        if entry.classification and new.classification != entry.classification:
            stated = ", ".join(f"{origin} {name}" for origin, name in new.classifications)
            yield Difference(
                new.label, "classification", _shown(old.classification), _shown(new.classification),
                f"{entry.classification} was answered; the strictest of {stated} counts",
            )  # fmt: skip


def _shown(value: Any) -> str:
    return "?" if value is None else str(value)
