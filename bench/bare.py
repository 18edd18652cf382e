"""The floor of the store's work: the same statements without the program around them.

It imports nothing of the project, so that it can run as a process of its own:
``python bench/bare.py STORE STATEMENTS.json`` reads what the statements read.
"""

from __future__ import annotations

import json
import shutil
import sqlite3
import sys
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

Statements = list[tuple[str, list[Sequence[Any]]]]  # each with all its rows of parameters

_PRAGMAS = ("busy_timeout = 30000", "foreign_keys = ON")  # as the store sets them


def replay(path: Path, statements: Statements) -> int:
    """Sends the statements in one transaction and fetches what they answer; counts those rows."""
    rows = 0
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        for pragma in _PRAGMAS:
            connection.execute(f"PRAGMA {pragma}")
        connection.execute("BEGIN" if all(_reads(s) for s, _p in statements) else "BEGIN IMMEDIATE")
        for statement, parameters in statements:
            if parameters == [()] or _reads(statement) or " RETURNING " in statement:
                rows += sum(len(connection.execute(statement, p).fetchall()) for p in parameters)
            else:
                connection.executemany(statement, parameters)
        connection.execute("COMMIT")
    return rows


def _reads(statement: str) -> bool:
    return statement.startswith("SELECT")


def rows_by_table(path: Path) -> dict[str, int]:
    """How many rows each table of a store holds."""
    with closing(sqlite3.connect(path)) as connection:
        names = connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")
        tables = [name for (name,) in names if not name.startswith("sqlite_")]
        counts = (f'SELECT count(*) FROM "{table}"' for table in tables)  # noqa: S608  (the schema's own names)
        return {
            table: connection.execute(count).fetchone()[0]
            for table, count in zip(tables, counts, strict=True)
        }


def making(path: Path) -> Statements:
    """The statements that would make a store anew: its tables, its indexes and all its rows."""
    with closing(sqlite3.connect(path)) as connection:
        schema = connection.execute("SELECT sql FROM sqlite_master WHERE sql IS NOT NULL")
        statements: Statements = [(sql, [()]) for (sql,) in schema]
        for table in rows_by_table(path):
            rows = connection.execute(f'SELECT * FROM "{table}"').fetchall()  # noqa: S608  (as above)
            if rows:
                marks = ", ".join("?" * len(rows[0]))
                statements.append((f'INSERT INTO "{table}" VALUES ({marks})', rows))  # noqa: S608
    return statements


@contextmanager
def copy_of(path: Path) -> Iterator[Path]:
    """A copy of a store to write to, as it was."""
    copy = path.with_suffix(".copy")
    shutil.copyfile(path, copy)
    try:
        yield copy
    finally:
        copy.unlink()


if __name__ == "__main__":
    replay(Path(sys.argv[1]), json.loads(Path(sys.argv[2]).read_text(encoding="utf-8")))
