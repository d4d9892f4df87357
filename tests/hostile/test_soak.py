"""A long run under random faults: nothing leaks, every account recovers, no credit is lost or counted twice.

``make soak`` runs it for half an hour: SOAK_SECONDS, SOAK_SEED.
"""

from __future__ import annotations

import os
import re
import time
from pathlib import Path
from random import Random
from statistics import median
from typing import NamedTuple

import pytest
from prometheus_client.parser import text_string_to_metric_families

from hostile.chaos import FALLING, RISING, Chaos, configure
from shortgenius_exporter.simulator.server import SimulatorServer
from simulated import simulated
from support import RunningExporter, ask, eventually, exporter, repeated, write

pytestmark = pytest.mark.alone

SECONDS = float(os.environ.get("SOAK_SECONDS", "60"))
SEED = int(os.environ.get("SOAK_SEED", "1"))
ACCOUNTS = 200
WORKERS = 32
OTHER_THREADS = 12
OTHER_DESCRIPTORS = 40
LONGEST_TIMEOUT = 1.2
MEBIBYTE = 2**20
Series = dict[tuple[str, str, str], float]


class Sample(NamedTuple):
    """What the operating system says of the process, and the simulator of its connections. ``memory``: bytes."""

    memory: int
    threads: int
    descriptors: int
    connections: int


@pytest.mark.timeout(SECONDS + 240)
def test_a_long_run_under_random_faults_leaks_nothing_and_loses_no_credit(tmp_path: Path) -> None:
    allowance = {FALLING: 10**9, RISING: 0}
    with simulated({f"a{index:03}": allowance for index in range(ACCOUNTS)}, SEED) as server:
        file = configure(tmp_path, server, "1s", "blue")
        for name in server.api.world.accounts:
            write(tmp_path / name, f"sk-{name}")
        arguments = ["--config.file", str(file), "--state.file", str(tmp_path / "state.db")]
        with exporter(*arguments, "--web.enable-lifecycle") as running:
            running.wait_until_ready()
            watch = Watch(running, server)
            chaos = Chaos(server, running, tmp_path, Random(SEED))
            with repeated(watch.look, 0.5):
                with chaos.going_on():
                    time.sleep(SECONDS)
                calmed = time.time()
                chaos.calm()
                eventually(lambda: all_succeeded_after(calmed + LONGEST_TIMEOUT, running), 60)
                recovered = time.time() - calmed
            off = credits_off(server, running)
            code, took = running.program.stop()
    report(chaos, watch, recovered, off)
    assert off == {}
    assert watch.steps_back == []
    assert (watch.unhealthy, code, took < 3) == (0, 0, True)
    assert "internal error" not in running.program.output
    check_flat(watch.samples)


def check_flat(samples: list[Sample]) -> None:
    assert max(one.threads for one in samples) <= WORKERS + OTHER_THREADS
    assert max(one.descriptors for one in samples) <= WORKERS + OTHER_DESCRIPTORS
    # A connection is still the server's for a moment after a worker has left it.
    assert median(one.connections for one in last_quarter(samples)) <= 2 * WORKERS
    growth = median(one.memory for one in last_quarter(samples)) - median(one.memory for one in second_quarter(samples))
    assert growth < 8 * MEBIBYTE


def second_quarter(samples: list[Sample]) -> list[Sample]:
    return samples[len(samples) // 4 : len(samples) // 2]


def last_quarter(samples: list[Sample]) -> list[Sample]:
    return samples[len(samples) * 3 // 4 :]


class Watch:
    """Scrapes as Prometheus does and looks at the process; notes every counter that steps back."""

    def __init__(self, running: RunningExporter, server: SimulatorServer) -> None:
        self._running = running
        self._server = server
        self._seen: Series = {}
        self.samples: list[Sample] = []
        self.scrapes = 0
        self.slowest = 0.0
        self.polls = 0.0
        self.unhealthy = 0
        self.steps_back: list[str] = []

    def look(self) -> None:
        began = time.monotonic()
        text = self._running.metrics()
        self.slowest = max(self.slowest, time.monotonic() - began)
        self.scrapes += 1
        self._compare(counters(text))
        self.unhealthy += ask(self._running.url + "/-/healthy").status != 200
        self.samples.append(self._sample())

    def _compare(self, found: Series) -> None:
        self.steps_back += [f"{series}" for series, value in found.items() if value < self._seen.get(series, 0.0)]
        self._seen |= found
        self.polls = sum(value for (name, _, _), value in self._seen.items() if "requests" in name)

    def _sample(self) -> Sample:
        process = Path(f"/proc/{self._running.program.process.pid}")
        status = dict(re.findall(r"^(\w+):\s+(\d+)", (process / "status").read_text(), re.MULTILINE))
        descriptors = len(list((process / "fd").iterdir()))
        return Sample(int(status["VmRSS"]) * 1024, int(status["Threads"]), descriptors, self._server.open_connections)


def counters(text: str) -> Series:
    return {
        (sample.name, sample.labels["account"], sample.labels.get("credit_type", "")): sample.value
        for family in text_string_to_metric_families(text)
        if family.name in {"shortgenius_consumed_credits", "shortgenius_granted_credits", "shortgenius_api_requests"}
        for sample in family.samples
    }


def all_succeeded_after(moment: float, running: RunningExporter) -> bool:
    samples = [sample for family in text_string_to_metric_families(running.metrics()) for sample in family.samples]
    up = [sample.value for sample in samples if sample.name == "shortgenius_up"]
    seen = [sample.value for sample in samples if sample.name == "shortgenius_last_success_timestamp_seconds"]
    return up == [1.0] * ACCOUNTS and min(seen) > moment


def credits_off(server: SimulatorServer, running: RunningExporter) -> dict[str, float]:
    """By how many credits the counters are off, where they are."""
    counted = counters(running.metrics())
    found: dict[str, float] = {}
    for name in server.api.world.accounts:
        books = server.books(name)
        consumed = counted["shortgenius_consumed_credits_total", name, FALLING]
        granted = counted["shortgenius_granted_credits_total", name, RISING]
        found[f"{name} consumed"] = consumed - books[FALLING].fell
        found[f"{name} granted"] = granted - books[RISING].granted
    return {what: off for what, off in found.items() if off}


def report(chaos: Chaos, watch: Watch, recovered: float, off: dict[str, float]) -> None:
    middle, end = second_quarter(watch.samples), last_quarter(watch.samples)
    print(f"\nsoak: {SECONDS:g} s, seed {SEED}, {ACCOUNTS} accounts, {watch.polls:.0f} polls, {watch.scrapes} scrapes")
    print("  " + ", ".join(f"{count} {act}" for act, count in chaos.done.most_common()))
    for field in Sample._fields:
        scale = MEBIBYTE if field == "memory" else 1
        quarters = [median(getattr(one, field) for one in part) / scale for part in (middle, end)]
        most = max(getattr(one, field) for one in watch.samples) / scale
        unit = " MiB" if field == "memory" else ""
        print(
            f"  {field}: {quarters[0]:.1f} in the 2nd quarter, {quarters[1]:.1f} in the last, at most {most:.1f}{unit}"
        )
    print(f"  slowest scrape {watch.slowest:.2f} s; unhealthy {watch.unhealthy}; steps back {len(watch.steps_back)}")
    print(f"  every account up {recovered:.1f} s after the last fault; {sum(map(abs, off.values())):g} credits off")
