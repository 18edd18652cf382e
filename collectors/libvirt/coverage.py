"""What one poll of a libvirt host covered, and what stood in the way of the rest.

Backups and backup jobs are not covered: libvirt knows none.
"""

from __future__ import annotations

from collections.abc import Iterator

from collectors.libvirt.answers import Answers
from collectors.libvirt.domains import Domain
from collectors.libvirt.monitor import busy_seconds, is_stuck
from collectors.libvirt.values import attribute
from collectors.libvirt.volumes import volume_coverage
from collectors.tags import COMMAND
from inventory.records import Coverage, CoverageState

_OF_XML = ("guest", "disk", "nic")
_EVERY = ("host", *_OF_XML, "guest_snapshot", "datastore", "volume", "usage")
_NO_FIGURES_REMEDY = "virsh dommemstat GUEST --period 60 --live --config"


def coverage_of(answers: Answers) -> tuple[Coverage, ...]:
    """The coverage of every kind of fact, whole and part by part."""
    return (
        *_host(answers),
        *_guests(answers),
        *_datastores(answers),
        *_volumes(answers),
        *(_usage(answers) if not answers.is_fake else _made_up()),
    )


def nothing_seen(reason: str) -> tuple[Coverage, ...]:
    """The coverage of a poll whose answers do not say which host gave them."""
    return tuple(Coverage("", kind, "failed", reason) for kind in _EVERY)


def _whole(kind: str, trouble: str) -> Coverage:
    return Coverage("", kind, "failed" if trouble else "complete", trouble)


def _host(answers: Answers) -> Iterator[Coverage]:
    yield Coverage("", "host", "complete")
    for key, what in (("host/info", "processors"), (answers.memory_key, "memory")):
        if trouble := answers.trouble(key):
            scope = f"host/{answers.host.host_id}"
            yield Coverage(scope, "host", "failed", f"its {what}: {trouble}")
            return
    if not answers.is_fake and answers.sharing_trouble:
        reason = f"what memory its guests share: {answers.sharing_trouble}"
        yield Coverage(f"host/{answers.host.host_id}", "host", "partial", reason)


def _guests(answers: Answers) -> Iterator[Coverage]:
    listed = answers.trouble("domains", list)
    snapshots = listed or answers.trouble("domains/with_snapshots", list)
    for kind in _OF_XML:
        yield _whole(kind, listed)
    yield _whole("guest_snapshot", snapshots)
    for domain in answers.domains:
        yield from _guest(answers, domain)


def _guest(answers: Answers, domain: Domain) -> Iterator[Coverage]:
    scope = f"guest/{domain.uuid}"
    if domain.xml is None:
        reason = answers.trouble(f"domain/{domain.uuid}/xml") or "its XML cannot be read"
        for kind in _OF_XML:
            yield Coverage(scope, kind, "failed", reason)
        # Snapshots that libvirt keeps no record of show in the XML only.
        yield Coverage(scope, "guest_snapshot", "partial", reason)
        return
    if answers.statistics_trouble or not _answers(answers, domain):
        # The size of its disks is told by the monitor; what was known of them stays.
        yield Coverage(scope, "disk", "partial", _why_silent(answers, domain))
    if refused := domain.told.refused:
        reason = f"in its metadata or description {', '.join(refused)} says nothing that is a tag"
        yield Coverage(scope, "guest", "partial", reason, COMMAND)
    trouble = answers.trouble(f"domain/{domain.uuid}/snapshots", list)
    if trouble and domain.uuid in answers.with_snapshots:
        yield Coverage(scope, "guest_snapshot", "failed", trouble)
    disks = answers.disks_of(domain)
    outside = [disk.slot or "" for disk in disks if disk.datastore_id is None]
    if outside and not answers.trouble("pools", dict):
        reason = f"{', '.join(outside)}: in no storage pool that libvirt knows"
        yield Coverage(scope, "datastore", "partial", reason, "virsh pool-define-as … on the host")


def _datastores(answers: Answers) -> Iterator[Coverage]:
    trouble = answers.trouble("pools", dict)
    yield _whole("datastore", trouble)
    for key, (reason, remedy) in answers.storages.troubles(answers.drives).items():
        yield Coverage(f"datastore/{key}", "datastore", "partial", reason, remedy)


def _volumes(answers: Answers) -> Iterator[Coverage]:
    if trouble := answers.trouble("pools", dict) or answers.volumes_trouble:
        yield Coverage("", "volume", "partial", trouble)
        return
    yield Coverage("", "volume", "complete")
    yield from volume_coverage(answers.storages, answers.drives)


def _made_up() -> Iterator[Coverage]:
    reason = "libvirt's test driver makes its figures up; none is taken"
    yield Coverage("", "usage", "hidden", reason)


def _usage(answers: Answers) -> Iterator[Coverage]:
    yield _whole("usage", answers.trouble("statistics/state", dict))
    host = f"host/{answers.host.host_id}"
    for key, what in (("host/cpu", "processors"), ("host/memory", "memory")):
        if trouble := answers.trouble(key, dict):
            yield Coverage(host, "usage", "partial", f"its {what}: {trouble}")
            break
    for domain in answers.domains:
        if domain.is_active:
            yield from _guest_usage(answers, domain)


def _guest_usage(answers: Answers, domain: Domain) -> Iterator[Coverage]:
    scope = f"guest/{domain.uuid}"
    if answers.statistics_trouble or not _answers(answers, domain):
        some = "cpu.time" in domain.statistics
        state: CoverageState = "partial" if some else "failed"
        yield Coverage(scope, "usage", state, _why_silent(answers, domain))
    elif domain.power == "running" and not _reports_memory(domain):
        reason = "the guest tells no memory figures: its balloon has no statistics"
        yield Coverage(scope, "usage", "partial", reason, _NO_FIGURES_REMEDY)


def _answers(answers: Answers, domain: Domain) -> bool:
    """Whether a running guest's monitor answered: the size of its disks is told by no one else."""
    if not domain.is_active:
        return True
    if not domain.drives:
        return not is_stuck(answers.value(f"domain/{domain.uuid}/control"))
    return any("capacity" in block for block in domain.numbered("block"))


def _why_silent(answers: Answers, domain: Domain) -> str:
    busy = busy_seconds(answers.value(f"domain/{domain.uuid}/control"))
    if busy is not None:
        name = domain.name or domain.uuid
        return f"the QEMU monitor of {name} does not answer"
    return answers.statistics_trouble or "its QEMU monitor was busy with another command"


def _reports_memory(domain: Domain) -> bool:
    """Whether its memory balloon is set up to tell how the guest uses its memory."""
    period = attribute(domain.xml, "devices/memballoon/stats", "period")
    return period is not None and period != "0"
