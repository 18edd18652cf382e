"""estate check."""

from __future__ import annotations

from pathlib import Path

from inventory.errors import StoreError
from lumbung.choices import Exit
from lumbung.commands.attesting import share_answered
from lumbung.files import load_attested, load_estate, place_in
from lumbung.plan import When, gather
from lumbung.printing import note
from lumbung.session import Session
from lumbung.settings import SettingsError
from planner.attestation.rounds import round_rows
from planner.days_to_come import ToCome, days_to_come
from planner.orders import Misnamed, misnamed
from planner.owners import EstateFile
from planner.pools import pools_of
from planner.risks.waivers import Unfit, unfit


def check_estate(session: Session) -> Exit:
    """Validates the owners' file, and the names in it against what the store knows."""
    settings = session.settings()
    path = settings.estate_file
    if path is None:
        raise SettingsError(f"{settings.path}: names no estate file; set [estate] file")
    today = When.of(settings, None, session.now()).today
    estate = load_estate(path, today)
    try:
        with session.store(settings) as store:
            whole, _past, _memory = gather(settings, store, When.of(settings, None, session.now()))
        found: tuple[Misnamed | Unfit | ToCome, ...] = (
            *days_to_come(_as_written(path, estate), today),
            *misnamed(whole, pools_of(whole)),
            *unfit(whole),
        )
        note(share_answered(round_rows(whole)))
    except StoreError as error:
        note(f"the names of pools are not checked, nor what waivers fit: {error}")
        found = days_to_come(_as_written(path, estate), today)
    for fault in found:
        print(f"{place_in(path, fault.place)}: {fault}")
    if found:
        return Exit.USAGE
    note(
        f"{path}: {len(estate.projects)} projects, {len(estate.hardware)} hardware, "
        f"{len(estate.orders)} orders, {len(estate.budget.gates)} budget gates: no fault found"
    )
    return Exit.DONE


def _as_written(path: Path, estate: EstateFile) -> EstateFile:
    """The owners' file alone, without the answers beside it, whose days were checked on import."""
    answers = len(load_attested(path, estate))
    return estate.model_copy(update={"guests": estate.guests[answers:]})
