"""The committed JSON is what the generator writes."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from dashboards.shelf import ROOT


def test_the_committed_dashboards_are_what_the_generator_writes(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "grafana.generator", "--output", str(tmp_path)]

    subprocess.run(command, cwd=ROOT, check=True)

    for folder in ("dashboards", "grafana.com"):
        assert _texts(ROOT / "grafana" / folder) == _texts(tmp_path / folder), "run `make dashboards`"


def _texts(folder: Path) -> dict[str, str]:
    return {path.name: path.read_text("utf-8") for path in folder.iterdir()}
