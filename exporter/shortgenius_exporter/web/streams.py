"""Bytes to and from one client, plain or through TLS.

On the sockets themselves rather than asyncio's transports: what is written is what the kernel took, nothing waits in
buffers, and a TLS connection costs some 50 KiB where asyncio's costs 300.
"""

from __future__ import annotations

import asyncio
import socket
import ssl
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Any, Protocol, TypeVar

_RECORD = 16 * 1024

T = TypeVar("T")


class Stream(Protocol):
    """Its methods raise OSError when the client is gone or breaks TLS, and wait for it as long as they are let."""

    async def read(self, size: int) -> bytes:
        """At least one byte and at most ``size``, or none at the end."""

    async def write(self, data: bytes | memoryview) -> None:
        """Returns when the kernel has taken all of it."""

    async def end(self) -> None:
        """Tells the client that nothing more comes."""


class PlainStream:
    """``connected``: a non-blocking socket."""

    def __init__(self, connected: socket.socket) -> None:
        self._socket = connected
        self._loop = asyncio.get_running_loop()

    async def read(self, size: int) -> bytes:
        return await self._loop.sock_recv(self._socket, size)

    async def write(self, data: bytes | memoryview) -> None:
        await self._loop.sock_sendall(self._socket, data)

    async def end(self) -> None:
        self._socket.shutdown(socket.SHUT_WR)


class TlsStream:
    """TLS over another stream; begins with :meth:`handshake`."""

    def __init__(self, below: Stream, context: ssl.SSLContext) -> None:
        self._below = below
        self._received = ssl.MemoryBIO()
        self._to_send = ssl.MemoryBIO()
        self._tls = context.wrap_bio(self._received, self._to_send, server_side=True)

    async def handshake(self) -> Mapping[str, Any] | None:
        """The client's certificate, if it showed one; it is verified then."""
        await self._until_done(self._tls.do_handshake)
        return self._tls.getpeercert()

    async def read(self, size: int) -> bytes:
        try:
            return await self._until_done(lambda: self._tls.read(size))
        except (ssl.SSLZeroReturnError, ssl.SSLEOFError):
            return b""

    async def write(self, data: bytes | memoryview) -> None:
        # Into memory, OpenSSL takes everything at once.
        await self._until_done(lambda: self._tls.write(data))

    async def end(self) -> None:
        with suppress(ssl.SSLError):
            # Returns by "want read": the client's own farewell is not waited for.
            self._tls.unwrap()
        await self._flush()
        await self._below.end()

    async def _until_done(self, work: Callable[[], T]) -> T:
        while True:
            try:
                result = work()
            except ssl.SSLWantReadError:
                await self._flush()
                await self._receive()
            except ssl.SSLError:
                # What was wrong is in an alert, for the client to see.
                await self._flush()
                raise
            else:
                await self._flush()
                return result

    async def _flush(self) -> None:
        if self._to_send.pending:
            await self._below.write(self._to_send.read())

    async def _receive(self) -> None:
        data = await self._below.read(_RECORD)
        if data:
            self._received.write(data)
        else:
            self._received.write_eof()
