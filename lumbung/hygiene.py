"""What the program knows of itself and of its files, for the rules on its own hygiene."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from sqlalchemy.engine import Connection

from inventory.audit import publishings
from inventory.history import oldest_ended
from inventory.platform_records import Grant, Principal
from inventory.store import Store
from lumbung import secrets
from lumbung.settings import ConfiguredSource, Settings
from planner.estate import ToolFacts

_EVERYONE = stat.S_IRWXO
_OTHERS = stat.S_IRWXG | stat.S_IRWXO
_BESIDE_THE_STORE = ("", "-wal", "-shm", "-journal")
_OF_ACCOUNTS = (Principal, Grant)
_ROOT = "root@pam"


def tool_facts(settings: Settings, store: Store, connection: Connection) -> ToolFacts:
    """What the program knows of itself, its files, and what its store still keeps."""
    options = [(source.name, source.options) for source in settings.sources]
    return ToolFacts(
        is_remote=store.path is None,
        runs_as_root=os.geteuid() == 0 if hasattr(os, "geteuid") else None,
        unverified_tls=tuple(name for name, o in options if getattr(o, "unverified", False)),
        unencrypted=tuple(name for name, o in options if getattr(o, "in_clear", False)),
        open_secrets=tuple(sorted(set(_open_secrets(settings)))),
        open_files=tuple(_open_files(settings, store)),
        open_exports=tuple(_open_exports(settings, publishings(connection))),
        oldest_account_at=oldest_ended(connection, _OF_ACCOUNTS),
        root_tokens=tuple(name for name, o in options if getattr(o, "user", "") == _ROOT),
        tokens={name: o.token_id for name, o in options if hasattr(o, "token_id")},
    )


def _open_secrets(settings: Settings) -> Iterator[str]:
    """The files of secrets that another user may read. One that this user cannot reach is behind
    a folder that keeps others out, too."""
    for path in _secret_files(settings):
        if secrets.is_guarded(path):
            continue
        yield from _if_open(path, _OTHERS)


def _secret_files(settings: Settings) -> Iterator[Path]:
    references = [settings.store.password or ""]
    for source in settings.sources:
        references += source.options.secret_references().values()
        yield from _keys_of(source)
    for reference in references:
        scheme, _colon, rest = reference.partition(":")
        if scheme == "file":
            yield settings.path.parent / rest


def _keys_of(source: ConfiguredSource) -> Iterator[Path]:
    """The private keys that a libvirt address names."""
    address = getattr(source.options, "address", None)
    parameters = getattr(address, "parameters", {})
    if "keyfile" in parameters:
        yield Path(parameters["keyfile"])
    if "pkipath" in parameters:
        yield Path(parameters["pkipath"]) / "clientkey.pem"


def _open_files(settings: Settings, store: Store) -> Iterator[str]:
    """What of the inventory and the reports everyone may read, where their folders let them."""
    if store.path is not None:
        for suffix in _BESIDE_THE_STORE:
            yield from _if_open(store.path.with_name(store.path.name + suffix), _EVERYONE)
    yield from _if_open(settings.root / "weekly", _EVERYONE)


def _open_exports(settings: Settings, told: Iterable[Mapping[str, Any]]) -> Iterator[str]:
    """The folders, beside the usual one, into which something went with names and accounts in it,
    and that everyone may read."""
    usual = str((settings.root / "weekly").resolve())
    whole = [one for one in told if one.get("profile") != "management"]
    for place in sorted({str(one.get("folder") or one.get("published")) for one in whole}):
        if place != usual:
            yield from _if_open(Path(place), _EVERYONE)


def _if_open(path: Path, bits: int) -> Iterator[str]:
    """The path with its mode when it has one of the bits; nothing where there is no such file."""
    try:
        mode = stat.S_IMODE(path.stat().st_mode)
    except (FileNotFoundError, PermissionError):
        return
    if mode & bits:
        yield f"{path} ({mode:04o})"
