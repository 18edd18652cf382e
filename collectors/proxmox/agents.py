"""What the agent in a guest tells: its operating system, and how full its file systems are.

An agent is asked where one is configured, the guest runs and the token may ask it. Before release
9 the right to ask is one that allows more than reading: it is not used.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from collectors.proxmox.answers import FILE_SYSTEMS, OS_INFO, Answers
from collectors.proxmox.gaps import asked_at, guests_shown, refusal, was_left, whole
from collectors.proxmox.guests import guest_id_of
from collectors.proxmox.values import flag, properties, rows, text
from collectors.proxmox.visibility import Rights
from collectors.proxmox.wire import NOT_ASKED, Answer
from collectors.untrusted import mapping
from collectors.untrusted import whole as whole_number
from inventory.platform_records import GuestFilesystem
from inventory.records import BEYOND_REACH, Coverage

Row = Mapping[str, Any]

KIND = GuestFilesystem.kind_name

_RIGHTS = ("VM.GuestAgent.Audit", "VM.GuestAgent.Unrestricted")  # from release 9 on
_FIRST_RELEASE = 9
_BEFORE = "before release 9 agents answer only to who may also do more (VM.Monitor)"


def may_be_asked(row: Row, may: Rights | None) -> bool:
    """Whether a guest runs, and the token may ask its agent."""
    is_running = row.get("type") == "qemu" and row.get("status") == "running"
    path = f"/vms/{row.get('vmid')}"
    return is_running and may is not None and any(may.has(right, path) for right in _RIGHTS)


def has_agent(config: Any) -> bool:
    """Whether a guest's configuration says that an agent runs in it."""
    given = properties(mapping(config).get("agent"))
    return flag(given.get("enabled", given.get("", ""))) is True


def filesystems_of(guest_id: str, cluster: str, body: Any) -> Iterator[GuestFilesystem]:
    """The file systems that a guest has mounted. More used than there is room is not known."""
    for row in rows(mapping(body).get("result")):
        mount = text(row.get("mountpoint"))
        size, used = whole_number(row.get("total-bytes")), whole_number(row.get("used-bytes"))
        if mount:
            yield GuestFilesystem(
                guest_id=guest_id,
                mount=mount,
                cluster=cluster,
                kind=(text(row.get("type")) or "").lower() or None,
                capacity_bytes=size,
                used_bytes=used if size is None or used is None or used <= size else None,
            )


def filesystem_facts(answers: Answers) -> Iterator[GuestFilesystem]:
    """Those of every guest whose agent answered."""
    for row in answers.guest_rows:
        body = answers.guest_answer(row, FILE_SYSTEMS).get("body")
        yield from filesystems_of(guest_id_of(row), answers.cluster, body)


def filesystem_coverage(answers: Answers, rights: Rights) -> Iterator[Coverage]:
    """The whole in one line, whatever number of agents is silent, and each guest that told."""
    yield _whole(answers, rights)
    for row in answers.guest_rows:
        answer = answers.guest_answer(row, FILE_SYSTEMS)
        if answer["status"] == 200:
            scope = f"guest/{guest_id_of(row)}"
            yield Coverage(scope, KIND, "complete", asked_at=asked_at(answer))


def _whole(answers: Answers, rights: Rights) -> Coverage:
    if (answers.release or _FIRST_RELEASE) < _FIRST_RELEASE:
        return whole(KIND, "hidden", _BEFORE, BEYOND_REACH)
    shown = guests_shown(answers, rights, KIND)
    if shown.is_gap:
        return shown
    if not any(rights.has_everywhere(right, "/vms") for right in _RIGHTS):
        is_held = any(rights.has(r, "/vms") or rights.held_below(r, "/vms") for r in _RIGHTS)
        reason = f"{rights.lack(_RIGHTS[0], '/vms')}: agents are not asked there"
        return whole(KIND, "partial" if is_held else "hidden", reason, rights.grant("/vms"))
    return _of_agents(answers, rights)


def _of_agents(answers: Answers, rights: Rights) -> Coverage:
    """What the agents told that may be asked. That one is silent is no fault of the platform,
    and no right helps: it is told, and is no news."""
    asked = [row for row in answers.guest_rows if _is_expected(answers, rights, row)]
    missing = [answer for row in asked if (answer := _decisive(answers, row))["status"] != 200]
    silent = [answer for answer in missing if answer["status"] == 500]
    left = sum(map(was_left, missing))
    unseen = sum(_is_unseen(answers, row) for row in answers.guest_rows)
    others = [answer for answer in missing if answer["status"] != 500 and not was_left(answer)]
    notes = [
        f"{left} agents were {NOT_ASKED}: the next polls go on" if left else "",
        f"of {unseen} guests it is not known whether they have an agent" if unseen else "",
        f"{len(others)} agents could not be asked ({_example(others)})" if others else "",
    ]
    if any(notes):
        return whole(KIND, "partial", "; ".join(filter(None, notes)))
    if silent:
        reason = f"{len(silent)} of {len(asked)} agents do not answer ({_example(silent)})"
        return whole(KIND, "hidden", reason, BEYOND_REACH)
    return whole(KIND, "complete")


def _is_expected(answers: Answers, rights: Rights, row: Row) -> bool:
    return may_be_asked(row, rights) and has_agent(answers.guest_answer(row, "config").get("body"))


def _is_unseen(answers: Answers, row: Row) -> bool:
    """Whether a machine that may run did not show its configuration."""
    may_run = row.get("type") == "qemu" and row.get("status") != "stopped"
    return may_run and answers.guest_answer(row, "config")["status"] != 200


def _decisive(answers: Answers, row: Row) -> Answer:
    """The answer that says why there are no file systems: an agent that does not tell its system
    is not asked for them."""
    told, system = (answers.guest_answer(row, what) for what in (FILE_SYSTEMS, OS_INFO))
    return told if told["status"] == 200 or system["status"] == 200 else system


def _example(answers: list[Answer]) -> str:
    return min(map(refusal, answers))
