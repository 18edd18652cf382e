"""The site's own files, read strictly: policy (TOML), estate and regulations (YAML)."""

from __future__ import annotations

import difflib
import json
import os
import secrets
import stat
import tomllib
import typing
from collections.abc import Iterable
from datetime import date
from importlib.resources import files
from pathlib import Path
from typing import Any, TypeVar

import yaml
from pydantic import BaseModel, ValidationError

from lumbung.kinds import turned
from lumbung.settings import SettingsError, broken_toml, text_of, told
from planner.calendar_entries import CalendarFile
from planner.eol import EndOfLifeData, parse, shipped
from planner.forecast.calendar import NO_CALENDAR, Calendar
from planner.owners import AttestedFile, EstateFile, GuestEntry
from planner.policy import Policy
from planner.purchases import Misplaced
from planner.risks.catalogue import BY_ID, UnknownRule, absent, chosen
from planner.risks.own import WAIVER_RULE
from planner.risks.regulations import Pack, Regulations, strangers
from planner.scenario.changes import ScenarioFile

M = TypeVar("M", bound=BaseModel)

# libyaml reads packs and large estates ten times as fast, where PyYAML was built with it.
_LOADER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
SHIPPED_REGULATIONS = Path(str(files("config"))) / "regulations"


def load_policy(path: Path | None) -> Policy:
    """The policy in a file, or the defaults. Raises SettingsError."""
    if path is None:
        return Policy()
    try:
        policy = checked(Policy, tomllib.loads(text_of(path)), path)
        chosen(policy.risks)
    except UnknownRule as error:
        raise SettingsError(f"{path}: [risks]: {error}") from error
    except tomllib.TOMLDecodeError as error:
        raise broken_toml(path, error) from error
    return policy


def load_eol(policy_file: Path | None, policy: Policy) -> EndOfLifeData:
    """The ends of life in the file that the policy names, else the program's own.

    Raises SettingsError.
    """
    named = policy.lifecycle.data_file
    if not named or policy_file is None:
        return shipped()
    path = policy_file.parent / named
    try:
        return parse(json.loads(text_of(path)), str(path))
    except json.JSONDecodeError as error:
        raise SettingsError(f"{path}:{error.lineno}: {error.msg}") from error
    except ValueError as error:
        raise SettingsError(f"{path}: {error}") from error


def load_calendar(path: Path | None) -> Calendar:
    """The holidays and ends of months in a file; without one, none. Raises SettingsError."""
    return NO_CALENDAR if path is None else _yaml(CalendarFile, path)[0].calendar()


def load_estate(path: Path | None, today: date | None = None) -> EstateFile:
    """The owners' file, or an empty one. Raises SettingsError.

    With ``today``, an order that is said to be further than that day allows is refused as well.
    """
    if path is None:
        return EstateFile()
    estate, lines = _yaml(EstateFile, path)
    for i, order in enumerate(estate.orders):
        if today is not None and (fault := order.fault_on(today)):
            line = lines.of(("orders", i, "stage"))
            raise SettingsError(f"{path}{line}: order {order.name!r}: {fault}")
    for i, waiver in enumerate(estate.waivers):
        if fault := _unwaivable(waiver.rule):
            line = lines.of(("waivers", i, "rule"))
            raise SettingsError(f"{path}{line}: waiver {waiver.id!r}: {fault}")
    attested = load_attested(path, estate)
    return estate.model_copy(update={"guests": (*attested, *estate.guests)})


def attested_path(path: Path) -> Path:
    """Where the answers of agencies are kept: beside the owners' file, which people write."""
    return path.with_name(f"{path.stem}.attested.yaml")


def load_attested(path: Path, estate: EstateFile) -> tuple[GuestEntry, ...]:
    """The answers beside an owners' file; they come before its own entries.

    Raises SettingsError.
    """
    beside = attested_path(path)
    if not beside.is_file():
        return ()
    attested, lines = _yaml(AttestedFile, beside)
    known: dict[str, frozenset[str]] = {
        "agency": frozenset(estate.agencies),
        "service": frozenset(estate.services),
    }
    for i, entry in enumerate(attested.guests):
        for name, names in known.items():
            value = getattr(entry, name)
            if value is not None and value not in names:
                where = f"{beside}{lines.of(('guests', i, name))}"
                raise SettingsError(f"{where}: {value!r} is no {name} in {path.name}")
    return attested.guests


def write_attested(path: Path, entries: Iterable[tuple[str, GuestEntry]]) -> Path:
    """Writes the answers beside an owners' file, whole or not at all, each below a guest's name."""
    beside = attested_path(path)
    lines = [_ATTESTED_HEAD]
    for name, entry in entries:
        told = [entry.model_dump(exclude_none=True)]
        lines += [f"# {json.dumps(name)}", yaml.safe_dump(told, sort_keys=False).rstrip()]
    _replace(beside, "\n".join(lines) + "\n")
    return beside


_ATTESTED_HEAD = """\
# What agencies answered. `lumbung estate import` writes this file: import another answer to change
# it. It comes before the owners' file beside it; of classes, the strictest counts.
version: 1
guests:"""


def _replace(path: Path, text: str) -> None:
    """Replaces a file in one step; only its owner can read it, or who could before."""
    mode = stat.S_IMODE(path.stat().st_mode) if path.exists() else 0o600
    draft = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    draft.replace(path)


def _unwaivable(rule: str) -> str:
    """Why a rule's findings cannot be accepted; "" when they can."""
    if rule not in BY_ID:
        near = difflib.get_close_matches(rule, BY_ID, 1)
        return f"no rule is called {rule!r}" + (f"; {near[0]}?" if near else "")
    return f"{rule} is about waivers; renew or remove them" if rule == WAIVER_RULE else ""


def load_scenarios(path: Path) -> tuple[ScenarioFile, Lines]:
    """A file of scenarios, and where its keys stand. Raises SettingsError."""
    return _yaml(ScenarioFile, path)


def load_regulations(folder: Path | None = None) -> Regulations:
    """The shipped packs, then those of a folder, which replace shipped ones of the same id.

    Raises SettingsError, also for a pack that names what is no rule.
    """
    packs = {pack.id: pack for pack in _packs(pack_files(folder))}
    return Regulations(tuple(packs.values()))


def pack_files(folder: Path | None) -> typing.Iterator[Path]:
    """The files of the shipped packs, then those of a folder."""
    for place in (SHIPPED_REGULATIONS, *([folder] if folder is not None else [])):
        yield from sorted(place.glob("*.yaml"))


def _packs(paths: Iterable[Path]) -> typing.Iterator[Pack]:
    """The packs in files; they name only rules that exist, or are known to be absent."""
    known = {*BY_ID, *(one.id for one in absent())}
    for path in paths:
        pack, lines = _yaml(Pack, path)
        for number, grade, name in strangers(pack, known):
            near = difflib.get_close_matches(name, known, 1)
            hint = f"; did you mean {near[0]}?" if near else ""
            line = lines.of(("controls", number, grade))
            raise SettingsError(f"{path}{line}: {number}: no rule is called {name!r}{hint}")
        yield pack


def place_in(path: Path, place: tuple[str | int, ...]) -> str:
    """A place in a YAML file as FILE:LINE."""
    lines = Lines(yaml.compose(text_of(path), Loader=_LOADER))
    return f"{path}{lines.of(place)}"


def _yaml(model: type[M], path: Path) -> tuple[M, Lines]:
    """A YAML file as a model, and where its keys stand."""
    text = text_of(path)
    try:
        root = yaml.compose(text, Loader=_LOADER)
        _refuse_impossible_dates(root, path)
        tables = yaml.load(text, Loader=_LOADER)  # noqa: S506  (a safe loader, either way)
    except yaml.MarkedYAMLError as error:
        line = f":{error.problem_mark.line + 1}" if error.problem_mark else ""
        raise SettingsError(f"{path}{line}: {error.problem or error}") from error
    except yaml.YAMLError as error:
        raise SettingsError(f"{path}: {error}") from error
    if not isinstance(tables, dict):
        raise SettingsError(f"{path}: is empty or no mapping; start it with `version: 1`")
    lines = Lines(root)
    return checked(model, tables, path, lines), lines


def _refuse_impossible_dates(root: yaml.Node | None, path: Path) -> None:
    """Raises SettingsError for what looks like a date and is none, such as 2026-02-30."""
    waiting = [root]
    while waiting:
        node = waiting.pop()
        if isinstance(node, yaml.MappingNode):
            waiting += [part for pair in node.value for part in pair]
        elif isinstance(node, yaml.SequenceNode):
            waiting += node.value
        elif isinstance(node, yaml.ScalarNode) and node.tag == "tag:yaml.org,2002:timestamp":
            try:
                yaml.constructor.SafeConstructor().construct_yaml_timestamp(node)
            except ValueError as error:
                where = f"{path}:{node.start_mark.line + 1}"
                raise SettingsError(f"{where}: {node.value} is no date: {error}") from error


class Lines:
    """Where in a YAML file a key stands."""

    def __init__(self, root: yaml.Node | None) -> None:
        self._root = root

    def of(self, place: tuple[str | int, ...]) -> str:
        node, line = self._root, None
        for part in place:
            found = _child(node, part)
            if found is None:
                break
            line, node = found
        return "" if line is None else f":{line + 1}"


def _child(node: yaml.Node | None, part: str | int) -> tuple[int, yaml.Node] | None:
    if isinstance(node, yaml.MappingNode):
        for key, value in node.value:
            if key.value == str(part):
                return key.start_mark.line, value
    if isinstance(node, yaml.SequenceNode) and isinstance(part, int) and part < len(node.value):
        child = node.value[part]
        return child.start_mark.line, child
    return None


def checked(model: type[M], tables: dict[str, Any], path: Path, lines: Lines | None = None) -> M:
    """The tables as a model; the first fault is told with its place and the nearest known key."""
    try:
        read = model.model_validate(tables)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        deeper = first.get("ctx", {}).get("error")
        inside = deeper.place if isinstance(deeper, Misplaced) else ()
        place = (*(part for part in first["loc"] if part != "[key]"), *inside)
        where = ".".join(str(part) for part in place)
        line = lines.of(place) if lines else _toml_line(path, place)
        if first["type"] == "extra_forbidden":
            hint = _nearest(model, place)
            raise SettingsError(f"{path}{line}: unknown key {where!r}; {hint}") from error
        raise SettingsError(
            f"{path}{line}: {where + ': ' if where else ''}{told(first)}"
        ) from error
    if found := turned(tables, read):
        place, reason = found
        line = lines.of(place) if lines else _toml_line(path, place)
        raise SettingsError(f"{path}{line}: {'.'.join(map(str, place))}: {reason}")
    return read


def _toml_line(path: Path, place: tuple[str | int, ...]) -> str:
    """The line of the last named key, looked for below its table's heading."""
    keys = [str(part) for part in place if isinstance(part, str)]
    if not keys:
        return ""
    heading, inside = f"[{'.'.join(keys[:-1])}]", len(keys) == 1
    for number, text in enumerate(text_of(path).splitlines(), 1):
        line = text.strip()
        inside = inside or line == heading
        if inside and line.startswith((f"{keys[-1]} ", f"{keys[-1]}=")):
            return f":{number}"
        if line in (f"[{keys[-1]}]", f"[{'.'.join(keys)}]"):
            return f":{number}"
    return ""


def _nearest(model: type[BaseModel], place: tuple[str | int, ...]) -> str:
    known = list(_fields_at(model, place[:-1]))
    near = difflib.get_close_matches(str(place[-1]), known, 1)
    return f"did you mean {near[0]!r}?" if near else f"known are {', '.join(sorted(known))}"


def _fields_at(model: type[BaseModel], place: tuple[str | int, ...]) -> typing.Iterable[str]:
    """The keys that a model takes at a place inside it."""
    found: Any = model
    for part in place:
        if _is_model(found):
            known = found.model_fields.get(str(part))
            found = None if known is None else known.annotation
        else:  # an item of a list, a value of a mapping
            found = _model_in(found)
        if typing.get_origin(found) not in (tuple, list, dict):
            found = _model_in(found)
    if not _is_model(found):
        return ()
    return [field.alias or name for name, field in found.model_fields.items()]


def _is_model(found: Any) -> bool:
    return isinstance(found, type) and issubclass(found, BaseModel)


def _model_in(annotation: Any) -> Any:
    """The model inside list[M], dict[str, M] or M | None."""
    if isinstance(annotation, type) and not typing.get_args(annotation):
        return annotation
    inner = [_model_in(argument) for argument in typing.get_args(annotation)]
    models = [part for part in inner if _is_model(part)]
    return models[0] if models else annotation
