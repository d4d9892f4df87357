"""Servers below HTTP, for the tests of what a network can do: each connection is a script over a real socket."""

from __future__ import annotations

import socket
import ssl
import struct
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from itertools import count

GOOD_BODY = b'{"balance": {"credits": 217}}'
GOOD_ANSWER = b"HTTP/1.1 200 OK\r\nContent-Length: 29\r\n\r\n" + GOOD_BODY
LINGER_ZERO = struct.pack("ii", 1, 0)


@dataclass
class Upstream:
    """A listening server; ``connections`` and ``requests`` are what it has seen so far."""

    listener: socket.socket
    closing: threading.Event = field(default_factory=threading.Event)
    connections: int = 0
    requests: list[bytes] = field(default_factory=list)

    @property
    def port(self) -> int:
        return int(self.listener.getsockname()[1])

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def tls_url(self) -> str:
        return f"https://localhost:{self.port}"

    def read_request(self, connection: socket.socket) -> bytes:
        """The head of the next request. Raises ConnectionError when the client has gone."""
        head = b""
        while not head.endswith(b"\r\n\r\n"):
            received = connection.recv(65536)
            if not received:
                raise ConnectionError("the client closed the connection")
            head += received
        self.requests.append(head)
        return head

    def drip(self, connection: socket.socket, piece: bytes) -> None:
        """Sends ``piece`` again and again, each soon enough to keep a timeout per read from ending it."""
        while not self.closing.wait(0.02):
            connection.sendall(piece)


@contextmanager
def nobody_listening() -> Iterator[int]:
    """A port that refuses connections, and that nobody else is given meanwhile."""
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        yield int(bound.getsockname()[1])


Script = Callable[[Upstream, socket.socket], None]


@contextmanager
def serving(script: Script, tls: ssl.SSLContext | None = None) -> Iterator[Upstream]:
    """Runs ``script`` for each connection, in a thread of its own, until the block ends."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        upstream = Upstream(listener)
        threads: list[threading.Thread] = []
        opened: list[socket.socket] = []

        def handle(connection: socket.socket) -> None:
            # That the client cuts a connection, or refuses our certificate, is what many tests are about.
            with suppress(OSError), connection:
                if tls is None:
                    script(upstream, connection)
                else:
                    with tls.wrap_socket(connection, server_side=True, do_handshake_on_connect=False) as secure:
                        opened.append(secure)
                        secure.do_handshake()
                        script(upstream, secure)

        def accept() -> None:
            with suppress(OSError):
                while True:
                    connection, _ = listener.accept()
                    upstream.connections += 1
                    opened.append(connection)
                    threads.append(threading.Thread(target=handle, args=[connection], daemon=True))
                    threads[-1].start()

        acceptor = threading.Thread(target=accept, daemon=True)
        acceptor.start()
        try:
            yield upstream
        finally:
            upstream.closing.set()
            _shut_down(listener)
            acceptor.join()
            for connection in opened:
                _shut_down(connection)
            for thread in threads:
                thread.join()


def _shut_down(opened: socket.socket) -> None:
    with suppress(OSError):
        socket.socket.shutdown(opened, socket.SHUT_RDWR)


def answer(data: bytes) -> Script:
    """Answers one request with ``data``, byte for byte, then closes."""

    def script(upstream: Upstream, connection: socket.socket) -> None:
        upstream.read_request(connection)
        connection.sendall(data)

    return script


def keep_answering(upstream: Upstream, connection: socket.socket) -> None:
    while True:
        upstream.read_request(connection)
        connection.sendall(GOOD_ANSWER)


def after_a_good_answer(then: Script) -> Script:
    """Answers the first request of a connection well; what comes on it then is ``then``."""

    def script(upstream: Upstream, connection: socket.socket) -> None:
        upstream.read_request(connection)
        connection.sendall(GOOD_ANSWER)
        then(upstream, connection)

    return script


def at_first(first: Script, later: Script = keep_answering) -> Script:
    """``first`` for the first connection, ``later`` for each that follows."""
    numbers = count()

    def script(upstream: Upstream, connection: socket.socket) -> None:
        (first if next(numbers) == 0 else later)(upstream, connection)

    return script


def never_answer(upstream: Upstream, connection: socket.socket) -> None:
    upstream.read_request(connection)
    upstream.closing.wait()


def never_read(upstream: Upstream, connection: socket.socket) -> None:
    upstream.closing.wait()


def close_at_once(upstream: Upstream, connection: socket.socket) -> None:
    """Accepts and closes."""


def drip_after(head: bytes, piece: bytes) -> Script:
    def script(upstream: Upstream, connection: socket.socket) -> None:
        upstream.read_request(connection)
        connection.sendall(head)
        upstream.drip(connection, piece)

    return script


def reset_after(data: bytes) -> Script:
    """Answers with ``data``, then cuts the connection with a TCP reset."""

    def script(upstream: Upstream, connection: socket.socket) -> None:
        upstream.read_request(connection)
        connection.sendall(data)
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, LINGER_ZERO)

    return script


def flood_after(head: bytes) -> Script:
    def script(upstream: Upstream, connection: socket.socket) -> None:
        upstream.read_request(connection)
        connection.sendall(head)
        while not upstream.closing.is_set():
            connection.sendall(b" " * 65536)

    return script
