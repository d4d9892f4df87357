"""Which account is to be polled when. No clock: every step takes the time, in monotonic seconds."""

from __future__ import annotations

import heapq
import math
from collections.abc import Callable
from dataclasses import dataclass
from itertools import count

from shortgenius_exporter.core.reason import Reason
from shortgenius_exporter.polling.backoff import retry_delay


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a poll ended: ``reason`` is ``None`` for a success; ``retry_after`` in seconds."""

    reason: Reason | None = None
    retry_after: float | None = None


@dataclass(slots=True, eq=False)
class Slot:
    """One account's place in the schedule; its regular polls fall on ``phase`` + n * ``interval``.

    ``failures``: failed polls in a row. ``again``: a poll was asked for while one is under way.
    """

    name: str
    interval: float
    phase: float
    due: float
    failures: int = 0
    in_flight: bool = False
    again: bool = False


class Schedule:
    """At most one poll of an account at once; phases are kept and missed ticks skipped.

    ``requests_per_second``: over all accounts, 0 for no limit. ``random``: 0 to 1, for the jitter of retries.
    """

    def __init__(self, random: Callable[[], float], requests_per_second: float = 0.0) -> None:
        self._random = random
        self._spacing = 0.0
        self._not_before = -math.inf
        self._slots: dict[str, Slot] = {}
        self._queue: list[tuple[float, int, Slot]] = []
        self._order = count()
        self.limit(requests_per_second)

    def limit(self, requests_per_second: float) -> None:
        self._spacing = 1 / requests_per_second if requests_per_second else 0.0

    def add(self, name: str, interval: float, first: float) -> Slot:
        """Takes an account in; it is first due at ``first``, which sets its phase."""
        slot = Slot(name, interval, phase=first, due=first)
        self._slots[name] = slot
        self._put(slot, first)
        return slot

    def remove(self, name: str) -> None:
        self._slots.pop(name, None)

    def change_interval(self, name: str, interval: float, now: float) -> None:
        """A new interval counts from the old phase; a running backoff is not cut short."""
        slot = self._slots[name]
        slot.interval = interval
        if not slot.in_flight and not slot.failures:
            self._put(slot, min(slot.due, _next_tick(slot, now)))

    def wake(self, name: str, now: float) -> None:
        """Makes an account due at once, or once more as soon as its poll under way is done.

        For an account that is asked anew, with another key or elsewhere: its failures so far say nothing of that.
        """
        slot = self._slots[name]
        slot.failures = 0
        if slot.in_flight:
            slot.again = True
        elif slot.due > now:
            self._put(slot, now)

    def due(self, now: float) -> list[Slot]:
        """The slots to be polled now, soonest due first; each is in flight until ``done``."""
        found = []
        while (next_due := self.next_due()) is not None and next_due <= now:
            slot = heapq.heappop(self._queue)[2]
            slot.in_flight = True
            self._not_before = now + self._spacing if self._spacing else -math.inf
            found.append(slot)
        return found

    def done(self, slot: Slot, outcome: Outcome, now: float) -> None:
        """Ends a poll that ``due`` began and sets the next. A slot removed meanwhile is forgotten."""
        if self._slots.get(slot.name) is not slot:
            return
        slot.in_flight = False
        if outcome.reason is None:
            slot.failures = 0
            due = _next_tick(slot, now)
        else:
            slot.failures += 1
            due = now + retry_delay(slot.failures, outcome.reason, outcome.retry_after, slot.interval, self._random)
        if slot.again:
            slot.again, slot.failures, due = False, 0, now
        self._put(slot, due)

    def next_due(self) -> float | None:
        """When ``due`` will next have something, or ``None`` while all is in flight or nothing is scheduled."""
        while self._queue and self._is_outdated(*self._queue[0]):
            heapq.heappop(self._queue)
        return max(self._queue[0][0], self._not_before) if self._queue else None

    def _put(self, slot: Slot, due: float) -> None:
        slot.due = due
        heapq.heappush(self._queue, (due, next(self._order), slot))

    def _is_outdated(self, due: float, _: int, slot: Slot) -> bool:
        return slot.in_flight or slot.due != due or self._slots.get(slot.name) is not slot


def _next_tick(slot: Slot, now: float) -> float:
    ticks = max(math.floor((now - slot.phase) / slot.interval) + 1, 0)
    tick = slot.phase + ticks * slot.interval
    # Rounding may land on the tick that is just over.
    return tick if tick > now else tick + slot.interval


def first_polls(intervals: list[float], now: float, per_second: float = 20.0) -> list[float]:
    """When each account of a fresh start is first polled: evenly, at ``per_second``, within its own interval.

    Regular polls keep these phases, so a fleet whose first polls came all at once would come all at once for ever.
    """
    spread = len(intervals) / per_second
    return [now + min(spread, interval) * i / len(intervals) for i, interval in enumerate(intervals)]
