"""Fixtures for all tests."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator

import pytest
from hypothesis import settings

from shortgenius_exporter.simulator.server import SimulatorServer
from simulated import simulated

# A machine that is busy for a moment is no failure of what is tested.
settings.register_profile("patient", deadline=None)
# ``make fuzz``: many more examples.
settings.register_profile("long", deadline=None, max_examples=2_000)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "patient"))


@pytest.fixture
def interruptible() -> Iterator[None]:
    """Has the programs that a test starts obey Ctrl-C, even where this one was started to ignore it (``pytest &``)."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.fixture
def simulator() -> Iterator[SimulatorServer]:
    """A simulated API with twenty accounts, ``a00`` to ``a19``, with keys ``sk-a00``..., whose time stands still."""
    with simulated({f"a{i:02}": {"credits": 217, "image_credits": 40} for i in range(20)}) as server:
        yield server
