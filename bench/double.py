"""The double of a Proxmox VE cluster in a process of its own, so that it takes no turn from the
collector that is measured. Run by the poll's benchmark; it ends when its input does."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from lab.pve_double import serve
from lab.pve_synthetic import synthetic


@dataclass(frozen=True, slots=True)
class Double:
    """Where the double listens and who signed its certificate."""

    url: str
    ca_file: Path


@contextmanager
def running(nodes: int, guests: int, now: datetime) -> Iterator[Double]:
    """A double of that size, while the block lasts."""
    command = [sys.executable, "-m", "bench.double", str(nodes), str(guests), now.isoformat()]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        if process.stdin is None or process.stdout is None:  # both are pipes, as asked for above
            raise AssertionError
        told = json.loads(process.stdout.readline())
        try:
            yield Double(told["url"], Path(told["ca_file"]))
        finally:
            process.stdin.close()


def main() -> None:
    """Serves until the input ends; the first line of output tells where."""
    nodes, guests, now = int(sys.argv[1]), int(sys.argv[2]), datetime.fromisoformat(sys.argv[3])
    with serve(synthetic(nodes, guests, now=now.timestamp())) as served:
        print(json.dumps({"url": served.url, "ca_file": str(served.ca_file)}), flush=True)
        sys.stdin.read()


if __name__ == "__main__":
    main()
