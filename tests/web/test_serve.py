"""The server in this process, where a site can be made to fail."""

from __future__ import annotations

import asyncio
import io
import logging
from dataclasses import replace

from prometheus_client import CollectorRegistry

from shortgenius_exporter.logs import Log
from shortgenius_exporter.metrics.exporter import ExporterState
from shortgenius_exporter.metrics.exposition import Exposition
from shortgenius_exporter.web.config import WebConfig
from shortgenius_exporter.web.listen import listen
from shortgenius_exporter.web.live import LiveWebConfig
from shortgenius_exporter.web.routes import Site
from shortgenius_exporter.web.server import serve
from shortgenius_exporter.web.status import Overview


def site() -> Site:
    overview = Overview(ExporterState(0, True, 0.0), 0.0, 0.0)
    return Site(
        Exposition(lambda: 0.0), CollectorRegistry(), lambda: True, lambda: True, lambda: overview, lambda: None
    )


async def answers(served: Site, log: Log, *paths: str) -> bytes:
    """All that comes back for one GET of each path, on one connection."""
    sockets = listen(["127.0.0.1:0"])
    host, port = sockets[0].getsockname()
    stop = asyncio.Event()
    server = asyncio.create_task(serve(served, sockets, LiveWebConfig(WebConfig, log), stop, log))
    reader, writer = await asyncio.open_connection(host, port)
    writer.write(b"".join(f"GET {path} HTTP/1.1\r\nHost: a\r\n\r\n".encode() for path in paths))
    writer.write_eof()
    received = await reader.read()
    writer.close()
    await writer.wait_closed()
    stop.set()
    await server
    return received


def test_a_bug_costs_one_answer_and_its_text_is_not_told() -> None:
    quoted = "sk-" + "secret"

    def fail() -> Overview:
        raise ValueError(quoted)

    logger = logging.Logger("server")  # noqa: LOG001 - its own, shared with no other test
    lines = io.StringIO()
    handler = logging.StreamHandler(lines)
    handler.setFormatter(logging.Formatter("%(message)s %(fields)s"))
    logger.addHandler(handler)
    received = asyncio.run(answers(replace(site(), overview=fail), Log(logger), "/", "/-/healthy"))
    assert received.count(b"HTTP/1.1 500 Internal Server Error") == 1
    assert b"Internal error, see the exporter's log" in received
    assert received.endswith(b"Healthy\n")
    assert "a request failed" in lines.getvalue()
    assert "in fail" in lines.getvalue()
    assert quoted not in lines.getvalue() + received.decode()
