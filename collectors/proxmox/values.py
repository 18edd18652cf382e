"""Reading single values of Proxmox VE answers, whose types drift between endpoints and versions.

Every reader returns None for what is absent or cannot be what it should be: never a default.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from collectors.untrusted import LARGEST, number, whole

MIB = 1024**2

_SIZE = re.compile(r"^(?P<number>\d+(\.\d+)?)(?P<unit>[KMGT]?)$")
_UNITS = {"": 1, "K": 1024, "M": 1024**2, "G": 1024**3, "T": 1024**4}


def count(value: Any) -> int | None:
    """A whole number of the size that people count to; None beyond it."""
    result = whole(value)
    return result if result is not None and result < 2**31 else None


def flag(value: Any) -> bool | None:
    """0 or 1 as number or text (JSON's true and false are taken too)."""
    if isinstance(value, bool):
        return value
    return {"0": False, "1": True}.get(str(value)) if isinstance(value, int | str) else None


def text(value: Any) -> str | None:
    """Text without control characters; None for what is neither text nor number."""
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        return None
    return _printable(str(value))[:500]


def stated(value: Any) -> str | None:
    """Text, "" where nothing is stated; None for what cannot be read as text."""
    return "" if value is None else text(value)


def _printable(value: str) -> str:
    return value if value.isprintable() else "".join(c for c in value if c.isprintable())


def rows(value: Any) -> list[Mapping[str, Any]]:
    """The objects in a list; none when it is no list."""
    return [row for row in value if isinstance(row, Mapping)] if isinstance(value, list) else []


def words(value: Any, separator: str) -> tuple[str, ...]:
    """The parts of a list in one text, sorted; () for an absent one."""
    parts = (text(value) or "").split(separator)
    return tuple(sorted({part.strip() for part in parts if part.strip()}))


def size_bytes(value: Any) -> int | None:
    """A size such as 32G, 528K or 1.5T in bytes (binary units)."""
    found = _SIZE.match(str(value)) if value is not None else None
    return _bytes(float(found["number"]) * _UNITS[found["unit"]]) if found else None


def _bytes(amount: float) -> int | None:
    return round(amount) if amount <= LARGEST else None


def mib_bytes(value: Any) -> int | None:
    """An amount that is given in MiB, in bytes."""
    mib = number(value)
    return None if mib is None else _bytes(mib * MIB)


def properties(value: Any) -> dict[str, str]:
    """A property string ``a,b=c,…`` as a mapping; the part without a key is under ""."""
    found: dict[str, str] = {}
    given = isinstance(value, str | int | float) and not isinstance(value, bool)
    for part in _printable(str(value)).split(",") if given else ():
        key, equals, rest = part.partition("=")
        if equals:
            found[key.strip()] = rest.strip()
        elif part.strip():
            found.setdefault("", part.strip())
    return found


def memory_bytes(config: Mapping[str, Any], default_mib: int = 512) -> int | None:
    """A guest's memory: MiB as number, text or ``current=…``; absent it is the default."""
    value = config.get("memory")
    if value is None:
        return default_mib * MIB
    return mib_bytes(properties(value).get("current", value))


def smbios_uuid(config: Mapping[str, Any]) -> str | None:
    """The UUID that a virtual machine shows its guest: its identity through renames."""
    uuid = properties(config.get("smbios1")).get("uuid", "").lower()
    return uuid if re.fullmatch(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", uuid) else None
