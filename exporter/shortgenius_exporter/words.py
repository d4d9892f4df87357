"""Numbers, durations and foreign text as people read them."""

from __future__ import annotations

_MINUTE, _HOUR, _DAY = 60, 3600, 86_400
_UNITS = ((_DAY, "d"), (_HOUR, "h"), (_MINUTE, "min"), (1, "s"))


def amount(credits: float) -> str:
    """``1234567.5`` as ``1,234,567.50``."""
    return f"{credits:,.0f}" if credits == int(credits) else f"{credits:,.2f}"


def span(seconds: float) -> str:
    """``93784`` as ``1 d 2 h``: the two largest units, rounded down."""
    rest = max(int(seconds), 0)
    parts: list[tuple[int, str]] = []
    for size, unit in _UNITS:
        count, rest = divmod(rest, size)
        if count or parts:
            parts.append((count, unit))
    return " ".join(f"{count} {unit}" for count, unit in parts[:2] if count) or "0 s"


def printable(text: str) -> str:
    """Text from a configuration, unable to steer a terminal or to turn the text around it."""
    return "".join(char if char.isprintable() else char.encode("unicode_escape").decode() for char in text)
