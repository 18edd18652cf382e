"""The documentation says what the program does: names, links, command lines, configurations."""

from __future__ import annotations

import contextlib
import re
import shlex
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import fields
from pathlib import Path
from typing import Any

import pytest
import typer
import yaml
from pydantic import BaseModel
from typer.exceptions import TyperException

from collectors.contract import collector_of, kinds
from collectors.files import FACT_KINDS, TABLES
from docs import generate
from docs.models import nested
from lumbung import settings
from lumbung.choices import Exit, Thing
from lumbung.commands.looking import RECORDS, columns_of
from lumbung.files import checked, load_policy
from planner.calendar_entries import CalendarFile
from planner.owners import EstateFile
from planner.policy import Policy
from planner.risks.catalogue import RULES
from planner.rows import ROW_TYPES
from planner.scenario.changes import ScenarioFile

ROOT = Path(__file__).resolve().parents[2]
DOCS = ROOT / "docs"
PAGES = sorted([*ROOT.glob("*.md"), *DOCS.rglob("*.md")])
GENERATED = set((DOCS / "reference").glob("*.md"))
_FENCE = re.compile(r"^```(?P<language>\w*)\n(?P<body>.*?)^```", re.MULTILINE | re.DOTALL)
_LINK = re.compile(r"(?:\]\(|src=\")(?P<target>[^)\"\s]+)[)\"]")

each_page = pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))


def text_of(page: Path) -> str:
    return page.read_text(encoding="utf-8")


# The reference


def test_the_reference_is_what_the_program_says() -> None:
    committed = {page.name: text_of(page) for page in GENERATED}
    assert committed == generate.pages(), "run `make docs` and commit docs/reference/"


def reference(stem: str) -> str:
    return text_of(DOCS / "reference" / f"{stem}.md")


def test_every_command_and_exit_code_is_listed() -> None:
    page = reference("commands")
    for words in generate.commands():
        assert f"## {f'lumbung {words}'.strip()}\n" in page
    for code in Exit:
        assert f"| {int(code)} |" in page


def models() -> Iterator[tuple[str, type[BaseModel]]]:
    """Every model whose fields are keys that a user writes, with the page that lists them."""
    for model in (*settings.TABLES.values(), settings.SourceSettings):
        yield "configuration", model
    for kind in kinds():
        yield "configuration", collector_of(kind).options
    waiting: list[tuple[str, type[BaseModel]]] = [
        ("policy", Policy), ("estate", EstateFile), ("scenarios", ScenarioFile),
    ]  # fmt: skip
    while waiting:
        page, model = waiting.pop()
        yield page, model
        waiting += [(page, inner) for inner in nested(model).values()]


def test_every_key_is_listed_and_says_what_it_means() -> None:
    for page, model in models():
        for name, field in model.model_fields.items():
            inside = nested(model).get(name)
            key = field.alias or name
            assert f"| `{key}` |" in reference(page) or f"`[{key}]`" in reference(page), key
            assert field.description or (inside and inside.__doc__), f"{model.__name__}.{name}"


def test_every_column_of_the_weekly_files_has_a_unit_and_a_meaning() -> None:
    stated = generate.MEANINGS["weekly"]
    assert set(stated) == set(ROW_TYPES)
    for stem, row_type in ROW_TYPES.items():
        assert list(stated[stem]) == [field.name for field in fields(row_type)], stem
        for column, (_unit, meaning) in stated[stem].items():
            assert f"| `{column}` |" in reference("weekly-files")
            assert meaning, f"{stem}.{column}"


def test_every_column_of_scenarios_and_requests_has_a_meaning() -> None:
    stated = generate.MEANINGS["whatif"]
    assert set(stated) == set(generate.WHATIF)
    for name, row_type in generate.WHATIF.items():
        assert list(stated[name]) == [field.name for field in fields(row_type)], name


def test_every_word_of_the_weekly_files_has_a_meaning() -> None:
    for column, words in generate.WORDS.items():
        assert set(generate.MEANINGS["words"][column]) == set(words), column
    assert {code.name for code in Exit} == set(generate.MEANINGS["exit"])


def test_every_flag_that_is_explained_is_raised() -> None:
    planner = "\n".join(text_of(path) for path in (ROOT / "planner").rglob("*.py"))
    for flag in generate.MEANINGS["words"]["flags"]:
        part = re.escape(flag.removesuffix("_assumed"))
        assert re.search(rf'"{flag}"|"{flag}:|"{part}"', planner), flag


def test_every_column_of_the_files_source_is_listed() -> None:
    page = reference("files-source")
    for stem, table in TABLES.items():
        assert f"## {table.file}\n" in page
        for column in table.columns:
            assert f"| `{column.name}` |" in page
            assert generate.meaning_of(stem, column.name)


def test_every_record_and_its_fields_are_listed() -> None:
    page = reference("inventory")
    for thing in Thing:
        section = page.partition(f"\n## {thing.value}\n")[2].partition("\n## ")[0]
        assert re.findall(r"^\| `(\w+)` \|", section, re.MULTILINE) == columns_of(thing)


def test_no_meaning_is_left_over() -> None:
    records = {record.kind_name: set(record.model_fields) for record in RECORDS.values()}
    for kind, stated in generate.MEANINGS["records"].items():
        assert set(stated) <= records.get(kind, {"source", "valid_from", "confirmed_at"}), kind
    for stem, stated in generate.MEANINGS["files"].items():
        assert stem not in FACT_KINDS
        assert set(stated) == {column.name for column in TABLES[stem].columns}


def test_every_rule_is_listed_with_what_to_do() -> None:
    page = reference("rules")
    for rule in RULES:
        section = page.partition(f"\n## {rule.id}\n")[2].partition("\n## ")[0]
        assert rule.title in section
        assert rule.why in section
        assert rule.fix in section


# Links and names


def anchors(page: Path) -> set[str]:
    """The anchors that a renderer makes of a page's headings."""
    headings = re.findall(r"^#+ (.+)$", _FENCE.sub("", text_of(page)), re.MULTILINE)
    plain = (re.sub(r"[^\w\- ]", "", heading.lower()) for heading in headings)
    return {heading.replace(" ", "-") for heading in plain}


@each_page
def test_every_link_leads_somewhere(page: Path) -> None:
    for found in _LINK.finditer(_FENCE.sub("", text_of(page))):
        target, _hash, anchor = found["target"].partition("#")
        if target.startswith(("https://", "http://")):
            continue
        there = (page.parent / target).resolve() if target else page
        assert there.exists(), found["target"]
        assert there.is_relative_to(ROOT), found["target"]
        assert not anchor or anchor in anchors(there), found["target"]


@each_page
def test_every_file_that_is_named_exists(page: Path) -> None:
    folders = {path.name for path in ROOT.iterdir() if path.is_dir()} - {"weekly"}
    for name in re.findall(r"`([\w.*/-]+/[\w.*/-]*)`", text_of(page)):
        if name.split("/")[0] in folders and not name.startswith((".venv", "config/lumbung.toml")):
            assert list(ROOT.glob(name.rstrip("/"))) or name.endswith(".token"), name


def test_every_page_is_in_the_index_of_the_documentation() -> None:
    listed = {
        (index.parent / found["target"].partition("#")[0]).resolve()
        for index in (DOCS / "README.md", DOCS / "decisions" / "README.md")
        for found in _LINK.finditer(text_of(index))
    }
    unlisted = set(DOCS.rglob("*.md")) - listed - {DOCS / "README.md"}
    assert not unlisted


@each_page
def test_every_make_target_that_is_named_exists(page: Path) -> None:
    targets = set(re.findall(r"^([\w-]+):", text_of(ROOT / "Makefile"), re.MULTILINE))
    named = re.findall(r"^    make (\w+)$|`make (\w+)`", text_of(page), re.MULTILINE)
    assert {a or b for a, b in named} <= targets


def test_pictures_are_small() -> None:
    pictures = list((DOCS / "pictures").iterdir())
    assert pictures
    for picture in pictures:
        assert picture.stat().st_size < 300_000, picture.name


# Command lines


def command_lines(page: Path) -> list[str]:
    """What a reader would type: indented lines of examples, and commands in running text."""
    program = r"(?:\S*/bin/)?lumbung "
    text = _FENCE.sub("", text_of(page))
    typed = re.findall(rf"^ {{4}}{program}(.+)$", text, re.MULTILINE)
    return typed + re.findall(rf"`{program}([^`]+)`", text)


@each_page
def test_every_command_line_is_one_that_the_program_takes(page: Path) -> None:
    for line in command_lines(page) if page not in GENERATED else ():
        parse(line)


def parse(line: str) -> None:
    """Raises the command line's own error unless the program takes the line.

    A command that is only named may leave out what it needs.
    """
    arguments = shlex.split(line)
    if line.strip() in generate.commands():
        return
    command: Any = generate.commands()[""]
    context = None
    while True:
        with contextlib.suppress(typer.Exit):  # --help
            context = command.make_context("lumbung", list(arguments), parent=context)
        if context is None or not hasattr(command, "commands"):
            return
        arguments = [*context._protected_args, *context.args]
        if not arguments or {"-h", "--help"} & set(arguments):
            return
        _name, command, arguments = command.resolve_command(context, arguments)


@pytest.mark.parametrize(
    "line",
    [
        "colect",
        "report --outt x",
        "inventory guest",
        "db purge --older-than soon",
        "sources chek",
        "explain pool/a/cpu/demand --format csv",
    ],
)
def test_a_command_line_that_the_program_does_not_take_is_noticed(line: str) -> None:
    with pytest.raises((TyperException, ValueError)):
        parse(line)


def test_what_ci_runs_is_the_readmes_test_command() -> None:
    runs = [line.strip() for line in text_of(ROOT / ".ci" / "run").splitlines()]
    assert "make test" in runs
    assert "`make test`" in text_of(ROOT / "README.md")


# Configurations


def blocks(language: str) -> list[Any]:
    """Every example in a language, as pytest parameters that name their page."""
    return [
        pytest.param(found["body"], id=f"{page.relative_to(ROOT)}:{found.start()}")
        for page in PAGES
        for found in _FENCE.finditer(text_of(page))
        if found["language"] == language
    ]


@pytest.mark.parametrize("body", blocks("toml"))
def test_every_configuration_in_the_pages_can_be_read(body: str, tmp_path: Path) -> None:
    tables = tomllib.loads(body)
    if set(tables) <= set(Policy.model_fields):
        assert read_policy(body, tmp_path)
        return
    path = tmp_path / "lumbung.toml"
    path.write_text(_completed(body, tables), encoding="utf-8")
    assert settings.load_settings(path).sources


def read_policy(body: str, folder: Path) -> Policy:
    path = folder / "policy.toml"
    path.write_text(body, encoding="utf-8")
    return load_policy(path)


def _completed(body: str, tables: Mapping[str, Any]) -> str:
    """A fragment with what it leaves out: the site, or a source."""
    if "site" not in tables:
        body += '\n[site]\ntimezone = "Asia/Jakarta"\n'
    if "sources" not in tables:
        body += '\n[[sources]]\nname = "x"\nkind = "files"\npath = "."\n'
    return body


@pytest.mark.parametrize("body", blocks("yaml"))
def test_every_estate_scenario_and_calendar_file_in_the_pages_can_be_read(body: str) -> None:
    tables = yaml.safe_load(body)
    models = {"scenarios": ScenarioFile, "holidays": CalendarFile}
    model = next((models[key] for key in models if key in tables), EstateFile)
    assert checked(model, tables, Path("estate.yaml"))


def test_every_example_in_the_shipped_estate_file_can_be_read() -> None:
    """What is commented out there, taken in: a key that is empty gets the lines below it."""
    text = re.sub(
        r"^#  ", "  ", text_of(ROOT / "config" / "estate.example.yaml"), flags=re.MULTILINE
    )
    text = re.sub(r"^(\w+): (?:\[\]|\{\})(.*)\n  ", r"\1:\2\n  ", text, flags=re.MULTILINE)
    tables = yaml.safe_load(text)
    read = checked(EstateFile, tables, Path("estate.example.yaml"))
    assert len(read.orders) == len(read.catalogue) == 2
    assert [gate.name for gate in read.budget.gates] == ["KUA-PPAS", "RKA", "APBD-P", "Pergeseran"]
    assert all(value for value in tables.values())


@pytest.mark.parametrize("body", blocks("csv"))
def test_every_csv_in_the_pages_is_one_that_the_files_source_reads(body: str) -> None:
    header = set(body.splitlines()[0].split(","))
    [table] = [
        table
        for table in TABLES.values()
        if {c.name for c in table.columns if c.required}
        <= header
        <= {c.name for c in table.columns}
    ]
    assert list(table.rows(body))


def test_every_dependency_has_its_reason() -> None:
    project = tomllib.loads(text_of(ROOT / "pyproject.toml"))["project"]
    stated = text_of(DOCS / "decisions" / "dependencies.md")
    groups = [project["dependencies"], *project["optional-dependencies"].values()]
    needed = {re.split(r"[<>=\[]", need)[0] for group in groups for need in group}
    assert set(re.findall(r"^\| `([\w-]+)` \|", stated, re.MULTILINE)) == needed
