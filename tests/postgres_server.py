"""A private PostgreSQL server in a folder, reached by a socket alone."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


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
        server = subprocess.Popen(
            [binaries / "postgres", "-D", data, "-k", folder, "-c", "listen_addresses=", "-F"],
            user=user,
            stderr=subprocess.DEVNULL,
        )
        try:
            _wait(binaries, folder)
            yield f"postgresql+psycopg://lumbung@/postgres?host={folder}"
        finally:
            server.terminate()
            server.wait(timeout=20)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _wait(binaries: Path, folder: Path) -> None:
    for _ in range(200):
        ready = subprocess.run(
            [binaries / "pg_isready", "-q", "-h", folder, "-U", "lumbung"], check=False
        )
        if ready.returncode == 0:
            return
        time.sleep(0.1)
    raise AssertionError("the PostgreSQL server did not start")
