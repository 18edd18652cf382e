"""Commands that ask the platforms, or see to it that they are asked."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from lumbung.choices import Format, SourceKind
from lumbung.cli.help import InFull
from lumbung.cli.options import Form, Names

commands = typer.Typer()
sources = typer.Typer(
    help="The sources: when they last answered, what they hide.",
    invoke_without_command=True,
    cls=InFull,
)


@commands.command("init")
def _init(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="the project's folder")] = Path(),
    yes: Annotated[bool, typer.Option("--yes", help="ask nothing, take what is given")] = False,
    site: Annotated[str | None, typer.Option(help="the site's name")] = None,
    timezone: Annotated[str | None, typer.Option(help="such as Asia/Jakarta")] = None,
    kind: Annotated[SourceKind | None, typer.Option(help="of the first source")] = None,
    name: Annotated[str | None, typer.Option(help="the first source's short name")] = None,
    url: Annotated[str | None, typer.Option(help="proxmox: https://HOST:8006")] = None,
    uri: Annotated[str | None, typer.Option(help="libvirt: qemu+ssh://… or qemu+tls://…")] = None,
    path: Annotated[
        str | None, typer.Option(help="files: the directory of CSV; rvtools: the workbooks")
    ] = None,
) -> None:
    """Ask a few questions, probe what was told, write the configuration, say the next step."""
    from lumbung.commands.starting import start

    given = {"site": site, "timezone": timezone, "kind": kind and kind.value, "name": name}
    start(folder, given | {"url": url, "uri": uri, "path": path}, silent=yes)


@commands.command("collect")
def _collect(context: typer.Context, names: Names = None) -> None:
    """Poll every (named) source once and store what changed."""
    from lumbung.commands.collecting import collect_once
    from lumbung.session import Session

    raise typer.Exit(collect_once(Session.of(context.obj), names or []))


@commands.command("backfill")
def _backfill(
    context: typer.Context,
    names: Names = None,
    seconds: Annotated[float, typer.Option(min=1, help="stop after that long; it resumes")] = (
        3600.0
    ),
) -> None:
    """Read the history that the platforms keep themselves; resumes where it stopped."""
    from lumbung.commands.collecting import backfill_all
    from lumbung.session import Session

    raise typer.Exit(backfill_all(Session.of(context.obj), names or [], seconds=seconds))


@commands.command("record")
def _record(
    context: typer.Context,
    name: Annotated[str, typer.Argument(help="the source")],
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="where the record goes")],
) -> None:
    """Save a raw answer set without secrets, for a bug report or a test.

    Passwords, keys and notes are taken out. The names of guests, hosts and accounts, addresses
    and tags stay, for without them nothing can be replayed: read it before you send it.
    """
    from lumbung.commands.collecting import record_source
    from lumbung.session import Session

    raise typer.Exit(record_source(Session.of(context.obj), name, folder))


@sources.callback()
def _sources(context: typer.Context, form: Form = Format.table) -> None:
    """Each source: last success, age, gaps, what stays hidden, token expiry."""
    if context.invoked_subcommand is None:
        from lumbung.commands.collecting import list_sources
        from lumbung.session import Session

        list_sources(Session.of(context.obj), form)


@sources.command("check")
def _sources_check(context: typer.Context, names: Names = None) -> None:
    """Connect to each (named) source and tell what a poll would find; nothing is stored."""
    from lumbung.commands.collecting import check_sources
    from lumbung.session import Session

    raise typer.Exit(check_sources(Session.of(context.obj), names or []))


@commands.command("schedule")
def _schedule(context: typer.Context) -> None:
    """Poll and report as configured, in the foreground; for systemd. Cron needs it not."""
    from lumbung.commands.scheduling import run_schedule
    from lumbung.session import Session

    run_schedule(Session.of(context.obj))


@commands.command("demo")
def _demo(
    context: typer.Context,
    folder: Annotated[
        Path, typer.Argument(metavar="DIR", help="where the demo keeps its files")
    ] = Path("lumbung-demo"),
    again: Annotated[
        bool, typer.Option("--again", help="delete what was changed in the demo that is there")
    ] = False,
) -> None:
    """A city's data centre on this machine: collect, plan, report. Needs nothing."""
    from lumbung.commands.showing import run_demo
    from lumbung.session import Session

    run_demo(Session.of(context.obj), folder, again=again)
