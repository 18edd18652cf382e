"""Precision and recall of what was planted."""

from __future__ import annotations

from pathlib import Path

from bench.planted import Accuracy, accuracy

PLANTED = frozenset({("A", "x"), ("A", "y"), ("B", "x")})


def test_what_is_missed_lowers_recall_and_what_is_not_planted_precision() -> None:
    found = Accuracy(frozenset({("A", "x"), ("B", "x"), ("C", "z")}), PLANTED)
    assert (found.precision, found.recall) == (2 / 3, 2 / 3)
    assert "missed: A y" in str(found)
    assert "not planted: C z" in str(found)
    nothing = Accuracy(frozenset(), PLANTED)
    assert (nothing.precision, nothing.recall) == (1.0, 0.0)


def test_unknowns_and_what_is_about_the_program_are_no_findings_of_the_city(tmp_path: Path) -> None:
    risks = tmp_path / "risks.csv"
    risks.write_text(
        "rule,subject,outcome,waiver\n"
        "BKP-001,dukcapil-nik (106),risk,\n"
        "BKP-001,accepted (108),risk,W-1\n"
        "BKP-001,other (107),unknown,\n"
        "OWN-006,lumbung,risk,\n"
    )
    found = accuracy(risks)
    assert found.found == {("BKP-001", "dukcapil-nik")}
    assert found.precision == 1.0
    assert 0 < found.recall < 0.1
