"""Fixtures for all tests. What a real component needs is started by the tests that use it."""

from __future__ import annotations

import importlib.util
import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import settings

from lab import libvirtd

SHARED = Path(__file__).resolve().parents[2] / "shared"
settings.register_profile("lumbung", deadline=None, derandomize=True)  # no test is timed
settings.load_profile("lumbung")
_NEEDS = {
    "libvirt": lambda: importlib.util.find_spec("libvirt") and shutil.which("libvirtd"),
    "postgres": lambda: any(Path("/usr/lib/postgresql").glob("*/bin/postgres")),
}


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """A file's tests run on one core, and all that ask for the lab on the same: one lab at a time
    is what a small machine can bear."""
    if not config.pluginmanager.hasplugin("xdist"):
        return
    for item in items:
        on_the_lab = item.get_closest_marker("libvirt") is not None
        item.add_marker(pytest.mark.xdist_group("libvirt" if on_the_lab else item.path.name))


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
def libvirt_lab() -> Iterator[libvirtd.Lab]:
    """Two private hosts with two running guests each and the extras, shared by all who ask.

    Who stops, pauses or moves a guest puts it back.
    """
    with libvirtd.libvirt_lab(2, hosts=2, tcp=True, tls=True, extras=True) as lab:
        yield lab
