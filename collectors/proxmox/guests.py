"""Guests, their interfaces and snapshots, from list rows and configurations."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from collectors.proxmox.settings import container_settings, machine_settings
from collectors.proxmox.values import flag, properties, stated, text, words
from collectors.untrusted import instant, whole
from inventory.records import Guest, GuestSnapshot, Nic

_NIC = re.compile(r"^net\d+$")
_MAC = re.compile(r"^[0-9A-Fa-f]{2}(:[0-9A-Fa-f]{2}){5}$")
_LARGEST_VLAN = 4094

Config = Mapping[str, Any]


def guest_of(
    row: Config,
    config: Config | None,
    cluster: str,
    *,
    pending: list[Config] | None = None,
    told_by_agent: Config | None = None,
) -> Guest:
    """A guest from its row in /cluster/resources, its configuration, and what waits for a restart.

    The row caps vCPUs at the host's threads and knows the boot disk only, so sizes come from the
    configuration; without one they are not known.
    """
    is_container = row.get("type") == "lxc"
    settings: dict[str, Any] = {}
    if config is not None:
        settings = container_settings(config) if is_container else machine_settings(config)
    return Guest(
        guest_id=guest_id_of(row),
        name=text(row.get("name")) or None,
        cluster=cluster,
        host_id=text(row.get("node")),
        kind="container" if is_container else "vm",
        power=_power(row.get("status")),
        template=_template(row),
        tags=None if stated(row.get("tags")) is None else words(row.get("tags"), ";"),
        resource_pool=stated(row.get("pool")),
        ha_state=stated(row.get("hastate")),
        lock=stated(row.get("lock")),
        pending=_pending(pending),
        **(settings | _os(told_by_agent)),
    )


def guest_id_of(row: Config) -> str:
    """The id in a guest's row in /cluster/resources; "" where it, or its node, cannot be read."""
    vmid, node = row.get("vmid"), row.get("node")
    readable = isinstance(node, str) and node.isprintable() and node and not isinstance(vmid, bool)
    return str(vmid) if readable and re.fullmatch(r"[1-9]\d{0,9}", str(vmid)) else ""


def _pending(rows: list[Config] | None) -> tuple[str, ...] | None:
    """The settings that wait for a restart; () for none."""
    if rows is None:
        return None
    return tuple(sorted({name for row in rows if (name := text(row.get("key")))}))


def _os(told: Config | None) -> dict[str, str]:
    """The operating system as the guest itself names it, where its agent was asked."""
    name = text((told or {}).get("pretty-name")) or text((told or {}).get("name"))
    return {"os": name, "os_source": "agent"} if name else {}


def _power(status: Any) -> Any:
    """ "unknown" is what a row says when its node's statistics are older than five minutes."""
    return status if status in ("running", "stopped", "paused") else None


def _template(row: Config) -> bool | None:
    """A row whose statistics are gone does not say whether it is a template."""
    return flag(row.get("template")) if "template" in row or "name" not in row else False


def nics_of(guest: Guest, config: Config) -> Iterator[Nic]:
    """Every network interface in a configuration."""
    for slot in sorted(key for key in config if _NIC.match(str(key))):
        given = properties(config[slot])
        model = next((key for key, value in given.items() if _MAC.match(value)), None)
        mac = given.get("hwaddr") or (given.get(model) if model else None)
        yield Nic(
            nic_id=f"{guest.guest_id}/{slot}",
            guest_id=guest.guest_id,
            cluster=guest.cluster,
            network=given.get("bridge", ""),
            vlan=_vlan(given.get("tag", "0")),
            trunks=given.get("trunks", ""),
            mac=mac.upper() if mac else None,
            model=given.get("type") if guest.kind == "container" else model or given.get(""),
            firewall=flag(given.get("firewall", "0")),
            link_down=flag(given.get("link_down", "0")),
            attachment="bridge",
        )


def _vlan(value: str) -> int | None:
    tag = whole(value)
    return tag if tag is not None and tag <= _LARGEST_VLAN else None


def snapshots_of(guest: Guest, rows: list[Config]) -> Iterator[GuestSnapshot]:
    """A guest's snapshots; ``current`` stands for the running state and is none."""
    for row in sorted(rows, key=lambda row: str(row.get("name"))):
        name = text(row.get("name"))
        if not name or name == "current":
            continue
        taken = whole(row.get("snaptime"))
        yield GuestSnapshot(
            guest_id=guest.guest_id,
            cluster=guest.cluster,
            name=name,
            created_at=instant(taken),
            memory_state=flag(row.get("vmstate", 0)),
            parent=stated(row.get("parent")),
        )
