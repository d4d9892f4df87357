"""Accounts of different habits and plans, and what an exporter would have seen of them.

Pure: the same seed gives the same fleet, the same lives and the same samples.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import takewhile
from random import Random

from shortgenius_exporter.core.renewal import MonthlyRenewal, PeriodicRenewal, Renewal, next_renewal
from shortgenius_exporter.core.secret import Secret
from shortgenius_exporter.simulator.habits import Habit, seeded
from shortgenius_exporter.simulator.model import events
from shortgenius_exporter.simulator.plan import Deposit, Event, Plan, SimulatedAccount

HOUR = 3600.0
DAY = 24 * HOUR
STEP = 300.0  # seconds between scrapes: the shortest window that pages, 30m, holds six of them
_PERIODIC = 0.2  # share of the accounts that renew every 30 days, not once a month
RESTARTS = 20 * DAY, 10 * 60.0  # the exporter restarts this often, is away this long, and counts from zero again

PLANS: tuple[dict[str, int], ...] = (
    {"credits": 1000},
    {"credits": 3000},
    {"credits": 500, "high_quality_video_credits": 40},
    {"credits": 10000},
    {"credits": 2000},
)


@dataclass(frozen=True, slots=True)
class Life:
    """One credit type of one account: its balance from each moment (Unix seconds) on, until the next."""

    account: SimulatedAccount
    credit_type: str
    moments: tuple[tuple[float, float], ...]
    renewal: Renewal | None

    @property
    def labels(self) -> str:
        return f'account="{self.account.name}",credit_type="{self.credit_type}"'


def fleet(count: int, seed: int, start: float) -> tuple[SimulatedAccount, ...]:
    """``count`` accounts; every habit with every plan, using 30 % to 150 % of their allowance in a month."""
    return tuple(_account(index, seeded(seed, index), start) for index in range(count))


def _account(index: int, random: Random, start: float) -> SimulatedAccount:
    habit = tuple(Habit)[index % len(Habit)]
    allowance = PLANS[index // len(Habit) % len(PLANS)]
    use = random.uniform(0.3, 1.5)
    return SimulatedAccount(
        name=f"{habit.value}-{index:02}",
        key=Secret(f"key-{index}"),
        start=start,
        plan=Plan(
            allowance=allowance,
            burn={name: use * amount / 30 for name, amount in allowance.items()},
            habit=habit,
            renewal=_renewal(random, start),
            opening={name: int(amount * random.uniform(0.3, 1)) for name, amount in allowance.items()},
            top_ups=_top_ups(random, allowance),
        ),
    )


def _renewal(random: Random, start: float) -> Renewal:
    if random.random() < _PERIODIC:
        return PeriodicRenewal(30 * DAY, start - random.uniform(0, 30) * DAY)
    return MonthlyRenewal(random.randint(1, 31))


def _top_ups(random: Random, allowance: dict[str, int]) -> tuple[Deposit, ...]:
    """None for most; for some, amounts from a tenth to three times the allowance, so that a renewal may take away."""
    times = random.choice((0, 0, 0, 1, 3))
    return tuple(
        Deposit(random.uniform(0, 90) * DAY, "credits", int(allowance["credits"] * random.choice((0.1, 0.5, 3))))
        for _ in range(times)
    )


def lives(accounts: tuple[SimulatedAccount, ...], seed: int, end: float) -> Iterator[Life]:
    """What happens to each credit type of each account before ``end`` if nobody intervenes.

    The exporter knows the renewal of four accounts in five; the others renew as well.
    """
    for index, account in enumerate(accounts):
        past = tuple(takewhile(lambda event: event.time < end, events(account, seed)))
        known = account.plan.renewal if index % 5 != index // 5 % 5 else None
        for credit_type, opening in account.plan.openings().items():
            yield Life(account, credit_type, tuple(_moments(account.start, opening, past, credit_type)), known)


def _moments(start: float, opening: float, past: tuple[Event, ...], credit_type: str) -> Iterator[tuple[float, float]]:
    balance = opening
    yield start, balance
    for event in past:
        if event.credit_type == credit_type:
            balance += event.delta
            yield event.time, balance


@dataclass(frozen=True, slots=True)
class Samples:
    """What each scrape got; ``None`` while the exporter restarted."""

    balance: list[float | None]
    consumed: list[float | None]


def samples(life: Life, start: float, end: float) -> Samples:
    """The scrapes at ``start``, ``start + STEP``, ... before ``end``."""
    seen = Samples([], [])
    moments = iter(life.moments)
    upcoming = next(moments, None)
    balance = known = 0.0
    consumed = 0.0
    every, away = RESTARTS
    for index in range(int((end - start) / STEP)):
        now = start + index * STEP
        while upcoming is not None and upcoming[0] <= now:
            balance, upcoming = upcoming[1], next(moments, None)
        age = (now - start) % every
        if index and age < away:
            seen.balance.append(None)
            seen.consumed.append(None)
            consumed, known = 0.0, balance
            continue
        consumed += max(0.0, known - balance)
        known = balance
        seen.balance.append(balance)
        seen.consumed.append(consumed)
    return seen


def renewals(renewal: Renewal, start: float, end: float) -> list[float | None]:
    """The next renewal after each scrape, in seconds since ``start``, for a clock that begins at ``start``."""
    after: list[float | None] = []
    upcoming = start
    for index in range(int((end - start) / STEP)):
        now = start + index * STEP
        if upcoming <= now:
            upcoming = next_renewal(renewal, now)
        after.append(upcoming - start)
    return after
