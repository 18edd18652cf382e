"""Guests, HA, replication and access over real HTTPS against the API double."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from pydantic import SecretStr

from collectors.contract import Budget, Raw, Source
from collectors.proxmox import ProxmoxCollector, ProxmoxOptions
from collectors.proxmox.gaps import was_left
from inventory.platform_records import (
    Firewall,
    Grant,
    GuestFilesystem,
    HaResource,
    HaRule,
    Principal,
    Realm,
    Replication,
)
from inventory.records import Coverage, Disk, Guest, Snapshot
from lab.pve_double import Served, serve
from lab.pve_inhabited import SECRET, inhabited
from lab.pve_model import GIB, MIB, Token
from lab.pve_synthetic import AUDITOR, POOLED, synthetic
from patience import Stoppable

NOW = datetime(2026, 11, 23, 1, 0, tzinfo=UTC)


@pytest.fixture(params=["8.4.21", "9.2.11"])
def served(request: pytest.FixtureRequest) -> Iterator[Served]:
    with _served(request.param) as running:
        yield running


def _served(version: str, nodes: int = 3, guests: int = 6) -> Any:
    at = NOW.timestamp()
    return serve(inhabited(synthetic(nodes, guests, now=at, version=version), at))


def source_for(served: Served, token: Token = AUDITOR, **more: Any) -> Source[ProxmoxOptions]:
    user, name = token.id.split("!")
    options = ProxmoxOptions(
        url=(served.url,), user=user, token_name=name, token="env:X", ca_file=served.ca_file
    )
    secrets = {"token": SecretStr(token.secret)}
    return Source("pve", "proxmox", options, secrets=secrets, **({"now": NOW} | more))


def fetched(served: Served, budget: Budget | None = None, **more: Any) -> Raw:
    return ProxmoxCollector().fetch(source_for(served, **more), budget or Budget(300))


def parsed(raw: Raw) -> Snapshot:
    return ProxmoxCollector().parse(raw, source="pve", taken_at=NOW)


def guest(found: Snapshot, vmid: str = "100") -> Guest:
    return next(one for one in found.of(Guest) if one.guest_id == vmid)


def gaps(found: Snapshot) -> list[Coverage]:
    return [part for part in found.coverage if part.is_gap and not part.is_beyond_reach]


def test_a_guest_is_told_in_full(served: Served) -> None:
    found = parsed(fetched(served))
    assert gaps(found) == []
    busy, files = guest(found), guest(found, "200")
    assert (busy.firmware, busy.secure_boot, busy.vtpm, busy.machine) == (
        "uefi", True, True, "q35",
    )  # fmt: skip
    assert busy.pending == ("memory",)
    assert busy.pinned_cpus == ("0-3",)
    assert busy.passthrough == ("hostpci0 0000:01:00.0",)
    assert busy.consoles == ("serial0 socket", "vnc :7,password=stated")
    assert busy.hints == ("cloud-init-password", "password")
    assert (files.vcpus, files.cpu_limit_cores, files.unprivileged) == (None, 0, False)
    assert files.host_paths == ("/srv/data",)
    assert {disk.slot for disk in found.of(Disk) if disk.guest_id == "200"} == {"rootfs"}


def test_what_people_wrote_leaves_the_answers_at_once(served: Served) -> None:
    raw = fetched(served)
    for text in (SECRET, "Siti", "Rahma", "siti@city.invalid", "of the city"):
        for answers in (raw.answers, {key: one.answer for key, one in raw.kept.items()}):
            assert text not in json.dumps(answers), text


def test_the_agent_is_asked_from_9_on_where_it_runs_and_may_be_asked() -> None:
    for version, name, asked in (
        ("8.4.21", "Linux", 0),  # the right is one that allows more than reading there
        ("9.2.11", "Debian GNU/Linux 12 (bookworm)", 6),  # the container has none
    ):
        with _served(version) as served:
            found = parsed(fetched(served))
            paths = [path for path in served.asked if path.endswith("/agent/get-osinfo")]
        assert guest(found).os == name
        assert len(paths) == asked
        # An agent that does not answer is no gap: its configuration still tells something.
        assert guest(found, "101").os_source == "configuration"
        assert gaps(found) == []


def test_a_stopped_guest_or_one_without_an_agent_is_not_asked_for_it() -> None:
    with _served("9.2.11") as served:
        first, second, *others = served.cluster.guests
        served.cluster.guests = [
            replace(first, running=False), replace(second, config={"agent": None}), *others,
        ]  # fmt: skip
        fetched(served)
        asked = {path.split("/")[4] for path in served.asked if path.endswith("/get-osinfo")}
    assert asked == {"102", "103", "104", "105"}


def test_a_token_without_the_right_does_not_ask_the_agent() -> None:
    with _served("9.2.11") as served:
        rights = json.dumps({"data": {path: {"VM.Audit": 1} for path in ("/", "/vms")}})
        served.broken["/access/permissions"] = (200, "OK", rights.encode())
        fetched(served)
        assert not any(path.endswith("/get-osinfo") for path in served.asked)


def test_an_agent_tells_how_full_the_file_systems_of_its_guest_are() -> None:
    with _served("9.2.11") as served:
        raw = fetched(served)
        paths = [path for path in served.asked if path.endswith("/agent/get-fsinfo")]
    assert paths == ["/nodes/node001/qemu/100/agent/get-fsinfo"]  # the others' agents are silent
    found = parsed(raw)
    told = {one.mount: (one.kind, one.capacity_bytes, one.used_bytes)
            for one in found.of(GuestFilesystem)}  # fmt: skip
    assert told == {
        "/": ("ext4", 32 * GIB, 20 * GIB), "/boot/efi": ("vfat", 128 * MIB, 12 * MIB),
        "/mnt/cd": ("iso9660", None, None),
    }  # fmt: skip
    assert "Siti-4711" not in json.dumps(raw.answers)
    whole, own = _of_file_systems(found)
    assert (own.scope, own.state) == ("guest/100", "complete")
    assert whole.is_beyond_reach  # no right makes an agent run: told once, and no news
    assert whole.reason == "5 of 6 agents do not answer (500 QEMU guest agent is not running)"


def test_file_systems_are_asked_for_once_a_day() -> None:
    with _served("9.2.11") as served:
        raw = fetched(served)
        again = fetched(served, kept=raw.kept, now=NOW + timedelta(hours=5))
        assert served.asked["/nodes/node001/qemu/100/agent/get-fsinfo"] == 1
        assert _of_file_systems(parsed(again))[1].asked_at == NOW
        fetched(served, kept=again.kept, now=NOW + timedelta(hours=25))
        assert served.asked["/nodes/node001/qemu/100/agent/get-fsinfo"] == 2


def test_a_steady_poll_of_guests_without_an_agent_sends_what_it_did() -> None:
    with _served("9.2.11") as served:
        served.cluster.guests = [
            replace(one, config={"agent": None}, told_by_agent={}) for one in served.cluster.guests
        ]
        raw = fetched(served)
        assert not any("/agent/" in path for path in served.asked)
    whole, *parts = _of_file_systems(parsed(raw))
    assert (whole.state, parts) == ("complete", [])  # there are none to be told


def test_before_9_no_agent_is_asked_and_that_is_said() -> None:
    with _served("8.4.21") as served:
        found = parsed(fetched(served))
    [whole] = _of_file_systems(found)
    assert (whole.state, whole.is_beyond_reach) == ("hidden", True)
    assert "VM.Monitor" in whole.reason


def test_a_missing_right_to_ask_agents_is_a_gap_with_the_command_that_grants_it() -> None:
    with _served("9.2.11") as served:
        held = {"VM.Audit": 1, "Sys.Audit": 1, "Datastore.Audit": 1}
        rights = json.dumps({"data": dict.fromkeys(("/", "/vms", "/storage", "/nodes"), held)})
        served.broken["/access/permissions"] = (200, "OK", rights.encode())
        found = parsed(fetched(served))
    [whole] = _of_file_systems(found)
    assert (whole.state, whole.is_beyond_reach) == ("hidden", False)
    assert whole.reason.startswith("VM.GuestAgent.Audit on /vms is missing")
    assert "pveum acl modify /vms " in whole.remedy


def test_an_agent_that_cannot_be_reached_is_a_gap() -> None:
    with _served("9.2.11") as served:
        path = "/nodes/node001/qemu/100/agent/get-fsinfo"
        served.broken[path] = (595, "no route to host", b"")
        found = parsed(fetched(served))
    [whole] = _of_file_systems(found)
    assert whole.state == "partial"
    assert whole.reason == "1 agents could not be asked (595 no route to host)"


def _of_file_systems(found: Snapshot) -> list[Coverage]:
    return [part for part in found.coverage if part.kind == "filesystem"]


def test_ha_is_told_by_groups_or_by_rules(served: Served) -> None:
    found = parsed(fetched(served))
    assert {one.guest_id: one.requested for one in found.of(HaResource)} == {
        "100": "started", "200": "started",
    }  # fmt: skip
    rules = {one.rule_id: (one.kind, one.strict, one.guest_ids) for one in found.of(HaRule)}
    if served.cluster.release < 9:
        assert rules == {"prefer-first": ("group", True, ("100",))}
    else:
        assert rules == {
            "apart": ("resource-affinity", None, ("100", "200")),
            "prefer-first": ("node-affinity", True, ("100",)),
        }


def test_replication_is_told_with_how_it_went(served: Served) -> None:
    found = parsed(fetched(served))
    [job] = found.of(Replication)
    assert (job.source_host, job.target_host, job.enabled) == ("node001", "node002", True)
    assert (job.failures, job.error) == (2, "no such pool")
    assert job.last_sync_at == NOW - timedelta(hours=2)
    states = [path for path in served.asked if path.endswith("/replication")]
    assert sorted(states) == ["/cluster/replication", "/nodes/node001/replication"]


def test_who_may_do_what_is_told_without_what_names_a_person(served: Served) -> None:
    found = parsed(fetched(served))
    people = {who.principal_id: who for who in found.of(Principal)}
    assert people["siti@city"].second_factors == ("totp",)
    assert people["siti@city!auto"].privilege_separated is False
    assert people["siti@city!old"].expires_at == NOW - timedelta(days=1)
    assert people["@admins"].members == ("siti@city",)
    assert {(g.path, g.principal_id, g.role_id) for g in found.of(Grant)} == {
        ("/", "@admins", "Administrator"), ("/vms", "siti@city!auto", "PVEAuditor"),
    }  # fmt: skip
    realms = {one.realm_id: one for one in found.of(Realm)}
    assert (realms["city"].encrypted, realms["city"].second_factor) == (False, "oath")
    assert realms["pam"].encrypted is None


def test_a_token_on_one_pool_is_told_that_access_is_hidden(served: Served) -> None:
    found = parsed(fetched(served, token=POOLED))
    states = {part.kind: part.state for part in found.coverage if not part.scope}
    assert {states[kind] for kind in ("principal", "grant", "second_factor", "ha_resource")} == {
        "hidden"
    }
    assert states["replication"] == "partial"
    walls = {one.level for one in found.of(Firewall)}
    assert walls == {f"guest/{one.guest_id}" for one in found.of(Guest)}


# Between the list and the answer


def test_a_guest_that_moved_after_it_was_listed_is_asked_where_it_is_now(served: Served) -> None:
    first, *others = served.cluster.guests

    def move() -> None:
        served.cluster.guests = [replace(first, node="node003"), *others]

    served.happens["/nodes/node001/qemu/100/config"] = move
    raw = fetched(served)
    found = parsed(raw)
    assert served.asked["/cluster/resources"] == 2
    assert served.asked["/nodes/node003/qemu/100/config"] == 1
    assert guest(found).host_id == "node003"
    assert guest(found).secure_boot is True
    assert gaps(found) == []
    assert not any("node001/qemu/100" in key for key in raw.kept)


def test_a_guest_that_was_deleted_after_it_was_listed_is_not_there(served: Served) -> None:
    _first, *others = served.cluster.guests

    def delete() -> None:
        served.cluster.guests = others

    served.happens["/nodes/node001/qemu/100/config"] = delete
    found = parsed(fetched(served))
    assert served.asked["/cluster/resources"] == 2
    assert {one.guest_id for one in found.of(Guest)} == {"101", "102", "103", "104", "105", "200"}
    assert {part.scope for part in gaps(found)} == set()


def test_the_list_is_read_again_once_at_most(served: Served) -> None:
    """A list that still has the guest where it is not: a gap, and another try at the next poll."""
    gone = "Configuration file 'nodes/node001/qemu-server/100.conf' does not exist"
    served.broken["/nodes/node001/qemu/100/config"] = (500, gone, b'{"data":null}')
    raw = fetched(served)
    assert served.asked["/cluster/resources"] == 2
    [gap] = [part for part in gaps(parsed(raw)) if part.kind == "guest"]
    assert (gap.scope, gap.state) == ("guest/100", "failed")
    del served.broken["/nodes/node001/qemu/100/config"]
    again = fetched(served, kept=raw.kept, now=NOW + timedelta(minutes=5))
    assert served.asked["/nodes/node001/qemu/100/config"] == 2
    assert gaps(parsed(again)) == []


# A first poll that cannot ask everything


def test_a_first_poll_asks_the_most_useful_first_and_the_next_ones_go_on() -> None:
    with _served("8.4.21", nodes=2, guests=40) as served:
        kept: Any = {}
        unasked: list[int] = []
        for number in range(8):
            at = NOW + timedelta(minutes=5 * number)
            raw = fetched(served, Budget(300, max_requests=60), kept=kept, now=at)
            kept, found = raw.kept, parsed(raw)
            unasked.append(sum(was_left(answer) for answer in raw.answers.values()))
            assert len(raw.asked or ()) <= 60
            assert sum(one.vcpus is not None for one in found.of(Guest)) == 40  # from the first on
            late = [part for part in gaps(found) if not part.scope and part.kind == "pending"]
            told = [f"{len(_unasked(raw))} guests were not asked yet: the next polls go on"]
            assert [part.reason for part in late] == (told if _unasked(raw) else [])
    assert unasked == sorted(unasked, reverse=True)
    assert unasked[0] > 100
    assert unasked[-1] == 0
    assert gaps(found) == []


def _unasked(raw: Raw) -> set[str]:
    """The guests of which it was not asked what waits for a restart."""
    left = {key for key, answer in raw.answers.items() if was_left(answer)}
    return {key for key in left if key.endswith("/pending")}


def test_what_time_did_not_allow_is_asked_next() -> None:
    with _served("8.4.21", nodes=2, guests=40) as served:
        budget = Stoppable(300)
        served.happens["/nodes/node001/qemu/120/config"] = budget.over.set
        raw = fetched(served, budget)
        late = [part for part in gaps(parsed(raw)) if "not asked yet" in part.reason]
        assert late
        again = fetched(served, kept=raw.kept, now=NOW + timedelta(minutes=5))
    assert gaps(parsed(again)) == []
    assert set(raw.kept) & set(again.asked or ()) == set()  # what came is not asked again


def test_an_earlier_answer_is_used_where_there_was_no_time_to_ask_again() -> None:
    with _served("8.4.21") as served:
        raw = fetched(served)
        later = NOW + timedelta(days=2)
        again = fetched(served, Budget(300, max_requests=20), kept=raw.kept, now=later)
    found = parsed(again)
    assert gaps(found) == []
    asked_at = {part.kind: part.asked_at for part in found.coverage if part.scope == "guest/105"}
    assert asked_at["guest"] is None  # asked in this poll
    assert asked_at["firewall"] == NOW
