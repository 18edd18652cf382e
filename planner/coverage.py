"""What sources covered of each kind of fact, to tell none from not seen."""

from __future__ import annotations

from collections.abc import Iterable

from inventory.records import Coverage
from inventory.sources import SourceState


class CoverageIndex:
    """What each source covered, to tell "none" from "not seen"."""

    def __init__(self, states: Iterable[SourceState]) -> None:
        self._states = {state.name: state for state in states}
        self._gaps = {
            (name, gap.kind, gap.scope): gap
            for name, state in self._states.items()
            for gap in state.gaps
        }

        # Of these nothing was missed anywhere: most of what is asked is about them.
        self._whole = {
            (name, kind)
            for name, state in self._states.items()
            for kind, scope in state.covered
            if not scope
        } - {(name, kind) for name, kind, _scope in self._gaps}

    def saw_all(self, source: str, kind: str) -> bool:
        """Whether a source showed every fact of a kind, in every scope."""
        return (source, kind) in self._whole

    def gap(self, source: str, kind: str, scope: str = "") -> Coverage | None:
        if (source, kind) in self._whole:
            return None
        own = self._gaps.get((source, kind, scope))
        if own is not None:
            return own
        state = self._states.get(source)
        if state is not None and (kind, scope) in state.covered:
            return None
        whole = self._gaps.get((source, kind, ""))
        if whole is not None:
            return whole
        if state is None or (kind, "") not in state.covered:
            return Coverage(scope, kind, "hidden", f"{source} does not tell this")
        return None
