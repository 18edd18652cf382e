"""Commands about what could be given back, and what guests cost."""

from __future__ import annotations

from typing import Annotated

import typer

from lumbung.choices import Format, PayerKind, ReclaimBy, RightsizeBy
from lumbung.cli.options import Form, On

commands = typer.Typer()


@commands.command("reclaim")
def _reclaim(
    context: typer.Context,
    by: Annotated[ReclaimBy | None, typer.Option("--by", help="totals instead of a list")] = None,
    savings: Annotated[
        bool, typer.Option("--savings", help="proposed against given back, by month")
    ] = False,
    on: On = None,
    form: Form = Format.table,
) -> None:
    """What could be given back: off, idle, old snapshots, orphans, oversized; each byte once."""
    from lumbung.commands.saving import show_reclaim, show_savings
    from lumbung.session import Session

    session = Session.of(context.obj)
    if savings:
        show_savings(session, on, form)
    else:
        show_reclaim(session, by, on, form)


@commands.command("rightsize")
def _rightsize(
    context: typer.Context,
    by: Annotated[RightsizeBy | None, typer.Option("--by", help="totals instead of a list")] = None,
    on: On = None,
    form: Form = Format.table,
) -> None:
    """The size that would do for each guest that runs, with its reason; at most halved a round."""
    from lumbung.commands.saving import show_rightsize
    from lumbung.session import Session

    show_rightsize(Session.of(context.obj), by, on, form)


@commands.command("showback")
def _showback(
    context: typer.Context,
    by: Annotated[PayerKind, typer.Option("--by", help="who is charged")] = PayerKind.agency,
    on: On = None,
    form: Form = Format.table,
) -> None:
    """What each agency, service or guest costs a month, by the policy's rate card."""
    from lumbung.commands.saving import show_showback
    from lumbung.session import Session

    show_showback(Session.of(context.obj), by, on, form)
