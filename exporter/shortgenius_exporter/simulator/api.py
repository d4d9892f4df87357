"""The simulated API without its sockets: a request in, a script of steps out."""

from __future__ import annotations

import math
import threading
from collections import defaultdict, deque
from collections.abc import Mapping
from dataclasses import dataclass

from shortgenius_exporter.core.secret import Secret
from shortgenius_exporter.simulator.clock import SimulatedClock
from shortgenius_exporter.simulator.faults import FLAKY, ON_CONNECT, Injection
from shortgenius_exporter.simulator.habits import seeded
from shortgenius_exporter.simulator.model import World
from shortgenius_exporter.simulator.plan import RateLimit, SimulatedAccount
from shortgenius_exporter.simulator.scripts import Script, Send, answer, error, fault_script
from shortgenius_exporter.simulator.traffic import Traffic

BASE_PATH = "/api/v1"
_CREDITS, _HEALTH = f"{BASE_PATH}/credits", f"{BASE_PATH}/health"


@dataclass(frozen=True, slots=True)
class Request:
    """One HTTP request; header names are lower case, ``target`` is the path with its query."""

    method: str
    target: str
    headers: Mapping[str, str]
    body: bytes = b""

    @property
    def path(self) -> str:
        return self.target.partition("?")[0]

    @property
    def key(self) -> Secret:
        """The bearer token; empty if there is none."""
        scheme, _, token = self.headers.get("authorization", "").partition(" ")
        return Secret(token.strip() if scheme.lower() == "bearer" else "")


class SimulatedApi:
    """A world in front of which faults can be put. ``lock`` guards ``world``; the methods take it themselves."""

    def __init__(self, world: World, clock: SimulatedClock) -> None:
        self.world = world
        self.clock = clock
        self.lock = threading.RLock()
        self.traffic = Traffic()
        self.limits: dict[str, RateLimit] = {
            name: account.rate_limit for name, account in world.accounts.items() if account.rate_limit
        }
        self._faults: dict[str | None, Injection] = {}
        self._served: defaultdict[str, deque[float]] = defaultdict(deque)
        self._chance = {
            name: seeded(world.seed, name, "flaky") for name, account in world.accounts.items() if account.flaky
        }

    def inject(self, injection: Injection, account: str | None = None) -> None:
        """Puts a fault before ``account``, or before everybody; an account's own goes first.

        Raises ``KeyError`` for an unknown account, ``ValueError`` for one of ``ON_CONNECT`` with an account.
        """
        if account is not None:
            self.world.accounts[account]
            if injection.fault in ON_CONNECT:
                raise ValueError(f"{injection.fault} comes before the key is known: set it for all accounts")
        self._faults[account] = injection

    def clear(self, account: str | None = None) -> None:
        """Takes away the fault of ``account``, or the one of everybody."""
        self._faults.pop(account, None)

    def injection(self, account: str | None = None) -> Injection | None:
        return self._faults.get(account)

    def on_connect(self) -> Script | None:
        """What happens to a new connection before it says anything, if not the usual."""
        injection = self._faults.get(None)
        return fault_script(injection, {}) if injection and injection.fault in ON_CONNECT else None

    def reply(self, request: Request, seen: set[str | None]) -> Script:
        """The answer; ``seen`` holds the accounts that have used the connection, and gains this one."""
        with self.lock:
            account = self.world.owner(request.key)
            name = account.name if account else None
            self.traffic.record(name, self.clock.real(), name not in seen)
            seen.add(name)
            if request.path not in {_CREDITS, _HEALTH}:
                return iter([Send(error(404))])
            self.world.advance(self.clock.now())
            balances = self.world.balances(account.name) if account else {}
            injection = self._fault_for(account)
            if injection is not None:
                return fault_script(injection, balances)
            return iter([Send(self._regular(request, account, balances))])

    def _fault_for(self, account: SimulatedAccount | None) -> Injection | None:
        if account is not None:
            own = self._faults.get(account.name)
            if own is not None:
                return own
            chance = self._chance.get(account.name)
            if chance is not None and chance.random() < account.flaky:
                return Injection(chance.choice(FLAKY))
        return self._faults.get(None)

    def _regular(self, request: Request, account: SimulatedAccount | None, balances: Mapping[str, int]) -> bytes:
        if account is None or self.world.is_revoked(account.name):
            return error(401)
        if request.method != "GET":
            return error(405, ("Allow", "GET"))
        wait = self._over_limit(account.name)
        if wait is not None:
            return error(429, ("Retry-After", str(wait)))
        return answer({"status": "ok"} if request.path == _HEALTH else {"balance": balances})

    def _over_limit(self, name: str) -> int | None:
        """Whole seconds until ``name`` may ask again; ``None`` if it may now, which is then counted."""
        limit = self.limits.get(name)
        if limit is None:
            return None
        now, served = self.clock.real(), self._served[name]
        while served and served[0] <= now - limit.seconds:
            served.popleft()
        if len(served) < limit.requests:
            served.append(now)
            return None
        return max(1, math.ceil(served[0] + limit.seconds - now)) if served else math.ceil(limit.seconds)
