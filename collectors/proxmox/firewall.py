"""Firewall settings and rules, which have one form at every level: cluster, host, guest, group."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from collectors.proxmox.values import flag, rows, text
from collectors.untrusted import mapping, whole
from inventory.platform_records import Firewall, FirewallRule


def firewall_of(level: str, cluster: str, body: Any) -> Iterator[Firewall]:
    """…/firewall/options. Only what was set is answered, so what is absent has its default:
    off for the cluster and for guests, on for hosts; drop what comes in, let out what goes."""
    if not isinstance(body, dict):
        return
    is_host, is_guest = level.startswith("host/"), level.startswith("guest/")
    yield Firewall(
        level=level,
        cluster=cluster,
        enabled=_is_on(body.get("enable", int(is_host))),
        policy_in="" if is_host else text(body.get("policy_in", "DROP")),
        policy_out="" if is_host else text(body.get("policy_out", "ACCEPT")),
        address_filter=flag(body.get("ipfilter", 0)) if is_guest else None,
        mac_filter=flag(body.get("macfilter", 1)) if is_guest else None,
        log_in="" if level == "cluster" else text(body.get("log_level_in", "nolog")),
    )


def _is_on(value: Any) -> bool | None:
    """The cluster's switch is a number: 0 is off, any other is on."""
    amount = whole(value) if not isinstance(value, bool) else int(value)
    return None if amount is None else amount > 0


def rules_of(level: str, cluster: str, body: Any) -> Iterator[FirewallRule]:
    """…/firewall/rules and cluster/firewall/groups/NAME, without what people wrote beside them."""
    for row in rows(body):
        position = whole(row.get("pos"))
        if position is not None:
            yield FirewallRule(
                level=level,
                position=position,
                cluster=cluster,
                enabled=_is_on(row.get("enable")),
                direction=text(row.get("type")),
                action=text(row.get("action")),
                macro=text(row.get("macro")) or "",
                protocol=text(row.get("proto")) or "",
                source=text(row.get("source")) or "",
                destination=text(row.get("dest")) or "",
                ports=text(row.get("dport")) or "",
                interface=text(row.get("iface")) or "",
                log=text(row.get("log")) or "",
            )


def group_names(body: Any) -> list[str]:
    """The security groups in cluster/firewall/groups, sorted."""
    found = (text(mapping(row).get("group")) for row in rows(body))
    return sorted({name for name in found if name})
