"""The configuration file."""

from __future__ import annotations

import gc
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from shortgenius_exporter.config.accounts import KEY_SOURCES, LIMITS, decode_accounts, decode_defaults
from shortgenius_exporter.config.context import Context
from shortgenius_exporter.config.cursor import Cursor, Vocabulary
from shortgenius_exporter.config.nodes import FAST_LOADER, parse
from shortgenius_exporter.config.problems import RefusedError, Report, file_problem
from shortgenius_exporter.config.settings import SETTINGS
from shortgenius_exporter.core.account import Limits, Settings

MAX_FILE_BYTES = 64 * 1024 * 1024
_NOT_HERE = dict.fromkeys(SETTINGS, "under defaults or in an account") | dict.fromkeys(
    ("name", *KEY_SOURCES), "in an account"
)
TOP = Vocabulary(("defaults", "limits", "accounts"), _NOT_HERE | dict.fromkeys(LIMITS, "under limits"))
_LIMITS = Vocabulary(tuple(LIMITS), _NOT_HERE)


def load(path: Path, environ: Mapping[str, str], loader: Any = FAST_LOADER) -> Settings:
    """The settings in a file. Key files and the variables of ``api_key_env`` must be there.

    Raises ``ConfigError`` with all that is wrong. ``loader`` is PyYAML's: the fast one of the C library, or
    the pure one.

    The collector of garbage cycles rests meanwhile: this makes none, and its passes double the time.
    """
    with _cycles_uncollected():
        return _load(path, environ, loader)


@contextmanager
def _cycles_uncollected() -> Iterator[None]:
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            gc.enable()


def _load(path: Path, environ: Mapping[str, str], loader: Any) -> Settings:
    report = Report(str(path))
    root = parse(read(path, report), report, loader)
    if root is None:
        report.fail("is empty: write at least one account", line=1, column=1)
    settings = Cursor(root, Context(report, path.absolute().parent, environ)).decode(_settings)
    if settings is None or not report.clean:
        raise report.error()
    return settings


def read(path: Path, report: Report) -> bytes:
    """The bytes of a configuration file of sensible size. Raises ``ConfigError``."""
    try:
        with path.open("rb") as file:
            data = file.read(MAX_FILE_BYTES + 1)
    except OSError as error:
        report.fail(file_problem(error))
    if len(data) > MAX_FILE_BYTES:
        report.fail(f"holds more than {MAX_FILE_BYTES >> 20} MiB: is this the configuration file?")
    return data


def _settings(root: Cursor) -> Settings | None:
    if root.is_null:
        raise RefusedError("is empty: write at least one account")
    entries = root.entries("a mapping with accounts:", TOP)
    defaults = entries["defaults"].decode(decode_defaults) if "defaults" in entries else {}
    limits = entries["limits"].decode(_limits) if "limits" in entries else Limits()
    if "accounts" not in entries:
        raise RefusedError("has no accounts: write at least one under accounts:")
    accounts = entries["accounts"].decode(lambda cursor: decode_accounts(cursor, defaults or {}))
    return Settings(accounts, limits) if accounts and limits else None


def _limits(cursor: Cursor) -> Limits | None:
    if cursor.is_null:
        return Limits()
    decoded: dict[str, Any] = {
        name: entry.decode(LIMITS[name]) for name, entry in cursor.entries("a mapping of limits", _LIMITS).items()
    }
    return Limits(**decoded)
