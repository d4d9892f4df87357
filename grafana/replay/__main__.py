"""Builds a replayed history: ``python -m grafana.replay --accounts 5 --output FOLDER [--serve]``."""

from __future__ import annotations

import argparse
import signal
import sys
from pathlib import Path

from grafana.replay.fleet import END, lives
from grafana.replay.history import evaluate, lookback, scrape
from grafana.replay.samples import FIRST, Grid
from grafana.replay.server import serving

_MANY = 20


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m grafana.replay", description=__doc__)
    parser.add_argument("--accounts", type=int, default=5)
    parser.add_argument("--output", type=Path, required=True, help="folder for the blocks; built if it is not there")
    parser.add_argument("--serve", action="store_true", help="print the URL of a Prometheus on it, stay until told")
    options = parser.parse_args(arguments)
    grid = grid_for(options.accounts)
    if not options.output.exists():
        scrape(options.output, lives(options.accounts), FIRST, grid)
        evaluate(options.output, grid)
    if options.serve:
        with serving(options.output, lookback(grid)) as prometheus:
            print(prometheus.url, f"{END:.0f}", flush=True)
            signal.sigwait({signal.SIGTERM, signal.SIGINT})
    return 0


def grid_for(accounts: int) -> Grid:
    """Fewer samples of each series where there are many."""
    return Grid(step=150) if accounts <= _MANY else Grid(step=300, coarse=3600, fine_span=3600)


if __name__ == "__main__":
    sys.exit(main())
