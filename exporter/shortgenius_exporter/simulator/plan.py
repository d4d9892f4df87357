"""What a simulated account is given, and what it wants to spend."""

from __future__ import annotations

import heapq
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from operator import itemgetter
from typing import NamedTuple

from shortgenius_exporter.core.renewal import Renewal, next_renewal
from shortgenius_exporter.core.secret import Secret
from shortgenius_exporter.simulator.habits import Habit, seeded, spending

# Seconds after a renewal from which the next one is looked for: because of rounding, the same might be found again.
_GRAIN = 0.001


class Kind(StrEnum):
    """Why a balance moved."""

    SPEND = "spend"
    RENEWAL = "renewal"
    TOP_UP = "top_up"
    REFUND = "refund"


class Event(NamedTuple):
    """One move of one balance at ``time`` (Unix seconds), signed as an observer of the balance sees it.

    A renewal resets the balance to the allowance: its ``delta`` is negative when more was left.
    """

    time: float
    credit_type: str
    delta: int
    kind: Kind


class Deposit(NamedTuple):
    """Credits that arrive ``after`` seconds from the account's start."""

    after: float
    credit_type: str
    amount: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What an account is given and how it spends.

    ``allowance``: the balance per credit type after each renewal. ``burn``: credits wanted per day, on
    average. ``opening``: balances at the account's start; the allowance where absent. ``tick``: seconds
    between two moments of spending. The account's types are those of ``allowance`` and ``opening``.
    """

    allowance: Mapping[str, int]
    burn: Mapping[str, float] = field(default_factory=dict)
    habit: Habit = Habit.STEADY
    renewal: Renewal | None = None
    opening: Mapping[str, int] = field(default_factory=dict)
    top_ups: tuple[Deposit, ...] = ()
    refunds: tuple[Deposit, ...] = ()
    tick: float = 300.0

    def __post_init__(self) -> None:
        if self.tick <= 0:
            raise ValueError(f"the tick is a number of seconds above 0, not {self.tick}")
        moved = {*self.burn, *(deposit.credit_type for deposit in self.top_ups + self.refunds)}
        unknown = sorted(moved - self.openings().keys())
        if unknown:
            raise ValueError(f"neither allowance nor opening has the credit type {', '.join(unknown)}")

    def openings(self) -> dict[str, int]:
        """The balances at the account's start, by credit type."""
        return {**self.allowance, **self.opening}


@dataclass(frozen=True, slots=True)
class RateLimit:
    """At most ``requests`` within any ``seconds`` of real time."""

    requests: int
    seconds: float


@dataclass(frozen=True, slots=True)
class SimulatedAccount:
    """A customer of the simulated API since ``start`` (Unix seconds).

    ``revoked``: whether its key is refused from the beginning. ``flaky``: the share of its requests, 0 to 1,
    that meet a fault drawn from the world's seed.
    """

    name: str
    key: Secret
    plan: Plan
    start: float
    labels: tuple[tuple[str, str], ...] = ()
    revoked: bool = False
    flaky: float = 0.0
    rate_limit: RateLimit | None = None


def intents(account: SimulatedAccount, seed: int) -> Iterator[Event]:
    """What is to happen whatever the balance is: ``delta`` is the amount wanted, given, or reset to."""
    plan, start = account.plan, account.start
    streams: list[Iterable[Event]] = [
        _renewals(plan, start),
        _deposits(plan.top_ups, start, Kind.TOP_UP),
        _deposits(plan.refunds, start, Kind.REFUND),
        *(_spends(account, seed, credit_type) for credit_type in plan.burn),
    ]
    return heapq.merge(*streams, key=itemgetter(0))


def _renewals(plan: Plan, start: float) -> Iterator[Event]:
    now = start
    while plan.renewal is not None:
        now = next_renewal(plan.renewal, now + _GRAIN)
        for credit_type, amount in plan.allowance.items():
            yield Event(now, credit_type, amount, Kind.RENEWAL)


def _deposits(deposits: tuple[Deposit, ...], start: float, kind: Kind) -> list[Event]:
    return [Event(start + after, credit_type, amount, kind) for after, credit_type, amount in sorted(deposits)]


def _spends(account: SimulatedAccount, seed: int, credit_type: str) -> Iterator[Event]:
    plan = account.plan
    random = seeded(seed, account.name, credit_type)
    for time, amount in spending(plan.habit, plan.burn[credit_type], account.start, plan.tick, random):
        yield Event(time, credit_type, amount, Kind.SPEND)


def settle(balances: dict[str, int], intent: Event) -> Event | None:
    """Carries ``intent`` out on ``balances``; ``None`` if nothing was left to spend."""
    balance = balances[intent.credit_type]
    delta = intent.delta
    if intent.kind is Kind.RENEWAL:
        delta -= balance
    elif intent.kind is Kind.SPEND:
        delta = -min(delta, balance)
        if delta == 0:
            return None
    balances[intent.credit_type] = balance + delta
    return intent._replace(delta=delta)
