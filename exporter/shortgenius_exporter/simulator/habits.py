"""How an account's spending is spread over time."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from enum import StrEnum
from itertools import count
from random import Random

DAY = 86_400.0
MONTH = 30 * DAY
_HOUR = 3_600.0
_EPOCH_WEEKDAY = 3  # 1970-01-01 was a Thursday; Monday is 0
_WORKDAYS, _OFFICE_OPENS, _OFFICE_CLOSES = 5, 8, 18  # hours are UTC
_BURSTS_PER_DAY = 2
_SIGN_OF_LIFE = 1_000  # ticks
_BATCH_LENGTH = 6 * _HOUR


class Habit(StrEnum):
    """``STEADY`` has no randomness at all; the others vary, with the same spending per day in the long run.

    ``DAILY``: more by day than by night. ``WEEKDAY``: office hours, Monday to Friday, UTC.
    ``BURSTY``: a few sudden bursts a day. ``BATCH``: one batch of six hours every 30 days, nothing else.
    """

    STEADY = "steady"
    DAILY = "daily"
    WEEKDAY = "weekday"
    BURSTY = "bursty"
    BATCH = "batch"


def seeded(*parts: object) -> Random:
    """A random generator that depends on ``parts`` alone, on every machine."""
    return Random(":".join(map(str, parts)))  # noqa: S311 - reproducible on purpose, guards nothing


def spending(habit: Habit, per_day: float, start: float, tick: float, random: Random) -> Iterator[tuple[float, int]]:
    """When how many credits are wanted, without end: (Unix seconds, amount), in order of time.

    Amounts fall on multiples of ``tick`` seconds after ``start``; fractions of a credit are carried over.
    An amount of zero now and then lets a caller stop, however little is spent.
    """
    owed = 0.0
    share = per_day * tick / DAY
    for index, weight in enumerate(_WEIGHTS[habit](random, start, tick), start=1):
        owed += share * weight
        if owed >= 1 or index % _SIGN_OF_LIFE == 0:
            amount = int(owed)
            owed -= amount
            yield start + index * tick, amount


def _steady(_random: Random, _start: float, _tick: float) -> Iterator[float]:
    while True:
        yield 1.0


def _daily(random: Random, start: float, tick: float) -> Iterator[float]:
    for index in count(1):
        hour = (start + index * tick) % DAY / _HOUR
        yield (1 + 0.8 * math.sin((hour - 9) / 24 * math.tau)) * random.uniform(0.5, 1.5)


def _weekday(random: Random, start: float, tick: float) -> Iterator[float]:
    full = 7 * 24 / (_WORKDAYS * (_OFFICE_CLOSES - _OFFICE_OPENS))
    for index in count(1):
        days, seconds = divmod(start + index * tick, DAY)
        at_work = (days + _EPOCH_WEEKDAY) % 7 < _WORKDAYS and _OFFICE_OPENS <= seconds / _HOUR < _OFFICE_CLOSES
        yield full * random.uniform(0.5, 1.5) if at_work else 0.0


def _bursty(random: Random, _start: float, tick: float) -> Iterator[float]:
    chance = min(1.0, _BURSTS_PER_DAY * tick / DAY)
    while True:
        yield random.expovariate(1.0) / chance if random.random() < chance else 0.0


def _batch(random: Random, _start: float, tick: float) -> Iterator[float]:
    month = max(1, round(MONTH / tick))
    length = min(month, max(1, round(_BATCH_LENGTH / tick)))
    while True:
        before = int((month - length) * random.uniform(0.5, 0.8))
        for index in range(month):
            yield month / length if before <= index < before + length else 0.0


_WEIGHTS: Mapping[Habit, Callable[[Random, float, float], Iterator[float]]] = {
    Habit.STEADY: _steady,
    Habit.DAILY: _daily,
    Habit.WEEKDAY: _weekday,
    Habit.BURSTY: _bursty,
    Habit.BATCH: _batch,
}
