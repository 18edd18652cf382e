"""Takes out of an answer what must never be stored, before anything else sees it.

Passwords, keys, cloud-init data and free text of people stay out of records, of kept answers and
of the store. What their text betrays (a password, a national identity number) remains as a hint.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

Answer = dict[str, Any]

HINTS = "lumbung-hints"  # the key under which a lean configuration carries its hints

_PRIVATE = re.compile(
    r"^(cipassword|ciuser|cicustom|sshkeys|ipconfig\d+|searchdomain|nameserver|description)$"
)
_SECRET = re.compile(r"(?i)\b(passw(or)?d|sandi|secret|token|api.?key)\b\s*[:=]")
_IDENTITY = re.compile(r"\b\d{16}\b")


def lean(key: str, answer: Answer) -> Answer:
    """The answer without private text; a configuration gains the hints of what was in it."""
    path = key.partition("?")[0]
    body = answer.get("body")
    if path.endswith("/config") and isinstance(body, Mapping):
        kept = {name: value for name, value in body.items() if not _PRIVATE.match(str(name))}
        return answer | {"body": kept | {HINTS: hints(body)}}
    if path.endswith("/snapshot") and isinstance(body, list):
        return answer | {"body": [_without(row, "description") for row in body]}
    if path == "GET /access/users" and isinstance(body, list):
        return answer | {"body": [_lean_user(row) for row in body]}
    return answer


def hints(config: Mapping[str, Any]) -> list[str]:
    """What the free text and the cloud-init data of a guest hold that should not be there."""
    text = str(config.get("description", ""))
    found = {
        "password": bool(_SECRET.search(text)),
        "identity-number": any(_is_identity(match) for match in _IDENTITY.findall(text)),
        "cloud-init-password": "cipassword" in config,
    }
    return sorted(name for name, is_there in found.items() if is_there)


def _is_identity(digits: str) -> bool:
    """The form of a national identity number: province, day and month of birth are possible."""
    province, day, month = int(digits[:2]), int(digits[6:8]), int(digits[8:10])
    return 11 <= province <= 94 and (1 <= day <= 31 or 41 <= day <= 71) and 1 <= month <= 12


def _without(row: Any, *names: str) -> Any:
    if not isinstance(row, Mapping):
        return row
    return {name: value for name, value in row.items() if name not in names}


def _lean_user(row: Any) -> Any:
    """A principal without the person's name; whether a purpose or address is given stays."""
    if not isinstance(row, Mapping):
        return row
    tokens = row.get("tokens")
    if isinstance(tokens, list):
        tokens = [_stated(token, "comment") for token in tokens]
    user = _stated(row, "comment", "email", "firstname", "lastname", "keys")
    return user | ({"tokens": tokens} if "tokens" in row else {})


def _stated(row: Any, *names: str) -> dict[str, Any]:
    if not isinstance(row, Mapping):
        return {}
    return {
        name: ("stated" if str(value).strip() else "") if name in names else value
        for name, value in row.items()
    }
