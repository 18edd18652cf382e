"""Everything that was told of the guests: put together from the answers about each."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from collectors.proxmox.answers import OS_INFO, Answers
from collectors.proxmox.disks import disks_of, marked_shareable
from collectors.proxmox.firewall import firewall_of, rules_of
from collectors.proxmox.guests import guest_of, nics_of, snapshots_of
from collectors.proxmox.wire import rows_of
from collectors.untrusted import mapping
from inventory.records import Disk, Guest, Record

Row = Mapping[str, Any]


def guest_facts(answers: Answers) -> Iterator[Record]:
    """Every guest with its disks, interfaces, snapshots and firewall."""
    disks: list[Disk] = []
    for row in answers.guest_rows:
        config = _config(answers, row)
        guest = _guest(answers, row, config)
        yield guest
        if config is not None:
            disks += disks_of(guest, config, answers.storages)
            yield from nics_of(guest, config)
        yield from snapshots_of(guest, rows_of(answers.guest_answer(row, "snapshot")))
        yield from _firewall(answers, row, guest)
    yield from marked_shareable(disks)


def _config(answers: Answers, row: Row) -> Row | None:
    """A guest's configuration; None for one that was not told, which is not an empty one."""
    return mapping(answers.guest_answer(row, "config").get("body")) or None


def _guest(answers: Answers, row: Row, config: Row | None) -> Guest:
    pending = answers.guest_answer(row, "pending")
    agent = mapping(answers.guest_answer(row, OS_INFO).get("body"))
    return guest_of(
        row,
        config,
        answers.cluster,
        pending=rows_of(pending) if pending["status"] == 200 else None,
        told_by_agent=mapping(agent.get("result")),
    )


def _firewall(answers: Answers, row: Row, guest: Guest) -> Iterator[Record]:
    """Its settings and its rules. Whether an interface is filtered is more than these: the
    datacenter's firewall, the guest's, and the interface's own flag must all be on."""
    level = f"guest/{guest.guest_id}"
    options = answers.guest_answer(row, "firewall/options").get("body")
    yield from firewall_of(level, guest.cluster, options)
    rules = answers.guest_answer(row, "firewall/rules").get("body")
    yield from rules_of(level, guest.cluster, rules)
