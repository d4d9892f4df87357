from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from shortgenius_exporter.core.secret import Secret
from shortgenius_exporter.simulator.clock import SimulatedClock
from shortgenius_exporter.simulator.model import World
from shortgenius_exporter.simulator.plan import Plan, SimulatedAccount
from shortgenius_exporter.simulator.server import SimulatorServer

if TYPE_CHECKING:
    from collections.abc import Iterator

START = 1_767_225_600.0  # 2026-01-01 00:00 UTC
FOUR = {"credits": 217, "animated_video_credits": 3, "high_quality_video_credits": 5, "image_credits": 40}


@pytest.fixture
def world() -> World:
    plans = {
        "four": Plan(allowance=FOUR),
        "two": Plan(allowance={"credits": 100, "high_quality_video_credits": 7}),
        "one": Plan(allowance={"credits": 50}, burn={"credits": 24}),
    }
    return World([SimulatedAccount(name, Secret(f"sk-{name}"), plan, START) for name, plan in plans.items()], 1, START)


@pytest.fixture
def clock() -> SimulatedClock:
    return SimulatedClock(START, speed=0)


@pytest.fixture
def server(world: World, clock: SimulatedClock) -> Iterator[SimulatorServer]:
    with SimulatorServer(world, clock) as server:
        yield server
