"""Recordings of cameras: whether they are kept as long as is required."""

from __future__ import annotations

from typing import Any

from planner.estate import Estate
from planner.recorders import Keeper
from planner.risks.rule import HIGH, MEDIUM, Outcome, Rule, ok, risk, rule, unknown


@rule(
    "AVL-010",
    "Camera recordings are kept shorter than required",
    subject="recorder",
    severity=HIGH,
    group="availability",
    essential=True,
    refs=("ISO 27001 A.8.6", "ISO 27001 A.5.33", "NIST AU-11", "CIS 8.3", "UU 27/2022 art. 17"),
    why="What the rule requires to be kept is overwritten, or never recorded; it is missed when it "
    "is asked for.",
    fix="Add storage, lower the bitrate or thin out older recordings, repair what does not record; "
    "`lumbung cameras` shows how much. Declare the required days with their basis in the estate "
    "file.",
)
def kept_too_short(keeper: Keeper, estate: Estate) -> Outcome:
    if keeper.verdict == "short":
        return risk(**_evidence(keeper))
    if keeper.not_recording or keeper.disks_failed:
        return risk(MEDIUM, **_evidence(keeper))
    return unknown(keeper.why) if keeper.verdict == "unknown" else ok()


def _evidence(keeper: Keeper) -> dict[str, Any]:
    """What is known of it, in the order in which a reader asks."""
    days, how = keeper.achieved
    found = {
        "keeps_days": None if days is None else round(days, 1),
        "how": how,
        "required_days": keeper.required_days,
        "basis": keeper.basis,
        "not_recording": keeper.not_recording or None,
        "disks_failed": keeper.disks_failed or None,
        "cameras": keeper.cameras,
        "mbps": keeper.mbps,
    }
    return {name: value for name, value in found.items() if value is not None and value != ""}


RULES: tuple[Rule, ...] = (kept_too_short,)
