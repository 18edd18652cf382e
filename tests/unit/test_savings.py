"""What became of advice: freed, kept, or still open."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import numpy as np

from estates import AS_OF, NOW, estate, health
from inventory.guest_days import GuestDay
from inventory.proposals import proposals, remember_proposals
from inventory.records import Proposal
from inventory.sketch import CPU_UNIT, sketch_of
from planner.efficiency.answer import efficiency_of
from planner.efficiency.savings import savings_rows, settled
from planner.estate import Estate
from stored import GIB, Book, disk, guest, host

EARLIER = date(2026, 10, 1)


def proposed(place: Estate, remembered: tuple[Proposal, ...] = ()) -> tuple[Proposal, ...]:
    keys = [view.fact.entity_key or 0 for view in place.guests]
    sketch = sketch_of(np.full(288, 3.2), CPU_UNIT)
    days = tuple(GuestDay(AS_OF - timedelta(days=i), sketch, None, 9.0, 9.0) for i in range(1, 31))
    found = efficiency_of(
        place, dict.fromkeys(keys, days), dict.fromkeys(keys, NOW - timedelta(days=60))
    )
    return settled(remembered, found, place)


def before(*found: Proposal) -> tuple[Proposal, ...]:
    """The same, as if it had been proposed weeks ago."""
    return tuple(
        p.model_copy(
            update={"proposal_id": f"{p.claim}@{EARLIER}", "first_on": EARLIER, "last_on": EARLIER}
        )
        for p in found
    )


def place(*, vcpus: float = 16.0, **more: Any) -> Estate:
    return estate(host(), guest(vcpus=vcpus, **more))


def test_a_guest_made_smaller_frees_the_difference_and_the_next_round_is_proposed() -> None:
    [first] = before(*proposed(place()))
    assert (first.vcpus, first.held_vcpus) == (8, 16)
    done, following = proposed(place(vcpus=8.0), (first,))
    assert (done.outcome, done.freed_vcpus, done.settled_on) == ("freed", 8, AS_OF)
    assert (following.outcome, following.vcpus, following.held_vcpus) == ("", 2, 8)
    october, november = savings_rows((done, following))
    assert (october.month, october.proposed_vcpus, october.still_open) == ("2026-10", 8, 0)
    assert (november.freed_vcpus, november.still_open) == (8, 1)


def test_what_is_proposed_again_keeps_its_first_day() -> None:
    [first] = before(*proposed(place()))
    [again] = proposed(place(), (first,))
    assert (again.proposal_id, again.first_on, again.last_on) == (
        first.proposal_id,
        EARLIER,
        AS_OF,
    )


def test_a_guest_that_was_removed_freed_all_it_held() -> None:
    [first] = before(*proposed(place()))
    [done] = proposed(estate(host()), (first,))
    assert (done.outcome, done.freed_vcpus) == ("freed", 16)


def test_what_is_no_longer_asked_for_and_as_large_as_before_was_kept() -> None:
    [first] = before(*proposed(place()))
    spared = {
        "exemptions": [
            {
                "match": {"guest_id": "100"}, "reason": "audit", "author": "Inspektorat",
                "since": "2026-11-01", "until": "2026-12-01",
            }
        ]
    }  # fmt: skip
    [done] = proposed(estate(host(), guest(vcpus=16.0), owners=spared), (first,))
    assert (done.outcome, done.freed_vcpus) == ("kept", None)


def test_disks_taken_from_a_guest_that_is_off_are_freed() -> None:
    off = guest(power="stopped")
    both = estate(off, disk(key="scsi0"), disk(key="scsi1"))
    [first] = before(*proposed(both))
    assert first.storage_bytes == 80 * GIB
    done, rest = proposed(estate(off, disk(key="scsi0")), (first,))
    assert (done.freed_storage_bytes, rest.storage_bytes) == (40 * GIB, 40 * GIB)


def test_while_a_source_is_stale_or_the_report_is_of_the_past_nothing_is_settled() -> None:
    [first] = before(*proposed(place()))
    stale = estate(host(), sources=(health(stale=True),))
    assert proposed(stale, (first,)) == ()
    later = first.model_copy(update={"last_on": AS_OF + timedelta(days=1)})
    assert proposed(estate(host()), (later,)) == ()


def test_proposals_are_remembered_as_they_stand() -> None:
    book = Book.empty()
    [first] = proposed(place())
    with book.store.writing() as connection:
        remember_proposals(connection, [first])
        remember_proposals(connection, [first.model_copy(update={"outcome": "kept"})])
        remember_proposals(connection, [])
    with book.store.reading() as connection:
        assert proposals(connection) == (first.model_copy(update={"outcome": "kept"}),)
