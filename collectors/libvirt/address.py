"""A libvirt URI, read strictly: how a host is reached, and whether others can listen."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import parse_qsl, urlsplit

_SCHEME = re.compile(r"^(?P<driver>qemu|test)(\+(?P<transport>unix|ssh|libssh2?|tls|tcp))?$")
_EXAMPLES = (
    "qemu:///system, qemu+ssh://lumbung@kvm1.example/system or qemu+tls://kvm1.example/system"
)
_LISTENED_TO = frozenset({"tcp"})
_PORTS = {"tcp": 16509, "tls": 16514}


@dataclass(frozen=True, slots=True)
class Address:
    """Where a libvirt daemon is. ``transport`` is unix, ssh, libssh, libssh2, tls, tcp, or test
    for the driver that needs no daemon."""

    uri: str
    transport: str
    host: str
    port: int | None
    parameters: Mapping[str, str]

    @classmethod
    def of(cls, uri: str) -> Address:
        """The address in a URI. Raises ValueError in words that show no secret."""
        parts = urlsplit(uri)
        scheme = _SCHEME.match(parts.scheme)
        if scheme is None or "//" not in uri:
            raise ValueError(f"is no libvirt URI that is read here; write {_EXAMPLES}")
        if parts.password is not None:
            raise ValueError(
                "holds a password; let ssh use a key, TLS a certificate (and renew the password: "
                "others may have read it)"
            )
        if parts.fragment:
            raise ValueError(f"has a # in it; write {_EXAMPLES}")
        try:
            port = parts.port
        except ValueError:
            raise ValueError("has a port that is none") from None
        parameters = dict(parse_qsl(parts.query, keep_blank_values=True))
        _refuse_blind_trust(parameters)
        host = parts.hostname or ""
        return cls(uri, _transport(scheme, host), host, port, parameters)

    @property
    def in_clear(self) -> bool:
        """Whether anyone in between can read the answers, or make them up."""
        return self.transport in _LISTENED_TO

    @property
    def is_fake(self) -> bool:
        """Whether libvirt's test driver answers: its inventory is a file, its figures are none."""
        return self.transport == "test"

    @property
    def socket(self) -> str | None:
        """The path of the daemon's socket, where the URI names one on this machine."""
        return self.parameters.get("socket") if self.transport == "unix" else None

    @property
    def knock_at(self) -> tuple[str, int] | None:
        """Host and port that can be tried by a plain connection; ssh has a configuration of its
        own (aliases, jump hosts), so none can be told for it."""
        default = _PORTS.get(self.transport)
        return (self.host, self.port or default) if default else None

    @property
    def to_open(self) -> str:
        """The URI for libvirt: ssh must never wait for someone to type."""
        if self.transport != "ssh" or "no_tty" in self.parameters:
            return self.uri
        return f"{self.uri}{'&' if '?' in self.uri else '?'}no_tty=1"


def _transport(scheme: re.Match[str], host: str) -> str:
    if scheme["driver"] == "test":
        return "test"
    return scheme["transport"] or ("tls" if host else "unix")


def _refuse_blind_trust(parameters: Mapping[str, str]) -> None:
    """Raises ValueError for a URI that would take any server for the right one."""
    for key, harmless in (("no_verify", ("", "0")), ("known_hosts_verify", ("normal",))):
        if key in parameters and parameters[key] not in harmless:
            raise ValueError(
                f"sets {key}: then anyone in between could pose as the host; take it out, and put "
                "the host's key into known_hosts or its authority's certificate into cacert.pem"
            )
