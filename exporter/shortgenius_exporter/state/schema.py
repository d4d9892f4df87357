"""The tables of the state file: how they are made, checked, read and written. Knows connections, but no paths."""

from __future__ import annotations

import sqlite3
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping

from shortgenius_exporter.core.ledger import Entry
from shortgenius_exporter.state.errors import UnusableError
from shortgenius_exporter.state.remembered import Remembered

VERSION = 1
HEADER = 100
APPLICATION_ID = 0x53474C31  # "SGL1", by which the file is known as ours
_TABLES = f"""
CREATE TABLE accounts (
  account TEXT NOT NULL PRIMARY KEY,
  last_success REAL,
  left_at REAL
) WITHOUT ROWID;
CREATE TABLE ledger (
  account TEXT NOT NULL,
  credit_type TEXT NOT NULL,
  balance REAL NOT NULL CHECK (typeof(balance) = 'real' AND balance >= 0),
  consumed REAL NOT NULL CHECK (typeof(consumed) = 'real' AND consumed >= 0),
  granted REAL NOT NULL CHECK (typeof(granted) = 'real' AND granted >= 0),
  last_grant REAL CHECK (typeof(last_grant) IN ('real', 'null')),
  first_seen REAL NOT NULL CHECK (typeof(first_seen) = 'real'),
  last_seen REAL NOT NULL CHECK (typeof(last_seen) = 'real'),
  reported INTEGER NOT NULL CHECK (reported IN (0, 1)),
  PRIMARY KEY (account, credit_type)
);
PRAGMA application_id = {APPLICATION_ID};
PRAGMA user_version = {VERSION};
"""


def check_header(header: bytes) -> None:
    """Whether the first ``HEADER`` bytes are those of a file of ours, or of an empty one. Raises UnusableError.

    Before SQLite opens the file: it would tidy up next to another program's. https://sqlite.org/fileformat2.html
    """
    if header and not header.startswith(b"SQLite format 3\0"):
        raise UnusableError("corrupt", "is no SQLite database")
    # Its write and read versions: from an unknown one SQLite would read, and refuse to write it for ever.
    if header and not {*header[18:20]} <= {1, 2}:
        raise UnusableError("corrupt", "is damaged: unknown file format version")
    if header and int.from_bytes(header[68:72], "big") != APPLICATION_ID:
        raise UnusableError("foreign", "belongs to another program")


def prepare(connection: sqlite3.Connection) -> None:
    """Makes the tables in an empty file, or sees that they are sound and of this format. Raises UnusableError."""
    version = _pragma(connection, "user_version")
    if not (version or _pragma(connection, "schema_version")):
        connection.executescript(f"BEGIN IMMEDIATE; {_TABLES} COMMIT")
        return
    if version > VERSION:
        raise UnusableError("newer", f"was written by a newer exporter (format {version}, this one knows {VERSION})")
    problem = connection.execute("PRAGMA integrity_check(1)").fetchone()[0]
    if problem != "ok":
        raise UnusableError("corrupt", f"is damaged: {problem}")


def read(connection: sqlite3.Connection) -> dict[str, Remembered]:
    """All that the file remembers, by account."""
    entries: defaultdict[str, dict[str, Entry]] = defaultdict(dict)
    # By rowid: the types come back in the order in which they were written.
    for account, credit_type, balance, consumed, granted, last_grant, first, last, reported in connection.execute(
        "SELECT * FROM ledger ORDER BY rowid"
    ):
        entry = Entry(balance, first, last, consumed, granted, last_grant, bool(reported))
        entries[account][credit_type] = entry
    accounts = connection.execute("SELECT account, last_success, left_at FROM accounts")
    return {name: Remembered(entries[name], last_success, left_at) for name, last_success, left_at in accounts}


def write(connection: sqlite3.Connection, records: Mapping[str, Remembered], forgotten: Iterable[str]) -> None:
    """Replaces what the file has of these accounts. All or nothing, if the caller is in a transaction."""
    replaced = [(name,) for name in (*records, *forgotten)]
    connection.executemany("DELETE FROM ledger WHERE account = ?", replaced)
    connection.executemany("DELETE FROM accounts WHERE account = ?", replaced)
    connection.executemany(
        "INSERT INTO accounts VALUES (?, ?, ?)",
        ((name, one.last_success, one.left_at) for name, one in records.items()),
    )
    connection.executemany("INSERT INTO ledger VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)", _rows(records))


def _rows(records: Mapping[str, Remembered]) -> Iterator[tuple[object, ...]]:
    for name, one in records.items():
        for credit_type, entry in one.ledger.items():
            yield (
                name,
                credit_type,
                entry.balance,
                entry.consumed,
                entry.granted,
                entry.last_grant,
                entry.first_seen,
                entry.last_seen,
                int(entry.reported),
            )


def _pragma(connection: sqlite3.Connection, name: str) -> int:
    return int(connection.execute(f"PRAGMA {name}").fetchone()[0])
