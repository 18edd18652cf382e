"""Commands that plan capacity."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from lumbung.choices import Format, Language
from lumbung.cli.options import Form, On

commands = typer.Typer()


@commands.command("capacity")
def _capacity(
    context: typer.Context,
    pool: Annotated[str | None, typer.Option(help="one pool only")] = None,
    on: On = None,
    form: Form = Format.table,
) -> None:
    """Per pool, resource and model: usable, demand, headroom, runway, and the date to order by."""
    from lumbung.commands.planning import show_capacity
    from lumbung.session import Session

    show_capacity(Session.of(context.obj), pool, on, form)


@commands.command("fit")
def _fit(
    context: typer.Context,
    profile: Annotated[
        str | None,
        typer.Option(metavar="SIZE", help="S, M, L, average or VCPU/GIB/GIB; default the first 4"),
    ] = None,
    clone: Annotated[
        str | None, typer.Option(metavar="GUEST", help="the size of a guest, by id, uuid or name")
    ] = None,
    pool: Annotated[str | None, typer.Option(help="one pool only")] = None,
    on: On = None,
    form: Form = Format.table,
) -> None:
    """How many more guests fit, host by host, beside the pooled estimate; what binds, and where."""
    from lumbung.commands.placing import show_fit
    from lumbung.session import Session

    show_fit(Session.of(context.obj), profile, clone, pool, on, form)


@commands.command("forecast")
def _forecast(
    context: typer.Context,
    pool: Annotated[str | None, typer.Argument(help="only this pool, in full")] = None,
    on: On = None,
    chart: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="also draw it: .svg, or .png with the extra [chart]"),
    ] = None,
    form: Form = Format.table,
) -> None:
    """What stands behind a runway: paths, steps and causes, growth told apart, track record."""
    from lumbung.commands.forecasting import show_forecast
    from lumbung.session import Session

    show_forecast(Session.of(context.obj), pool, on, form, chart)


@commands.command("failover")
def _failover(context: typer.Context, on: On = None, form: Form = Format.table) -> None:
    """Every host failure packed: the guests that would stay down."""
    from lumbung.commands.placing import show_failover
    from lumbung.session import Session

    show_failover(Session.of(context.obj), on, form)


@commands.command("whatif")
def _whatif(
    context: typer.Context,
    file: Annotated[
        Path | None, typer.Option("--file", metavar="YAML", help="scenarios side by side")
    ] = None,
    add: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NxSIZE",
            help="new guests: 40xM, 3x8/32/200, 2xaverage, 5xclone:GUEST; repeatable, as below",
        ),
    ] = None,
    remove: Annotated[
        list[str] | None, typer.Option(metavar="GUEST", help="by id, or name with * and ?")
    ] = None,
    resize: Annotated[
        list[str] | None, typer.Option(metavar="GUEST=VCPUS/GIB", help="web-1=8/32, web-1=/32")
    ] = None,
    retire: Annotated[list[str] | None, typer.Option(metavar="HOST", help="it leaves")] = None,
    add_host: Annotated[
        list[str] | None,
        typer.Option(metavar="NxHOST", help="like one that is there: 2xbk1; or 2xCORES/GIB"),
    ] = None,
    add_storage: Annotated[
        list[str] | None, typer.Option(metavar="DATASTORE=GIB", help="it becomes larger")
    ] = None,
    migrate: Annotated[
        list[str] | None, typer.Option(metavar="FROM:TO", help="all guests of a cluster")
    ] = None,
    cpu_factor: Annotated[
        float, typer.Option(min=0.01, max=10, help="cores needed there per core used here")
    ] = 1.0,
    growth: Annotated[
        list[str] | None,
        typer.Option(metavar="RESOURCE=FACTOR", help="memory=1.5: half as fast again"),
    ] = None,
    reclaim: Annotated[
        list[str] | None,
        typer.Option(metavar="POOL", help="half of what `reclaim` finds there is given back"),
    ] = None,
    pool: Annotated[str | None, typer.Option(help="the cluster that the changes are in")] = None,
    storage: Annotated[
        str | None, typer.Option(help="the datastore; default the one with most room")
    ] = None,
    when: Annotated[
        str | None, typer.Option(metavar="DATE", help="of the changes; default today")
    ] = None,
    every_pool: Annotated[
        bool, typer.Option("--all", help="show also what no scenario changes")
    ] = False,
    explain: Annotated[
        str | None, typer.Option(metavar="KEY", help="what stands behind a row, by its key")
    ] = None,
    request: Annotated[
        bool, typer.Option("--request", help="answer it: yes, no, or yes if something is ordered")
    ] = False,
    agency: Annotated[str | None, typer.Option(help="who asks, by the agency's code")] = None,
    until: Annotated[
        str | None, typer.Option(metavar="DATE", help="how long the request must be carried")
    ] = None,
    project: Annotated[
        str | None, typer.Option(metavar="NAME", help="the request is a project of the estate file")
    ] = None,
    page: Annotated[
        Path | None, typer.Option(metavar="HTML", help="the answer as a page to send back")
    ] = None,
    lang: Annotated[Language, typer.Option(help="of the answer")] = Language.en,
    on: On = None,
    form: Form = Format.table,
) -> None:
    """Scenarios side by side with doing nothing, from options or a file; nothing is stored."""
    from lumbung.commands.asked import Asked
    from lumbung.commands.request_keys import RequestAsked
    from lumbung.commands.whatif import answer_request, explain_row, show_scenarios
    from lumbung.dates import day_option
    from lumbung.session import Session

    asked = Asked(
        add=add or (), remove=remove or (), resize=resize or (), retire=retire or (),
        add_host=add_host or (), add_storage=add_storage or (), migrate=migrate or (),
        growth=growth or (), reclaim=reclaim or (), pool=pool, storage=storage,
        when=day_option(when, "--when"), cpu_factor=cpu_factor, agency=agency,
    )  # fmt: skip
    if request or project is not None:
        if explain is not None:
            raise typer.BadParameter(
                "the key of a request says all of it: lumbung explain KEY", param_hint="--explain"
            )
        wanted = RequestAsked(day_option(until, "--until"), project, page, lang.value)
        answer_request(Session.of(context.obj), asked, wanted, on, form)
        return
    if explain is not None:
        explain_row(Session.of(context.obj), asked, file, on, explain)
        return
    show_scenarios(Session.of(context.obj), asked, file, on, form, every_pool=every_pool)


@commands.command("balance")
def _balance(context: typer.Context, on: On = None, form: Form = Format.table) -> None:
    """How even hosts, clusters and sites are used over a week or more; the moves that help."""
    from lumbung.commands.placing import show_balance
    from lumbung.session import Session

    show_balance(Session.of(context.obj), on, form)


@commands.command("cameras")
def _cameras(
    context: typer.Context,
    recorder: Annotated[str | None, typer.Option(help="one recorder only")] = None,
    add: Annotated[
        int | None, typer.Option(min=1, metavar="N", help="with N more cameras on each")
    ] = None,
    mbps: Annotated[
        float | None,
        typer.Option(min=0.001, help="the bitrate of those N; default like those that are there"),
    ] = None,
    on: On = None,
    form: Form = Format.table,
) -> None:
    """Recorders: how far back they reach, what is required, cameras still possible, uplinks."""
    from lumbung.commands.cameras import show_cameras
    from lumbung.session import Session

    show_cameras(Session.of(context.obj), recorder, add, mbps, on, form)


@commands.command("migration")
def _migration(
    context: typer.Context,
    to: Annotated[
        str | None, typer.Option("--to", metavar="DATE", help="the burn-down to that day, by week")
    ] = None,
    on: On = None,
    form: Form = Format.table,
) -> None:
    """The move off VMware: per guest pass, warn or block, wave, state; --to the pace it needs."""
    from lumbung.commands.planning import show_migration
    from lumbung.session import Session

    show_migration(Session.of(context.obj), to, on, form)
