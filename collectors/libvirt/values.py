"""Reading single values of libvirt's answers: XML, typed fields, control states.

Every reader returns None for what is absent or cannot be what it should be: never a default.
"""

from __future__ import annotations

import re
from typing import Any
from xml.etree.ElementTree import Element, ParseError

from collectors.contract import NotInstalled
from collectors.untrusted import whole

try:
    from defusedxml.common import DefusedXmlException
    from defusedxml.ElementTree import fromstring
except ImportError as error:
    raise NotInstalled(
        "the package defusedxml is not installed; pip install 'lumbung[libvirt]'"
    ) from error

_UUID = re.compile(r"^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$")
_UNITS = {
    "b": 1, "byte": 1, "bytes": 1, "KB": 10**3, "MB": 10**6, "GB": 10**9, "TB": 10**12,
    "k": 2**10, "KiB": 2**10, "M": 2**20, "MiB": 2**20, "G": 2**30, "GiB": 2**30,
    "T": 2**40, "TiB": 2**40,
}  # fmt: skip


def text(value: Any) -> str | None:
    """Text without control characters; None for what is none or empty."""
    if not isinstance(value, str):
        return None
    return "".join(c for c in value if c.isprintable()).strip()[:500] or None


def uuid_of(value: Any) -> str | None:
    """A UUID in lower case."""
    found = value.lower() if isinstance(value, str) else ""
    return found if _UUID.match(found) else None


def items(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


def tree(value: Any, root: str) -> Element | None:
    """The XML document with that root element; None for anything else."""
    if not isinstance(value, str):
        return None
    try:
        found: Element = fromstring(value)
    except (ParseError, DefusedXmlException, ValueError):
        return None
    return found if found.tag == root else None


def child(element: Element | None, path: str) -> str | None:
    """The text of an element below."""
    return None if element is None else text(element.findtext(path))


def attribute(element: Element | None, path: str, name: str) -> str | None:
    """An attribute of the first element below, or of the element itself for "."."""
    found = None if element is None else element.find(path)
    return None if found is None else text(found.get(name))


def size_bytes(element: Element | None, path: str, unit: str) -> int | None:
    """The size an element below states, in ``unit`` where it names none itself."""
    found = None if element is None else element.find(path)
    if found is None:
        return None
    factor, amount = _UNITS.get(found.get("unit", unit)), whole((found.text or "").strip())
    return None if factor is None or amount is None else factor * amount


def version(value: Any) -> str | None:
    """9.0.0 from 9000000."""
    found = whole(value)
    return f"{found // 10**6}.{found // 1000 % 1000}.{found % 1000}" if found else None
