"""Draws docs/pictures/demo.svg: what `lumbung demo` prints, as a terminal shows it.

``python -m docs.picture``. It runs the demo of a fixed moment, so that the picture changes only
when the output does.
"""

from __future__ import annotations

import io
import tempfile
from datetime import datetime
from pathlib import Path

from rich.console import Console
from rich.terminal_theme import DIMMED_MONOKAI

from lumbung import demo
from lumbung.commands.showing import show_demo

_MOMENT = datetime.fromisoformat("2026-11-23T07:30:00+07:00")  # a Monday
_WIDTH = 118
_TARGET = Path(__file__).parent / "pictures" / "demo.svg"
# Rich's own frame without its web fonts: a picture in a README loads nothing.
_FRAME = """\
<svg class="rich-terminal" viewBox="0 0 {width} {height}" xmlns="http://www.w3.org/2000/svg">
<style>
.{unique_id}-matrix {{ font-family: "DejaVu Sans Mono", Menlo, Consolas, monospace;
  font-size: {char_height}px; line-height: {line_height}px; }}
.{unique_id}-title {{ font-size: 18px; font-family: sans-serif; }}
{styles}
</style>
<defs><clipPath id="{unique_id}-clip-terminal">
<rect x="0" y="0" width="{terminal_width}" height="{terminal_height}"/></clipPath>
{lines}
</defs>
{chrome}
<g transform="translate({terminal_x}, {terminal_y})" clip-path="url(#{unique_id}-clip-terminal)">
{backgrounds}
<g class="{unique_id}-matrix">
{matrix}
</g></g></svg>
"""


def main() -> None:
    """Runs the demo in a folder of its own and draws what it prints."""
    console = Console(
        record=True, width=_WIDTH, file=io.StringIO(), force_terminal=True, highlight=False
    )
    with tempfile.TemporaryDirectory() as folder:
        made = demo.run(Path(folder) / "lumbung-demo", _MOMENT, lambda _step: None)
        show_demo(made, console)
    _TARGET.parent.mkdir(exist_ok=True)
    _TARGET.write_text(
        console.export_svg(
            title="make demo", theme=DIMMED_MONOKAI, code_format=_FRAME, unique_id="demo"
        ),
        encoding="utf-8",
    )


if __name__ == "__main__":
    main()
