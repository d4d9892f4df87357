"""The state file on a real disk: what is read back, and what becomes of files that cannot be used."""

from __future__ import annotations

import os
import resource
import shutil
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from shortgenius_exporter.core.ledger import Entry
from shortgenius_exporter.state import schema
from shortgenius_exporter.state.errors import StateFileError, StateTroubleError
from shortgenius_exporter.state.file import Opened, StateFile
from shortgenius_exporter.state.remembered import Remembered

NOW = 1_800_000_000.0
AT = "20270115T080000Z"
ENTRY = Entry(70.5, first_seen=NOW - 900, last_seen=NOW, consumed=30.25, granted=5.0, last_grant=NOW - 200)
STUDIO = Remembered({"credits": ENTRY, "audio_credits": Entry(1.0, NOW, NOW, reported=False)}, last_success=NOW)
LABS = Remembered({"credits": Entry(0.0, NOW, NOW)}, last_success=NOW, left_at=NOW)
BOTH = {"studio": STUDIO, "labs": LABS}
TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
AMOUNTS = st.floats(min_value=0, allow_nan=False)
TIMES = st.floats(allow_nan=False, allow_infinity=False)
ENTRIES = st.builds(Entry, AMOUNTS, TIMES, TIMES, AMOUNTS, AMOUNTS, st.none() | TIMES, st.booleans())
RECORDS = st.builds(Remembered, st.dictionaries(TEXTS, ENTRIES, max_size=3), st.none() | TIMES, st.none() | TIMES)


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
    with closing(sqlite3.connect(written(path), isolation_level=None)) as other:
        other.execute("BEGIN EXCLUSIVE")
        with pytest.raises(StateFileError, match=r"locked by another program: end it first$"):
            read(path)
    assert read(path).records == BOTH


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
        with monkeypatch.context() as patch:
            # Not by mode bits: root, who may run the tests, is above them.
            patch.setattr(os, "access", lambda asked, _, denied=denied: asked != denied)
            with pytest.raises(StateFileError) as refused:
                StateFile(path, lambda: NOW).open()
        assert str(refused.value) == f"--state.file: {path}: {problem}"


def test_an_empty_file_is_a_new_one(path: Path) -> None:
    path.touch()
    assert read(path) == Opened({})


def sql(path: Path, script: str) -> None:
    with closing(sqlite3.connect(path)) as connection:
        connection.executescript(script)


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
    with pytest.raises(StateFileError, match="in use by another process"):
        read(path)
    file.close()


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


def refuse(_: sqlite3.Connection) -> dict[str, Remembered]:
    raise OSError(5, "Input/output error")
