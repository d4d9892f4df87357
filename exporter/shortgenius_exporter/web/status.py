"""What the status page and ``/api/v1/accounts`` show, before it is HTML or JSON: chosen, sorted, one page of it."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import parse_qs

from shortgenius_exporter.core.snapshot import Snapshot
from shortgenius_exporter.core.standing import SEVERITY, State, shortest_runway, state_of
from shortgenius_exporter.metrics.exporter import ExporterState

DEFAULT_PER_PAGE = 100
MOST_PER_PAGE = 1000
DEFAULT_REFRESH = 15
_REFRESH_BOUNDS = (0, 3600)


class SelectionError(ValueError):
    """A query that cannot be answered; the text says what is allowed."""


@dataclass(frozen=True, slots=True)
class Overview:
    """All that is known at ``now``. ``next_polls``: by account, in Unix seconds; absent while a poll is under way.

    ``last_scrape``: when the metrics were last asked for, ``None`` if never. ``polling``: whether the poll loop runs.
    """

    exporter: ExporterState
    started_at: float
    now: float
    snapshots: tuple[Snapshot, ...] = ()
    next_polls: Mapping[str, float] = field(default_factory=dict)
    last_scrape: float | None = None
    polling: bool = True


@dataclass(frozen=True, slots=True)
class Selection:
    """What was asked for. ``text``: words that must all be found. ``refresh``: seconds, 0 for never."""

    state: State | None = None
    text: str = ""
    page: int = 1
    per_page: int = DEFAULT_PER_PAGE
    refresh: int = DEFAULT_REFRESH


@dataclass(frozen=True, slots=True)
class Standing:
    """One account at one time. ``runway``: seconds, the shortest of its types; infinite while nothing is consumed."""

    snapshot: Snapshot
    state: State
    runway: float | None


@dataclass(frozen=True, slots=True)
class Listing:
    """One page, worst first. ``states``: accounts by state, before filtering; ``found``: after."""

    standings: tuple[Standing, ...]
    states: Mapping[State, int]
    found: int
    pages: int


def selection(query: str) -> Selection:
    """Reads a raw query string; what it does not know is ignored. Raises SelectionError."""
    try:
        given = {name: values[-1] for name, values in parse_qs(query, max_num_fields=20).items()}
    except ValueError:
        raise SelectionError("too many parameters") from None
    return Selection(
        state=_state(given.get("state")),
        text=given.get("q", "").strip(),
        page=_number(given, "page", 1, 1, 1_000_000),
        per_page=_number(given, "per_page", DEFAULT_PER_PAGE, 1, MOST_PER_PAGE),
        refresh=_number(given, "refresh", DEFAULT_REFRESH, *_REFRESH_BOUNDS),
    )


def listing(overview: Overview, wanted: Selection) -> Listing:
    """The page that is ``wanted``; empty past the last."""
    states = [(snapshot, state_of(snapshot, overview.now)) for snapshot in overview.snapshots]
    words = wanted.text.casefold().split()
    found = [
        Standing(snapshot, state, shortest_runway(snapshot, overview.now))
        for snapshot, state in states
        if wanted.state in {None, state} and _has(snapshot, words)
    ]
    found.sort(key=_worst_first)
    start = (wanted.page - 1) * wanted.per_page
    return Listing(
        standings=tuple(found[start : start + wanted.per_page]),
        states=Counter(state for _, state in states),
        found=len(found),
        pages=max(math.ceil(len(found) / wanted.per_page), 1),
    )


def _worst_first(one: Standing) -> tuple[int, float, str]:
    return SEVERITY[one.state], math.inf if one.runway is None else one.runway, one.snapshot.account.name


def _has(snapshot: Snapshot, words: list[str]) -> bool:
    if not words:
        return True
    account = snapshot.account
    text = " ".join((account.name, *(f"{name}={value}" for name, value in account.labels))).casefold()
    return all(word in text for word in words)


def _state(text: str | None) -> State | None:
    try:
        return State(text) if text else None
    except ValueError:
        raise SelectionError(f"state: is none of {', '.join(State)}") from None


def _number(given: Mapping[str, str], name: str, default: int, least: int, most: int) -> int:
    text = given.get(name)
    if not text:
        return default
    if not (text.isascii() and text.isdigit() and len(text) <= 9 and least <= int(text) <= most):  # noqa: PLR2004
        raise SelectionError(f"{name}: must be a whole number from {least} to {most}")
    return int(text)
