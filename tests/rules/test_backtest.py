"""The backtest in small: fewer accounts and days than `make backtest`, the same program and the same verdict."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest
from shipped import PROMETHEUS, ROOT, run

BACKTEST = PROMETHEUS / "backtest"
SMALL = ("--accounts", "12", "--days", "40")


@pytest.mark.timeout(600)  # half a minute of promtool, and the machine may be busy
def test_our_page_announces_what_the_past_could_foretell_with_fewer_false_pages(tmp_path: Path) -> None:
    page = tmp_path / "alerts.md"
    page.write_text("before\n<!-- backtest -->\nold\n<!-- /backtest -->\nafter\n")
    done = run(sys.executable, BACKTEST, *SMALL, "--output", "json", "--docs", page)
    assert done.returncode == 0, done.stdout + done.stderr
    ours, _, both, *naive = json.loads(done.stdout)
    assert ours["exhaustions"] == 10
    assert ours["missed"] == []
    assert ours["announced_1h"] <= both["announced_1h"] <= ours["exhaustions"]
    assert all(ours["false"] < one["false"] for one in naive)
    text = page.read_text()
    assert text.startswith("before\n<!-- backtest -->\n\n40 days, 12 accounts")
    assert text.endswith("<!-- /backtest -->\nafter\n")
    assert "old" not in text


def test_a_backtest_that_cannot_run_says_why() -> None:
    done = run(sys.executable, BACKTEST, "--accounts", "1", "--days", "1", "--docs", ROOT / "no-such-folder" / "x.md")
    assert done.returncode == 2
    assert "backtest: " in done.stderr


def test_the_documented_table_is_of_the_shipped_size() -> None:
    table = (ROOT / "docs" / "alerts.md").read_text().split("<!-- backtest -->")[1].split("<!-- /backtest -->")[0]
    assert table.strip().startswith("90 days, 50 accounts")
    assert "`ShortGeniusCreditsRunningOut` (page)" in table
