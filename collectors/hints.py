"""What free text betrays that should not be in it, told by its form; the text itself is dropped."""

from __future__ import annotations

import re

SCRUBBED = "[scrubbed]"  # what a recording holds in place of such a text

_SECRET = re.compile(r"(?i)\b(passw(or)?d|sandi|secret|token|api.?key)\b\s*[:=]")
# A word of letters with a digit, a sign or a capital inside, as passwords are and words are not.
_WORD = r"(?!https?:)(?=\S*[A-Za-z])(?=\S+[^a-z\s.,;:!?)])\S{6,}"
_TOLD = re.compile(
    rf"\b(?i:passw(?:or)?d|pwd|kata sandi|sandi)\b[ \t:=]+{_WORD}"
    rf"|\b(?i:login|user(?:name)?|admin|root)\b[^\n]{{0,30}}? /[ \t]*{_WORD}"
)
_PRIVATE_KEY = re.compile(r"-----BEGIN [A-Z ]*PRIVATE KEY-----")
_IDENTITY = re.compile(r"\b\d{16}\b")
_MOBILE = re.compile(r"(?<![\d.])(\+62|62|0)[ -]?8[1-9]\d([ -]?\d){6,9}(?![\d.])")


def states_a_secret(text: str) -> bool:
    """Whether a text says of something in it that it is a password, token or key."""
    return _SECRET.search(text) is not None


def hints_in(text: str) -> list[str]:
    """The forms of private things that are in a text."""
    found = {
        "password": states_a_secret(text) or _TOLD.search(text) is not None,
        "private-key": _PRIVATE_KEY.search(text) is not None,
        "identity-number": any(_is_identity(match) for match in _IDENTITY.findall(text)),
        "telephone": _MOBILE.search(text) is not None,
    }
    return sorted(name for name, is_there in found.items() if is_there)


def _is_identity(digits: str) -> bool:
    """The form of a national identity number: province, day and month of birth are possible."""
    province, day, month = int(digits[:2]), int(digits[6:8]), int(digits[8:10])
    return 11 <= province <= 94 and (1 <= day <= 31 or 41 <= day <= 71) and 1 <= month <= 12
