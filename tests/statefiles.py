"""State files on a real disk, for the tests of them."""

from __future__ import annotations

from pathlib import Path

from shortgenius_exporter.core.ledger import Entry
from shortgenius_exporter.state.file import Opened, StateFile
from shortgenius_exporter.state.remembered import Remembered

NOW = 1_800_000_000.0
AT = "20270115T080000Z"  # the same, as it stands in file names
ENTRY = Entry(70.5, first_seen=NOW - 900, last_seen=NOW, consumed=30.25, granted=5.0, last_grant=NOW - 200)
STUDIO = Remembered({"credits": ENTRY, "audio_credits": Entry(1.0, NOW, NOW, reported=False)}, last_success=NOW)
LABS = Remembered({"credits": Entry(0.0, NOW, NOW)}, last_success=NOW, left_at=NOW)
BOTH = {"studio": STUDIO, "labs": LABS}


def opened(path: Path) -> tuple[StateFile, Opened]:
    file = StateFile(path, lambda: NOW)
    return file, file.open()


def read(path: Path) -> Opened:
    file = StateFile(path, lambda: NOW)
    try:
        return file.open()
    finally:
        file.close()


def written(path: Path, records: dict[str, Remembered] = BOTH) -> Path:
    file = StateFile(path, lambda: NOW)
    try:
        file.open()
        file.save(records)
    finally:
        file.close()
    return path
