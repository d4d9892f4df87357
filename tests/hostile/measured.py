"""One exporter process before all upstreams of the table at once: what came of each, and of everything else."""

from __future__ import annotations

import json
import re
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from itertools import pairwise
from pathlib import Path

from prometheus_client.parser import text_string_to_metric_families

from hostile.places import HEALTHY, Surroundings, surroundings
from hostile.rows import ROWS, Credits
from support import RunningExporter, ask, exporter, repeated, write

POLL_TIMEOUT = 1.0
_SETTLED = 3.0  # seconds of polling after every account was polled once


@dataclass(frozen=True)
class Outcome:
    """What was served of one account. ``next_poll``: seconds until it."""

    up: bool
    reasons: frozenset[str]
    credits: Credits
    ignored: int
    duration: float
    next_poll: float


@dataclass(frozen=True)
class Beside:
    """What the rest of the process did meanwhile. ``scrape``: seconds of the slowest; ``memory``: peak, bytes.

    ``gap``: the longest time between two polls of the healthy account, which is polled every 0.2 s.
    """

    polls: int
    gap: float
    scrape: float
    scrapes: int
    memory: int
    threads: tuple[int, int]
    healthy: bool
    strayed: int


@dataclass(frozen=True)
class Measured:
    outcomes: Mapping[str, Outcome]
    beside: Beside


def measure() -> Measured:
    """Takes about ten seconds."""
    with tempfile.TemporaryDirectory() as folder, surroundings(Path(folder)) as around:
        defaults = {"poll_interval": "15m", "stale_after": "1h", "poll_timeout": f"{POLL_TIMEOUT:g}s"}
        file = write(Path(folder) / "exporter.yml", json.dumps({"defaults": defaults, "accounts": around.accounts}))
        with exporter("--config.file", str(file)) as running:
            return _measure(running, around)


def _measure(running: RunningExporter, around: Surroundings) -> Measured:
    with _scraping(running) as durations:
        running.wait_until_ready()
        first = _threads(running)
        around.simulator.wait_for_requests(HEALTHY, around.simulator.requests(HEALTHY) + int(_SETTLED / 0.2))
        arrivals = around.simulator.arrivals(HEALTHY)
        outcomes = _outcomes(running)
        healthy = ask(running.url + "/-/healthy").status == 200
    gap = max(later - sooner for sooner, later in pairwise(arrivals))
    threads = (first, _threads(running))
    strayed = len(around.elsewhere.requests)
    return Measured(
        outcomes,
        Beside(len(arrivals), gap, max(durations), len(durations), _peak(running), threads, healthy, strayed),
    )


@contextmanager
def _scraping(running: RunningExporter) -> Iterator[list[float]]:
    """Scrapes until the block ends; every scrape is parsed, and its duration kept."""
    durations: list[float] = []

    def scrape() -> None:
        began = time.monotonic()
        text = running.metrics()
        durations.append(time.monotonic() - began)
        assert list(text_string_to_metric_families(text))

    with repeated(scrape, 0.1):
        yield durations


def _outcomes(running: RunningExporter) -> dict[str, Outcome]:
    samples = [
        (sample.name.removeprefix("shortgenius_"), sample.labels, sample.value)
        for family in text_string_to_metric_families(running.metrics())
        for sample in family.samples
        if "account" in sample.labels
    ]
    page = json.loads(ask(f"{running.url}/api/v1/accounts?per_page=1000").body)
    upcoming = {one["account"]: one["next_poll_at"] for one in page["accounts"]}

    def outcome(account: str) -> Outcome:
        own = [(name, labels, value) for name, labels, value in samples if labels["account"] == account]
        plain = {name: value for name, labels, value in own if len(labels) == 1}
        return Outcome(
            up=plain["up"] == 1,
            reasons=frozenset(
                labels["reason"] for name, labels, value in own if name == "api_request_failures_total" and value
            ),
            credits={labels["credit_type"]: value for name, labels, value in own if name == "balance_credits"},
            ignored=int(plain.get("ignored_balance_fields", 0)),
            duration=plain["api_last_request_duration_seconds"],
            next_poll=_until(upcoming[account]),
        )

    return {name: outcome(name) for name in (HEALTHY, *(row.what for row in ROWS))}


def _until(moment: str | None) -> float:
    return 0.0 if moment is None else datetime.fromisoformat(moment).timestamp() - time.time()


def _peak(running: RunningExporter) -> int:
    return int(_status(running, "VmHWM")) * 1024


def _threads(running: RunningExporter) -> int:
    return int(_status(running, "Threads"))


def _status(running: RunningExporter, field: str) -> str:
    text = Path(f"/proc/{running.program.process.pid}/status").read_text()
    found = re.search(rf"^{field}:\s+(\d+)", text, re.MULTILINE)
    assert found is not None
    return found[1]
