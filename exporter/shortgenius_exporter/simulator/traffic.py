"""Who asked, when, over how many connections."""

from __future__ import annotations

import threading
from collections import Counter, defaultdict, deque

_KEPT_ARRIVALS = 10_000


class Traffic:
    """Requests by account; ``None`` stands for requests without a known key. Thread-safe."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._requests: Counter[str | None] = Counter()
        self._connections: Counter[str | None] = Counter()
        self._arrivals: defaultdict[str | None, deque[float]] = defaultdict(lambda: deque(maxlen=_KEPT_ARRIVALS))

    def record(self, account: str | None, at: float, first_on_connection: bool) -> None:
        """Counts a request that arrived at real time ``at``."""
        with self._changed:
            self._requests[account] += 1
            self._connections[account] += first_on_connection
            self._arrivals[account].append(at)
            self._changed.notify_all()

    def requests(self, account: str | None) -> int:
        return self._requests[account]

    def connections(self, account: str | None) -> int:
        """How many connections have carried a request of ``account``."""
        return self._connections[account]

    def arrivals(self, account: str | None) -> tuple[float, ...]:
        """When the last 10,000 requests arrived, in seconds of the clock's ``real`` source."""
        with self._changed:
            return tuple(self._arrivals[account])

    def wait(self, account: str | None, requests: int, timeout: float) -> None:
        """Returns once ``account`` has made that many requests; raises ``TimeoutError``."""
        with self._changed:
            if not self._changed.wait_for(lambda: self._requests[account] >= requests, timeout):
                made = self._requests[account]
                raise TimeoutError(f"{account} made {made} of {requests} requests within {timeout:g} s")
