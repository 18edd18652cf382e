"""Lifecycle of hosts: releases, pending fixes, kernels, package sources, warranties."""

from __future__ import annotations

import re
from collections.abc import Iterable

from inventory.platform_records import FailedTask, Package
from inventory.records import Host
from planner.eol import Release
from planner.estate import Estate, Platform
from planner.risks.lasting import once_lasting
from planner.risks.rule import (
    CRITICAL,
    HIGH,
    LOW,
    MEDIUM,
    Outcome,
    Rule,
    not_applicable,
    ok,
    risk,
    rule,
    unknown,
)

_BEHIND_DAYS = 30
_MIXED_DAYS = 7
_NOT_FOR_PRODUCTION = ("no-subscription", "test")  # ends of the names of package sources
_KERNEL_PACKAGE = re.compile(r"^(?:proxmox|pve)-kernel-(?P<release>\d+\.\d+(?:\.\d+-\d+-pve)?)")
_LIBVIRT = re.compile(r"\blibvirt (?P<libvirt>[\d.]+)(?:.*\bQEMU (?P<qemu>[\d.]+))?")


def _hypervisor_release(host: Host, estate: Estate) -> Release | Outcome:
    """The release a host runs, or why that cannot be told."""
    if host.status == "retired":
        return not_applicable("retired")
    if not host.version:
        return unknown("its version was not seen")
    release = estate.eol.find("proxmox-ve", host.version.split(".")[0])
    return release or unknown(f"no end-of-life date is known for {host.version}")


@rule(
    "PAT-001",
    "Hypervisor release past its end of life",
    subject="host",
    severity=CRITICAL,
    group="lifecycle",
    essential=True,
    sources=("proxmox",),
    why="It gets no security fixes any more, and every guest stands on it.",
    fix="Upgrade, one major release after the other.",
)
def hypervisor_ended(host: Host, estate: Estate) -> Outcome:
    release = _hypervisor_release(host, estate)
    if isinstance(release, Outcome):
        return release
    if release.ends is None or release.ends >= estate.as_of:
        return ok()
    return risk(version=host.version, ended_on=release.ends, data_of=estate.eol.stamp)


@rule(
    "PAT-002",
    "Hypervisor release ends within the planning horizon",
    subject="host",
    severity=HIGH,
    group="lifecycle",
    sources=("proxmox",),
    why="A major upgrade needs a budgeted window, and every guest stands on this release.",
    fix="Plan the upgrade; the horizon is hypervisor_days under [lifecycle] in the policy.",
)
def hypervisor_ends_soon(host: Host, estate: Estate) -> Outcome:
    release = _hypervisor_release(host, estate)
    if isinstance(release, Outcome):
        return release
    if release.ends is None:
        return ok()
    days = (release.ends - estate.as_of).days
    if days < 0:
        return not_applicable("it has ended: see PAT-001")
    if days > estate.policy.lifecycle.hypervisor_days:
        return ok()
    return risk(
        version=host.version,
        ends_on=release.ends,
        days_left=days,
        data_of=estate.eol.stamp,
    )


@rule(
    "PAT-006",
    "Hypervisor packages wait for their update",
    subject="host",
    severity=HIGH,
    group="lifecycle",
    essential=True,
    needs=("package",),
    sources=("proxmox",),
    why="The fixes are out, and so are descriptions of the holes they close.",
    fix="Move the guests away, update and restart, one host after the other.",
)
def packages_behind(host: Host, estate: Estate) -> Outcome:
    """Judged by the package that has waited longest. A package list that is not renewed shows
    nothing newer: then being up to date is not known."""
    packages = [p for p in estate.on_host(Package, host.cluster, host.host_id) if p.installed]
    if not packages:
        return unknown("no installed package was seen")
    behind = [p for p in packages if p.available and p.available != p.installed]
    if not behind:
        stuck = _failed_refresh(estate.on_host(FailedTask, host.cluster, host.host_id))
        return unknown(f"its package list was not renewed: {stuck}") if stuck else ok()
    longest = min(behind, key=lambda p: (estate.fact_of(p).valid_from, p.name))
    return once_lasting(
        _BEHIND_DAYS,
        longest,
        estate,
        packages=[f"{p.name} {p.installed} < {p.available}" for p in behind[:5]],
        behind=len(behind),
    )


def _failed_refresh(tasks: Iterable[FailedTask]) -> str | None:
    found = [task.outcome or "failed" for task in tasks if task.kind == "aptupdate"]
    return found[0] if found else None


@rule(
    "PAT-007",
    "Host runs an older kernel than it has installed",
    subject="host",
    severity=MEDIUM,
    group="lifecycle",
    needs=("package",),
    sources=("proxmox",),
    why="The kernel's fixes are on disk and not in use until the host restarts.",
    fix="Move the guests away and restart the host; a kernel that is pinned on purpose can be "
    "waived.",
)
def old_kernel_runs(host: Host, estate: Estate) -> Outcome:
    if host.status == "offline":
        return not_applicable("offline")
    running = _kernel(host.kernel or "")
    if running is None:
        return unknown("the running kernel was not seen, or is none of the platform's")
    packages = estate.on_host(Package, host.cluster, host.host_id)
    installed = [kernel for package in packages if (kernel := _kernel_in(package))]
    if not installed:
        return unknown("no kernel package was seen")
    newest = max(installed)
    if newest <= running:
        return ok()
    return risk(running=host.kernel, installed=_written(newest), booted_at=host.booted_at or "?")


def _kernel_in(package: Package) -> tuple[int, ...] | None:
    """The kernel that a package brings: proxmox-kernel-6.8 brings the one of its own version."""
    found = _KERNEL_PACKAGE.match(package.name)
    if found is None or not package.installed:
        return None
    return _kernel(found["release"]) or _kernel(f"{package.installed}-pve")


def _kernel(release: str) -> tuple[int, ...] | None:
    """6.8.12-4-pve as numbers that compare."""
    found = re.match(r"(\d+)\.(\d+)\.(\d+)-(\d+)-pve", release)
    return tuple(int(part) for part in found.groups()) if found else None


def _written(kernel: tuple[int, ...]) -> str:
    return f"{kernel[0]}.{kernel[1]}.{kernel[2]}-{kernel[3]}-pve"


@rule(
    "PAT-008",
    "Hosts of one cluster run different versions",
    subject="platform",
    severity=MEDIUM,
    group="lifecycle",
    sources=("proxmox", "libvirt"),
    why="Guests may move up and then not back; half an upgrade is the state nobody tests.",
    fix="Finish the upgrade on the hosts that are behind.",
)
def mixed_versions(platform: Platform, estate: Estate) -> Outcome:
    """Judged by the host that changed last: an upgrade that goes on host by host is none yet."""
    hosts = [f.record for f in estate.hosts_in(platform.cluster) if f.record.status != "retired"]
    if len(hosts) < 2:
        return not_applicable("a single host")
    versions = {host.name: host.version for host in hosts if host.version}
    if len(set(versions.values())) > 1:
        youngest = max(
            (h for h in hosts if h.version), key=lambda host: estate.fact_of(host).valid_from
        )
        told = [f"{name}: {version}" for name, version in sorted(versions.items())]
        return once_lasting(_MIXED_DAYS, youngest, estate, versions=told)
    unseen = sorted(host.name for host in hosts if not host.version)
    return unknown(f"the version of {', '.join(unseen)} was not seen") if unseen else ok()


@rule(
    "PAT-009",
    "Host without a production package source or subscription",
    subject="host",
    severity=LOW,
    group="lifecycle",
    sources=("proxmox",),
    why="Its updates are less tested, and nobody outside answers when one breaks the platform.",
    fix="Buy a subscription and use the enterprise source, or a mirror of your own that is "
    "documented; waive it where the budget decided so.",
)
def not_a_production_source(host: Host, estate: Estate) -> Outcome:
    names = host.repositories
    test = [name for name in names or () if name.endswith(_NOT_FOR_PRODUCTION)]
    if test or host.subscription not in (None, "active"):
        return risk(sources=test or "none of them", subscription=host.subscription or "not seen")
    if names is None or host.subscription is None:
        return unknown("its package sources or its subscription were not seen")
    return ok()


@rule(
    "PAT-010",
    "libvirt or QEMU older than the policy accepts",
    subject="host",
    severity=MEDIUM,
    group="lifecycle",
    sources=("libvirt",),
    why="Old releases keep known ways out of a guest, unless the distribution carries the fixes "
    "back.",
    fix="Upgrade the host's distribution; set libvirt_minimum and qemu_minimum under [lifecycle] "
    "to what it still maintains.",
)
def older_than_accepted(host: Host, estate: Estate) -> Outcome:
    rules = estate.policy.lifecycle
    wanted = {"libvirt": rules.libvirt_minimum, "qemu": rules.qemu_minimum}
    if not any(wanted.values()):
        return not_applicable("the policy names no minimum")
    found = _LIBVIRT.search(host.version or "")
    if found is None:
        return unknown("its version was not seen")
    unseen = [name for name, least in wanted.items() if least and not found[name]]
    old = {
        name: f"{found[name]} < {least}"
        for name, least in wanted.items()
        if least and found[name] and _numbers(found[name]) < _numbers(least)
    }
    if old:
        return risk(versions=[f"{name} {told}" for name, told in old.items()])
    return unknown(f"the version of {', '.join(unseen)} was not seen") if unseen else ok()


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in version.split(".") if part)


@rule(
    "PAT-014",
    "Host past its warranty or maintenance contract",
    subject="host",
    severity=MEDIUM,
    group="lifecycle",
    why="When a part fails, nobody is bound to bring another one.",
    fix="Renew the contract, keep spare parts, or plan the replacement.",
)
def out_of_warranty(host: Host, estate: Estate) -> Outcome:
    if host.status == "retired":
        return not_applicable("retired")
    places = estate.owners.hosts
    place = places.get(f"{host.cluster}/{host.name}") or places.get(host.name)
    if place is None or place.warranty_until is None:
        return unknown("its warranty_until is not declared in the estate file")
    ends = place.warranty_until
    return ok() if ends >= estate.as_of else risk(warranty_until=ends)


RULES: tuple[Rule, ...] = (
    hypervisor_ended,
    hypervisor_ends_soon,
    packages_behind,
    old_kernel_runs,
    mixed_versions,
    not_a_production_source,
    older_than_accepted,
    out_of_warranty,
)
