"""How the help looks."""

from __future__ import annotations

from typing import Any

from typer.core import TyperGroup

_LONG = 1_000


class InFull(TyperGroup):
    """A group whose help tells what each command does in its whole first sentence."""

    def format_commands(self, ctx: Any, formatter: Any) -> None:
        commands = [(name, self.get_command(ctx, name)) for name in self.list_commands(ctx)]
        with formatter.section("Commands"):
            formatter.write_dl(
                [(name, one.get_short_help_str(_LONG)) for name, one in commands if one]
            )
