"""Snapshots become samples: the exporter's own families, and what Prometheus adds to a scrape."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric

from grafana.replay.fleet import DAYS, END, Life
from grafana.replay.polls import polled
from shortgenius_exporter.core.snapshot import Snapshot
from shortgenius_exporter.metrics.durations import Durations
from shortgenius_exporter.metrics.exporter import ExporterCollector, ExporterState
from shortgenius_exporter.metrics.families import ACCOUNT_FAMILIES, Labels
from shortgenius_exporter.simulator.habits import DAY

START = END - DAYS * DAY


@dataclass(frozen=True, slots=True)
class Replica:
    """One exporter process: scrape labels, and when it started (Unix seconds), its counters at 0."""

    instance: str
    pod: str
    since: float = START


@dataclass(frozen=True, slots=True)
class Grid:
    """When samples are kept: every ``coarse`` seconds, at the end of the range every ``step``, as often as polls."""

    step: float = 60.0
    coarse: float = 900.0
    fine_span: float = 3 * 3600.0

    def keeps(self, now: float) -> bool:
        return now >= END - self.fine_span or (now - START) % self.coarse == 0


# A Prometheus scrapes more than this exporter: what it knows of every target must not be taken for ours.
_ANOTHER_TARGET = tuple(
    f'{name}{{job="node",instance="node:9100"}} 1'
    for name in ("up", "scrape_duration_seconds", "scrape_samples_scraped", "process_resident_memory_bytes")
)

FIRST = Replica("exporter-0:10217", "shortgenius-exporter-0")
SECOND = Replica("exporter-1:10217", "shortgenius-exporter-1", START + 10 * DAY)


def lines(lives: Sequence[Life], replica: Replica, grid: Grid) -> Iterator[str]:
    """All that a Prometheus would have scraped from ``replica``, as OpenMetrics lines in order of time."""
    scraped = {"job": "shortgenius", "instance": replica.instance, "pod": replica.pod}
    own = _text(scraped)
    durations = Durations()
    for polls in zip(*(polled(life, replica.since, grid.step) for life in lives), strict=True):
        now = polls[0][0]
        snapshots = [snapshot for _, snapshot in polls if snapshot is not None]
        for snapshot in snapshots:
            durations.observe(snapshot.last_duration or 0.0)
        if snapshots and grid.keeps(now):
            count = 0
            for snapshot in snapshots:
                for line in _account_lines(snapshot, now, own):
                    count += 1
                    yield line
            yield from (f"{line} {now:.0f}\n" for line in _ANOTHER_TARGET)
            yield from _process_lines(len(snapshots), count, durations, replica, now, own)


def _account_lines(snapshot: Snapshot, now: float, scraped: str) -> Iterator[str]:
    account = _text({"account": snapshot.account.name, **dict(snapshot.account.labels)})
    for family in ACCOUNT_FAMILIES:
        for labels, value in family.samples(snapshot, now):
            yield f"{family.name}{{{account},{_labels(labels)}{scraped}}} {float(value)!r} {now:.0f}\n"


def _process_lines(
    accounts: int, samples: int, durations: Durations, replica: Replica, now: float, scraped: str
) -> Iterator[str]:
    state = ExporterState(
        accounts, reload_ok=True, reloaded_at=replica.since, web_reload_ok=True, poll_loop_ran_at=now - 0.4
    )
    for family in ExporterCollector(lambda: state, lambda: _others(durations, samples, now - replica.since)).collect():
        for sample in family.samples:
            own = f"{_text(sample.labels)}," if sample.labels else ""
            yield f"{sample.name}{{{own}{scraped}}} {float(sample.value)!r} {now:.0f}\n"


def _others(durations: Durations, samples: int, age: float) -> Iterable[Metric]:
    """The process's own and the scrape's: invented, smooth, of the size that such an exporter has."""
    wave = math.sin(age / DAY * math.tau)
    yield durations.family()
    yield GaugeMetricFamily("process_resident_memory_bytes", "", 42e6 + 2_000.0 * samples + 5e5 * wave)
    yield CounterMetricFamily("process_cpu_seconds", "", 0.004 * age)
    yield GaugeMetricFamily("up", "", 1)
    yield GaugeMetricFamily("scrape_duration_seconds", "", 0.004 + 2e-6 * samples + 0.0005 * wave)
    yield GaugeMetricFamily("scrape_samples_scraped", "", samples)


def _labels(labels: Labels) -> str:
    return "".join(f'{name}="{value}",' for name, value in labels)


def _text(labels: dict[str, str]) -> str:
    return ",".join(f'{name}="{value}"' for name, value in labels.items())
