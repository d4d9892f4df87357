"""What each path answers. Knows requests and responses, but no server and no sockets."""

from __future__ import annotations

import json
import zlib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import chain
from urllib.parse import parse_qs

from prometheus_client.exposition import gzip_accepted
from prometheus_client.registry import Collector

from shortgenius_exporter.metrics.exposition import Exposition, Negotiated
from shortgenius_exporter.web.accounts import accounts_json
from shortgenius_exporter.web.page import CONTENT_SECURITY_POLICY, status_page
from shortgenius_exporter.web.status import Overview, SelectionError, selection

PLAIN = "text/plain; charset=utf-8"
_FASTEST = 1
_GZIP = 16
_RELOAD = "/-/reload"
HEALTHY = "/-/healthy"
READY = "/-/ready"


@dataclass(frozen=True, slots=True)
class Request:
    """``query``: the raw query string. ``headers``: by lower-case name."""

    method: str
    path: str
    query: str = ""
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Response:
    """``pieces``: the body in parts; each is joined only when it is sent.

    Thousands of accounts make a body of tens of megabytes. So it is never in memory as a whole.
    """

    pieces: Sequence[Sequence[bytes]]
    status: int = 200
    content_type: str = PLAIN
    headers: tuple[tuple[str, str], ...] = ()

    @property
    def length(self) -> int:
        return sum(map(len, chain.from_iterable(self.pieces)))

    @property
    def body(self) -> bytes:
        return b"".join(chain.from_iterable(self.pieces))


@dataclass(frozen=True, slots=True)
class Site:
    """What the paths are made of. ``reload`` returns what is wrong or ``None``; without it, reloading is refused."""

    exposition: Exposition
    registry: Collector
    is_alive: Callable[[], bool]
    is_ready: Callable[[], bool]
    overview: Callable[[], Overview]
    scraped: Callable[[], None]
    reload: Callable[[], str | None] | None = None
    telemetry_path: str = "/metrics"


def respond(site: Site, request: Request) -> Response:
    """Answers ``request``. Blocks while it renders, compresses or reloads."""
    routes = {
        "/": _status,
        site.telemetry_path: _metrics,
        "/probe": _probe,
        "/api/v1/accounts": _accounts,
        HEALTHY: _healthy,
        READY: _ready,
        _RELOAD: _reload,
    }
    route = routes.get(request.path)
    if route is None:
        return _text(404, f"Nothing here. Metrics are at {site.telemetry_path}, links at /")
    allowed = ("POST",) if request.path == _RELOAD else ("GET", "HEAD")
    if request.method not in allowed:
        refused = _text(405, f"Use {allowed[0]}")
        return Response(refused.pieces, 405, headers=(("allow", ", ".join(allowed)),))
    return route(site, request)


def _metrics(site: Site, request: Request) -> Response:
    site.scraped()
    form = Negotiated(request.headers.get("accept", ""))
    pieces = [*site.exposition.pieces(openmetrics=form.is_openmetrics), [form.encode(site.registry)]]
    return _compressed(Response(pieces, content_type=form.content_type), request)


def _probe(site: Site, request: Request) -> Response:
    targets = parse_qs(request.query).get("target", [])
    if len(targets) != 1:
        return _text(400, "Name one account: /probe?target=ACCOUNT")
    form = Negotiated(request.headers.get("accept", ""))
    body = site.exposition.account(targets[0], openmetrics=form.is_openmetrics)
    if body is None:
        return _text(404, "No account of that name is configured here; target takes a name, never a URL or a key")
    return _compressed(Response([[body, form.end]], content_type=form.content_type), request)


def _healthy(site: Site, _: Request) -> Response:
    return _text(200, "Healthy") if site.is_alive() else _text(503, "The poll loop is stuck; restart the exporter")


def _ready(site: Site, _: Request) -> Response:
    return _text(200, "Ready") if site.is_ready() else _text(503, "Not every account has been polled once yet")


def _reload(site: Site, _: Request) -> Response:
    if site.reload is None:
        return _text(403, "Reloading over HTTP is off; start with --web.enable-lifecycle, or send SIGHUP")
    problems = site.reload()
    return _text(200, "Reloaded") if problems is None else _text(500, f"Not reloaded:\n{problems}")


def _status(site: Site, request: Request) -> Response:
    try:
        page = status_page(site.overview(), selection(request.query), site.telemetry_path)
    except SelectionError as error:
        return _text(400, str(error))
    policy = ("content-security-policy", CONTENT_SECURITY_POLICY)
    return _compressed(Response([[page]], content_type="text/html; charset=utf-8", headers=(policy,)), request)


def _accounts(site: Site, request: Request) -> Response:
    try:
        body = accounts_json(site.overview(), selection(request.query))
    except SelectionError as error:
        return Response([[json.dumps({"error": str(error)}).encode(), b"\n"]], 400, "application/json")
    return _compressed(Response([[body]], content_type="application/json"), request)


def _text(status: int, text: str) -> Response:
    return Response([[f"{text}\n".encode()]], status)


def _compressed(response: Response, request: Request) -> Response:
    """``response``, compressed for who can read that."""
    headers = [*response.headers, ("vary", "accept, accept-encoding")]
    pieces = response.pieces
    if gzip_accepted(request.headers.get("accept-encoding", "")):
        headers.append(("content-encoding", "gzip"))
        pieces = [list(_gzip(map(b"".join, pieces)))]
    return replace(response, pieces=pieces, headers=tuple(headers))


def _gzip(pieces: Iterable[bytes]) -> Iterator[bytes]:
    """Piece by piece, so that the whole is never in memory uncompressed. zlib releases the interpreter: polls go on."""
    compressor = zlib.compressobj(_FASTEST, wbits=zlib.MAX_WBITS | _GZIP)
    yield from map(compressor.compress, pieces)
    yield compressor.flush()
