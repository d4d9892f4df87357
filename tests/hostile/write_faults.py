"""Writes docs/security/faults.md from a fresh measurement: ``make fault-table``."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

from hostile.measured import POLL_TIMEOUT, Measured, Outcome, measure
from hostile.places import HEALTHY
from hostile.rows import GROUPS, MINUTE, ROWS, Row

FILE = Path(__file__).parents[2] / "docs" / "security" / "faults.md"
_HEAD = "| what the upstream does | up | reason | balances served | ignored fields | asked again after | took |"


def main() -> None:
    FILE.write_text(_document(measure()))


def row_of(row: Row) -> str:
    """A row of the table, but for its last column."""
    credits = ", ".join(f"{name} {amount:g}" for name, amount in sorted(row.credits.items())[:2])
    more = f", {len(row.credits) - 2} more" if len(row.credits) > 2 else ""
    reason = f"`{row.reason}`" if row.reason else ""
    cells = (row.what, str(int(not row.reason)), reason, credits + more, str(row.ignored or ""), _again(row))
    return "| " + " | ".join(cells)


def _again(row: Row) -> str:
    if row.reason is None:
        return "its interval"
    if row.asks_again_in is None:
        return "5 s, doubling"
    least, most = (int(seconds / MINUTE) for seconds in row.asks_again_in)
    return f"{most} min" if least == most else f"{least} to {most} min"


def _document(measured: Measured) -> str:
    sections = [_section(group, rows, measured) for group, rows in GROUPS.items()]
    return "\n\n".join([_introduction(measured), *sections]) + "\n"


def _section(group: str, rows: tuple[Row, ...], measured: Measured) -> str:
    lines = [f"{row_of(row)} | {measured.outcomes[row.what].duration:.3f} s |" for row in rows]
    return "\n".join([f"## {group}", "", _HEAD, "|---|---|---|---|---|---|---|", *lines])


def _introduction(measured: Measured) -> str:
    wrong = [row.what for row in ROWS if not _is_right(row, measured.outcomes[row.what])]
    reasons = Counter(str(row.reason or "success") for row in ROWS)
    outcomes = ", ".join(f"{reason} {count}" for reason, count in reasons.most_common())
    credits = measured.outcomes[HEALTHY].credits["credits"]
    beside = measured.beside
    return f"""# Faults of the upstream

Written by `make fault-table`: one exporter process, one account for each row, all at once, against real sockets,
with `poll_timeout: {POLL_TIMEOUT:g}s`. The same table is a test (`tests/hostile/`).

{len(ROWS)} faults and bad inputs: {len(ROWS) - len(wrong)} as the table says, {len(wrong)} otherwise{_named(wrong)}.
By outcome: {outcomes}.

Meanwhile:

- a healthy account, polled every 0.2 s, was polled {beside.polls} times, never more than {beside.gap:.2f} s apart,
  and had its {credits:g} credits;
- {beside.scrapes} scrapes were all readable, the slowest took {beside.scrape:.2f} s;
- `/-/healthy` answered {200 if beside.healthy else 503};
- the process had {max(beside.threads)} threads and {beside.memory / 2**20:.0f} MiB at its peak;
- the host to which a redirect led saw {beside.strayed} requests.

An answer in the wrong shape changes no balance. One bad field is ignored and counted, the others hold."""


def _named(wrong: list[str]) -> str:
    return f" ({', '.join(wrong)})" if wrong else ""


def _is_right(row: Row, outcome: Outcome) -> bool:
    reasons = frozenset({str(row.reason)} if row.reason else ())
    return (outcome.reasons, outcome.credits, outcome.ignored) == (reasons, row.credits, row.ignored)


if __name__ == "__main__":
    main()
