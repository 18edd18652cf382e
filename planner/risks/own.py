"""The tool's own hygiene: it holds a map of every weak point, so it is judged too."""

from __future__ import annotations

from planner.estate import Estate, SourceHealth, ToolFacts
from planner.risks.rule import HIGH, MEDIUM, Outcome, Rule, not_applicable, ok, risk, rule


@rule(
    "OWN-002",
    "A source is read without verified encryption",
    subject="tool",
    severity=HIGH,
    group="own",
    essential=True,
    refs=("ISO 27001 A.8.24", "NIST SC-8"),
    why="Whoever stands in between can read the token and the inventory, or feed a false one.",
    fix="Set ca_file or fingerprint for a Proxmox source; use qemu+tls or qemu+ssh for libvirt.",
)
def unverified_source(tool: ToolFacts, estate: Estate) -> Outcome:
    if not (tool.unverified_tls or tool.unencrypted):
        return ok()
    return risk(not_verified=tool.unverified_tls or "none", in_clear=tool.unencrypted or "none")


@rule(
    "OWN-004",
    "The inventory can be read by everyone on this machine",
    subject="tool",
    severity=HIGH,
    group="own",
    essential=True,
    refs=("ISO 27001 A.8.3", "NIST AC-6"),
    why="The inventory lists every machine and its weak points.",
    fix="Run chmod 600 on inventory.db (or 640 with a group for those who may plan).",
)
def readable_store(tool: ToolFacts, estate: Estate) -> Outcome:
    if tool.store_mode is None:
        return not_applicable("the inventory is on a database server")
    return risk(mode=f"{tool.store_mode:04o}") if tool.store_mode & 0o007 else ok()


@rule(
    "OWN-006",
    "The planner runs as root",
    subject="tool",
    severity=HIGH,
    group="own",
    essential=True,
    refs=("ISO 27001 A.8.2", "NIST AC-6(5)"),
    why="It needs no right on this machine; as root a flaw in it would have all of them.",
    fix="Run it as a user of its own; config/ has systemd units that do.",
)
def runs_as_root(tool: ToolFacts, estate: Estate) -> Outcome:
    if tool.runs_as_root is None:
        return not_applicable("this system has no root")
    return risk(MEDIUM, user="root") if tool.runs_as_root else ok()


@rule(
    "OWN-013",
    "A source shows only part of what it holds",
    subject="source",
    severity=HIGH,
    group="own",
    essential=True,
    refs=("ISO 27001 A.8.16", "NIST AU-12"),
    why="What the token cannot see is missing from every figure and every rule below.",
    fix="Grant the missing privileges; `lumbung sources check` prints the commands.",
)
def partial_visibility(health: SourceHealth, estate: Estate) -> Outcome:
    """What no right that only reads would show is no fault of the source."""
    hidden = [
        gap
        for gap in health.state.gaps
        if gap.state in ("hidden", "partial") and not gap.is_beyond_reach
    ]
    if not hidden:
        return ok()
    return risk(hidden=sorted({f"{gap.kind}: {gap.reason}" for gap in hidden}))


RULES: tuple[Rule, ...] = (unverified_source, readable_store, runs_as_root, partial_visibility)
