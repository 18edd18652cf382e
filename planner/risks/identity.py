"""Identity: who logs in to the platform, how surely, and with which accounts."""

from __future__ import annotations

from datetime import timedelta

from inventory.platform_records import Principal, Realm
from planner.estate import Estate, Platform
from planner.risks.access import ADMINISTRATOR, ROOT, Access, accesses, is_live, realm_of, user_of
from planner.risks.naming import few
from planner.risks.rule import (
    CRITICAL,
    HIGH,
    INFO,
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

_PROXMOX = ("proxmox",)
_DIRECTORIES = ("ldap", "ad")
_ENOUGH_ADMINISTRATORS = 2


def _realm(principal: Principal, estate: Estate) -> Realm | None:
    named = realm_of(principal.principal_id)
    realms = estate.in_cluster(Realm, principal.cluster)
    return next((realm for realm in realms if realm.realm_id == named), None)


def _asks_for_more(principal: Principal, estate: Estate) -> bool | None:
    """Whether the realm of an account asks for a second factor; None for one that cannot tell."""
    realm = _realm(principal, estate)
    declared = estate.owners.realms.get(realm_of(principal.principal_id))
    if declared is not None and declared.second_factor_elsewhere:
        return True
    if realm is None or realm.second_factor is None or realm.kind == "openid":
        return None
    return bool(realm.second_factor)


@rule(
    "IAM-001",
    "root@pam without a second factor",
    subject="principal",
    severity=CRITICAL,
    group="identity",
    essential=True,
    needs=("realm",),
    sources=_PROXMOX,
    why="One password, guessed or read over a shoulder, then opens every guest, every backup and "
    "the platform itself.",
    fix="Enrol a TOTP or a security key for root@pam (Datacenter, Permissions, Two Factor), and "
    "keep the recovery keys in the safe.",
)
def root_without_second_factor(who: Principal, estate: Estate) -> Outcome:
    if who.principal_id != ROOT:
        return not_applicable("another account")
    if who.enabled is False:
        return not_applicable("it is disabled")
    if who.second_factors is None:
        return unknown("its second factors were not seen")
    if who.second_factors or _asks_for_more(who, estate):
        return ok()
    return risk(realm=realm_of(who.principal_id), second_factors="none")


@rule(
    "IAM-002",
    "Privileged user without a second factor",
    subject="principal",
    severity=HIGH,
    group="identity",
    essential=True,
    needs=("grant", "role", "realm"),
    sources=_PROXMOX,
    why="This user can change guests, rights or hosts; a stolen password is enough to do so in "
    "their name.",
    fix="Let the user enrol a TOTP or a security key. Where the identity provider asks for it, "
    "declare the realm's second_factor_elsewhere in the estate file; an account that logs in by "
    "token alone is declared with kind: service.",
)
def privileged_without_second_factor(who: Principal, estate: Estate) -> Outcome:
    if who.kind != "user" or who.principal_id == ROOT:
        return not_applicable("no user, or root: see IAM-001")
    declared = estate.owners.principals.get(who.principal_id)
    if declared is not None and declared.kind == "service":
        return not_applicable("declared to log in by token alone")
    grants = accesses(estate).of(who.cluster).privileged_grants(who.principal_id)
    if not grants or is_live(who, estate.at) is False:
        return not_applicable("no privileged role, or it cannot log in")
    if who.second_factors or _asks_for_more(who, estate):
        return ok()
    if who.second_factors is None or _asks_for_more(who, estate) is None:
        return unknown("whether its realm asks for a second factor is not shown; declare it")
    held = few(f"{g.role_id} on {g.path} ({_how(g.principal_id, who)})" for g in grants)
    return risk(roles=held, second_factors="none")


def _how(holder: str, who: Principal) -> str:
    return "itself" if holder == who.principal_id else f"by {holder}"


@rule(
    "IAM-003",
    "Too many administrators",
    subject="platform",
    severity=HIGH,
    group="identity",
    essential=True,
    needs=("principal", "grant"),
    sources=_PROXMOX,
    mutes=("IAM-012",),
    why="Each of them can read and delete everything; the more there are, the sooner one of their "
    "accounts is taken over, and the less anybody can say who did something.",
    fix="Give most of them a narrower role on the pools they look after. The number that is "
    "accepted is [risks] most_administrators in the policy.",
)
def too_many_administrators(platform: Platform, estate: Estate) -> Outcome:
    found = accesses(estate).of(platform.cluster).administrators(estate.at)
    most = estate.policy.risks.most_administrators
    return risk(administrators=found, accepted=most) if len(found) > most else ok()


@rule(
    "IAM-004",
    "API token with all rights of its user",
    subject="principal",
    severity=HIGH,
    group="identity",
    essential=True,
    sources=_PROXMOX,
    why="A token lies in a file or a script and asks for no second factor; this one can do "
    "whatever its user can.",
    fix="Make a new token with separated privileges and a role on just the paths that it needs, "
    "then remove this one. What really needs more is a case for a waiver with an end.",
)
def unlimited_token(who: Principal, estate: Estate) -> Outcome:
    if who.kind != "token" or is_live(who, estate.at) is False:
        return not_applicable("no token, or an expired one")
    if who.privilege_separated is None:
        return unknown("whether its privileges are separated was not seen")
    if who.privilege_separated:
        return ok()
    user = user_of(who.principal_id)
    if user == ROOT:
        return risk(privsep=0, user_roles=f"{ADMINISTRATOR} on / (root)")
    if reason := accesses(estate).hidden(who.cluster):
        return unknown(reason)
    grants = accesses(estate).of(who.cluster).privileged_grants(user)
    held = few(f"{grant.role_id} on {grant.path}" for grant in grants)
    return risk(privsep=0, user_roles=held) if grants else ok()


@rule(
    "IAM-005",
    "API token that does not expire",
    subject="principal",
    severity=MEDIUM,
    group="identity",
    essential=True,
    sources=_PROXMOX,
    why="A token that was copied once, to a laptop or a backup, then works for ever, long after "
    "everybody has forgotten it.",
    fix="Set an expiry of a year at most; make the new token before the old one ends, for a "
    "token's secret cannot be changed in place.",
)
def lasting_token(who: Principal, estate: Estate) -> Outcome:
    if who.kind != "token":
        return not_applicable("no token")
    if who.expires is None or (who.expires and who.expires_at is None):
        return unknown("its expiry was not seen")
    if not who.expires:
        return risk(expires="never")
    longest = timedelta(days=estate.policy.risks.longest_token_days)
    if who.expires_at is not None and who.expires_at - estate.at > longest:
        return risk(expires_on=who.expires_at.date(), longest_days=longest.days)
    return ok()


@rule(
    "IAM-006",
    "Account that nobody says the purpose of",
    subject="principal",
    severity=LOW,
    group="identity",
    sources=_PROXMOX,
    why="When it does something odd, or its owner leaves, nobody knows whom to ask or whether it "
    "may be removed.",
    fix="Write the owner and the ticket into its comment.",
)
def account_without_purpose(who: Principal, estate: Estate) -> Outcome:
    if who.kind not in ("user", "token"):
        return not_applicable("a group")
    realm = _realm(who, estate)
    if who.kind == "user" and realm is not None and realm.kind in _DIRECTORIES:
        return not_applicable("its directory says it")
    stated = (who.purpose_stated, who.contact_stated if who.kind == "user" else False)
    if True in stated:
        return ok()
    if None in stated:
        return unknown("its comment was not seen")
    return risk(comment="none", contact="none" if who.kind == "user" else "-")


@rule(
    "IAM-007",
    "Account that is over but still holds rights",
    subject="principal",
    severity=HIGH,
    group="identity",
    essential=True,
    needs=("grant",),
    sources=_PROXMOX,
    why="One click brings it back with all it could do, and nobody would notice: it belongs to "
    "someone who left.",
    fix="Remove its roles and tokens, then the account.",
)
def rights_of_the_gone(who: Principal, estate: Estate) -> Outcome:
    if who.kind not in ("user", "token"):
        return not_applicable("a group")
    live = is_live(who, estate.at)
    if live is None:
        return unknown("whether it is over was not seen")
    if live:
        return ok()
    access = accesses(estate).of(who.cluster)
    holds = access.held_by(who.principal_id) if who.kind == "user" else access.granted_to(
        who.principal_id)  # fmt: skip
    tokens = _live_tokens(who, access, estate)
    if not (holds or tokens):
        return ok()
    return risk(
        MEDIUM if who.enabled is False else None,
        over="disabled" if who.enabled is False else f"expired on {who.expires_at:%Y-%m-%d}",
        roles=few(f"{grant.role_id} on {grant.path}" for grant in holds) or "none",
        live_tokens=tokens or "none",
    )


def _live_tokens(who: Principal, access: Access, estate: Estate) -> list[str]:
    if who.kind != "user":
        return []
    tokens = access.tokens_of(who.principal_id)
    return sorted(t.principal_id for t in tokens if is_live(t, estate.at) is not False)


@rule(
    "IAM-009",
    "Realm that asks for no second factor",
    subject="realm",
    severity=LOW,
    group="identity",
    needs=("principal",),
    sources=_PROXMOX,
    why="Whether an account has a second factor is then left to each user, and new ones start "
    "without.",
    fix="Require it in the realm (Datacenter, Permissions, Realms), or declare the realm's "
    "second_factor_elsewhere in the estate file where its identity provider does.",
)
def realm_without_second_factor(realm: Realm, estate: Estate) -> Outcome:
    declared = estate.owners.realms.get(realm.realm_id)
    if realm.second_factor or (declared is not None and declared.second_factor_elsewhere):
        return ok()
    if realm.kind == "openid":
        return not_applicable("its identity provider asks")
    if realm.second_factor is None:
        return unknown("whether it requires one was not seen")
    people = [
        who
        for who in accesses(estate).of(realm.cluster).users()
        if realm_of(who.principal_id) == realm.realm_id and is_live(who, estate.at) is not False
    ]
    if not people:
        return not_applicable("nobody uses it")
    without = [who.principal_id for who in people if who.second_factors == ()]
    if without:
        return risk(kind=realm.kind, tfa="none", users_without=few(without))
    return unknown("its users' factors") if any(w.second_factors is None for w in people) else ok()


@rule(
    "IAM-010",
    "Directory asked over a line that others can read",
    subject="realm",
    severity=HIGH,
    group="identity",
    sources=_PROXMOX,
    why="Whoever stands between can read the passwords of all who log in, or answer in the "
    "directory's place.",
    fix="Use LDAPS or StartTLS, and verify the certificate with the directory's own authority.",
)
def directory_in_clear(realm: Realm, estate: Estate) -> Outcome:
    if realm.kind not in _DIRECTORIES:
        return not_applicable("no directory")
    if False in (realm.encrypted, realm.verified):
        return risk(encrypted=realm.encrypted, certificate_verified=realm.verified)
    return unknown("its line was not seen") if None in (realm.encrypted, realm.verified) else ok()


@rule(
    "IAM-013",
    "No second administrator",
    subject="platform",
    severity=MEDIUM,
    group="identity",
    needs=("principal", "grant"),
    sources=_PROXMOX,
    why="When the only one is on leave or locked out, nobody can act but with the root password, "
    "and then nobody can say who did.",
    fix="Name a second administrator, and keep the root password sealed for emergencies.",
)
def lone_administrator(platform: Platform, estate: Estate) -> Outcome:
    found = accesses(estate).of(platform.cluster).administrators(estate.at)
    if len(found) >= _ENOUGH_ADMINISTRATORS:
        return ok()
    return risk(administrators_beside_root=found or "none")


@rule(
    "IAM-014",
    "Account locked after wrong second factors",
    subject="principal",
    severity=MEDIUM,
    group="identity",
    sources=_PROXMOX,
    why="Somebody knows its password and tries out second factors, or its user's clock is wrong.",
    fix="Ask the user; if it was not them, change the password and look where the attempts came "
    "from, then unlock it.",
)
def locked_account(who: Principal, estate: Estate) -> Outcome:
    if who.kind != "user":
        return not_applicable("no user")
    if who.locked is None:
        return unknown("whether it is locked was not seen")
    return risk(locked=1) if who.locked else ok()


@rule(
    "IAM-015",
    "Groups, roles or grants that serve nobody",
    subject="platform",
    severity=INFO,
    group="identity",
    needs=("principal", "role", "grant"),
    sources=_PROXMOX,
    why="What serves nobody hides what matters, and an account that is made anew under an old "
    "name gets its old rights.",
    fix="Remove the empty groups, the roles that nobody holds, and the grants to accounts that "
    "are gone.",
)
def serves_nobody(platform: Platform, estate: Estate) -> Outcome:
    access = accesses(estate).of(platform.cluster)
    held = {grant.role_id for grant in access.grants}
    empty = [p.principal_id for p in access.principals.values() if p.members == ()]
    unused = [r.role_id for r in access.roles.values() if r.built_in is False and
              r.role_id not in held]  # fmt: skip
    dead = [f"{g.role_id} on {g.path} for {g.principal_id}" for g in access.grants
            if g.principal_id not in access.principals]  # fmt: skip
    if not (empty or unused or dead):
        return ok()
    return risk(
        empty_groups=few(empty) or "none",
        unused_roles=few(unused) or "none",
        dead_grants=few(dead) or "none",
    )


RULES: tuple[Rule, ...] = (
    root_without_second_factor,
    privileged_without_second_factor,
    too_many_administrators,
    unlimited_token,
    lasting_token,
    account_without_purpose,
    rights_of_the_gone,
    realm_without_second_factor,
    directory_in_clear,
    lone_administrator,
    locked_account,
    serves_nobody,
)
