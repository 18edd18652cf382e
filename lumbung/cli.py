"""The command line: every command with its options, and nothing else.

A command loads what it needs when it runs, so that `--help` is instant.
"""

from __future__ import annotations

import gc
import sys
import traceback
from pathlib import Path
from typing import Annotated

import typer
from typer.exceptions import TyperException

from lumbung.choices import (
    CsvDialect,
    Exit,
    Format,
    Globals,
    Language,
    Level,
    PayerKind,
    Profile,
    ReclaimBy,
    RightsizeBy,
    RiskFormat,
    RoundsShow,
    ScoreBy,
    SourceKind,
    Thing,
)

_HELP = """The granary of a data centre's computing: what there is, whose it is, how long it lasts,
and by which date to order.

\b
On Monday                  lumbung report          then read orders.csv and brief.html
Every month                lumbung changes --from DATE · lumbung risks
Before an order            lumbung capacity · lumbung fit · lumbung failover · lumbung explain KEY
Before an audit            lumbung risks --framework iso27001 · lumbung report verify
When something is wrong    lumbung sources check · lumbung incident --guest X --from TIME
"""

_LOOK = {
    "no_args_is_help": True,
    "add_completion": False,
    "pretty_exceptions_enable": False,
    "rich_markup_mode": None,
    "context_settings": {"help_option_names": ["-h", "--help"], "max_content_width": 100},
}
app = typer.Typer(help=_HELP, **_LOOK)  # type: ignore[arg-type]  # options of several types
sources = typer.Typer(
    help="The sources: when they last answered, what they hide.", invoke_without_command=True
)
estate = typer.Typer(help="The owners' file, and what agencies answer.", no_args_is_help=True)
report = typer.Typer(
    help="Write the weekly files: orders, pools, guests, risks, changes, sources, failover, "
    "cameras…",
    invoke_without_command=True,
)
db = typer.Typer(help="The store: what it holds, its schema, its health.", no_args_is_help=True)

Names = Annotated[list[str] | None, typer.Argument(help="sources; default all")]
Form = Annotated[Format, typer.Option("--format", help="table, csv or json")]
Reader = Annotated[
    Profile,
    typer.Option(
        help="who reads it: management gets no addresses and accounts, an auditor shortened ones"
    ),
]
On = Annotated[str | None, typer.Option("--on", metavar="DATE", help="as of that day")]


@app.callback()
def _global(
    context: typer.Context,
    config: Annotated[
        Path | None,
        typer.Option(
            help="configuration; default $LUMBUNG_CONFIG, else ./config/lumbung.toml, else "
            "/etc/lumbung/lumbung.toml"
        ),
    ] = None,
    db_url: Annotated[
        str | None, typer.Option("--db", metavar="URL", help="the store, instead of [store] url")
    ] = None,
    verbose: Annotated[bool, typer.Option("-v", "--verbose", help="say more")] = False,
) -> None:
    context.obj = Globals(config=config, db=db_url, verbose=verbose)


@app.command("init")
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


@app.command("collect")
def _collect(context: typer.Context, names: Names = None) -> None:
    """Poll every (named) source once and store what changed."""
    from lumbung.commands.collecting import collect_once
    from lumbung.session import Session

    raise typer.Exit(collect_once(Session.of(context.obj), names or []))


@app.command("backfill")
def _backfill(
    context: typer.Context,
    names: Names = None,
    seconds: Annotated[float, typer.Option(help="stop after that long; it resumes")] = 3600.0,
) -> None:
    """Read the history that the platforms keep themselves; resumes where it stopped."""
    from lumbung.commands.collecting import backfill_all
    from lumbung.session import Session

    raise typer.Exit(backfill_all(Session.of(context.obj), names or [], seconds=seconds))


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


app.add_typer(sources, name="sources")


@app.command("record")
def _record(
    context: typer.Context,
    name: Annotated[str, typer.Argument(help="the source")],
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="where the record goes")],
) -> None:
    """Save a scrubbed raw answer set, for a bug report or a test."""
    from lumbung.commands.collecting import record_source
    from lumbung.session import Session

    raise typer.Exit(record_source(Session.of(context.obj), name, folder))


@app.command("inventory")
def _inventory(
    context: typer.Context,
    kind: Annotated[Thing, typer.Argument(help="what to list")],
    at: Annotated[
        str | None, typer.Option(metavar="DATE", help="as it was at the end of that day")
    ] = None,
    form: Form = Format.table,
) -> None:
    """What is known, now or at any past date; bytes and other base units."""
    from lumbung.commands.looking import list_things
    from lumbung.session import Session

    list_things(Session.of(context.obj), kind, at, form)


@app.command("changes")
def _changes(
    context: typer.Context,
    start: Annotated[
        str | None, typer.Option("--from", metavar="DATE", help="default: 7 days before")
    ] = None,
    end: Annotated[str | None, typer.Option("--to", metavar="DATE", help="default: today")] = None,
    form: Form = Format.table,
) -> None:
    """What was added, removed, resized, moved, renamed or reclassified."""
    from lumbung.commands.looking import list_changes
    from lumbung.session import Session

    list_changes(Session.of(context.obj), start, end, form)


@app.command("capacity")
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


@app.command("fit")
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


@app.command("forecast")
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


@app.command("failover")
def _failover(context: typer.Context, on: On = None, form: Form = Format.table) -> None:
    """Every host failure packed: the guests that would stay down."""
    from lumbung.commands.placing import show_failover
    from lumbung.session import Session

    show_failover(Session.of(context.obj), on, form)


@app.command("whatif")
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
    from lumbung.commands.whatif import (
        RequestAsked,
        answer_request,
        explain_row,
        show_scenarios,
    )
    from lumbung.dates import day_option
    from lumbung.session import Session

    asked = Asked(
        add=add or (), remove=remove or (), resize=resize or (), retire=retire or (),
        add_host=add_host or (), add_storage=add_storage or (), migrate=migrate or (),
        growth=growth or (), reclaim=reclaim or (), pool=pool, storage=storage,
        when=day_option(when, "--when"), cpu_factor=cpu_factor, agency=agency,
    )  # fmt: skip
    if request or project is not None:
        wanted = RequestAsked(day_option(until, "--until"), project, page, lang.value)
        answer_request(Session.of(context.obj), asked, wanted, on, form)
        return
    if explain is not None:
        explain_row(Session.of(context.obj), asked, file, on, explain)
        return
    show_scenarios(Session.of(context.obj), asked, file, on, form, every_pool=every_pool)


@app.command("balance")
def _balance(context: typer.Context, on: On = None, form: Form = Format.table) -> None:
    """How even hosts, clusters and sites are used over a week or more; the moves that help."""
    from lumbung.commands.placing import show_balance
    from lumbung.session import Session

    show_balance(Session.of(context.obj), on, form)


@app.command("cameras")
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


@app.command("migration")
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


@app.command("reclaim")
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


@app.command("rightsize")
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


@app.command("showback")
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


@app.command("risks")
def _risks(
    context: typer.Context,
    least: Annotated[Level, typer.Option("--min", help="least severity shown")] = Level.info,
    fail_on: Annotated[
        Level | None, typer.Option("--fail-on", help="exit 5 when a risk is at least that severe")
    ] = None,
    by: Annotated[
        ScoreBy | None, typer.Option("--by", help="the score of each instead of a list")
    ] = None,
    framework: Annotated[
        str | None,
        typer.Option(
            metavar="NAME",
            help="instead each control of a standard or law, and what the findings tell of it: "
            "iso27001, nist80053, cis8, uupdp, pp71, gdpr or one of your own",
        ),
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option(
            "--out", metavar="DIR", help="with --framework: the lists an auditor samples from"
        ),
    ] = None,
    profile: Reader = Profile.technical,
    lang: Annotated[Language, typer.Option(help="of titles and remedies")] = Language.en,
    matrix: Annotated[
        bool, typer.Option("--matrix", help="where personal data and the public stand together")
    ] = False,
    on: On = None,
    form: Annotated[
        RiskFormat, typer.Option("--format", help="table, csv, json, or sarif 2.1.0")
    ] = RiskFormat.table,
) -> None:
    """The findings: risks with evidence and remedy, and what could not be checked."""
    from lumbung.commands.proving import show_framework
    from lumbung.commands.risks import RisksAsked, show_matrix, show_risks, show_score
    from lumbung.session import Session

    session = Session.of(context.obj)
    if matrix:
        if fail_on is not None or least is not Level.info or by is not None:
            raise typer.BadParameter("--matrix shows places; leave out --min, --fail-on and --by")
        return show_matrix(session, on, _table_form(form))
    if framework is not None:
        return show_framework(session, framework, out, profile.value, on, form)
    if out is not None:
        raise typer.BadParameter("belongs to --framework", param_hint="--out")
    if by is not None:
        if fail_on is not None or least is not Level.info:
            raise typer.BadParameter("--by shows scores; leave out --min and --fail-on")
        return show_score(session, by, on, _table_form(form))
    asked = RisksAsked(least, fail_on, profile.value, lang.value)
    raise typer.Exit(show_risks(session, asked, on, form))


def _table_form(form: RiskFormat) -> Format:
    """The form of a table that is no list of findings. Raises BadParameter."""
    if form is RiskFormat.sarif:
        raise typer.BadParameter("sarif is for findings", param_hint="--format")
    return Format(form.value)


@app.command("rules")
def _rules(
    context: typer.Context,
    missing: Annotated[
        bool, typer.Option("--absent", help="instead the rules that cannot be had, and why")
    ] = False,
    lang: Annotated[Language, typer.Option(help="of titles, reasons and remedies")] = Language.en,
    form: Form = Format.table,
) -> None:
    """The catalogue of rules, and the controls of standards and laws that each tells of."""
    from lumbung.commands.ruling import show_absent, show_rules
    from lumbung.session import Session

    if missing:
        show_absent(form)
    else:
        show_rules(Session.of(context.obj), lang.value, form)


@app.command("incident")
def _incident(
    context: typer.Context,
    guest: Annotated[str, typer.Option("--guest", help="by id, UUID or name")],
    start: Annotated[
        str, typer.Option("--from", metavar="TIME", help="2026-11-20, or 2026-11-20T14:30")
    ],
    end: Annotated[
        str | None, typer.Option("--to", metavar="TIME", help="the same; default now")
    ] = None,
    out: Annotated[
        Path | None, typer.Option("--out", metavar="DIR", help="default: incident-GUEST-FROM")
    ] = None,
    lang: Annotated[Language, typer.Option(help="of the page")] = Language.en,
) -> None:
    """What a notice of a breach needs: data, reach, rights, copies, changes, what is not known."""
    from lumbung.commands.incidents import assemble
    from lumbung.session import Session

    print(assemble(Session.of(context.obj), guest, (start, end), out, lang.value))


@app.command("explain")
def _explain(
    context: typer.Context,
    key: Annotated[
        str,
        typer.Argument(
            help="pool/NAME/RESOURCE/MODEL[/COLUMN], guest/ID[/COLUMN], finding/ID, recorder/NAME, "
            "or with --file scenario/NAME/POOL/RESOURCE/MODEL[/COLUMN]"
        ),
    ],
    file: Annotated[
        Path | None, typer.Option("--file", metavar="YAML", help="the scenarios of the key")
    ] = None,
    on: On = None,
) -> None:
    """Formula, inputs with their dates, and policy behind a number."""
    from lumbung.commands.planning import show_explanation
    from lumbung.session import Session

    if file is not None:
        from lumbung.commands.asked import Asked
        from lumbung.commands.whatif import explain_row

        explain_row(Session.of(context.obj), Asked(), file, on, key)
        return
    show_explanation(Session.of(context.obj), key, on)


@estate.command("check")
def _estate_check(context: typer.Context) -> None:
    """Validate the estate file, and the pools it names against what the store knows."""
    from lumbung.commands.owning import check_estate
    from lumbung.session import Session

    raise typer.Exit(check_estate(Session.of(context.obj)))


@estate.command("export")
def _estate_export(
    context: typer.Context,
    agency: Annotated[str | None, typer.Option(metavar="CODE", help="only of this agency")] = None,
    folder: Annotated[
        Path | None,
        typer.Option("--out", metavar="DIR", help="default: attestation/DATE in the project"),
    ] = None,
    lang: Annotated[Language, typer.Option(help="of the text beside the lists")] = Language.en,
    dialect: Annotated[
        CsvDialect, typer.Option("--csv-dialect", help="excel-id: semicolons, decimal commas")
    ] = CsvDialect.standard,
) -> None:
    """Write each agency the list of its guests to fill in, with guesses marked as guesses."""
    from lumbung.commands.attesting import export_lists
    from lumbung.session import Session

    session = Session.of(context.obj)
    export_lists(session, agency, folder, dialect=dialect.value, lang=lang.value)


@estate.command("import")
def _estate_import(
    context: typer.Context,
    files: Annotated[list[Path], typer.Argument(metavar="FILE…", help="lists that came back")],
    yes: Annotated[bool, typer.Option("--yes", help="take them in without asking")] = False,
) -> None:
    """Check the lists that came back, show what changes, and record it when confirmed."""
    from lumbung.commands.attesting import import_answers
    from lumbung.session import Session

    raise typer.Exit(import_answers(Session.of(context.obj), files, yes=yes))


@estate.command("rounds")
def _estate_rounds(
    context: typer.Context,
    what: Annotated[
        RoundsShow | None, typer.Option("--show", help="default: agencies, and what comes first")
    ] = None,
    form: Form = Format.table,
) -> None:
    """How many guests agencies answered for, what is overdue, and what to classify first."""
    from lumbung.commands.attesting import show_rounds
    from lumbung.session import Session

    show_rounds(Session.of(context.obj), what, form)


app.add_typer(estate, name="estate")


@report.callback()
def _report(
    context: typer.Context,
    folder: Annotated[
        Path | None, typer.Option("--out", metavar="DIR", help="default: weekly/ in the project")
    ] = None,
    on: Annotated[
        str | None, typer.Option("--on", metavar="DATE", help="as of the end of that day")
    ] = None,
    lang: Annotated[
        Language, typer.Option(help="of the brief, and of what the risks say")
    ] = Language.en,
    dialect: Annotated[
        CsvDialect, typer.Option("--csv-dialect", help="excel-id: semicolons, decimal commas")
    ] = CsvDialect.standard,
    profile: Reader = Profile.technical,
) -> None:
    """Write the weekly files: orders, pools, guests, risks, changes, sources, failover, cameras…"""
    if context.invoked_subcommand is not None:
        return
    from lumbung.commands.reporting import report_once
    from lumbung.dates import day_option
    from lumbung.session import Session

    session, day = Session.of(context.obj), day_option(on, "--on")
    link = report_once(
        session, folder, day, dialect=dialect.value, lang=lang.value, profile=profile.value
    )
    print(link)


@report.command("verify")
def _report_verify(
    context: typer.Context,
    folder: Annotated[
        Path | None, typer.Argument(metavar="DIR", help="default: weekly/ in the project")
    ] = None,
) -> None:
    """Find what was altered, removed or added since it was published: files, weeks, log lines."""
    from lumbung.commands.verifying import verify
    from lumbung.session import Session

    raise typer.Exit(verify(Session.of(context.obj), folder))


app.add_typer(report, name="report")


@app.command("schedule")
def _schedule(context: typer.Context) -> None:
    """Poll and report as configured, in the foreground; for systemd. Cron needs it not."""
    from lumbung.commands.scheduling import run_schedule
    from lumbung.session import Session

    run_schedule(Session.of(context.obj))


@db.command("info")
def _db_info(context: typer.Context) -> None:
    """Where the store is, its schema, and how much it holds."""
    from lumbung.commands.storing import show_info
    from lumbung.session import Session

    show_info(Session.of(context.obj))


@db.command("upgrade")
def _db_upgrade(context: typer.Context) -> None:
    """Bring the schema up to this program; an embedded store is copied first."""
    from lumbung.commands.storing import upgrade
    from lumbung.session import Session

    upgrade(Session.of(context.obj))


@db.command("check")
def _db_check(context: typer.Context) -> None:
    """Look for damage: of the file, and of what the store promises about its facts."""
    from lumbung.commands.storing import check
    from lumbung.session import Session

    raise typer.Exit(check(Session.of(context.obj)))


@db.command("purge")
def _db_purge(
    context: typer.Context,
    older_than: Annotated[
        int | None,
        typer.Option(min=30, metavar="DAYS", help="also forget facts, polls and samples before"),
    ] = None,
) -> None:
    """Merge and drop old samples as configured; with --older-than forget more, for good."""
    from lumbung.commands.storing import purge
    from lumbung.session import Session

    purge(Session.of(context.obj), older_than)


@db.command("log")
def _db_log(context: typer.Context, form: Form = Format.table) -> None:
    """The audit log: who ran what, when, on which sources, with which counts."""
    from lumbung.commands.verifying import show_log
    from lumbung.session import Session

    show_log(Session.of(context.obj), form)


app.add_typer(db, name="db")


@app.command("demo")
def _demo(
    context: typer.Context,
    folder: Annotated[
        Path, typer.Argument(metavar="DIR", help="where the demo keeps its files")
    ] = Path("lumbung-demo"),
) -> None:
    """A city's data centre on this machine: collect, plan, report. Needs nothing."""
    from lumbung.commands.showing import run_demo
    from lumbung.session import Session

    run_demo(Session.of(context.obj), folder)


# An estate is many small things that stay. To look through them for cycles each time that a few
# hundred more are there takes a tenth of a report's time, and there are hardly any.
_NEW_BEFORE_CYCLES_ARE_SOUGHT = 50_000


def main() -> None:
    """Runs the command line; every expected trouble is one line and an exit code."""
    gc.set_threshold(_NEW_BEFORE_CYCLES_ARE_SOUGHT)
    sys.exit(run(sys.argv[1:]))


def run(arguments: list[str]) -> int:
    """The exit code of one command line."""
    try:
        result = app(args=arguments, prog_name="lumbung", standalone_mode=False)
    except typer.Abort:
        _say("stopped")
        return Exit.FAULT
    except TyperException as error:
        _say(f"lumbung: {error.format_message()} (see `lumbung --help`)")
        return Exit.USAGE
    except BrokenPipeError:
        sys.stderr.close()  # the reader went away; there is no one to tell
        return Exit.DONE
    except Exception as error:  # noqa: BLE001  (the last line of defence: told below)
        return _told(error, verbose=bool({"-v", "--verbose"} & set(arguments)))
    return int(result) if isinstance(result, int) else Exit.DONE


def _told(error: Exception, *, verbose: bool) -> int:
    """The exit code of an error, told in one line; one that is not foreseen is our own fault."""
    from collectors.contract import CollectError
    from inventory.errors import StoreError
    from lumbung.settings import SettingsError

    if isinstance(error, SettingsError | StoreError | CollectError):
        _say(f"lumbung: {error}")
        return Exit.USAGE
    if verbose:
        traceback.print_exception(error)
    _say(
        f"lumbung: an unexpected {type(error).__name__}: {error}; this is a fault of the "
        "program, please report it (-v shows where)"
    )
    return Exit.FAULT


def _say(message: str) -> None:
    from lumbung.printing import note

    note(message)


if __name__ == "__main__":
    main()
