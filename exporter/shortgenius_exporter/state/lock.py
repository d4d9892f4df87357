"""One process per state file."""

from __future__ import annotations

import errno
import fcntl
import os
from pathlib import Path

from shortgenius_exporter.state.errors import StateFileError

_DISK_REFUSES = {errno.EROFS, errno.ENOSPC, errno.EDQUOT, errno.EIO, errno.EFBIG}


class Lock:
    """Held from ``acquire`` until ``release`` or the end of the process, however it ends.

    A file of its own rather than the state file: the lock stands for the path, whatever is renamed meanwhile, and
    does not meet SQLite's own locks, which some network file systems cannot tell from it.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._descriptor: int | None = None

    def acquire(self) -> None:
        """Raises StateFileError if another process has it. On a disk that refuses every write nobody gets one."""
        if self._descriptor is not None:
            return
        try:
            descriptor = _open(self._path)
        except OSError as error:
            if error.errno in _DISK_REFUSES:
                return
            raise StateFileError(f"cannot open {self._path}: {error.strerror}") from None
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            holder = os.read(descriptor, 32).decode(errors="replace").strip()
            os.close(descriptor)
            raise StateFileError(
                f"in use by another process{f' ({holder})' if holder else ''}: give each exporter a file of its own"
            ) from None
        self._descriptor = descriptor
        self._sign(descriptor)

    def release(self) -> None:
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None

    @staticmethod
    def _sign(descriptor: int) -> None:
        try:
            os.ftruncate(descriptor, 0)
            os.pwrite(descriptor, f"pid {os.getpid()}\n".encode(), 0)
        except OSError:
            return  # only the message for a second process is the poorer


def _open(path: Path) -> int:
    try:
        return os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as error:
        if error.errno != errno.EROFS:
            raise
        return os.open(path, os.O_RDONLY | os.O_CLOEXEC)
