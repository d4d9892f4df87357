"""Time and chance, as arguments: the poller, the commands and the tests each say where they come from."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from random import random as system_random


@dataclass(frozen=True, slots=True)
class Clock:
    """``monotonic`` for schedules and durations, ``wall`` (Unix seconds) for what is published, ``random`` 0 to 1."""

    monotonic: Callable[[], float] = time.monotonic
    wall: Callable[[], float] = time.time
    random: Callable[[], float] = system_random
