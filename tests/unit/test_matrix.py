"""The segregation matrix: who stands with whom, place by place, and what was not seen."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from estates import estate, health
from inventory.records import Record
from planner.risks.matrix import MatrixRow, matrix_of
from rule_cases import PERSONAL, PUBLIC, TEMPLATE, backup_of, job, nic
from rule_cases.network import bridge
from stored import datastore, disk, guest, host

BOTH = (host(), PERSONAL, PUBLIC)


def rows(*records: Record, **more: Any) -> dict[tuple[str, str], MatrixRow]:
    """The matrix by scope and place."""
    return {(row.scope, row.place): row for row in matrix_of(estate(*records, **more))}


def test_a_place_counts_its_guests_by_class_and_names_those_that_meet() -> None:
    found = rows(*BOTH, guest("300"), guest("301", tags=("cls.terbatas",)))
    row = found["host", "h1"]
    assert (row.guests, row.pribadi_umum, row.publik, row.terbatas, row.unclassified) == (
        4, 1, 1, 1, 1,
    )  # fmt: skip
    assert (row.public, row.meets) == (1, "yes")
    assert (row.personal_guests, row.public_guests) == ("guest 100 (100)", "guest 200 (200)")


def test_segments_count_who_receives_every_vlan_in_each() -> None:
    found = rows(*BOTH, bridge(), nic(), nic("200", vlan=0))
    assert found["segment", "vmbr0/10"].meets == "yes"
    assert found["segment", "vmbr0/untagged"].guests == 1
    apart = rows(*BOTH, bridge(), nic(), nic("200", vlan=20))
    assert apart["segment", "vmbr0/10"].meets == apart["segment", "vmbr0/20"].meets == "no"


def test_datastores_and_backup_targets() -> None:
    stores = (datastore(), datastore("pbs"), job(), backup_of("200", 1))
    found = rows(*BOTH, disk(), disk("200"), *stores)
    assert found["datastore", "san"].meets == "yes"
    assert found["backup target", "pbs"].guests == 2  # by the job, and by what lies there


def test_sites_are_those_that_are_declared() -> None:
    declared = {"hosts": {"h1": {"site": "hall"}}}
    found = rows(*BOTH, guest("300", host_id="h2"), host("h2"), owners=declared)
    assert found["site", "hall"].guests == 2
    assert (found["site", "?"].guests, found["site", "?"].meets) == (1, "not known")


def test_what_was_not_seen_is_a_place_of_its_own() -> None:
    hidden = (health(hidden=("nic", "disk", "backup")),)
    found = rows(*BOTH, sources=hidden)
    for scope in ("segment", "datastore", "backup target"):
        assert (found[scope, "?"].guests, found[scope, "?"].meets) == (2, "not known")
    seen = rows(*BOTH)
    assert not {place for scope, place in seen if scope == "segment"}  # on no network: known
    doubtful = rows(*BOTH, nic(), nic("200", vlan=None))
    assert doubtful["segment", "?"].guests == 1


def test_a_class_or_an_exposure_that_is_not_known_may_meet() -> None:
    assert rows(host(), guest(), PUBLIC)["host", "h1"].meets == "not known"
    assert rows(host(), PERSONAL, guest("2", tags=None))["host", "h1"].meets == "not known"
    assert rows(host(), PERSONAL, guest("2"))["host", "h1"].meets == "no"


def test_a_guest_does_not_meet_itself_and_a_template_nobody() -> None:
    alone = guest(tags=("cls.pribadi-umum", "expo.public"))
    assert rows(host(), alone)["host", "h1"].meets == "no"
    assert rows(host(), TEMPLATE) == {}


KINDS = st.sampled_from([(), ("cls.pribadi-umum",), ("cls.publik",), ("expo.public",)])


@given(st.lists(st.tuples(KINDS, st.sampled_from(["h1", "h2", "h3"])), max_size=12))
def test_every_guest_is_in_one_site_and_one_host(placed: list[tuple[Any, str]]) -> None:
    guests = [guest(str(i), tags=tags, host_id=on) for i, (tags, on) in enumerate(placed)]
    made = matrix_of(estate(host(), host("h2"), *guests))
    for scope in ("site", "host"):
        assert sum(row.guests for row in made if row.scope == scope) == len(guests)
    for row in made:
        classes = (row.pribadi_spesifik, row.pribadi_umum, row.infra, row.terbatas, row.publik)
        assert sum(classes) + row.unclassified == row.guests
