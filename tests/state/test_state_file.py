"""The state file on a real disk: what is read back, who is refused, and disks that refuse."""

from __future__ import annotations

import errno
import os
import resource
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shortgenius_exporter.core.ledger import Entry
from shortgenius_exporter.state import lock, schema
from shortgenius_exporter.state.errors import StateFileError, StateTroubleError
from shortgenius_exporter.state.file import Opened, StateFile
from shortgenius_exporter.state.remembered import Remembered
from statefiles import BOTH, ENTRY, LABS, NOW, STUDIO, opened, read, written

TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
AMOUNTS = st.floats(min_value=0, allow_nan=False)
TIMES = st.floats(allow_nan=False, allow_infinity=False)
ENTRIES = st.builds(Entry, AMOUNTS, TIMES, TIMES, AMOUNTS, AMOUNTS, st.none() | TIMES, st.booleans())
RECORDS = st.builds(Remembered, st.dictionaries(TEXTS, ENTRIES, max_size=3), st.none() | TIMES, st.none() | TIMES)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "state.db"


def test_what_was_saved_is_read_back_in_the_same_order(path: Path) -> None:
    assert read(written(path)) == Opened(BOTH)
    assert list(read(path).records["studio"].ledger) == ["credits", "audio_credits"]


@given(st.dictionaries(TEXTS, RECORDS, max_size=4))
def test_any_names_and_amounts_survive(records: dict[str, Remembered]) -> None:
    with closing(sqlite3.connect(":memory:", isolation_level=None)) as connection:
        schema.prepare(connection)
        schema.write(connection, records, ())
        schema.prepare(connection)
        assert schema.read(connection) == records


def test_saving_replaces_an_account_whole_and_leaves_the_others(path: Path) -> None:
    file, _ = opened(written(path))
    changed = Remembered({"credits": replace(ENTRY, balance=1.0)}, NOW + 5)
    file.save({"studio": changed}, forgotten={"nobody"})
    file.close()
    assert read(path).records == {"studio": changed, "labs": LABS}


def test_the_forgotten_are_gone(path: Path) -> None:
    file, _ = opened(written(path))
    file.save({}, forgotten={"labs"})
    file.close()
    assert read(path).records == {"studio": STUDIO}


def test_nobody_else_may_read_it_and_at_rest_it_is_one_file_an_empty_journal_and_a_lock(path: Path) -> None:
    before = os.umask(0)
    try:
        written(path)
    finally:
        os.umask(before)
    assert {one.name: (one.stat().st_mode & 0o777, one.stat().st_size > 0) for one in path.parent.iterdir()} == {
        "state.db": (0o600, True),
        "state.db-journal": (0o600, False),
        "state.db.lock": (0o600, True),
    }


def test_a_second_process_is_refused_and_told_who_has_it(path: Path) -> None:
    file, _ = opened(path)
    with pytest.raises(StateFileError) as refused:
        read(path)
    assert str(refused.value) == (
        f"--state.file: {path}: in use by another process (pid {os.getpid()}): give each exporter a file of its own"
    )
    file.close()
    assert read(path) == Opened({})


def test_a_link_to_a_file_in_use_is_in_use(path: Path) -> None:
    file, _ = opened(path)
    link = path.with_name("link.db")
    link.symlink_to(path)
    with pytest.raises(StateFileError, match="in use by another process"):
        read(link)
    file.close()


def test_a_file_that_another_program_has_locked_is_refused(path: Path) -> None:
    refused = StateFile(written(path), lambda: NOW)
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN EXCLUSIVE")
        with pytest.raises(StateFileError, match=r"locked by another program: end it first$"):
            refused.open()
    assert read(path).records == BOTH, "who was refused holds nothing"


def test_paths_that_never_can_work_are_refused_with_what_to_do(tmp_path: Path) -> None:
    for path, problem in {
        tmp_path / "none" / "state.db": f"there is no directory {tmp_path}/none: create it",
        tmp_path: "is not a file: name a file, which may be a new one",
    }.items():
        with pytest.raises(StateFileError) as refused:
            StateFile(path, lambda: NOW).open()
        assert str(refused.value) == f"--state.file: {path}: {problem}"


def test_a_directory_or_a_file_without_permission_is_refused(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    user = os.geteuid()
    for denied, problem in {
        path.parent: f"the directory {path.parent} may not be written by user {user}: SQLite makes files next to it",
        written(path): f"may not be read and written by user {user}",
    }.items():
        # Not by mode bits: root, who may run the tests, is above them.
        monkeypatch.setattr(os, "access", lambda asked, _, denied=denied: asked != denied)
        with pytest.raises(StateFileError) as refused:
            StateFile(path, lambda: NOW).open()
        assert str(refused.value) == f"--state.file: {path}: {problem}"


def test_a_file_system_that_is_read_only_for_everybody_is_no_missing_permission(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    written(path)
    monkeypatch.setattr(os, "access", lambda *_: False)
    monkeypatch.setattr(os, "statvfs", lambda _: SimpleNamespace(f_flag=os.ST_RDONLY))
    assert read(path) == Opened(BOTH)


def test_a_disk_that_has_no_room_for_the_lock_is_used_without_one(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(_: Path) -> int:
        raise OSError(errno.ENOSPC, "No space left on device")

    written(path)
    monkeypatch.setattr(lock, "_open", full)
    assert read(path) == Opened(BOTH)


def test_the_lock_names_its_holder_and_nobody_before(path: Path) -> None:
    signed = path.with_name("state.db.lock")
    signed.write_text("pid 12345678901234567890\n")
    file, _ = opened(path)
    assert signed.read_text() == f"pid {os.getpid()}\n"
    file.close()


def test_an_empty_file_is_a_new_one(path: Path) -> None:
    path.touch()
    assert read(path) == Opened({})


@contextmanager
def disk_refusing() -> Iterator[None]:
    """No file of this process can grow, as on a full disk."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def test_a_disk_that_refuses_is_trouble_and_what_was_saved_stays(path: Path) -> None:
    file, _ = opened(written(path))
    with disk_refusing(), pytest.raises(StateTroubleError, match=r"disk I/O error \(SQLITE_IOERR"):
        file.save({"studio": LABS})
    assert not file.is_open
    assert file.open() == Opened(BOTH)
    file.close()


def test_a_new_file_on_a_disk_that_refuses_is_trouble_until_it_does_not(path: Path) -> None:
    file = StateFile(path, lambda: NOW)
    with disk_refusing(), pytest.raises(StateTroubleError):
        file.open()
    assert file.open() == Opened({})
    file.save(BOTH)
    file.close()
    assert read(path).records == BOTH


def test_a_deleted_file_is_trouble_and_then_made_anew(path: Path) -> None:
    file, _ = opened(written(path))
    path.unlink()
    with pytest.raises(StateTroubleError):
        file.save(BOTH)
    assert file.open() == Opened({})
    file.close()


def test_the_lock_is_kept_through_trouble(path: Path) -> None:
    file, _ = opened(written(path))
    with disk_refusing(), pytest.raises(StateTroubleError):
        file.save({"studio": LABS})
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN EXCLUSIVE")
        with pytest.raises(StateFileError, match="locked by another program"):
            file.open()
    with pytest.raises(StateFileError, match="in use by another process"):
        read(path)
    file.close()
