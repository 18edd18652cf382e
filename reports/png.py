"""An SVG as PNG, through resvg: an extra, for whoever cannot show SVG."""

from __future__ import annotations

_TWICE = 2.0  # sharp on paper and on dense screens


class NotInstalled(Exception):
    """The extra that draws PNG is missing; the message says how to get it."""


def png_of(svg: str) -> bytes:
    """The picture at twice its size, on white. Raises NotInstalled.

    Letters are drawn with the fonts of this machine.
    """
    try:
        from resvg_py import svg_to_bytes
    except ImportError:
        raise NotInstalled(
            "a PNG needs resvg-py; install it with: pip install 'lumbung[chart]' (or write an .svg)"
        ) from None
    return bytes(svg_to_bytes(svg_string=svg, zoom=_TWICE, background="#ffffff"))
