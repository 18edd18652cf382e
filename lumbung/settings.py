"""The configuration file: read strictly, told plainly.

Every fault is one line: which file, where in it, what to do. A secret written into the file is
refused; only references (env:, file:, credential:) are taken.
"""

from __future__ import annotations

import difflib
import os
import re
import tomllib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

from collectors.contract import Collector, Options, SourceMisconfigured, collector_of
from inventory.zones import zone_named
from lumbung.kinds import Place, turned

ENVIRONMENT_VARIABLE = "LUMBUNG_CONFIG"
_DEFAULT_PATHS = (Path("config/lumbung.toml"), Path("/etc/lumbung/lumbung.toml"))
_SOURCE_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
_CARRIED_POLL_MINUTES = 7 * 24 * 60  # what is carried by hand: weekly is its usual beat


class SettingsError(Exception):
    """The configuration cannot be used; the message says what, where and what to do."""


class _Table(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Site(_Table):
    """Where the data centre is."""

    name: str = Field("", description="shown at the head of reports")
    timezone: str | None = Field(
        None, description="whose midnight ends a day, such as Asia/Jakarta; required"
    )

    @field_validator("timezone")
    @classmethod
    def _exists(cls, value: str | None) -> str | None:
        if value is not None and zone_named(value) is None:
            raise ValueError(f"{value!r} is not a time zone; write e.g. Asia/Jakarta")
        return value


class StoreSettings(_Table):
    """Where the inventory is kept."""

    url: str = Field(
        "sqlite:///inventory.db",
        description="sqlite:///FILE (relative to the project root) or postgresql+psycopg://…",
    )
    password: str | None = Field(
        None, description="reference to a database server's password (file:, env:, credential:)"
    )


class ScheduleSettings(_Table):
    """When `lumbung schedule` does what."""

    poll_minutes: int = Field(
        5, ge=1, le=1440, description="minutes between polls; a source older than three is stale"
    )
    report: str = Field("mon 06:00", description="weekday and local time of the weekly report")

    @field_validator("report")
    @classmethod
    def _is_weekly(cls, value: str) -> str:
        if not re.fullmatch(r"(mon|tue|wed|thu|fri|sat|sun) ([01]\d|2[0-3]):[0-5]\d", value):
            raise ValueError(f"{value!r} is not a weekday and time such as 'mon 06:00'")
        return value


class HistorySettings(_Table):
    """How long samples are kept; daily statistics are kept for ever."""

    raw_days: int = Field(35, ge=2, description="samples as they came")
    hour_days: int = Field(400, ge=35, description="hourly means; at least raw_days")

    @model_validator(mode="after")
    def _hours_outlast(self) -> HistorySettings:
        if self.hour_days < self.raw_days:
            raise ValueError(
                f"hour_days ({self.hour_days}) must be at least raw_days ({self.raw_days})"
            )
        return self


class FileReference(_Table):
    """A file of its own, for what is not configuration."""

    file: Path | None = Field(None, description="relative to the configuration file's folder")


class RegulationSettings(_Table):
    """Standards and laws beside those that are shipped."""

    folder: Path | None = Field(
        None,
        description="packs (*.yaml) of your own, relative to the configuration file's folder; one "
        "with the id of a shipped pack takes its place",
    )


class SourceSettings(_Table):
    """What every source has; its kind adds its own keys."""

    name: str = Field(description="its short name")
    kind: str = Field(description="which collector reads it")
    cluster: str | None = Field(
        None, description="overrides the cluster's own name; sources with the same name merge"
    )
    timeout_seconds: float = Field(60, gt=0, le=3600, description="wall clock of one poll")
    max_parallel: int = Field(4, ge=1, le=64, description="requests at once")
    max_requests: int = Field(
        20_000, ge=20, description="requests of one poll; what is over goes on at the next"
    )
    poll_minutes: int | None = Field(
        None, ge=1, description="how often it is expected; default [schedule], files: weekly"
    )
    backfill_seconds: float = Field(
        60,
        ge=0,
        le=86400,
        description="until when after its start a collect goes on reading the platforms' history; "
        "the sources share the time",
    )

    @field_validator("name")
    @classmethod
    def _is_a_word(cls, value: str) -> str:
        if not _SOURCE_NAME.fullmatch(value):
            raise ValueError(
                "must be 1 to 64 letters, digits, dots, dashes and underscores, such as balaikota"
            )
        return value


# Every table of the file but [[sources]], whose keys depend on their kind.
TABLES: Mapping[str, type[_Table]] = {
    "site": Site,
    "store": StoreSettings,
    "schedule": ScheduleSettings,
    "history": HistorySettings,
    "policy": FileReference,
    "estate": FileReference,
    "calendar": FileReference,
    "regulations": RegulationSettings,
}
_COMMON = frozenset(SourceSettings.model_fields)


@dataclass(frozen=True, slots=True)
class ConfiguredSource:
    """One `[[sources]]` table: the common part and the options of its kind."""

    common: SourceSettings
    options: Options

    @property
    def name(self) -> str:
        return self.common.name


@dataclass(frozen=True, slots=True)
class Settings:
    """A whole configuration, read and checked."""

    path: Path
    site: Site
    store: StoreSettings
    schedule: ScheduleSettings
    history: HistorySettings
    sources: tuple[ConfiguredSource, ...]
    policy_file: Path | None
    estate_file: Path | None
    regulations_folder: Path | None = None
    calendar_file: Path | None = None

    @property
    def root(self) -> Path:
        """The project root: the folder of the file, or its parent when that is named config."""
        folder = self.path.parent
        return folder.parent if folder.name == "config" else folder

    @property
    def zone(self) -> ZoneInfo:
        return ZoneInfo(self.site.timezone or "UTC")

    @property
    def zone_is_assumed(self) -> bool:
        return self.site.timezone is None

    def source(self, name: str) -> ConfiguredSource:
        for source in self.sources:
            if source.name == name:
                return source
        known = ", ".join(source.name for source in self.sources)
        raise SettingsError(f"{self.path}: no source is named {name!r}; known are {known}")

    def chosen(self, names: Sequence[str]) -> tuple[ConfiguredSource, ...]:
        """The named sources, each once; all without names. Raises SettingsError."""
        return tuple(self.source(name) for name in dict.fromkeys(names)) or self.sources

    def poll_minutes(self, source: ConfiguredSource) -> int:
        if source.common.poll_minutes is not None:
            return source.common.poll_minutes
        return _CARRIED_POLL_MINUTES if source.options.carried else self.schedule.poll_minutes


def find_settings(path: Path | None) -> Path:
    """The configuration file to use. Raises SettingsError when there is none."""
    if path is not None:
        if not path.is_file():
            raise SettingsError(f"{path}: no such file; run `lumbung init` to make one")
        return path
    named = os.environ.get(ENVIRONMENT_VARIABLE)
    if named:
        return find_settings(Path(named))
    for candidate in _DEFAULT_PATHS:
        if candidate.is_file():
            return candidate
    looked = " nor ".join(str(candidate) for candidate in _DEFAULT_PATHS)
    raise SettingsError(f"found neither {looked}; run `lumbung init` to make a configuration")


def load_settings(path: Path) -> Settings:
    """The configuration in a file. Raises SettingsError."""
    text = text_of(path)
    try:
        tables = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise broken_toml(path, error) from error
    return _Reader(path.absolute(), text).settings(tables)


def broken_toml(path: Path, error: tomllib.TOMLDecodeError) -> SettingsError:
    """What to say of a file that is no TOML, with the line."""
    place = re.search(r" \(at line (\d+), column \d+\)$", str(error))
    line = f":{place[1]}" if place else ""
    return SettingsError(f"{path}{line}: {error}")


def fault_of(model: type[BaseModel], key: str, value: Any) -> str | None:
    """What is wrong with one value of a table, whatever the others are; None when it is right."""
    try:
        model.model_validate({key: value})
    except ValidationError as error:
        faults = error.errors(include_url=False, include_input=False)
        return next((told(one) for one in faults if one["loc"][:1] == (key,)), None)
    return None


def told(fault: Mapping[str, Any]) -> str:
    """What pydantic found wrong, as people say it."""
    if fault["type"] in _FAULTS:
        bounds = {key: str(value).removesuffix(".0") for key, value in fault.get("ctx", {}).items()}
        return _FAULTS[fault["type"]].format(**bounds)
    reason: str = fault["msg"]
    return reason.removeprefix("Value error, ")


_FAULTS: Mapping[str, str] = {
    "missing": "is missing",
    "string_type": "must be text, in quotes",
    "path_type": "must be a path, in quotes",
    "bool_parsing": "must be true or false, without quotes",
    "bool_type": "must be true or false",
    "int_type": "must be a whole number",
    "int_parsing": "must be a whole number",
    "int_from_float": "must be a whole number",
    "float_type": "must be a number",
    "float_parsing": "must be a number",
    "date_type": "must be a date, such as 2027-03-31",
    "date_parsing": "must be a date, such as 2027-03-31",
    "date_from_datetime_parsing": "must be a date, such as 2027-03-31",
    "literal_error": "must be {expected}",
    "greater_than": "must be more than {gt}",
    "greater_than_equal": "must be at least {ge}",
    "less_than": "must be less than {lt}",
    "less_than_equal": "must be at most {le}",
}


def text_of(path: Path) -> str:
    """The text of a file that people write; a mark that some editors put before it is dropped.

    Raises SettingsError.
    """
    try:
        return path.read_text(encoding="utf-8-sig")
    except OSError as error:
        raise SettingsError(f"{path}: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise SettingsError(f"{path}: is not UTF-8 text (at byte {error.start})") from error


@dataclass(frozen=True, slots=True)
class _Reader:
    path: Path
    text: str

    def settings(self, tables: Mapping[str, Any]) -> Settings:
        self._refuse_unknown(tables, {*TABLES, "sources"}, "")
        sources = self._sources(tables.get("sources"))
        settings = Settings(
            path=self.path,
            site=self._table(Site, tables.get("site", {}), "[site]"),
            store=self._table(StoreSettings, tables.get("store", {}), "[store]"),
            schedule=self._table(ScheduleSettings, tables.get("schedule", {}), "[schedule]"),
            history=self._table(HistorySettings, tables.get("history", {}), "[history]"),
            sources=sources,
            policy_file=self._file(tables.get("policy", {}), "[policy]"),
            estate_file=self._file(tables.get("estate", {}), "[estate]"),
            calendar_file=self._file(tables.get("calendar", {}), "[calendar]"),
            regulations_folder=self._folder(tables.get("regulations", {}), "[regulations]"),
        )
        if settings.zone_is_assumed and any(s.common.kind != "files" for s in sources):
            raise SettingsError(
                f"{self.path}: [site] timezone is missing; a day ends at the site's midnight, "
                'so say where it is, e.g. timezone = "Asia/Jakarta"'
            )
        return settings

    def _sources(self, tables: Any) -> tuple[ConfiguredSource, ...]:
        if not tables:
            raise SettingsError(f"{self.path}: no [[sources]]; at least one is needed")
        if not isinstance(tables, list):
            raise SettingsError(f"{self.path}: write [[sources]], with two brackets, for each")
        sources = tuple(self._source(table, i) for i, table in enumerate(tables, 1))
        names = [source.name for source in sources]
        for name in names:
            if names.count(name) > 1:
                raise SettingsError(f"{self.path}: two sources are named {name!r}")
        return sources

    def _source(self, table: Mapping[str, Any], number: int) -> ConfiguredSource:
        if not isinstance(table, Mapping):
            raise SettingsError(f"{self.path}: write [[sources]] as a table of its own for each")
        place = f"[[sources]] {table.get('name', f'number {number}')}"
        try:
            collector: Collector[Any] = collector_of(str(table.get("kind", "")))
        except SourceMisconfigured as error:
            raise SettingsError(f"{self.path}{self._line('kind')}: {place}: {error}") from error
        own = set(collector.options.model_fields)
        self._refuse_unknown(table, _COMMON | own, place)
        common = {key: value for key, value in table.items() if key in _COMMON}
        options = {key: value for key, value in table.items() if key not in _COMMON}
        for key in ("path", "ca_file"):
            if options.get(key) == "":
                raise self._fault(place, (key,), "is empty")
            if isinstance(options.get(key), str):
                options[key] = str(self.path.parent / options[key])
        return ConfiguredSource(
            self._table(SourceSettings, common, place),
            self._table(collector.options, options, place),
        )

    def _file(self, table: Mapping[str, Any], place: str) -> Path | None:
        file: Path | None = self._table(FileReference, table, place).file
        if file is None:
            return None
        path = self.path.parent / file
        if not path.is_file():
            raise SettingsError(f"{self.path}{self._line('file')}: {place} {path}: no such file")
        return path

    def _folder(self, table: Mapping[str, Any], place: str) -> Path | None:
        folder: Path | None = self._table(RegulationSettings, table, place).folder
        if folder is None:
            return None
        path = self.path.parent / folder
        if not path.is_dir():
            raise SettingsError(
                f"{self.path}{self._line('folder')}: {place} {path}: no such folder"
            )
        return path

    def _table(self, model: type[Any], table: Any, place: str) -> Any:
        if not isinstance(table, Mapping):
            raise SettingsError(f"{self.path}: {place} must be a table")
        self._refuse_unknown(table, set(model.model_fields), place)
        try:
            read = model.model_validate(dict(table))
        except ValidationError as error:
            # The first fault in words; the rejected value is not shown, for it may be secret.
            first = error.errors(include_url=False, include_input=False)[0]
            raise self._fault(place, first["loc"], told(first)) from error
        if found := turned(table, read):
            raise self._fault(place, *found)
        return read

    def _fault(self, place: str, at: Place, reason: str) -> SettingsError:
        key = ".".join(str(part) for part in at)
        line = self._line(str(at[0]) if at else "")
        return SettingsError(f"{self.path}{line}: {place}{' ' if key else ''}{key}: {reason}")

    def _refuse_unknown(self, table: Iterable[str], known: Iterable[str], place: str) -> None:
        for key in table:
            if key not in known:
                near = difflib.get_close_matches(key, list(known), 1)
                hint = f"did you mean {near[0]!r}?" if near else f"known are {_listed(known)}"
                where = f" {place}" if place else ""
                raise SettingsError(
                    f"{self.path}{self._line(key)}:{where} unknown key {key!r}; {hint}"
                )

    def _line(self, key: str) -> str:
        """ ":LINE" of the first line that sets the key, or "" when it is not found."""
        pattern = re.compile(rf"\s*(\[+\s*)?{re.escape(key)}\s*[=\]]")
        for number, line in enumerate(self.text.splitlines(), 1):
            if key and pattern.match(line):
                return f":{number}"
        return ""


def _listed(names: Iterable[str]) -> str:
    return ", ".join(sorted(names))
