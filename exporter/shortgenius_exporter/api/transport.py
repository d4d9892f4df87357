"""Connections that end at a deadline, whatever the server drips.

``requests`` limits each read, not the whole. Here every blocking call on the socket gets only the time that is left,
so that connecting, headers and body together end in time. ``getaddrinfo`` alone cannot be cut.
"""

from __future__ import annotations

import socket
import ssl
from collections.abc import Callable
from functools import partial
from typing import Any

from requests import PreparedRequest
from requests.adapters import HTTPAdapter
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.exceptions import NameResolutionError, NewConnectionError


class Deadline:
    """The moment at which the request under way must be over."""

    def __init__(self, monotonic: Callable[[], float]) -> None:
        self._monotonic = monotonic
        self._end = 0.0

    def start(self, seconds: float) -> None:
        """A new request begins, which has so many ``seconds``."""
        self._end = self._monotonic() + seconds

    def passed(self) -> bool:
        return self._monotonic() >= self._end

    def remaining(self) -> float:
        """Seconds left, more than zero. Raises TimeoutError if there are none."""
        left = self._end - self._monotonic()
        if left <= 0:
            raise TimeoutError("the deadline has passed")
        return left


class DeadlineSocket(socket.socket):
    """Gives each read only the time that is left."""

    deadline: Deadline

    def recv_into(self, *args: Any, **kwargs: Any) -> int:
        self.settimeout(self.deadline.remaining())
        return super().recv_into(*args, **kwargs)

    def gettimeout(self) -> float:
        # A TLS socket made from this one starts its handshake with this timeout.
        return self.deadline.remaining()


class DeadlineTlsSocket(ssl.SSLSocket):
    """The same for TLS. ``ssl`` makes the socket itself, so ``deadline`` is set afterwards."""

    deadline: Deadline | None = None

    def recv_into(self, *args: Any, **kwargs: Any) -> int:
        self._hurry()
        return super().recv_into(*args, **kwargs)

    def recv(self, *args: Any, **kwargs: Any) -> bytes:
        # What TLS inside the TLS of a proxy reads with.
        self._hurry()
        return super().recv(*args, **kwargs)

    def _hurry(self) -> None:
        if self.deadline is not None:
            self.settimeout(self.deadline.remaining())


class DeadlineAdapter(HTTPAdapter):
    """A ``requests`` adapter for one thread: one connection per upstream host, each bound to ``deadline``.

    ``connected`` turns true when a request had to open a connection; the caller turns it off before each request.
    ``used`` is the connection of the last request.
    """

    def __init__(self, deadline: Deadline, context: ssl.SSLContext, hosts: int) -> None:
        self.deadline = deadline
        self.connected = False
        self.used: HTTPConnection | None = None
        self.context = context
        super().__init__(pool_connections=hosts, pool_maxsize=1, max_retries=0)

    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
        super().init_poolmanager(*args, ssl_context=self.context, **kwargs)

    def proxy_manager_for(self, proxy: str, **kwargs: Any) -> Any:
        kwargs |= {"ssl_context": self.context, "proxy_ssl_context": self.context}
        return super().proxy_manager_for(proxy, **kwargs)

    def cert_verify(self, *_: Any) -> None:
        """Nothing to add: the context verifies."""

    def build_connection_pool_key_attributes(
        self, request: PreparedRequest, verify: Any, cert: Any = None
    ) -> tuple[Any, Any]:
        host, _ = super().build_connection_pool_key_attributes(request, verify, cert)
        return host, {}

    def get_connection_with_tls_context(self, *args: Any, **kwargs: Any) -> Any:
        pool: Any = super().get_connection_with_tls_context(*args, **kwargs)
        kind = _TlsConnection if pool.scheme == "https" else _PlainConnection
        pool.ConnectionCls = partial(kind, self)
        return pool


class _PlainConnection(HTTPConnection):
    def __init__(self, adapter: DeadlineAdapter, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._adapter = adapter

    def request(self, *args: Any, **kwargs: Any) -> None:
        self._adapter.used = self
        super().request(*args, **kwargs)

    def _new_conn(self) -> socket.socket:
        return _open(self, self._adapter)


class _TlsConnection(_PlainConnection, HTTPSConnection):
    """The first base goes before the second: what it overrides, it overrides of ``HTTPSConnection``, too."""

    def connect(self) -> None:
        super().connect()
        self._bind(self.sock)

    def _connect_tls_proxy(self, *args: Any, **kwargs: Any) -> Any:
        return self._bind(super()._connect_tls_proxy(*args, **kwargs))

    def _bind(self, connected: Any) -> Any:
        if isinstance(connected, DeadlineTlsSocket):
            connected.deadline = self._adapter.deadline
        return connected


def _open(connection: HTTPConnection, adapter: DeadlineAdapter) -> socket.socket:
    adapter.connected = True
    try:
        addresses = socket.getaddrinfo(connection._dns_host, connection.port, type=socket.SOCK_STREAM)  # noqa: SLF001
    except (socket.gaierror, UnicodeError) as error:
        raise NameResolutionError(connection.host, connection, socket.gaierror(str(error))) from error
    failure: OSError | None = None
    for left, (family, kind, protocol, _, address) in zip(range(len(addresses), 0, -1), addresses, strict=True):
        try:
            return _connected(family, kind, protocol, address, adapter.deadline, left, connection.socket_options)
        except OSError as error:
            failure = error
    raise NewConnectionError(connection, "no address could be reached") from failure


def _connected(
    family: int, kind: int, protocol: int, address: Any, deadline: Deadline, left: int, options: Any
) -> socket.socket:
    # An address that swallows packets must leave time for those after it.
    opened = DeadlineSocket(family, kind, protocol)
    opened.deadline = deadline
    try:
        for option in options or ():
            opened.setsockopt(*option)
        opened.settimeout(deadline.remaining() / left)
        opened.connect(address)
        opened.settimeout(deadline.remaining())
    except BaseException:
        opened.close()
        raise
    return opened
