"""estate export, import, rounds: agencies answer for their guests."""

from __future__ import annotations

import csv
import io
import os
import sys
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import fields
from pathlib import Path
from typing import Any

import typer

from lumbung.auditing import note_reading
from lumbung.choices import Exit, Format, RoundsShow
from lumbung.files import attested_path, load_attested, write_attested
from lumbung.plan import When, estate_at
from lumbung.printing import note, print_table, show
from lumbung.session import Session
from lumbung.settings import Settings, SettingsError
from lumbung.verifying import checksum
from planner.attestation.answers import (
    NEEDED,
    Answers,
    CellFault,
    Difference,
    Row,
    differences,
    read_answers,
    taken_in,
)
from planner.attestation.lists import UNOWNED, AskRow, lists_of
from planner.attestation.rounds import (
    ClassifyRow,
    OverdueRow,
    RoundRow,
    classify_first,
    never_rows,
    overdue_rows,
    round_rows,
)
from planner.estate import Estate
from planner.owners import EstateFile, GuestEntry
from reports.attestation import instructions
from reports.cells import from_csv_text
from reports.weekly_csv import Dialect, csv_of_rows

_README = "README.txt"
_FIRST = 20


def export_lists(
    session: Session, agency: str | None, folder: Path | None, *, dialect: Dialect, lang: str
) -> None:
    """Writes one list per agency, those that nobody owns, and how to fill them in."""
    settings = session.settings()
    estate = _estate(session, settings)
    lists = lists_of(estate, agency)
    if agency is not None and not lists:
        known = sorted({view.agency for view in estate.guests if view.agency})
        raise SettingsError(f"--agency: no guest is {agency!r}'s; known are {', '.join(known)}")
    target = folder or settings.root / "attestation" / estate.as_of.isoformat()
    target.mkdir(mode=0o700, parents=True, exist_ok=True)
    files = {f"{stem}.csv": csv_of_rows(AskRow, rows, dialect) for stem, rows in lists.items()}
    files[_README] = instructions(
        estate.owners, lang, as_of=estate.as_of.isoformat(), unowned=f"{UNOWNED}.csv",
        days=estate.policy.attestation.round_days,
    )  # fmt: skip
    for name in files:
        if name != _README and (target / name).exists():
            raise SettingsError(
                f"{target / name} is there already and may hold answers; name another --out"
            )
    for name, text in files.items():
        _write(target / name, text)
    with session.store(settings) as store:
        guests = sum(len(rows) for rows in lists.values())
        counts: dict[str, int | str] = {
            "folder": str(target.resolve()),
            "lists": len(lists),
            "guests": guests,
        }
        note_reading(session, store, "estate export", counts)
    for stem, rows in lists.items():
        print(target / f"{stem}.csv")
        note(f"{stem}: {len(rows)} guests")


def _write(path: Path, text: str) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8", newline="") as file:
        file.write(text)


def import_answers(session: Session, files: Sequence[Path], *, yes: bool) -> Exit:
    """Checks every cell, shows what changes, and records it once it is confirmed."""
    settings = session.settings()
    if settings.estate_file is None:
        raise SettingsError(f"{settings.path}: names no estate file; set [estate] file")
    estate = _estate(session, settings)
    rows = [row for path in files for row in rows_in(path)]
    answers = read_answers(rows, estate, estate.as_of)
    if answers.faults:
        return _refused(answers.faults)
    if not answers.entries:
        note(f"nothing is answered yet in {len(rows)} lines")
        return Exit.DONE
    attested, owners = _after(settings.estate_file, estate, answers)
    _show_differences(differences(estate, owners, answers))
    note(f"{len(answers.entries)} guests answered, {answers.unanswered} not answered")
    if not yes and not sys.stdin.isatty():
        note("nothing was written: there is no terminal to ask at; --yes takes the answers in")
        return Exit.USAGE
    if not yes and not _is_confirmed(attested_path(settings.estate_file)):
        note("nothing was written")
        return Exit.DONE
    path = write_attested(settings.estate_file, _named(attested, estate))
    with session.store(settings) as store:
        counts: dict[str, int | str] = {"files": len(files), "guests": len(answers.entries)}
        counts["answers"] = checksum(path.read_bytes())
        note_reading(session, store, "estate import", counts)
    print(path)
    return Exit.DONE


def _after(
    path: Path, estate: Estate, answers: Answers
) -> tuple[tuple[GuestEntry, ...], EstateFile]:
    """What will have been attested, and the owners' file with it."""
    before = load_attested(path, estate.owners)
    attested = taken_in(before, answers, estate)
    declared = estate.owners.guests[len(before) :]
    return attested, estate.owners.model_copy(update={"guests": (*attested, *declared)})


def _refused(faults: Sequence[CellFault]) -> Exit:
    for fault in faults:
        note(str(fault))
    note(f"nothing was written: {len(faults)} cells cannot be taken")
    return Exit.USAGE


def _is_confirmed(path: Path) -> bool:
    """Whether a person says yes."""
    return typer.confirm(f"Record this in {path}?", default=False, err=True)


def _show_differences(found: Iterable[Difference]) -> None:
    columns = [field.name for field in fields(Difference)]
    rows = [[getattr(one, name) for name in columns] for one in found]
    show(columns, rows, Format.table, empty="nothing changes but the day of the answers")


def _named(attested: Iterable[GuestEntry], estate: Estate) -> Iterator[tuple[str, GuestEntry]]:
    """Each entry with the name of the guest that it is about."""
    by_uuid = {view.guest.uuid: view.label for view in estate.guests if view.guest.uuid}
    by_id = {view.key: view.label for view in estate.guests}
    for entry in attested:
        match = entry.match
        here = by_id.get((match.cluster or "", match.guest_id or ""))
        yield by_uuid.get(match.uuid or "") or here or "a guest that is gone", entry


def rows_in(path: Path) -> Iterator[Row]:
    """The lines of a list that came back, as spreadsheets write it. Raises SettingsError."""
    try:
        text = path.read_text(encoding="utf-8-sig")
    except OSError as error:
        raise SettingsError(f"{path}: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise SettingsError(f"{path}: is not UTF-8 text; save it as CSV UTF-8") from error
    header = text.partition("\n")[0]
    delimiter = ";" if header.count(";") > header.count(",") else ","
    reader = csv.DictReader(io.StringIO(text), delimiter=delimiter)
    missing = [name for name in NEEDED if name not in (reader.fieldnames or ())]
    if missing:
        raise SettingsError(f"{path}:1: has no column {', '.join(missing)}; export the list anew")
    for cells in reader:
        told = {name: from_csv_text(cell or "") for name, cell in cells.items() if name is not None}
        if None in cells and any(cells[None]):
            raise SettingsError(f"{path}:{reader.line_num}: has more cells than the header")
        yield Row(str(path), reader.line_num, told)


def _estate(session: Session, settings: Settings) -> Estate:
    with session.store(settings) as store:
        return estate_at(settings, store, When.of(settings, None, session.now()))


# Rounds


def show_rounds(session: Session, what: RoundsShow | None, form: Format) -> None:
    """How far the round has come by agency, and what to classify first."""
    report = session.report()
    if what is RoundsShow.overdue:
        _show(OverdueRow, overdue_rows(report.estate), form, empty="no answer is overdue")
        return
    if what is RoundsShow.never:
        _show(OverdueRow, never_rows(report.estate), form, empty="every guest was answered for")
        return
    if what is RoundsShow.unclassified:
        _show(ClassifyRow, classify_first(report), form, empty="every guest has a class")
        return
    rows = round_rows(report.estate)
    _show(RoundRow, rows, form, empty="no guests are known")
    if form is Format.table:
        first = classify_first(report, _FIRST)
        if first and what is None:
            columns, cells = _cells(ClassifyRow, first)
            of_them = "this one" if len(first) == 1 else f"these {len(first)}"
            print_table(columns, cells, title=f"Classify {of_them} first")
        note(share_answered(rows))


def share_answered(rows: Sequence[RoundRow]) -> str:
    """How far the round has come, in one line."""
    guests, answered = sum(row.guests for row in rows), sum(row.answered for row in rows)
    overdue, never = sum(row.overdue for row in rows), sum(row.never for row in rows)
    unclassified = sum(row.unclassified for row in rows)
    share = f"{100 * answered / guests:.0f} %" if guests else "?"
    return (
        f"{answered} of {guests} guests answered for in this round ({share}), {overdue} overdue, "
        f"{never} never, {unclassified} without a class"
    )


def _cells(row_type: type[Any], rows: Iterable[Any]) -> tuple[list[str], list[list[Any]]]:
    columns = [field.name for field in fields(row_type)]
    return columns, [[getattr(row, name) for name in columns] for row in rows]


def _show(row_type: type[Any], rows: Iterable[Any], form: Format, *, empty: str) -> None:
    columns, cells = _cells(row_type, rows)
    show(columns, cells, form, empty=empty)
