"""Listening sockets from the ``--web.listen-address`` flags."""

from __future__ import annotations

import errno
import os
import re
import socket
from collections.abc import Iterable, Iterator
from contextlib import ExitStack

_FLAG = "--web.listen-address"


class ListenError(Exception):
    """An address that cannot be listened on; the text says which, why and what to do."""


def listen(addresses: Iterable[str]) -> list[socket.socket]:
    """One or more sockets per address. Raises ListenError; none is left open then."""
    with ExitStack() as opened:
        sockets = [opened.enter_context(one) for address in addresses for one in _listen(address)]
        opened.pop_all()
    return sockets


def _listen(address: str) -> Iterator[socket.socket]:
    host, port = parse_address(address)
    try:
        if not host:
            yield _on_all_interfaces(port)
            return
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
        for family, _, _, _, place in dict.fromkeys(found):
            yield socket.create_server(place[:2], family=family)
    except UnicodeError:
        # Of a name with an empty or overlong part.
        raise ListenError(f"{_FLAG}: cannot listen on {address}: {host!r} is not a host name or address") from None
    except OSError as error:
        raise cannot_listen(address, error) from None


def cannot_listen(address: str, error: OSError) -> ListenError:
    why = error.strerror if isinstance(error, socket.gaierror) else os.strerror(error.errno or 0)
    hint = " (is another exporter running?)" if error.errno == errno.EADDRINUSE else ""
    return ListenError(f"{_FLAG}: cannot listen on {address}: {why}{hint}; choose another with {_FLAG} HOST:PORT")


def parse_address(address: str) -> tuple[str, int]:
    """Host, empty for all interfaces, and port of ``HOST:PORT``. Raises ListenError."""
    host, colon, port = address.rpartition(":")
    bracketed = host.startswith("[") and host.endswith("]")
    is_port = re.fullmatch("[0-9]{1,5}", port) is not None and int(port) <= 65535  # noqa: PLR2004
    if not colon or not is_port or (":" in host and not bracketed):
        raise ListenError(
            f"{_FLAG}: {address!r} is not HOST:PORT; write for example :10217, 127.0.0.1:10217 or [::1]:10217"
        )
    return host.strip("[]"), int(port)


def _on_all_interfaces(port: int) -> socket.socket:
    if socket.has_dualstack_ipv6():
        return socket.create_server(("", port), family=socket.AF_INET6, dualstack_ipv6=True)
    return socket.create_server(("", port))
