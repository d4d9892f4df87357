"""What becomes of state files that cannot be used."""

from __future__ import annotations

import os
import shutil
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from shortgenius_exporter.state import schema
from shortgenius_exporter.state.errors import StateTroubleError
from shortgenius_exporter.state.file import Opened, StateFile
from shortgenius_exporter.state.remembered import Remembered
from statefiles import AT, BOTH, NOW, opened, read, written


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "state.db"


def sql(path: Path, script: str) -> None:
    with closing(sqlite3.connect(path)) as connection:
        connection.executescript(script)


def change(path: Path, place: int, to: bytes) -> None:
    content = path.read_bytes()
    path.write_bytes(content[:place] + to + content[place + len(to) :])


SPOILT: dict[str, tuple[str, Callable[[Path], object], str]] = {
    "text": ("corrupt", lambda path: path.write_text("balance: 217\n" * 100), "is no SQLite database"),
    "a few bytes": ("corrupt", lambda path: path.write_bytes(b"\0\1\2"), "is no SQLite database"),
    "truncated": (
        "corrupt",
        lambda path: os.truncate(written(path), 5000),
        "is damaged: database disk image is malformed",
    ),
    "another program's": (
        "foreign",
        lambda path: sql(path, "CREATE TABLE bookmarks (url); PRAGMA application_id = 7"),
        "belongs to another program",
    ),
    "another program's, unmarked": (
        "foreign",
        lambda path: sql(path, "CREATE TABLE ledger (account)"),
        "belongs to another program",
    ),
    "from a newer exporter": (
        "newer",
        lambda path: sql(written(path), "PRAGMA user_version = 2"),
        "was written by a newer exporter (format 2, this one knows 1)",
    ),
    "a format that no SQLite writes": (
        "corrupt",
        lambda path: change(written(path), 18, b"\3"),
        "is damaged: unknown file format version",
    ),
    "a page size that is none": (
        "corrupt",
        lambda path: change(written(path), 16, b"\0\0"),
        "is damaged: file is not a database",
    ),
    "a table missing": (
        "corrupt",
        lambda path: sql(written(path), "DROP TABLE accounts"),
        "is damaged: no such table: accounts",
    ),
    "a negative counter": (
        "corrupt",
        lambda path: sql(written(path), "PRAGMA ignore_check_constraints = 1; UPDATE ledger SET consumed = -1"),
        "is damaged: CHECK constraint failed in ledger",
    ),
    "words for a balance": (
        "corrupt",
        lambda path: sql(written(path), "PRAGMA ignore_check_constraints = 1; UPDATE ledger SET balance = 'much'"),
        "is damaged: ",
    ),
    "a name that is no text": (
        "corrupt",
        lambda path: sql(written(path), "UPDATE accounts SET account = CAST(x'ff' AS TEXT) WHERE account = 'labs'"),
        "is damaged: Could not decode to UTF-8",
    ),
}


@pytest.mark.parametrize(("kind", "spoil", "problem"), SPOILT.values(), ids=SPOILT)
def test_what_cannot_be_used_is_set_aside_untouched(
    path: Path, kind: str, spoil: Callable[[Path], object], problem: str
) -> None:
    spoil(path)
    content = path.read_bytes()
    found = read(path)
    aside = path.with_name(f"state.db.{kind}-{AT}")
    assert found.records == {}
    assert found.set_aside is not None
    assert found.set_aside.startswith(f"{path} {problem}")
    assert found.set_aside.endswith(f"; it is now {aside}")
    assert aside.read_bytes() == content
    assert read(written(path)) == Opened(BOTH)


def test_files_set_aside_in_the_same_second_do_not_replace_each_other(path: Path) -> None:
    for text in ("one", "two"):
        path.write_text(text)
        read(path)
    assert path.with_name(f"state.db.corrupt-{AT}").read_text() == "one"
    assert path.with_name(f"state.db.corrupt-{AT}-1").read_text() == "two"


def test_a_journal_goes_aside_with_its_file(path: Path) -> None:
    path.write_text("no database")
    path.with_name("state.db-wal").write_text("its log")
    read(path)
    assert path.with_name(f"state.db.corrupt-{AT}-wal").read_text() == "its log"
    assert not path.with_name("state.db-wal").exists()


@pytest.fixture(scope="module")
def sound(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return written(tmp_path_factory.mktemp("sound") / "state.db")


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=40)
@given(data=st.data())
def test_a_file_cut_or_changed_anywhere_is_read_or_set_aside_and_usable_after(
    tmp_path: Path, sound: Path, data: st.DataObject
) -> None:
    content = bytearray(sound.read_bytes())
    for place in data.draw(st.lists(st.integers(0, len(content) - 1), max_size=4), label="places"):
        content[place] ^= data.draw(st.integers(1, 255), label="bits")
    length = data.draw(st.just(len(content)) | st.integers(0, len(content)), label="length")
    path = tmp_path / "state.db"
    path.write_bytes(content[:length])
    found = read(path)
    assert found.set_aside is None or found.records == {}
    assert read(written(path)).records.keys() >= BOTH.keys()
    shutil.rmtree(tmp_path)
    tmp_path.mkdir()


def test_what_could_not_be_read_at_the_start_is_set_aside_and_never_overwritten(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = StateFile(written(path), lambda: NOW)
    with monkeypatch.context() as patch:
        patch.setattr(schema, "read", refuse)
        with pytest.raises(StateTroubleError, match="Input/output error"):
            file.open()
    found = file.open()
    file.close()
    aside = path.with_name(f"state.db.unread-{AT}")
    assert found == Opened({}, f"{path} could not be read when the exporter started; it is now {aside}")
    assert read(aside).records == BOTH


def test_what_was_read_at_the_start_is_never_set_aside_for_later_trouble(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file, _ = opened(written(path))
    file._disconnect()  # as a save does that the disk refuses
    with monkeypatch.context() as patch:
        patch.setattr(schema, "read", refuse)
        with pytest.raises(StateTroubleError, match="Input/output error"):
            file.open()
    assert file.open() == Opened(BOTH)
    file.close()


def refuse(_: sqlite3.Connection) -> dict[str, Remembered]:
    raise OSError(5, "Input/output error")
