"""Locks that somebody else may hold for ever."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def held(lock: threading.Condition, patience: float) -> Iterator[bool]:
    """Holds ``lock`` if it is free within ``patience`` seconds; tells whether it is."""
    free = lock.acquire(timeout=patience)
    try:
        yield free
    finally:
        if free:
            lock.release()
