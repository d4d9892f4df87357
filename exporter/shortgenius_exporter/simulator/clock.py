"""Time that can run faster than real time."""

from __future__ import annotations

import time
from collections.abc import Callable


class SimulatedClock:
    """Starts at ``start`` (Unix seconds) and runs ``speed`` times as fast as ``real``; 0 stands still.

    ``real`` gives monotonic seconds; its zero means nothing.
    """

    def __init__(self, start: float, speed: float = 1.0, real: Callable[[], float] = time.monotonic) -> None:
        self.real = real
        self.speed = speed
        self._start = start
        self._origin = real()

    def now(self) -> float:
        """Simulated time, in Unix seconds."""
        return self._start + (self.real() - self._origin) * self.speed

    def jump(self, seconds: float) -> None:
        """Moves on by simulated ``seconds`` at once."""
        self._start += seconds

    def real_seconds_until(self, moment: float) -> float:
        """Real seconds until the simulated ``moment``; negative if it is past. ``speed`` must not be 0."""
        return (moment - self.now()) / self.speed
