"""API keys: what a key may look like, and reading one from a file."""

from __future__ import annotations

import errno
import os
import re
import stat
from pathlib import Path

from shortgenius_exporter.config.problems import RefusedError, file_problem
from shortgenius_exporter.core.secret import Secret

MAX_KEY_BYTES = 4096
_PRINTABLE = re.compile(r"[!-~]+")


class KeyFileError(Exception):
    """A key file cannot be used. ``detail`` says why, ``str()`` names the path too, neither the content."""

    def __init__(self, path: Path, detail: str) -> None:
        super().__init__(f"key file {path} {detail}")
        self.path = path
        self.detail = detail


def read_key(path: Path) -> Secret:
    """The key in a file, without the white space around it. Raises :class:`KeyFileError`."""
    try:
        return parse_key(_read(path).decode("ascii", errors="replace"))
    except OSError as error:
        raise KeyFileError(path, file_problem(error)) from None
    except RefusedError as error:
        raise KeyFileError(path, str(error)) from None


def _read(path: Path) -> bytes:
    """At most one byte more than a key may have. Pipes and devices are refused: they cannot be read again."""
    descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    try:
        mode = os.fstat(descriptor).st_mode
        if stat.S_ISDIR(mode):
            raise IsADirectoryError(errno.EISDIR, "")
        if not stat.S_ISREG(mode):
            raise RefusedError("is not a regular file: a key file is read again whenever it changes")
        return os.read(descriptor, MAX_KEY_BYTES + 1)
    finally:
        os.close(descriptor)


def parse_key(text: str) -> Secret:
    """A key from text, without the white space around it. Raises ``RefusedError``, never with the text."""
    if len(text) > MAX_KEY_BYTES:
        raise RefusedError(f"holds more than {MAX_KEY_BYTES} bytes: give the API key alone")
    key = text.strip()
    if not key:
        raise RefusedError("is empty: give the API key")
    if re.search(r"\s", key):
        raise RefusedError('holds white space inside: give the API key alone, on one line, without "Bearer" or a name')
    if not _PRINTABLE.fullmatch(key):
        raise RefusedError("holds a character that is not printable ASCII: copy the API key again")
    return Secret(key)
