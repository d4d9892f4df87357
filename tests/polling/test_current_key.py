"""Key files that change while they are used."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from shortgenius_exporter.core.account import KeyFile
from shortgenius_exporter.core.secret import Secret
from shortgenius_exporter.polling.keys import CurrentKey
from support import replace_file


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "key"
    path.write_text("sk-one\n")
    return path


def test_a_given_key_never_changes() -> None:
    key = CurrentKey(Secret("sk-one"))
    assert not key.has_changed()
    assert key.get() == Secret("sk-one")
    assert key.problem is None


def test_a_key_is_read_from_its_file(file: Path) -> None:
    key = CurrentKey(KeyFile(file))
    assert key.has_changed()
    assert key.get() == Secret("sk-one")
    assert not key.has_changed()
    assert key.problem is None


def test_a_replaced_file_is_read_again(file: Path) -> None:
    key = CurrentKey(KeyFile(file))
    key.get()
    before = file.stat()
    replace_file(file, "sk-two\n")
    # Even one of the same size and time, as a restored copy has them.
    os.utime(file, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert key.has_changed()
    assert key.get() == Secret("sk-two")
    assert not key.has_changed()


def test_a_file_that_is_written_over_is_read_again(file: Path) -> None:
    key = CurrentKey(KeyFile(file))
    key.get()
    before = file.stat()
    file.write_text("sk-two\n")
    os.utime(file, ns=(before.st_atime_ns, before.st_mtime_ns + 1))
    assert key.get() == Secret("sk-two")


def test_a_file_that_did_not_change_is_not_read_again(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    key = CurrentKey(KeyFile(file))
    key.get()
    monkeypatch.setattr("shortgenius_exporter.polling.keys.read_key", lambda path: pytest.fail("read again"))
    assert key.get() == Secret("sk-one")


def test_a_swapped_symbolic_link_is_followed(tmp_path: Path) -> None:
    # As Kubernetes mounts secrets: key -> ..data/key, and ..data is swapped.
    for version in ("one", "two"):
        (tmp_path / version).mkdir()
        (tmp_path / version / "key").write_text(f"sk-{version}")
    data = tmp_path / "..data"
    data.symlink_to("one")
    (tmp_path / "key").symlink_to("..data/key")
    key = CurrentKey(KeyFile(tmp_path / "key"))
    assert key.get() == Secret("sk-one")
    (tmp_path / "..new").symlink_to("two")
    (tmp_path / "..new").rename(data)
    assert key.has_changed()
    assert key.get() == Secret("sk-two")


@pytest.mark.parametrize("damage", ["gone", "empty", "two words"])
def test_an_unusable_file_leaves_the_last_key_in_use_and_says_why(file: Path, damage: str) -> None:
    key = CurrentKey(KeyFile(file))
    key.get()
    if damage == "gone":
        file.unlink()
    else:
        replace_file(file, "" if damage == "empty" else "sk-secret words")
    assert key.get() == Secret("sk-one")
    assert key.problem is not None
    assert str(file) in key.problem
    assert "sk-" not in key.problem
    assert not key.has_changed()


def test_a_file_that_is_usable_again_is_read_and_the_problem_is_over(file: Path) -> None:
    key = CurrentKey(KeyFile(file))
    key.get()
    file.unlink()
    key.get()
    file.write_text("sk-two")
    assert key.has_changed()
    assert key.get() == Secret("sk-two")
    assert key.problem is None


def test_without_a_readable_file_there_is_no_key_until_there_is_one(tmp_path: Path) -> None:
    key = CurrentKey(KeyFile(tmp_path / "key"))
    assert key.get() is None
    assert key.problem is not None
    assert key.problem.startswith(f"key file {tmp_path / 'key'} does not exist")
    assert not key.has_changed()
    (tmp_path / "key").write_text("sk-one")
    assert key.get() == Secret("sk-one")
