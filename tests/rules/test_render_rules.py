"""render_rules.py: other addresses and shorter windows, and nothing else changed."""

from __future__ import annotations

import re
import sys
from pathlib import Path

import pytest
from shipped import RENDER, RULE_FILES, run


def render(output: Path, *flags: str) -> str:
    done = run(sys.executable, RENDER, "--output", output, *flags)
    assert done.returncode == 0, done.stderr
    return "".join((output / file.name).read_text() for file in RULE_FILES)


SHIPPED = "".join(file.read_text() for file in RULE_FILES)


def test_without_flags_the_copy_is_the_shipped_text(tmp_path: Path) -> None:
    assert render(tmp_path) == SHIPPED


def test_time_scale_shortens_windows_steps_offsets_fors_and_numbers_of_seconds(tmp_path: Path) -> None:
    fast = render(tmp_path, "--time-scale", "300")
    assert "rate1h[1d:1h])" in SHIPPED
    assert "rate1h[288000ms:12000ms])" in fast
    assert "runway_seconds:rate1d < 24 * 3600" in SHIPPED
    assert "runway_seconds:rate1d < 24 * 12\n" in fast
    assert "offset 1800000ms" not in fast
    assert "offset 6000ms" in fast
    assert "    for: 1000ms\n" in fast
    assert "    interval: 200ms\n" in fast


def test_time_scale_leaves_no_unscaled_time_behind(tmp_path: Path) -> None:
    fast = render(tmp_path, "--time-scale", "300")
    code = "\n".join(line for line in fast.splitlines() if not line.lstrip().startswith("#"))
    assert re.findall(r"(?<![\w.])\d+[smhdw]\b", code) == []
    assert re.findall(r"(?<![\w.])(?:3600|86400)\b", code) == []


def test_every_large_number_of_the_rules_is_one_that_is_scaled() -> None:
    """A window written in a way that the generator does not know would stay long without a word."""
    code = "\n".join(line for line in SHIPPED.splitlines() if "expr" in line or line.startswith(" " * 10))
    numbers = {int(number) for number in re.findall(r"(?<![\w.])\d+(?![\w.])", code) if int(number) > 200}
    assert numbers <= {3600, 86400, 401, 403, 429, 3000}


@pytest.mark.parametrize("scale", ["300", "60", "1.5"])
def test_promtool_accepts_rescaled_rules(tmp_path: Path, scale: str) -> None:
    render(tmp_path, "--time-scale", scale)
    done = run("promtool", "check", "rules", *tmp_path.glob("*.yml"))
    assert done.returncode == 0, done.stdout


def test_addresses_are_replaced_in_every_alert(tmp_path: Path) -> None:
    text = render(tmp_path, "--grafana-url", "https://g.example.com/", "--runbook-url", "https://r.example.com/a")
    assert "dashboard_url: https://g.example.com/d/shortgenius-account?var-account=" in text
    assert "runbook_url: https://r.example.com/a/ShortGeniusCreditsLow.md" in text
    assert "localhost" not in text
    assert "github.com" not in text


@pytest.mark.parametrize("flags", [["--time-scale", "0"], ["--time-scale", "-3"], ["--rules", "/nowhere"]])
def test_what_cannot_be_rendered_is_refused(tmp_path: Path, flags: list[str]) -> None:
    done = run(sys.executable, RENDER, "--output", tmp_path, *flags)
    assert done.returncode == 2
    assert done.stderr
