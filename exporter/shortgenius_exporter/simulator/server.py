"""The simulated API on a real socket, with or without TLS."""

from __future__ import annotations

import contextlib
import select
import socket
import ssl
import struct
import threading
import time
from typing import Any

from shortgenius_exporter.simulator.admin import ADMIN_PATH, act, admin_answer
from shortgenius_exporter.simulator.api import BASE_PATH, Request, SimulatedApi
from shortgenius_exporter.simulator.clock import SimulatedClock
from shortgenius_exporter.simulator.faults import Fault, Injection
from shortgenius_exporter.simulator.incoming import read_request
from shortgenius_exporter.simulator.model import Books, World
from shortgenius_exporter.simulator.scripts import End, Script, Send, Wait

_PATIENCE = 5.0  # seconds for all threads to end
_GONE = select.POLLHUP | select.POLLERR | getattr(select, "POLLRDHUP", 0)
_RESET_ON_CLOSE = struct.pack("ii", 1, 0)


class SimulatorServer:
    """Serves ``world`` on ``host:port`` (0: a free port) from ``__enter__`` or :meth:`start` to :meth:`close`.

    One thread per connection. Raises ``OSError`` if the address cannot be had. ``/admin/`` asks for no key:
    whoever reaches the port can change the simulation.
    """

    def __init__(
        self,
        world: World,
        clock: SimulatedClock,
        *,
        host: str = "127.0.0.1",
        port: int = 0,
        ssl_context: ssl.SSLContext | None = None,
    ) -> None:
        self.api = SimulatedApi(world, clock)
        self._ssl_context = ssl_context
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        self._listener = socket.create_server((host, port), family=family, backlog=1024)
        shown = f"[{host}]" if ":" in host else host
        self.port: int = self._listener.getsockname()[1]
        self.url = f"{'https' if ssl_context else 'http'}://{shown}:{self.port}"
        self.base_url = self.url + BASE_PATH
        self._guard = threading.Lock()
        self._closing = False
        self._open: dict[socket.socket, threading.Thread] = {}
        self._acceptor = threading.Thread(target=self._accept, name="simulator", daemon=True)

    def __enter__(self) -> SimulatorServer:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def start(self) -> None:
        self._acceptor.start()

    def close(self) -> None:
        """Ends every connection, whatever it is doing, and returns when its threads have ended."""
        with self._guard:
            self._closing = True
            threads = list(self._open.values())
            for connection in self._open:
                _shut(connection)
        if self._acceptor.is_alive():
            self._wake_acceptor()
            threads.append(self._acceptor)
        deadline = time.monotonic() + _PATIENCE
        for thread in threads:
            thread.join(max(0.0, deadline - time.monotonic()))
        self._listener.close()

    def inject(self, fault: Fault | Injection, *accounts: str) -> None:
        """Puts a fault before these accounts, or before everybody if none is named."""
        injection = fault if isinstance(fault, Injection) else Injection(fault)
        for account in accounts or (None,):
            self.api.inject(injection, account)

    def clear(self, *accounts: str) -> None:
        """Takes away the faults of these accounts, or the one of everybody if none is named."""
        for account in accounts or (None,):
            self.api.clear(account)

    def admin(self, action: str, **arguments: Any) -> Any:
        """The same as ``POST /admin/ACTION``; raises ``ValueError`` where that answers 400."""
        return act(self.api, action, arguments)

    def books(self, account: str) -> dict[str, Books]:
        """The true books of ``account``, by credit type, as they stand now."""
        with self.api.lock:
            self.api.world.advance(self.api.clock.now())
            return self.api.world.books(account)

    def requests(self, account: str | None) -> int:
        """Requests so far with the key of ``account``; ``None``: without a known key."""
        return self.api.traffic.requests(account)

    def connections(self, account: str | None) -> int:
        """How many connections have carried requests of ``account``."""
        return self.api.traffic.connections(account)

    def arrivals(self, account: str | None) -> tuple[float, ...]:
        """When its last 10,000 requests arrived, in seconds of the clock's ``real`` source."""
        return self.api.traffic.arrivals(account)

    def wait_for_requests(self, account: str | None, requests: int, timeout: float = 10.0) -> None:
        """Returns once ``account`` has made that many in all; raises ``TimeoutError``."""
        self.api.traffic.wait(account, requests, timeout)

    @property
    def open_connections(self) -> int:
        return len(self._open)

    def _wake_acceptor(self) -> None:
        # Closing a listening socket does not end an accept() everywhere; a last connection does.
        with contextlib.suppress(OSError), socket.socket(self._listener.family) as last:
            last.settimeout(1.0)
            last.connect(self._listener.getsockname())

    def _accept(self) -> None:
        while not self._closing:
            try:
                connection, _ = self._listener.accept()
            except OSError:  # the client has gone already, or descriptors are short
                continue
            self._take(connection)

    def _take(self, connection: socket.socket) -> None:
        with self._guard:
            if self._closing:
                connection.close()
                return
            thread = threading.Thread(target=self._serve, args=(connection,), name="simulator", daemon=True)
            self._open[connection] = thread
            thread.start()

    def _serve(self, plain: socket.socket) -> None:
        connection: socket.socket | ssl.SSLSocket = plain
        try:
            with contextlib.suppress(OSError, ValueError):  # the client has gone, or speaks no HTTP
                plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                on_connect = self.api.on_connect()
                if on_connect is not None:
                    _play(connection, on_connect)
                    return
                if self._ssl_context is not None:
                    connection = self._secured(plain, self._ssl_context)
                    connection.do_handshake()
                self._converse(connection)
        finally:
            with self._guard:
                self._open.pop(connection, None)
            connection.close()

    def _secured(self, plain: socket.socket, context: ssl.SSLContext) -> ssl.SSLSocket:
        """Wraps ``plain`` and takes its place among the open connections; the handshake is still to come."""
        with self._guard:
            secured = context.wrap_socket(plain, server_side=True, do_handshake_on_connect=False)
            self._open[secured] = self._open.pop(plain)
            if self._closing:
                _shut(secured)
        return secured

    def _converse(self, connection: socket.socket) -> None:
        seen: set[str | None] = set()
        unread = b""
        while True:
            request, unread = read_request(connection, unread)
            if request is None:
                return
            if not _play(connection, self._script(request, seen)):
                return
            if request.headers.get("connection", "").lower() == "close":
                return

    def _script(self, request: Request, seen: set[str | None]) -> Script:
        if request.path.startswith(ADMIN_PATH):
            return iter([Send(admin_answer(self.api, request))])
        return self.api.reply(request, seen)


def _play(connection: socket.socket, script: Script) -> bool:
    """Carries ``script`` out; whether the connection may carry another request."""
    for step in script:
        if isinstance(step, Send):
            connection.sendall(step.data)
        elif isinstance(step, Wait):
            if _peer_leaves(connection, step.seconds):
                return False
        else:
            if step is End.RESET:
                connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET_ON_CLOSE)
            return False
    return True


def _peer_leaves(connection: socket.socket, seconds: float | None) -> bool:
    """Waits; whether it ended early because the client, or the server's close, ended the connection."""
    watch = select.poll()
    watch.register(connection, _GONE)
    return bool(watch.poll(None if seconds is None else seconds * 1_000))


def _shut(connection: socket.socket) -> None:
    # The plain shutdown, also under TLS: it wakes the connection's thread and touches none of its state.
    with contextlib.suppress(OSError):
        socket.socket.shutdown(connection, socket.SHUT_RDWR)
