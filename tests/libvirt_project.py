"""A project that collects hosts of the lab, and what its store holds."""

from __future__ import annotations

import json
import sqlite3
import time
from typing import Any

from collectors.contract import Budget, Source
from collectors.libvirt import LibvirtCollector, LibvirtOptions
from inventory.records import Snapshot
from lab.libvirt_lab.daemon import Host
from libvirt_answers import AT
from pve_recorded import Project

_RATES_AFTER_SECONDS = 1.1  # rates over less than a second are none


def source(of: Host, uri: str | None = None, **more: Any) -> str:
    extra = "".join(f"{key} = {json.dumps(value)}\n" for key, value in more.items())
    return (
        f'[[sources]]\nname = "{of.name}"\nkind = "libvirt"\n'
        f'uri = "{uri or of.uri}"\n{extra or "timeout_seconds = 120"}\n'
    )


def poll(uri: str, seconds: float = 300.0) -> Snapshot:
    options = LibvirtOptions(uri=uri)
    collector = LibvirtCollector()
    raw = collector.fetch(Source("kvm", "libvirt", options), Budget(seconds))
    return collector.parse(raw, source="kvm", taken_at=AT)


def collected(project: Project) -> str:
    """Standard error of a `collect` that stored something."""
    ran = project.call("collect")
    assert ran.returncode in (0, 3), ran.stderr
    return ran.stderr


def collected_again(project: Project) -> str:
    """A `collect` long enough after the one before that its counters give rates."""
    time.sleep(_RATES_AFTER_SECONDS)
    return collected(project)


def collected_until_rated(project: Project, *who: tuple[str, str]) -> None:
    """Further polls until one gave each entity a rate of its processor time; mostly it is one.

    A machine that stops between a counter and its time makes a rate that cannot be: none is stored.
    """
    before = [len(rates(project, *one)) for one in who]
    for _ in range(5):
        collected_again(project)
        if all(len(rates(project, *one)) > n for one, n in zip(who, before, strict=True)):
            return
    raise AssertionError(f"five polls gave no rates of {who}")


def rates(project: Project, entity: str, key: str) -> list[dict[str, Any]]:
    """The samples of an entity that hold a rate of its processor time, oldest first."""
    samples = usage(project, entity).get(key, [])
    return [row for row in samples if row["cpu_used_cores"] is not None]


def usage(project: Project, entity: str) -> dict[str, list[dict[str, Any]]]:
    """All stored samples of a kind of entity, by its id, oldest first."""
    with sqlite3.connect(project.folder / "inventory.db") as database:
        database.row_factory = sqlite3.Row
        rows = database.execute(
            "select e.native_id, u.* from usage u join entity e on e.key = u.entity_key "
            "where e.kind = ? order by u.taken_at, u.period_seconds desc",
            (entity,),
        ).fetchall()
    database.close()
    found: dict[str, list[dict[str, Any]]] = {}
    for row in rows:
        found.setdefault(row["native_id"], []).append(dict(row))
    return found


def uuid_of(of: Host, name: str) -> str:
    return of.virsh("domuuid", name)
