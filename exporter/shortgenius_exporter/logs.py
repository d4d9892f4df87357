"""Log lines for machines that people read too: logfmt or JSON, on standard error."""

from __future__ import annotations

import json
import logging
import re
import sys
import traceback
from collections.abc import Callable
from datetime import UTC, datetime
from typing import TextIO

LEVELS = {"debug": logging.DEBUG, "info": logging.INFO, "warn": logging.WARNING, "error": logging.ERROR}
_NAMES = {level: name for name, level in LEVELS.items()} | {logging.CRITICAL: "error"}
_BARE = re.compile(r"[A-Za-z0-9_./:+@%-]+")

Fields = dict[str, object]


class Log:
    """Writes one line per call: a message and its fields."""

    def __init__(self, logger: logging.Logger) -> None:
        self._logger = logger

    def __call__(self, level: int, message: str, **fields: object) -> None:
        self._logger.log(level, message, extra={"fields": fields})

    def debug(self, message: str, **fields: object) -> None:
        if self._logger.isEnabledFor(logging.DEBUG):
            self(logging.DEBUG, message, **fields)

    def info(self, message: str, **fields: object) -> None:
        self(logging.INFO, message, **fields)

    def warning(self, message: str, **fields: object) -> None:
        self(logging.WARNING, message, **fields)

    def error(self, message: str, **fields: object) -> None:
        self(logging.ERROR, message, **fields)

    def bug(self, message: str, error: BaseException, **fields: object) -> None:
        """``error`` is a mistake of ours: says what it is and where, without its text, which could quote a key."""
        self.error(message, **fields, type=type(error).__name__, frames=frames(error))


def frames(error: BaseException) -> str:
    """Where ``error`` was raised, without its own text, which could quote a key."""
    return "".join(traceback.format_tb(error.__traceback__))


def set_up(level: str, style: str, stream: TextIO | None = None) -> Log:
    """Sends our lines and the libraries' warnings to ``stream``; ``level`` and ``style`` as the flags spell them."""
    handler = logging.StreamHandler(stream or sys.stderr)
    handler.setFormatter(_Formatter(_json if style == "json" else _logfmt))
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(logging.WARNING)
    # urllib3 warns about what becomes an exception of ours anyway.
    logging.getLogger("urllib3").setLevel(logging.CRITICAL)
    ours = logging.getLogger("shortgenius_exporter")
    ours.setLevel(LEVELS[level])
    return Log(ours)


class _Formatter(logging.Formatter):
    def __init__(self, write: Callable[[Fields], str]) -> None:
        super().__init__()
        self._write = write

    def format(self, record: logging.LogRecord) -> str:
        at = datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds")
        line: Fields = {
            "ts": at.replace("+00:00", "Z"),
            "level": _NAMES.get(record.levelno, record.levelname.lower()),
            "msg": record.getMessage(),
            **getattr(record, "fields", {}),
        }
        if record.exc_info:
            line["traceback"] = self.formatException(record.exc_info)
        return self._write(line)


def _json(line: Fields) -> str:
    return json.dumps(line, default=str)


def _logfmt(line: Fields) -> str:
    return " ".join(f"{name}={_value(value)}" for name, value in line.items())


def _value(value: object) -> str:
    text = f"{value:g}" if isinstance(value, float) and abs(value) < 1e6 else str(value)  # noqa: PLR2004
    return text if _BARE.fullmatch(text) else json.dumps(text, ensure_ascii=False)
