"""What the program knows of its own files, tokens and data, and of what its credentials may do."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from collectors.proxmox.visibility import Rights
from inventory.audit import Deed, append_deed
from inventory.history import oldest_ended
from inventory.platform_records import Grant, Principal
from inventory.records import Coverage
from inventory.store import Store
from lumbung.files import load_eol
from lumbung.hygiene import tool_facts
from lumbung.settings import SettingsError, load_settings
from planner.eol import SHIPPED, parse, shipped
from planner.policy import Policy
from stored import Book, at

PVE = """
[[sources]]
name = "pve"
kind = "proxmox"
url = "https://pve1.example:8006"
user = "{user}"
token_name = "collect"
token = "file:pve.token"
verify = false
"""
KVM = '[[sources]]\nname = "kvm"\nkind = "libvirt"\nuri = "qemu+tls://kvm1/system?pkipath=pki"\n'


def facts(folder: Path, user: str = "lumbung@pve") -> Any:
    (folder / "pki").mkdir(exist_ok=True)
    path = folder / "lumbung.toml"
    path.write_text('[site]\ntimezone = "Asia/Jakarta"\n' + PVE.format(user=user) + KVM)
    with (
        Store.open(f"sqlite:///{folder}/inventory.db", create=True) as store,
        store.reading() as connection,
    ):
        return tool_facts(load_settings(path), store, connection)


@pytest.mark.parametrize(("mode", "told"), [(0o600, []), (0o640, ["0640"]), (0o604, ["0604"])])
def test_a_secret_that_others_may_read_is_told_with_its_mode(
    tmp_path: Path, mode: int, told: list[str]
) -> None:
    (tmp_path / "pve.token").write_text("s3cret")
    (tmp_path / "pve.token").chmod(mode)
    found = facts(tmp_path)
    assert found.open_secrets == tuple(f"{tmp_path}/pve.token ({shown})" for shown in told)
    assert "s3cret" not in repr(found)


def test_a_private_key_that_an_address_names_is_a_secret_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "pki").mkdir()
    (tmp_path / "pki" / "clientkey.pem").touch(mode=0o644)
    (tmp_path / "pki" / "clientkey.pem").chmod(0o644)
    assert facts(tmp_path).open_secrets == ("pki/clientkey.pem (0644)",)


def test_a_secret_that_the_system_guards_is_judged_by_its_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "pve.token").write_text("s3cret")
    (tmp_path / "pve.token").chmod(0o444)
    monkeypatch.setenv("CREDENTIALS_DIRECTORY", str(tmp_path))
    assert facts(tmp_path).open_secrets == ()


def test_the_inventory_its_journal_and_the_reports_are_looked_at(tmp_path: Path) -> None:
    assert facts(tmp_path).open_files == ()
    (tmp_path / "inventory.db").chmod(0o644)
    (tmp_path / "inventory.db-journal").touch(mode=0o600)
    (tmp_path / "weekly").mkdir()
    (tmp_path / "weekly").chmod(0o755)
    told = facts(tmp_path).open_files
    assert told == (f"{tmp_path}/inventory.db (0644)", f"{tmp_path}/weekly (0755)")
    (tmp_path / "inventory.db").chmod(0o640)
    (tmp_path / "weekly").chmod(0o750)
    assert facts(tmp_path).open_files == ()


def test_wherever_something_was_published_is_looked_at(tmp_path: Path) -> None:
    """The audit log tells where: packs by their own path, reports by the folder they went to."""
    assert facts(tmp_path).open_exports == ()
    for name in ("weekly", "share", "board", "pack", "closed"):
        (tmp_path / name).mkdir(exist_ok=True)
        (tmp_path / name).chmod(0o700 if name == "closed" else 0o755)
    deeds = [
        ("report", {"folder": f"{tmp_path}/weekly", "published": "2026-W48.a"}),  # OWN-004 tells
        ("report", {"folder": f"{tmp_path}/share", "published": "2026-W48.b"}),
        ("report", {"folder": f"{tmp_path}/board", "published": "c", "profile": "management"}),
        ("incident", {"published": f"{tmp_path}/pack"}),
        ("risks --framework", {"published": f"{tmp_path}/gone", "profile": "auditor"}),
        ("risks --framework", {"published": f"{tmp_path}/closed", "profile": "auditor"}),
        ("collect", {"published": f"{tmp_path}"}),
    ]
    with (
        Store.open(f"sqlite:///{tmp_path}/inventory.db") as store,
        store.writing() as connection,
    ):
        for command, counts in deeds:
            append_deed(connection, Deed(at(0), "ops", command, (), counts))
    assert facts(tmp_path).open_exports == (
        f"{tmp_path}/pack (0755)",
        f"{tmp_path}/share (0755)",
    )


def test_since_when_facts_about_accounts_that_ended_are_kept() -> None:
    book = Book.empty()
    account = Principal(principal_id="ana@pve", cluster="c", kind="user", enabled=True)
    seen = Coverage("", "principal", "complete")
    for hour, facts_then in ((0, [account]), (1, []), (2, [])):
        book.poll(at(hour), *facts_then, coverage=(seen,))
        with book.store.reading() as connection:
            ended = oldest_ended(connection, (Principal, Grant))
        assert ended == (None if hour == 0 else at(1))


def test_a_token_of_root_and_a_server_that_is_not_verified_are_told(tmp_path: Path) -> None:
    found = facts(tmp_path, "root@pam")
    assert found.root_tokens == ("pve",)
    assert found.unverified_tls == ("pve",)
    assert found.tokens == {"pve": "root@pam!collect"}
    assert facts(tmp_path).root_tokens == ()


# What the credentials may do beyond reading


def test_every_privilege_beyond_reading_is_told_with_where_it_is_held() -> None:
    vms = {"VM.Audit": 1, "VM.PowerMgmt": 1}
    body = {"/": {"Sys.Audit": 1}, "/vms": vms, "/vms/100": vms}
    rights = Rights.of(body, "a@pve!t")
    assert rights is not None
    assert rights.excess() == ("VM.PowerMgmt on /vms, /vms/100",)
    auditor = Rights.of({"/": {"Sys.Audit": 1, "VM.GuestAgent.Audit": 1}}, "a@pve!t")
    assert auditor is not None
    assert auditor.excess() == ()


@pytest.mark.parametrize("told", [("VM.Backup on /vms",), (), None])
def test_what_they_may_do_is_remembered_with_the_poll(told: tuple[str, ...] | None) -> None:
    book = Book.empty()
    book.poll(at(0), excess_rights=told)
    state = book.source(at(1))
    assert state.excess_rights == told


# Ends of life that a site brings itself

NEWER = {
    "source": "endoflife.date",
    "dated": "2026-12-01",
    "products": {"proxmox-ve": [{"releaseCycle": "9", "eol": "2028-08-31"}]},
}


def of_a_site(folder: Path, content: str) -> Any:
    (folder / "eol.json").write_text(content)
    policy = Policy.model_validate({"lifecycle": {"data_file": "eol.json"}})
    return load_eol(folder / "policy.toml", policy)


def test_the_policy_may_name_newer_ends_of_life(tmp_path: Path) -> None:
    found = of_a_site(tmp_path, json.dumps(NEWER))
    assert found.stamp == "endoflife.date 2026-12-01"
    assert found.place == str(tmp_path / "eol.json")
    assert str(found.find("proxmox-ve", "9").ends) == "2028-08-31"


def test_without_one_the_programs_own_count_and_say_whose_they_are() -> None:
    found = load_eol(None, Policy())
    assert found is shipped()
    assert (found.source, found.place) == ("endoflife.date", SHIPPED)
    assert found.dated.isoformat() in found.stamp


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"dated": None}, "dated is missing"),
        ({"dated": "August"}, "dated: 'August' is no date"),
        ({"products": {}}, "products is missing"),
        ({"products": {"debian": [{}]}}, "debian: a release without releaseCycle"),
        ({"products": {"x": [{"releaseCycle": "1", "eol": True}]}}, "x 1: eol must be a date"),
        ({"products": {"x": [{"releaseCycle": "1", "eol": "soon"}]}}, "x 1: eol: 'soon' is no"),
    ],
)
def test_a_file_that_says_nothing_sure_is_refused_in_one_line(
    tmp_path: Path, changes: dict[str, Any], told: str
) -> None:
    with pytest.raises(SettingsError) as refused:
        of_a_site(tmp_path, json.dumps(NEWER | changes))
    assert str(refused.value).startswith(f"{tmp_path}/eol.json: {told}")
    assert "\n" not in str(refused.value)


def test_a_broken_file_is_told_with_its_line(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=r"eol\.json:2: Expecting"):
        of_a_site(tmp_path, '{"source": "x",\n]')
    with pytest.raises(ValueError, match="is no object"):
        parse([])
