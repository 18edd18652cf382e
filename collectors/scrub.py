"""Takes secrets and personal notes out of a raw answer set, so that it can be shared."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from collectors.contract import Raw
from collectors.hints import SCRUBBED
from collectors.tags import only_line, only_tags

# Keys whose value is a secret, a free text people write secrets into, or names a person.
_SECRET_KEYS = re.compile(
    r"(?i)^(cipassword|ciuser|sshkeys|password|passwd|secret|token|ticket|csrf.*|key|serverid|"
    r"description|notes|comment|email|firstname|lastname|pem|cert|certificate|private.?key|"
    r"smbios1|vmgenid|searchdomain|nameserver|ipconfig\d+|cicustom|value_encrypted)$"
)
# What is taken out of a text, and what is left in its place.
_SECRET_TEXT = (
    (re.compile(r"PVEAPIToken=\S+"), SCRUBBED),
    (re.compile(r"(?i)(passwd|password|secret|token)=(['\"])(.*?)\2"), rf"\1=\2{SCRUBBED}\2"),
    (re.compile(r"(?i)(passwd|password|secret|token)=[^'\"\s,;<>]+"), rf"\1={SCRUBBED}"),
    (re.compile(r"-----BEGIN [A-Z ]+-----.*?-----END [A-Z ]+-----", re.DOTALL), SCRUBBED),
    (re.compile(r"ssh-(rsa|ed25519|dss)\s+[^\s<]+|ecdsa-sha2-\S+\s+[^\s<]+"), SCRUBBED),
    (re.compile(r"\b\d{16}\b"), SCRUBBED),  # the shape of a national identity number
)
# The same for libvirt's XML, which must stay XML; which system a guest runs and how it is tagged
# is no secret.
_OPERATING_SYSTEM = re.compile(r"<(\w+):libosinfo\b.*?</\1:libosinfo>", re.DOTALL)
_DESCRIPTION = re.compile(r"(?s)<description\b[^>]*>(.*?)</description>")
_METADATA = re.compile(r"(<metadata\b[^>]*(?<!/)>).*?</metadata>", re.DOTALL)
_SECRET_XML = (
    (re.compile(r"(?s)<(title|cmdline|sysinfo)\b[^>]*>.*?</\1>"), rf"<\1>{SCRUBBED}</\1>"),
    (
        re.compile(r"(?s)(<qemu:arg\b[^>]*?\bvalue=)(['\"])(--?[A-Za-z][\w-]*)?.*?\2"),
        rf"\1\2\3{SCRUBBED}\2",
    ),
    (re.compile(r"(?s)(<qemu:env\b[^>]*?\bvalue=)(['\"]).*?\2"), rf"\1\2{SCRUBBED}\2"),
    (re.compile(r"(<auth\b[^>]*?\busername=)(['\"]).*?\2"), rf"\1\2{SCRUBBED}\2"),
)
_UUID = re.compile(r"uuid=([0-9a-fA-F-]{36})")


def scrubbed(raw: Raw) -> Raw:
    """The answer set without secrets; what the parser needs stays as it was."""
    return replace(raw, answers={key: _clean(value) for key, value in raw.answers.items()})


def _clean(value: Any, key: str = "") -> Any:
    if isinstance(value, Mapping):
        return {name: _clean(inner, str(name)) for name, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_clean(inner) for inner in value]
    if isinstance(value, str):
        return _clean_text(value, key)
    return value


def _clean_text(text: str, key: str) -> str:
    if _SECRET_KEYS.match(key):
        found = _UUID.search(text) if key == "smbios1" else None
        return f"uuid={found[1]}" if found else SCRUBBED  # a guest's identity is no secret
    if text.lstrip().startswith("<"):
        text = _clean_xml(text)
    for pattern, left in _SECRET_TEXT:
        text = pattern.sub(left, text)
    return text


def _clean_xml(text: str) -> str:
    text = _METADATA.sub(lambda found: _only_what_is_read(found, text), text)
    text = _DESCRIPTION.sub(
        lambda found: f"<description>{only_line(found[1]) or SCRUBBED}</description>", text
    )
    for pattern, left in _SECRET_XML:
        text = pattern.sub(left, text)
    return text


def _only_what_is_read(metadata: re.Match[str], document: str) -> str:
    """Metadata holds whatever the tools around libvirt wrote into it, and our tags."""
    system = _OPERATING_SYSTEM.search(metadata[0])
    kept = f"{system[0] if system else ''}{only_tags(metadata[0], document)}"
    return f"{metadata[1]}{kept}</metadata>"
