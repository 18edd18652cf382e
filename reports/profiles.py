"""Who a report is for: management gets no address and no account, an auditor shortened ones."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import fields, replace
from typing import Any, Literal, TypeVar

from inventory.platform_records import Principal
from planner.report import Report
from planner.rows import ROW_TYPES
from planner.saying import Text

Profile = Literal["technical", "management", "auditor"]
Redact = Callable[[str], str]
R = TypeVar("R")

# A byte each: no version number of four parts begins an address with a leading zero.
_BYTE = r"(?:25[0-5]|2[0-4]\d|1?\d?\d)"
_IPV4 = re.compile(rf"(?<![\w.])({_BYTE}\.{_BYTE}\.{_BYTE})\.{_BYTE}(?![\w.]*\d)")
_IPV6 = re.compile(
    r"(?<![\w:])(?=[0-9A-Fa-f:]*[0-9A-Fa-f])(?:[0-9A-Fa-f]{0,4}:){2,7}[0-9A-Fa-f]{0,4}(?![\w:])"
)
_MAC = re.compile(
    r"(?<![\w:-])((?:[0-9A-Fa-f]{2}[:-]){3})(?:[0-9A-Fa-f]{2}[:-]){2}[0-9A-Fa-f]{2}(?![\w:-])"
)
_ACCOUNT = re.compile(r"(?<![\w.])[\w.+-]+@[\w.-]+\w(?:![\w.-]+)?")
# Whom to ask: an office's mailbox, which every profile needs.
_KEPT = frozenset({"owner"})
# Accounts that are no person's, whose names are words of every other text.
_OFFICES = frozenset(
    {"", "root", "admin", "administrator", "backup", "monitor", "monitoring", "operator", "audit",
     "lumbung"}
)  # fmt: skip


def redactor(profile: Profile, accounts: Iterable[str] = ()) -> Redact:
    """What a text becomes for a reader. ``accounts`` are the users that are known by name."""
    if profile == "technical":
        return lambda text: text
    if profile == "auditor":
        return _shortened
    names = _any_of(accounts)

    def hidden(text: str) -> str:
        text = _MAC.sub("[mac]", text)
        text = _IPV4.sub("[address]", text)
        text = _IPV6.sub("[address]", text)
        text = _ACCOUNT.sub(_pseudonym, text)
        return names.sub(_pseudonym, text) if names else text

    return hidden


def _shortened(text: str) -> str:
    text = _MAC.sub(r"\1xx", text)
    return _IPV6.sub("[address]", _IPV4.sub(r"\1.x", text))


def _pseudonym(found: re.Match[str]) -> str:
    """The same one for the same account: several findings about one stay countable."""
    return f"account-{hashlib.sha256(found[0].encode()).hexdigest()[:6]}"


def _any_of(accounts: Iterable[str]) -> re.Pattern[str] | None:
    """The names of accounts, which are also met without their realm; not those of offices."""
    names = {name.partition("@")[0] for name in accounts} - _OFFICES
    longest_first = sorted(names, key=lambda name: (-len(name), name))
    if not names:
        return None
    return re.compile(rf"(?<![^\W_])(?:{'|'.join(map(re.escape, longest_first))})(?![^\W_])")


def redactor_for(report: Report, profile: Profile) -> Redact:
    """What texts of a report become for a reader."""
    principals = report.estate.facts.records(Principal)
    return redactor(profile, (one.principal_id for one in principals if one.kind != "group"))


def redacted_rows(rows: Sequence[R], redact: Redact) -> tuple[R, ...]:
    """The rows with every text redacted."""
    return tuple(replace(row, **_texts(row, redact)) for row in rows)  # type: ignore[type-var]  # rows are dataclasses


def _texts(row: Any, redact: Redact) -> Mapping[str, str]:
    return {
        field.name: value.mapped(redact) if isinstance(value, Text) else redact(value)
        for field in fields(row)
        if field.name not in _KEPT and isinstance(value := getattr(row, field.name), str)
    }


def for_profile(report: Report, profile: Profile) -> Report:
    """The report as a reader may have it: every text of its tables redacted."""
    if profile == "technical":
        return report
    redact = redactor_for(report, profile)
    tables: dict[str, Any] = {
        stem: redacted_rows(getattr(report, stem), redact) for stem in ROW_TYPES
    }
    return replace(report, **tables)
