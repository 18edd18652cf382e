"""init."""

from __future__ import annotations

import json
import ssl
from dataclasses import dataclass, field
from importlib.resources import files
from pathlib import Path
from typing import Literal
from urllib.parse import urlsplit

import typer
from pydantic import BaseModel
from tzlocal import get_localzone_name

from collectors.contract import CollectError, Options, collector_of
from collectors.proxmox.wire import seen_fingerprint
from lumbung.printing import note
from lumbung.settings import SettingsError, Site, SourceSettings, fault_of, load_settings

_INDONESIAN_ZONES = frozenset({"Asia/Jakarta", "Asia/Pontianak", "Asia/Makassar", "Asia/Jayapura"})
_KINDS = ("proxmox", "libvirt", "files", "rvtools")


class _FirstKind(BaseModel):
    kind: Literal["proxmox", "libvirt", "files", "rvtools"]


class _AnyText(BaseModel):
    site: str = ""
    secret: str = ""


@dataclass
class Answers:
    """What a configuration is made of."""

    site: str
    timezone: str
    kind: str
    name: str = ""
    url: str = ""
    user: str = "lumbung@pve"
    token_name: str = "collect"  # noqa: S105  (the token's name, not the token)
    token: str = ""
    fingerprint: str = ""
    uri: str = ""
    path: str = ""
    notes: list[str] = field(default_factory=list)


def start(folder: Path, given: dict[str, str | None], *, silent: bool) -> None:
    """Asks what was not given, probes it, writes the configuration, says the next step."""
    target = folder / "config" / "lumbung.toml"
    if target.exists():
        raise SettingsError(f"{target} exists; edit it, or name another folder")
    ask = _Asking(given, silent=silent)
    answers = ask.answers()
    if answers.kind == "proxmox":
        _probe(answers, ask)
    _write(target, answers)
    load_settings(target)  # what was just written must be readable
    _say_next(target, answers)


class _Asking:
    """Answers from the options, else from the person, else the default."""

    def __init__(self, given: dict[str, str | None], *, silent: bool) -> None:
        self._given = given
        self._silent = silent

    def text(
        self, key: str, question: str, default: str, *, of: type[BaseModel], hidden: bool = False
    ) -> str:
        """The answer for a key of a table of the configuration; a person whose answer cannot be
        used is told why and asked again."""
        value = self._given.get(key)
        if value is None and self._silent:
            return default
        while value is None:
            answer = str(
                typer.prompt(question, default=default, hide_input=hidden, show_default=not hidden)
            ).strip()
            if fault := fault_of(of, key, answer):
                note(fault)
            else:
                value = answer
        if fault := fault_of(of, key, value):
            raise SettingsError(f"--{key}: {fault}")
        return value

    def confirm(self, question: str) -> bool:
        return not self._silent and typer.confirm(question)

    def answers(self) -> Answers:
        found = Answers(
            site=self.text("site", "Name of the site", "Data centre", of=_AnyText),
            timezone=self.text("timezone", "Time zone", _local_zone(), of=Site),
            kind=self.text(
                "kind", f"First source ({', '.join(_KINDS)})", self._likely_kind(), of=_FirstKind
            ),
        )
        if self._silent and self._given.get("timezone") is None:
            found.notes.append(
                f"nobody said which time zone: {found.timezone} is that of this machine"
            )
        name = f"{found.kind}-1"
        found.name = self.text("name", "Short name of the source", name, of=SourceSettings)
        self._reach(found, collector_of(found.kind).options)
        return found

    def _reach(self, found: Answers, options: type[Options]) -> None:
        """How the source is reached: what its kind asks for."""
        if found.kind == "proxmox":
            node = "https://pve1.example:8006"
            found.url = self.text("url", "Address of a node", node, of=options)
            found.user = self.text("user", "User of the token", found.user, of=options)
            found.token_name = self.text(
                "token_name", "Name of the token", found.token_name, of=options
            )
            found.token = self.text(
                "secret", "Secret of the token (empty: later)", "", of=_AnyText, hidden=True
            )
        elif found.kind == "libvirt":
            host = "qemu+ssh://lumbung@kvm1.example/system"
            found.uri = self.text("uri", "libvirt URI", host, of=options)
        else:
            csv = found.kind == "files"
            what = "Directory of CSV files" if csv else "Workbook, or directory of them"
            place = self.text("path", what, "/srv/site" if csv else "/srv/rvtools", of=options)
            path = Path(place).expanduser().absolute()  # said from here; it counts from the file
            found.path = str(path)
            if not path.exists():
                found.notes.append(f"{path} is not there yet")

    def _likely_kind(self) -> str:
        if self._given.get("uri"):
            return "libvirt"
        path = self._given.get("path")
        if path:
            return "rvtools" if path.endswith(".xlsx") else "files"
        return "proxmox"


def _local_zone() -> str:
    try:
        return get_localzone_name()
    except (LookupError, OSError):
        return "UTC"


def _probe(answers: Answers, ask: _Asking) -> None:
    """Looks at the server's certificate; one that no authority signed can be pinned."""
    try:
        seen = seen_fingerprint(answers.url)
    except CollectError as error:
        answers.notes.append(f"could not be reached now: {error}")
        return
    if _is_trusted(answers.url):
        return
    note(f"{answers.url} shows a certificate that this machine's authorities did not sign:")
    note(f"  {seen}")
    note("Compare it on the node: openssl x509 -in /etc/pve/local/pve-ssl.pem -noout "
         "-fingerprint -sha256")  # fmt: skip
    if ask.confirm("Is it the same? Then it is pinned"):
        answers.fingerprint = seen
    else:
        answers.notes.append(f'after comparing it on the node: fingerprint = "{seen}"')


def _is_trusted(url: str) -> bool:
    import socket

    parts = urlsplit(url)
    address = (parts.hostname or "", parts.port or 8006)
    try:
        with (
            socket.create_connection(address, timeout=5) as plain,
            ssl.create_default_context().wrap_socket(plain, server_hostname=parts.hostname),
        ):
            return True
    except OSError:
        return False


def _write(target: Path, answers: Answers) -> None:
    """The configuration and, beside it, the policy, the owners' file to fill in and holidays."""
    folder = target.parent
    folder.mkdir(parents=True, exist_ok=True)
    for name, example in (("policy.toml", "policy.toml"), ("estate.yaml", "estate.example.yaml")):
        if not (folder / name).exists():
            text = files("config").joinpath(example).read_text("utf-8")
            (folder / name).write_text(text, encoding="utf-8")
    if not (folder / "calendar.yaml").exists():
        (folder / "calendar.yaml").write_text(_calendar(answers.timezone), encoding="utf-8")
    if answers.token:
        secret = folder / f"{answers.name}.token"
        secret.touch(mode=0o600)
        secret.write_text(f"{answers.token}\n", encoding="utf-8")
    target.write_text(_configuration(answers), encoding="utf-8")


def _calendar(timezone: str) -> str:
    """The calendar file: with Indonesia's holidays in its time zones, elsewhere with none."""
    text = files("config").joinpath("calendar.yaml").read_text("utf-8")
    if timezone in _INDONESIAN_ZONES:
        return text
    head, _month_end, _holidays = text.partition("version: 1")
    return (
        f"{head}version: 1\nmonth_end_days: 2\nholidays: []\n"
        "# holidays:\n#   - {when: 2027-01-01, name: New Year}\n"
        "#   - {when: 2027-12-24, until: 2027-12-26, name: Christmas}\n"
    )


def _configuration(answers: Answers) -> str:
    lines = [
        "[site]",
        f'name = "{_quoted(answers.site)}"',
        f'timezone = "{_quoted(answers.timezone)}"',
        "",
        "[[sources]]",
        f'name = "{_quoted(answers.name)}"',
        f'kind = "{answers.kind}"',
    ]
    if answers.kind == "proxmox":
        lines += [
            f'url = "{_quoted(answers.url)}"',
            f'user = "{_quoted(answers.user)}"',
            f'token_name = "{_quoted(answers.token_name)}"',
            f'token = "file:{_quoted(answers.name)}.token"       # one line, mode 0600',
        ]
        if answers.fingerprint:
            lines.append(f'fingerprint = "{answers.fingerprint}"')
    elif answers.kind == "libvirt":
        lines.append(f'uri = "{_quoted(answers.uri)}"')
    else:
        lines.append(f'path = "{_quoted(answers.path)}"')
    lines += [f"# {text}" for text in answers.notes]
    lines += ["", "[policy]", 'file = "policy.toml"', "", "[estate]", 'file = "estate.yaml"']
    lines += ["", "[calendar]", 'file = "calendar.yaml"', ""]
    return "\n".join(lines)


def _quoted(text: str) -> str:
    """The inside of a TOML string: its escapes are those of JSON."""
    return json.dumps(text, ensure_ascii=False)[1:-1]


def _say_next(target: Path, answers: Answers) -> None:
    for text in answers.notes:
        note(text)
    print(f"wrote {target}")
    if answers.kind == "proxmox":
        secret = target.parent / f"{answers.name}.token"
        if not answers.token:
            print(f"put the token's secret into {secret} (chmod 600)")
        user, token = answers.user, f"{answers.user}!{answers.token_name}"
        print("on a node, once, for a token that can only read:")
        print(f"  pveum user add {user}")
        print(f"  pveum user token add {user} {answers.token_name} --privsep 1")
        print(f"  pveum acl modify / --users {user} --roles PVEAuditor")
        print(f"  pveum acl modify / --tokens '{token}' --roles PVEAuditor")
    elif answers.kind == "libvirt" and "+ssh:" in answers.uri:
        print("on the host, in ~/.ssh/authorized_keys, once, for a key that can only read:")
        print('  restrict,command="virt-ssh-helper -r qemu:///system" ssh-ed25519 …')
    print("next: lumbung sources check, then lumbung collect")
