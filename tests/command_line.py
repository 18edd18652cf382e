"""The command line, run as a process of its own or, faster, within this one."""

from __future__ import annotations

import contextlib
import io
import os
import subprocess
import sys
from collections.abc import Mapping
from datetime import datetime
from unittest import mock

from lumbung.cli import run

Ran = subprocess.CompletedProcess[str]


def lumbung(*arguments: str, now: datetime | None = None, env: Mapping[str, str] = {}) -> Ran:
    """The program as a user runs it: a process of its own."""
    return subprocess.run(
        [sys.executable, "-m", "lumbung", *arguments],
        capture_output=True,
        text=True,
        check=False,
        env=dict(os.environ) | _clock(now) | dict(env),
        timeout=600,  # two run at once on a small machine
    )


def lumbung_here(*arguments: str, now: datetime | None = None, env: Mapping[str, str] = {}) -> Ran:
    """The same within this process; what it polls still runs in workers of their own."""
    out, err = io.StringIO(), io.StringIO()
    with (
        mock.patch.dict(os.environ, _clock(now) | dict(env)),
        contextlib.redirect_stdout(out),
        contextlib.redirect_stderr(err),
    ):
        code = run(list(arguments))
    return subprocess.CompletedProcess(list(arguments), code, out.getvalue(), err.getvalue())


def _clock(now: datetime | None) -> dict[str, str]:
    return {"LUMBUNG_NOW": now.isoformat()} if now else {}
