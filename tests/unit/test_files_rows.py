"""A directory of CSV that says what cannot be is refused with its place, not believed."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from collectors.contract import BadAnswer, Raw
from collectors.files import FilesCollector
from inventory.records import Snapshot

NOW = datetime(2026, 11, 30, 8, tzinfo=UTC)
HOST = {"host_id": "h1", "name": "h1", "cluster": "c", "status": "in_service",
        "cpu_cores": 16, "memory_bytes": 100}  # fmt: skip
GUEST = {"guest_id": "g1", "name": "g1", "host_id": "h1", "kind": "vm", "power": "running",
         "vcpus": 2, "memory_bytes": 10}  # fmt: skip
STORE = {"datastore_id": "d", "name": "d", "cluster": "c", "kind": "nfs", "shared": 1,
         "capacity_bytes": 5_000_000_000_000}  # fmt: skip
SAMPLE = {"taken_at": "2026-11-20T06:00:00+07:00", "entity": "host", "entity_id": "h1"}
LATER = "2028-01-01T00:00:00+07:00"


def read(**tables: list[dict[str, Any]]) -> Snapshot:
    """What a directory of these rows says; what is not named is one host with one guest."""
    rows = {"hosts": [HOST], "guests": [GUEST], **tables}
    texts = {
        stem: "\n".join([",".join(lines[0]), *(",".join(map(str, row.values())) for row in lines)])
        for stem, lines in rows.items()
    }
    context = {"newest_file": NOW.timestamp(), "cluster": None, "folder": "/srv/site"}
    return FilesCollector().parse(Raw("files", texts, context), source="site", taken_at=NOW)


REFUSED: dict[str, tuple[dict[str, list[dict[str, Any]]], str]] = {
    "a host without cores": (
        {"hosts": [{**HOST, "cpu_cores": 0}]},
        "hosts.csv, line 2, column cpu_cores: is 0; leave the cell empty where it is not known",
    ),
    "a guest without memory": (
        {"guests": [{**GUEST, "memory_bytes": 0}]},
        "guests.csv, line 2, column memory_bytes: is 0; leave the cell empty where it is not known",
    ),
    "fewer threads than cores": (
        {"hosts": [{**HOST, "cpu_threads": 8}]},
        "hosts.csv, line 2, column cpu_cores: 16 is more than cpu_threads, 8",
    ),
    "a reserve above the whole": (
        {"hosts": [{**HOST, "reserved_memory_bytes": 200}]},
        "hosts.csv, line 2, column reserved_memory_bytes: 200 is more than memory_bytes, 100",
    ),
    "more used than there is": (
        {"datastores": [{**STORE, "used_bytes": 6_000_000_000_000}]},
        (
            "datastores.csv, line 2, column used_bytes: 6,000,000,000,000 is more than "
            "capacity_bytes, 5,000,000,000,000"
        ),
    ),
    "a datastore of a strange host": (
        {"datastores": [{**STORE, "hosts": "h1;h9"}]},
        "datastores.csv, line 2, column hosts: 'h9' is not in hosts.csv",
    ),
    "one UUID twice": (
        {"guests": [{**GUEST, "uuid": "6e2F"}, {**GUEST, "guest_id": "g2", "uuid": "6E2f"}]},
        "guests.csv, line 3, column uuid: '6E2f' stands already in line 2",
    ),
    "no such VLAN": (
        {"nics": [{"nic_id": "n", "guest_id": "g1", "vlan": 9999}]},
        "nics.csv, line 2, column vlan: '9999' is no VLAN: they end at 4094",
    ),
    "a percentage as cores": (
        {"usage": [{**SAMPLE, "cpu_used_cores": 75}]},
        "usage.csv, line 2, column cpu_used_cores: 75 of 16 cores; it counts cores, not percent",
    ),
    "a sample of a thousand years": (
        {"usage": [{**SAMPLE, "period_seconds": 99_999_999_999, "cpu_used_cores": 2}]},
        "usage.csv, line 2, column period_seconds: must be at least 1, and at most a year",
    ),
    "a backup to come": (
        {"backups": [{"guest_id": "g1", "created_at": LATER}]},
        (
            f"backups.csv, line 2, column created_at: {LATER} is ahead of this machine's clock "
            "(2026-11-30T08:00:00+00:00); correct it, or set the clock"
        ),
    ),
    "a clock that was not set": (
        {"source": [{"taken_at": "0001-01-01T00:00:00+07:00"}]},
        (
            "source.csv, line 2, column taken_at: '0001-01-01T00:00:00+07:00' is before the year "
            "2000; was a clock not set?"
        ),
    ),
    "a date alone": (
        {"source": [{"taken_at": "2026-11-23"}]},
        (
            "source.csv, line 2, column taken_at: '2026-11-23' has no offset; write it as "
            "2026-11-23T00:00:00+07:00 or 2026-11-23T00:00:00Z"
        ),
    ),
    "digits of other scripts": (
        {"guests": [{**GUEST, "vcpus": "２"}]},
        "guests.csv, line 2, column vcpus: '２' is not a number",
    ),
    "digits that are grouped": (
        {"guests": [{**GUEST, "vcpus": "1_0"}]},
        "guests.csv, line 2, column vcpus: '1_0' is not a number",
    ),
    "a column in capitals": (
        {"hosts": [{("Host_ID" if key == "host_id" else key): HOST[key] for key in HOST}]},
        "hosts.csv, line 1: unknown column 'Host_ID'; did you mean 'host_id'?",
    ),
    "a region for a zone": (
        {"source": [{"taken_at": "2026-11-23T06:00:00+07:00", "timezone": "Asia"}]},
        "source.csv, line 2, column timezone: 'Asia' is not a time zone",
    ),
}


@pytest.mark.parametrize("case", REFUSED.values(), ids=REFUSED)
def test_what_cannot_be_is_refused_with_its_place(
    case: tuple[dict[str, list[dict[str, Any]]], str],
) -> None:
    tables, said = case
    with pytest.raises(BadAnswer) as refused:
        read(**tables)
    assert str(refused.value) == said


def test_what_can_be_is_taken() -> None:
    hosts = [{**HOST, "cpu_threads": 32, "reserved_memory_bytes": 100}]
    stores = [{**STORE, "used_bytes": STORE["capacity_bytes"], "hosts": "h1"}]
    usage = [{**SAMPLE, "cpu_used_cores": 16.1, "memory_used_bytes": 100}]
    nics = [{"nic_id": "n", "guest_id": "g1", "vlan": 4094}]
    seen = read(hosts=hosts, datastores=stores, usage=usage, nics=nics)
    assert (len(seen.facts), len(seen.usage)) == (4, 1)
