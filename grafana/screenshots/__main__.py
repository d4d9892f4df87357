"""Draws every dashboard for 1, 5 and 200 accounts, light and dark: ``python -m grafana.screenshots``.

Needs Chromium, and `npm install && npm run build` in this folder. Fails when a panel fails or is empty, or when a
picture is larger than 300 KB.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from grafana.replay.__main__ import grid_for
from grafana.replay.fleet import END, lives
from grafana.replay.history import evaluate, lookback, scrape
from grafana.replay.samples import FIRST
from grafana.replay.server import serving

_HERE = Path(__file__).parent
_IMAGES = _HERE.parents[1] / "docs" / "images"
_DASHBOARDS = ("credits", "account", "exporter")
_LARGEST = 300_000

Job = dict[str, object]


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m grafana.screenshots", description=__doc__)
    parser.add_argument("--output", type=Path, default=_IMAGES)
    parser.add_argument("--accounts", type=int, nargs="+", default=[1, 5, 200])
    parser.add_argument("--history", type=Path, help="keep the replayed histories below this folder and use them again")
    options = parser.parse_args(arguments)
    options.output.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as scratch:
        for count in options.accounts:
            _draw(count, (options.history or Path(scratch)) / str(count), options.output)
    large = [str(path) for path in options.output.glob("dashboard-*.webp") if path.stat().st_size > _LARGEST]
    if large:
        print(f"larger than {_LARGEST} bytes: {', '.join(large)}", file=sys.stderr)
    return 1 if large else 0


def _draw(count: int, blocks: Path, output: Path) -> None:
    grid = grid_for(count)
    if not blocks.exists():
        scrape(blocks, lives(count), FIRST, grid)
        evaluate(blocks, grid)
    with serving(blocks, lookback(grid)) as prometheus, tempfile.NamedTemporaryFile("w", suffix=".json") as jobs:
        json.dump(list(_jobs(count, prometheus.url, output)), jobs)
        jobs.flush()
        subprocess.run(["node", str(_HERE / "shoot.mjs"), jobs.name], check=True)  # noqa: S603, S607


def _jobs(count: int, prometheus: str, output: Path) -> Iterator[Job]:
    for name in _DASHBOARDS:
        for theme in ("light", "dark"):
            yield {
                "dashboard": f"shortgenius-{name}",
                "prometheus": prometheus,
                "now": f"{END:.0f}",
                "theme": theme,
                "variables": _variables(name, count),
                "output": str(output / f"dashboard-{name}-{count}-{theme}.webp"),
            }


def _variables(dashboard: str, count: int) -> dict[str, str]:
    """What somebody would have chosen: everything; on the account's dashboard, one account."""
    account = lives(count)[0].simulated.name if dashboard == "account" else ".+"
    return {"job": ".+", "instance": ".+", "account": account, "credit_type": ".+", "group": "team"}


if __name__ == "__main__":
    sys.exit(main())
