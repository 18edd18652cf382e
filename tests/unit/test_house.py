"""The house is as it is drawn: rooms, floors, and who may know what."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
import tomllib
from collections import Counter
from pathlib import Path

import pytest

from lumbung.choices import Exit

ROOT = Path(__file__).resolve().parents[2]
PYPROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())
LINTER = PYPROJECT["tool"]["importlinter"]
SHIPPED = PYPROJECT["tool"]["hatch"]["build"]["targets"]["wheel"]["packages"]
BESIDE = {"tests", "bench", "docs"}  # packages that may stand in the checkout and are not shipped

TRACKED = subprocess.run(
    ["git", "ls-files", "--cached", "--others", "--exclude-standard"],
    cwd=ROOT,
    capture_output=True,
    text=True,
    check=False,
).stdout.splitlines()
in_checkout = pytest.mark.skipif(not TRACKED, reason="not in a checkout")


def packages() -> set[str]:
    return {path.parent.name for path in ROOT.glob("*/__init__.py")} - BESIDE


def modules(package: str) -> set[str]:
    folder = ROOT / package
    found = {path.stem for path in folder.glob("*.py")} - {"__init__"}
    return found | {path.parent.name for path in folder.glob("*/__init__.py")}


def contract(word: str) -> dict[str, object]:
    [found] = [one for one in LINTER["contracts"] if word in one["name"]]
    return dict(found)


def layers(one: dict[str, object]) -> set[str]:
    listed: list[str] = one["layers"]  # type: ignore[assignment]
    return {name for layer in listed for name in re.split(r"\s*[|:]\s*", layer)}


def test_the_packages_are_those_that_the_contracts_name() -> None:
    assert packages() == set(LINTER["root_packages"]) == set(SHIPPED)
    assert packages() | {"bench", "docs"} == set(PYPROJECT["tool"]["mypy"]["packages"])
    floors, lab = contract("The floors"), contract("The lab stands")
    floor_names = packages() - {"lab", "config"}
    assert layers(floors) == floor_names
    assert set(lab["forbidden_modules"]) == floor_names - {"inventory"}  # type: ignore[call-overload]


@pytest.mark.parametrize("package", sorted(packages() - {"lab", "config"}))
def test_every_module_has_its_floor_inside_its_package(package: str) -> None:
    [found] = [one for one in LINTER["contracts"] if one.get("containers") == [package]]
    assert found["exhaustive"] is True
    ignored = set(found.get("exhaustive_ignores", ()))
    assert layers(found) == modules(package) - ignored


@in_checkout
def test_no_package_without_a_name_is_missed() -> None:
    """A folder of modules without __init__ would be seen by no contract."""
    folders = {name.split("/")[0] for name in TRACKED if name.endswith(".py") and "/" in name}
    assert folders - BESIDE == packages()


@in_checkout
def test_the_project_stands_alone() -> None:
    """Nothing but the tests reads the reference beside the checkout, and they can do without."""
    beside = re.compile(r"\.\./shared|/work/|\bshared/")
    for name in TRACKED:
        path = ROOT / name
        if name.split("/")[0] in ("tests", ".ci") or not path.is_file():
            continue
        text = path.read_bytes().decode("utf-8", errors="replace")
        assert not beside.search(text), name


def loaded_by(module: str) -> set[str]:
    """The top-level modules that importing one loads, in a process of its own."""
    code = f"import sys, {module}; print(*sorted(name.split('.')[0] for name in sys.modules))"
    ran = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT
    )
    return set(ran.stdout.split())


HYPERVISORS = {"libvirt", "proxmoxer", "requests", "collectors", "lumbung", "lab"}


def of_package(package: str) -> list[str]:
    return [
        ".".join(path.relative_to(ROOT).with_suffix("").parts)
        for path in sorted((ROOT / package).rglob("*.py"))
        if path.stem not in ("__init__", "env") and "migrations" not in path.parts
    ]


@pytest.mark.parametrize("package", ["inventory", "planner", "reports"])
def test_planning_loads_no_hypervisor_and_nothing_above_it(package: str) -> None:
    everything = ", ".join(of_package(package))
    assert loaded_by(everything) & HYPERVISORS == set()


def test_the_ground_floor_does_without_pandas_and_the_planner() -> None:
    assert loaded_by(", ".join(of_package("inventory"))) & {"pandas", "planner", "reports"} == set()


def test_a_collector_loads_no_other_hypervisors_binding() -> None:
    assert "libvirt" not in loaded_by("collectors.proxmox, collectors.files, collectors.poll")


def test_the_exit_codes_are_those_that_were_promised() -> None:
    assert {code.name: code.value for code in Exit} == {
        "DONE": 0, "FAULT": 1, "USAGE": 2, "PARTIAL": 3, "NOTHING": 4, "MET": 5,
    }  # fmt: skip


def python_files() -> list[Path]:
    return [path for package in sorted(packages()) for path in (ROOT / package).rglob("*.py")]


def test_nothing_is_logged_and_passed_over() -> None:
    """Trouble is raised or returned as data; no module of ours keeps a log of its own."""
    for path in python_files():
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Import):
                assert {alias.name for alias in node.names}.isdisjoint({"logging"}), path
            if isinstance(node, ast.ImportFrom):
                assert node.module not in ("logging", "warnings"), path


def test_there_is_no_drawer_for_odds_and_ends() -> None:
    drawers = {"utils", "util", "helpers", "helper", "common", "misc"}
    assert {path for path in python_files() if path.stem in drawers} == set()


def test_every_module_says_what_it_is() -> None:
    for path in python_files():
        if "versions" not in path.parts and path.stat().st_size:
            assert ast.get_docstring(ast.parse(path.read_text(encoding="utf-8"))), path


def test_no_two_test_modules_have_one_name() -> None:
    """Tests are no packages: pytest takes two modules of one name for the same."""
    names = Counter(path.name for path in (ROOT / "tests").rglob("test_*.py"))
    assert [name for name, count in names.items() if count > 1] == []
