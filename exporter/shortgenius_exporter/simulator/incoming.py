"""HTTP/1.1 requests, read from a socket: as much of the protocol as API clients speak."""

from __future__ import annotations

import socket

from shortgenius_exporter.simulator.api import Request

_LARGEST = 1_048_576  # bytes of a request
_HEAD_ENDS = b"\r\n\r\n"


def read_request(connection: socket.socket, unread: bytes) -> tuple[Request | None, bytes]:
    """The next request, and what came after it; ``None`` once the client is done.

    ``unread`` is what an earlier call left over. Raises ``ValueError`` if it is not HTTP or too large.
    """
    data = unread
    while _HEAD_ENDS not in data:
        more = _receive(connection, data)
        if not more:
            return None, b""
        data += more
    head, _, body = data.partition(_HEAD_ENDS)
    method, target, headers = _parse(head.decode("latin-1"))
    length = int(headers.get("content-length", "0"))
    while len(body) < length:
        more = _receive(connection, body)
        if not more:
            return None, b""
        body += more
    return Request(method, target, headers, body[:length]), body[length:]


def _receive(connection: socket.socket, so_far: bytes) -> bytes:
    if len(so_far) > _LARGEST:
        raise ValueError(f"a request is at most {_LARGEST} bytes")
    return connection.recv(65_536)


def _parse(head: str) -> tuple[str, str, dict[str, str]]:
    first, *lines = head.split("\r\n")
    method, target, version = first.split(" ")
    headers = {name.strip().lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
    if version == "HTTP/1.0":
        headers["connection"] = "close"
    return method, target, headers
