"""Laws of classes and tags: the stricter wins whoever says it, and nothing else counts."""

from __future__ import annotations

from typing import Any, get_args

from hypothesis import example, given
from hypothesis import strategies as st

from collectors.tags import KEYS, told_in_line
from estates import estate
from planner.guest_views import GuestView
from planner.owners import STRICTNESS, Dimension, EstateFile
from planner.twins import matches
from stored import guest

AGENCIES = {name: {"name": name} for name in ("a", "b", "c")}
CLASSES = st.sampled_from(STRICTNESS)
MATCHES = st.one_of(
    st.sampled_from(
        [
            {"uuid": "U-1"}, {"uuid": "u-2"}, {"guest_id": "1"}, {"vmid": 1}, {"vmid": 2},
            {"name_glob": "web-*"}, {"name_glob": "db*"}, {"pool": "p"},
            {"pool": "p", "guest_id": "1"}, {"uuid": "u-1", "cluster": "other"},
            {"guest_id": "1", "source": "site"}, {"vmid": 1, "uuid": "u-2"},
        ]
    ),
)  # fmt: skip
ENTRIES = st.lists(
    st.fixed_dictionaries(
        {"match": MATCHES},
        optional={"agency": st.sampled_from(sorted(AGENCIES)), "classification": CLASSES},
    ),
    max_size=5,
)
WORDS = st.text(st.sampled_from("abc.PUBlik-1_ €"), max_size=8)


def view(
    tags: list[str], entries: list[dict[str, Any]], service: str | None, **more: Any
) -> GuestView:
    owners: dict[str, Any] = {"agencies": AGENCIES, "guests": entries}
    if service is not None:
        owners["services"] = {"s": {"owner": "a", "classification": service}}
        tags = [*tags, "svc.s"]
    about = {"uuid": "u-1", "name": "web-1", "resource_pool": "p", "tags": tuple(tags)}
    [found] = estate(guest("1", **(about | more)), owners=owners).guests
    return found


@given(st.lists(CLASSES, max_size=3), ENTRIES, st.none() | CLASSES, st.randoms())
def test_the_strictest_of_all_that_is_stated_wins_in_any_order(
    tags: list[str], entries: list[dict[str, Any]], service: str | None, chance: Any
) -> None:
    told = [f"cls.{name}" for name in tags]
    found = view(told, entries, service)
    stated = [name for _origin, name in found.classifications]
    assert found.classification == max(stated, key=STRICTNESS.index, default=None)
    assert {*tags} <= {*stated}
    assert service is None or service in stated
    chance.shuffle(told)
    chance.shuffle(entries)
    assert view(told, entries, service).classification == found.classification


@given(st.lists(CLASSES, max_size=3), ENTRIES, CLASSES)
def test_one_more_statement_never_lowers_a_class(
    tags: list[str], entries: list[dict[str, Any]], more: str
) -> None:
    def rank(found: GuestView) -> int:
        return -1 if found.classification is None else STRICTNESS.index(found.classification)  # type: ignore[arg-type]

    told = [f"cls.{name}" for name in tags]
    before = rank(view(told, entries, None))
    for after in (
        view([*told, f"cls.{more}"], entries, None),
        view(told, [*entries, {"match": {"guest_id": "1"}, "classification": more}], None),
        view(told, entries, more),
    ):
        assert rank(after) == max(before, STRICTNESS.index(more))  # type: ignore[arg-type]


@given(ENTRIES, st.sampled_from(["u-1", "U-2", None]), st.sampled_from(["web-1", "db1", None]))
def test_the_first_entry_that_fits_says_the_agency(
    entries: list[dict[str, Any]], uuid: str | None, name: str | None
) -> None:
    found = view([], entries, None, uuid=uuid, name=name)
    fitting = [e for e in EstateFile(agencies=AGENCIES, guests=entries).guests  # type: ignore[arg-type]
               if matches(e.match, found.fact)]  # fmt: skip
    assert found.agency == next((e.agency for e in fitting if e.agency), None)
    assert [name for origin, name in found.classifications if origin == "estate"] == [
        e.classification for e in fitting if e.classification
    ]


@given(st.lists(WORDS, max_size=4))
@example(["cls.rahasia", "CLS.PUBLIK", "crit.0", "crit.11", "dim.foo", "opd.", "clspublik", "expo"])
def test_a_tag_says_what_its_prefix_and_a_known_word_say_and_nothing_else(words: list[str]) -> None:
    found = view(words, [], None)
    lower = [word.lower() for word in words]
    assert found.classification in {
        *(word.removeprefix("cls.") for word in lower if word.startswith("cls.")),
        None,
    }
    assert found.classification is None or found.classification in STRICTNESS
    assert found.criticality in {1, 2, 3, 4, None}
    assert found.dimension in {*get_args(Dimension), None}
    assert found.public is ("expo.public" in lower or "zone.dmz" in lower)
    assert view([word.upper() for word in words], [], None).classification == found.classification


@given(st.text(max_size=60))
@example("vp: cls.publik geheim opd.a;crit.1\nvp:svc.x")
@example("x\n vp:\tcls.publik, CLS.terbatas cls..")
def test_a_description_gives_tags_of_known_keys_and_no_free_text(text: str) -> None:
    told = told_in_line(text)
    for tag in told.tags:
        key, dot, value = tag.partition(".")
        assert key in KEYS
        assert dot
        assert value in text
        assert not set(value) & set(" \n\t;,:")
    assert {*told.refused} <= {*KEYS, "?"}
    assert "vp:" in text or told.tags == ()
