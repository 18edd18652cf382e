"""A private PostgreSQL server in a folder, reached by a socket alone."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from lab.libvirt_lab.keeper import kept
from patience import PATIENCE_SECONDS, until


@contextmanager
def postgres() -> Iterator[str]:
    """Runs a server until the block ends; yields the address of an empty database."""
    binaries = max(Path("/usr/lib/postgresql").glob("*/bin"))
    user = "postgres" if os.geteuid() == 0 else None  # the server refuses to run as root
    folder = Path(tempfile.mkdtemp(prefix="pg-"))
    try:
        if user:
            shutil.chown(folder, user)
        data = folder / "data"
        initialise = [binaries / "initdb", "-D", data, "-U", "lumbung", "-A", "trust", "--no-sync"]
        subprocess.run(initialise, user=user, check=True, stdout=subprocess.DEVNULL)
        with (folder / "log").open("wb") as log:
            server = subprocess.Popen(
                [binaries / "postgres", "-D", data, "-k", folder, "-c", "listen_addresses=", "-F"],
                user=user,
                stderr=log,
            )
        try:
            with kept(folder):
                until(lambda: _answers(server, binaries, folder))
                yield f"postgresql+psycopg://lumbung@/postgres?host={folder}"
        finally:
            server.send_signal(signal.SIGINT)  # at once, whoever is still connected
            server.wait(timeout=PATIENCE_SECONDS)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _answers(server: subprocess.Popen[bytes], binaries: Path, folder: Path) -> bool:
    assert server.poll() is None, f"PostgreSQL did not start: {(folder / 'log').read_text()}"
    asked = [binaries / "pg_isready", "-q", "-h", folder, "-U", "lumbung"]
    return subprocess.run(asked, check=False).returncode == 0
