"""All that ``/metrics`` answers."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable
from operator import itemgetter

from prometheus_client.exposition import choose_encoder, generate_latest
from prometheus_client.openmetrics.exposition import CONTENT_TYPE_LATEST as OPENMETRICS
from prometheus_client.registry import Collector

from shortgenius_exporter.core.snapshot import Snapshot
from shortgenius_exporter.metrics.durations import Durations
from shortgenius_exporter.metrics.families import ACCOUNT_FAMILIES
from shortgenius_exporter.metrics.fragments import Rendered, header, render

Piece = list[bytes]

_LINES_AT_ONCE = 1000
TEXT = "text/plain; version=0.0.4; charset=utf-8"


class Exposition:
    """Keeps every account's rendered lines. Publishing and scraping may come from different threads."""

    def __init__(self, wall: Callable[[], float]) -> None:
        self._wall = wall
        self._lock = threading.Lock()
        self._rendered: dict[str, Rendered] = {}
        self.durations = Durations()

    def publish(self, snapshot: Snapshot) -> None:
        """Replaces what is served of the snapshot's account."""
        name = snapshot.account.name
        rendered = render(snapshot, self._wall(), self._rendered.get(name))
        with self._lock:
            before = self._rendered.get(name)
            self._rendered[name] = rendered
            is_poll = snapshot.requests > (before.snapshot.requests if before else 0)
            if is_poll and snapshot.last_duration is not None:
                self.durations.observe(snapshot.last_duration)

    def withdraw(self, name: str) -> None:
        with self._lock:
            self._rendered.pop(name, None)

    def is_complete(self) -> bool:
        """Whether what is served of every account comes from a poll, successful or not."""
        with self._lock:
            return all(one.snapshot.up is not None for one in self._rendered.values())

    def snapshots(self) -> tuple[Snapshot, ...]:
        """What is served, before it was rendered."""
        with self._lock:
            return tuple(one.snapshot for one in self._rendered.values())

    def accounts(self, *, openmetrics: bool) -> bytes:
        """The lines of all accounts, families contiguous, without an end marker."""
        return _joined(self.pieces(openmetrics=openmetrics))

    def pieces(self, *, openmetrics: bool) -> list[Piece]:
        """The same in pieces. Who joins and sends them one by one never holds the whole body in memory."""
        with self._lock:
            rendered = list(self._rendered.values())
        return _pieces(self._current(rendered), openmetrics=openmetrics)

    def account(self, name: str, *, openmetrics: bool) -> bytes | None:
        """The lines of one account, or ``None`` if there is none of that name."""
        rendered = self._rendered.get(name)
        return None if rendered is None else _joined(_pieces(self._current([rendered]), openmetrics=openmetrics))

    def _current(self, rendered: list[Rendered]) -> list[Rendered]:
        now = self._wall()
        return [one if now < one.valid_until else self._renewed(one, now) for one in rendered]

    def _renewed(self, outdated: Rendered, now: float) -> Rendered:
        """Renders ``outdated`` again, and keeps the result for the next scrape."""
        renewed = render(outdated.snapshot, now, outdated)
        name = outdated.snapshot.account.name
        with self._lock:
            if self._rendered.get(name) is outdated:
                self._rendered[name] = renewed
        return renewed


def _joined(pieces: Iterable[Piece]) -> bytes:
    return b"".join(b"".join(piece) for piece in pieces)


def _pieces(rendered: list[Rendered], *, openmetrics: bool) -> list[Piece]:
    pieces: list[Piece] = []
    accounts = [one.lines for one in rendered]
    for index, family in enumerate(ACCOUNT_FAMILIES):
        # Some accounts have no line in this family. Joining an empty one costs less than leaving it out.
        lines = list(map(itemgetter(index), accounts))
        if any(lines):
            pieces.append([header(family, openmetrics=openmetrics)])
            pieces.extend(lines[start : start + _LINES_AT_ONCE] for start in range(0, len(lines), _LINES_AT_ONCE))
    return pieces


class Negotiated:
    """The format that an ``Accept`` header gets, as the client library decides it."""

    def __init__(self, accept: str) -> None:
        # No name of ours needs escaping, so every scheme gives the same. The library raises for a version that is not
        # a number, and repeats one in digits beyond ASCII in a header that cannot be sent.
        known = accept.replace("escaping=dots", "escaping=underscores") if accept.isascii() else ""
        try:
            self._encode, self.content_type = choose_encoder(known)
        except (ValueError, TypeError):
            self._encode, self.content_type = generate_latest, TEXT
        self.is_openmetrics = self.content_type.startswith("application/openmetrics-text")
        if self.is_openmetrics and "version=1." not in self.content_type:
            self._encode, self.content_type = choose_encoder(OPENMETRICS)

    def encode(self, collector: Collector) -> bytes:
        """The families of ``collector``; ends the exposition, as OpenMetrics wants an end marker."""
        return self._encode(collector)

    @property
    def end(self) -> bytes:
        return b"# EOF\n" if self.is_openmetrics else b""
