"""What the repository ships about alerts, for the tests beside this file."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).parents[2]
PROMETHEUS = ROOT / "deploy" / "prometheus"
RULE_FILES = sorted((PROMETHEUS / "rules").glob("*.yml"))
RENDER = PROMETHEUS / "render_rules.py"
ALERTMANAGER = ROOT / "deploy" / "alertmanager" / "alertmanager.yml"
RUNBOOKS = ROOT / "docs" / "runbooks"
DASHBOARDS = ROOT / "grafana" / "dashboards"


def rules() -> list[dict[str, Any]]:
    """Every rule, in the order of the files."""
    groups = [group for file in RULE_FILES for group in yaml.safe_load(file.read_text())["groups"]]
    return [rule for group in groups for rule in group["rules"]]


def alerts() -> list[dict[str, Any]]:
    return [rule for rule in rules() if "alert" in rule]


def alert_names() -> list[str]:
    return sorted({rule["alert"] for rule in alerts()})


def recorded_names() -> list[str]:
    return [rule["record"] for rule in rules() if "record" in rule]


def run(*command: str | Path, directory: Path = ROOT) -> subprocess.CompletedProcess[str]:
    """Runs a real tool to its end. A tool that is not installed is a failure, not a skip."""
    assert shutil.which(str(command[0])), f"{command[0]} is not installed: `make tools` fetches it"
    return subprocess.run([str(word) for word in command], cwd=directory, capture_output=True, text=True, check=False)
