"""What a test or a lab started ends with it, also when it is killed."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from patience import until

_PROGRAM = """
import subprocess, sys
from pathlib import Path
from lab.libvirt_lab.keeper import kept
with kept(Path(sys.argv[1])):
    daemon = [sys.executable, "-c", "import time; time.sleep(600)", f"{sys.argv[1]}/settings"]
    started = subprocess.Popen(daemon, start_new_session=True)
    print(started.pid, flush=True)
    sys.stdin.read()
started.kill()
"""


@pytest.mark.parametrize("is_killed", [True, False])
def test_what_runs_in_a_folder_ends_when_its_owner_is_killed(
    tmp_path: Path, is_killed: bool
) -> None:
    folder = tmp_path / "lab"
    folder.mkdir()
    with subprocess.Popen(
        [sys.executable, "-c", _PROGRAM, str(folder)],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
    ) as owner:  # fmt: skip
        assert owner.stdout is not None
        daemon = Path("/proc") / owner.stdout.readline().strip() / "cmdline"
        assert str(folder) in daemon.read_text()
        if is_killed:
            owner.kill()
    until(lambda: not daemon.exists() or not daemon.read_text())
    until(lambda: folder.exists() != is_killed)
