"""Hypercorn, set up so that clients who stall are closed and never hold up the others."""

from __future__ import annotations

import asyncio
import logging
import socket
from collections.abc import Awaitable, Callable
from typing import Any

from hypercorn.asyncio import serve as hypercorn_serve
from hypercorn.config import Config, Sockets

from shortgenius_exporter.web.routes import Request, Response, Site, respond

_PATIENCE = 5
_GRACE = 1.0
_HEADERS = {
    "cache-control": "no-store",
    "content-security-policy": "default-src 'none'",
    "x-content-type-options": "nosniff",
}

_Receive = Callable[[], Awaitable[dict[str, Any]]]
_Send = Callable[[dict[str, Any]], Awaitable[None]]


async def serve(site: Site, sockets: list[socket.socket], stop: asyncio.Event) -> None:
    """Serves until ``stop`` is set, then lets answers in flight finish for a second."""
    serving = asyncio.ensure_future(
        hypercorn_serve(_application(site), _Config(sockets), shutdown_trigger=stop.wait)  # type: ignore[arg-type]
    )
    stopping = asyncio.ensure_future(stop.wait())
    await asyncio.wait({serving, stopping}, return_when=asyncio.FIRST_COMPLETED)
    # A client that does not read its answer may not delay the exit any further.
    done, _ = await asyncio.wait({serving}, timeout=_GRACE + 0.2)
    stopping.cancel()
    serving.cancel()
    for task in done:
        task.result()


class _Config(Config):
    def __init__(self, sockets: list[socket.socket]) -> None:
        super().__init__()
        self._listening = sockets
        self.accesslog = None
        self.errorlog = logging.getLogger("hypercorn.error")
        self.alpn_protocols = ["http/1.1"]
        self.include_server_header = False
        self.read_timeout = _PATIENCE
        self.keep_alive_timeout = _PATIENCE
        self.ssl_handshake_timeout = _PATIENCE
        self.graceful_timeout = _GRACE
        self.shutdown_timeout = _GRACE

    def create_sockets(self) -> Sockets:
        for one in self._listening:
            one.setblocking(False)
        return Sockets([], self._listening, [])


def _application(site: Site) -> Callable[[dict[str, Any], _Receive, _Send], Awaitable[None]]:
    async def application(scope: dict[str, Any], receive: _Receive, send: _Send) -> None:
        if scope["type"] == "lifespan":
            await _lifespan(receive, send)
        elif scope["type"] == "http":
            # Rendering, compressing and reloading may take a while: the loop goes on accepting meanwhile.
            response = await asyncio.to_thread(respond, site, _request(scope))
            await _answer(send, response, with_body=scope["method"] != "HEAD")

    return application


async def _lifespan(receive: _Receive, send: _Send) -> None:
    while True:
        event = (await receive())["type"]
        await send({"type": f"{event}.complete"})
        if event == "lifespan.shutdown":
            return


def _request(scope: dict[str, Any]) -> Request:
    headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]}
    return Request(scope["method"], scope["path"], scope["query_string"].decode("latin-1"), headers)


async def _answer(send: _Send, response: Response, *, with_body: bool) -> None:
    headers = [
        (b"content-type", response.content_type.encode()),
        (b"content-length", str(len(response.body)).encode()),
        *((name.encode(), value.encode()) for name, value in {**_HEADERS, **dict(response.headers)}.items()),
    ]
    await send({"type": "http.response.start", "status": response.status, "headers": headers})
    await send({"type": "http.response.body", "body": response.body if with_body else b""})
