"""poll: one poll of a Proxmox VE cluster, beside the same requests sent bare, as many at once."""

from __future__ import annotations

import http.client
import json
import ssl
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from datetime import datetime, timedelta
from urllib.parse import urlsplit

from pydantic import SecretStr

from bench.double import Double, running
from bench.fleet import NOW
from bench.measure import Line, Size, Spread, Tell, by_turns, call
from collectors.contract import Budget, KeptAnswer, Raw, Source
from collectors.poll import Plan, look
from collectors.proxmox import ProxmoxCollector, ProxmoxOptions
from collectors.proxmox.asks import BULK
from collectors.worker import Failed
from lab.pve_synthetic import AUDITOR

_PARALLEL = 4
_BARE = "the same requests bare, read as JSON"
_MOST_TIMES = 2.0
_SECONDS = 600.0
_BETWEEN_POLLS = timedelta(minutes=5)

Asked = tuple[str, int]  # a request's path, and the status of its answer


def poll_lines(size: Size, tell: Tell) -> Iterator[Line]:
    """How many requests a poll sends, and how long it takes: the first, and those after it."""
    name = f"poll {size.poll_guests:,} guests on {size.poll_nodes} nodes"
    tell(f"{name}: the double answers from a process of its own")
    with running(size.poll_nodes, size.poll_guests, NOW) as double:
        first = source_of(double, NOW)
        raw = poll(first)
        least = len(BULK) + size.poll_nodes + size.poll_guests
        yield _requests(f"{name}, first", raw, least, "the bulk, one a node, one a guest")
        yield from _times(f"{name}, first", double, first, raw, size)
        steady = source_of(double, NOW + _BETWEEN_POLLS, raw.kept)
        again = poll(steady)
        yield _requests(f"{name}, steady", again, len(BULK), "the bulk")
        yield from _times(f"{name}, steady", double, steady, again, size)


def _requests(name: str, raw: Raw, least: int, why: str) -> Line:
    return Line(name, "requests", Spread.of([raw.context["requests"]]), Spread.of([least]), why)


def _times(
    name: str, double: Double, source: Source[ProxmoxOptions], raw: Raw, size: Size
) -> Iterator[Line]:
    asked = asked_by(raw)
    own, worker, bare = by_turns(
        size.repeat,
        call(lambda: poll(source)),
        call(lambda: _look(source)),
        call(lambda: ask_bare(double, asked)),
    )
    yield Line(
        f"{name}: fetch and parse", "s", own.seconds, bare.seconds, _BARE, most_times=_MOST_TIMES
    )
    yield Line(f"{name}: computing", "s", own.processor_seconds, bare.processor_seconds, _BARE)
    yield Line(f"{name}: with its worker process", "s", worker.seconds, bare.seconds, _BARE)


def asked_by(raw: Raw) -> list[Asked]:
    """The requests that a poll sent, each with the status of its answer."""
    keys = raw.answers if raw.asked is None else raw.asked
    return [(key.removeprefix("GET "), raw.answers[key]["status"]) for key in keys]


def source_of(
    double: Double, now: datetime, kept: Mapping[str, KeptAnswer] = {}
) -> Source[ProxmoxOptions]:
    """The double as a configured source."""
    user, _bang, token_name = AUDITOR.id.partition("!")
    options = ProxmoxOptions(
        url=(double.url,),
        user=user,
        token_name=token_name,
        token="file:unused",  # noqa: S106  (a reference; the secret is given below)
        ca_file=double.ca_file,
    )
    secrets = {"token": SecretStr(AUDITOR.secret)}
    return Source("double", "proxmox", options, secrets=secrets, kept=kept, now=now)


def poll(source: Source[ProxmoxOptions]) -> Raw:
    """The answers of one poll, which were parsed too."""
    collector = ProxmoxCollector()
    raw = collector.fetch(source, Budget(_SECONDS, _PARALLEL))
    collector.parse(raw, source=source.name, taken_at=source.now or NOW)
    return raw


def _look(source: Source[ProxmoxOptions]) -> None:
    found = look(Plan(source, _SECONDS, _PARALLEL), lambda: source.now or NOW)
    if isinstance(found, Failed):
        raise RuntimeError(found.message)


def ask_bare(double: Double, asked: Sequence[Asked]) -> None:
    """Sends the same requests, as many at once, and reads the answers as JSON."""
    context = ssl.create_default_context(cafile=double.ca_file)
    shares = [asked[start::_PARALLEL] for start in range(_PARALLEL)]
    with ThreadPoolExecutor(_PARALLEL) as pool:
        list(pool.map(lambda share: _ask_in_turn(double.url, context, share), shares))


def _ask_in_turn(url: str, context: ssl.SSLContext, asked: Sequence[Asked]) -> None:
    """Sends the requests over one connection that is kept alive; each is answered as before."""
    headers = {"Authorization": f"PVEAPIToken={AUDITOR.id}={AUDITOR.secret}"}
    with closing(http.client.HTTPSConnection(urlsplit(url).netloc, context=context)) as connection:
        for path, status in asked:
            connection.request("GET", f"/api2/json{path}", headers=headers)
            response = connection.getresponse()
            body = response.read()
            if response.status != status:
                raise RuntimeError(f"{path}: {response.status}, not {status}")
            json.loads(body or b"null")
