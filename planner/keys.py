"""The keys of rows: what `lumbung explain` is asked with, followed by /COLUMN for one figure.

No two rows of a report have the same key, and a row has the same key in every report that has it.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Sequence
from datetime import date, datetime

NOBODY = "-"  # stands in a key for a name that is empty


def order_key(pool: str, order: str = "") -> str:
    """Of what is to be ordered for a pool or recorder, or of one of its orders under way."""
    return f"order/{pool}/{order}" if order else f"order/{pool}"


def pool_key(pool: str, resource: str, model: str) -> str:
    return f"pool/{pool}/{resource}/{model}"


def guest_key(cluster: str, guest_id: str) -> str:
    return f"guest/{cluster}/{guest_id}"


def finding_key(finding_id: str) -> str:
    return f"finding/{finding_id}"


def change_key(at: datetime, kind: str, subject: str, field: str) -> str:
    """A change has no name of its own: a digest of what it is."""
    told = f"{at.isoformat()}\n{kind}\n{subject}\n{field}"
    return f"change/{hashlib.sha256(told.encode()).hexdigest()[:10]}"


def source_key(source: str) -> str:
    return f"source/{source}"


def failover_key(pool: str, lost: Sequence[str], domain: str) -> str:
    return f"failover/{pool}/{domain or '+'.join(lost) or NOBODY}"


def recorder_key(name: str) -> str:
    return f"recorder/{name}"


def track_key(pool: str, resource: str, model: str, about: str, ahead_days: int | None) -> str:
    """Of levels so many days ahead, or of dates of being first over."""
    told = about if ahead_days is None else f"{about}/{ahead_days}"
    return f"track/{pool}/{resource}/{model}/{told}"


def score_key(by: str, name: str) -> str:
    """A guest's score is explained with the guest."""
    if by == "guest" and name:
        return f"guest/{name}"
    return f"score/{by}" if by == "estate" else f"score/{by}/{name or NOBODY}"


def reclaim_key(claim: str) -> str:
    return f"reclaim/{claim}"


def reclaim_total_key(by: str, name: str | None) -> str:
    """Of what the claims of an agency, a class or a cluster come to."""
    return f"reclaim-total/{by}/{name or NOBODY}"


def rightsize_total_key(by: str, name: str | None) -> str:
    return f"rightsize-total/{by}/{name or NOBODY}"


def rightsize_key(cluster: str, guest_id: str) -> str:
    return f"rightsize/{cluster}/{guest_id}"


def showback_key(cluster: str, kind: str, name: str | None) -> str:
    """Of a payer of a cluster, or of what nobody has taken."""
    return f"showback/{cluster}/{kind}" + ("" if kind == "unallocated" else f"/{name or NOBODY}")


def fit_key(pool: str, size: str) -> str:
    """``size`` as it was asked for: S, M, L, average, VCPU/GIB/GIB or clone:CLUSTER/ID."""
    return f"fit/{pool}/{size}"


def more_cameras_key(recorder: str, count: int, mbps: float | None) -> str:
    """So many more cameras on a recorder; without a bitrate they are like those it has."""
    return f"more-cameras/{recorder}/{count}" + ("" if mbps is None else f"@{mbps:g}")


def migration_key(cluster: str, guest_id: str) -> str:
    return f"migration/{cluster}/{guest_id}"


def burn_down_key(until: date | None, week_end: date) -> str:
    """Of a week of the burn-down to a day; `-` where none is set."""
    return f"burn-down/{until or NOBODY}/{week_end}"


def savings_key(month: str) -> str:
    return f"savings/{month}"


def balance_key(scope: str, resource: str) -> str:
    return f"balance/{scope}/{resource}"


def told_apart(short: Sequence[str], full: Sequence[str]) -> list[str]:
    """Each short name that nothing else has, else the full one."""
    counts = Counter(short)
    return [name if counts[name] == 1 else long for name, long in zip(short, full, strict=True)]
