"""Configurations with any number of accounts."""

from __future__ import annotations

from pathlib import Path

from benchmarks.programs import Upstream

_THRESHOLDS = "thresholds: {credits: {warning: 100, critical: 5}}"


def write(
    path: Path, upstream: Upstream, count: int, *, interval: str = "60s", workers: int = 32, changed: int | None = None
) -> Path:
    """``count`` accounts with a label and a renewal each and common thresholds; ``changed`` is one that differs."""
    ca_file = f", ca_file: {upstream.ca_file}" if upstream.ca_file else ""
    lines = [
        f"defaults: {{base_url: '{upstream.base_url}', poll_interval: {interval}{ca_file}, {_THRESHOLDS}}}",
        f"limits: {{max_concurrent_polls: {workers}}}",
        "accounts:",
        *(_account(number, "sound" if number == changed else "video") for number in range(count)),
    ]
    path.write_text("\n".join(lines) + "\n")
    return path


def _account(number: int, team: str) -> str:
    return f"  - {{name: studio-{number:05}, api_key: sk-{number:05}, labels: {{team: {team}}}, renewal: {{day: 1}}}}"
