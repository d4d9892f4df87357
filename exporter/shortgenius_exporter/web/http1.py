"""HTTP/1.1 on one connection, with no patience for who stalls and no memory for who sends too much."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Iterator
from contextlib import suppress
from email.utils import formatdate
from http import HTTPStatus
from urllib.parse import unquote, urlsplit

import h11

from shortgenius_exporter.web.routes import Request, Response
from shortgenius_exporter.web.streams import Stream

REQUEST_SECONDS = 5.0
ANSWER_SECONDS = 4.5
_PROMPT_SECONDS = 1.0
_SLOWEST_BYTES_PER_SECOND = 1024 * 1024
_LINGER_SECONDS = 0.5
_CHUNK = 64 * 1024
_MOST_HEAD = 16 * 1024
_MOST_BODY = 64 * 1024

Headers = list[tuple[str, str]]


class _RefusedError(Exception):
    """The request is answered with an error status, and the connection closed."""

    def __init__(self, status: int) -> None:
        super().__init__(status)
        self.status = status


class Conversation:
    """``answer``: gives the response to a request, and its headers but Date, Content-Type and Content-Length.

    ``taking``: is told how many bytes of an answer are still to be sent, and ``None`` when all are.
    ``request_by``: when the first request must be there, by the loop's clock.
    """

    def __init__(
        self,
        stream: Stream,
        answer: Callable[[Request], Awaitable[tuple[Response, Headers]]],
        taking: Callable[[int | None], None],
        request_by: float,
    ) -> None:
        self._stream = stream
        self._answer = answer
        self._taking = taking
        # Seconds that sending may take. All slow answers use it up together, or a client could take each a little too
        # slowly and stay for ever.
        self._patience = ANSWER_SECONDS
        self._now = asyncio.get_running_loop().time
        self._request_by = request_by
        self._http = h11.Connection(h11.SERVER, max_incomplete_event_size=_MOST_HEAD)

    async def run(self) -> None:
        """Answers until either side has enough. Raises TimeoutError of who stalls, OSError of who is gone."""
        while await self._exchange():
            self._http.start_next_cycle()

    async def _exchange(self) -> bool:
        """One request and its answer; whether there may be another."""
        try:
            async with asyncio.timeout_at(self._request_by):
                asked = await self._next_request()
        except h11.RemoteProtocolError as error:
            await self._refuse(error.error_status_hint)
            return False
        except _RefusedError as refused:
            await self._refuse(refused.status)
            return False
        if asked is None:
            return False
        self._taking(0)
        response, headers = await self._answer(_request(asked))
        await self._send(response, headers, with_body=asked.method != b"HEAD")
        return self._http.our_state is h11.DONE and self._http.their_state is h11.DONE

    async def _next_request(self) -> h11.Request | None:
        """A whole request, its body left out; ``None`` when the client has no more."""
        asked = None
        size = 0
        while True:
            event = self._http.next_event()
            if event is h11.NEED_DATA:
                if self._http.they_are_waiting_for_100_continue:
                    raise _RefusedError(HTTPStatus.EXPECTATION_FAILED)
                self._http.receive_data(await self._stream.read(_CHUNK))
            elif isinstance(event, h11.Request):
                asked = _checked(event)
            elif isinstance(event, h11.Data):
                size += len(event.data)
                if size > _MOST_BODY:
                    raise _RefusedError(HTTPStatus.REQUEST_ENTITY_TOO_LARGE)
            else:
                return asked if isinstance(event, h11.EndOfMessage) else None

    async def _send(self, response: Response, headers: Headers, *, with_body: bool = True) -> None:
        length = response.length
        framing = [("content-type", response.content_type), ("content-length", str(length))]
        head = self._head(response.status, [*headers, *framing])
        if with_body:
            # Only for h11's count: the body itself is sent from where it is, without copies.
            self._http.send_with_data_passthrough(h11.Data(data=range(length)))  # type: ignore[arg-type]
        self._http.send(h11.EndOfMessage())
        left = len(head) + (length if with_body else 0)
        began = self._now()
        allowed = left / _SLOWEST_BYTES_PER_SECOND
        async with asyncio.timeout(self._patience + allowed):
            for data in _chunks(head, response.pieces if with_body else []):
                await self._write(data, left)
                left -= len(data)
        late = self._now() - began - allowed
        self._patience = ANSWER_SECONDS if late < _PROMPT_SECONDS else self._patience - late
        self._request_by = self._now() + REQUEST_SECONDS
        self._taking(None)

    async def _write(self, data: bytes | memoryview, left: int) -> None:
        self._taking(left)
        async with asyncio.timeout(ANSWER_SECONDS):
            await self._stream.write(data)

    async def _refuse(self, status: int) -> None:
        if self._http.our_state not in (h11.IDLE, h11.SEND_RESPONSE):
            return
        text = f"{HTTPStatus(status).phrase}\n".encode()
        with suppress(h11.LocalProtocolError):
            await self._send(Response([[text]], status), [("connection", "close")])
        await self._linger()

    def _head(self, status: int, headers: Iterable[tuple[str, str]]) -> bytes:
        fields = [("date", formatdate(usegmt=True)), *headers]
        event = h11.Response(status_code=status, headers=fields, reason=HTTPStatus(status).phrase)
        return self._http.send(event) or b""

    async def _linger(self) -> None:
        """What is unread when a socket is closed becomes a reset, which may overtake the answer."""
        with suppress(TimeoutError):
            async with asyncio.timeout(_LINGER_SECONDS):
                await self._stream.end()
                while await self._stream.read(_CHUNK):
                    pass


def _chunks(head: bytes, pieces: Iterable[Iterable[bytes]]) -> Iterator[bytes | memoryview]:
    """``head`` and the joined pieces, never much at once."""
    for piece in pieces:
        rest = memoryview(b"".join(piece))
        if head and rest:
            yield head + rest[:_CHUNK]
            head, rest = b"", rest[_CHUNK:]
        for start in range(0, len(rest), _CHUNK):
            yield rest[start : start + _CHUNK]
    if head:
        yield head


def _checked(request: h11.Request) -> h11.Request:
    """Refuses what a proxy before us may read differently, which is how requests are smuggled past it."""
    if request.http_version not in (b"1.0", b"1.1"):
        raise _RefusedError(HTTPStatus.HTTP_VERSION_NOT_SUPPORTED)
    names = [name for name, _ in request.headers]
    if b"transfer-encoding" in names and (b"content-length" in names or request.http_version == b"1.0"):
        raise _RefusedError(HTTPStatus.BAD_REQUEST)
    if names.count(b"authorization") > 1:
        raise _RefusedError(HTTPStatus.BAD_REQUEST)
    return request


def _request(asked: h11.Request) -> Request:
    """An absolute target (``GET http://host/metrics``) means its path, as RFC 9112 wants it."""
    target = asked.target.decode("ascii")
    if not target.startswith("/"):
        target = _path_of(target)
    path, _, query = target.partition("?")
    headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in asked.headers}
    return Request(asked.method.decode("ascii"), unquote(path), query, headers)


def _path_of(target: str) -> str:
    try:
        parts = urlsplit(target)
    except ValueError:
        return ""
    if parts.scheme not in ("http", "https"):
        return ""
    return f"{parts.path or '/'}?{parts.query}"
