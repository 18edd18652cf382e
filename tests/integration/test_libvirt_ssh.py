"""A real libvirtd over a real ssh, with the forced command that the documentation gives."""

from __future__ import annotations

import socket
import subprocess
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from collectors.contract import Budget, Source
from collectors.libvirt import LibvirtCollector, LibvirtOptions
from inventory.records import Guest, Host
from lab.libvirtd import Lab, Mode
from libvirt_project import collected, poll, source
from pve_recorded import Project
from ssh_server import SshServer, ssh_server

pytestmark = [pytest.mark.libvirt, pytest.mark.slow]


@pytest.fixture
def inside(libvirt_lab: Lab) -> str:
    """What runs a command where the daemon's sockets lie."""
    if libvirt_lab.host.mode is not Mode.SYSTEM:
        pytest.skip("only a system's libvirtd has a socket for reading, which the helper needs")
    return f"nsenter --mount --target {libvirt_lab.host.pid}"


@pytest.fixture
def server(inside: str, tmp_path: Path) -> Iterator[SshServer]:
    with ssh_server(tmp_path, f"{inside} virt-ssh-helper -r qemu:///system") as running:
        yield running


def test_a_host_over_ssh_is_the_same_host(libvirt_lab: Lab, server: SshServer) -> None:
    over_ssh, directly = poll(server.uri()), poll(libvirt_lab.host.uri)
    guests = [
        sorted((guest.guest_id, guest.name, guest.power) for guest in found.of(Guest))
        for found in (over_ssh, directly)
    ]
    assert guests[0] == guests[1]
    assert len(guests[0]) == len(libvirt_lab.host.domains)
    [host] = over_ssh.of(Host)
    assert (host.transport, host.transport_encrypted) == ("ssh", True)


def test_the_key_of_the_forced_command_can_read_and_nothing_else(
    libvirt_lab: Lab, server: SshServer
) -> None:
    name = libvirt_lab.ready_guests[0]
    for command in (["destroy", name], ["suspend", name], ["dumpxml", "--security-info", name]):
        refused = subprocess.run(
            ["virsh", "-c", server.uri(), *command], capture_output=True, text=True, check=False
        )
        assert refused.returncode != 0
        assert "read-only" in refused.stderr or "forbidden" in refused.stderr, refused.stderr
    assert libvirt_lab.host.virsh("domstate", name) == "running"
    shell = subprocess.run(
        [server.ssh, "-i", server.key, "-p", str(server.port), "127.0.0.1", "echo", "a shell"],
        capture_output=True, stdin=subprocess.DEVNULL, timeout=30, check=False,
    )  # fmt: skip
    assert b"a shell" not in shell.stdout


def test_a_key_that_could_write_is_told_from_one_that_can_only_read(
    inside: str, server: SshServer, tmp_path: Path
) -> None:
    assert poll(server.uri()).excess_rights == ()
    (tmp_path / "writer").mkdir()
    with ssh_server(tmp_path / "writer", f"{inside} virt-ssh-helper qemu:///system") as writer:
        assert poll(writer.uri()).excess_rights == ("write over ssh",)


def test_what_the_key_may_do_is_tried_by_one_poll_and_known_to_the_next(
    inside: str, server: SshServer
) -> None:
    fetch = LibvirtCollector().fetch
    source = Source("kvm", "libvirt", LibvirtOptions(uri=server.uri()))
    first = fetch(source, Budget(20.0))
    [(key, found)] = first.kept.items()
    assert (key, found.answer) == ("credentials/could_write", False)
    told = replace(source, kept={key: replace(found, answer=True)})  # not what a trial would find
    second = fetch(told, Budget(20.0))
    assert second.context["could_write"] is True
    assert second.kept == told.kept


def test_it_is_collected_like_any_source(
    libvirt_lab: Lab, server: SshServer, tmp_path: Path
) -> None:
    project = Project(tmp_path).configure(source(libvirt_lab.host, server.uri()))
    collected(project)
    [row] = project.rows("inventory", "hosts")
    assert (row["transport"], row["transport_encrypted"]) == ("ssh", True)


@pytest.mark.parametrize("folder", ["k", "k" * 200 + "/" + "k" * 200], ids=["short", "long"])
def test_a_host_key_that_changed_is_one_line_and_stops_the_poll(
    libvirt_lab: Lab, inside: str, tmp_path: Path, folder: str
) -> None:
    """libvirt swallows what ssh says when it is long, as it is with a long path in it."""
    with TemporaryDirectory(prefix="ssh") as short:
        (home := Path(short) / folder).mkdir(parents=True)
        with ssh_server(home, f"{inside} virt-ssh-helper -r qemu:///system") as server:
            project = Project(tmp_path).configure(source(libvirt_lab.host, server.uri()))
            server.know_another_key()
            ran = project.call("collect")
    assert ran.returncode == 4
    [line] = ran.stderr.splitlines()
    assert "host's key" in line
    assert "known_hosts" in line


def test_a_server_that_says_nothing_is_given_up(
    libvirt_lab: Lab, server: SshServer, tmp_path: Path
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        uri = server.uri().replace(f":{server.port}/", f":{silent.getsockname()[1]}/")
        project = Project(tmp_path).configure(source(libvirt_lab.host, uri, timeout_seconds=4))
        ran = project.call("collect")
    assert ran.returncode == 4
    assert "no answer within" in ran.stderr
