"""libvirt's errors in words, with what to do about them.

Most faults of a connection share one code (38), so the text decides.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from collectors.contract import CollectError, SourceMisconfigured, Unauthorised, Unreachable
from collectors.libvirt.address import Address

UNSUPPORTED = frozenset({3, 84})  # the driver has no such call, or not with this argument
GONE = frozenset({42, 49})  # no such domain or pool: it went while it was asked about


class Refusal(Exception):
    """An error that libvirt answered with: its code and its text."""

    def __init__(self, code: int, text: str) -> None:
        super().__init__(text)
        self.code = code
        self.text = text


class Silence(Exception):
    """No answer in the time that there was; whoever asked still waits for it."""


@dataclass(frozen=True, slots=True)
class _Fault:
    sign: str  # a regular expression that is found in the text
    words: str
    error: type[CollectError] = Unreachable


_FAULTS = (
    _Fault(
        r"Permission denied \(|Too many authentication failures",
        "ssh was denied; is the key in authorized_keys there, and readable here?",
        Unauthorised,
    ),
    _Fault(
        r"Host key verification failed|REMOTE HOST IDENTIFICATION HAS CHANGED",
        "ssh does not know the host's key, or it changed; compare it on the host, then put it into "
        "known_hosts",
    ),
    _Fault(
        # libvirt drops what ssh says when it is longer than 1024 bytes, and reports this instead
        # (virNetSocketReadWire); of ssh's messages only the banner of a changed key is that long.
        r"Cannot recv data: Value too large",
        "ssh said more than libvirt hands on, most often that the host's key changed; run the same "
        "ssh by hand, compare the key on the host, then put it into known_hosts",
    ),
    _Fault(
        r"[Nn]ame or service not known|Could not resolve hostname|nodename nor servname",
        "the name is not known",
    ),
    _Fault(r"name resolution", "the name could not be resolved"),
    _Fault(
        r"Failed to connect socket.*No such file",
        "there is no such socket; is libvirtd running there, and is the path right?",
    ),
    _Fault(
        r"Failed to connect socket.*Permission denied",
        "the socket may not be opened; let this user read it (unix_sock_ro_perms, or the group "
        "libvirt)",
        Unauthorised,
    ),
    _Fault(r"Connection refused", "connection refused; does libvirtd listen there?"),
    _Fault(r"No route to host|Network is unreachable", "there is no way to the host"),
    _Fault(r"timed out", "no answer in time; does a firewall drop the packets?"),
    _Fault(
        r"Cannot read CA cert|cannot read certificate|Cannot read client|private key '.*No such",
        "a TLS file is missing; cacert.pem, clientcert.pem and clientkey.pem belong into /etc/pki "
        "or into the folder that pkipath names",
        SourceMisconfigured,
    ),
    _Fault(
        r"owner does not match the hostname",
        "its certificate is for another name; use the name in it",
    ),
    _Fault(
        r"certificate has expired|not yet active|not activated",
        "a certificate is not valid today",
    ),
    _Fault(
        r"certificate is not trusted|known issuer|certificate failed validation|Unable to verify",
        "its certificate is not signed by the authority in cacert.pem",
    ),
    _Fault(
        r"(nc|netcat|virt-ssh-helper)['\"]?: (command )?not found|Cannot find 'virt-ssh-helper'",
        "the host has neither virt-ssh-helper nor nc; install libvirt-daemon there",
    ),
    _Fault(
        r"[Cc]onnection reset|[Ee]nd of file|[Bb]roken pipe|packet .* bytes too large",
        "the connection was closed; does TLS speak to plain TCP, or the other way round?",
    ),
    _Fault(
        r"keepalive|connection closed|client socket is closed",
        "libvirtd stopped answering; is it frozen?",
    ),
)
_BY_CODE = {
    45: _Fault(
        "",
        "the credentials were refused; see auth_tcp, auth_tls and SASL in libvirtd.conf",
        Unauthorised,
    ),
    66: _Fault(
        "", "the credentials were refused; polkit or SASL wants someone to log in", Unauthorised
    ),
    5: _Fault("", "this libvirt has no driver for it; check the URI", SourceMisconfigured),
    27: _Fault("", "its XML cannot be read", SourceMisconfigured),
}


def told(refusal: Refusal, address: Address) -> CollectError:
    """The error of the contract that a refused connection means, in one line."""
    fault = _BY_CODE.get(refusal.code)
    if fault is None:
        fault = next((f for f in _FAULTS if re.search(f.sign, refusal.text)), None)
    if fault is None:
        return Unreachable(f"{address.uri}: {one_line(refusal.text)}")
    return fault.error(f"{address.uri}: {fault.words} ({one_line(refusal.text)})")


def one_line(text: str) -> str:
    """A text from libvirt or ssh without line breaks and control characters, not too long."""
    return " ".join("".join(c if c.isprintable() else " " for c in text).split())[:300]
