"""What is left of the answers about guests and people, whose text may be private.

What a guest's text betrays (a password, a national identity number) remains as a hint; of people
only whether a purpose or an address is stated, and the kinds of their second factors.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

from collectors.hints import hints_in, states_a_secret

HINTS = "lumbung-hints"  # the key under which a lean configuration carries its hints

# Cloud-init data, addresses, environments of processes, and what people wrote.
_PRIVATE = re.compile(
    r"^(cipassword|ciuser|cicustom|sshkeys|ipconfig\d+|searchdomain|nameserver|description|env)$"
)
# In raw arguments: KEY=VALUE whose key says that the value is a secret, up to the next comma.
_SECRET_ARGUMENT = re.compile(r"(?i)\b([\w.-]*(?:passw|secret|token|key|data|user)[\w.-]*)=[^,\s]*")
_ENVIRONMENT = "lxc.environment"
_OS_FACTS = ("id", "name", "pretty-name", "version", "version-id", "kernel-release")
_FILE_SYSTEM_FACTS = ("mountpoint", "type", "total-bytes", "used-bytes")
_REALM_FACTS = ("type", "realm", "tfa", "mode", "secure", "verify", "digest")


def slimmed(path: str, body: Any) -> tuple[bool, Any]:
    """Whether the path is one of these, and then what is left of its body."""
    for pattern, left in _LEFT:
        if pattern.fullmatch(path):
            return True, left(body)
    return False, body


def _each(body: Any, left: Callable[[Any], Any]) -> Any:
    return [left(row) for row in body] if isinstance(body, list) else body


def _only(row: Any, *names: str) -> Any:
    """Those parts of an object; nothing of what is none."""
    if not isinstance(row, Mapping):
        return {}
    return {name: row[name] for name in names if name in row}


# Guests


def _config(body: Any) -> Any:
    if not isinstance(body, Mapping):
        return None
    kept = {name: value for name, value in body.items() if not _PRIVATE.match(str(name))}
    for name, left in (("smbios1", _uuid_only), ("args", _arguments), ("lxc", _raw_lines)):
        if name in kept:
            kept[name] = left(kept[name])
    return kept | {HINTS: hints(body)}


def _uuid_only(value: Any) -> str:
    """Serial numbers and the like may be anything; the UUID is the guest's identity."""
    parts = str(value).split(",")
    return ",".join(part for part in parts if part.strip().startswith("uuid="))


def _arguments(value: Any) -> str:
    return _SECRET_ARGUMENT.sub(r"\1=stated", str(value))


def _raw_lines(value: Any) -> list[list[str]]:
    """Key and value of each raw line; of the environment of its processes only that it is set."""
    lines = value if isinstance(value, list) else []
    pairs = [(str(line[0]), str(line[1])) for line in lines if _is_pair(line)]
    return [[key, "stated" if _is_secret_line(key, text) else text] for key, text in pairs]


def _is_pair(line: Any) -> bool:
    return isinstance(line, list | tuple) and len(line) == 2


def _is_secret_line(key: str, text: str) -> bool:
    return bool(text) and (key.startswith(_ENVIRONMENT) or states_a_secret(text))


def _pending(body: Any) -> list[dict[str, Any]]:
    """The names of settings that wait for a restart, and no value at all."""
    rows = [row for row in body if isinstance(row, Mapping)] if isinstance(body, list) else []
    return [
        {"key": row["key"], what: 1}
        for row in rows
        for what in ("pending", "delete")
        if row.get("key") and row.get(what) not in (None, 0, "0")
    ]


def _osinfo(body: Any) -> dict[str, Any]:
    found = body.get("result") if isinstance(body, Mapping) else None
    return {"result": _only(found, *_OS_FACTS)}


def _fsinfo(body: Any) -> dict[str, Any]:
    """The file systems without the serial numbers of what they lie on."""
    found = body.get("result") if isinstance(body, Mapping) else None
    if not isinstance(found, list):
        return {}
    return {"result": [_only(row, *_FILE_SYSTEM_FACTS) for row in found]}


def hints(config: Mapping[str, Any]) -> list[str]:
    """What the free text and the cloud-init data of a guest hold that should not be there."""
    found = hints_in(str(config.get("description", "")))
    return sorted(found + (["cloud-init-password"] if "cipassword" in config else []))


# Access


def _user(row: Any) -> dict[str, Any]:
    """A principal without the person's name; whether a purpose or address is given stays."""
    if not isinstance(row, Mapping):
        return {}
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


def _second_factors(row: Any) -> dict[str, Any]:
    """A user's second factors by their kinds alone."""
    found: dict[str, Any] = _only(row, "userid", "totp-locked", "tfa-locked-until")
    entries = row.get("entries") if isinstance(row, Mapping) else None
    listed = entries if isinstance(entries, list) else []
    return found | {"entries": [_only(entry, "type", "enable") for entry in listed]}


def _rows(left: Callable[[Any], Any]) -> Callable[[Any], Any]:
    return lambda body: _each(body, left)


_GUEST = r"/nodes/[^/]+/(qemu|lxc)/[^/]+"
_LEFT: tuple[tuple[re.Pattern[str], Callable[[Any], Any]], ...] = (
    (re.compile(_GUEST + "/config"), _config),
    (re.compile(_GUEST + "/pending"), _pending),
    (re.compile(_GUEST + "/agent/get-osinfo"), _osinfo),
    (re.compile(_GUEST + "/agent/get-fsinfo"), _fsinfo),
    (re.compile("/access/users"), _rows(_user)),
    (re.compile("/access/tfa"), _rows(_second_factors)),
    (re.compile("/access/domains/[^/]+"), lambda body: _only(body, *_REALM_FACTS)),
)
