from __future__ import annotations

import os
import tempfile
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from shortgenius_exporter.config import ConfigError, KeyFileError, load, read_key
from shortgenius_exporter.core.secret import Secret

if TYPE_CHECKING:
    from collections.abc import Iterator

NOBODY = 65534


@contextmanager
def ordinary_user() -> Iterator[int]:
    """The user's number. Permissions do not hold for root, as whom containers run their tests."""
    root = os.geteuid() == 0
    if root:
        os.seteuid(NOBODY)
    try:
        yield os.geteuid()
    finally:
        if root:
            os.seteuid(0)


@pytest.fixture
def unreadable(tmp_path: Path) -> Path:
    path = tmp_path / "key"
    path.write_text("sk-secret-0001")
    path.chmod(0)
    return path


@pytest.mark.parametrize("content", ["k", "k\n", " k \r\n", "\tk\n\n"])
def test_white_space_around_a_key_is_not_part_of_it(tmp_path: Path, content: str) -> None:
    path = tmp_path / "key"
    path.write_text(content)
    assert read_key(path) == Secret("k")


def test_a_key_may_have_4096_bytes(tmp_path: Path) -> None:
    path = tmp_path / "key"
    path.write_text("k" * 4096)
    assert read_key(path) == Secret("k" * 4096)


@pytest.mark.parametrize(
    ("content", "detail"),
    [
        (b"", "is empty: give the API key"),
        (b" \n", "is empty: give the API key"),
        (b"s" * 4097, "holds more than 4096 bytes: give the API key alone"),
        (
            b"secret\nsecret",
            'holds white space inside: give the API key alone, on one line, without "Bearer" or a name',
        ),
        (b"secret\x00", "holds a character that is not printable ASCII: copy the API key again"),
        ("sécret".encode(), "holds a character that is not printable ASCII: copy the API key again"),
    ],
)
def test_a_file_without_one_key_is_refused_without_showing_it(tmp_path: Path, content: bytes, detail: str) -> None:
    path = tmp_path / "key"
    path.write_bytes(content)
    with pytest.raises(KeyFileError) as raised:
        read_key(path)
    assert str(raised.value) == f"key file {path} {detail}"
    assert raised.value.detail == detail


def test_a_missing_key_file_says_so(tmp_path: Path) -> None:
    with pytest.raises(KeyFileError, match=r"does not exist: create it, or correct the path$"):
        read_key(tmp_path / "key")


def test_a_directory_is_no_key_file(tmp_path: Path) -> None:
    with pytest.raises(KeyFileError, match=r"is a directory: name a file$"):
        read_key(tmp_path)


@pytest.mark.timeout(5)
def test_a_pipe_is_refused_rather_than_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "key")
    with pytest.raises(KeyFileError, match=r"is not a regular file: a key file is read again whenever it changes$"):
        read_key(tmp_path / "key")


def test_a_key_file_of_another_user_says_what_to_change(unreadable: Path) -> None:
    with ordinary_user() as user, pytest.raises(KeyFileError) as raised:
        read_key(unreadable)
    assert str(raised.value) == f"key file {unreadable} may not be read by user {user}: change its owner or mode"


def test_a_ca_file_of_another_user_says_what_to_change() -> None:
    with tempfile.TemporaryDirectory() as name:
        directory = Path(name)
        directory.chmod(0o755)
        (directory / "ca.pem").touch(mode=0)
        config = directory / "config.yml"
        config.write_text("accounts: [{name: a, api_key: k, ca_file: ca.pem}]")
        with ordinary_user() as user, pytest.raises(ConfigError) as raised:
            load(config, {})
    message = f"may not be read by user {user}: change its owner or mode"
    assert str(raised.value) == f"{config}:1:43: accounts[0].ca_file: {message}"


def test_a_key_file_below_a_file_says_why(tmp_path: Path) -> None:
    (tmp_path / "key").touch()
    with pytest.raises(KeyFileError, match=r"cannot be read: Not a directory$"):
        read_key(tmp_path / "key" / "key")
