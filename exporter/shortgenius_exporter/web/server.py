"""The server: connections in, each with its own task, TLS and deadlines.

Its own rather than a framework's, because none that was tried ends who never reads its answer, bounds its
connections, or changes its certificate while it runs. The protocol itself is h11's.
"""

from __future__ import annotations

import asyncio
import os
import resource
import secrets
import socket
import ssl
from collections.abc import Mapping
from contextlib import suppress
from typing import Any

from shortgenius_exporter.logs import Log
from shortgenius_exporter.web.connections import Connection, Connections
from shortgenius_exporter.web.guard import Guard, Peer
from shortgenius_exporter.web.http1 import Conversation, Headers
from shortgenius_exporter.web.live import LiveWebConfig
from shortgenius_exporter.web.passwords import Passwords
from shortgenius_exporter.web.routes import Request, Response, Site, respond

HANDSHAKE_SECONDS = 5.0
_CLOSE_SECONDS = 2.0
_GRACE_SECONDS = 1.0
_UNSENT_MILLISECONDS = 8000
_BACKLOG = 1024
_MOST_CONNECTIONS = 512
_MOST_HELD = 64 * 1024 * 1024
_BUFFER = 16 * 1024
_HEADERS = {
    "cache-control": "no-store",
    "content-security-policy": "default-src 'none'",
    "x-content-type-options": "nosniff",
}


async def serve(site: Site, sockets: list[socket.socket], web: LiveWebConfig, stop: asyncio.Event, log: Log) -> None:
    """Serves until ``stop`` is set, then lets answers in flight finish for a second."""
    server = _Server(site, web, log)
    forever = [server.accept(one) for one in sockets] + [web.watch()]
    tasks = [asyncio.ensure_future(one) for one in (stop.wait(), *forever)]
    done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    for one in sockets:
        one.close()
    await server.finish()
    for task in done:
        task.result()


class _Server:
    def __init__(self, site: Site, web: LiveWebConfig, log: Log) -> None:
        self._site = site
        self._web = web
        self._log = log
        self._guard = Guard(Passwords(secrets.token_bytes(32)))
        self._connections = Connections(most_connections(), _MOST_HELD, asyncio.get_running_loop().time)
        self._tasks: set[asyncio.Task[None]] = set()

    async def accept(self, listening: socket.socket) -> None:
        listening.setblocking(False)
        listening.listen(_BACKLOG)
        loop = asyncio.get_running_loop()
        while True:
            try:
                connected, address = await loop.sock_accept(listening)
            except OSError as error:
                await self._make_room(error)
                continue
            connection = self._connections.enter(connected, address[0])
            task = loop.create_task(self._converse(connection))
            connection.task = task
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)
            # A flood of connections is ready at once: the others have their turn in between.
            await asyncio.sleep(0)

    async def _make_room(self, error: OSError) -> None:
        """Usually the process has no descriptor left. Who waits in the kernel's queue is taken on the next round."""
        self._log.warning("cannot accept a connection", error=os.strerror(error.errno or 0))
        self._connections.shed()
        await asyncio.sleep(0.05)

    async def finish(self) -> None:
        self._connections.end_all(idle_only=True)
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=_GRACE_SECONDS)
        self._connections.end_all(idle_only=False)
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _converse(self, connection: Connection) -> None:
        try:
            with suppress(OSError, TimeoutError):
                await self._talk(connection)
        except Exception as error:  # noqa: BLE001 - a bug, which must not be silent nor end the server
            self._log.error("a request failed", error=repr(error))
        finally:
            self._connections.leave(connection)

    async def _talk(self, connection: Connection) -> None:
        reader, writer = await self._open(connection.socket)
        peer = Peer(connection.address, _certificate(writer))
        conversation = Conversation(
            reader,
            writer,
            lambda request: self._answer(request, peer),
            lambda held: self._connections.moved(connection, held),
        )
        try:
            await conversation.run()
            await _close(writer)
        finally:
            if connection.held is not None:
                connection.forget_unsent()
            writer.transport.abort()

    async def _open(self, connected: socket.socket) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        """Raises OSError, of which SSLError and TimeoutError are, if the handshake does not succeed in time."""
        _limit_unsent(connected)
        loop = asyncio.get_running_loop()
        reader = asyncio.StreamReader(limit=_BUFFER)
        protocol = asyncio.StreamReaderProtocol(reader)
        tls = self._web.current.tls
        limits = {"ssl_handshake_timeout": HANDSHAKE_SECONDS, "ssl_shutdown_timeout": _CLOSE_SECONDS} if tls else {}
        transport, _ = await loop.connect_accepted_socket(
            lambda: protocol, connected, ssl=tls.context if tls else None, **limits
        )
        return reader, asyncio.StreamWriter(transport, protocol, reader, loop)

    async def _answer(self, request: Request, peer: Peer) -> tuple[Response, Headers]:
        config = self._web.current
        response = await self._guard.refusal(config, request, peer)
        if response is None:
            # Rendering, compressing and reloading may take a while: the loop goes on accepting meanwhile.
            response = await asyncio.to_thread(respond, self._site, request)
        return response, [*{**_HEADERS, **dict(response.headers), **config.headers}.items()]


def most_connections() -> int:
    """Half of the descriptors this process may have, so that polls have theirs, and not more than anyone needs."""
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    return max(8, min(_MOST_CONNECTIONS, soft // 2)) if soft != resource.RLIM_INFINITY else _MOST_CONNECTIONS


async def _close(writer: asyncio.StreamWriter) -> None:
    # Closing twice would break the TLS transport of Python 3.11.
    if not writer.transport.is_closing():
        writer.close()
    async with asyncio.timeout(_CLOSE_SECONDS):
        await writer.wait_closed()


def _certificate(writer: asyncio.StreamWriter) -> Mapping[str, Any] | None:
    tls: ssl.SSLObject | None = writer.get_extra_info("ssl_object")
    return tls.getpeercert() if tls else None


def _limit_unsent(connected: socket.socket) -> None:
    """Has the kernel give up, too, on who does not take what was sent; Linux only."""
    if hasattr(socket, "TCP_USER_TIMEOUT"):
        with suppress(OSError):
            connected.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, _UNSENT_MILLISECONDS)
