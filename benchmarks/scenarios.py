"""The work that is measured, one function per row or group of rows."""

from __future__ import annotations

import re
import statistics
import subprocess
import time
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from benchmarks import accounts
from benchmarks.peers.jsonexporter import json_exporter
from benchmarks.peers.polling import WAYS
from benchmarks.programs import (
    Exporter,
    Upstream,
    clean_environ,
    exporter,
    first_line,
    free_port,
    get,
    python,
    running,
    upstream,
)
from benchmarks.report import Row, at_least, at_most

RATE = 10_000 / 60
_OPENMETRICS = "application/openmetrics-text;version=1.0.0"


@dataclass(frozen=True, slots=True)
class Size:
    """How much of everything: ``accounts`` are polled at :data:`RATE`, whatever their number."""

    accounts: int
    rounds: int
    window: float
    scrapes: int
    json_exporter: Path | None = None

    @property
    def interval(self) -> float:
        return self.accounts / RATE


@dataclass(frozen=True, slots=True)
class Fleet:
    upstream: Upstream
    exporter: Exporter
    config: Path


def fleet(stack: ExitStack, folder: Path, count: int, *flags: str, rate: float = RATE) -> Fleet:
    """An exporter that polls ``count`` accounts, ``rate`` of them a second, with an upstream of its own."""
    api = stack.enter_context(upstream(folder))
    config = accounts.write(folder / f"{count}.yml", api, count, interval=f"{round(count / rate * 1000)}ms")
    return Fleet(api, stack.enter_context(exporter(config, *flags)), config)


def all_of(folder: Path, size: Size) -> Iterator[Row]:
    with ExitStack() as stack:
        big = fleet(stack, folder, size.accounts, "--web.enable-lifecycle")
        yield first_polls(big, size)
        yield from polls(folder, size, big)
        yield from scrapes(stack, folder, size, big)
        yield from connections(big)
        yield from reloads(big, size)
    yield from starts(folder, size)
    yield from punctuality(folder, size)


def first_polls(big: Fleet, size: Size) -> Row:
    """From the first to the last of them. Also waits for that: until then, nothing else says what it is to say."""
    began = None
    while (done := big.upstream.stats()["requests"]) < size.accounts:
        if done and began is None:
            began = time.monotonic()
        time.sleep(0.05)
    took = time.monotonic() - (began or 0)
    return at_most(f"{size.accounts:,} accounts polled once", took, size.interval + 1, "s", "one interval and a moment")


def polls(folder: Path, size: Size, big: Fleet) -> Iterator[Row]:
    """CPU per poll in turns: ours over a window at the rate of 10,000 a minute, then each peer's at the same rate."""
    found: dict[str, list[float]] = {name: [] for name in ("big", "small", *WAYS, "json_exporter")}
    with ExitStack() as stack:
        small = fleet(stack, folder, 100)
        api = stack.enter_context(upstream(folder))
        other = stack.enter_context(json_exporter(size.json_exporter, folder, api)) if size.json_exporter else None
        for _ in range(size.rounds):
            for name, seconds in zip(("big", "small"), _cpu_per_poll([big, small], size.window), strict=True):
                found[name].append(seconds)
            for way in WAYS:
                found[way].append(_peer(way, api, round(RATE * size.window / 2), RATE))
            if other:
                found["json_exporter"].append(other.cpu_per_probe(round(RATE * size.window / 2), RATE))
    cost = {name: statistics.median(costs) * 1e6 for name, costs in found.items() if costs}
    ours = cost["big"]
    work = f"CPU per poll, {size.accounts:,} accounts at {RATE:.0f}/s, HTTPS"
    yield Row(work, "a fifth of a core", f"{ours:.0f} µs, {ours * RATE / 1e4:.1f} % of a core", ours * RATE < 2e5)
    yield at_most("— to the vendor's SDK in a loop, same rate", ours / cost["sdk"], 0.5, "×", f"{cost['sdk']:.0f} µs")
    bare = f"{cost['bare']:.0f} µs"
    yield at_most("— to a bare prepared request on a session, same rate", ours / cost["bare"], 1.5, "×", bare)
    yield Row("— to the same through the session's adapter", "", _ratio(ours, cost["adapter"]))
    yield Row("— to `requests.get` and labelled gauges", "", _ratio(ours, cost["straightforward"]))
    if other:
        yield Row("— to json_exporter", "", _ratio(ours, cost["json_exporter"]))
    yield at_most(
        "— to the same with 100 accounts, same rate", ours / cost["small"], 1.15, "×", f"{cost['small']:.0f} µs"
    )


def _ratio(ours: float, theirs: float) -> str:
    return f"{ours / theirs:.3g} × ({theirs:.0f} µs)"


def _cpu_per_poll(fleets: list[Fleet], window: float) -> list[float]:
    before = [(one.exporter.process.cpu_seconds(), one.upstream.stats()["requests"]) for one in fleets]
    time.sleep(window)
    after = [(one.exporter.process.cpu_seconds(), one.upstream.stats()["requests"]) for one in fleets]
    return [(end[0] - start[0]) / (end[1] - start[1]) for start, end in zip(before, after, strict=True)]


def _peer(way: str, api: Upstream, count: int, rate: float) -> float:
    command = python("benchmarks.peers.polling", way, api.base_url, str(api.ca_file), str(count), str(rate))
    done = subprocess.run(command, env=clean_environ(), capture_output=True, text=True, check=True)
    return float(done.stdout)


def scrapes(stack: ExitStack, folder: Path, size: Size, big: Fleet) -> Iterator[Row]:
    """Over loopback, in turns, while the polls go on."""
    big.exporter.get(Accept_Encoding="gzip")
    yield at_most(
        f"memory, {size.accounts:,} accounts, scraped with gzip",
        big.exporter.process.memory_mb(),
        120,
        "MB",
        "as Prometheus asks",
    )
    tenth = fleet(stack, folder, size.accounts // 10, rate=RATE / 10)
    kinds: dict[str, dict[str, str]] = {
        "text": {},
        "gzip": {"Accept_Encoding": "gzip"},
        "openmetrics": {"Accept": _OPENMETRICS},
    }
    found: dict[str, list[float]] = {kind: [] for kind in (*kinds, "tenth")}
    while tenth.upstream.stats()["requests"] < size.accounts // 10:
        time.sleep(0.05)
    for _ in range(size.scrapes):
        for kind, headers in kinds.items():
            found[kind].append(get(big.exporter.port, "/metrics", **headers)[1])
        found["tenth"].append(get(tenth.exporter.port, "/metrics")[1])
    took = {kind: statistics.median(times) for kind, times in found.items()}
    yield Row("— peak, scraped as plain text too", "", f"{big.exporter.process.peak_memory_mb():.0f} MB")
    text = big.exporter.get()
    theirs = _labelled(stack, folder, text, size.rounds)
    lines = text.count(b"\n")
    work = f"`/metrics` as text ({lines:,} lines, {len(text) / 1e6:.0f} MB)"
    yield Row(work, "", f"{took['text'] * 1000:.0f} ms, median of {size.scrapes}")
    yield at_least("— `prometheus_client` labelled metrics to it", theirs / took["text"], 30, "×", f"{theirs:.2f} s")
    # Of a hundred, the 99th would be the worst, which is the machine's.
    many = [get(big.exporter.port, "/metrics")[1] for _ in range(5 * size.scrapes)]
    yield at_most("— p99", statistics.quantiles(many, n=100)[98] * 1000, 150, "ms", f"of {len(many)}")
    yield at_most("— gzipped to plain", took["gzip"] / took["text"], 3, "×", f"{took['gzip'] * 1000:.0f} ms")
    ratio = took["openmetrics"] / took["text"]
    yield at_most("— OpenMetrics to text", ratio, 1.5, "×", f"{took['openmetrics'] * 1000:.0f} ms")
    share = took["text"] / (10 * took["tenth"])
    tenth_took = f"{took['tenth'] * 1000:.0f} ms"
    yield at_most("— to ten times that of a tenth of the accounts, linear", share, 1.15, "×", tenth_took)


def _labelled(stack: ExitStack, folder: Path, text: bytes, rounds: int) -> float:
    file = folder / "exposition.txt"
    file.write_bytes(text)
    port = free_port()
    process = stack.enter_context(running(*python("benchmarks.peers.labelled", str(file), str(port))))
    first_line(process)
    took = statistics.median(get(port, "/metrics")[1] for _ in range(rounds))
    process.kill()
    return took


def connections(big: Fleet) -> Iterator[Row]:
    stats = big.upstream.stats()
    yield at_most("connections to one host at once", stats["most_open"], 32, "", "max_concurrent_polls is 32")
    yield at_least(
        "requests on a connection already open", 100 * (1 - stats["connections"] / stats["requests"]), 99, "%"
    )


def reloads(big: Fleet, size: Size) -> Iterator[Row]:
    """``POST /-/reload`` with another account changed each time; polls and connections are counted meanwhile."""
    took = []
    before, began = big.upstream.stats(), time.monotonic()
    for changed in range(size.rounds):
        interval = f"{round(size.interval * 1000)}ms"
        accounts.write(big.config, big.upstream, size.accounts, interval=interval, changed=changed)
        took.append(get(big.exporter.port, "/-/reload", method="POST")[1])
    after, seconds = big.upstream.stats(), time.monotonic() - began
    yield at_most(f"reload of {size.accounts:,} accounts, one changed", statistics.median(took), 1, "s")
    polled = (after["requests"] - before["requests"]) / (RATE * seconds)
    yield at_least("— polls meanwhile, of those due", 100 * polled, 98, "%")
    yield at_most("— connections opened meanwhile", after["connections"] - before["connections"], 0, "")


def starts(folder: Path, size: Size) -> Iterator[Row]:
    with upstream(folder) as api:
        config = accounts.write(folder / "10.yml", api, 10)
        took, memory = [], []
        for _ in range(size.rounds):
            with exporter(config) as started:
                started.get()
                took.append(time.monotonic() - started.started)
                while api.stats()["open"] == 0:
                    time.sleep(0.05)
                time.sleep(1)
                started.get(Accept_Encoding="gzip")
                memory.append(started.process.memory_mb())
    yield at_most("start to first `/metrics`, 10 accounts", statistics.median(took), 0.7, "s")
    yield at_most("memory, 10 accounts", statistics.median(memory), 45, "MB")
    versions = []
    for _ in range(size.rounds):
        began = time.monotonic()
        subprocess.run(python("shortgenius_exporter", "--version"), capture_output=True, check=True)
        versions.append(time.monotonic() - began)
    yield at_most("`--version`", statistics.median(versions), 0.25, "s")


def punctuality(folder: Path, size: Size) -> Iterator[Row]:
    """The whole fleet against an upstream that takes 200 ms: 33.3 polls are under way at any time."""
    with upstream(folder, latency=0.2) as api:
        interval = f"{round(size.interval * 1000)}ms"
        config = accounts.write(folder / "slow.yml", api, size.accounts, interval=interval, workers=48)
        with exporter(config, "--log.level", "debug") as slow:
            time.sleep(2 * size.interval + 5)
            polled = slow.polls()
            elapsed = time.monotonic() - slow.started
        late = [
            float(found) for found in re.findall(r"msg=polling .* late=(\S+)", config.with_suffix(".log").read_text())
        ]
    p99 = statistics.quantiles(late, n=100)[98]
    work = f"lateness, {size.accounts:,} accounts, 200 ms latency, p99"
    yield at_most(work, p99, 1, "s", f"{polled:,} polls in {elapsed:.0f} s, worst {max(late):.2f} s")
    skipped = sum(one >= size.interval for one in late)
    yield at_most("— polls skipped", skipped, 0, "")
