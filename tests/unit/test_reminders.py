"""What an operator is told of the sources, whatever was asked."""

from __future__ import annotations

from datetime import date, timedelta
from pathlib import Path

import pytest

from lumbung.reminders import reminders, token_words
from lumbung.settings import load_settings
from site_files import Site, guest, host
from stored import Book, at
from stored import guest as guest_record

TODAY = date(2026, 11, 1)


@pytest.mark.parametrize(
    ("days", "words"),
    [
        (None, ""),
        (31, ""),
        (30, "expires on 2026-12-01 (in 30 days): renew it"),
        (0, "expires on 2026-11-01 (in 0 days): renew it"),
        (-1, "expired on 2026-10-31: make a new one"),
    ],
)
def test_a_token_is_spoken_of_from_thirty_days_before_its_end(days: int | None, words: str) -> None:
    expires_on = None if days is None else TODAY + timedelta(days=days)
    assert token_words(expires_on, TODAY) == words


def test_a_token_that_ends_soon_is_told_of_a_source_that_is_configured(tmp_path: Path) -> None:
    config = Site(tmp_path).write(hosts=[host("h1")], guests=[guest("g1", "h1")]).config
    settings, book = load_settings(config), Book.empty()
    for source in ("site", "gone"):
        book.poll(at(0), guest_record(cluster=source), source=source, token_expires_on=TODAY)
    with book.store.reading() as connection:
        assert reminders(settings, connection, at(1)) == [
            "site: its token expires on 2026-11-01 (in 0 days): renew it"
        ]
        assert reminders(settings, connection, at(25)) == [
            "site: its token expired on 2026-11-01: make a new one"
        ]
