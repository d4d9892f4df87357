"""The simulated API as most tests want it: accounts that spend nothing by themselves, and time that stands still."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager

from shortgenius_exporter.core.secret import Secret
from shortgenius_exporter.simulator.clock import SimulatedClock
from shortgenius_exporter.simulator.model import World
from shortgenius_exporter.simulator.plan import Plan, SimulatedAccount
from shortgenius_exporter.simulator.server import SimulatorServer


@contextmanager
def simulated(
    allowances: Mapping[str, Mapping[str, int]], seed: int = 1, key: Callable[[str], str] = "sk-{}".format
) -> Iterator[SimulatorServer]:
    """``allowances``: what each account starts with, by its name. ``key``: an account's key, from its name."""
    start = time.time()
    accounts = [
        SimulatedAccount(name, Secret(key(name)), Plan(allowance=allowance), start)
        for name, allowance in allowances.items()
    ]
    with SimulatorServer(World(accounts, seed, start), SimulatedClock(start, 0.0)) as server:
        yield server
