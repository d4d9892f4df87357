"""The ``Retry-After`` header (RFC 9110, section 10.2.3)."""

from __future__ import annotations

from datetime import UTC
from email.utils import parsedate_to_datetime


def parse_retry_after(header: str | None, now: float) -> float | None:
    """Seconds to wait, from a number of seconds or an HTTP date; ``None`` if absent, past or not understood."""
    if header is None:
        return None
    text = header.strip()
    if text.isascii() and text.isdigit():
        return float(text[:12])
    try:
        date = parsedate_to_datetime(text)
        # The obsolete forms that are to be understood too name no zone; every HTTP date is in UTC.
        wait = (date if date.tzinfo else date.replace(tzinfo=UTC)).timestamp() - now
    except (ValueError, OverflowError):
        return None
    return wait if wait > 0 else None
