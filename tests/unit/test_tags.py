"""Tags in a guest's metadata: how they are read, and that nothing else comes with them."""

from __future__ import annotations

from pathlib import Path

import pytest
from defusedxml.ElementTree import fromstring

from collectors.scrub import scrubbed
from collectors.tags import COMMAND, KEYS, NAMESPACE, only_tags, told_in
from inventory.records import Guest
from libvirt_answers import Written, snapshot, uuid

OURS = f"<lumbung:inventory xmlns:lumbung='{NAMESPACE}'>{{}}</lumbung:inventory>"


def metadata(inside: str) -> str:
    return f"<metadata>{OURS.format(inside)}</metadata>"


def tags(text: str) -> tuple[str, ...]:
    return told_in(fromstring(text)).tags


def test_every_key_is_read_and_a_key_may_come_twice() -> None:
    inside = "".join(f"<lumbung:{key}>x.1-y</lumbung:{key}>" for key in KEYS)
    more = "<lumbung:role>lb</lumbung:role><lumbung:role> lb </lumbung:role>"
    expected = sorted([*(f"{key}.x.1-y" for key in KEYS), "role.lb"])
    assert list(tags(metadata(inside + more))) == expected


@pytest.mark.parametrize(
    "written",
    [
        f"<metadata><inventory xmlns='{NAMESPACE}'><cls>publik</cls></inventory></metadata>",
        metadata("<cls>publik</cls>"),
        (
            f"<metadata xmlns:any='{NAMESPACE}'><any:inventory><any:cls>publik</any:cls>"
            "</any:inventory></metadata>"
        ),
        metadata("<lumbung:cls a='b'>\n publik\n</lumbung:cls>"),
    ],
)
def test_however_the_namespace_is_written(written: str) -> None:
    assert tags(written) == tags(only_tags_of(written)) == ("cls.publik",)


def only_tags_of(written: str) -> str:
    return f"<metadata>{only_tags(written, written)}</metadata>"


@pytest.mark.parametrize(
    "written",
    [
        "<metadata/>",
        metadata(""),
        "<metadata><inventory><cls>publik</cls></inventory></metadata>",
        "<metadata><inventory xmlns='urn:another'><cls>publik</cls></inventory></metadata>",
        f"<metadata><other xmlns='{NAMESPACE}'><cls>publik</cls></other></metadata>",
        f"<metadata xmlns:a='{NAMESPACE}'><inventory><cls>publik</cls></inventory></metadata>",
        f"<metadata><!-- {OURS.format('<cls>publik</cls>')} --></metadata>",
    ],
)
def test_what_is_not_ours_is_no_tag(written: str) -> None:
    assert tags(written) == tags(only_tags_of(written)) == ()


REFUSED = "<lumbung:cls>Dinas Kesehatan, Budi</lumbung:cls><lumbung:note>geheim</lumbung:note>"


def test_free_text_is_no_tag_and_is_told_as_a_gap_without_its_words() -> None:
    head = metadata(REFUSED + "<lumbung:opd>dinkes</lumbung:opd>")
    found = Written().domain(head=head).snapshot()
    assert found.of(Guest)[0].tags == ("opd.dinkes",)
    [gap] = [c for c in found.coverage if c.kind == "guest" and c.is_gap]
    assert (gap.scope, gap.reason) == (
        f"guest/{uuid(1)}",
        "in its metadata or description cls, note says nothing that is a tag",
    )
    assert "Budi" not in repr(found)


def test_a_recording_keeps_the_tags_and_nothing_else_of_the_metadata() -> None:
    inside = "<lumbung:cls>publik</lumbung:cls>" + REFUSED
    foreign = "<app:x xmlns:app='urn:x'>NIK 3271012345</app:x>"
    written = Written().domain(head=f"<metadata>{foreign}{OURS.format(inside)}</metadata>")
    clean = scrubbed(written.raw)
    for private in ("Budi", "geheim", "NIK"):
        assert private not in repr(clean)
    assert snapshot(clean) == written.snapshot()


def test_metadata_that_declares_its_namespaces_itself_is_cleaned_like_any() -> None:
    system = "<o:libosinfo><o:os id='http://debian.org/debian/12'/></o:libosinfo>"
    spaces = "xmlns:o='http://libosinfo.org/xmlns/libvirt/domain/1.0' xmlns:x='urn:x'"
    head = f"<metadata {spaces}>{system}<x:note>geheim</x:note></metadata>"
    written = Written().domain(head=head)
    clean = scrubbed(written.raw)
    assert "geheim" not in repr(clean)
    assert snapshot(clean).of(Guest)[0].os == "http://debian.org/debian/12"


def test_a_line_of_the_description_speaks_where_no_metadata_does() -> None:
    text = "Budi's server\n vp: cls.pribadi-umum opd.dukcapil, crit.1 note.x geheim\nopd.other"
    head = f"<description>{text}</description>"
    found = Written().domain(head=head).snapshot()
    assert found.of(Guest)[0].tags == ("cls.pribadi-umum", "crit.1", "opd.dukcapil")
    [gap] = [c for c in found.coverage if c.kind == "guest" and c.is_gap]
    assert gap.reason == "in its metadata or description ? says nothing that is a tag"
    assert "Budi" not in repr(found)
    assert "geheim" not in repr(found)
    both = Written().domain(head=head + metadata("<lumbung:cls>publik</lumbung:cls>"))
    assert both.snapshot().of(Guest)[0].tags == ("cls.publik",)


def test_a_recording_keeps_that_line_and_nothing_else_of_a_description() -> None:
    head = "<description>Budi\nvp: cls.publik geheim</description>"
    written = Written().domain(head=head)
    clean = scrubbed(written.raw)
    assert "Budi" not in repr(clean)
    assert "geheim" not in repr(clean)
    assert snapshot(clean).of(Guest)[0].tags == ("cls.publik",)


def test_the_command_names_what_is_read() -> None:
    assert f"--uri {NAMESPACE} " in COMMAND
    example = COMMAND.partition("'")[2].partition("'")[0]
    given = example.replace("<inventory>", f"<inventory xmlns='{NAMESPACE}'>")
    assert tags(f"<metadata>{given}</metadata>") == ("cls.CLASS", "opd.CODE")


def test_the_page_on_owners_shows_the_same_command_and_all_keys() -> None:
    page = (Path(__file__).parents[2] / "docs" / "how-to" / "declare-owners.md").read_text()
    assert COMMAND.replace("CODE", "dukcapil").replace("CLASS", "pribadi-umum") in page
    section = page.partition("### With tags, under libvirt")[2].partition("## With the")[0]
    assert all(f"`{key}`" in section for key in KEYS)
