"""Commands about risks to data, and what a breach asks for."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from lumbung.choices import Format, Language, Level, Profile, RiskFormat, ScoreBy
from lumbung.cli.options import Form, On, Reader

commands = typer.Typer()


@commands.command("risks")
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


@commands.command("rules")
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


@commands.command("incident")
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
