"""Which libvirt URIs are taken, and what an operator reads when a connection fails."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from pydantic import ValidationError

from collectors.contract import CollectError, SourceMisconfigured, Unauthorised, Unreachable
from collectors.libvirt import LibvirtOptions
from collectors.libvirt.address import Address
from collectors.libvirt.monitor import is_stuck
from collectors.libvirt.refusals import Refusal, told
from collectors.libvirt.trial import tried_lately
from inventory.records import KeptAnswer

KVM1 = Address.of("qemu+tls://kvm1.example/system")


@pytest.mark.parametrize(
    ("uri", "transport", "in_clear"),
    [
        ("qemu:///system", "unix", False),
        ("qemu:///session", "unix", False),
        ("qemu+unix:///system?socket=/run/libvirt/libvirt-sock-ro", "unix", False),
        ("qemu+ssh://lumbung@kvm1.example:2222/system?keyfile=/k", "ssh", False),
        ("qemu+libssh2://lumbung@kvm1.example/system", "libssh2", False),
        ("qemu+tls://kvm1.example/system?pkipath=/etc/pki/lumbung", "tls", False),
        ("qemu://kvm1.example/system", "tls", False),
        ("qemu+tcp://kvm1.example/system", "tcp", True),
        ("test:///default", "test", False),
    ],
)
def test_the_way_to_a_host_is_read_from_its_uri(uri: str, transport: str, in_clear: bool) -> None:
    options = LibvirtOptions(uri=uri)
    assert (options.address.transport, options.in_clear) == (transport, in_clear)


@pytest.mark.parametrize(
    ("uri", "says"),
    [
        ("", "write qemu:///system"),
        ("kvm1.example", "write qemu:///system"),
        ("esx://vcenter/dc", "write qemu:///system"),
        ("qemu+ext:///system?command=/tmp/x", "write qemu:///system"),
        ("qemu+ssh://kvm1/system?no_verify=1", "could pose as the host"),
        ("qemu+tls://kvm1/system?no_verify", "could pose as the host"),
        ("qemu+libssh://kvm1/system?known_hosts_verify=ignore", "could pose as the host"),
        ("qemu+tcp://lumbung:geheim@kvm1/system", "holds a password"),
        ("qemu+tls://kvm1:99999/system", "has a port that is none"),
    ],
)
def test_a_uri_that_cannot_be_trusted_is_refused_in_words(uri: str, says: str) -> None:
    if uri.endswith("no_verify"):
        uri += "=true"
    with pytest.raises(ValidationError) as caught:
        LibvirtOptions(uri=uri)
    [fault] = caught.value.errors(include_input=False)
    assert says in fault["msg"]
    assert "geheim" not in fault["msg"]


def test_ssh_never_waits_for_someone_to_type() -> None:
    assert Address.of("qemu+ssh://kvm1/system").to_open == "qemu+ssh://kvm1/system?no_tty=1"
    keyed = Address.of("qemu+ssh://kvm1/system?keyfile=/k").to_open
    assert keyed == "qemu+ssh://kvm1/system?keyfile=/k&no_tty=1"


# The texts are those of libvirt 9.0 and OpenSSH 9.2.
@pytest.mark.parametrize(
    ("code", "text", "error", "says"),
    [
        (38, "unable to connect to server at 'kvm1:16509': Connection refused", Unreachable,
         "does libvirtd listen there?"),
        (38, "Unable to resolve address 'x' service '16509': Name or service not known",
         Unreachable, "the name is not known"),
        (38, "Cannot read CA certificate '/etc/pki/CA/cacert.pem': No such file or directory",
         SourceMisconfigured, "pkipath"),
        (38, "Failed to connect socket to '/nope': No such file or directory", Unreachable,
         "no such socket"),
        (38, "Failed to connect socket to '/run/x': Permission denied", Unauthorised,
         "group libvirt"),
        (38, "Cannot recv data: Value too large for defined data type", Unreachable,
         "the host's key changed"),
        (38, "Cannot recv data: lumbung@kvm1: Permission denied (publickey).: Connection reset",
         Unauthorised, "ssh was denied"),
        (38, "Cannot recv data: Host key verification failed.\r\n: Connection reset by peer",
         Unreachable, "known_hosts"),
        (38, "Cannot recv data: ssh: connect to host kvm1 port 22: Connection refused: reset",
         Unreachable, "connection refused"),
        (38, "Cannot recv data: sh: 1: nc: not found: Connection reset by peer", Unreachable,
         "virt-ssh-helper"),
        (38, "Cannot recv data: Connection reset by peer", Unreachable, "connection was closed"),
        (1, "internal error: connection closed due to keepalive timeout", Unreachable,
         "is it frozen?"),
        (45, "authentication failed: authentication failed", Unauthorised, "SASL"),
        (5, "no connection driver available for qemu:///x", SourceMisconfigured, "check the URI"),
        (9, "something\nnew\x1b[31m", Unreachable, "something new"),
    ],
)  # fmt: skip
def test_an_error_of_libvirt_is_one_line_that_says_what_to_do(
    code: int, text: str, error: type[CollectError], says: str
) -> None:
    found = told(Refusal(code, text), KVM1)
    assert type(found) is error
    assert says in str(found)
    assert str(found).startswith(KVM1.uri)
    assert str(found).isprintable()


@pytest.mark.parametrize(
    ("control", "stuck"),
    [
        ([0, 0, 0], False),
        ([2, 0, 300], False),
        ([2, 0, 26089], True),
        (None, False),
        ([2, 0], False),
        ([2, 0, "x"], False),
    ],
)
def test_a_monitor_is_stuck_when_a_command_has_gone_on_for_long(
    control: object, stuck: bool
) -> None:
    assert is_stuck(control) is stuck


@pytest.mark.parametrize(
    ("hours", "uri", "again"),
    [(0, "a", False), (23.9, "a", False), (24, "a", True), (-1, "a", True), (1, "b", True)],
)
def test_whether_a_key_could_write_is_tried_once_a_day_and_for_each_address(
    hours: float, uri: str, again: bool
) -> None:
    asked = datetime(2026, 11, 23, 8, tzinfo=UTC)
    kept = KeptAnswer(False, asked, "a")
    assert (tried_lately(kept, uri, asked + timedelta(hours=hours)) is None) is again
    assert tried_lately(None, uri, asked) is None
