"""Simulated accounts: what they are given, what they spend, and honest books of both.

Pure and deterministic: the same accounts, seed and times give the same balances. No clock is read here; a
:class:`World` is told the time. Credits are whole numbers and never negative: spending stops at zero.
"""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import count

from shortgenius_exporter.core.secret import Secret
from shortgenius_exporter.simulator.plan import Event, Kind, SimulatedAccount, intents, settle


@dataclass(frozen=True, slots=True)
class Books:
    """One credit type of one account since its start: ``balance == opening + granted - spent - expired``.

    ``spent`` is true spending. ``expired`` is what renewals took away, ``granted`` all that was added:
    the increase at renewals, top-ups, refunds.
    """

    opening: int
    balance: int
    spent: int
    granted: int
    expired: int

    @property
    def fell(self) -> int:
        """The sum of all decreases: what an observer who misses no move counts as consumed."""
        return self.spent + self.expired


def events(account: SimulatedAccount, seed: int) -> Iterator[Event]:
    """Everything that happens to ``account`` if nobody intervenes, in order of time, perhaps without end."""
    balances = account.plan.openings()
    for intent in intents(account, seed):
        event = settle(balances, intent)
        if event is not None:
            yield event


def history(
    account: SimulatedAccount, seed: int, start: float, end: float, step: float
) -> Iterator[tuple[float, dict[str, int]]]:
    """The balances at ``start``, ``start + step``, ... before ``end``, as a :class:`World` would answer them.

    Before the account's own start these are its opening balances.
    """
    balances = account.plan.openings()
    moves = _Upcoming(intents(account, seed))
    for index in count():
        now = start + index * step
        if now >= end:
            return
        for intent in moves.until(now):
            settle(balances, intent)
        yield now, dict(balances)


class World:
    """All accounts at one moment, which only moves forward. Not thread-safe: its owner takes turns.

    An account is brought up to the moment when it is looked at. The last ``keep_events`` events of each
    account are kept; its books are kept whole. An unknown account or credit type raises ``KeyError``.
    """

    def __init__(
        self, accounts: Iterable[SimulatedAccount], seed: int, start: float, keep_events: int = 10_000
    ) -> None:
        self.accounts: Mapping[str, SimulatedAccount] = {account.name: account for account in accounts}
        self.seed = seed
        self.now = start
        self._lives = {name: _Life(account, seed, keep_events) for name, account in self.accounts.items()}
        self._keys = {account.key: name for name, account in self.accounts.items()}
        self._revoked = {name for name, account in self.accounts.items() if account.revoked}

    def advance(self, now: float) -> None:
        """Moves the world to ``now`` (Unix seconds); an earlier time changes nothing."""
        self.now = max(self.now, now)

    def balances(self, name: str) -> dict[str, int]:
        """The balances the API shows, by credit type."""
        life = self._life(name)
        return {kind: amount for kind, amount in life.balances.items() if kind not in life.hidden}

    def books(self, name: str) -> dict[str, Books]:
        return self._life(name).books()

    def events(self, name: str) -> tuple[Event, ...]:
        return tuple(self._life(name).events)

    def spend(self, name: str, credit_type: str, amount: int) -> None:
        """Spends ``amount`` now, or what is left."""
        self._intervene(name, credit_type, amount, Kind.SPEND)

    def top_up(self, name: str, credit_type: str, amount: int) -> None:
        self._intervene(name, credit_type, amount, Kind.TOP_UP)

    def refund(self, name: str, credit_type: str, amount: int) -> None:
        self._intervene(name, credit_type, amount, Kind.REFUND)

    def drain(self, name: str, credit_type: str, to: int = 0) -> None:
        """Spends all but ``to`` now; nothing if less is left."""
        self.spend(name, credit_type, max(0, self._life(name).balances[credit_type] - max(0, to)))

    def renew(self, name: str) -> None:
        """Resets every allowance now, besides the plan's own renewals."""
        for credit_type, amount in self.accounts[name].plan.allowance.items():
            self._intervene(name, credit_type, amount, Kind.RENEWAL)

    def hide(self, name: str, credit_types: Iterable[str]) -> None:
        """Leaves exactly these types out of the answers, as a change of the plan's generation does."""
        self._life(name).hidden = frozenset(credit_types)

    def owner(self, key: Secret) -> SimulatedAccount | None:
        """The account whose key this is, revoked or not."""
        name = self._keys.get(key)
        return None if name is None else self.accounts[name]

    def is_revoked(self, name: str) -> bool:
        return name in self._revoked

    def revoke(self, name: str) -> None:
        self._revoked.add(self.accounts[name].name)

    def restore(self, name: str) -> None:
        self._revoked.discard(self.accounts[name].name)

    def rotate(self, name: str, key: Secret) -> None:
        """Makes ``key`` the account's only key, and valid; ``ValueError`` if another account has it."""
        if self._keys.get(key, name) != name:
            raise ValueError("another account has this key")
        self.restore(name)
        self._keys = {old: owner for old, owner in self._keys.items() if owner != name} | {key: name}

    def _life(self, name: str) -> _Life:
        life = self._lives[name]
        life.advance(self.now)
        return life

    def _intervene(self, name: str, credit_type: str, amount: int, kind: Kind) -> None:
        if amount < 0:
            raise ValueError(f"an amount of credits is zero or more, not {amount}")
        self._life(name).apply(Event(self.now, credit_type, amount, kind))


class _Life:
    """One account as time passes."""

    def __init__(self, account: SimulatedAccount, seed: int, keep_events: int) -> None:
        self.balances = account.plan.openings()
        self.events: deque[Event] = deque(maxlen=keep_events)
        self.hidden: frozenset[str] = frozenset()
        self._openings = account.plan.openings()
        self._spent: Counter[str] = Counter()
        self._granted: Counter[str] = Counter()
        self._expired: Counter[str] = Counter()
        self._upcoming = _Upcoming(intents(account, seed))

    def advance(self, now: float) -> None:
        for intent in self._upcoming.until(now):
            self.apply(intent)

    def apply(self, intent: Event) -> None:
        event = settle(self.balances, intent)
        if event is None:
            return
        self.events.append(event)
        if event.delta > 0:
            self._granted[event.credit_type] += event.delta
        elif event.kind is Kind.SPEND:
            self._spent[event.credit_type] -= event.delta
        else:
            self._expired[event.credit_type] -= event.delta

    def books(self) -> dict[str, Books]:
        return {
            name: Books(opening, self.balances[name], self._spent[name], self._granted[name], self._expired[name])
            for name, opening in self._openings.items()
        }


class _Upcoming:
    """An endless stream of intents, taken piece by piece."""

    def __init__(self, intents: Iterator[Event]) -> None:
        self._intents = intents
        self._next = next(intents, None)

    def until(self, now: float) -> Iterator[Event]:
        """Those not yet taken whose time has come."""
        while self._next is not None and self._next.time <= now:
            intent = self._next
            self._next = next(self._intents, None)
            yield intent
