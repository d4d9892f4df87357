"""One request and its answer on a connection that is already open.

Most of what ``requests`` and ``urllib3`` do for a request, and most of what it costs, is to find a connection. The
next request to the same server can do without that.
"""

from __future__ import annotations

import http.client
import io
from dataclasses import dataclass
from typing import Any

import urllib3

from shortgenius_exporter.api.transport import Deadline


@dataclass(frozen=True, slots=True)
class Answer:
    """``body`` is decoded. ``reusable``: nothing of this answer is left in the connection."""

    status: int
    retry_after: str | None
    body: bytes
    reusable: bool


def exchange(sock: Any, message: bytes, deadline: Deadline, max_body: int) -> Answer:
    """Sends ``message``, a GET, and reads one answer: of its body at most ``max_body`` bytes and one more.

    Raises what sockets, ``ssl``, ``http.client`` and urllib3's decoders raise.
    """
    sock.settimeout(deadline.remaining())
    sock.sendall(message)
    response = http.client.HTTPResponse(sock, method="GET")
    try:
        response.begin()
        body = response.read(max_body + 1)
        if response.length and len(body) <= max_body:
            raise http.client.IncompleteRead(body, response.length)
        interim = response.status < http.HTTPStatus.OK
        reusable = not (response.will_close or interim or len(body) > max_body)
        return Answer(
            response.status, response.headers.get("Retry-After"), _decoded(body, response, max_body), reusable
        )
    finally:
        response.close()


def _decoded(body: bytes, response: http.client.HTTPResponse, max_body: int) -> bytes:
    encoding = response.headers.get("Content-Encoding")
    if encoding is None:
        return body
    encoded = urllib3.HTTPResponse(io.BytesIO(body), {"Content-Encoding": encoding}, preload_content=False)
    return encoded.read(max_body + 1, decode_content=True)
