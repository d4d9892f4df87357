"""The examples of scrape_configs, judged by promtool."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from manifests import ROOT
from support import write

EXAMPLES = sorted((ROOT / "deploy" / "prometheus" / "scrape_configs").glob("*.yml"))


def test_there_is_one_for_each_way_to_run_it() -> None:
    assert [file.stem for file in EXAMPLES] == ["shards", "single", "tls-basic-auth"]


@pytest.mark.parametrize("file", EXAMPLES, ids=lambda file: file.stem)
def test_promtool_takes_it(file: Path, tmp_path: Path) -> None:
    for name in ("ca.crt", "password"):
        write(tmp_path / name, "x")
    text = file.read_text().replace("/etc/prometheus/shortgenius", str(tmp_path))
    checked = write(tmp_path / "prometheus.yml", text)
    ran = subprocess.run(["promtool", "check", "config", checked], capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stderr
