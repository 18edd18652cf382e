"""The `files` source: a directory of CSV, for air-gapped sites and anything without a collector.

One bad row refuses the whole directory. Importing the same directory twice changes nothing.
"""

from __future__ import annotations

import difflib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, ClassVar

from pydantic import Field

from collectors.contract import BadAnswer, Budget, Options, Raw, Source, Unreachable
from collectors.csv_table import (
    Column,
    Line,
    Table,
    above_zero,
    cpus,
    flag,
    instant,
    names,
    number,
    one_of,
    text,
    vlan,
    whole,
    whole_above_zero,
)
from inventory.clocks import is_ahead, told_ahead
from inventory.platform_records import Recorder, Volume
from inventory.records import (
    USAGE_METRICS,
    Backup,
    Coverage,
    Datastore,
    Disk,
    Effort,
    Guest,
    GuestSnapshot,
    Host,
    Nic,
    Record,
    Snapshot,
    Usage,
)
from inventory.zones import zone_named

_STATUS = one_of("in_service", "maintenance", "offline", "retired")
_LARGEST_FILE_BYTES = 2 * 1024**3
_LONGEST_PERIOD_SECONDS = 366 * 86_400
_ROUNDED = 1.01  # a mean of used cores may be rounded up above what there is


def _id(name: str) -> Column:
    return Column(name, text, required=True, filled=True)


def _needed(name: str, read: Callable[[str], Any]) -> Column:
    return Column(name, read, required=True)


TABLES: dict[str, Table] = {
    "source": Table(
        "source.csv",
        (
            Column("taken_at", instant, required=True, filled=True),
            Column("site", text),
            Column("timezone", text),
        ),
    ),
    "hosts": Table(
        "hosts.csv",
        (
            _id("host_id"),
            _id("name"),
            _id("cluster"),
            Column("status", _STATUS, required=True, filled=True),
            _needed("cpu_cores", above_zero),
            _needed("memory_bytes", whole_above_zero),
            Column("cpu_threads", whole),
            Column("reserved_cpu_cores", number),
            Column("reserved_memory_bytes", whole),
            Column("cpu_mhz", number),
            Column("version", text),
        ),
    ),
    "guests": Table(
        "guests.csv",
        (
            _id("guest_id"),
            _id("name"),
            _needed("host_id", text),
            Column("kind", one_of("vm", "container"), required=True, filled=True),
            _needed("power", one_of("running", "stopped", "paused")),
            _needed("vcpus", above_zero),
            _needed("memory_bytes", whole_above_zero),
            Column("template", flag),
            Column("tags", names),
            Column("os", text),
            Column("cluster", text),
            Column("uuid", text),
            Column("owner", text),
            Column("autostart", flag),
            Column("pinned_cpus", cpus),
        ),
    ),
    "disks": Table(
        "disks.csv",
        (
            _id("disk_id"),
            _id("guest_id"),
            _needed("datastore_id", text),
            _needed("capacity_bytes", whole),
            Column("allocated_bytes", whole),
            Column("backup", flag),
            Column("encrypted", flag),
        ),
    ),
    "nics": Table(
        "nics.csv",
        (
            _id("nic_id"),
            _id("guest_id"),
            Column("network", text),
            Column("vlan", vlan),
            Column("mac", text),
            Column("firewall", flag),
        ),
    ),
    "datastores": Table(
        "datastores.csv",
        (
            _id("datastore_id"),
            _id("name"),
            _id("cluster"),
            _id("kind"),
            _needed("shared", flag),
            _needed("capacity_bytes", whole),
            Column("used_bytes", whole),
            Column("hosts", names),
        ),
    ),
    "snapshots": Table(
        "snapshots.csv",
        (
            _id("guest_id"),
            _id("name"),
            _needed("created_at", instant),
            Column("bytes", whole),
        ),
    ),
    "backups": Table(
        "backups.csv",
        (
            _id("guest_id"),
            _needed("created_at", instant),
            Column("datastore_id", text),
            Column("bytes", whole),
            Column("encrypted", flag),
            Column("verified", flag),
        ),
    ),
    "recorders": Table(
        "recorders.csv",
        (
            _id("recorder_id"),
            _id("name"),
            Column("site", text),
            _needed("capacity_bytes", whole),
            Column("cameras", whole),
            Column("cameras_recording", whole),
            Column("oldest_recording_at", instant),
            Column("disks_failed", whole),
            _needed("checked_at", instant),
        ),
    ),
    "volumes": Table(
        "volumes.csv",
        (
            _id("volume_id"),
            _id("datastore_id"),
            Column("kind", text),
            Column("capacity_bytes", whole),
            Column("allocated_bytes", whole),
        ),
    ),
    "usage": Table(
        "usage.csv",
        (
            Column("taken_at", instant, required=True, filled=True),
            Column("entity", one_of("host", "guest", "datastore"), required=True, filled=True),
            _id("entity_id"),
            Column("period_seconds", whole),
            *(Column(metric, number) for metric in USAGE_METRICS),
        ),
    ),
}
FACT_KINDS: dict[str, type[Record]] = {
    "hosts": Host,
    "guests": Guest,
    "disks": Disk,
    "nics": Nic,
    "datastores": Datastore,
    "snapshots": GuestSnapshot,
    "backups": Backup,
    "recorders": Recorder,
    "volumes": Volume,
}
_NEEDED_FILES = ("hosts", "guests")


class FilesOptions(Options):
    """A directory of CSV files."""

    carried: ClassVar[bool] = True

    path: Path = Field(description="the directory")


class FilesCollector:
    """Reads a directory of CSV files."""

    options = FilesOptions
    reports = frozenset(
        f"{kind.kind_name}.{column.name}"
        for stem, kind in FACT_KINDS.items()
        for column in TABLES[stem].columns
    )

    def fetch(self, source: Source[FilesOptions], budget: Budget) -> Raw:
        """The text of every known file. Raises Unreachable when the directory is not there."""
        folder = source.options.path
        if not folder.is_dir():
            raise Unreachable(f"{folder} is not a directory; is the medium mounted?")
        _refuse_unknown(folder)
        found = {stem: folder / table.file for stem, table in TABLES.items()}
        answers = {stem: _text_of(path) for stem, path in found.items() if path.exists()}
        for stem in _NEEDED_FILES:
            if stem not in answers:
                raise BadAnswer(f"{found[stem]} is missing; a `files` source needs it")
        newest = max(path.stat().st_mtime for stem, path in found.items() if stem in answers)
        context = {"newest_file": newest, "cluster": source.cluster, "folder": str(folder)}
        return Raw("files", answers, context)

    def parse(self, raw: Raw, *, source: str, taken_at: datetime) -> Snapshot:
        """The directory as one snapshot, at the time it says itself (not at ``taken_at``).

        Raises BadAnswer for a time that is still to come at ``taken_at``: what is stored of it
        would be in the way of all that is read until then.
        """
        return _Directory(raw, source, taken_at).snapshot()


def _refuse_unknown(folder: Path) -> None:
    """A table under a name that no one reads would be lost without a word."""
    known = [table.file for table in TABLES.values()]
    for path in sorted(folder.glob("*.csv")):
        if path.name not in known:
            near = difflib.get_close_matches(path.name, known, 1)
            hint = f"did you mean {near[0]}?" if near else f"known are {', '.join(known)}"
            raise BadAnswer(f"{path} is none of the tables that are read; {hint}")


def _text_of(path: Path) -> str:
    if path.stat().st_size > _LARGEST_FILE_BYTES:
        raise BadAnswer(f"{path} is larger than {_LARGEST_FILE_BYTES} bytes")
    try:
        return path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise BadAnswer(f"{path} is not UTF-8 (at byte {error.start})") from error
    except OSError as error:
        raise Unreachable(f"{path}: {error.strerror}") from error


@dataclass
class _Directory:
    """One directory while it is read: who belongs to which cluster is known as rows come."""

    raw: Raw
    source: str
    now: datetime
    host_clusters: dict[str, str] = field(default_factory=dict)
    host_cores: dict[str, float] = field(default_factory=dict)
    uuids: dict[str, int] = field(default_factory=dict)  # the line of each guest's
    guest_clusters: dict[str, str] = field(default_factory=dict)
    datastore_clusters: dict[str, str] = field(default_factory=dict)

    def snapshot(self) -> Snapshot:
        about = self._about()
        facts = [
            *self._facts("hosts", self._host),
            *self._facts("datastores", self._datastore),
            *self._facts("guests", self._guest),
            *self._facts("disks", self._disk),
            *self._facts("nics", self._nic),
            *self._facts("snapshots", self._guest_snapshot),
            *self._facts("backups", self._backup),
            *self._facts("recorders", self._recorder),
            *self._facts("volumes", self._volume),
        ]
        usage = tuple(self._usage())
        return Snapshot(
            source=self.source,
            taken_at=self._taken_at(about, usage),
            facts=tuple(facts),
            usage=usage,
            coverage=tuple(
                Coverage("", kind.kind_name, "complete")
                for stem, kind in FACT_KINDS.items()
                if self.raw.answers.get(stem) is not None
            ),
            platform="files",
            guests_reported=len(self.guest_clusters),
            site_timezone=about.get("timezone"),
            effort=Effort(bytes=sum(len(content or "") for content in self.raw.answers.values())),
        )

    def _rows(self, stem: str) -> Iterable[Line]:
        content = self.raw.answers.get(stem)
        if content is not None and not isinstance(content, str):
            raise BadAnswer(f"{TABLES[stem].file} is no text")
        return () if content is None else map(self._past, TABLES[stem].rows(content))

    def _past(self, line: Line) -> Line:
        """The line; a backup of next year would be young until then, a fact of next year in the
        way of all that comes before it."""
        for column, value in line.values.items():
            if isinstance(value, datetime) and is_ahead(value, self.now):
                said = told_ahead(value, self.now)
                raise line.fault(column, f"{said}; correct it, or set the clock")
        return line

    def _about(self) -> Mapping[str, Any]:
        rows = list(self._rows("source"))
        if len(rows) > 1:
            raise rows[1].fault("taken_at", "source.csv has one row only")
        if not rows:
            return {}
        if (zone := rows[0]["timezone"]) is not None and zone_named(zone) is None:
            raise rows[0].fault("timezone", f"{zone!r} is not a time zone")
        return rows[0].values

    def _taken_at(self, about: Mapping[str, Any], usage: tuple[Usage, ...]) -> datetime:
        stated: datetime | None = about.get("taken_at")
        if stated is not None:
            return stated.astimezone(UTC)
        if usage:
            return max(sample.taken_at for sample in usage).astimezone(UTC)
        newest = datetime.fromtimestamp(float(self.raw.context["newest_file"]), UTC)
        if is_ahead(newest, self.now):
            raise BadAnswer(
                f"{self.raw.context['folder']}: the time of its newest file, "
                f"{told_ahead(newest, self.now)}; say in source.csv when it was taken"
            )
        return newest

    def _facts(self, stem: str, make: Callable[[Line], Record]) -> Iterable[Record]:
        seen: dict[str, int] = {}
        for line in self._rows(stem):
            fact = make(line)
            first = seen.setdefault(fact.subject, line.number)
            if first != line.number:
                column = TABLES[stem].columns[0].name
                raise line.fault(column, f"{fact.subject!r} stands already in line {first}")
            yield fact

    def _cluster(self, named: str) -> str:
        configured: str | None = self.raw.context.get("cluster")
        return configured or named

    def _known(self, line: Line, column: str, known: Mapping[str, str], file: str) -> str:
        """The cluster of what a cell points to; "" for an empty cell."""
        wanted: str | None = line[column]
        if wanted is None:
            return ""
        if wanted not in known:
            raise line.fault(column, f"{wanted!r} is not in {file}")
        return known[wanted]

    def _host(self, line: Line) -> Host:
        cluster = self._cluster(line["cluster"])
        self.host_clusters[line["host_id"]] = cluster
        _refuse_more(line, "reserved_cpu_cores", "cpu_cores")
        _refuse_more(line, "reserved_memory_bytes", "memory_bytes")
        _refuse_more(line, "cpu_cores", "cpu_threads")
        if line["cpu_cores"] is not None:
            self.host_cores[line["host_id"]] = line["cpu_cores"]
        return Host(**{**line.values, "cluster": cluster}, platform="files")

    def _datastore(self, line: Line) -> Datastore:
        cluster = self._cluster(line["cluster"])
        self.datastore_clusters[line["datastore_id"]] = cluster
        _refuse_more(line, "used_bytes", "capacity_bytes")
        for host in line["hosts"] or ():
            if host not in self.host_clusters:
                raise line.fault("hosts", f"{host!r} is not in hosts.csv")
        return Datastore(**{**line.values, "cluster": cluster}, enabled=True)

    def _guest(self, line: Line) -> Guest:
        cluster = self._known(line, "host_id", self.host_clusters, "hosts.csv")
        stated = line["cluster"]
        if not cluster and stated is None:
            raise line.fault("cluster", "is needed when host_id is empty")
        if cluster and stated is not None and self._cluster(stated) != cluster:
            raise line.fault("cluster", f"{stated!r} but its host is in {cluster!r}")
        cluster = cluster or self._cluster(stated)
        self.guest_clusters[line["guest_id"]] = cluster
        uuid = line["uuid"]
        if uuid and (first := self.uuids.setdefault(uuid.lower(), line.number)) != line.number:
            raise line.fault("uuid", f"{uuid!r} stands already in line {first}")
        return Guest(**{**line.values, "cluster": cluster})

    def _disk(self, line: Line) -> Disk:
        cluster = self._known(line, "guest_id", self.guest_clusters, "guests.csv")
        if self.datastore_clusters:
            self._known(line, "datastore_id", self.datastore_clusters, "datastores.csv")
        return Disk(**line.values, cluster=cluster, purpose="data")

    def _nic(self, line: Line) -> Nic:
        cluster = self._known(line, "guest_id", self.guest_clusters, "guests.csv")
        return Nic(**line.values, cluster=cluster)

    def _guest_snapshot(self, line: Line) -> GuestSnapshot:
        cluster = self._known(line, "guest_id", self.guest_clusters, "guests.csv")
        return GuestSnapshot(**line.values, cluster=cluster)

    def _backup(self, line: Line) -> Backup:
        """The guest of a backup may be gone: then it belongs to the only cluster, if there is."""
        cluster = self.guest_clusters.get(line["guest_id"])
        if cluster is None:
            clusters = set(self.host_clusters.values())
            if len(clusters) != 1:
                raise line.fault("guest_id", f"{line['guest_id']!r} is not in guests.csv")
            cluster = clusters.pop()
        when = line["created_at"].isoformat() if line["created_at"] else "undated"
        name = f"{line['datastore_id'] or '-'}/{line['guest_id']}/{when}"
        return Backup(**line.values, cluster=cluster, name=name)

    def _recorder(self, line: Line) -> Recorder:
        """A recorder belongs to no hypervisor: it goes by the source's cluster, or its name."""
        checked, oldest = line["checked_at"], line["oldest_recording_at"]
        if oldest is not None and checked is None:
            raise line.fault("checked_at", "is needed where oldest_recording_at is given")
        if oldest is not None and oldest > checked:
            raise line.fault("oldest_recording_at", "is after checked_at")
        attached, recording = line["cameras"], line["cameras_recording"]
        if None not in (attached, recording) and recording > attached:
            raise line.fault("cameras_recording", f"{recording} record, but of {attached} cameras")
        return Recorder(**line.values, cluster=self._cluster(self.source))

    def _volume(self, line: Line) -> Volume:
        known = self.datastore_clusters
        cluster = self._known(line, "datastore_id", known, "datastores.csv")
        return Volume(**line.values, cluster=cluster)

    def _usage(self) -> Iterable[Usage]:
        owners = {
            "host": (self.host_clusters, "hosts.csv"),
            "guest": (self.guest_clusters, "guests.csv"),
            "datastore": (self.datastore_clusters, "datastores.csv"),
        }
        seen: dict[tuple[Any, ...], int] = {}
        for line in self._rows("usage"):
            known, file = owners[line["entity"]]
            cluster = self._known(line, "entity_id", known, file)
            period = 300 if line["period_seconds"] is None else line["period_seconds"]
            if not 1 <= period <= _LONGEST_PERIOD_SECONDS:
                raise line.fault("period_seconds", "must be at least 1, and at most a year")
            self._refuse_busier(line)
            key = (line["entity"], line["entity_id"], line["taken_at"], period)
            if (first := seen.setdefault(key, line.number)) != line.number:
                raise line.fault("taken_at", f"the same sample stands already in line {first}")
            yield Usage(**{**line.values, "period_seconds": period, "cluster": cluster})

    def _refuse_busier(self, line: Line) -> None:
        """A percentage among the used cores would be taken for a load that no host can bear."""
        used, cores = line["cpu_used_cores"], self.host_cores.get(line["entity_id"])
        if line["entity"] != "host" or used is None or cores is None:
            return
        if used > cores * _ROUNDED:
            raise line.fault(
                "cpu_used_cores", f"{used:g} of {cores:g} cores; it counts cores, not percent"
            )


def _refuse_more(line: Line, part: str, whole_of: str) -> None:
    """Cells that were swapped, or of two units, are seen where a part is more than its whole."""
    some, everything = line[part], line[whole_of]
    if some is not None and everything is not None and some > everything:
        raise line.fault(part, f"{some:,.15g} is more than {whole_of}, {everything:,.15g}")
