"""Fixtures for all tests. What a real component needs is started by the tests that use it."""

from __future__ import annotations

import importlib.util
import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, settings

from lab import libvirtd

SHARED = Path(__file__).resolve().parents[2] / "shared"
settings.register_profile(  # no test is timed
    "lumbung", deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow]
)
settings.load_profile("lumbung")
_NEEDS = {
    "libvirt": lambda: importlib.util.find_spec("libvirt") and shutil.which("libvirtd"),
    "postgres": lambda: any(Path("/usr/lib/postgresql").glob("*/bin/postgres")),
}


@pytest.hookimpl(optionalhook=True)  # there is none without xdist
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    from scheduling import ByFile

    config.option.loadscopereorder = False  # as collected: the slow ones of e2e come first
    return ByFile(config, log)


def pytest_runtest_setup(item: pytest.Item) -> None:
    for name, is_here in _NEEDS.items():
        if item.get_closest_marker(name) and not is_here():
            message = f"{name} is not installed here; `make test` installs it where it can"
            if os.environ.get("LUMBUNG_TEST_REQUIRE") == "all":
                pytest.fail(message)
            pytest.skip(message)


@pytest.fixture(autouse=True)
def no_stray_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    """No test reads the configuration or the clock of whoever runs it."""
    for name in ("LUMBUNG_CONFIG", "LUMBUNG_NOW", "COLUMNS", "CREDENTIALS_DIRECTORY"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture(scope="session")
def libvirt_lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[libvirtd.Lab]:
    """Two private hosts with two running guests each and the extras, shared by all who ask.

    Who stops, pauses or moves a guest puts it back.
    """
    if "PYTEST_XDIST_WORKER" in os.environ:  # fails when another process of this run has one
        (tmp_path_factory.getbasetemp().parent / "libvirt-lab").touch(exist_ok=False)
    with libvirtd.libvirt_lab(2, hosts=2, tcp=True, tls=True, extras=True) as lab:
        yield lab
