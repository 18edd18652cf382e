"""A report with a row of every kind, made by hand: for tests of what is told of all of them."""

from __future__ import annotations

from datetime import timedelta
from functools import cache
from typing import Any

from estates import AS_OF, NOW, days, estate, health
from inventory.changes import Change
from inventory.forecast_records import Said
from inventory.platform_records import Recorder, Volume
from inventory.records import Backup, BackupJob, Coverage, GuestSnapshot, Proposal
from planner.past import Past
from planner.report import Memory, Report, make_report
from said import band, forecast
from stored import GIB, JAKARTA, datastore, disk, guest, host

DAY = timedelta(days=1)


def past_order(name: str, item: str, took: int) -> dict[str, Any]:
    start = AS_OF - timedelta(days=400 + took)
    stages = {"proposed": start, "contracted": start + 90 * DAY, "in_service": start + took * DAY}
    return {"name": name, "pool": "c", "item": item, "stages": stages}


OWNERS: dict[str, Any] = {
    "agencies": {"tax": {"name": "Tax Office", "contact": "it@tax.example"}},
    "pools": {"c": {"owner": "Council"}},
    "hosts": {"h1": {"site": "north"}, "h2": {"site": "north"}},
    "catalogue": [
        {"name": "big", "cpu_cores": 64, "memory_gib": 1024, "price": 900.0},
        {"name": "small", "cpu_cores": 16, "memory_gib": 128, "price": 200.0},
        {"name": "shelf", "item": "recorder", "storage_gib": 4096, "price": 70.0},
    ],
    "budget": {"gates": [{"name": "RKA", "submit_by": "08-31", "spend_from": "01-15"}]},
    "orders": [
        past_order("first", "host", 200),
        past_order("second", "host", 260),
        past_order("third", "host", 300),
        {"name": "next one", "pool": "c", "cpu_cores": 32, "memory_gib": 512, "price": 5.0,
         "stages": {"contracted": AS_OF - 50 * DAY}},
        {"name": "shelves", "pool": "san", "storage_gib": 9, "stages": {"proposed": AS_OF - DAY}},
        {"name": "lost", "pool": "cc", "memory_gib": 9, "stages": {"contracted": AS_OF - DAY}},
    ],
    "cameras": {
        "uplinks": {"ring": {"mbps": 1000}},
        "groups": [{"name": "gates", "count": 100, "mbps": 4, "recorder": "nvr", "agency": "tax",
                    "uplink": "ring", "retention": {"days": 30, "basis": "Rule 7"}}],
    },
    "waivers": [{"id": "W-1", "rule": "AVL-001", "scope": {"cluster": "c"}, "reason": "spring",
                 "requested_by": "IT", "approved_by": "Mayor", "approved_at": AS_OF - DAY,
                 "expires": AS_OF + 60 * DAY}],
}  # fmt: skip
POLICY: dict[str, Any] = {
    "buy": {"owner": "Diskominfo", "price_rise_month_pct": 1.0, "short_day_cost": 2.0},
    "showback": {
        "currency": "IDR",
        "clusters": {"c": {"cost_month": 300_000, "cpu_ratio": 0.4, "memory_ratio": 0.6}},
    },
}  # fmt: skip


def said_of_san() -> Said:
    """A forecast of eight weeks ago, that the datastore would be full by now."""
    as_of = AS_OF - 56 * DAY
    told = forecast(
        as_of,
        usable_line=f"{as_of}:{3200.0 * GIB!r}",
        first_over_p10=AS_OF - 9 * DAY,
        first_over_p50=AS_OF - 5 * DAY,
        first_over_p90=AS_OF - 2 * DAY,
    )
    return Said(told, (band(7, 2700.0 * GIB, 20.0 * GIB), band(30, 2800.0 * GIB, 20.0 * GIB)))


@cache
def report() -> Report:
    """A site with a row of every kind: what is short, late, hidden, lost, forgotten, accepted."""
    records: list[Any] = [
        *(host(f"h{i}") for i in (1, 2, 3)),
        *(guest(f"{100 + i}", host_id=f"h{1 + i % 3}", memory_bytes=60 * GIB,
                tags=("cls.pribadi-umum", "opd.tax", "svc.tax")) for i in range(9)),
        guest("200", name="off", power="stopped"),
        guest("300", name="alone", cluster="d", host_id="d1", tags=("crit.1",)),
        host("d1", cluster="d"),
        *(disk(f"{100 + i}") for i in range(9)),
        disk("200"),
        datastore("san", used_bytes=3000 * GIB),
        GuestSnapshot(cluster="c", guest_id="100", name="before", created_at=NOW - 40 * DAY),
        Backup(cluster="c", guest_id="100", name="b1", created_at=NOW - 9 * DAY),
        BackupJob(cluster="c", job_id="nightly", enabled=True, guest_ids=("100",)),
        Volume(cluster="c", volume_id="san:left", datastore_id="san", allocated_bytes=3 * GIB),
        Recorder(cluster="cctv", recorder_id="nvr", name="nvr", capacity_bytes=8 * 10**12,
                 checked_at=NOW - DAY, oldest_recording_at=NOW - 5 * DAY),
    ]  # fmt: skip
    gap = Coverage("", "nic", "hidden", "no right", "grant it")
    old, new = {"memory_bytes": 32 * GIB}, {"memory_bytes": 60 * GIB}
    subject = "guest c/100 (guest 100)"
    change = Change(NOW, "resized", subject, "", "memory_bytes", old, new, ("c", "100"))
    place = estate(
        *records, owners=OWNERS, policy=POLICY, sources=[health(gaps=[gap])], days_seen=60,
        changes=[change],
    )  # fmt: skip
    memory = [(900 + 2.0 * i) * GIB for i in range(120)]
    key = next(fact.entity_key for fact in place.datastores)
    past = Past(
        cluster_days={("c", "memory"): days(memory), ("c", "cpu"): days([20.0] * 120)},
        datastore_days={(key or 0, "storage"): days([(2600 + 4.0 * i) * GIB for i in range(120)])},
        said=(said_of_san(),),
    )
    proposal = Proposal(
        proposal_id="p", claim="powered_off/c/200", reclaim_class="powered_off", cluster="c",
        guest_id="200", agency=None, first_on=AS_OF - 40 * DAY, last_on=AS_OF - 7 * DAY,
        storage_bytes=40.0 * GIB, outcome="freed", settled_on=AS_OF,
        freed_storage_bytes=40.0 * GIB,
    )  # fmt: skip
    memory_of = Memory(changes=(change,), proposals=(proposal,))
    return make_report(place, past, memory_of, zone=JAKARTA, run_id="RUN")
