"""What a rule's firings were worth, judged by what really happened. Pure.

Times are seconds since the replay's start, as everywhere in the backtest's results.
"""

from __future__ import annotations

from bisect import bisect_right
from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from itertools import pairwise
from statistics import median

from fleet import DAY, HOUR, Life
from replay import Firing

EMPTY = 1.0  # credits: an action costs at least one
_WITNESSES = 2  # as many pasts must agree
_PASTS = (HOUR, 6 * HOUR, DAY, 3 * DAY)


@dataclass(frozen=True, slots=True)
class Exhaustion:
    """A balance went below one credit at ``time``; ``foretold`` has the leads at which the past could tell."""

    account: str
    credit_type: str
    time: float
    foretold: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class Score:
    """One line of the table. ``leads``: seconds from the announcement to the end, per exhaustion, 0 if none.

    ``missed``: those that the past could foretell an hour ahead, and that were announced later or not at all.
    """

    title: str
    leads: tuple[float, ...]
    missed: tuple[Exhaustion, ...]
    fired: int
    false: int

    def announced(self, lead: float) -> int:
        return sum(one >= lead for one in self.leads)

    @property
    def median_lead(self) -> float:
        return median(self.leads) if self.leads else 0.0


def exhaustions(life: Life, start: float) -> Iterator[Exhaustion]:
    """Every fall below one credit."""
    for (_, before), (time, after) in pairwise(life.moments):
        if before >= EMPTY > after:
            told = tuple(lead for lead in (HOUR, DAY) if _foretold(life, time - lead, lead))
            yield Exhaustion(life.account.name, life.credit_type, time - start, told)


def _foretold(life: Life, now: float, lead: float) -> bool:
    """Whether two straight lines, through two different pasts, ended within twice the time that was left.

    Computed from what really happened, not from what was scraped or recorded.
    """
    seen = [past for past in _PASTS if now - past >= life.moments[0][0]]
    ends = [_balance(life, now) / burn for past in seen if (burn := _fallen(life, now - past, now) / past) > 0]
    return sum(end <= 2 * lead for end in ends) >= _WITNESSES


def _balance(life: Life, now: float) -> float:
    return life.moments[bisect_right(life.moments, (now, float("inf"))) - 1][1]


def _fallen(life: Life, begin: float, end: float) -> float:
    first = bisect_right(life.moments, (begin, float("inf"))) - 1
    last = bisect_right(life.moments, (end, float("inf")))
    return sum(max(0.0, before - after) for (_, before), (_, after) in pairwise(life.moments[first:last]))


@dataclass(frozen=True, slots=True)
class Row:
    """What to judge: some alerts taken together, that are about an end within ``memory`` seconds."""

    title: str
    alerts: Collection[str]
    memory: float


def score(row: Row, firings: Iterable[Firing], lives: Iterable[Life], start: float) -> Score:
    """Judges one row. What counts is each begin of firing while something is left.

    It is false if the account does not run out within the row's memory. An exhaustion is announced by the earliest
    alert that still fired within that time before it.
    """
    mine: dict[tuple[str, str], list[Firing]] = defaultdict(list)
    for firing in firings:
        if firing.alert in row.alerts:
            mine[firing.account, firing.credit_type].append(firing)
    leads: list[float] = []
    missed: list[Exhaustion] = []
    fired = false = 0
    for life in lives:
        own = mine[life.account.name, life.credit_type]
        ends = tuple(exhaustions(life, start))
        begins = [one.begin for one in own if _balance(life, start + one.begin) >= EMPTY]
        fired += len(begins)
        false += sum(not any(begin <= end.time <= begin + row.memory for end in ends) for begin in begins)
        led = [(end, _lead(own, end.time, row.memory)) for end in ends]
        leads += [lead for _, lead in led]
        missed += [end for end, lead in led if HOUR in end.foretold and lead < HOUR]
    return Score(row.title, tuple(leads), tuple(missed), fired, false)


def _lead(firings: list[Firing], end: float, memory: float) -> float:
    heard = [one.begin for one in firings if one.begin <= end and one.end >= end - memory]
    return end - min(heard) if heard else 0.0
