"""The committed dashboards, and Prometheus servers on a replayed month, built once for all test processes."""

from __future__ import annotations

import fcntl
import shutil
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT))  # the tools under test are no part of the package

from grafana.replay.fleet import lives  # noqa: E402
from grafana.replay.history import evaluate, lookback, scrape  # noqa: E402
from grafana.replay.samples import FIRST, SECOND, Grid  # noqa: E402
from grafana.replay.server import Prometheus, serving  # noqa: E402

GRID = Grid(step=300)


def _build(one: Path, two: Path) -> None:
    scrape(one, lives(5), FIRST, GRID)
    shutil.copytree(one, two)
    scrape(two, lives(5), SECOND, GRID)
    with ThreadPoolExecutor() as pool:
        list(pool.map(lambda blocks: evaluate(blocks, GRID), (one, two)))


@pytest.fixture(scope="session")
def histories(tmp_path_factory: pytest.TempPathFactory, worker_id: str) -> Path:
    """A folder with the blocks ``one`` and ``two``: the same month seen by one exporter, and by two replicas."""
    base = tmp_path_factory.getbasetemp()
    shared = (base if worker_id == "master" else base.parent) / "histories"
    with Path(f"{shared}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not shared.exists():
            building = Path(f"{shared}.building")
            _build(building / "one", building / "two")
            building.rename(shared)
    return shared


def _served(histories: Path, name: str, folder: Path) -> Iterator[Prometheus]:
    """On a copy: a Prometheus wants its folder for itself."""
    shutil.copytree(histories / name, folder / name)
    with serving(folder / name, lookback(GRID)) as prometheus:
        yield prometheus


@pytest.fixture(scope="session")
def prometheus(histories: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Prometheus]:
    yield from _served(histories, "one", tmp_path_factory.mktemp("one"))


@pytest.fixture(scope="session")
def replicated(histories: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Prometheus]:
    yield from _served(histories, "two", tmp_path_factory.mktemp("two"))
