"""``python -m benchmarks [--quick] [--json-exporter PATH]``: measures, prints the table, writes docs/performance.md."""

from __future__ import annotations

import argparse
import tempfile
from dataclasses import replace
from pathlib import Path

from benchmarks import report
from benchmarks.scenarios import Size, all_of

_DOCUMENT = Path("docs/performance.md")
_WHOLE = Size(accounts=10_000, rounds=5, window=6.0, scrapes=100)
_QUICK = Size(accounts=2_000, rounds=5, window=1.5, scrapes=20)


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="a fifth of the accounts, under two minutes, not written")
    parser.add_argument("--json-exporter", type=Path, metavar="PATH", help="compare with this binary, too")
    args = parser.parse_args()
    size = replace(_QUICK if args.quick else _WHOLE, json_exporter=args.json_exporter)
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        for row in all_of(Path(folder), size):
            print(f"{row.work}: {row.measured}", flush=True)
            rows.append(row)
    text = f"{report.machine()}\n\n{report.table(rows)}"
    print(f"\n{text}")
    if not args.quick:
        report.write(_DOCUMENT, text)


if __name__ == "__main__":
    main()
