"""Facts joined with what owners declare and tags say."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from estates import estate, health
from inventory.records import Coverage
from planner.coverage import CoverageIndex
from planner.guest_views import GuestView
from planner.owners import STRICTNESS, EstateFile
from stored import datastore, disk, guest, host

OWNERS: dict[str, Any] = {
    "agencies": {
        "dukcapil": {"name": "Civil registry", "contact": "registry@city.example"},
        "kominfo": {"name": "IT office"},
    },
    "services": {
        "registry": {
            "owner": "dukcapil",
            "dimension": "governance",
            "classification": "pribadi-umum",
            "criticality": 1,
        }
    },
}


def view(*tags: str, entry: dict[str, Any] | None = None, **more: Any) -> GuestView:
    """The one guest, with its tags and what is declared of it."""
    declared = [{"match": {"guest_id": "100"}} | entry] if entry else []
    place = estate(guest(tags=tags, **more), owners=OWNERS | {"guests": declared})
    [found] = place.guests
    return found


# Classes


def test_the_strictest_class_wins_whoever_states_it() -> None:
    for strict in STRICTNESS:
        for mild in STRICTNESS[: STRICTNESS.index(strict) + 1]:
            declared = {"classification": mild}
            assert view(f"cls.{strict}", entry=declared).classification == strict
            declared = {"classification": strict}
            assert view(f"cls.{mild}", entry=declared).classification == strict


def test_the_service_states_a_class_too() -> None:
    found = view("cls.publik", entry={"service": "registry", "classification": "terbatas"})
    assert found.classification == "pribadi-umum"
    assert found.classifications == (
        ("estate", "terbatas"),
        ("tag", "publik"),
        ("service", "pribadi-umum"),
    )


def test_the_first_to_state_a_class_is_the_one_that_is_named() -> None:
    assert view("cls.pribadi-umum", entry={"classification": "publik"}).classification_from == (
        "estate"
    )
    assert view("cls.publik", entry={"service": "registry"}).classification_from == "tag"
    assert view("svc.registry").classification_from == "service"
    assert view().classification_from == ""


def test_a_class_that_is_none_is_not_taken_for_one() -> None:
    found = view("cls.secret", "cls.")
    assert (found.classification, found.is_personal) == (None, None)


@pytest.mark.parametrize(
    ("name", "personal"),
    [("publik", False), ("infra", False), ("pribadi-umum", True), ("pribadi-spesifik", True)],
)
def test_personal_data_is_told_from_the_rest(name: str, personal: bool) -> None:
    assert view(f"cls.{name}").is_personal is personal


# Tags


def test_tags_are_read_whatever_their_case() -> None:
    found = view("OPD.Dukcapil", "Svc.Registry", "CRIT.2", "Dim.Living", "cls.Publik")
    assert (found.agency, found.service, found.classification) == (
        "dukcapil", "registry", "pribadi-umum",
    )  # fmt: skip
    assert found.criticality == 1  # the service's; the tag says less


@pytest.mark.parametrize(
    ("tag", "criticality"), [("crit.1", 1), ("crit.4", 4), ("crit.5", None), ("crit.high", None)]
)
def test_criticality_is_one_to_four(tag: str, criticality: int | None) -> None:
    assert view(tag).criticality == criticality


@pytest.mark.parametrize(
    ("tags", "public"),
    [(("expo.public",), True), (("zone.dmz",), True), (("zone.internal",), False), ((), False)],
)
def test_exposure_is_told_by_tags(tags: tuple[str, ...], public: bool) -> None:
    assert view(*tags).public is public


def test_without_tags_exposure_is_not_known() -> None:
    [found] = estate(guest(tags=None)).guests
    assert found.public is None


# Owners


def test_who_owns_a_guest_is_said_by_the_entry_then_the_service_then_the_tag() -> None:
    assert view("opd.kominfo", entry={"agency": "dukcapil"}).agency == "dukcapil"
    assert view("opd.kominfo", entry={"service": "registry"}).agency == "dukcapil"
    assert view("opd.kominfo", owner="parks").agency == "kominfo"
    assert view(owner="parks").agency == "parks"
    assert view().agency is None


def test_an_agency_that_is_declared_has_a_contact() -> None:
    assert view("opd.dukcapil").agency_contact == "registry@city.example"
    assert view("opd.parks").agency_contact is None


@pytest.mark.parametrize(
    ("match", "fits"),
    [
        ({"guest_id": "100"}, True),
        ({"vmid": 100}, True),
        ({"vmid": 101}, False),
        ({"uuid": "AB-CD"}, True),
        ({"uuid": "ab-ce"}, False),
        ({"name_glob": "web-*"}, True),
        ({"name_glob": "WEB-*"}, False),
        ({"pool": "blue"}, True),
        ({"pool": "red"}, False),
        ({"vmid": 100, "source": "site"}, True),
        ({"vmid": 100, "source": "elsewhere"}, False),
        ({"vmid": 100, "cluster": "c"}, True),
        ({"vmid": 100, "cluster": "d"}, False),
        ({"vmid": 100, "name_glob": "db-*"}, False),
    ],
)
def test_all_that_an_entry_says_must_fit(match: dict[str, Any], fits: bool) -> None:
    one = guest(name="web-1", uuid="ab-cd", resource_pool="blue")
    owners = OWNERS | {"guests": [{"match": match, "agency": "kominfo"}]}
    [found] = estate(one, owners=owners).guests
    assert (found.agency == "kominfo") is fits


def test_of_two_entries_the_first_says_who_and_both_say_how_strict() -> None:
    entries = [
        {"match": {"name_glob": "*"}, "agency": "kominfo", "classification": "publik"},
        {"match": {"vmid": 100}, "agency": "dukcapil", "classification": "pribadi-spesifik"},
    ]
    [found] = estate(guest(), owners=OWNERS | {"guests": entries}).guests
    assert (found.agency, found.classification) == ("kominfo", "pribadi-spesifik")


@pytest.mark.parametrize(
    ("tables", "told"),
    [
        ({"guests": [{"match": {"source": "site"}}]}, "needs one of"),
        ({"guests": [{"match": {"vmid": 1}, "service": "x"}]}, "'x' is no service here"),
        ({"guests": [{"match": {"vmid": 1}, "agency": "x"}]}, "'x' is no agency here"),
        ({"services": {"s": {"owner": "x"}}, "agencies": {"a": {"name": "A"}}}, "no agency here"),
        ({"guests": [{"match": {"vmid": 1}, "classification": "secret"}]}, "publik"),
        ({"services": {"s": {"owner": "x", "criticality": 5}}}, "4"),
        ({"version": 2}, "1"),
    ],
)
def test_a_file_that_names_what_is_not_there_is_refused(tables: dict[str, Any], told: str) -> None:
    with pytest.raises(ValidationError, match=told):
        EstateFile.model_validate(tables)


# Looking things up


def test_things_are_found_by_what_they_belong_to() -> None:
    place = estate(
        host(), host("h9", cluster="d"), guest(), guest("101"), guest("100", cluster="d"),
        disk(), disk("100", "scsi1"), disk("101"), datastore(),
    )  # fmt: skip
    assert place.clusters == ("c", "d")
    assert [v.guest.guest_id for v in place.guests_in("c")] == ["100", "101"]
    assert [d.slot for d in place.disks_of(place.guests_in("c")[0].guest)] == ["scsi0", "scsi1"]
    assert place.disks_of(place.guests_in("d")[0].guest) == ()
    assert place.datastore("c", "san") is not None
    assert place.datastore("d", "san") is None
    assert [h.record.name for h in place.hosts_in("d")] == ["h9"]


@pytest.mark.parametrize("key", ["san", "SAN 01"])
def test_a_datastore_is_declared_by_its_id_or_its_name(key: str) -> None:
    one = datastore().model_copy(update={"name": "SAN 01"})
    place = estate(one, owners={"storages": {key: {"encrypted": True}}})
    declared = place.declared(one)
    assert declared is not None
    assert declared.encrypted is True


# What was not seen


def test_what_a_source_never_told_is_a_gap() -> None:
    index = CoverageIndex([health(hidden=("nic",)).state])
    assert index.gap("site", "disk") is None
    hidden = index.gap("site", "nic")
    assert hidden is not None
    assert hidden.reason == "no right"
    assert index.gap("site", "nic", "guest/100") == hidden
    never = index.gap("site", "colour")
    assert never is not None
    assert never.reason == "site does not tell this"
    assert index.gap("nobody", "disk") is not None


def test_a_part_speaks_for_itself() -> None:
    failed = Coverage("guest/100", "disk", "failed", "locked")
    index = CoverageIndex([health(gaps=[failed]).state])
    assert index.gap("site", "disk", "guest/100") == failed
    assert index.gap("site", "disk", "guest/101") is None
    assert index.gap("site", "disk") is None
