"""Durations as Prometheus writes them: ``500ms``, ``30s``, ``1h30m``, ``1d``."""

from __future__ import annotations

import re

from shortgenius_exporter.config.problems import RefusedError

_UNITS = {
    "y": 365 * 86_400_000,
    "w": 7 * 86_400_000,
    "d": 86_400_000,
    "h": 3_600_000,
    "m": 60_000,
    "s": 1_000,
    "ms": 1,
}
_WHOLE_ONLY = ("y", "w")
_PATTERN = re.compile("".join(f"(?:(?P<{unit}>[0-9]{{1,12}}){unit})?" for unit in _UNITS))
_FORM = "write it as 500ms, 30s, 1m, 1h30m or 1d"


def parse_duration(text: str) -> float:
    """Seconds. Raises RefusedError unless ``text`` is whole numbers with units, largest unit first."""
    if re.fullmatch(r"[0-9]{1,12}", text):
        raise RefusedError(f"has no unit: write {text}s if seconds are meant")
    match = _PATTERN.fullmatch(text)
    if not text or match is None:
        raise RefusedError(f"is not a duration: {_FORM}")
    return sum(int(match[unit] or 0) * size for unit, size in _UNITS.items()) / 1000


def format_duration(seconds: float) -> str:
    """The shortest text that :func:`parse_duration` reads as the same, to the millisecond."""
    left = round(seconds * 1000)
    parts = []
    for unit, size in _UNITS.items():
        if unit in _WHOLE_ONLY and left % size:
            continue
        count, left = divmod(left, size)
        if count:
            parts.append(f"{count}{unit}")
    return "".join(parts) or "0s"
