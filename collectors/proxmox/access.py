"""Who may do what: users, tokens, groups, roles, grants, realms and second factors.

These lists are filtered silently: without Sys.Audit on the path that they stand for, an empty one
is hidden, not none.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from collectors.proxmox.answers import Answers
from collectors.proxmox.gaps import judged
from collectors.proxmox.values import flag, properties, stated, text, words
from collectors.proxmox.visibility import Rights
from collectors.untrusted import instant, number, whole
from inventory.platform_records import Grant, Principal, Realm, Role
from inventory.records import Coverage, CoverageState, Record

Row = Mapping[str, Any]
_USERS, _GROUPS = "GET /access/users?full=1", "GET /access/groups"
_ROLES, _GRANTS = "GET /access/roles", "GET /access/acl"
_REALMS, _FACTORS = "GET /access/domains", "GET /access/tfa"
_DIRECTORIES = ("ldap", "ad")


def access_facts(answers: Answers, rights: Rights) -> Iterator[Record]:
    """Every principal, role, grant and realm that is shown."""
    factors = _factors(answers, rights)
    for row in answers.rows(_USERS):
        yield from _user_and_tokens(row, factors, answers)
    yield from _groups(answers)
    yield from _roles(answers)
    yield from _grants(answers)
    yield from _realms(answers)


# Principals


def _user_and_tokens(
    row: Row, factors: Mapping[str, Row] | None, answers: Answers
) -> Iterator[Principal]:
    user = text(row.get("userid"))
    if not user:
        return
    yield Principal(
        principal_id=user,
        cluster=answers.cluster,
        kind="user",
        enabled=flag(row.get("enable", 1)),
        **_expiry(row),
        second_factors=None if factors is None else _kinds(factors.get(user, {})),
        locked=_is_locked(row, factors, user, answers),
        purpose_stated=bool(row.get("comment")),
        contact_stated=bool(row.get("email")),
    )
    tokens = row.get("tokens")
    for token in tokens if isinstance(tokens, list) else ():
        if isinstance(token, Mapping) and text(token.get("tokenid")):
            yield _token(user, token, answers.cluster)


def _token(user: str, token: Row, cluster: str) -> Principal:
    return Principal(
        principal_id=f"{user}!{text(token.get('tokenid'))}",
        cluster=cluster,
        kind="token",
        **_expiry(token),
        privilege_separated=flag(token.get("privsep", 1)),
        purpose_stated=bool(token.get("comment")),
    )


def _expiry(row: Row) -> dict[str, Any]:
    """0 and absent mean never."""
    seconds = whole(row.get("expire", 0))
    if seconds is None:
        return {"expires": None, "expires_at": None}
    return {"expires": seconds > 0, "expires_at": instant(seconds)}


def _factors(answers: Answers, rights: Rights) -> Mapping[str, Row] | None:
    """The second factors by user; None where those of others are not shown."""
    if answers.body(_FACTORS) is None or not rights.has("Sys.Audit", "/access/groups"):
        return None
    return {user: row for row in answers.rows(_FACTORS) if (user := text(row.get("userid")))}


def _kinds(row: Row) -> tuple[str, ...]:
    """The kinds of a user's second factors that are switched on; recovery keys are none."""
    entries = row.get("entries")
    return tuple(
        sorted(
            {
                kind
                for entry in (entries if isinstance(entries, list) else ())
                if isinstance(entry, Mapping) and flag(entry.get("enable", 1))
                if (kind := text(entry.get("type"))) and kind != "recovery"
            }
        )
    )


def _is_locked(
    row: Row, factors: Mapping[str, Row] | None, user: str, answers: Answers
) -> bool | None:
    """Whether too many wrong second factors lock the user out now."""
    told = [row] if factors is None else [row, factors.get(user, {})]
    if any(flag(one.get("totp-locked")) for one in told):
        return True
    until = max((number(one.get("tfa-locked-until")) or 0 for one in told), default=0)
    return until > answers.taken_at.timestamp()


def _groups(answers: Answers) -> Iterator[Principal]:
    """Groups with their members; a release that does not list these has them with the users."""
    listed = answers.rows(_USERS)
    for row in answers.rows(_GROUPS):
        name = text(row.get("groupid"))
        if not name:
            continue
        members = words(row.get("users"), ",") or tuple(
            sorted(
                user
                for one in listed
                if name in words(one.get("groups"), ",") and (user := text(one.get("userid")))
            )
        )
        yield Principal(
            principal_id=f"@{name}", cluster=answers.cluster, kind="group", members=members
        )


# Roles and grants


def _roles(answers: Answers) -> Iterator[Role]:
    for row in answers.rows(_ROLES):
        name = text(row.get("roleid"))
        if name:
            yield Role(
                role_id=name,
                cluster=answers.cluster,
                privileges=_privileges(row.get("privs")),
                built_in=flag(row.get("special", 0)),
            )


def _privileges(value: Any) -> tuple[str, ...] | None:
    """They come as one text that is longer than any other."""
    if value is not None and not isinstance(value, str):
        return None
    parts = (part.strip() for part in (value or "").split(","))
    return tuple(sorted({part for part in parts if part.isprintable() and part}))


def _grants(answers: Answers) -> Iterator[Grant]:
    for row in answers.rows(_GRANTS):
        path, role, who = (text(row.get(name)) for name in ("path", "roleid", "ugid"))
        if path and role and who:
            yield Grant(
                path=path,
                principal_id=f"@{who}" if row.get("type") == "group" else who,
                role_id=role,
                cluster=answers.cluster,
                propagates=flag(row.get("propagate", 1)),
            )


# Realms


def _realms(answers: Answers) -> Iterator[Realm]:
    for row in answers.rows(_REALMS):
        name = text(row.get("realm"))
        if name:
            yield Realm(
                realm_id=name,
                cluster=answers.cluster,
                kind=text(row.get("type")),
                second_factor=_demanded(row.get("tfa")),
                **_line(row, answers.body(f"GET /access/domains/{name}")),
            )


def _demanded(value: Any) -> str | None:
    """oath from ``type=oath,step=30``; "" for none."""
    given = properties(value)
    return stated(value) if not given else given.get("type") or given.get("")


def _line(row: Row, detail: Any) -> dict[str, Any]:
    """Whether the line to a directory is encrypted, and who is at its other end checked."""
    if row.get("type") not in _DIRECTORIES or not isinstance(detail, Mapping):
        return {}
    mode = text(detail.get("mode")) or ("ldaps" if flag(detail.get("secure", 0)) else "ldap")
    encrypted = {"ldap": False, "ldaps": True, "ldap+starttls": True}.get(mode)
    checked = flag(detail.get("verify", 0))
    return {"encrypted": encrypted, "verified": checked if encrypted else encrypted}


def access_coverage(answers: Answers, rights: Rights) -> Iterator[Coverage]:
    """Whether all principals, roles, grants, realms and second factors were seen."""
    yield _principals(answers, rights)
    yield judged("", "role", answers.get(_ROLES), rights, "/")
    yield _filtered(answers, rights, "grant", _GRANTS, "/access")
    yield judged("", "realm", answers.get(_REALMS), rights, "/")
    yield _filtered(answers, rights, "second_factor", _FACTORS, "/access/groups")
    for row in answers.rows(_REALMS):
        name = text(row.get("realm"))
        if name and row.get("type") in _DIRECTORIES:
            detail = answers.get(f"GET /access/domains/{name}")
            yield judged(f"realm/{name}", "realm", detail, rights, "/access/realm")


def _principals(answers: Answers, rights: Rights) -> Coverage:
    users = _filtered(answers, rights, "principal", _USERS, "/access/groups")
    groups = _filtered(answers, rights, "principal", _GROUPS, "/access/groups")
    return users if users.is_gap else groups


def _filtered(answers: Answers, rights: Rights, kind: str, key: str, path: str) -> Coverage:
    """A list that is shorter without a right: what it shows then is a part, or nothing."""
    whole_list = judged("", kind, answers.get(key), rights, path)
    if whole_list.is_gap or rights.has("Sys.Audit", path):
        return whole_list
    seen = answers.rows(key)
    state: CoverageState = "partial" if seen else "hidden"
    shown = f"{len(seen)} entries of an unknown total are shown" if seen else "nothing is shown"
    reason = f"Sys.Audit on {path} is missing: {shown}"
    return Coverage("", kind, state, reason, rights.grant(path))
