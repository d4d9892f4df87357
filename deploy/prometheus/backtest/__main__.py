"""Replays months of simulated accounts through the rules, and judges ours and the naive ones by what happened.

    python deploy/prometheus/backtest                          # 90 days, 50 accounts: some minutes
    python deploy/prometheus/backtest --docs docs/alerts.md    # the same, and puts the table into that page

Exit codes: 0 if our page announced every exhaustion that the past could foretell an hour ahead, with fewer false
pages than either naive rule; 1 if not; 2 if it could not be run.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import yaml
from fleet import DAY, HOUR, Life, fleet, lives
from replay import Firing, needed, replay
from score import Exhaustion, Row, Score, exhaustions, score

RULES = Path(__file__).parents[1] / "rules"
START = 1_767_225_600.0  # 2026-01-01, a Thursday
PAGE, TICKET = "ShortGeniusCreditsRunningOut", "ShortGeniusCreditsRunningOutSoon"
BALANCE = "account_credit_type:shortgenius_balance_credits:max"
NAIVE = {  # with the patience of our page, so that none of them flaps more than it must
    "PredictLinear": f"predict_linear({BALANCE}[6h], 24 * 3600) < 0",
    "FixedThreshold": f"{BALANCE} < 100",
}
ABOUT_A_DAY, ABOUT_DAYS = 3 * DAY, 7 * DAY  # a weekend may lie between
ROWS = (
    Row("`ShortGeniusCreditsRunningOut` (page)", (PAGE,), ABOUT_A_DAY),
    Row("`ShortGeniusCreditsRunningOutSoon` (ticket)", (TICKET,), ABOUT_DAYS),
    Row("page or ticket", (PAGE, TICKET), ABOUT_DAYS),
    Row("naive: `predict_linear(balance[6h], 24 * 3600) < 0`", ("PredictLinear",), ABOUT_A_DAY),
    Row("naive: `balance < 100`", ("FixedThreshold",), ABOUT_A_DAY),
)
BEGIN, END = "<!-- backtest -->\n", "<!-- /backtest -->"


def main() -> int:
    arguments = _arguments()
    accounts, seed, end = arguments.accounts, arguments.seed, START + arguments.days * DAY
    told = tuple(lives(fleet(accounts, seed, START), seed, end))
    firings = _replayed(told, end, arguments.jobs)
    scores = [score(row, firings, told, START) for row in ROWS]
    ends = [one for life in told for one in exhaustions(life, START)]
    text = _headline(arguments, told, ends) + "\n" + _table(scores)
    print(json.dumps([_numbers(one) for one in scores], indent=2) if arguments.output == "json" else text)
    if arguments.docs:
        _put_into(arguments.docs, text)
    return _verdict(scores)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="backtest", description="Replay simulated months through the rules.")
    parser.add_argument("--accounts", type=int, default=50)
    parser.add_argument("--days", type=int, default=90)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1, help="promtools at once (default: cores)")
    parser.add_argument("--output", choices=("table", "json"), default="table")
    parser.add_argument("--docs", type=Path, help="a page with the two backtest marks, to put the table between")
    return parser.parse_args()


def _replayed(told: tuple[Life, ...], end: float, jobs: int) -> list[Firing]:
    rules = _rules()
    with tempfile.TemporaryDirectory() as work, ThreadPoolExecutor(jobs) as pool:
        parts = [list(told[part::jobs]) for part in range(jobs)]
        running = [
            pool.submit(replay, rules, part, START, end, Path(work) / str(number))
            for number, part in enumerate(parts)
            if part
        ]
        return [firing for one in running for firing in one.result()]


def _rules() -> list[dict[str, Any]]:
    """The shipped rules that the two forecasts need, and the naive ones."""
    groups = [group for file in sorted(RULES.glob("*.yml")) for group in yaml.safe_load(file.read_text())["groups"]]
    shipped = needed(groups, (PAGE, TICKET))
    patience = next(
        {key: rule[key] for key in ("for", "keep_firing_for")} for rule in shipped if rule.get("alert") == PAGE
    )
    return shipped + [{"alert": name, "expr": expression, **patience} for name, expression in NAIVE.items()]


def _headline(arguments: argparse.Namespace, told: tuple[Life, ...], ends: list[Exhaustion]) -> str:
    hour, day = (sum(lead in one.foretold for one in ends) for lead in (HOUR, DAY))
    return (
        f"{arguments.days} days, {arguments.accounts} accounts, {len(told)} balances, seed {arguments.seed}: "
        f"{len(ends)} exhaustions, of which the past could foretell {hour} an hour ahead and {day} a day ahead.\n"
    )


def _table(scores: list[Score]) -> str:
    head = (
        "| rule | announced 1 h ahead | 24 h ahead | foretellable, not announced 1 h ahead "
        "| fired | false | median lead |\n"
        "|---|---:|---:|---:|---:|---:|---:|\n"
    )
    return head + "".join(
        f"| {one.title} | {one.announced(HOUR)} of {len(one.leads)} | {one.announced(DAY)} | {len(one.missed)} "
        f"| {one.fired} | {one.false} | {one.median_lead / HOUR:.1f} h |\n"
        for one in scores
    )


def _numbers(one: Score) -> dict[str, Any]:
    return {
        "rule": one.title,
        "exhaustions": len(one.leads),
        "announced_1h": one.announced(HOUR),
        "announced_24h": one.announced(DAY),
        "missed": [f"{end.account} {end.credit_type} at day {end.time / DAY:.2f}" for end in one.missed],
        "fired": one.fired,
        "false": one.false,
        "median_lead_hours": one.median_lead / HOUR,
    }


def _put_into(page: Path, text: str) -> None:
    before, begin, rest = page.read_text().partition(BEGIN)
    _, end, after = rest.partition(END)
    if not begin or not end:
        raise RuntimeError(f"{page} has no marks {BEGIN.strip()} and {END}")
    page.write_text(f"{before}{BEGIN}\n{text}\n{END}{after}")


def _verdict(scores: list[Score]) -> int:
    page, _, _, *naive = scores
    for end in page.missed:
        print(f"not announced: {end.account} {end.credit_type}, day {end.time / DAY:.2f}", file=sys.stderr)
    return int(bool(page.missed) or any(page.false >= one.false for one in naive))


if __name__ == "__main__":
    try:
        sys.exit(main())
    except (OSError, RuntimeError) as error:
        print(f"backtest: {error}", file=sys.stderr)
        sys.exit(2)
