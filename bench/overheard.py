"""What the program sends to its store, to be sent again without the program."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from sqlalchemy import event

from bench.bare import Statements
from inventory.store import Store


@contextmanager
def overheard(store: Store) -> Iterator[Statements]:
    """The statements sent to the store while the block lasts, each once with all its rows."""
    heard: dict[str, list[Sequence[Any]]] = defaultdict(list)
    result: Statements = []

    def hear(
        _connection: Any, _cursor: Any, statement: str, parameters: Any, _context: Any, _many: bool
    ) -> None:
        if not statement.startswith(("BEGIN", "PRAGMA")):
            heard[statement] += parameters if isinstance(parameters, list) else [parameters]

    event.listen(store.engine, "before_cursor_execute", hear)
    try:
        yield result
    finally:
        event.remove(store.engine, "before_cursor_execute", hear)
        result += heard.items()
