"""A folder of blocks with everything in it that a month of scraping and evaluating would have left."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from grafana.replay.fleet import END, Life
from grafana.replay.rules import Rule, alerts, levels, read, recorded
from grafana.replay.samples import START, Grid, Replica, lines
from grafana.replay.server import Prometheus, add_blocks, serving

RULES = Path(__file__).parents[2] / "deploy" / "prometheus" / "rules"


def scrape(blocks: Path, lives: Sequence[Life], replica: Replica, grid: Grid) -> None:
    """Adds what a Prometheus would have scraped from ``replica``."""
    add_blocks(blocks, lines(lives, replica, grid))


def evaluate(blocks: Path, grid: Grid, rules: Path = RULES) -> None:
    """Adds what a Prometheus would have recorded, and its alerts at the end of the range."""
    every = read(rules)
    for step in levels(rule for rule in every if not rule.alert):
        with serving(blocks, lookback(grid)) as prometheus:
            results = [line for rule in step for line in _record(prometheus, rule, grid)]
        add_blocks(blocks, results)
    with serving(blocks, lookback(grid)) as prometheus:
        results = [line for rule in every if rule.alert for line in _alert(prometheus, rule, grid)]
    add_blocks(blocks, results)


def lookback(grid: Grid) -> float:
    """How long a sample counts: no gap between two samples of the grid may look like an end."""
    return grid.coarse + 60


def _record(prometheus: Prometheus, rule: Rule, grid: Grid) -> Iterator[str]:
    for start, end, step in _spans(grid):
        yield from recorded(rule, prometheus.over(rule.expr, start, end, step))


def _alert(prometheus: Prometheus, rule: Rule, grid: Grid) -> Iterator[str]:
    yield from alerts(rule, prometheus.over(rule.expr, START, END, grid.coarse), grid.coarse)


def _spans(grid: Grid) -> Iterator[tuple[float, float, float]]:
    fine = END - grid.fine_span
    yield START, fine - grid.coarse, grid.coarse
    yield fine, END, grid.step
