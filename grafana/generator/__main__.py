"""Writes every dashboard, as Grafana provisions them and as grafana.com wants them."""

from __future__ import annotations

import argparse
import json
import sys
import warnings
from pathlib import Path

with warnings.catch_warnings():
    # The builders warn on import about types of theirs that we do not use.
    warnings.simplefilter("ignore", DeprecationWarning)
    from grafana_foundation_sdk.cog.encoder import JSONEncoder

    from grafana.generator.account import dashboard as account
    from grafana.generator.credits import dashboard as credits_
    from grafana.generator.exporter import dashboard as exporter

from grafana.generator.normalise import Json, normalise
from grafana.generator.variants import for_grafana_com

_HERE = Path(__file__).parent.parent


def dashboards() -> list[Json]:
    built = [build().build() for build in (credits_, account, exporter)]
    return [normalise(json.loads(JSONEncoder().encode(dashboard))) for dashboard in built]


def files() -> dict[Path, str]:
    """What is to stand in which file, relative to the ``grafana`` folder."""
    texts = {}
    for dashboard in dashboards():
        name = f"{dashboard['uid']}.json"
        texts[Path("dashboards", name)] = _text(dashboard)
        texts[Path("grafana.com", name)] = _text(for_grafana_com(dashboard))
    return texts


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m grafana.generator", description=__doc__)
    parser.add_argument("--output", type=Path, default=_HERE, help="folder to write below (default: grafana/)")
    root = parser.parse_args(arguments).output
    for path, text in files().items():
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_text(text, encoding="utf-8")
    return 0


def _text(dashboard: Json) -> str:
    return json.dumps(dashboard, indent=2, ensure_ascii=False) + "\n"


if __name__ == "__main__":
    sys.exit(main())
