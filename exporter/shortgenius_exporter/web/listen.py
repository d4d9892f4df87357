"""Listening sockets from the ``--web.listen-address`` flags."""

from __future__ import annotations

import errno
import os
import socket
from collections.abc import Iterable

_FLAG = "--web.listen-address"


class ListenError(Exception):
    """An address that cannot be listened on; the text says which, why and what to do."""


def listen(addresses: Iterable[str]) -> list[socket.socket]:
    """One or more sockets per address. Raises ListenError; none is left open then."""
    opened: list[socket.socket] = []
    try:
        for address in addresses:
            opened.extend(_listen(address))
    except ListenError:
        for one in opened:
            one.close()
        raise
    return opened


def _listen(address: str) -> list[socket.socket]:
    host, port = parse_address(address)
    try:
        if not host:
            return [_on_all_interfaces(port)]
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
        return [socket.create_server(place[:2], family=family) for family, _, _, _, place in dict.fromkeys(found)]
    except OSError as error:
        why = error.strerror if isinstance(error, socket.gaierror) else os.strerror(error.errno or 0)
        hint = " (is another exporter running?)" if error.errno == errno.EADDRINUSE else ""
        raise ListenError(
            f"{_FLAG}: cannot listen on {address}: {why}{hint}; choose another with {_FLAG} HOST:PORT"
        ) from None


def parse_address(address: str) -> tuple[str, int]:
    """Host, empty for all interfaces, and port of ``HOST:PORT``. Raises ListenError."""
    host, colon, port = address.rpartition(":")
    bracketed = host.startswith("[") and host.endswith("]")
    if not colon or not (port.isascii() and port.isdigit()) or int(port) > 65535 or (":" in host and not bracketed):  # noqa: PLR2004
        raise ListenError(
            f"{_FLAG}: {address!r} is not HOST:PORT; write for example :10217, 127.0.0.1:10217 or [::1]:10217"
        )
    return host.strip("[]"), int(port)


def _on_all_interfaces(port: int) -> socket.socket:
    if socket.has_dualstack_ipv6():
        return socket.create_server(("", port), family=socket.AF_INET6, dualstack_ipv6=True)
    return socket.create_server(("", port))
