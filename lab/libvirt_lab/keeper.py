"""Ends what somebody started in a folder, when who started it was killed and could not.

This file runs by itself, too: its process holds nothing but a pipe, whose other end goes with the
process that is watched.
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path


@contextmanager
def kept(folder: Path, *, interface: str | None = None) -> Iterator[None]:
    """Should this process be killed within the block, all processes that were started with a path
    of the folder end with it, and the folder and the network interface go."""
    command = [sys.executable, "-I", "-S", __file__, str(folder), *filter(None, [interface])]
    with subprocess.Popen(command, stdin=subprocess.PIPE, start_new_session=True) as keeper:
        try:
            yield
        finally:
            keeper.kill()


def main(arguments: Sequence[str]) -> None:
    """Waits until the other end of the standard input is gone, and ends what is left."""
    folder, *interfaces = arguments
    sys.stdin.buffer.read()
    for process in Path("/proc").glob("[0-9]*"):
        if process.name != str(os.getpid()) and f"{folder}/" in _command_line(process):
            with suppress(ProcessLookupError):
                os.kill(int(process.name), signal.SIGKILL)
    for interface in interfaces:
        subprocess.run(["ip", "link", "delete", interface], check=False)  # noqa: S607  (as found)
    shutil.rmtree(folder, ignore_errors=True)


def _command_line(process: Path) -> str:
    """What it was started with; empty when it has ended."""
    try:
        return (process / "cmdline").read_text(errors="replace")
    except (FileNotFoundError, ProcessLookupError):
        return ""


if __name__ == "__main__":
    main(sys.argv[1:])
