"""The server: connections in, each with its own task, TLS and deadlines.

Its own rather than a framework's, because none that was tried ends who never reads its answer, bounds its
connections, or changes its certificate while it runs. The protocol itself is h11's.
"""

from __future__ import annotations

import asyncio
import itertools
import os
import resource
import secrets
import socket
from contextlib import suppress
from functools import partial

from shortgenius_exporter.logs import Log
from shortgenius_exporter.web.connections import Connection, Connections
from shortgenius_exporter.web.guard import Guard, Peer
from shortgenius_exporter.web.http1 import REQUEST_SECONDS, Conversation, Headers
from shortgenius_exporter.web.live import LiveWebConfig
from shortgenius_exporter.web.passwords import Passwords
from shortgenius_exporter.web.routes import Request, Response, Site, respond
from shortgenius_exporter.web.streams import PlainStream, Stream, TlsStream

_CLOSE_SECONDS = 2.0
_GRACE_SECONDS = 1.0
_UNSENT_MILLISECONDS = 5000
_BACKLOG = 1024
_AT_ONCE = 64
_MOST_CONNECTIONS = 256
_KERNEL_BUFFER = 64 * 1024
_MOST_HELD = 64 * 1024 * 1024
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
        """Accepts connections for ever.

        Several at once before any is served: in a flood, those that are closed again for want of room have cost little
        then, and a scrape that waits behind them gets its turn soon.
        """
        listening.setblocking(False)
        listening.listen(_BACKLOG)
        # What is accepted inherits these: the kernel would keep up to 4 MiB for a client that does not read.
        for option in (socket.SO_SNDBUF, socket.SO_RCVBUF):
            listening.setsockopt(socket.SOL_SOCKET, option, _KERNEL_BUFFER)
        loop = asyncio.get_running_loop()
        for number in itertools.count(1):
            try:
                connected, address = await loop.sock_accept(listening)
            except OSError as error:
                await self._make_room(error)
                continue
            connection = self._connections.enter(connected, address[0])
            task = loop.create_task(self._converse(connection))
            connection.task = task
            self._tasks.add(task)
            task.add_done_callback(partial(self._left, connection))
            if number % _AT_ONCE == 0:
                await asyncio.sleep(0)

    def _left(self, connection: Connection, task: asyncio.Task[None]) -> None:
        """Cleans up after ``task``. Not in the task itself: one that is cancelled before it begins never runs."""
        self._tasks.discard(task)
        self._connections.leave(connection)
        connection.close()

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
            self._log.bug("a request failed", error)

    async def _talk(self, connection: Connection) -> None:
        request_by = connection.moved + REQUEST_SECONDS
        async with asyncio.timeout_at(request_by):
            stream, peer = await self._open(connection)
        conversation = Conversation(
            stream,
            lambda request: self._answer(request, peer),
            lambda held: self._connections.moved(connection, held),
            request_by,
        )
        await conversation.run()
        async with asyncio.timeout(_CLOSE_SECONDS):
            await stream.end()

    async def _open(self, connection: Connection) -> tuple[Stream, Peer]:
        """Raises OSError, of which SSLError is one, if the handshake does not succeed."""
        _limit_unsent(connection.socket)
        plain = PlainStream(connection.socket)
        tls = self._web.current.tls
        if tls is None:
            return plain, Peer(connection.address)
        stream = TlsStream(plain, tls.context)
        return stream, Peer(connection.address, await stream.handshake())

    async def _answer(self, request: Request, peer: Peer) -> tuple[Response, Headers]:
        config = self._web.current
        response = await self._guard.refusal(config, request, peer)
        if response is None:
            # Rendering, compressing and reloading may take a while: the loop goes on accepting meanwhile.
            response = await asyncio.to_thread(self._respond, request)
        return response, [*{**_HEADERS, **dict(response.headers), **config.headers}.items()]

    def _respond(self, request: Request) -> Response:
        try:
            return respond(self._site, request)
        except Exception as error:  # noqa: BLE001 - a bug costs one answer, which says so
            self._log.bug("a request failed", error)
            return Response([[b"Internal error, see the exporter's log\n"]], 500)


def most_connections() -> int:
    """Half of the descriptors this process may have, so that polls have theirs, and not more than anyone needs."""
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    return max(8, min(_MOST_CONNECTIONS, soft // 2)) if soft != resource.RLIM_INFINITY else _MOST_CONNECTIONS


def _limit_unsent(connected: socket.socket) -> None:
    """Makes the kernel, too, give up on a client that does not take what was sent. Linux only."""
    if hasattr(socket, "TCP_USER_TIMEOUT"):
        with suppress(OSError):
            connected.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, _UNSENT_MILLISECONDS)
