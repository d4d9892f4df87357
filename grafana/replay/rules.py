"""The shipped rules over a replayed history, as Prometheus would have evaluated them all along."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

Json = dict[str, Any]

_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86400}
_LABEL = re.compile(r"\{\{ *\$labels\.(\w+) *\}\}")


@dataclass(frozen=True, slots=True)
class Rule:
    """``name`` of the recorded series or the alert. ``hold``, ``keep``: an alert's ``for`` and ``keep_firing_for``."""

    name: str
    expr: str
    alert: bool = False
    labels: tuple[tuple[str, str], ...] = ()
    hold: float = 0.0
    keep: float = 0.0


def read(folder: Path) -> list[Rule]:
    """All rules of the folder's files."""
    files = [yaml.safe_load(path.read_text(encoding="utf-8")) for path in sorted(folder.glob("*.yml"))]
    return [_rule(rule) for file in files for group in file["groups"] for rule in group["rules"]]


def levels(rules: Iterable[Rule]) -> Iterator[list[Rule]]:
    """The rules in steps, each of which needs only the results of earlier steps."""
    waiting = list(rules)
    while waiting:
        open_names = {rule.name for rule in waiting}
        ready = [rule for rule in waiting if not open_names & _names(rule.expr)]
        if not ready:
            raise ValueError(f"rules that need each other: {sorted(open_names)}")
        yield ready
        waiting = [rule for rule in waiting if rule not in ready]


def recorded(rule: Rule, result: Iterable[Json]) -> Iterator[str]:
    """A range query's result as the recorded series, in OpenMetrics lines."""
    for series in result:
        labels = _text({**series["metric"], **dict(rule.labels)})
        for at, value in series["values"]:
            yield f"{rule.name}{{{labels}}} {value} {at}\n"


def alerts(rule: Rule, result: Iterable[Json], step: float) -> Iterator[str]:
    """A range query's result as Prometheus's own series about an alert, while it fires."""
    for labels, active in _active(rule, result).items():
        for at, since in _firing(sorted(active), rule, step):
            yield f'ALERTS{{{labels},alertstate="firing"}} 1 {at}\n'
            yield f"ALERTS_FOR_STATE{{{labels}}} {since} {at}\n"


def _active(rule: Rule, result: Iterable[Json]) -> dict[str, set[float]]:
    """When an alert's expression is true, by labels: the branches of an ``or`` may differ in the metric's name."""
    times: dict[str, set[float]] = {}
    for series in result:
        labels = _text({**_alert_labels(rule, series["metric"]), "alertname": rule.name})
        times.setdefault(labels, set()).update(at for at, _ in series["values"])
    return times


def _firing(active: list[float], rule: Rule, step: float) -> Iterator[tuple[float, float]]:
    """When an alert fires whose expression is true at the times ``active``, and since when it was true."""
    since: float | None = None
    for index, at in enumerate(active):
        since = at if since is None else since
        following = active[index + 1] if index + 1 < len(active) else at + step
        gap = following - at > step * 1.5
        if at - since >= rule.hold:
            yield at, since
            if gap:
                kept = min(at + rule.keep, following - step)
                yield from ((at + n * step, since) for n in range(1, int((kept - at) // step) + 1))
        if gap:
            since = None


def _alert_labels(rule: Rule, metric: Json) -> Json:
    kept = {name: value for name, value in metric.items() if name != "__name__"}
    own = {name: _LABEL.sub(lambda found: str(metric[found[1]]), value) for name, value in rule.labels}
    return {**kept, **own}


def _rule(rule: Json) -> Rule:
    labels = tuple((rule.get("labels") or {}).items())
    if "record" in rule:
        return Rule(rule["record"], rule["expr"], labels=labels)
    hold, keep = _duration(rule.get("for", "0s")), _duration(rule.get("keep_firing_for", "0s"))
    return Rule(rule["alert"], rule["expr"], alert=True, labels=labels, hold=hold, keep=keep)


def _duration(text: str) -> float:
    return float(sum(int(number) * _SECONDS[unit] for number, unit in re.findall(r"(\d+)([smhd])", text)))


def _names(expr: str) -> set[str]:
    return set(re.findall(r"[a-zA-Z_:][a-zA-Z0-9_:]*", expr))


def _text(labels: Json) -> str:
    return ",".join(f'{name}="{value}"' for name, value in labels.items() if name != "__name__")
