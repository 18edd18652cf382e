"""How a page is made: every text in it is escaped, and none is left out silently."""

from __future__ import annotations

from jinja2 import Environment, PackageLoader, StrictUndefined, Template, select_autoescape

from reports.cells import plain, short


def page_template(name: str) -> Template:
    """A template of a page, which may write ``text | plain`` for text from outside."""
    environment = Environment(
        loader=PackageLoader("reports", "templates"),
        autoescape=select_autoescape(default=True, default_for_string=True),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {"plain": plain, "short": short}
    return environment.get_template(name)
