"""Whether files have changed."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path

Stamp = tuple[int, int, int] | None
Stamps = Mapping[Path, Stamp]


def stamps(paths: Iterable[Path]) -> Stamps:
    """Something of each file that differs when it was written, replaced or removed; links are followed."""
    return {path: stamp(path) for path in paths}


def stamp(path: Path) -> Stamp:
    """Inode, size and time of the last change; ``None`` if there is no such file."""
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_ino, found.st_size, found.st_mtime_ns
