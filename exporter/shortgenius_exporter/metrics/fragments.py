"""One account's lines: bytes that need only be joined with those of other accounts.

A sample line is the same in the Prometheus text format (0.0.4 and 1.0.0) and in OpenMetrics 1.0; only the headers
of counters differ.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass

from shortgenius_exporter.core.account import Account
from shortgenius_exporter.core.renewal import next_renewal
from shortgenius_exporter.core.snapshot import Snapshot
from shortgenius_exporter.metrics.families import ACCOUNT_FAMILIES, Family, Labels

_EXACT = 2.0**53


@dataclass(frozen=True, slots=True)
class Rendered:
    """The lines of one account, one element per family of ``ACCOUNT_FAMILIES``, true before ``valid_until``."""

    snapshot: Snapshot
    lines: tuple[bytes, ...]
    valid_until: float


def render(snapshot: Snapshot, now: float) -> Rendered:
    """The lines of ``snapshot`` as they are to be served at ``now`` (Unix seconds)."""
    prefix = _labels((("account", snapshot.account.name), *snapshot.account.labels))
    lines = tuple(_family_lines(family, snapshot, now, prefix) for family in ACCOUNT_FAMILIES)
    return Rendered(snapshot, lines, _valid_until(snapshot, now))


def header(family: Family, *, openmetrics: bool) -> bytes:
    name = family.name.removesuffix("_total") if openmetrics and family.kind == "counter" else family.name
    return f"# HELP {name} {family.help}\n# TYPE {name} {family.kind}\n".encode()


def _family_lines(family: Family, snapshot: Snapshot, now: float, prefix: str) -> bytes:
    text = "".join(
        f"{family.name}{{{prefix}{',' if labels else ''}{_labels(labels)}}} {_number(value)}\n"
        for labels, value in family.samples(snapshot, now)
    )
    # A lone surrogate cannot be sent as UTF-8; it must not cost the whole scrape.
    return text.encode("utf-8", "replace")


def _labels(labels: Iterable[tuple[str, str]] | Labels) -> str:
    return ",".join(f'{name}="{_escaped(value)}"' for name, value in labels)


def _escaped(value: str) -> str:
    return value.replace("\\", r"\\").replace("\n", r"\n").replace('"', r"\"")


def _number(value: float) -> str:
    return str(int(value)) if abs(value) < _EXACT and value == int(value) else repr(float(value))


def _valid_until(snapshot: Snapshot, now: float) -> float:
    return min(_end_of_freshness(snapshot, now), _end_of_period(snapshot.account, now))


def _end_of_freshness(snapshot: Snapshot, now: float) -> float:
    if snapshot.last_success is None or not snapshot.is_fresh(now):
        return math.inf
    return snapshot.last_success + snapshot.account.stale_after


def _end_of_period(account: Account, now: float) -> float:
    return math.inf if account.renewal is None else next_renewal(account.renewal, now)
