"""What every collector promises, whatever it reads."""

from __future__ import annotations

import json
from collections import Counter as Tally
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr

from collectors.contract import Budget, CollectError, Collector, Raw, Source, collector_of, kinds
from collectors.files import FilesOptions
from collectors.proxmox import ProxmoxOptions
from collectors.rvtools import RvtoolsOptions
from collectors.scrub import scrubbed
from inventory.records import Coverage, Record, Snapshot
from inventory.schema import VERSION_ROWS
from lab.pve_double import serve
from lab.pve_synthetic import AUDITOR, troubled
from libvirt_answers import recorded
from rvtools_book import Book, Vm
from site_files import GIB, datastore, disk, guest, host, recorder, write_csv

AT = datetime(2026, 11, 23, 1, 0, tzinfo=UTC)
BUDGET = 300.0
JUNK: tuple[Any, ...] = (None, {}, [], "x", 7, {"value": None}, {"value": "x"}, {"value": [1]},
                         {"value": {"a": 1}}, {"status": 200, "body": None})  # fmt: skip


@dataclass(frozen=True)
class Case:
    """A collector and an answer set of it."""

    collector: Collector[Any]
    raw: Raw

    def parse(self, raw: Raw | None = None) -> Snapshot:
        return self.collector.parse(raw or self.raw, source="the-source", taken_at=AT)


@pytest.fixture(scope="module", params=["files", "libvirt", "proxmox", "rvtools"])
def case(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Case:
    folder = tmp_path_factory.mktemp(request.param)
    return Case(collector_of(request.param), _RAW[request.param](folder))


def _files(folder: Path) -> Raw:
    tables = {
        "source": [{"taken_at": AT.isoformat(), "timezone": "Asia/Jakarta"}],
        "hosts": [host("h1"), host("h2")],
        "guests": [
            guest("g1", "h1", tags="cls.publik", pinned_cpus="0-3"),
            guest("g2", "h2", power="stopped"),
        ],
        "datastores": [datastore("san", capacity=100 * GIB, used=10 * GIB)],
        "disks": [disk("g1", "san", capacity=20 * GIB)],
        "nics": [{"nic_id": "g1/net0", "guest_id": "g1", "network": "vmbr0"}],
        "snapshots": [{"guest_id": "g1", "name": "s", "created_at": AT.isoformat(), "bytes": 1}],
        "backups": [{"guest_id": "g1", "created_at": AT.isoformat(), "datastore_id": "san"}],
        "recorders": [recorder("nvr", checked=AT, kept_days=20)],
        "usage": [
            {
                "taken_at": AT.isoformat(), "entity": "host", "entity_id": "h1",
                "cpu_used_cores": 2.5,
            }
        ],
    }  # fmt: skip
    for stem, rows in tables.items():
        write_csv(folder / f"{stem}.csv", rows)
    options = FilesOptions(path=folder)
    return collector_of("files").fetch(Source("site", "files", options), Budget(BUDGET))


def _proxmox(_folder: Path) -> Raw:
    user, name = AUDITOR.id.split("!")
    with serve(troubled(now=AT.timestamp(), version="9.2.11")) as served:
        options = ProxmoxOptions(
            url=(served.url,), user=user, token_name=name, token="env:X", ca_file=served.ca_file
        )
        secrets = {"token": SecretStr(AUDITOR.secret)}
        source = Source("pve", "proxmox", options, secrets=secrets)
        return collector_of("proxmox").fetch(source, Budget(BUDGET))


def _rvtools(folder: Path) -> Raw:
    snapshot = {"Name": "s", "Date / time": "2026/11/01 08:00:00", "Size MiB (total)": 1024}
    vms = [Vm(1, snapshots=[snapshot]), Vm(2, host="esx2", power="poweredOff")]
    Book.of(vms, taken=AT.replace(tzinfo=None)).save(folder / "export.xlsx")
    options = RvtoolsOptions(path=folder / "export.xlsx", timezone="UTC")
    return collector_of("rvtools").fetch(Source("vc", "rvtools", options), Budget(BUDGET))


_RAW = {
    "files": _files,
    "libvirt": lambda _folder: recorded(),
    "proxmox": _proxmox,
    "rvtools": _rvtools,
}


def test_every_kind_of_source_is_held_to_this_contract() -> None:
    assert set(kinds()) == set(_RAW)


def test_it_is_a_collector(case: Case) -> None:
    assert isinstance(case.collector, Collector)


def test_it_says_which_facts_it_can_state(case: Case) -> None:
    fields = {kind.kind_name: set(kind.model_fields) for kind in VERSION_ROWS}
    for named in case.collector.reports:
        kind, _dot, name = named.partition(".")
        assert name in fields[kind], named


def test_what_it_says_it_states_it_states(case: Case) -> None:
    """A fact that is announced is there in at least one record of a healthy source."""
    stated = {
        f"{fact.kind_name}.{name}"
        for fact in case.parse().facts
        for name, value in fact
        if value is not None
    }
    seen = {fact.kind_name for fact in case.parse().facts}
    promised = {name for name in case.collector.reports if name.partition(".")[0] in seen}
    may_be_unknown = _NOT_IN_THESE_ANSWERS[case.raw.kind]
    assert promised - stated <= may_be_unknown


_NOT_IN_THESE_ANSWERS = {
    "files": {
        "host.cpu_threads", "host.reserved_cpu_cores", "host.reserved_memory_bytes",
        "host.cpu_mhz", "host.version", "guest.template", "guest.os", "guest.uuid", "guest.owner",
        "guest.autostart", "disk.allocated_bytes", "disk.backup", "disk.encrypted", "nic.vlan",
        "nic.mac", "nic.firewall", "datastore.hosts", "backup.bytes", "backup.encrypted",
        "backup.verified",
    },
    # None of the recorded disks is encrypted or on a network.
    "libvirt": {"disk.encrypted", "disk.transport_encrypted"},
    "proxmox": {
        "datastore.encrypted_backups", "backup.bytes", "backup.encrypted",
        "backup.verified",
    },
    "rvtools": set(),
}  # fmt: skip


def test_it_echoes_source_and_time(case: Case) -> None:
    found = case.parse()
    assert (found.source, found.taken_at) == ("the-source", AT)
    assert {sample.taken_at for sample in found.usage} == {AT}


def test_parsing_is_a_function_of_the_answers(case: Case) -> None:
    assert case.parse() == case.parse()


def test_json_can_hold_the_answers(case: Case) -> None:
    text = json.dumps({"answers": case.raw.answers, "context": case.raw.context})
    assert case.parse(replace(case.raw, **json.loads(text))) == case.parse()


def test_ids_are_unique_and_say_whose_they_are(case: Case) -> None:
    found = case.parse()
    tally = Tally((fact.kind_name, fact.cluster, fact.subject) for fact in found.facts)  # type: ignore[attr-defined]
    assert [key for key, count in tally.items() if count > 1] == []
    guests = {f.subject for f in found.facts if f.kind_name == "guest"}
    parts = [f for f in found.facts if f.kind_name in ("disk", "nic", "guest_snapshot")]
    assert parts
    assert {part.guest_id for part in parts} <= guests  # type: ignore[attr-defined]


def test_what_is_shown_is_covered(case: Case) -> None:
    found = case.parse()
    for fact in found.facts:
        states = {(part.scope, part.kind) for part in found.coverage}
        assert {(fact.scope, fact.kind_name), ("", fact.kind_name)} & states, fact


def test_no_part_is_covered_twice(case: Case) -> None:
    tally = Tally((part.kind, part.scope) for part in case.parse().coverage)
    assert [key for key, count in tally.items() if count > 1] == []


def test_figures_are_plausible(case: Case) -> None:
    found = case.parse()
    for sample in found.usage:
        assert sample.period_seconds > 0
    for counter in found.counters:
        assert counter.value >= 0
        assert counter.scale > 0
    for fact in found.facts:
        used, size = (getattr(fact, name, None) for name in ("used_bytes", "capacity_bytes"))
        assert used is None or size is None or used <= size, fact


def test_a_gap_says_why(case: Case) -> None:
    for part in case.parse().coverage:
        assert part.reason or not part.is_gap, part


def _changed(raw: Raw, key: str, answer: Any) -> Raw:
    return replace(raw, answers={**raw.answers, key: answer})


def _dropped(raw: Raw, key: str) -> Raw:
    return replace(raw, answers={k: v for k, v in raw.answers.items() if k != key})


def test_no_single_answer_is_needed(case: Case) -> None:
    """Without any one answer the others are still read, and nothing new is made up."""
    everything = _values(case.parse())
    for key in case.raw.answers:
        found = _parsed(case, _dropped(case.raw, key))
        assert found is None or _is_part(_values(found), everything), key


def test_no_single_answer_can_break_it(case: Case) -> None:
    for key in case.raw.answers:
        for junk in JUNK:
            found = _parsed(case, _changed(case.raw, key, junk))
            assert found is None or found.source == "the-source", (key, junk)


def test_a_missing_answer_never_reads_as_an_empty_one(case: Case) -> None:
    """What is gone from the facts is a gap, or the whole of it would be taken for deleted."""
    everything = case.parse()
    for key in case.raw.answers:
        found = _parsed(case, _dropped(case.raw, key))
        if found is None:
            continue
        states = {(part.kind, part.scope): part for part in found.coverage}
        left = {(fact.kind_name, fact.subject) for fact in found.facts}
        for fact in everything.facts:
            if (fact.kind_name, fact.subject) not in left:
                part = _speaks_for(states, fact)
                assert part is None or part.is_gap, (key, fact)


def _speaks_for(states: dict[tuple[str, str], Coverage], fact: Record) -> Coverage | None:
    own = states.get((fact.kind_name, fact.scope))
    return own or states.get((fact.kind_name, ""))


def _parsed(case: Case, raw: Raw) -> Snapshot | None:
    """The snapshot; None where what was carried in is refused as a whole, as it should be."""
    try:
        return case.parse(raw)
    except CollectError:
        if case.raw.kind not in ("files", "rvtools"):
            raise
        return None


Values = dict[tuple[str, str, str], Any]


def _values(found: Snapshot) -> Values:
    return {
        (fact.kind_name, fact.subject, name): value
        for fact in found.facts
        for name, value in fact
        if value not in (None, "", ())
    }


def _is_part(some: Values, everything: Values) -> bool:
    """Whether no thing is shown that was not there before."""
    return {key[:2] for key in some} <= {key[:2] for key in everything}


def test_what_was_scrubbed_is_still_read(case: Case) -> None:
    clean = case.parse(scrubbed(case.raw))
    told = {(fact.kind_name, fact.subject) for fact in case.parse().facts}
    assert {(fact.kind_name, fact.subject) for fact in clean.facts} == told
    assert clean.usage == case.parse().usage
    assert clean.coverage == case.parse().coverage
