"""A Proxmox VE API double over real HTTPS, for any modelled cluster.

It checks tokens as Proxmox does, refuses every verb but GET and counts those it refused, can be
slow, and lets dead nodes keep a client waiting. It listens on 127.0.0.1 only.
"""

from __future__ import annotations

import hashlib
import json
import ssl
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

import trustme

from lab.pve_answers import Answers
from lab.pve_model import Cluster, Token

_PREFIX = "/api2/json"


@dataclass
class Served:
    """A running double: how to reach it, and what it was asked."""

    url: str
    ca_file: Path
    fingerprint: str
    cluster: Cluster
    asked: Counter[str] = field(default_factory=Counter)
    refused: Counter[str] = field(default_factory=Counter)
    queries: list[dict[str, str]] = field(default_factory=list)  # of the requests that had any
    latency_seconds: float = 0.0
    dead_after_seconds: float = 0.0
    # Path → (status, reason, raw body): answers of a broken server, for tests of faults.
    broken: dict[str, tuple[int, str, bytes]] = field(default_factory=dict)
    # Path → what happens to the cluster when it is asked for the first time, before the answer.
    happens: dict[str, Callable[[], None]] = field(default_factory=dict)
    lock: threading.Lock = field(default_factory=threading.Lock)
    at_once: int = 0  # requests that wait for their answer at this moment
    most_at_once: int = 0

    @property
    def requests(self) -> int:
        return sum(self.asked.values())


@contextmanager
def serve(
    cluster: Cluster, *, folder: Path | None = None, not_after: datetime | None = None
) -> Iterator[Served]:
    """Serves the cluster until the block ends; ``not_after`` dates its certificate."""
    with tempfile.TemporaryDirectory() as own:
        place = folder or Path(own)
        context, ca_file, fingerprint = _certificate(place, not_after)
        server = _Server(("127.0.0.1", 0), _Handler, context)
        url = f"https://127.0.0.1:{server.server_address[1]}"
        served = Served(url, ca_file, fingerprint, cluster)
        server.served = served
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        try:
            yield served
        finally:
            server.shutdown()
            server.server_close()
            thread.join()


def _certificate(place: Path, not_after: datetime | None) -> tuple[ssl.SSLContext, Path, str]:
    authority = trustme.CA()
    ca_file = place / "pve-root-ca.pem"
    authority.cert_pem.write_to_path(str(ca_file))
    dated: dict[str, Any] = {} if not_after is None else {"not_after": not_after}
    if not_after is not None:
        dated["not_before"] = datetime(2020, 1, 1, tzinfo=not_after.tzinfo)
    issued = authority.issue_cert("127.0.0.1", "localhost", **dated)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    issued.configure_cert(context)
    der = ssl.PEM_cert_to_DER_cert(issued.cert_chain_pems[0].bytes().decode())
    digest = hashlib.sha256(der).hexdigest().upper()
    return context, ca_file, ":".join(digest[i : i + 2] for i in range(0, 64, 2))


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 256
    served: Served

    def __init__(self, address: tuple[str, int], handler: Any, context: ssl.SSLContext) -> None:
        super().__init__(address, handler)
        self._context = context

    def finish_request(self, request: Any, client_address: Any) -> None:
        """Shakes hands in the request's own thread, so that a silent client blocks no other."""
        request.settimeout(60)
        try:
            secure = self._context.wrap_socket(request, server_side=True)
        except (ssl.SSLError, OSError):
            return
        with secure:
            super().finish_request(secure, client_address)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that goes away is no error of the double."""


def _nothing() -> None:
    """Happens."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server_version = "pve-api-daemon/3.0"
    sys_version = ""
    server: _Server
    # Head and body go out together; else the client's delayed acknowledgement costs 40 ms.
    wbufsize = -1
    disable_nagle_algorithm = True

    def log_message(self, *_: Any) -> None:
        """The double is silent."""

    def do_GET(self) -> None:
        served = self.server.served
        with served.lock:
            served.at_once += 1
            served.most_at_once = max(served.most_at_once, served.at_once)
        try:
            answer = self._answer(served)
        finally:
            with served.lock:
                served.at_once -= 1
        self._send(*answer)

    def _answer(self, served: Served) -> tuple[int, str, bytes]:
        """Status, reason and body, once it is time to send them."""
        parts = urlsplit(self.path)
        path = unquote(parts.path).removeprefix(_PREFIX) or "/"
        with served.lock:
            served.asked[path] += 1
            if parts.query:
                served.queries.append(dict(parse_qsl(parts.query)))
            served.happens.pop(path, _nothing)()
        if served.latency_seconds:
            time.sleep(served.latency_seconds)
        if path in served.broken:
            return served.broken[path]
        token = self._token(served.cluster)
        if token is None:
            given = "Authorization" in self.headers
            return 401, "Authentication failed!" if given else "No ticket", b""
        status, reason, data = Answers(served.cluster).answer(
            token, path.rstrip("/") or "/", dict(parse_qsl(parts.query))
        )
        if status == 595:
            time.sleep(served.dead_after_seconds)
        return status, reason, _envelope(status, reason, data)

    def _token(self, cluster: Cluster) -> Token | None:
        given = self.headers.get("Authorization", "").removeprefix("PVEAPIToken=")
        return next((t for t in cluster.tokens if given == f"{t.id}={t.secret}"), None)

    def _send(self, status: int, reason: str, body: bytes) -> None:
        self.send_response(status, reason)
        self.send_header("Content-Type", "application/json;charset=UTF-8")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
        self.wfile.flush()

    def _refuse(self) -> None:
        with self.server.served.lock:
            self.server.served.refused[f"{self.command} {self.path}"] += 1
        self.close_connection = True
        self._send(405, "the double only answers GET", b'{"data":null}')

    do_POST = do_PUT = do_DELETE = do_PATCH = do_HEAD = do_OPTIONS = _refuse


def _envelope(status: int, reason: str, data: Any) -> bytes:
    if status in (595, 596, 401):
        return b""
    body: Mapping[str, Any] = {"data": data}
    if status != 200:
        body = {"data": None, "message": f"{reason}\n"}
    return json.dumps(body, separators=(",", ":")).encode()
