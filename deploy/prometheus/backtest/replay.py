"""Replays samples through `promtool test rules`: the real rule engine, with `for` and `keep_firing_for`, no clock.

promtool compares what it found with what it was told to expect. It is told to expect nothing, and what it found is
read from its complaints.
"""

from __future__ import annotations

import re
import subprocess
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from typing import Any

import yaml
from fleet import STEP, Life, renewals, samples

EVALUATION = 600  # seconds between evaluations of the rules
LOOK = 600  # seconds between looks at the alerts: shorter than any keep_firing_for
_ALERT = re.compile(r'"ALERTS", account="(?P<account>.*?)", alertname="(?P<alert>.*?)".*?credit_type="(?P<type>.*?)"')
_TIME = re.compile(r"time: (?P<time>\S+),")
_PART = re.compile(r"(\d+)([wdhms])")
_SECONDS = {"w": 604_800, "d": 86_400, "h": 3600, "m": 60, "s": 1}


@dataclass(frozen=True, slots=True)
class Firing:
    """One alert of one account and credit type, from ``begin`` to ``end`` (seconds since the replay's start)."""

    alert: str
    account: str
    credit_type: str
    begin: float
    end: float


def needed(groups: Iterable[Mapping[str, Any]], alerts: Iterable[str]) -> list[dict[str, Any]]:
    """The rules for ``alerts`` and all that they are computed from, as shipped but for their annotations."""
    rules = [rule for group in groups for rule in group["rules"]]
    chosen = [rule for rule in rules if rule.get("alert") in set(alerts)]
    names = {rule["record"] for rule in rules if "record" in rule}
    wanted: set[str] = set()
    frontier = chosen
    while frontier:
        new = {name for rule in frontier for name in names - wanted if re.search(rf"{name}(?!\w)", rule["expr"])}
        wanted |= new
        frontier = [rule for rule in rules if rule.get("record") in new]
    kept = [rule for rule in rules if rule.get("record") in wanted]
    return kept + [{key: rule[key] for key in rule if key != "annotations"} for rule in chosen]


def replay(rules: list[dict[str, Any]], lives: list[Life], start: float, end: float, work: Path) -> list[Firing]:
    """Every firing of ``rules`` over ``lives``. Raises ``RuntimeError`` with promtool's words if it cannot run."""
    work.mkdir(parents=True, exist_ok=True)
    (work / "rules.yml").write_text(yaml.safe_dump({"groups": [{"name": "backtest", "rules": rules}]}))
    with (work / "test.yml").open("w") as file:
        file.writelines(_test_file(lives, start, end))
    command = ["promtool", "test", "rules", str(work / "test.yml")]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if "FAILED" not in done.stderr + done.stdout and "SUCCESS" not in done.stdout:
        raise RuntimeError(f"promtool could not replay: {done.stderr[:2000]}")
    return list(_firings(done.stdout + done.stderr))


def _test_file(lives: list[Life], start: float, end: float) -> Iterator[str]:
    yield f"rule_files: [rules.yml]\nevaluation_interval: {EVALUATION}s\n"
    yield f"tests:\n- interval: {STEP:.0f}s\n  input_series:\n"
    for life in lives:
        seen = samples(life, start, end)
        yield _series(f"shortgenius_balance_credits{{{life.labels}}}", seen.balance)
        yield _series(f"shortgenius_consumed_credits_total{{{life.labels}}}", seen.consumed)
    accounts = {life.account.name: life for life in lives}
    for name, life in accounts.items():
        yield _series(f'shortgenius_up{{account="{name}"}}', [1.0] * int((end - start) / STEP))
        if life.renewal is not None:
            upcoming = renewals(life.renewal, start, end)
            yield _series(f'shortgenius_next_renewal_timestamp_seconds{{account="{name}"}}', upcoming)
    yield "  promql_expr_test:\n"
    for now in range(0, int(end - start), LOOK):
        yield f"  - {{expr: 'ALERTS{{alertstate=\"firing\"}}', eval_time: {now}s}}\n"


def _series(name: str, values: list[float | None]) -> str:
    runs = ((value, len(list(run)) - 1) for value, run in groupby(values))
    text = " ".join(f"_x{more + 1}" if value is None else f"{value:.12g}+0x{more}" for value, more in runs)
    return f"  - series: '{name}'\n    values: '{text}'\n"


def _firings(complaints: str) -> Iterator[Firing]:
    looks: dict[tuple[str, str, str], list[float]] = defaultdict(list)
    now = 0.0
    for line in complaints.splitlines():
        if (time := _TIME.search(line)) is not None:
            now = sum(int(number) * _SECONDS[unit] for number, unit in _PART.findall(time["time"]))
        for found in _ALERT.finditer(line):
            looks[found["alert"], found["account"], found["type"]].append(now)
    for key, times in looks.items():
        begin = last = times[0]
        for now in [*times[1:], float("inf")]:
            if now > last + LOOK:
                yield Firing(*key, begin, last)
                begin = now
            last = now
