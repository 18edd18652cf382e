"""libvirt, read-only by construction: a read-only connection and a list of allowed calls.

This is the one file that knows the binding, which has no types. A call into libvirt can hang for
ever and no thread can be stopped, so what may hang is asked with ``within``.
"""

from __future__ import annotations

import contextlib
import os
import queue
import socket
import stat
import threading
from collections.abc import Callable, Iterable, Mapping
from functools import cache
from pathlib import Path
from typing import Any, TypeVar

from collectors.contract import (
    BadAnswer,
    Budget,
    CollectError,
    NotInstalled,
    SourceMisconfigured,
    Unreachable,
)
from collectors.libvirt.address import Address
from collectors.libvirt.refusals import GONE, Refusal, Silence, told

try:
    import libvirt
except ImportError as error:
    raise NotInstalled(
        "the libvirt binding is not installed; on Debian: apt install libvirt-dev pkg-config gcc "
        "python3-dev, then pip install 'lumbung[libvirt]'"
    ) from error

T = TypeVar("T")

_KEEPALIVE_SECONDS, _KEEPALIVE_COUNT = 5, 3
_KNOCK_SECONDS = 5.0
_OPEN_SECONDS = 20.0

OVER_SSH = frozenset({"ssh", "libssh", "libssh2"})
_SOCKETS = ("/run/libvirt/libvirt-sock", "/run/libvirt/virtqemud-sock")

# Every call that may be made. None of them writes, none of them needs more than a reader's rights.
ALLOWED: Mapping[str, frozenset[str]] = {
    "virConnect": frozenset(
        {
            "getType", "getVersion", "getLibVersion", "isEncrypted",
            "getHostname", "getInfo", "getCapabilities", "getMemoryStats", "getCPUStats",
            "getMemoryParameters", "numOfDomains", "numOfDefinedDomains",
            "listAllDomains", "getAllDomainStats", "listAllStoragePools",
        }
    ),
    "virDomain": frozenset(
        {"name", "UUIDString", "ID", "XMLDesc", "controlInfo", "listAllSnapshots"}
    ),
    "virDomainSnapshot": frozenset({"getXMLDesc"}),
    "virStoragePool": frozenset({"name", "isActive", "info", "XMLDesc", "listAllVolumes"}),
    "virStorageVol": frozenset({"name", "XMLDesc"}),
}  # fmt: skip
_LOCAL = frozenset({"name", "UUIDString", "ID"})  # answered without asking the daemon
_PLAIN_ONLY = frozenset({"XMLDesc", "getXMLDesc"})  # a flag of theirs would ask for secrets
# The one call with such a flag: it is made to be refused.
_FOR_WRITERS_ONLY = ("XMLDesc", libvirt.VIR_DOMAIN_XML_SECURE)

ACTIVE: int = libvirt.VIR_CONNECT_LIST_DOMAINS_ACTIVE
AUTOSTARTED: int = libvirt.VIR_CONNECT_LIST_DOMAINS_AUTOSTART
PERSISTENT: int = libvirt.VIR_CONNECT_LIST_DOMAINS_PERSISTENT
WITH_SNAPSHOTS: int = libvirt.VIR_CONNECT_LIST_DOMAINS_HAS_SNAPSHOT
# These groups never touch a guest's monitor, so they cannot hang.
SAFE_GROUPS: int = libvirt.VIR_DOMAIN_STATS_STATE | libvirt.VIR_DOMAIN_STATS_INTERFACE
ALL_GROUPS: int = (
    SAFE_GROUPS
    | libvirt.VIR_DOMAIN_STATS_CPU_TOTAL
    | libvirt.VIR_DOMAIN_STATS_BALLOON
    | libvirt.VIR_DOMAIN_STATS_VCPU
    | libvirt.VIR_DOMAIN_STATS_BLOCK
)
STATE_GROUP: int = libvirt.VIR_DOMAIN_STATS_STATE


class Wire:
    """An open connection to one daemon."""

    def __init__(self, connection: Any) -> None:
        self._connection = connection
        self.requests = 0

    def ask(self, call: str, *arguments: Any) -> Any:
        """The answer of the daemon to a call. Raises Refusal."""
        return self.ask_of(self._connection, call, *arguments)

    def ask_of(self, thing: Any, call: str, *arguments: Any) -> Any:
        """The answer to a call about a domain, snapshot, pool or volume. Raises Refusal, and
        BadAnswer for a call that is not on the list."""
        if call not in ALLOWED.get(type(thing).__name__, frozenset()):
            raise BadAnswer(f"refused to call {call}: this program only reads")
        if call in _PLAIN_ONLY and arguments != (0,):
            raise BadAnswer(f"refused to call {call} with flags: they show secrets")
        if call not in _LOCAL:
            self.requests += 1
        try:
            return getattr(thing, call)(*arguments)
        except libvirt.libvirtError as error:
            raise Refusal(error.get_error_code() or 0, str(error)) from error

    def prove_read_only(self) -> None:
        """Returns when the connection refuses to show secrets, which only writers are shown.

        The library refuses by itself, for how the connection was opened: this tells of a fault of
        ours, not of what the credentials could do. Were there an answer, it would be dropped
        unread. A host without guests has no secrets to ask for. Raises SourceMisconfigured when it
        is not refused, and Refusal when another error came instead.
        """
        call, secure = _FOR_WRITERS_ONLY
        for domain in self.ask("listAllDomains", 0):
            try:
                getattr(domain, call)(secure)
            except libvirt.libvirtError as error:
                code = error.get_error_code() or 0
                if code == libvirt.VIR_ERR_OPERATION_DENIED:
                    return
                if code not in GONE:
                    raise Refusal(code, str(error)) from error
            else:
                raise SourceMisconfigured(
                    "the connection could write: it shows what only writers are shown; nothing "
                    "was read"
                )

    def statistics(self, groups: int) -> dict[str, dict[str, Any]]:
        """The statistics of every domain by its UUID. Raises Refusal.

        A guest whose monitor another call waits for is answered at once, with fields missing.
        """
        at_once = libvirt.VIR_CONNECT_GET_ALL_DOMAINS_STATS_NOWAIT
        rows: Iterable[tuple[Any, dict[str, Any]]] = self.ask("getAllDomainStats", groups, at_once)
        return {self.ask_of(domain, "UUIDString"): dict(fields) for domain, fields in rows}


def connect(address: Address, budget: Budget) -> Wire:
    """An open connection. Raises CollectError, also when the daemon takes it and says nothing."""
    _start_event_loop()
    _knock(address)
    seconds = min(_OPEN_SECONDS, budget.remaining / 2)
    try:
        return within(seconds, lambda: _proven(address))
    except Refusal as refusal:
        raise told(refusal, address) from refusal
    except Silence:
        raise Unreachable(
            f"{address.uri}: no answer within {seconds:.0f} s; is libvirtd frozen, or does a "
            "firewall drop the packets?"
        ) from None


def _proven(address: Address) -> Wire:
    """An open connection that was seen to be read-only; the test driver's has no one behind it."""
    wire = Wire(_open(address))
    if not address.is_fake:
        wire.prove_read_only()
    return wire


def _open(address: Address) -> Any:
    try:
        connection = libvirt.openReadOnly(address.to_open)
    except libvirt.libvirtError as error:
        raise Refusal(error.get_error_code() or 0, str(error)) from error
    # A driver inside this process has no line to keep alive.
    with contextlib.suppress(libvirt.libvirtError):
        connection.setKeepAlive(_KEEPALIVE_SECONDS, _KEEPALIVE_COUNT)
    return connection


def could_write(address: Address, budget: Budget) -> bool | None:
    """Whether whoever has these credentials could write; None where that was not found out.

    On this machine the daemon's socket tells. Over ssh only the daemon does: a second connection,
    opened as a writer's, asks one thing that readers are refused and that changes nothing, and is
    closed. The connection that is read over stays a reader's.
    """
    if address.transport == "unix":
        return _takes_orders(address)
    if address.transport not in OVER_SSH:
        return None
    try:
        return within(min(_OPEN_SECONDS, budget.remaining / 4), lambda: _is_let_in(address))
    except Silence:
        return None


def _is_let_in(address: Address) -> bool | None:
    """Whether the daemon takes a connection for a writer's; the question asks for nothing."""
    try:
        connection = libvirt.open(address.to_open)
    except libvirt.libvirtError as error:
        return False if _is_refusal(str(error)) else None
    try:
        connection.domainXMLFromNative("none", "", 0)
    except libvirt.libvirtError as error:
        return bool(error.get_error_code() != libvirt.VIR_ERR_OPERATION_DENIED)
    finally:
        connection.close()
    return True


def _is_refusal(text: str) -> bool:
    return any(word in text.lower() for word in ("authentication", "denied", "authorized"))


def _takes_orders(address: Address) -> bool | None:
    """Whether our user may write to the daemon's socket; where everyone may, polkit decides."""
    if not address.uri.partition("?")[0].endswith("/system"):
        return True  # a daemon of our own
    named = [address.socket.removesuffix("-ro")] if address.socket else _SOCKETS
    there = [Path(name) for name in named if Path(name).is_socket()]
    if not there:
        return None
    if os.geteuid() == 0:
        return True
    open_to_all = any(path.stat().st_mode & stat.S_IWOTH for path in there)
    return None if open_to_all else any(os.access(path, os.W_OK) for path in there)


def within(seconds: float, call: Callable[[], T]) -> T:
    """What the call returns, or its exception. Raises Silence when neither comes in time.

    The thread that waits for it is left behind; it ends with the process.
    """
    answer: queue.Queue[tuple[T | None, BaseException | None]] = queue.Queue(1)

    def run() -> None:
        try:
            answer.put((call(), None))
        except BaseException as error:  # noqa: BLE001  (it is raised again where it is waited for)
            answer.put((None, error))

    threading.Thread(target=run, daemon=True).start()
    try:
        value, error = answer.get(timeout=max(0.0, seconds))
    except queue.Empty:
        raise Silence from None
    if error is not None:
        raise error
    return value  # type: ignore[return-value]  # without an error there is a value


@cache
def _start_event_loop() -> None:
    """Keepalive needs an event loop that runs before the first connection opens."""
    libvirt.registerErrorHandler(
        lambda _context, _error: None, None
    )  # errors are raised, not printed
    libvirt.virEventRegisterDefaultImpl()
    threading.Thread(target=_turn, daemon=True).start()


def _turn() -> None:
    while True:
        libvirt.virEventRunDefaultImpl()


def _knock(address: Address) -> None:
    """Raises Unreachable at once where opening a connection would wait for minutes."""
    if address.socket is not None and not Path(address.socket).is_socket():
        raise _fault(address, f"Failed to connect socket to '{address.socket}': No such file")
    if address.knock_at is None:
        return
    try:
        socket.create_connection(address.knock_at, timeout=_KNOCK_SECONDS).close()
    except TimeoutError:
        raise _fault(address, "timed out") from None
    except OSError as error:
        raise _fault(address, error.strerror or str(error)) from error


def _fault(address: Address, text: str) -> CollectError:
    return told(Refusal(38, text), address)
