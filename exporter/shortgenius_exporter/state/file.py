"""The state file: opened, checked, set aside where it cannot be used, and written whole transactions at a time."""

from __future__ import annotations

import contextlib
import errno
import os
import sqlite3
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import count
from pathlib import Path

from shortgenius_exporter.state import schema
from shortgenius_exporter.state.errors import StateFileError, StateTroubleError, UnusableError
from shortgenius_exporter.state.lock import Lock
from shortgenius_exporter.state.remembered import Remembered

_BUSY_TIMEOUT = 1.0
_PRIMARY = 0xFF
# SQLite's result codes for a damaged file. 0: Python raises without a code where a text is not UTF-8. SQLITE_ERROR: a
# table or a column is missing, for which there is no code of its own.
_DAMAGED = {0, sqlite3.SQLITE_ERROR, sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB}
_TAKEN = {sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED}
_COMPANIONS = ("", "-journal", "-wal", "-shm")


@dataclass(frozen=True, slots=True)
class Opened:
    """``records``: what the file remembers, by account. ``set_aside``: what became of the file before, and why."""

    records: Mapping[str, Remembered]
    set_aside: str | None = None


class StateFile:
    """``path`` and its lock. Used by one thread at a time, whichever; nothing here waits longer than the disk does.

    A rollback journal with full synchronisation: a transaction that is through outlives a power cut, at rest there
    is one file to copy, it works wherever file locks do and can be read from a disk that has become read-only.
    """

    def __init__(self, path: Path, wall: Callable[[], float]) -> None:
        # Resolved, so that two links to one file are one file.
        self.path = path.resolve()
        self._wall = wall
        self._lock = Lock(self.path.with_name(self.path.name + ".lock"))
        self._connection: sqlite3.Connection | None = None
        self._has_read = False
        self._is_late = False

    @property
    def is_open(self) -> bool:
        return self._connection is not None

    def open(self) -> Opened:
        """Reads the file, or makes it. What cannot be used is set aside.

        Raises StateFileError if it never can work, or another process has it; StateTroubleError if it may later.
        """
        _check(self.path)
        try:
            self._lock.acquire()
        except StateFileError as error:
            raise StateFileError(f"--state.file: {self.path}: {error}") from None
        try:
            return self._opened()
        except (OSError, sqlite3.Error) as error:
            self._disconnect()
            if _code(error) in _TAKEN:
                if not self._has_read:
                    self._lock.release()
                raise StateFileError(f"--state.file: {self.path}: locked by another program: end it first") from None
            self._is_late = not self._has_read
            raise StateTroubleError(_words(error)) from None

    def save(self, records: Mapping[str, Remembered], forgotten: Iterable[str] = ()) -> None:
        """Replaces what the file has of these accounts and drops the forgotten, all or nothing.

        Raises StateTroubleError; the file is closed then, and has to be opened, and written whole, again.
        """
        if self._connection is None:
            raise StateTroubleError("the file is not open")
        try:
            self._connection.execute("BEGIN IMMEDIATE")
            schema.write(self._connection, records, forgotten)
            self._connection.execute("COMMIT")
        except sqlite3.Error as error:
            self._disconnect()
            raise StateTroubleError(_words(error)) from None

    def close(self) -> None:
        self._disconnect()
        self._lock.release()

    def _opened(self) -> Opened:
        try:
            records = self._connect()
            if not (self._is_late and records):
                return self._done(Opened(records))
            # The exporter has counted on from 0 meanwhile; neither may overwrite the other.
            problem = UnusableError("unread", "could not be read when the exporter started")
        except UnusableError as error:
            problem = error
        self._disconnect()
        aside = self._set_aside(problem.kind)
        return self._done(Opened(self._connect(), f"{self.path} {problem}; it is now {aside}"))

    def _done(self, opened: Opened) -> Opened:
        self._has_read, self._is_late = True, False
        return opened

    def _connect(self) -> Mapping[str, Remembered]:
        _create(self.path)
        with self.path.open("rb") as file:
            schema.check_header(file.read(schema.HEADER))
        self._connection = sqlite3.connect(
            self.path, timeout=_BUSY_TIMEOUT, isolation_level=None, check_same_thread=False
        )
        try:
            self._connection.execute("PRAGMA synchronous = FULL")
            schema.prepare(self._connection)
            self._connection.execute("PRAGMA journal_mode = TRUNCATE")
            return schema.read(self._connection)
        # ValueError: a message of SQLite's that quotes bytes which are no text.
        except (sqlite3.Error, ValueError) as error:
            if _code(error) in _DAMAGED:
                raise UnusableError("corrupt", f"is damaged: {error}") from None
            raise

    def _disconnect(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            with contextlib.suppress(sqlite3.Error):
                connection.close()

    def _set_aside(self, kind: str) -> Path:
        stamp = datetime.fromtimestamp(self._wall(), UTC).strftime("%Y%m%dT%H%M%SZ")
        names = (f"{self.path.name}.{kind}-{stamp}{f'-{n}' if n else ''}" for n in count())
        aside = next(path for name in names if not (path := self.path.with_name(name)).exists())
        # SQLite finds a journal by the name of its file: they go together, the file itself last.
        for suffix in reversed(_COMPANIONS):
            with contextlib.suppress(FileNotFoundError):
                self.path.with_name(self.path.name + suffix).rename(f"{aside}{suffix}")
        return aside


def _check(path: Path) -> None:
    """Raises StateFileError for what no disk that recovers can mend."""
    problem = None
    if not path.parent.is_dir():
        problem = f"there is no directory {path.parent}: create it"
    elif path.exists() and not path.is_file():
        problem = "is not a file: name a file, which may be a new one"
    elif _denies(path.parent, os.W_OK | os.X_OK):
        problem = (
            f"the directory {path.parent} may not be written by user {os.geteuid()}: SQLite makes files next to it"
        )
    elif path.exists() and _denies(path, os.R_OK | os.W_OK):
        problem = f"may not be read and written by user {os.geteuid()}"
    if problem:
        raise StateFileError(f"--state.file: {path}: {problem}")


def _denies(path: Path, mode: int) -> bool:
    """Whether permissions forbid it; a file system that is read-only for everybody is another matter."""
    if os.access(path, mode):
        return False
    return not os.statvfs(path).f_flag & os.ST_RDONLY


def _create(path: Path) -> None:
    with contextlib.suppress(FileExistsError):
        os.close(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600))


def _code(error: Exception) -> int:
    return getattr(error, "sqlite_errorcode", 0) & _PRIMARY


def _words(error: Exception) -> str:
    if isinstance(error, OSError):
        return f"{error.strerror} ({errno.errorcode.get(error.errno or 0, error.errno)})"
    return f"{error} ({getattr(error, 'sqlite_errorname', type(error).__name__)})"
