"""Monitoring and audit."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

from estates import AS_OF, NOW, health
from inventory.changes import Change
from inventory.platform_records import FailedTask, Service
from inventory.records import Record
from planner.estate import SourceHealth
from rule_cases import CLEAN_OWNERS, OTHER, PUBLIC, TEMPLATE, Case, Flip, changed
from rule_cases.availability import QUORATE
from rule_cases.network import entry, state, wall
from stored import guest, host

CORE = ("pve-cluster", "pvedaemon", "pveproxy", "pvestatd", "corosync", "chrony")


def service(name: str, state: str | None = "running", host_id: str = "h1") -> Service:
    return Service(host_id=host_id, name=name, state=state, cluster="c")


def failing(*days_ago: float, kind: str = "qmigrate", **more: Any) -> tuple[FailedTask, ...]:
    """Runs of a task on h1 that failed so many days ago."""
    given = {"outcome": "migration aborted", "about": "100", "cluster": "c", "host_id": "h1"} | more
    return tuple(
        FailedTask(
            task_id=f"{kind}/{ago}", kind=kind, started_at=NOW - timedelta(days=ago), **given
        )
        for ago in days_ago
    )


def change(
    kind: Any = "resized", field: str = "vcpus", guest_id: str = "100", **more: Any
) -> Change:
    sides = ({field: 2}, {field: 4}) if field else ({}, {})
    told = Change(NOW, kind, f"guest c/{guest_id} (db)", "", field, *sides, ("c", guest_id))
    return replace(told, **more)


def aged(hours: float | None, **more: Any) -> tuple[SourceHealth, ...]:
    return (replace(health(), age_minutes=None if hours is None else hours * 60, **more),)


def approval(**more: Any) -> dict[str, Any]:
    given = {"match": {"guest_id": "100"}, "ref": "C-1", "since": AS_OF - timedelta(days=2),
             "until": AS_OF, "author": "CAB"}  # fmt: skip
    return {"approvals": [given | more]}


HOST = host()
CORES = tuple(service(name) for name in CORE)
SILENT = replace(health(kind="libvirt", stale=True))
UNREACHED = (replace(SILENT, state=replace(SILENT.state, last_error="refused")),)
NONE_KEPT: dict[str, Any] = {"approvals": []}
PULLED = {"clusters": {"c": {"metrics_pulled": True}}}
LOGS = {"hosts": {"h1": {"log_target": "log.kota"}}}
QUIET = wall("guest/200", log_in="nolog")
OUTAGE = {"exclusions": [{"source": "site", "from": AS_OF, "to": AS_OF, "reason": "move",
                          "author": "Diskominfo"}]}  # fmt: skip

CASES: list[Case] = [
    # MON-001 metrics outside
    Case("MON-001", "ok", (HOST, state())),
    Case("MON-001", "ok", (HOST, state(metric_targets=0)), owners=PULLED),
    Case("MON-001", "risk", (HOST, state(metric_targets=0))),
    Case("MON-001", "unknown", (HOST, state(metric_targets=None))),
    # MON-002 a firewall without a log
    Case("MON-002", "ok", (HOST, PUBLIC, wall(), wall("guest/200"))),
    Case("MON-002", "ok", (HOST, PUBLIC, wall(), QUIET, entry(level="guest/200", log="info"))),
    Case("MON-002", "risk", (HOST, PUBLIC, wall(), QUIET)),
    Case("MON-002", "unknown", (HOST, PUBLIC, wall(), wall("guest/200", log_in=None))),
    Case("MON-002", "unknown", (HOST, guest("200", tags=None), wall(), QUIET)),
    Case("MON-002", "not_applicable", (HOST, guest("200"), wall(), QUIET)),
    Case("MON-002", "not_applicable", (HOST, PUBLIC, wall(enabled=False), QUIET)),
    # MON-005 clocks
    Case("MON-005", "ok", (HOST, *CORES)),
    Case("MON-005", "risk", (HOST, service("chrony", "dead"))),
    Case("MON-005", "risk", (HOST, service("chrony", "masked"), service("ntpd", "not-found"))),
    Case("MON-005", "unknown", (HOST,)),
    Case("MON-005", "unknown", (HOST, service("pveproxy"))),
    Case("MON-005", "unknown", (HOST, service("chrony", None))),
    # MON-006 guest agents
    Case("MON-006", "ok", (guest(agent=True),)),
    Case("MON-006", "risk", (guest(agent=False),)),
    Case("MON-006", "unknown", (guest(),)),
    Case("MON-006", "not_applicable", (guest(kind="container", agent=False), TEMPLATE)),
    # MON-007 hosts and services that are down
    Case("MON-007", "ok", (HOST, *CORES)),
    Case("MON-007", "ok", (HOST, service("pve-ha-lrm", "disabled"), service("corosync", "dead"))),
    Case("MON-007", "risk", (host(status="offline"),)),
    Case("MON-007", "risk", (HOST, service("pveproxy", "dead"))),
    Case("MON-007", "risk", (HOST, service("corosync", "dead"), state())),
    Case("MON-007", "risk", (HOST,), sources=UNREACHED),
    Case("MON-007", "unknown", (host(status=None),)),
    Case("MON-007", "unknown", (host(platform="proxmox-ve"),)),
    Case("MON-007", "not_applicable", (host(status="maintenance"),)),
    # MON-008 changes without an approval
    Case("MON-008", "ok", (guest(),), owners=approval(), changes=(change(),)),
    Case("MON-008", "ok", (), owners=approval(match={"name_glob": "db"}),
         changes=(change("removed", ""),)),
    Case("MON-008", "risk", (guest(),), owners=NONE_KEPT, changes=(change(),)),
    Case("MON-008", "risk", (), owners=NONE_KEPT, changes=(change("removed", ""),)),
    Case("MON-008", "risk", (guest(),), owners=approval(match={"guest_id": "7"}),
         changes=(change(),)),
    Case("MON-008", "risk", (guest(),), owners=approval(until=AS_OF - timedelta(days=2)),
         changes=(change(),)),
    Case("MON-008", "unknown", (guest(),), changes=(change(),)),
    Case("MON-008", "not_applicable", (guest(),), owners=NONE_KEPT,
         changes=(change("moved", "host_id"), change("renamed", "name"))),
    # MON-004 the same task fails again and again
    Case("MON-004", "ok", (HOST,)),
    Case("MON-004", "ok", (HOST, *failing(0, 1))),
    Case("MON-004", "risk", (HOST, *failing(0, 1, 2)), severity="low"),
    Case("MON-004", "ok", (HOST, *failing(0, 3, 8))),
    Case("MON-004", "ok", (HOST, *failing(0, 1), *failing(2, kind="aptupdate"))),
    Case("MON-004", "ok", (HOST, *failing(0, 1, 2, kind="vzdump"))),
    Case("MON-004", "ok", (HOST, *failing(0, 1, 2, kind="vncproxy"))),
    Case("MON-004", "ok", (HOST, *failing(0, 1, 2, outcome="received interrupt"))),
    Case("MON-004", "risk", (HOST, *failing(*[0.01 * i for i in range(20)]))),
    Case("MON-004", "ok", (HOST, *failing(*[0.01 * i for i in range(19)]))),
    Case("MON-004", "unknown", (HOST,), sources=(health(hidden=("failed_task",)),)),
    # MON-009 sources that are not read
    Case("MON-009", "ok", sources=aged(23)),
    Case("MON-009", "risk", sources=aged(25)),
    Case("MON-009", "risk", sources=aged(None)),
    Case("MON-009", "not_applicable", sources=aged(25, configured=False)),
    Case("MON-009", "not_applicable", sources=aged(25), owners=OUTAGE),
    # MON-010 logs
    Case("MON-010", "ok", (HOST,), owners=LOGS),
    Case("MON-010", "risk", (HOST,), owners={"hosts": {"c/h1": {"site": "hall"}}}),
    Case("MON-010", "unknown", (HOST,)),
    Case("MON-010", "not_applicable", (host(status="retired"),)),
]  # fmt: skip
CLEAN: list[Record] = [service(name, host_id=name_of) for name in CORE for name_of in ("h1", "h2")]
FLIPS: list[Flip] = [
    Flip("MON-001", QUORATE, changed(QUORATE, metric_targets=0)),
    Flip("MON-002", wall("guest/200"), wall("guest/200", log_in="nolog")),
    Flip("MON-005", service("chrony"), service("chrony", "dead")),
    Flip("MON-006", OTHER, changed(OTHER, agent=False)),
    Flip("MON-007", service("pveproxy"), service("pveproxy", "dead")),
    Flip("MON-008", changes=(change(),)),
    Flip("MON-004", more=failing(0, 1, 2)),
    Flip("MON-009", sources=aged(30)),
    Flip("MON-010", owners={**CLEAN_OWNERS, "hosts": {**LOGS["hosts"], "h2": {"site": "x"}}}),
]  # fmt: skip
