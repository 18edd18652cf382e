"""The Proxmox VE collector: reads a cluster through one of its nodes with an API token.

``wire`` speaks HTTP and can only GET, ``fetch`` decides what to ask, ``parse`` turns answers into
facts, ``visibility`` says what the token could not see, ``rrd`` reads the platform's own history.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from datetime import datetime
from pathlib import Path
from urllib.parse import urlsplit

from pydantic import Field, field_validator, model_validator

from collectors.contract import Budget, History, HistoryStep, Options, Raw, Source
from inventory.records import Snapshot

_REFERENCE = re.compile(r"^(env|file|credential):.+")
_USER = re.compile(r"[^@!\s]+@[^@!\s]+")
_TOKEN_NAME = re.compile(r"[A-Za-z][A-Za-z0-9._-]*")
_FINGERPRINT = re.compile(r"^([0-9A-F]{2}:){31}[0-9A-F]{2}$")


class ProxmoxOptions(Options):
    """One Proxmox VE cluster, or a single node."""

    url: tuple[str, ...] = Field(description="https://HOST:8006, one or several, tried in turn")
    user: str = Field(description="such as lumbung@pve")
    token_name: str = Field(description="such as collect")
    token: str = Field(description="env:NAME, file:PATH (0600) or credential:NAME")
    verify: bool = Field(True, description="whether the server's certificate is verified")
    ca_file: Path | None = Field(None, description="the authority that signed it")
    fingerprint: str | None = Field(
        None, description="SHA-256 of the certificate itself, for a self-signed one"
    )

    @field_validator("url", mode="before")
    @classmethod
    def _one_or_several(cls, value: object) -> object:
        return (value,) if isinstance(value, str) else value

    @field_validator("url")
    @classmethod
    def _are_plain_https(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        if not value:
            raise ValueError("needs at least one https://HOST:8006")
        for url in value:
            _refuse_odd_address(url)
        return tuple(url.rstrip("/") for url in value)

    @field_validator("user")
    @classmethod
    def _is_a_user(cls, value: str) -> str:
        if not _USER.fullmatch(value):
            raise ValueError("must be USER@REALM, such as lumbung@pve, without !TOKEN")
        return value

    @field_validator("token_name")
    @classmethod
    def _is_a_token_name(cls, value: str) -> str:
        if not _TOKEN_NAME.fullmatch(value):
            raise ValueError("must be what follows the ! of lumbung@pve!collect, such as collect")
        return value

    @field_validator("token")
    @classmethod
    def _is_a_reference(cls, value: str) -> str:
        if not _REFERENCE.match(value):
            raise ValueError(
                "the secret itself is written into the configuration; keep it outside and refer "
                "to it by env:NAME, file:PATH or credential:NAME (and renew it: others may have "
                "read it)"
            )
        return value

    @field_validator("fingerprint")
    @classmethod
    def _is_sha256(cls, value: str | None) -> str | None:
        if value is not None and not _FINGERPRINT.match(value.upper()):
            raise ValueError("must be a SHA-256 fingerprint: 32 pairs of hex digits, AA:BB:…")
        return value.upper() if value else value

    @model_validator(mode="after")
    def _verifies_one_way(self) -> ProxmoxOptions:
        if self.ca_file is not None and self.fingerprint is not None:
            raise ValueError("ca_file and fingerprint exclude each other")
        return self

    def secret_references(self) -> Mapping[str, str]:
        return {"token": self.token}

    @property
    def unverified(self) -> bool:
        """Whether anyone in between could pose as the server."""
        return not self.verify and self.fingerprint is None

    @property
    def token_id(self) -> str:
        return f"{self.user}!{self.token_name}"


def _refuse_odd_address(url: str) -> None:
    """Raises ValueError unless it is https://HOST[:PORT]; never shows what may be a secret."""
    parts = urlsplit(url)
    try:
        port_is_odd = parts.port == 0
    except ValueError:
        port_is_odd = True
    if parts.username or parts.password:
        raise ValueError("holds a name or password; use user, token_name and token")
    beyond = parts.path.rstrip("/") or parts.query or parts.fragment
    if parts.scheme != "https" or not parts.hostname or port_is_odd or beyond:
        raise ValueError("each must be https://HOST:8006, with nothing after the port")


class ProxmoxCollector:
    """Reads Proxmox VE 7.4, 8 and 9."""

    options = ProxmoxOptions
    reports = frozenset(
        {
            "host.cpu_cores", "host.memory_bytes", "host.version", "host.cpu_sockets",
            "host.kernel", "host.swap_bytes", "host.root_bytes", "host.root_used_bytes",
            "host.booted_at", "host.boot_mode", "host.secure_boot", "host.ksm_shared_bytes",
            "host.cpu_pressure_ratio", "host.memory_pressure_ratio", "host.io_pressure_ratio",
            "host.subscription", "host.repositories", "host.transport",
            "host.transport_encrypted", "guest.vcpus",
            "guest.memory_bytes", "guest.tags", "guest.resource_pool", "guest.ha_state",
            "guest.unprivileged", "guest.os", "guest.os_source", "guest.uuid", "guest.cpu_model",
            "guest.cpu_limit_cores", "guest.machine", "guest.firmware", "guest.secure_boot",
            "guest.vtpm", "guest.memory_encryption", "guest.confinement", "guest.ballooning",
            "guest.swap_bytes", "guest.agent", "guest.protection", "guest.hook_script",
            "guest.features", "guest.raw_arguments", "guest.raw_options", "guest.passthrough",
            "guest.host_paths", "guest.consoles", "guest.clipboard", "guest.media",
            "guest.pending", "guest.hints", "guest.autostart", "guest.lock", "guest.pinned_cpus",
            "filesystem.kind", "filesystem.capacity_bytes", "filesystem.used_bytes",
            "disk.format", "disk.backing", "disk.host_device", "disk.linked_clone_of",
            "disk.shareable", "disk.replicated", "disk.volume", "nic.trunks", "nic.link_down",
            "firewall.address_filter", "firewall.mac_filter", "guest_snapshot.memory_state",
            "ha_resource.requested", "ha_resource.max_restart", "ha_rule.hosts",
            "ha_rule.guest_ids", "ha_rule.strict", "replication.enabled",
            "replication.last_sync_at", "replication.failures", "replication.error",
            "principal.enabled", "principal.expires", "principal.privilege_separated",
            "principal.members", "principal.second_factors", "principal.locked",
            "principal.purpose_stated", "role.privileges", "grant.propagates", "realm.encrypted",
            "realm.verified", "realm.second_factor", "disk.capacity_bytes", "disk.backup",
            "disk.cache",
            "nic.network", "nic.vlan", "nic.firewall", "datastore.capacity_bytes",
            "datastore.used_bytes", "datastore.retention", "datastore.backend",
            "datastore.encrypted_backups", "guest_snapshot.created_at", "backup.created_at",
            "backup.bytes", "backup.encrypted", "backup.verified", "backup.protected",
            "backup_job.schedule", "cluster_state.quorate", "cluster_state.hosts_expected",
            "cluster_state.quorum_device", "cluster_state.migration_encrypted",
            "cluster_state.metric_targets", "cluster_state.ha_master", "certificate.expires_at",
            "certificate.issuer", "package.installed", "package.available", "service.state",
            "host_network.ports", "host_network.addresses", "host_network.vlan_aware",
            "physical_disk.health", "physical_disk.wearout_ratio", "storage_health.health",
            "storage_health.metadata_used_ratio", "storage_health.fragmentation_ratio",
            "failed_task.outcome", "firewall.enabled", "firewall.policy_in",
            "firewall_rule.action", "firewall_rule.source", "firewall_rule.ports",
        }
    )  # fmt: skip

    def fetch(self, source: Source[ProxmoxOptions], budget: Budget) -> Raw:
        """Everything one poll asks. Raises CollectError when nothing could be had."""
        from collectors.proxmox.fetch import fetch

        return fetch(source, budget)

    def parse(self, raw: Raw, *, source: str, taken_at: datetime) -> Snapshot:
        """The facts in the answers; what was refused or missing becomes a gap."""
        from collectors.proxmox.parse import parse

        return parse(raw, source=source, taken_at=taken_at)

    def history_steps(self, snapshot: Snapshot) -> tuple[HistoryStep, ...]:
        """Hosts first, then datastores, then guests: what forecasts need most."""
        from collectors.proxmox.rrd import history_steps

        return history_steps(snapshot)

    def fetch_history(
        self, source: Source[ProxmoxOptions], steps: tuple[HistoryStep, ...], budget: Budget
    ) -> Iterator[tuple[HistoryStep, Raw]]:
        """The RRD answers of each step that could be asked."""
        from collectors.proxmox.rrd import fetch_history

        return fetch_history(source, steps, budget)

    def parse_history(self, step: HistoryStep, raw: Raw) -> History:
        """What a step's answers tell: the finest samples for every time, and peaks."""
        from collectors.proxmox.rrd import parse_history

        return parse_history(step, raw)
