"""Hosts: what confines the guests' processes, and the certificates that the platform shows."""

from __future__ import annotations

from datetime import timedelta

from inventory.platform_records import Certificate
from inventory.records import Host
from planner.estate import Estate
from planner.risks.rule import (
    CRITICAL,
    HIGH,
    LOW,
    Outcome,
    Rule,
    not_applicable,
    ok,
    risk,
    rule,
    unknown,
)

_RENEW_DAYS = 30
_OWN_AUTHORITY = "PVE Cluster Manager CA"
_SHOWN = ("pveproxy-ssl.pem", "pve-ssl.pem")  # what the API shows: the first that is there


@rule(
    "HYP-001",
    "Host that confines none of its guests",
    subject="host",
    severity=HIGH,
    group="hypervisor",
    essential=True,
    sources=("libvirt",),
    mutes=("HYP-002",),
    why="Whoever breaks out of one guest may read the disks of all others on the host.",
    fix="Switch AppArmor or SELinux on, set security_driver in qemu.conf, and start the guests "
    "anew.",
)
def confines_nothing(host: Host, estate: Estate) -> Outcome:
    if host.confinement is None:
        return unknown("its security model was not seen")
    return risk(confinement="none") if host.confinement == "none" else ok()


@rule(
    "HYP-011",
    "Certificate of the platform has expired, or soon will",
    subject="host",
    severity=HIGH,
    group="hypervisor",
    essential=True,
    needs=("certificate",),
    sources=("proxmox",),
    why="Then programs refuse to connect, or are taught not to check any more; the latter stays.",
    fix="Renew it (pvecm updatecerts, or the ACME account), and tell whoever pinned its "
    "fingerprint.",
)
def certificate_expires(host: Host, estate: Estate) -> Outcome:
    found = estate.on_host(Certificate, host.cluster, host.host_id)
    if not found:
        return not_applicable("offline") if host.status == "offline" else unknown("none was seen")
    soon = estate.at + timedelta(days=_RENEW_DAYS)
    ending = [c for c in found if c.expires_at is not None and c.expires_at < soon]
    if ending:
        first = min(c.expires_at for c in ending if c.expires_at is not None)
        files = [f"{c.file} until {c.expires_at:%Y-%m-%d}" for c in ending]
        return risk(CRITICAL if first < estate.at else None, certificates=sorted(files))
    unseen = [c.file for c in found if c.expires_at is None]
    return unknown(f"until when {', '.join(unseen)} counts was not seen") if unseen else ok()


@rule(
    "HYP-012",
    "Platform shows a certificate of its own authority",
    subject="host",
    severity=LOW,
    group="hypervisor",
    needs=("certificate",),
    sources=("proxmox",),
    why="Browsers warn of it, and administrators learn to click warnings away.",
    fix="Give the hosts certificates of an authority that the workplaces know: ACME, or the "
    "city's own.",
)
def own_authority(host: Host, estate: Estate) -> Outcome:
    found = {c.file: c for c in estate.on_host(Certificate, host.cluster, host.host_id)}
    shown = next((found[name] for name in _SHOWN if name in found), None)
    if shown is None:
        return not_applicable("offline") if host.status == "offline" else unknown("none was seen")
    if shown.issuer is None:
        return unknown("its issuer was not seen")
    is_own = _OWN_AUTHORITY in shown.issuer or shown.issuer == shown.subject_name
    return risk(file=shown.file, issuer=shown.issuer) if is_own else ok()


RULES: tuple[Rule, ...] = (confines_nothing, certificate_expires, own_authority)
