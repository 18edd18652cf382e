"""estate check."""

from __future__ import annotations

from inventory.errors import StoreError
from lumbung.choices import Exit
from lumbung.commands.attesting import share_answered
from lumbung.files import load_estate, place_in
from lumbung.plan import When, gather
from lumbung.printing import note
from lumbung.session import Session
from lumbung.settings import SettingsError
from planner.attestation.rounds import round_rows
from planner.orders import Misnamed, misnamed
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
        found: tuple[Misnamed | Unfit, ...] = (
            *misnamed(whole, pools_of(whole)),
            *unfit(whole),
        )
        note(share_answered(round_rows(whole)))
    except StoreError as error:
        note(f"the names of pools are not checked, nor what waivers fit: {error}")
        found = ()
    for fault in found:
        print(f"{place_in(path, fault.place)}: {fault}")
    if found:
        return Exit.USAGE
    note(
        f"{path}: {len(estate.projects)} projects, {len(estate.hardware)} hardware, "
        f"{len(estate.orders)} orders, {len(estate.budget.gates)} budget gates: no fault found"
    )
    return Exit.DONE
