"""Runs a command and tells what it took as one line of JSON; its output goes nowhere.

A process of its own and a small one: the kernel counts the memory of whoever starts a program
into that program's peak.
"""

import json
import os
import resource
import sys
import time

_MAXRSS_BYTES = 1 if sys.platform == "darwin" else 1024


def main() -> int:
    """Runs the command in the arguments and returns its exit code."""
    quiet = [(os.POSIX_SPAWN_OPEN, 1, os.devnull, os.O_WRONLY, 0)]
    began = time.perf_counter()
    pid = os.posix_spawnp(sys.argv[1], sys.argv[1:], os.environ, file_actions=quiet)
    _pid, status, usage = os.wait4(pid, 0)
    print(json.dumps(_told(time.perf_counter() - began, usage)))
    return os.waitstatus_to_exitcode(status)


def _told(seconds: float, usage: resource.struct_rusage) -> dict[str, float]:
    return {
        "seconds": seconds,
        "processor_seconds": usage.ru_utime + usage.ru_stime,
        "peak_mib": usage.ru_maxrss * _MAXRSS_BYTES / 1024**2,
    }


if __name__ == "__main__":
    sys.exit(main())
