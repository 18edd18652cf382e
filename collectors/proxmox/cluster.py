"""The cluster as a whole: quorum, migration, metrics, high availability, Ceph, its firewall."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from collectors.proxmox.values import flag, properties, rows, text
from collectors.untrusted import mapping, number, whole
from inventory.platform_records import ClusterState, StorageHealth

STATUS = "/cluster/status"
OPTIONS = "/cluster/options"
QUORUM_DEVICE = "/cluster/config/qdevice"
METRICS = "/cluster/metrics/server"
HA = "/cluster/ha/status/current"
CEPH = "/cluster/ceph/status"
FIREWALL = "/cluster/firewall/options"
RULES = "/cluster/firewall/rules"
GROUPS = "/cluster/firewall/groups"

STATE_PATHS = (STATUS, OPTIONS, QUORUM_DEVICE, METRICS, HA)
HOURLY_PATHS = (OPTIONS, QUORUM_DEVICE, METRICS, HA, CEPH, FIREWALL, RULES, GROUPS)

_MASTER = re.compile(r"\((?P<state>[^()]*?)(?:, [A-Z][a-z]{2} [^()]*)?\)\s*$")


def cluster_state(cluster: str, answered: Mapping[str, Any]) -> ClusterState:
    """The state told by the bodies of STATE_PATHS; what is not among them is not known."""
    status = answered.get(STATUS)
    own = next((row for row in rows(status) if row.get("type") == "cluster"), None)
    quorum = next((row for row in rows(answered.get(HA)) if row.get("type") == "quorum"), {})
    alone = len(rows(status)) if own is None and rows(status) else None
    return ClusterState(
        cluster=cluster,
        quorate=flag((own or quorum).get("quorate")),
        hosts_expected=whole(own.get("nodes")) if own else alone,
        quorum_device=_has_quorum_device(answered.get(QUORUM_DEVICE)),
        migration_encrypted=_encrypts(answered.get(OPTIONS)),
        metric_targets=_targets(answered.get(METRICS)),
        ha_master=_master(answered.get(HA)),
    )


def _has_quorum_device(body: Any) -> bool | None:
    """An empty answer is that of a cluster without one."""
    return bool(body) if isinstance(body, Mapping) else None


def _encrypts(body: Any) -> bool | None:
    """Migration goes through SSH unless it was set to be insecure, now or in the old way."""
    if not isinstance(body, Mapping):
        return None
    given = body.get("migration")
    settings = given if isinstance(given, Mapping) else properties(given)
    if "insecure" in (settings.get("type"), settings.get("")):
        return False
    plain = flag(body.get("migration_unsecure", 0))
    return None if plain is None else not plain


def _targets(body: Any) -> int | None:
    """Metric servers that are not switched off."""
    if not isinstance(body, list):
        return None
    return sum(1 for row in rows(body) if flag(row.get("disable", 0)) is not True)


def _master(body: Any) -> str | None:
    """active, idle, old timestamp - dead?: without the time, which changes with every poll."""
    if not isinstance(body, list):
        return None
    row = next((row for row in rows(body) if row.get("type") == "master"), None)
    if row is None:
        return ""
    words = text(row.get("status")) or ""
    found = _MASTER.search(words)
    return found["state"].strip() if found else words


def ceph_health(cluster: str, body: Any) -> Iterator[StorageHealth]:
    """cluster/ceph/status. Its sizes are raw: what redundancy leaves of them it does not tell."""
    health, sizes = mapping(mapping(body).get("health")), mapping(mapping(body).get("pgmap"))
    if health or sizes:
        yield StorageHealth(
            name="ceph",
            cluster=cluster,
            kind="ceph",
            health=text(health.get("status")),
            detail=_checks(mapping(health.get("checks"))),
            capacity_bytes=whole(sizes.get("bytes_total")) or None,
            used_bytes=whole(sizes.get("bytes_used")),
            fragmentation_ratio=None,
        )


def _checks(checks: Mapping[str, Any]) -> str:
    """Every check that failed with its summary, in the order of their names."""
    found = []
    for name in sorted(checks):
        summary = mapping(mapping(checks[name]).get("summary"))
        found.append(f"{name}: {text(summary.get('message')) or ''}".rstrip(": "))
    return "; ".join(found)[:500]


def release_of(version: Any) -> int | None:
    """The major release in an answer to /version: 9 of 9.2.11 and 7 of 7.4-20."""
    stated = text(mapping(version).get("version")) or text(mapping(version).get("release")) or ""
    major = number(stated.partition(".")[0])
    return None if major is None else int(major)
