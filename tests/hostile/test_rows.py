"""The table of faults itself, as it is written and documented."""

from __future__ import annotations

from hostile.rows import ROWS
from hostile.write_faults import FILE, row_of


def test_no_fault_stands_twice() -> None:
    assert len({row.what for row in ROWS}) == len(ROWS)


def test_the_table_in_the_documentation_has_exactly_these_rows() -> None:
    written = [
        line for line in FILE.read_text().splitlines() if line.startswith("| ") and not line.startswith("| what")
    ]
    assert [line.rpartition(" | ")[0] for line in written] == [row_of(row) for row in ROWS]
