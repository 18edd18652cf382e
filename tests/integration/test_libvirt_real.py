"""The libvirt collector against real libvirtds with real guests, healthy and not."""

from __future__ import annotations

import json
import os
import re
import select
import signal
import socket
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from collectors.contract import Budget, Raw
from collectors.libvirt import LibvirtCollector
from lab.libvirt_lab.daemon import Host
from lab.libvirtd import Lab
from libvirt_answers import AT
from libvirt_project import (
    collected,
    collected_again,
    collected_until_rated,
    poll,
    rates,
    source,
    usage,
    uuid_of,
)
from patience import until
from pve_recorded import Project
from site_files import guest, host, write_csv

pytestmark = [pytest.mark.libvirt, pytest.mark.slow]

MIB = 1024**2
CPU_SLACK = 1.05


@pytest.fixture
def lab(libvirt_lab: Lab) -> Lab:
    return libvirt_lab


@pytest.fixture
def project(tmp_path: Path, lab: Lab) -> Project:
    return Project(tmp_path).configure(source(lab.host))


@contextmanager
def frozen(pid: int) -> Iterator[None]:
    os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(pid, signal.SIGCONT)


def image(path: str) -> dict[str, Any]:
    shown = subprocess.run(
        ["qemu-img", "info", "-U", "--output=json", path], capture_output=True, check=True
    )
    found: dict[str, Any] = json.loads(shown.stdout)
    return found


def fields(text: str) -> dict[str, str]:
    """The "name: value" lines of virsh."""
    return {
        key.strip(): value.strip()
        for key, _colon, value in (line.partition(":") for line in text.splitlines())
    }


def stats(of: Host, name: str) -> dict[str, str]:
    return {
        key.strip(): value
        for key, _equals, value in (
            line.partition("=") for line in of.virsh("domstats", name).splitlines()
        )
    }


# What virsh and qemu-img say


def test_the_host_is_what_virsh_says(project: Project, lab: Lab) -> None:
    collected(project)
    [row] = project.rows("inventory", "hosts")
    about, memory = fields(lab.virsh("nodeinfo")), fields(lab.virsh("nodememstats"))
    assert row["host_id"] == lab.host.uuid
    assert row["name"] == lab.virsh("hostname")
    assert row["cpu_threads"] == int(about["CPU(s)"])
    sockets, cores, cells = (
        int(about[key]) for key in ("CPU socket(s)", "Core(s) per socket", "NUMA cell(s)")
    )
    assert row["cpu_cores"] == sockets * cores * cells
    assert row["memory_bytes"] == int(memory["total"].split()[0]) * 1024


def test_guests_are_what_virsh_says(project: Project, lab: Lab) -> None:
    collected(project)
    rows = {row["name"]: row for row in project.rows("inventory", "guests")}
    assert set(rows) == set(lab.host.domains)
    for name, row in rows.items():
        about = fields(lab.virsh("dominfo", name))
        assert row["guest_id"] == about["UUID"]
        assert row["vcpus"] == int(about["CPU(s)"])
        assert row["memory_bytes"] == int(about["Max memory"].split()[0]) * 1024


def test_running_paused_and_shut_off_are_told_apart(project: Project, lab: Lab) -> None:
    lab.virsh("suspend", "kvm1-guest1")
    try:
        collected(project)
    finally:
        lab.virsh("resume", "kvm1-guest1")
    assert {row["name"]: row["power"] for row in project.rows("inventory", "guests")} == {
        "kvm1-guest1": "paused",
        "kvm1-guest2": "running",
        "kvm1-shut": "stopped",
        "kvm1-risky": "stopped",
    }


def test_disks_are_what_qemu_img_says(project: Project, lab: Lab) -> None:
    running = lab.virsh("list", "--name").split()
    for name in running:  # so that nothing grows between the two looks
        lab.virsh("suspend", name)
    try:
        collected(project)
        names = {row["guest_id"]: row["name"] for row in project.rows("inventory", "guests")}
        rows = {
            (names[row["guest_id"]], row["disk_id"].rpartition("/")[2]): row
            for row in project.rows("inventory", "disks")
        }
        listed = {}
        for name in lab.host.domains:
            for line in lab.virsh("domblklist", name).splitlines():
                slot, path = line.split()
                listed[name, slot] = path
        assert set(rows) == set(listed)
        for key, path in listed.items():
            shown = image(path)
            assert rows[key]["capacity_bytes"] == shown["virtual-size"], key
            assert rows[key]["allocated_bytes"] == shown["actual-size"], key
    finally:
        for name in running:
            lab.virsh("resume", name)


def test_two_pools_on_one_file_system_are_one_datastore(project: Project, lab: Lab) -> None:
    collected(project)
    [row] = project.rows("inventory", "datastores")
    place = os.statvfs(lab.host.folder)
    assert row["capacity_bytes"] == place.f_blocks * place.f_frsize
    assert row["name"] == "kvm1.lab.test/images"
    disks = project.rows("inventory", "disks")
    assert {disk["datastore_id"] for disk in disks} == {row["datastore_id"]}


def test_snapshots_with_and_without_a_record_are_seen(project: Project, lab: Lab) -> None:
    collected(project)
    names = {row["guest_id"]: row["name"] for row in project.rows("inventory", "guests")}
    found = {
        (names[row["guest_id"]], row["name"]): row for row in project.rows("inventory", "snapshots")
    }
    assert set(found) == {("kvm1-shut", "before-upgrade"), ("kvm1-guest2", "unrecorded")}
    assert found["kvm1-shut", "before-upgrade"]["created_at"] is not None
    assert found["kvm1-guest2", "unrecorded"]["created_at"] is None


# Usage


def test_a_second_poll_gives_plausible_rates(project: Project, lab: Lab) -> None:
    collected(project)
    written = "block.0.wr.bytes"
    before = int(stats(lab.host, "kvm1-guest1")[written])
    until(lambda: int(stats(lab.host, "kvm1-guest1")[written]) > before)
    key = uuid_of(lab.host, "kvm1-guest1")
    collected_until_rated(project, ("guest", key), ("host", lab.host.uuid))
    assert any(row["memory_used_bytes"] for row in usage(project, "guest")[key])
    first = rates(project, "guest", key)[0]
    assert 0 <= first["cpu_used_cores"] <= 1 * CPU_SLACK
    assert 0 < first["disk_write_bytes_per_second"] < 100 * MIB
    assert 0 <= first["net_in_bytes_per_second"] < 10 * MIB
    on_host = rates(project, "host", lab.host.uuid)[0]
    assert 0 < on_host["cpu_used_cores"] <= (os.cpu_count() or 1) * CPU_SLACK
    off = usage(project, "guest").get(uuid_of(lab.host, "kvm1-shut"), [])
    measured = ("cpu_used_cores", "memory_used_bytes", "net_in_bytes_per_second")
    assert all(row[name] is None for row in off for name in measured)  # its disks lie there


def test_a_restart_between_polls_gives_no_rate_at_all(project: Project, lab: Lab) -> None:
    name, key = "kvm1-guest1", uuid_of(lab.host, "kvm1-guest1")
    collected(project)
    for command in ("destroy", "start"):
        lab.virsh(command, name)
    collected_again(project)
    # Without a balloon driver yet a guest that just started tells nothing at all.
    assert rates(project, "guest", key) == []
    assert rates(project, "guest", uuid_of(lab.host, "kvm1-guest2"))
    collected_until_rated(project, ("guest", key))
    [first] = rates(project, "guest", key)
    assert 0 <= first["cpu_used_cores"] <= 1 * CPU_SLACK
    until(lambda: lab.host.has_booted(name))  # as the next one expects it


# A guest, a daemon that does not answer


def test_a_stuck_monitor_is_named_and_hides_no_other_guest(project: Project, lab: Lab) -> None:
    project.configure(source(lab.host, timeout_seconds=15))
    collected(project)
    gaps_before = project.call("sources").stdout
    with frozen(lab.host.qemu_pid("kvm1-guest1")):
        for is_new in (True, False):
            ran = project.call("collect")
            assert ran.returncode == (3 if is_new else 0), ran.stderr
            said = "the QEMU monitor of kvm1-guest1 does not answer"
            assert (said in ran.stderr) == is_new
            assert len(project.rows("inventory", "guests")) == 4
        [row] = [
            row
            for row in project.rows("inventory", "disks")
            if row["guest_id"] == uuid_of(lab.host, "kvm1-guest1")
        ]
        assert row["capacity_bytes"] == 1 << 30
        others = usage(project, "guest")[uuid_of(lab.host, "kvm1-guest2")]
        newest = max(row["taken_at"] for row in others)
        assert any(row["memory_used_bytes"] for row in others if row["taken_at"] == newest)
    until(lambda: "does not answer" not in _all_gaps(project))
    assert project.call("sources").stdout.count("gaps") == gaps_before.count("gaps")


def _all_gaps(project: Project) -> str:
    ran = project.call("-v", "collect")
    assert ran.returncode == 0, ran.stderr
    return ran.stderr


def test_a_frozen_daemon_costs_its_own_source_only(tmp_path: Path, lab: Lab) -> None:
    site = tmp_path / "site"
    site.mkdir()
    write_csv(site / "hosts.csv", [host("h1")])
    write_csv(site / "guests.csv", [guest("g", "h1")])
    project = Project(tmp_path).configure(
        source(lab.host, timeout_seconds=6),
        source(lab.hosts[1]),
        f'[[sources]]\nname = "site"\nkind = "files"\npath = "{site}"\n',
    )
    with frozen(lab.host.pid):
        ran = project.call("collect")
    assert ran.returncode == 3
    [line] = [line for line in ran.stderr.splitlines() if line.startswith("kvm1:")]
    assert re.search(r"(failed|timed_out): .*no answer within", line)
    assert {row["source"] for row in project.rows("inventory", "guests")} == {"kvm2", "site"}


@contextmanager
def going_silent(port: int, after_bytes: int) -> Iterator[int]:
    """A port that leads to another one, until so much was answered; then nothing comes any more."""
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def serve() -> None:
            with (
                listener.accept()[0] as client,
                socket.create_connection(("127.0.0.1", port)) as server,
            ):
                answered = 0
                while answered < after_bytes:
                    for ready in select.select([client, server], [], [])[0]:
                        data = ready.recv(1024)
                        (server if ready is client else client).sendall(data)
                        answered += len(data) if ready is server else 0
                over.wait()

        over = threading.Event()
        # A first connection only knocks.
        threading.Thread(
            target=lambda: (listener.accept()[0].close(), serve()), daemon=True
        ).start()
        try:
            yield listener.getsockname()[1]
        finally:
            over.set()


def test_a_daemon_that_falls_silent_during_a_poll_ends_with_the_time(
    tmp_path: Path, lab: Lab
) -> None:
    """The worker is killed in the middle of a call that would never return."""
    port = lab.host.listening.tcp_port
    assert port is not None
    with going_silent(port, after_bytes=6_000) as middle:
        uri = f"qemu+tcp://127.0.0.1:{middle}/system"
        project = Project(tmp_path).configure(source(lab.host, uri, timeout_seconds=8))
        ran = project.call("collect")
    assert ran.returncode == 4, ran.stderr
    assert "timed_out: no answer within 8 s; the poll was stopped" in ran.stderr


@pytest.mark.parametrize(
    ("uri", "says"),
    [
        ("qemu+unix:///system?socket=/nowhere/libvirt-sock-ro", "no such socket"),
        ("qemu+tcp://127.0.0.1:9/system", "connection refused"),
        ("qemu+tls://no-such-host.invalid/system", "the name"),
        ("qemu+ssh://nobody@127.0.0.1:9/system", "connection refused"),
    ],
)
def test_a_daemon_that_is_not_there_is_one_line(
    tmp_path: Path, lab: Lab, uri: str, says: str
) -> None:
    project = Project(tmp_path).configure(source(lab.host, uri))
    ran = project.call("collect")
    assert ran.returncode == 4
    [line] = ran.stderr.splitlines()
    assert says in line


def test_plain_and_tls_do_not_mix_and_say_so(tmp_path: Path, lab: Lab) -> None:
    port = lab.host.listening.tcp_port
    pki = lab.host.listening.pki
    crossed = Project(tmp_path).configure(
        source(lab.host, f"qemu+tls://127.0.0.1:{port}/system?pkipath={pki}")
    )
    ran = crossed.call("collect")
    assert ran.returncode == 4
    [line] = ran.stderr.splitlines()
    assert "refused" in line or "closed" in line


def test_a_listener_that_says_nothing_is_given_up(tmp_path: Path, lab: Lab) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        port = silent.getsockname()[1]
        project = Project(tmp_path).configure(
            source(lab.host, f"qemu+tcp://127.0.0.1:{port}/system", timeout_seconds=4)
        )
        ran = project.call("collect")
    assert ran.returncode == 4
    assert "no answer within" in ran.stderr


# Ways to a host


def test_every_way_to_a_host_shows_the_same(lab: Lab) -> None:
    ways = {"unix": lab.uri, "tcp": lab.host.tcp_uri, "tls": lab.host.tls_uri}
    found = {name: poll(str(uri)) for name, uri in ways.items()}
    names = {name: {f.subject for f in shot.facts} for name, shot in found.items()}
    assert names["tcp"] == names["tls"] == names["unix"]
    hosts = {name: shot.facts[0] for name, shot in found.items()}
    encrypted = {name: host.transport_encrypted for name, host in hosts.items()}  # type: ignore[attr-defined]
    assert encrypted == {"unix": True, "tcp": False, "tls": True}
    assert found["tcp"].platform.endswith("(tcp, in clear)")


def test_a_host_read_in_clear_is_a_risk(tmp_path: Path, lab: Lab) -> None:
    project = Project(tmp_path).configure(source(lab.host, str(lab.host.tcp_uri)))
    collected(project)
    [finding] = [row for row in project.rows("risks") if row["rule"] == "OWN-002"]
    assert finding["outcome"] == "risk"
    assert "kvm1" in json.dumps(finding["evidence"])


def test_the_connection_cannot_write(lab: Lab) -> None:
    import libvirt

    from collectors.libvirt.address import Address
    from collectors.libvirt.wire import connect

    wire = connect(Address.of(lab.uri), Budget(300.0))
    domain = next(d for d in wire.ask("listAllDomains", 0) if d.name() == "kvm1-guest1")
    with pytest.raises(libvirt.libvirtError) as refused:
        domain.destroy()  # past the list of allowed calls
    assert refused.value.get_error_code() == libvirt.VIR_ERR_OPERATION_DENIED
    assert lab.virsh("domstate", "kvm1-guest1") == "running"


# Recordings, and two hosts


def test_a_recording_of_it_reads_like_the_host(project: Project, lab: Lab) -> None:
    folder = project.folder / "record"
    assert project.call("record", "kvm1", str(folder)).returncode == 0
    text = (folder / "kvm1.json").read_text()
    assert "open-it" not in text  # the screen's password
    content = json.loads(text)
    replayed = LibvirtCollector().parse(Raw(**content), source="kvm1", taken_at=AT)
    live = poll(lab.uri)
    assert [f.subject for f in replayed.facts] == [f.subject for f in live.facts]


def test_a_guest_that_moves_is_counted_once_and_its_rates_begin_anew(
    tmp_path: Path, lab: Lab
) -> None:
    there, here = lab.hosts
    name, key = "kvm2-guest1", uuid_of(here, "kvm2-guest1")
    project = Project(tmp_path).configure(*(source(h, cluster="legacy") for h in lab.hosts))
    collected(project)
    here.migrate(name, there)
    try:
        collected_again(project)
        [row] = [r for r in project.rows("inventory", "guests") if r["guest_id"] == key]
        assert (row["host_id"], row["power"], row["source"]) == (there.uuid, "running", "kvm1")
        assert all(r["cpu_used_cores"] is None for r in usage(project, "guest")[key])
        moved = [r for r in project.rows("changes") if r["subject"].startswith("guest ")]
        assert [(r["kind"], r["guest_uuid"]) for r in moved] == [("moved", key)]
        hosts = {r["host"] for r in project.rows("failover")}
        assert hosts == {"kvm1.lab.test", "kvm2.lab.test"}
    finally:
        there.migrate(name, here)
