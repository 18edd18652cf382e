"""The nursery: a process that has imported what every worker needs, and forks one for each job.

Importing takes longer than most polls. So it is done once for a program that polls many sources,
or the same ones for months; a worker is then a copy of the nursery, made in milliseconds, and
still a process and a session of its own that can be killed.

A birth is asked for over a socket, with the worker's three streams and a pipe for its fate: the
process id when it is born, then how it ended. What the worker is to do never passes here.
"""

from __future__ import annotations

import atexit
import contextlib
import gc
import importlib
import os
import pickle
import select
import signal
import socket
import struct
import subprocess
import sys
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.metadata import entry_points
from pathlib import Path
from typing import IO, BinaryIO, NoReturn

_FATE = struct.Struct("i")
_ASK = b"?"
_FILES_OF_A_BIRTH = 4
_BIRTH_SECONDS = 60.0  # on a machine that is very busy; a nursery that was stopped never answers
_UNKNOWN_END = 255  # of a worker whose nursery died


class NoBirth(OSError):
    """The nursery is gone, or does not answer."""


@dataclass(frozen=True, slots=True)
class Surroundings:
    """Where a worker runs: as if the asking program had started it itself."""

    environment: Mapping[str, str]
    folder: Path | None  # None: it is gone

    @classmethod
    def here(cls) -> Surroundings:
        try:
            folder: Path | None = Path.cwd()
        except FileNotFoundError:
            folder = None
        return cls(dict(os.environ), folder)

    def enter(self) -> None:
        os.environ.clear()
        os.environ.update(self.environment)
        if self.folder is not None:
            with contextlib.suppress(OSError):  # removed meanwhile: a worker needs none
                os.chdir(self.folder)


class Worker:
    """A process of the nursery, seen from the program that asked for it."""

    def __init__(self, to_it: BinaryIO, from_it: BinaryIO, fate: BinaryIO) -> None:
        self.stdin, self.stdout = to_it, from_it
        self._fate = fate
        ready, _, _ = select.select([fate], [], [], _BIRTH_SECONDS)
        born = fate.read(_FATE.size) if ready else b""
        if len(born) < _FATE.size:
            self.close()
            raise NoBirth("the process that starts workers does not answer")
        [self.pid] = _FATE.unpack(born)
        self._end: int | None = None
        self._waiting = threading.Lock()

    def wait(self, timeout: float | None = None) -> int:
        """How it ended: its status, or a negative signal. Raises TimeoutError."""
        with self._waiting:
            if self._end is None:
                ready, _, _ = select.select([self._fate], [], [], timeout)
                if not ready:
                    raise TimeoutError
                told = self._fate.read(_FATE.size)
                self._end = _FATE.unpack(told)[0] if len(told) == _FATE.size else _UNKNOWN_END
            return self._end

    def kill(self) -> None:
        """Ends it with all that it started. Of one that has ended the nursery did so."""
        try:
            self.wait(0)
        except TimeoutError:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self.pid, signal.SIGKILL)

    def close(self) -> None:
        for stream in (self.stdin, self.stdout, self._fate):
            with contextlib.suppress(BrokenPipeError):
                stream.close()


class Nursery:
    """The program's end: asks for workers. Safe to use from many threads."""

    def __init__(self) -> None:
        self._link, theirs = socket.socketpair()
        with theirs:
            self._process = subprocess.Popen(  # noqa: S603  (nothing in it comes from outside)
                [sys.executable, "-P", "-m", "collectors", str(theirs.fileno())],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                pass_fds=[theirs.fileno()],
                start_new_session=True,
            )
        self._asking = threading.Lock()
        self.owner = os.getpid()

    def worker(self, last_words: IO[bytes]) -> Worker:
        """A new worker, which prints to ``last_words`` what it says beside its answers.

        Raises NoBirth when the nursery is gone, or does not answer.
        """
        theirs_in, ours_in = os.pipe()
        ours_out, theirs_out = os.pipe()
        ours_fate, theirs_fate = os.pipe()
        given = [theirs_in, theirs_out, last_words.fileno(), theirs_fate]
        ours = os.fdopen(ours_in, "wb"), os.fdopen(ours_out, "rb"), os.fdopen(ours_fate, "rb", 0)
        try:
            with self._asking:
                socket.send_fds(self._link, [_ASK], given)
        except OSError as error:
            for stream in ours:
                stream.close()
            raise NoBirth(str(error)) from error
        finally:
            for descriptor in (theirs_in, theirs_out, theirs_fate):
                os.close(descriptor)
        worker = Worker(*ours)
        with contextlib.suppress(BrokenPipeError):  # it died at once, as its end will tell
            pickle.dump(Surroundings.here(), worker.stdin)
        return worker

    def close(self) -> None:
        """Ends the nursery; its workers end themselves."""
        self._link.close()
        if self.owner == os.getpid():
            self._process.kill()  # it has nothing to tidy up
            self._process.wait()


_open: list[Nursery] = []
_opening = threading.Lock()


def new_worker(last_words: IO[bytes]) -> Worker:
    """A worker of this program's nursery, which is opened when there is none that answers."""
    nursery = _nursery()
    try:
        return nursery.worker(last_words)
    except NoBirth:
        _give_up(nursery)
        return _nursery().worker(last_words)


def _nursery() -> Nursery:
    with _opening:
        if _open and _open[0].owner != os.getpid():  # that of the program this one was forked from
            _open.clear()
        if not _open:
            _open.append(Nursery())
        return _open[0]


def _give_up(nursery: Nursery) -> None:
    with _opening:
        if nursery in _open:
            _open.remove(nursery)
            nursery.close()


@atexit.register
def _close() -> None:
    while _open:
        _open.pop().close()


# The nursery's own side


def keep(link: socket.socket) -> None:
    """Forks workers as they are asked for, until nobody is left to ask."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the program decides when to stop
    _import_what_workers_need()
    gc.freeze()  # nothing that is shared so far is written to by a worker's collector
    ended, told = os.pipe()
    for descriptor in (ended, told):
        os.set_blocking(descriptor, False)
    signal.set_wakeup_fd(told, warn_on_full_buffer=False)
    signal.signal(signal.SIGCHLD, lambda _number, _frame: None)
    fates: dict[int, int] = {}
    while True:
        ready, _, _ = select.select([link.fileno(), ended], [], [])
        if ended in ready:
            os.read(ended, 4096)
            _tell_ends(fates)
        if link.fileno() in ready:
            asked, files, _flags, _address = socket.recv_fds(link, 1, _FILES_OF_A_BIRTH)
            if not asked:
                return
            _bear(files, fates, link)


def _import_what_workers_need() -> None:
    importlib.import_module("collectors.worker")
    for point in entry_points(group="lumbung.collectors"):
        if point.value.startswith("collectors."):  # another's driver may start threads
            with contextlib.suppress(ImportError):  # an extra that is not here: who asks is told
                point.load()


def _bear(files: list[int], fates: dict[int, int], link: socket.socket) -> None:
    *streams, fate = files
    try:
        pid = os.fork()
    except OSError:  # no room for one more process: the closed pipe tells
        pid = -1
    if pid == 0:
        _live(streams, fate, list(fates.values()), link)
    for stream in streams:
        os.close(stream)
    if pid > 0:
        fates[pid] = fate
    else:
        os.close(fate)


def _live(streams: list[int], fate: int, others: list[int], link: socket.socket) -> NoReturn:
    """What a worker does from its birth to its end."""
    try:
        os.setsid()
        _say(fate, os.getpid())
        signal.set_wakeup_fd(-1)
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        link.close()
        for target, stream in enumerate(streams):
            os.dup2(stream, target)
        for descriptor in (*streams, fate, *others):
            os.close(descriptor)
        surroundings: Surroundings = pickle.load(sys.stdin.buffer)  # noqa: S301  (our own program's)
        surroundings.enter()
        importlib.import_module("collectors.worker").main()
    except BaseException:  # noqa: BLE001  (its last words, whatever it died of)
        sys.excepthook(*sys.exc_info())
        sys.stderr.flush()
    finally:
        os._exit(1)  # one that worked has ended before


def _tell_ends(fates: dict[int, int]) -> None:
    """Tells of the workers that ended; whatever one of them started is ended with it."""
    while fates:
        ended = os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG | os.WNOWAIT)
        if ended is None:
            return
        # As long as it was not waited for, nobody else can have its number.
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(ended.si_pid, signal.SIGKILL)
        _pid, status = os.waitpid(ended.si_pid, 0)
        fate = fates.pop(ended.si_pid)
        _say(fate, os.waitstatus_to_exitcode(status))
        os.close(fate)


def _say(fate: int, number: int) -> None:
    with contextlib.suppress(BrokenPipeError):  # nobody wants to know any more
        os.write(fate, _FATE.pack(number))
