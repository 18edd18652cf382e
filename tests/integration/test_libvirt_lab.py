"""The private libvirtd itself: it comes up with real guests, and leaves nothing behind."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from lab import libvirtd
from lab.libvirtd import Lab, LabError, Mode
from patience import until

pytestmark = [pytest.mark.libvirt, pytest.mark.slow]


def test_its_guests_run_and_have_booted_to_their_end(libvirt_lab: Lab) -> None:
    assert libvirt_lab.no_system_because is None
    running = [sorted(host.virsh("list", "--name").split()) for host in libvirt_lab.hosts]
    assert running == [["kvm1-guest1", "kvm1-guest2"], ["kvm2-guest1", "kvm2-guest2"]]
    assert libvirt_lab.ready_guests == (*running[0], *running[1])


def test_a_guest_uses_its_disk_and_tells_its_memory(libvirt_lab: Lab) -> None:
    stats = _stats(libvirt_lab, "kvm1-guest1")
    assert stats["block.0.capacity"] == 1 << 30
    assert stats["block.0.wr.bytes"] >= 4 << 20
    assert 0 < stats["balloon.usable"] < stats["balloon.available"] < 128 << 10


def test_a_guest_can_be_paused_and_stopped_and_boots_again(libvirt_lab: Lab) -> None:
    host, name = libvirt_lab.hosts[-1], libvirt_lab.ready_guests[-1]
    for command, state in (("suspend", "paused"), ("resume", "running"), ("destroy", "shut off")):
        host.virsh(command, name)
        assert host.virsh("domstate", name) == state
    host.virsh("start", "--paused", name)
    assert not host.has_booted(name)
    host.virsh("resume", name)
    until(lambda: host.has_booted(name))


def test_what_virsh_refuses_is_one_line(libvirt_lab: Lab) -> None:
    with pytest.raises(LabError, match="failed to get domain 'nobody'") as refused:
        libvirt_lab.virsh("domstate", "nobody")
    assert "\n" not in str(refused.value)


def test_the_hosts_of_a_lab_are_different_hosts(libvirt_lab: Lab) -> None:
    identities = [host.virsh("capabilities") for host in libvirt_lab.hosts]
    for host, capabilities in zip(libvirt_lab.hosts, identities, strict=True):
        assert f"<uuid>{host.uuid}</uuid>" in capabilities
    assert len({host.uuid for host in libvirt_lab.hosts}) == 2


def test_a_guest_moves_to_another_host_and_back(libvirt_lab: Lab) -> None:
    here, there = libvirt_lab.hosts
    name = libvirt_lab.ready_guests[0]
    here.migrate(name, there)
    assert (here.virsh("domstate", name), there.virsh("domstate", name)) == ("shut off", "running")
    there.migrate(name, here)
    assert here.virsh("domstate", name) == "running"


def test_tls_answers_who_holds_a_certificate(libvirt_lab: Lab, tmp_path: Path) -> None:
    uri = str(libvirt_lab.host.tls_uri)
    assert _virsh_at(uri).returncode == 0
    without = uri.partition("?")[0] + f"?pkipath={tmp_path}"
    assert _virsh_at(without).returncode != 0


def test_the_extras_are_there_and_nothing_of_them_runs(libvirt_lab: Lab) -> None:
    host = libvirt_lab.host
    assert host.virsh("domstate", "kvm1-shut") == host.virsh("domstate", "kvm1-risky") == "shut off"
    assert "before-upgrade" in host.virsh("snapshot-list", "kvm1-shut")
    assert host.virsh("snapshot-list", "kvm1-guest2") == ""
    assert "kvm1-guest2.unrecorded" in host.virsh("domblklist", "kvm1-guest2")
    assert set(host.virsh("pool-list", "--name").split()) == {"images", "spare"}


@pytest.mark.parametrize("mode", list(Mode))
def test_nothing_stays_after_an_exception_with_everything_frozen(mode: Mode) -> None:
    if mode is Mode.SYSTEM and libvirtd.best_mode() is not mode:
        pytest.skip("a system's libvirtd needs root and a mount namespace")
    with pytest.raises(ZeroDivisionError), libvirtd.libvirt_lab(1, tcp=True, mode=mode) as lab:
        _freeze_and_fail(lab)
    assert not lab.folder.exists()
    assert lab.bridge not in _interfaces()
    until(lambda: not _processes_of(lab))


def _freeze_and_fail(lab: Lab) -> None:
    pids = {lab.host.pid, lab.host.qemu_pid("kvm1-guest1")}
    assert lab.bridge is None or lab.bridge in _interfaces()
    assert _processes_of(lab) >= pids
    for pid in pids:
        os.kill(pid, signal.SIGSTOP)
    raise ZeroDivisionError


def test_without_privileges_a_session_runs_the_rest() -> None:
    with libvirtd.libvirt_lab(1, mode=Mode.SESSION) as lab:
        assert lab.uri.startswith("qemu+unix:///session?socket=")
        for pid in (lab.host.pid, lab.host.qemu_pid("kvm1-guest1")):
            assert Path(f"/proc/{pid}").stat().st_uid != 0
        assert lab.ready_guests == ("kvm1-guest1",)
        stats = _stats(lab, "kvm1-guest1")
    assert stats["balloon.usable"] > 0
    assert stats["block.0.wr.bytes"] >= 4 << 20


def test_without_a_kernel_the_guests_run_and_the_reason_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, open_folder: Path
) -> None:
    offline = tmp_path / "apt.conf"
    offline.write_text(f'Dir::State::Lists "{tmp_path}";\nDir::Etc::SourceList "none";\n')
    monkeypatch.setenv("APT_CONFIG", str(offline))
    monkeypatch.setenv("XDG_CACHE_HOME", str(open_folder))
    with libvirtd.libvirt_lab(1) as lab:
        assert lab.ready_guests == ()
        assert "apt cannot fetch it" in str(lab.no_system_because)
        assert "\n" not in str(lab.no_system_because)
        assert lab.virsh("domstate", "kvm1-guest1") == "running"


@pytest.fixture
def open_folder() -> Iterator[Path]:
    """An empty folder that other users may enter, as those of pytest are not."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        folder.chmod(0o755)
        yield folder


def test_the_command_prints_a_source_to_paste_and_ends_on_a_signal() -> None:
    command = [sys.executable, "-m", "lab.libvirtd", "--guests", "1"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout
        lines = iter(process.stdout.readline, "Ctrl-C ends it.\n")
        printed = "".join(lines)
        uri = printed.partition('uri = "')[2].partition('"')[0]
        assert '[[sources]]\nname = "kvm1"\nkind = "libvirt"\n' in printed
        assert "kvm1-guest1" in _virsh_at(uri).stdout
        process.send_signal(signal.SIGINT)
        assert process.stdout.read() == "The lab is gone.\n"
    assert process.returncode == 0


def test_a_missing_program_is_told_with_its_package() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "lab.libvirtd"],
        env={**os.environ, "PATH": "/nowhere"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1
    assert done.stderr.count("\n") == 1
    assert "virsh" in done.stderr
    assert "apt install libvirt-clients" in done.stderr


def _stats(lab: Lab, name: str) -> dict[str, int]:
    lines = lab.virsh("domstats", name).splitlines()
    pairs = (line.strip().split("=", 1) for line in lines if "=" in line)
    return {key: int(value) for key, value in pairs if value.isdigit()}


def _virsh_at(uri: str) -> subprocess.CompletedProcess[str]:
    command = ["virsh", "-c", uri, "list", "--name"]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def _interfaces() -> set[str | None]:
    return {path.name for path in Path("/sys/class/net").iterdir()}


def _processes_of(lab: Lab) -> set[int]:
    """Those that were started with a path of the lab, or live where one is mounted."""
    return {
        int(process.name)
        for process in Path("/proc").glob("[0-9]*")
        if str(lab.folder) in _read(process / "cmdline") + _read(process / "mountinfo")
    }


def _read(path: Path) -> str:
    try:
        return path.read_text(errors="replace")
    except OSError:  # it ended meanwhile
        return ""
