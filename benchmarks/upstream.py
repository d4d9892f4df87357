"""A fast stand-in for the API, in a process of its own so that what it costs is not measured.

``python -m benchmarks.upstream --latency SECONDS [--certificate PEM]`` prints its port, then serves until killed.
Every answer's four balances are lower than those before, so that each poll has something to tell. ``GET /stats``
counts what came, as JSON.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import ssl

_START = 10**12


class Stats:
    """``most_open``: the highest number of connections that were open at once, without those that ask for this."""

    def __init__(self) -> None:
        self.requests = 0
        self.connections = 0
        self.open = 0
        self.most_open = 0

    def connected(self) -> None:
        self.connections += 1
        self.open += 1
        self.most_open = max(self.most_open, self.open)

    def as_json(self) -> bytes:
        return json.dumps(vars(self)).encode()


class Answering(asyncio.Protocol):
    """Just enough HTTP/1.1 for clients that send one complete GET at a time and keep the connection."""

    def __init__(self, stats: Stats, latency: float) -> None:
        self._stats = stats
        self._latency = latency
        self._received = b""
        self._counted = False
        self._transport: asyncio.Transport

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        self._received += data
        if not self._received.endswith(b"\r\n\r\n"):
            return
        line, self._received = self._received[:20], b""
        if line.startswith(b"GET /stats"):
            self._send(self._stats.as_json())
            return
        if not self._counted:
            self._counted = True
            self._stats.connected()
        self._stats.requests += 1
        body = _balance(_START - self._stats.requests)
        if self._latency:
            asyncio.get_running_loop().call_later(self._latency, self._send, body)
        else:
            self._send(body)

    def connection_lost(self, _: Exception | None) -> None:
        if self._counted:
            self._stats.open -= 1

    def _send(self, body: bytes) -> None:
        head = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n" % len(body)
        if not self._transport.is_closing():
            self._transport.write(head + body)


def _balance(credits: int) -> bytes:
    return (
        b'{"balance":{"credits":%d,"animated_video_credits":%d,"high_quality_video_credits":%d,"image_credits":%d}}'
        % (credits, credits - 1, credits - 2, credits - 3)
    )


async def _serve(latency: float, certificate: str | None) -> None:
    context = None
    if certificate:
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        context.load_cert_chain(certificate)
    stats = Stats()
    server = await asyncio.get_running_loop().create_server(
        lambda: Answering(stats, latency), "127.0.0.1", 0, ssl=context, backlog=1024
    )
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--latency", type=float, default=0.0)
    parser.add_argument("--certificate")
    args = parser.parse_args()
    asyncio.run(_serve(args.latency, args.certificate))


if __name__ == "__main__":
    main()
