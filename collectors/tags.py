"""Tags of guests on platforms that have none: elements of our own in a guest's metadata.

    <lumbung:inventory xmlns:lumbung="urn:lumbung:inventory:1">
      <lumbung:opd>dukcapil</lumbung:opd>
      <lumbung:cls>pribadi-umum</lumbung:cls>
    </lumbung:inventory>

reads as opd.dukcapil and cls.pribadi-umum, the way tags are written elsewhere. Values are short
words, so that no free text comes in by this door. Where nobody may set metadata, a line of the
guest's description does: "vp: opd.dukcapil cls.pribadi-umum".
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from xml.etree.ElementTree import Element

NAMESPACE = "urn:lumbung:inventory:1"
KEYS = (
    "cls", "opd", "svc", "dim", "zone", "expo", "env", "crit", "ret", "os", "role", "ha", "support",
)  # fmt: skip
COMMAND = (
    f"virsh metadata GUEST --uri {NAMESPACE} --key lumbung "
    "--set '<inventory><opd>CODE</opd><cls>CLASS</cls></inventory>' --config"
)

_VALUE = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.+-]{0,63}")
_MOST = 100
_PREFIX = re.compile(rf"xmlns:([\w.-]+)\s*=\s*[\"']{re.escape(NAMESPACE)}[\"']")
_ELEMENT = re.compile(
    r"<(?:(?P<prefix>[\w.-]+):)?inventory\b(?P<rest>[^>]*)>(?P<inside>.*?)</(?(prefix)(?P=prefix):)"
    r"inventory\s*>",
    re.DOTALL,
)
_COMMENT = re.compile(r"<!--.*?-->", re.DOTALL)
_LINE = re.compile(r"(?m)^[ \t]*vp:(.*)$")
_CHILD = re.compile(r"<(?:[\w.-]+:)?(\w+)[^<>]*?(?:/>|>([^<]*)</)")


@dataclass(frozen=True, slots=True)
class Told:
    """What a guest's metadata says: its tags, and the keys that say nothing that can be one."""

    tags: tuple[str, ...] = ()
    refused: tuple[str, ...] = ()


def told_in(metadata: Element | None) -> Told:
    """The tags in a guest's <metadata>; none where there is no element of ours."""
    found = None if metadata is None else metadata.find(f"{{{NAMESPACE}}}inventory")
    if found is None:
        return Told()
    children = [(_local(child), (child.text or "").strip()) for child in list(found)[:_MOST]]
    tags = {f"{key}.{value}" for key, value in children if _is_tag(key, value)}
    refused = {key for key, value in children if not _is_tag(key, value)}
    return Told(tuple(sorted(tags)), tuple(sorted(refused)))


def told_in_line(description: str | None) -> Told:
    """The tags in the lines "vp: …" of a description; a word that is none is not repeated."""
    lines = _LINE.findall(description or "")
    words = [word for line in lines for word in re.split(r"[\s,;]+", line) if word][:_MOST]
    pairs = [(key.lower(), value) for key, _dot, value in (w.partition(".") for w in words)]
    tags = {f"{key}.{value}" for key, value in pairs if _is_tag(key, value)}
    refused = {key if key in KEYS else "?" for key, value in pairs if not _is_tag(key, value)}
    return Told(tuple(sorted(tags)), tuple(sorted(refused)))


def only_line(description: str) -> str:
    """The tags of a description as one such line; "" without any."""
    tags = told_in_line(description).tags
    return f"vp: {' '.join(tags)}" if tags else ""


def only_tags(metadata: str, document: str) -> str:
    """The part of a document's <metadata> that holds tags, with nothing in it that is none.

    "" without one. Its namespace may be declared anywhere above it in the document.
    """
    prefixes = set(_PREFIX.findall(document))
    for found in _ELEMENT.finditer(_COMMENT.sub("", metadata)):
        if found["prefix"] in prefixes or (not found["prefix"] and NAMESPACE in found["rest"]):
            return _written(_CHILD.findall(found["inside"]))
    return ""


def _written(children: list[tuple[str, str]]) -> str:
    """An element of ours with those children, empty where they hold no tag."""
    kept = "".join(
        f"<lumbung:{key}>{value.strip() if _is_tag(key, value.strip()) else ''}</lumbung:{key}>"
        for key, value in children
    )
    return f'<lumbung:inventory xmlns:lumbung="{NAMESPACE}">{kept}</lumbung:inventory>'


def _is_tag(key: str, value: str) -> bool:
    return key in KEYS and _VALUE.fullmatch(value) is not None


def _local(child: Element) -> str:
    """An element's name, without the namespace that it need not repeat."""
    name = child.tag if isinstance(child.tag, str) else ""
    local = name.rpartition("}")[2]
    return local if local.isalnum() else "?"
