"""All that ``/metrics`` answers."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable

from prometheus_client.exposition import choose_encoder, generate_latest
from prometheus_client.openmetrics.exposition import CONTENT_TYPE_LATEST as OPENMETRICS
from prometheus_client.registry import Collector

from shortgenius_exporter.core.snapshot import Snapshot
from shortgenius_exporter.metrics.durations import Durations
from shortgenius_exporter.metrics.families import ACCOUNT_FAMILIES
from shortgenius_exporter.metrics.fragments import Rendered, header, render

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
        rendered = render(snapshot, self._wall())
        with self._lock:
            before = self._rendered.get(snapshot.account.name)
            self._rendered[snapshot.account.name] = rendered
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

    def accounts(self, *, openmetrics: bool) -> bytes:
        """The lines of all accounts, families contiguous, without an end marker."""
        with self._lock:
            rendered = list(self._rendered.values())
        return _joined(self._current(rendered), openmetrics=openmetrics)

    def account(self, name: str, *, openmetrics: bool) -> bytes | None:
        """The lines of one account, or ``None`` if there is none of that name."""
        rendered = self._rendered.get(name)
        return None if rendered is None else _joined(self._current([rendered]), openmetrics=openmetrics)

    def _current(self, rendered: list[Rendered]) -> list[Rendered]:
        now = self._wall()
        return [one if now < one.valid_until else render(one.snapshot, now) for one in rendered]


def _joined(rendered: Iterable[Rendered], *, openmetrics: bool) -> bytes:
    columns = zip(*(one.lines for one in rendered), strict=True)
    parts: list[bytes] = []
    for family, lines in zip(ACCOUNT_FAMILIES, columns, strict=False):
        if any(lines):
            parts.append(header(family, openmetrics=openmetrics))
            parts.extend(lines)
    return b"".join(parts)


class Negotiated:
    """The format that an ``Accept`` header gets, as the client library decides it."""

    def __init__(self, accept: str) -> None:
        # All our names are legal in every escaping scheme, so none needs to be applied. A version that is no number
        # makes the library raise.
        try:
            self._encode, self.content_type = choose_encoder(accept.replace("escaping=dots", "escaping=underscores"))
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
