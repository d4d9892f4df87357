#!/usr/bin/env python3
"""Copies the rules with other addresses, or with shorter windows; the text stays the shipped one otherwise.

    render_rules.py --grafana-url https://grafana.example.com --output /etc/prometheus/rules
    render_rules.py --time-scale 300 --output /tmp/fast      # an hour becomes twelve seconds: for tests and demos

With --time-scale N every duration (windows, steps, offsets, `for`, `keep_firing_for`, group intervals) and every
number of seconds (written as a multiple of 60, 3600 or 86400) becomes N times shorter, in the templates' queries as
well. Counts, shares and the names of recorded series stay. Needs nothing but Python.
"""

from __future__ import annotations

import argparse
import re
import sys
from pathlib import Path

RULES = Path(__file__).parent / "rules"
GRAFANA_URL = "http://localhost:3000"
RUNBOOK_URL = "https://github.com/shortgenius-exporter/shortgenius-exporter/blob/main/docs/runbooks"

_MILLISECONDS = {"s": 1000, "m": 60_000, "h": 3_600_000, "d": 86_400_000, "w": 604_800_000}
_DURATION = re.compile(r"(?<![\w.])(\d+)([smhdw])\b")
_SECONDS = re.compile(r"(?<![\w.])(60|3600|86400)(?![\w.])")
_COMMENT = re.compile(r"^\s*#")


def rescaled(text: str, scale: float) -> str:
    """The rules in ``text`` with all times ``scale`` times shorter. Raises ``ValueError`` where one would vanish."""
    return "".join(
        line if _COMMENT.match(line) else _rescaled_line(line, scale) for line in text.splitlines(keepends=True)
    )


def _rescaled_line(line: str, scale: float) -> str:
    line = _SECONDS.sub(lambda found: f"{int(found[1]) / scale:.10g}", line)
    return _DURATION.sub(lambda found: _shorter(int(found[1]) * _MILLISECONDS[found[2]], scale), line)


def _shorter(milliseconds: int, scale: float) -> str:
    shorter = round(milliseconds / scale)
    if milliseconds and shorter < 1:
        raise ValueError(f"{milliseconds} ms divided by {scale:g} is less than Prometheus can express (1 ms)")
    return f"{shorter}ms"


def readdressed(text: str, grafana_url: str, runbook_url: str) -> str:
    """The rules in ``text`` with links to another Grafana and other runbooks."""
    text = text.replace(f"dashboard_url: {GRAFANA_URL}/", f"dashboard_url: {grafana_url.rstrip('/')}/")
    return text.replace(f"runbook_url: {RUNBOOK_URL}/", f"runbook_url: {runbook_url.rstrip('/')}/")


def _positive(text: str) -> float:
    if (value := float(text)) <= 0:
        raise ValueError
    return value


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Copy the rules with other addresses or shorter windows.")
    parser.add_argument("--output", type=Path, required=True, help="directory for the copies; made if it is missing")
    parser.add_argument("--rules", type=Path, default=RULES, help="directory of the rules (default: the shipped ones)")
    parser.add_argument("--grafana-url", default=GRAFANA_URL, help="default: %(default)s")
    parser.add_argument("--runbook-url", default=RUNBOOK_URL, help="default: %(default)s")
    parser.add_argument("--time-scale", type=_positive, default=1.0, help="how many times shorter all times get")
    return parser.parse_args()


def main() -> int:
    arguments = _arguments()
    sources = sorted(arguments.rules.glob("*.yml"))
    if not sources or arguments.output.resolve() == arguments.rules.resolve():
        print(f"{arguments.rules} holds no *.yml, or is the output as well", file=sys.stderr)
        return 2
    arguments.output.mkdir(parents=True, exist_ok=True)
    for source in sources:
        text = readdressed(source.read_text(), arguments.grafana_url, arguments.runbook_url)
        if arguments.time_scale != 1:
            text = rescaled(text, arguments.time_scale)
        (arguments.output / source.name).write_text(text)
    return 0


if __name__ == "__main__":
    sys.exit(main())
