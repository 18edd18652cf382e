"""The answers of one poll, looked up by what they are about. What is not there is a gap."""

from __future__ import annotations

from datetime import datetime
from functools import cached_property
from typing import Any
from xml.etree.ElementTree import Element

from collectors.contract import Raw
from collectors.libvirt.disks import disks_of
from collectors.libvirt.domains import Domain
from collectors.libvirt.refusals import GONE, UNSUPPORTED
from collectors.libvirt.settings import CONFINING
from collectors.libvirt.storage import Storages, pool_of
from collectors.libvirt.values import attribute, child, items, text, tree, uuid_of, version
from collectors.libvirt.volumes import mentioned_in, unknown_images
from collectors.untrusted import mapping, number, whole
from inventory.records import Disk, Host

_SHARING = "host/memory_parameters"
_MIB = 1024**2
_KIB = 1024


class Answers:
    """The answers of one poll, looked up by what they are about."""

    def __init__(self, raw: Raw, source: str, taken_at: datetime) -> None:
        self._asked = raw.answers
        self.context = raw.context
        self.source = source
        self.taken_at = taken_at

    def value(self, key: str) -> Any:
        """The answer's value; None when it was refused or never came."""
        return mapping(self._asked.get(key)).get("value")

    def trouble(self, key: str, form: type = object) -> str:
        """Why there is no answer of that form; "" when there is one."""
        answer = mapping(self._asked.get(key))
        if answer.get("value") is not None and isinstance(answer["value"], form):
            return ""
        return text(answer.get("error")) or "no answer that can be read"

    def at(self, key: str) -> float:
        """When an answer came, in seconds since 1970."""
        stated = number(mapping(self._asked.get(key)).get("at"))
        return self.taken_at.timestamp() if stated is None else stated

    def _code(self, key: str) -> int | None:
        return whole(mapping(self._asked.get(key)).get("code"))

    # The host

    @property
    def is_fake(self) -> bool:
        """Whether libvirt's test driver answered."""
        named = text(self.value("connection/driver"))
        return self.context.get("transport") == "test" or (named or "").upper() == "TEST"

    @property
    def _is_encrypted(self) -> bool | None:
        """Whether no one can listen; on a socket of this machine there is no line for it."""
        if self.context.get("transport") != "tcp":
            return True
        stated = whole(self.value("connection/encrypted"))
        return None if stated is None else stated == 1

    @property
    def transport(self) -> str:
        """How the host was reached, and whether in clear."""
        transport = text(self.context.get("transport")) or "unknown"
        return transport if self._is_encrypted else f"{transport}, in clear"

    @cached_property
    def program(self) -> str:
        """Which libvirt answered, and of which hypervisor, with their versions."""
        driver = text(self.value("connection/driver")) or "hypervisor"
        library, hypervisor = (
            version(self.value("host/libvirt")),
            version(self.value("host/hypervisor")),
        )
        parts = [f"libvirt {library}" if library else "libvirt"]
        if hypervisor and not self.is_fake:
            parts.append(f"{driver} {hypervisor}")
        return ", ".join(parts)

    @cached_property
    def cluster(self) -> str:
        """The configured name, else the host's own, else the one known before."""
        named = (self.context.get("cluster"), self.value("host/name"))
        known = self.context.get("known_cluster")
        return next((name for n in (*named, known) if (name := text(n))), self.source)

    @cached_property
    def _capabilities(self) -> Element | None:
        return tree(self.value("host/capabilities"), "capabilities")

    @cached_property
    def _host_id(self) -> str | None:
        """The host's UUID: its name may change, and need not be its alone.

        The test driver has none; the source's name stands for it.
        """
        if self.is_fake:
            return self.source
        return uuid_of(child(self._capabilities, "host/uuid"))

    @property
    def name_their_host(self) -> bool:
        """Whether they tell which host gave them."""
        return self._host_id is not None and self._host_name is not None

    @property
    def _host_name(self) -> str | None:
        return text(self.value("host/name"))

    @cached_property
    def host(self) -> Host:
        info = items(self.value("host/info"))
        threads = whole(info[2]) if len(info) == 8 else None
        return Host(
            host_id=self._host_id or "",
            name=self._host_name or "",
            cluster=self.cluster,
            status="in_service",
            cpu_cores=self._cores(info, threads),
            cpu_threads=threads or None,
            memory_bytes=self._memory(info),
            cpu_mhz=number(info[3]) or None if len(info) == 8 else None,
            cpu_model=child(self._capabilities, "host/cpu/model"),
            platform="libvirt",
            version=self.program,
            transport=text(self.context.get("transport")),
            transport_encrypted=self._is_encrypted,
            confinement=self._confinement,
            ksm_shared_bytes=self._shared_memory,
        )

    @property
    def _confinement(self) -> str | None:
        """The security model that holds guests' processes back; the test driver's is made up."""
        if self._capabilities is None or self.is_fake:
            return None
        models = [child(model, "model") for model in self._capabilities.findall("host/secmodel")]
        return next((m for m in CONFINING if m in models), "none" if any(models) else None)

    @property
    def sharing_trouble(self) -> str:
        """Why it is not told what guests share; "" also where there is nothing to tell it."""
        return "" if self._code(_SHARING) in UNSUPPORTED else self.trouble(_SHARING, dict)

    @property
    def _shared_memory(self) -> int | None:
        """What guests save by sharing pages that are alike."""
        pages = whole(mapping(self.value(_SHARING)).get("shm_pages_sharing"))
        if not pages:
            return pages
        found = [] if self._capabilities is None else self._capabilities.findall("host/cpu/pages")
        sizes = [size for page in found if (size := _page_bytes(page))]
        return pages * min(sizes) if sizes else None

    def _cores(self, info: list[Any], threads: int | None) -> float | None:
        """Physical cores: processors that share one are each other's siblings.

        Where those are not told, or of other processors, it is nodes × sockets × cores.
        """
        found = (
            []
            if self._capabilities is None
            else self._capabilities.findall("host/topology/cells/cell/cpus/cpu")
        )
        siblings = [s for cpu in found if (s := attribute(cpu, ".", "siblings"))]
        if siblings and len(siblings) == threads and not self.is_fake:
            return float(len(set(siblings)))
        parts = [whole(part) for part in info[4:7]] if len(info) == 8 else []
        if not parts or not all(parts):
            return None
        nodes, sockets, cores = (part or 0 for part in parts)
        return float(nodes * sockets * cores)

    @property
    def memory_key(self) -> str:
        """Which answer tells the host's memory: only where there is no other, the one whose
        figures are those of the NUMA nodes, which may be less."""
        asked = "host/memory" in self._asked and not self.is_fake
        return (
            "host/memory" if asked and self._code("host/memory") not in UNSUPPORTED else "host/info"
        )

    def _memory(self, info: list[Any]) -> int | None:
        if self.memory_key == "host/memory":
            total = whole(mapping(self.value("host/memory")).get("total"))
            return total * _KIB if total else None
        mib = whole(info[1]) if len(info) == 8 else None
        return mib * _MIB if mib else None

    # Guests

    @cached_property
    def domains(self) -> tuple[Domain, ...]:
        """The guests of this host: during a migration each is on one of both hosts."""
        return tuple(d for d in self.defined if not d.has_left and not d.is_arriving)

    @cached_property
    def defined(self) -> tuple[Domain, ...]:
        """All domains, without those that went while they were asked about."""
        found: dict[str, Domain] = {}
        for about in items(self.value("domains")):
            domain = self._domain(mapping(about))
            if domain is not None:
                found.setdefault(domain.uuid, domain)
        return tuple(found[uuid] for uuid in sorted(found))

    def _domain(self, about: Any) -> Domain | None:
        uuid = uuid_of(about.get("uuid"))
        if uuid is None or self._code(f"domain/{uuid}/xml") in GONE:
            return None
        autostarted, lasting = (self.value(f"domains/{x}") for x in ("autostarted", "persistent"))
        return Domain(
            uuid=uuid,
            name=text(about.get("name")),
            domain_id=_domain_id(about.get("id")),
            xml=tree(self.value(f"domain/{uuid}/xml"), "domain"),
            statistics={
                **mapping(mapping(self.value("statistics/state")).get(uuid)),
                **mapping(mapping(self.value("statistics/all")).get(uuid)),
            },
            autostart=uuid in autostarted if isinstance(autostarted, list) else None,
            persistent=uuid in lasting if isinstance(lasting, list) else None,
            is_fake=self.is_fake,
        )

    @property
    def drives(self) -> list[Element]:
        """The disks of all guests."""
        return [drive for domain in self.domains for drive in domain.drives]

    @property
    def with_snapshots(self) -> list[Any]:
        return items(self.value("domains/with_snapshots"))

    @property
    def statistics_at(self) -> float:
        """When the statistics of guests came, in seconds since 1970."""
        return self.at("statistics/state" if self.statistics_trouble else "statistics/all")

    @property
    def statistics_trouble(self) -> str:
        """Why the monitors' statistics did not come."""
        return "" if self.is_fake else self.trouble("statistics/all", dict)

    def disks_of(self, domain: Domain) -> tuple[Disk, ...]:
        return tuple(disks_of(domain, self.cluster, self.storages))

    # Storage

    @cached_property
    def storages(self) -> Storages:
        pools = mapping(self.value("pools"))
        return Storages(
            [
                pool_of(
                    str(name),
                    is_active if isinstance(is_active, bool) else None,
                    xml=self.value(f"pool/{name}/xml"),
                    info=self.value(f"pool/{name}/info"),
                    volumes=self.value(f"pool/{name}/volumes"),
                    trouble=self.trouble(f"pool/{name}/info", list),
                )
                for name, is_active in pools.items()
            ],
            self.host.host_id,
            self.host.name,
        )

    @property
    def volumes_trouble(self) -> str:
        """Why it cannot be told which volumes no guest refers to; "" when it can."""
        for key in ("domains", "domains/with_snapshots"):
            if trouble := self.trouble(key, list):
                return trouble
        unread = [domain.name or domain.uuid for domain in self.defined if domain.xml is None]
        if unread:
            return f"any may be used by guests whose definition was not read: {_few(unread)}"
        silent = [d.name or d.uuid for d in self.defined if not self._has_told_snapshots(d)]
        if silent:
            return f"any may be used by snapshots that were not read: {_few(silent)}"
        below = unknown_images(self.defined, self.storages)
        return f"any may be below the images of {_few(below)}" if below else ""

    def _has_told_snapshots(self, domain: Domain) -> bool:
        if domain.uuid not in self.with_snapshots:
            return True
        told = self.value(f"domain/{domain.uuid}/snapshots")
        return isinstance(told, list) and all(tree(s, "domainsnapshot") is not None for s in told)

    @cached_property
    def mentioned(self) -> frozenset[str]:
        """The volumes that a definition or a snapshot mentions."""
        documents = [domain.xml for domain in self.defined if domain.xml is not None]
        for domain in self.defined:
            told = items(self.value(f"domain/{domain.uuid}/snapshots"))
            documents += [xml for s in told if (xml := tree(s, "domainsnapshot")) is not None]
        return mentioned_in(documents, self.storages)


def _few(names: list[str]) -> str:
    """A few of the names, and how many more there are."""
    more = f" and {len(names) - 4} more" if len(names) > 4 else ""
    return f"{', '.join(names[:4])}{more}"


def _page_bytes(page: Element) -> int | None:
    size = whole(page.get("size"))
    return None if page.get("unit") != "KiB" or size is None else size * _KIB


def _domain_id(value: Any) -> int | None:
    """A running domain's id; libvirt says -1 for one that is shut off."""
    return whole(value)
