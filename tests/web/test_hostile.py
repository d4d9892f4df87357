"""Hostile clients, over real sockets, plain and TLS, on an exporter that may open 256 files only."""

from __future__ import annotations

import asyncio
import contextlib
import os
import re
import resource
import socket
import ssl
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from pki import TLS, directory, trusting
from support import a_second, ask, clean_environ, eventually, exporter_command, program, wait_for_url

DESCRIPTORS = 256
GET = b"GET /metrics HTTP/1.1\r\nHost: a\r\n\r\n"
IDLE_SECONDS = 0.3


@dataclass(frozen=True)
class Target:
    url: str
    pid: int

    @property
    def is_tls(self) -> bool:
        return self.url.startswith("https")

    @property
    def place(self) -> tuple[str, int]:
        parts = urlsplit(self.url)
        return str(parts.hostname), int(parts.port or 0)

    def descriptors(self) -> int:
        return len(os.listdir(f"/proc/{self.pid}/fd"))  # noqa: PTH208 - only their number

    def resident_mib(self) -> float:
        status = Path(f"/proc/{self.pid}/status").read_text()
        found = re.search(r"VmRSS:\s+(\d+) kB", status)
        assert found is not None
        return int(found[1]) / 1024

    def scrape_seconds(self) -> float:
        """How long one scrape took, on a new connection."""
        began = time.monotonic()
        answer = ask(self.url + "/metrics", tls=trusting())
        assert answer.status == 200
        return time.monotonic() - began


@pytest.fixture(scope="module", params=["http", "https"])
def target(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Target]:
    here = directory(tmp_path_factory.mktemp("web"))
    web = here.config(TLS if request.param == "https" else "")
    command = [*exporter_command(), "--web.config.file", str(web), "--web.listen-address", "127.0.0.1:0"]
    environ = clean_environ(SHORTGENIUS_API_KEY="sk-some-key", SHORTGENIUS_BASE_URL="http://127.0.0.1:9/api/v1")
    limited = f'ulimit -n {DESCRIPTORS}; exec "$0" "$@"'
    with program("sh", "-c", limited, *command, environ=environ) as running:
        yield Target(wait_for_url(running), running.process.pid)
        assert "a request failed" not in running.output
        assert running.stop()[0] == 0


@pytest.fixture(scope="module", autouse=True)
def _many_files() -> Iterator[None]:
    """This process plays a thousand clients."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(4096, hard), hard))
    yield
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


@contextlib.contextmanager
def connected(target: Target, receive_buffer: int = 0) -> Iterator[socket.socket]:
    """``receive_buffer``: until the kernel's buffers are full, nobody can tell that a client does not read."""
    with socket.socket() as raw:
        if receive_buffer:
            raw.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        raw.settimeout(15)
        raw.connect(target.place)
        if not target.is_tls:
            yield raw
            return
        with trusting().wrap_socket(raw, server_hostname=target.place[0]) as wrapped:
            yield wrapped


def exchange(target: Target, sent: bytes) -> bytes:
    """All that comes back until the other side closes; a reset after the answer is an end, too."""
    with connected(target) as one:
        # The other side may have answered and closed before it was given everything.
        with contextlib.suppress(OSError):
            one.sendall(sent)
        received = b""
        with contextlib.suppress(ConnectionError, ssl.SSLError):
            while data := one.recv(65536):
                received += data
        return received


def statuses(received: bytes) -> list[int]:
    return [int(code) for code in re.findall(rb"^HTTP/1\.1 (\d{3}) ", received, re.MULTILINE)]


def get(path: str, *lines: str, method: str = "GET", body: str = "") -> bytes:
    head = [f"{method} {path} HTTP/1.1", "Host: a", "Connection: close", *lines]
    return ("\r\n".join(head) + "\r\n\r\n" + body).encode("latin-1")


ANSWERS = {
    "a plain request": (get("/metrics"), [200]),
    "an absolute target": (get("http://anything/metrics"), [200]),
    "an absolute target of another scheme": (get("file:///metrics"), [404]),
    "an absolute target that is none": (get("http://[/metrics"), [404]),
    "a proxy request": (get("a:443", method="CONNECT"), [404]),
    "an asterisk": (get("*", method="OPTIONS"), [404]),
    "an unknown method": (get("/metrics", method="BREW"), [405]),
    "a version in digits beyond ASCII": (
        get("/metrics", "Accept: application/openmetrics-text;version=1.0.0.\xb2"),
        [200],
    ),
    "dots": (get("/../../etc/passwd"), [404]),
    "encoded dots": (get("/%2e%2e/%2e%2e/etc/passwd"), [404]),
    "two slashes": (get("//metrics"), [404]),
    "an encoded null": (get("/metrics%00"), [404]),
    "a null": (get("/metrics\0"), [400]),
    "bytes beyond ASCII": (get("/m\xe9trics"), [400]),
    "an encoded line break": (get("/%0d%0aX: y"), [400]),
    "a very long path": (get("/" + "a" * 100_000), [431]),
    "a huge header": (get("/metrics", "X: " + "a" * 1_000_000), [431]),
    "many headers": (get("/metrics", *(f"X{i}: y" for i in range(10_000))), [431]),
    "a broken header": (get("/metrics", "no colon"), [400]),
    "a space before the colon": (get("/metrics", "Content-Length : 3"), [400]),
    "two hosts": (get("/metrics", "Host: b"), [400]),
    "no host": (b"GET /metrics HTTP/1.1\r\n\r\n", [400]),
    "HTTP/1.0": (b"GET /metrics HTTP/1.0\r\n\r\n", [200]),
    "HTTP/0.9": (b"GET /metrics\r\n\r\n", [400]),
    "HTTP/2 without asking": (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", [505]),
    "HTTP/2 by upgrade": (
        get("/metrics", "Connection: upgrade", "Upgrade: h2c", "HTTP2-Settings: AAMAAABkAARAAAAAAAIAAAAA"),
        [200],
    ),
    "a WebSocket": (get("/metrics", "Connection: upgrade", "Upgrade: websocket", "Sec-WebSocket-Version: 13"), [200]),
    "random bytes": (bytes(range(256)) * 100, [400]),
    "two lengths": (get("/metrics", "Content-Length: 3", "Content-Length: 4", body="abcd"), [400]),
    "a length and chunks": (
        get("/metrics", "Content-Length: 4", "Transfer-Encoding: chunked", body="0\r\n\r\n" + "GET /x"),
        [400],
    ),
    "a negative length": (get("/metrics", "Content-Length: -1"), [400]),
    "an unknown encoding": (get("/metrics", "Transfer-Encoding: gzip"), [501]),
    "two passwords": (get("/metrics", "Authorization: Basic YTpi", "Authorization: Basic YTpj"), [400]),
    "a small body": (get("/metrics", "Content-Length: 3", body="abc"), [200]),
    "a large body": (get("/metrics", "Content-Length: 1000000", body="x" * 1_000_000), [413]),
    "endless chunks": (get("/metrics", "Transfer-Encoding: chunked", body=f"fff\r\n{'x' * 0xFFF}\r\n" * 60), [413]),
    "a body that waits for permission": (get("/", "Content-Length: 99999999", "Expect: 100-continue"), [417]),
    "requests in one go": (GET * 3 + get("/nothing"), [200, 200, 200, 404]),
}


@pytest.mark.parametrize("name", ANSWERS)
def test_odd_requests_get_a_clear_answer(target: Target, name: str) -> None:
    sent, expected = ANSWERS[name]
    assert statuses(exchange(target, sent)) == expected


def test_a_head_request_has_no_body(target: Target) -> None:
    received = exchange(target, get("/metrics", method="HEAD"))
    assert statuses(received) == [200]
    assert received.endswith(b"\r\n\r\n")


class Client:
    """One connection of a slow client."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader = reader
        self.writer = writer

    async def send(self, data: bytes) -> None:
        self.writer.write(data)
        await self.writer.drain()

    async def drip(self, data: bytes) -> None:
        """One byte after the other, for as long as the other side stands it."""
        for number in range(len(data)):
            await self.send(data[number : number + 1])
            await asyncio.sleep(IDLE_SECONDS)

    async def until_closed(self) -> None:
        while await self.reader.read(65536):
            pass


async def nothing(client: Client) -> None:
    await client.until_closed()


async def half_a_head(client: Client) -> None:
    await client.send(GET[:20])
    await client.until_closed()


async def dripped_head(client: Client) -> None:
    await client.drip(GET[:-4] + b"\r\nX: " + b"y" * 1000)


async def half_a_body(client: Client) -> None:
    await client.send(b"GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 100\r\n\r\nabc")
    await client.until_closed()


async def dripped_body(client: Client) -> None:
    await client.send(b"GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 1000\r\n\r\n")
    await client.drip(b"x" * 1000)


async def silence_after_an_answer(client: Client) -> None:
    await client.send(GET)
    await client.until_closed()


Misbehaviour = Callable[[Client], Awaitable[None]]
SLOW: list[Misbehaviour] = [
    nothing,
    half_a_head,
    dripped_head,
    half_a_body,
    dripped_body,
    silence_after_an_answer,
]


async def seconds_until_closed(target: Target, misbehave: Misbehaviour, *, handshake: bool) -> float:
    began = time.monotonic()
    tls = trusting() if target.is_tls and handshake else None
    reader, writer = await asyncio.open_connection(*target.place, ssl=tls)
    try:
        with contextlib.suppress(OSError):
            async with asyncio.timeout(20):
                await misbehave(Client(reader, writer))
    finally:
        writer.transport.abort()
    return time.monotonic() - began


def seconds_until_reset(target: Target) -> float:
    """Of a client that asks and asks and reads nothing."""
    began = time.monotonic()
    with contextlib.suppress(OSError), connected(target, receive_buffer=4096) as one:
        while True:
            one.sendall(GET * 100)
    return time.monotonic() - began


@contextlib.asynccontextmanager
async def scraping(target: Target) -> AsyncIterator[list[float]]:
    """Scrapes ten times a second meanwhile; the seconds that each took."""
    took: list[float] = []

    async def scrape() -> None:
        while True:
            took.append(await asyncio.to_thread(target.scrape_seconds))
            await asyncio.sleep(0.1)

    task = asyncio.ensure_future(scrape())
    try:
        yield took
    finally:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task


@pytest.mark.alone
def test_slow_clients_are_closed_within_10_seconds_and_delay_no_scrape(target: Target) -> None:
    target.scrape_seconds()
    calm = target.descriptors()

    async def scenario() -> tuple[dict[str, float], list[float]]:
        kinds = [(one.__name__, one, True) for one in SLOW for _ in range(10)]
        if target.is_tls:
            kinds += [(f"{one.__name__}, no handshake", one, False) for one in (nothing, half_a_head, dripped_head)]
        async with scraping(target) as scrapes:
            unread = [
                asyncio.get_running_loop().run_in_executor(threads, seconds_until_reset, target) for _ in range(10)
            ]
            ended = await asyncio.gather(
                *(seconds_until_closed(target, one, handshake=handshake) for _, one, handshake in kinds)
            )
            worst = {"unread_answers": max(await asyncio.gather(*unread))}
        for (name, _, _), seconds in zip(kinds, ended, strict=True):
            worst[name] = max(seconds, worst.get(name, 0.0))
        return worst, scrapes

    with ThreadPoolExecutor(10) as threads:
        worst, scrapes = asyncio.run(scenario())
    for name, seconds in worst.items():
        print(f"\n{urlsplit(target.url).scheme} {name}: closed after {seconds:.1f} s at most", end="")
    print(f"\n{len(scrapes)} scrapes meanwhile, the slowest {max(scrapes):.3f} s")
    assert max(worst.values()) < 10
    assert max(scrapes) < a_second()
    assert len(scrapes) >= 10
    # A poll may be under way, with its own.
    eventually(lambda: target.descriptors() <= calm + 2)


# The head of a TLS record that announces more than comes.
FIRST_BYTES = bytes([22, 3, 1, 2, 0, 1])


@pytest.mark.alone
@pytest.mark.parametrize("first_bytes", [0, len(FIRST_BYTES)])
def test_a_thousand_idle_connections_take_bounded_memory_and_descriptors(target: Target, first_bytes: int) -> None:
    target.scrape_seconds()
    calm = target.resident_mib()
    with contextlib.ExitStack() as clients:
        for _ in range(1000):
            one = clients.enter_context(socket.create_connection(target.place, timeout=15))
            one.sendall(FIRST_BYTES[:first_bytes])
        took = [target.scrape_seconds() for _ in range(5)]
        descriptors, grown = target.descriptors(), target.resident_mib() - calm
    figures = f"{descriptors} descriptors, +{grown:.1f} MiB, worst scrape {max(took):.3f} s"
    print(f"\n1,000 connections that send {first_bytes} bytes, {urlsplit(target.url).scheme}: {figures}")
    assert max(took) < a_second()
    assert descriptors <= DESCRIPTORS // 2 + 20
    assert grown < 64
