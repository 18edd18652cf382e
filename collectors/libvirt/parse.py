"""From the answers of one poll to a snapshot. Pure, and total: what is not there is a gap."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Any

from collectors.contract import Raw
from collectors.libvirt.answers import Answers
from collectors.libvirt.coverage import coverage_of, nothing_seen
from collectors.libvirt.domains import guest_of, nics_of
from collectors.libvirt.snapshots import snapshots_of
from collectors.libvirt.usage import Meter
from collectors.libvirt.values import items
from collectors.libvirt.volumes import volumes_of
from collectors.untrusted import number, whole
from inventory.records import Counter, Effort, Record, Snapshot, Usage

_FOR_WRITERS = {
    "tls": "write: a TLS certificate opens for writing, too",
    "tcp": "write: whoever reaches the port may open for writing",
}


def parse(raw: Raw, *, source: str, taken_at: datetime) -> Snapshot:
    """The snapshot that the answers tell."""
    answers = Answers(raw, source, taken_at)
    if not answers.name_their_host:
        return _snapshot(answers, coverage=nothing_seen("the host does not say which it is"))
    return _snapshot(
        answers,
        facts=tuple(_facts(answers)),
        usage=() if answers.is_fake else tuple(_usage(answers)),
        counters=() if answers.is_fake else tuple(_counters(answers)),
        coverage=coverage_of(answers),
        guests_reported=_guests_reported(answers),
    )


def _snapshot(answers: Answers, **found: Any) -> Snapshot:
    context = answers.context
    return Snapshot(
        source=answers.source,
        taken_at=answers.taken_at,
        platform=f"{answers.program} ({answers.transport})",
        excess_rights=_excess_rights(answers),
        effort=Effort(
            requests=whole(context.get("requests")) or 0,
            bytes=whole(context.get("bytes")) or 0,
            seconds=number(context.get("seconds")) or 0.0,
        ),
        **found,
    )


def _excess_rights(answers: Answers) -> tuple[str, ...] | None:
    """What the credentials could do beyond reading; None where nobody has tried.

    libvirt knows no reader over TLS or plain TCP: who may connect may open for writing.
    """
    if answers.is_fake:
        return ()
    transport = answers.context.get("transport")
    if transport in _FOR_WRITERS:
        return (_FOR_WRITERS[transport],)
    could_write = answers.context.get("could_write")
    if not isinstance(could_write, bool):
        return None
    return (f"write over {transport}",) if could_write else ()


def _facts(answers: Answers) -> list[Record]:
    cluster, storages = answers.cluster, answers.storages
    facts: list[Record] = [answers.host]
    facts += storages.datastores(cluster)
    for domain in answers.domains:
        facts.append(guest_of(domain, answers.host))
        facts += answers.disks_of(domain)
        facts += nics_of(domain, cluster)
        records = items(answers.value(f"domain/{domain.uuid}/snapshots"))
        facts += snapshots_of(domain, records, cluster, storages)
    if not answers.volumes_trouble:
        facts += volumes_of(storages, answers.mentioned, cluster)
    return facts


def _guests_reported(answers: Answers) -> int | None:
    """What libvirt itself counts, without those that moved to another host."""
    counts = [whole(answers.value(f"domains/{kind}")) for kind in ("active", "inactive")]
    if counts[0] is None or counts[1] is None:
        return None
    listed = items(answers.value("domains"))
    return counts[0] + counts[1] - (len(listed) - len(answers.domains))


def _usage(answers: Answers) -> Iterator[Usage]:
    meter = _meter(answers)
    yield from meter.host_usage(answers.value("host/memory"), list(answers.domains))
    for domain in answers.domains:
        yield from meter.guest_usage(domain, answers.disks_of(domain), answers.statistics_at)
    for store in answers.storages.datastores(answers.cluster):
        yield from meter.datastore_usage(store)


def _counters(answers: Answers) -> Iterator[Counter]:
    meter = _meter(answers)
    cpu, at = answers.value("host/cpu"), answers.at("host/cpu")
    yield from meter.host_counters(cpu, at)
    started = meter.host_started(cpu, at)
    for domain in answers.domains:
        yield from meter.guest_counters(domain, answers.statistics_at, started)


def _meter(answers: Answers) -> Meter:
    period = whole(answers.context.get("period_seconds")) or 300
    return Meter(answers.host, answers.taken_at, period)
