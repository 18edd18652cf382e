"""Takes secrets and personal notes out of a raw answer set, so that it can be shared."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from collectors.contract import Raw

GONE = "[scrubbed]"

# Keys whose value is a secret, a free text people write secrets into, or names a person.
_SECRET_KEYS = re.compile(
    r"(?i)^(cipassword|ciuser|sshkeys|password|passwd|secret|token|ticket|csrf.*|key|serverid|"
    r"description|notes|comment|email|firstname|lastname|pem|cert|certificate|private.?key|"
    r"smbios1|vmgenid|searchdomain|nameserver|ipconfig\d+|cicustom|value_encrypted)$"
)
_SECRET_TEXT = (
    re.compile(r"PVEAPIToken=\S+"),
    re.compile(r"(?i)(passwd|password|secret|token)=['\"]?[^'\"\s,;>]+"),
    re.compile(r"-----BEGIN [A-Z ]+-----.*?-----END [A-Z ]+-----", re.DOTALL),
    re.compile(r"ssh-(rsa|ed25519|dss)\s+\S+|ecdsa-sha2-\S+\s+\S+"),
    re.compile(r"(?s)<(title|description)>.*?</\1>"),
    re.compile(r"\b\d{16}\b"),  # the shape of a national identity number
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
        return f"uuid={found[1]}" if found else GONE  # a guest's identity is no secret
    for pattern in _SECRET_TEXT:
        text = pattern.sub(GONE, text)
    return text
