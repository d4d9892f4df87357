"""One account's lines: bytes that need only be joined with those of other accounts.

A sample line is the same in the Prometheus text format (0.0.4 and 1.0.0) and in OpenMetrics 1.0; only the headers
of counters differ.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass

from shortgenius_exporter.core.account import Account
from shortgenius_exporter.core.snapshot import Snapshot
from shortgenius_exporter.metrics.families import ACCOUNT_FAMILIES, Family, Labels, View, view

_EXACT = 2.0**53


@dataclass(frozen=True, slots=True)
class Rendered:
    """The lines of one account, one element per family of ``ACCOUNT_FAMILIES``. They hold before ``valid_until``."""

    view: View
    lines: tuple[bytes, ...]
    valid_until: float

    @property
    def snapshot(self) -> Snapshot:
        return self.view.snapshot


def render(snapshot: Snapshot, now: float, before: Rendered | None = None) -> Rendered:
    """The lines of ``snapshot`` as they are to be served at ``now`` (Unix seconds).

    ``before``: an earlier result for the same account, whose lines are taken over where they still hold.
    """
    shown = view(snapshot, now) if before is None else _seen_again(snapshot, now, before)
    kept = before if before is not None and _are_alike(before.snapshot.account, snapshot.account) else None
    prefix = _labels((("account", snapshot.account.name), *snapshot.account.labels))
    lines = tuple(_lines(index, shown, prefix, kept) for index in range(len(ACCOUNT_FAMILIES)))
    return Rendered(shown, lines, _valid_until(shown))


def header(family: Family, *, openmetrics: bool) -> bytes:
    """The HELP and TYPE lines. OpenMetrics names a counter there without ``_total``."""
    name = family.name.removesuffix("_total") if openmetrics and family.kind == "counter" else family.name
    return f"# HELP {name} {family.help}\n# TYPE {name} {family.kind}\n".encode()


def _seen_again(snapshot: Snapshot, now: float, before: Rendered) -> View:
    renews_at = before.view.renews_at
    if renews_at is None or renews_at <= now or snapshot.account.renewal != before.snapshot.account.renewal:
        return view(snapshot, now)
    # The next renewal is still ahead: to compute it again would cost as much as all the rest of a rendering.
    return View(snapshot, snapshot.is_fresh(now), renews_at)


def _are_alike(one: Account, other: Account) -> bool:
    return one is other or (one.name, one.labels) == (other.name, other.labels)


def _lines(index: int, shown: View, prefix: str, before: Rendered | None) -> bytes:
    family = ACCOUNT_FAMILIES[index]
    facts = family.facts(shown)
    if before is not None and facts == family.facts(before.view):
        return before.lines[index]
    text = "".join(
        f"{family.name}{{{prefix}{',' if labels else ''}{_labels(labels)}}} {_number(value)}\n"
        for labels, value in family.samples_of(facts)
    )
    # A lone surrogate cannot be sent as UTF-8; it must not cost the whole scrape.
    return text.encode("utf-8", "replace")


def _labels(labels: Iterable[tuple[str, str]] | Labels) -> str:
    return ",".join(f'{name}="{_escaped(value)}"' for name, value in labels)


def _escaped(value: str) -> str:
    return value.replace("\\", r"\\").replace("\n", r"\n").replace('"', r"\"")


def _number(value: float) -> str:
    return str(int(value)) if abs(value) < _EXACT and value == int(value) else repr(float(value))


def _valid_until(shown: View) -> float:
    snapshot, end_of_period = shown.snapshot, math.inf if shown.renews_at is None else shown.renews_at
    if snapshot.last_success is None or not shown.fresh:
        return end_of_period
    return min(snapshot.last_success + snapshot.account.stale_after, end_of_period)
