"""HTTP to Proxmox VE, read-only by construction.

proxmoxer speaks the API; the transport below it refuses every verb but GET, every redirect and
every answer that is too large, checks the certificate as configured, and counts what was asked.
"""

from __future__ import annotations

import hashlib
import json
import socket
import ssl
import threading
import time
from collections.abc import Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import Any, Self
from urllib.parse import urlencode, urlsplit

import requests
from proxmoxer.backends import https
from proxmoxer.core import ProxmoxResource, ResourceException
from requests.adapters import HTTPAdapter

from collectors.contract import (
    BadAnswer,
    Budget,
    CollectError,
    Source,
    SourceMisconfigured,
    Unauthorised,
    Unreachable,
)
from collectors.proxmox import ProxmoxOptions
from inventory.records import Effort

_LARGEST_ANSWER_BYTES = 64 * 1024**2
_CONNECT_SECONDS = 10.0
_READ_SECONDS = 35.0  # a node waits up to 30 s for another one that it forwards to
_UNREACHED = range(595, 600)  # what a node answers when it could not reach another

NOT_ASKED = "not asked yet"  # how the reason begins of an answer that was left for the next poll

Answer = dict[str, Any]  # {"status": int, "reason": str, "body": data or None}


@dataclass(frozen=True, slots=True)
class Request:
    """One GET: an API path and its parameters; ``node`` is whose state decides the answer.

    ``key`` is the request as it is named in a Raw.
    """

    path: str
    parameters: Mapping[str, str | int] | None = None
    node: str | None = None
    key: str = field(init=False, compare=False)

    def __post_init__(self) -> None:
        query = urlencode(sorted(self.parameters.items())) if self.parameters else ""
        object.__setattr__(self, "key", f"GET {self.path}" + (f"?{query}" if query else ""))


class ReadOnlyTransport(HTTPAdapter):
    """Sends GET requests to one host, and nothing else."""

    def __init__(self, url: str, options: ProxmoxOptions, budget: Budget) -> None:
        self._netloc = urlsplit(url).netloc
        self._pinned = options.fingerprint
        self._budget = budget
        self._lock = threading.Lock()
        self.requests = 0
        self.bytes = 0
        self.clock_offset_seconds: float | None = None
        super().__init__(pool_maxsize=max(4, budget.max_parallel), max_retries=0)

    def init_poolmanager(self, *args: Any, **kwargs: Any) -> Any:
        if self._pinned:
            kwargs["assert_fingerprint"] = self._pinned
        return super().init_poolmanager(*args, **kwargs)

    def send(self, request: requests.PreparedRequest, **kwargs: Any) -> requests.Response:  # type: ignore[override]  # keywords pass through
        if request.method != "GET":
            raise BadAnswer(f"refused to send {request.method}: this program only reads")
        if urlsplit(request.url or "").netloc != self._netloc:
            raise BadAnswer("refused to follow a redirect to another host")
        left = max(0.1, self._budget.remaining)
        kwargs["timeout"] = (min(_CONNECT_SECONDS, left), min(_READ_SECONDS, left))
        kwargs["stream"] = True
        response = super().send(request, **kwargs)
        self._compare_clocks(response)
        if 300 <= response.status_code < 400:
            raise BadAnswer(f"redirected to {response.headers.get('Location')}: refused")
        self._read(response)
        return response

    def _compare_clocks(self, response: requests.Response) -> None:
        try:
            theirs = parsedate_to_datetime(response.headers.get("Date", ""))
        except ValueError:
            return  # it does not say what time it has
        self.clock_offset_seconds = round(theirs.timestamp() - time.time(), 1)

    def _read(self, response: requests.Response) -> None:
        """Reads the body up to the limit, so that no answer can fill the memory."""
        body = b""
        for chunk in response.iter_content(1 << 16):
            body += chunk
            if len(body) > _LARGEST_ANSWER_BYTES:
                response.close()
                raise BadAnswer(f"an answer is larger than {_LARGEST_ANSWER_BYTES} bytes")
        response._content = body
        with self._lock:
            self.requests += 1
            self.bytes += len(body)


class _Serializer:
    """Reads the envelope {"data": …}; anything else is told, never taken for an answer."""

    def get_accept_types(self) -> str:
        return "application/json"

    def loads(self, response: requests.Response) -> Any:
        try:
            content = json.loads(response.content)
        except ValueError:
            raise BadAnswer("the answer is not JSON") from None
        if not isinstance(content, dict) or "data" not in content:
            raise BadAnswer("the answer has no data")
        return content["data"]

    def loads_errors(self, response: requests.Response) -> Any:
        try:
            content = json.loads(response.content)
        except ValueError:
            return None
        return content.get("errors") if isinstance(content, dict) else None


class Wire:
    """An open way to one node that answers for its cluster."""

    def __init__(self, url: str, source: Source[ProxmoxOptions], budget: Budget) -> None:
        options = source.options
        self.url = url
        self._budget = budget
        self._began = time.monotonic()
        self._unreached: dict[str, str] = {}
        self._transport = ReadOnlyTransport(url, options, budget)
        parts = urlsplit(url)
        backend = https.Backend(
            host=_bracketed(parts.hostname or ""),
            port=parts.port or 8006,
            user=options.user,
            token_name=options.token_name,
            token_value=source.secrets["token"].get_secret_value(),
            verify_ssl=_verify(options),
        )
        session = backend.get_session()
        session.trust_env = False  # no proxy, netrc or certificate bundle of the environment
        session.mount("https://", self._transport)
        self._session = session
        self._api = ProxmoxResource(
            base_url=backend.get_base_url(), session=session, serializer=_Serializer()
        )

    def close(self) -> None:
        self._session.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @property
    def effort(self) -> Effort:
        seconds = time.monotonic() - self._began
        return Effort(self._transport.requests, self._transport.bytes, round(seconds, 3))

    @property
    def clock_offset_seconds(self) -> float | None:
        """The server's clock less ours, to the second; None when it does not tell."""
        return self._transport.clock_offset_seconds

    def ask(self, request: Request) -> Answer:
        """The answer; an error of the API is one too. Raises Unreachable when there is no way."""
        if self._budget.is_spent:
            return _answer(0, f"{NOT_ASKED}: the time of this poll was used up")
        if request.node in self._unreached:
            return _answer(595, self._unreached[request.node])
        try:
            data = self._api(request.path.strip("/")).get(**dict(request.parameters or {}))
        except ResourceException as error:
            answer = _answer(int(error.status_code), _reason(error))
            if request.node and answer["status"] in _UNREACHED:
                # The others of this node would wait as long for the same answer.
                self._unreached[request.node] = answer["reason"]
            return answer
        except BadAnswer as error:
            return _answer(0, str(error))
        except requests.exceptions.ReadTimeout:
            return _answer(0, "no answer in time")
        except requests.exceptions.ChunkedEncodingError:
            return _answer(0, "the answer broke off")
        except requests.exceptions.RequestException as error:
            raise Unreachable(f"{self.url}: {_network_reason(error, self)}") from error
        return _answer(200, "OK", data)

    def ask_all(self, wanted: Iterable[Request]) -> dict[str, Answer]:
        """The answers by request key, asked side by side within the budget."""
        wanted = list(wanted)
        with ThreadPoolExecutor(max_workers=self._budget.max_parallel) as pool:
            answers = pool.map(self.ask_safely, wanted)
            return {request.key: answer for request, answer in zip(wanted, answers, strict=True)}

    def ask_safely(self, request: Request) -> Answer:
        """A line that breaks during the poll costs this answer, not those that came."""
        try:
            return self.ask(request)
        except Unreachable as error:
            return _answer(0, str(error))


def connect(source: Source[ProxmoxOptions], budget: Budget) -> tuple[Wire, Answer]:
    """A way to the first endpoint that answers, to be closed, with its answer to /version.

    Raises Unauthorised at once: another endpoint would refuse the token too. Raises Unreachable
    when none answers, with the reason of each.
    """
    troubles: list[str] = []
    for url in source.options.url:
        wire = Wire(url, source, budget)
        try:
            answer = wire.ask(Request("/version"))
        except Unreachable as error:
            wire.close()
            troubles.append(str(error))
            continue
        if answer["status"] == 200:
            return wire, answer
        wire.close()
        if answer["status"] == 401:
            raise Unauthorised(_refused(source.options, url, answer["reason"]))
        troubles.append(f"{url}: {answer['status'] or ''} {answer['reason']}".replace(":  ", ": "))
    raise Unreachable("; ".join(troubles))


def _refused(options: ProxmoxOptions, url: str, reason: str) -> str:
    return (
        f"{url} refused the token {options.token_id} ({reason}); check its name, its secret and "
        f"its expiry: pveum user token list {options.user}"
    )


def _bracketed(host: str) -> str:
    return f"[{host}]" if ":" in host else host


def _verify(options: ProxmoxOptions) -> bool | str:
    """What requests takes: a file of authorities, or whether to verify by the system's own.

    A pinned fingerprint replaces the chain: the certificate itself is compared.
    """
    if options.fingerprint is not None:
        return False
    return _readable(options.ca_file) if options.ca_file is not None else options.verify


def _readable(ca_file: Path) -> str:
    """The file, once it is known to hold certificates. Raises SourceMisconfigured."""
    try:
        ssl.create_default_context(cafile=ca_file)
    except ssl.SSLError:
        raise SourceMisconfigured(f"ca_file {ca_file} holds no certificate in PEM form") from None
    except OSError as error:
        raise SourceMisconfigured(f"ca_file {ca_file}: {error.strerror}") from None
    return str(ca_file)


def rows_of(answer: Answer | None) -> list[Mapping[str, Any]]:
    """The rows of a list answer; none when it was refused or is no list."""
    body = answer.get("body") if answer else None
    return [row for row in body if isinstance(row, Mapping)] if isinstance(body, list) else []


def _answer(status: int, reason: str, body: Any = None) -> Answer:
    return {"status": status, "reason": reason.strip(), "body": body}


def _reason(error: ResourceException) -> str:
    """The reason phrase, which Proxmox VE puts its message into."""
    return str(error.content).split(" - {")[0] or str(error.status_message)


def _network_reason(error: requests.exceptions.RequestException, wire: Wire) -> str:
    """A network error in words, with what to do about a certificate."""
    if isinstance(error, requests.exceptions.SSLError):
        return _certificate_reason(str(error), wire)
    if isinstance(error, requests.exceptions.Timeout):
        return "no answer in time; is the address right, and does a firewall drop the packets?"
    text = str(error)
    for sign, words in (
        ("Name or service not known", "the name is not known"),
        ("nodename nor servname", "the name is not known"),
        ("Temporary failure in name resolution", "the name could not be resolved"),
        ("Failed to resolve", "the name could not be resolved"),
        ("Connection refused", "connection refused; is pveproxy running there?"),
        ("No route to host", "no route to the host"),
        ("Network is unreachable", "the network is not reachable"),
        ("Connection reset", "the connection was reset"),
        ("Remote end closed", "the connection was closed without an answer"),
        ("Fingerprints did not match", _changed(wire)),
    ):
        if sign in text:
            return words
    return f"{type(error).__name__}"


def _certificate_reason(text: str, wire: Wire) -> str:
    if "Fingerprints did not match" in text:
        return _changed(wire)
    if "certificate has expired" in text:
        return "its certificate has expired; renew it on the node (pvecm updatecerts --force)"
    if "Hostname mismatch" in text or "doesn't match" in text or "IP address mismatch" in text:
        return "its certificate is for another name; use a name it holds, or pin fingerprint"
    if "self-signed" in text or "self signed" in text or "unable to get local issuer" in text:
        return (
            "its certificate is not signed by an authority this machine knows; set ca_file to "
            f'the cluster\'s pve-root-ca.pem, or fingerprint = "{_seen(wire)}" after comparing it '
            "on the node"
        )
    if "CERTIFICATE_VERIFY_FAILED" in text:
        return f"its certificate could not be verified ({text.rsplit('(', 1)[-1].strip(')')})"
    return "no encrypted connection could be made; is this the API's port?"


def _changed(wire: Wire) -> str:
    return (
        f"its certificate is not the pinned one (now {_seen(wire)}); if it was renewed, compare "
        "it on the node and set fingerprint anew"
    )


def _seen(wire: Wire) -> str:
    try:
        return seen_fingerprint(wire.url)
    except CollectError:
        return "?"


def seen_fingerprint(url: str, timeout_seconds: float = 5.0) -> str:
    """The SHA-256 fingerprint of the certificate a server shows, unverified.

    Raises Unreachable. It is what a person compares with the node's own before pinning it.
    """
    parts = urlsplit(url)
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE  # only looked at: nothing secret is sent here
    address = (parts.hostname or "", parts.port or 8006)
    try:
        with (
            socket.create_connection(address, timeout=timeout_seconds) as plain,
            context.wrap_socket(plain, server_hostname=parts.hostname) as secure,
        ):
            certificate = secure.getpeercert(binary_form=True)
    except OSError as error:
        raise Unreachable(f"{url}: {error.strerror or error}") from error
    digest = hashlib.sha256(certificate or b"").hexdigest().upper()
    return ":".join(digest[i : i + 2] for i in range(0, 64, 2))
