"""How long to wait after a failed poll."""

from __future__ import annotations

from collections.abc import Callable

from shortgenius_exporter.core.reason import Reason

SOONEST = 5.0
SLOWEST = 15 * 60.0
LONGEST_RETRY_AFTER = 60 * 60.0
_JITTER = 0.2


def retry_delay(
    failures: int, reason: Reason, retry_after: float | None, interval: float, random: Callable[[], float]
) -> float:
    """Seconds until the next poll after ``failures`` (1 or more) failed polls in a row, the last for ``reason``.

    Doubles from 5 s up to 15 min or ``interval``, whichever is longer, with up to a fifth of jitter (``random``
    gives 0 to 1). A rejected key will not heal by itself and goes straight to the slow end. ``retry_after`` only
    lengthens the wait, by at most an hour.
    """
    ceiling = max(SLOWEST, interval) / (1 + _JITTER)
    exponent = 64 if reason is Reason.AUTH else min(failures - 1, 64)
    base = min(SOONEST * 2.0**exponent, ceiling)
    delay = base * (1 + _JITTER * random())
    return max(delay, min(retry_after or 0.0, LONGEST_RETRY_AFTER))
