"""What the comments beside a class's fields say: ``memory_bytes: int  # the maximum``."""

from __future__ import annotations

import ast
import inspect
import io
import textwrap
import tokenize


def field_comments(cls: type) -> dict[str, str]:
    """The comment at the end of each field that has one, by field."""
    source = textwrap.dedent(inspect.getsource(cls))
    comments = _comments(source)
    [body] = ast.parse(source).body
    found = {}
    for node in body.body if isinstance(body, ast.ClassDef) else ():
        if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
            comment = comments.get(node.end_lineno or node.lineno)
            if comment:
                found[node.target.id] = comment
    return found


def _comments(source: str) -> dict[int, str]:
    """Every comment by its line."""
    tokens = tokenize.generate_tokens(io.StringIO(source).readline)
    return {
        token.start[0]: token.string.lstrip("# ").strip()
        for token in tokens
        if token.type == tokenize.COMMENT
    }
