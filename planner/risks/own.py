"""The tool's own hygiene: it holds a map of every weak point, so it is judged too, on every run."""

from __future__ import annotations

from datetime import timedelta

from inventory.platform_records import Principal
from planner.estate import Estate, SourceHealth, ToolFacts
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
from planner.risks.waivers import WaiverView

WAIVER_RULE = "OWN-011"  # about waivers: what it finds cannot be waived
_TOKEN_DAYS = 180
# What sizes, encryption and verification of backups cannot be read without.
_GRANTED_KNOWINGLY = ("Datastore.AllocateSpace ", "VM.Backup ")


@rule(
    "OWN-001",
    "The token of a source may do more than read",
    subject="source",
    severity=HIGH,
    group="own",
    essential=True,
    sources=("proxmox",),
    why="Whoever steals the token can change or delete what it should only count.",
    fix="Give the token and its user the role PVEAuditor and nothing else; `lumbung sources check` "
    "prints the commands.",
)
def token_may_write(health: SourceHealth, estate: Estate) -> Outcome:
    """The two rights that show sizes of backups are granted knowingly: told, but milder."""
    excess = health.state.excess_rights
    if excess is None:
        return unknown("its rights were not shown")
    if not excess:
        return ok()
    knowingly = all(right.startswith(_GRANTED_KNOWINGLY) for right in excess)
    return risk(MEDIUM if knowingly else None, beyond_reading=excess)


@rule(
    "OWN-002",
    "A source is read without verified encryption",
    subject="tool",
    severity=HIGH,
    group="own",
    essential=True,
    why="Whoever stands in between can read the token and the inventory, or feed a false one.",
    fix="Set ca_file or fingerprint for a Proxmox source; use qemu+tls or qemu+ssh for libvirt.",
)
def unverified_source(tool: ToolFacts, estate: Estate) -> Outcome:
    if not (tool.unverified_tls or tool.unencrypted):
        return ok()
    return risk(not_verified=tool.unverified_tls or "none", in_clear=tool.unencrypted or "none")


@rule(
    "OWN-003",
    "A secret can be read by others on this machine",
    subject="tool",
    severity=CRITICAL,
    group="own",
    essential=True,
    why="Whoever reads it sees all that the program sees, from anywhere the platform is reached.",
    fix="Run chmod 600 on the file, and renew the secret: others may have read it.",
)
def readable_secret(tool: ToolFacts, estate: Estate) -> Outcome:
    return risk(files=tool.open_secrets) if tool.open_secrets else ok()


@rule(
    "OWN-004",
    "The inventory or a report can be read by everyone on this machine",
    subject="tool",
    severity=HIGH,
    group="own",
    essential=True,
    why="They list every machine and its weak points.",
    fix="Run chmod o-rwx on the files and folders named here; a group may read them where it is "
    "to plan.",
)
def readable_store(tool: ToolFacts, estate: Estate) -> Outcome:
    if tool.open_files:
        return risk(files=tool.open_files)
    return not_applicable("the inventory is on a database server") if tool.is_remote else ok()


@rule(
    "OWN-005",
    "The token of a source lives too long",
    subject="source",
    severity=MEDIUM,
    group="own",
    sources=("proxmox",),
    why="A token that was copied once works until it expires.",
    fix="Make a new token that expires within 180 days, put it in place, and remove the old one.",
)
def token_lives_long(health: SourceHealth, estate: Estate) -> Outcome:
    token_id = estate.tool.tokens.get(health.state.name)
    facts = estate.facts.of(Principal)
    token = next(
        (
            f.record
            for f in facts
            if (f.source, f.record.principal_id) == (health.state.name, token_id)
        ),
        None,
    )
    if token is None or token.expires is None:
        return unknown("its token was not shown")
    if not token.expires:
        return risk(token=token_id, expires="never")
    if token.expires_at is None:
        return unknown("the day it expires was not shown")
    if token.expires_at - estate.at <= timedelta(days=_TOKEN_DAYS):
        return ok()
    return risk(token=token_id, expires_on=token.expires_at.date())


@rule(
    "OWN-006",
    "The program runs as root, or reads a source as root",
    subject="tool",
    severity=HIGH,
    group="own",
    essential=True,
    why="It needs no such right; as root a flaw in it would have all of them.",
    fix="Run it as a user of its own; config/ has systemd units that do. Make tokens for a user of "
    "its own, not for root@pam.",
)
def runs_as_root(tool: ToolFacts, estate: Estate) -> Outcome:
    if tool.root_tokens:
        return risk(tokens_of_root=tool.root_tokens, user="root" if tool.runs_as_root else "-")
    if tool.runs_as_root is None:
        return not_applicable("this system has no root")
    return risk(MEDIUM, user="root") if tool.runs_as_root else ok()


@rule(
    "OWN-007",
    "The connection to a libvirt host could write",
    subject="source",
    severity=HIGH,
    group="own",
    essential=True,
    sources=("libvirt",),
    why="The program only reads; whoever takes its key, certificate or user over can stop and "
    "delete every guest there.",
    fix="Read over ssh with a key that is bound to `virt-ssh-helper -r qemu:///system`, as a user "
    "outside the group libvirt.",
)
def libvirt_may_write(health: SourceHealth, estate: Estate) -> Outcome:
    excess = health.state.excess_rights
    if excess is None:
        return unknown("whether its credentials could write is not known")
    return risk(could=excess) if excess else ok()


@rule(
    "OWN-009",
    "A report with names and accounts lies where everyone may read it",
    subject="tool",
    severity=MEDIUM,
    group="own",
    why="It lists every machine, its weak points, and who has rights on it.",
    fix="Run chmod o-rwx on the folder, or publish there with --profile management.",
)
def open_export(tool: ToolFacts, estate: Estate) -> Outcome:
    """Wherever the audit log says that something was published; the usual place is OWN-004's."""
    return risk(folders=tool.open_exports) if tool.open_exports else ok()


@rule(
    "OWN-012",
    "The data on ends of life is old",
    subject="tool",
    severity=LOW,
    group="own",
    essential=True,
    why="Ends of life that were announced or moved since are not told.",
    fix="Install a newer release, or name a newer file as data_file under [lifecycle] in the "
    "policy.",
)
def stale_data(_tool: ToolFacts, estate: Estate) -> Outcome:
    age = estate.as_of - estate.eol.dated
    if timedelta(0) <= age <= timedelta(days=estate.policy.lifecycle.data_days):
        return ok()
    days = age.days if age >= timedelta(0) else "dated ahead"
    return risk(data=estate.eol.stamp, file=estate.eol.place, days=days)


@rule(
    "OWN-013",
    "A source shows only part of what it holds",
    subject="source",
    severity=HIGH,
    group="own",
    essential=True,
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


@rule(
    "OWN-014",
    "Facts about accounts are kept for longer than needed",
    subject="tool",
    severity=LOW,
    group="own",
    why="Accounts carry names of persons; what nobody needs any more can still be stolen.",
    fix="Run `lumbung db purge --older-than DAYS`. How long they are needed stands in the policy: "
    "privacy, account_days.",
)
def accounts_kept(tool: ToolFacts, estate: Estate) -> Outcome:
    ended, allowed = tool.oldest_account_at, estate.policy.privacy.account_days
    age = None if ended is None else (estate.at - ended).days
    return ok() if age is None or age <= allowed else risk(oldest_days=age, allowed_days=allowed)


@rule(
    WAIVER_RULE,
    "A waiver has expired, was not approved, or is for too long",
    subject="waiver",
    severity=MEDIUM,
    group="own",
    essential=True,
    why="A risk is accepted by somebody, for a time; what nobody renews is no longer accepted.",
    fix="Remove the risk and the waiver, or have it approved anew for a year at most.",
)
def waiver_not_in_order(waiver: WaiverView, estate: Estate) -> Outcome:
    entry = waiver.entry
    faults = entry.faults(waiver.severity, estate.as_of)
    if not faults:
        return ok()
    return risk(rule=entry.rule, faults=faults, requested_by=entry.requested_by)


RULES: tuple[Rule, ...] = (
    token_may_write,
    unverified_source,
    readable_secret,
    readable_store,
    token_lives_long,
    runs_as_root,
    libvirt_may_write,
    open_export,
    stale_data,
    partial_visibility,
    accounts_kept,
    waiver_not_in_order,
)
