"""How a page is made: every text in it is escaped, and none is left out silently."""

from __future__ import annotations

from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined, Template, select_autoescape
from markupsafe import Markup

from reports.cells import plain, short, without_identities


def _told(value: Any) -> Any:
    """What a page shows of a value; of what is a page's own text nothing is taken out."""
    is_foreign = isinstance(value, str) and not isinstance(value, Markup)
    return without_identities(value) if is_foreign else value


def _longest_word(text: str) -> int:
    """How many characters the longest word has: what a column needs to break none."""
    return max(map(len, text.split()), default=0)


def page_template(name: str) -> Template:
    """A template of a page, which may write ``text | plain`` for text from outside."""
    environment = Environment(
        loader=PackageLoader("reports", "templates"),
        autoescape=select_autoescape(default=True, default_for_string=True),
        undefined=StrictUndefined,
        finalize=_told,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {"plain": plain, "short": short, "longest_word": _longest_word}
    return environment.get_template(name)
