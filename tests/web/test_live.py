"""Reading the web configuration again."""

from __future__ import annotations

import io
import os
from pathlib import Path

import pytest

from pki import TLS, Directory, directory, hashed
from shortgenius_exporter.config import ConfigError
from shortgenius_exporter.logs import set_up
from shortgenius_exporter.web.config import WebConfig, load
from shortgenius_exporter.web.live import LiveWebConfig

USERS = f"basic_auth_users: {{u: {hashed('p')}}}\n"


class Watched:
    def __init__(self, here: Directory, text: str) -> None:
        self.here = here
        self.logged = io.StringIO()
        path = here.config(text)
        self.live = LiveWebConfig(lambda: load(path), set_up("info", "logfmt", self.logged))

    def look(self, times: int = 2) -> str:
        """Looks ``times`` times; what was logged meanwhile."""
        before = len(self.logged.getvalue())
        for _ in range(times):
            self.live.look()
        return self.logged.getvalue()[before:]


@pytest.fixture
def watched(tmp_path: Path) -> Watched:
    return Watched(directory(tmp_path), TLS + USERS)


def test_what_does_not_change_is_not_read_again(watched: Watched) -> None:
    before = watched.live.current
    assert watched.look(5) == ""
    assert watched.live.current is before


def test_a_change_is_taken_over_when_it_has_settled(watched: Watched) -> None:
    watched.here.config(TLS + USERS + f"  # {'x' * 20}\n")
    before = watched.live.current
    assert watched.look(1) == ""
    assert watched.live.current is before
    assert "web configuration reloaded" in watched.look(1)
    assert watched.live.current is not before


def test_a_new_certificate_is_a_change(watched: Watched) -> None:
    before = watched.live.current
    watched.here.certify("server", "127.0.0.1")
    watched.look()
    assert watched.live.current.tls != before.tls


def test_a_bad_file_leaves_all_as_it_is_and_is_told_once(watched: Watched) -> None:
    before = watched.live.current
    watched.here.config("basic_auth_users: {u: x}")
    logged = watched.look(6)
    assert logged.count("web configuration not reloaded") == 1
    assert watched.live.reload_ok is False
    assert "web.yml:1:23: basic_auth_users.u: is not a bcrypt hash" in logged
    assert watched.live.current is before
    watched.here.config(TLS + USERS)
    assert "web configuration reloaded" in watched.look()
    assert watched.live.reload_ok is True


def test_without_a_file_there_is_no_reload_to_succeed_or_fail() -> None:
    live = LiveWebConfig(lambda: load(None), set_up("info", "logfmt", io.StringIO()))
    assert live.reload_ok is None


def test_a_certificate_that_comes_later_mends_it(watched: Watched) -> None:
    watched.here.config(TLS.replace("server.", "later.") + USERS)
    assert "does not exist" in watched.look(4)
    watched.here.certify("later", "127.0.0.1")
    assert "web configuration reloaded" in watched.look()


@pytest.mark.parametrize(
    ("text", "problem"), [("", "TLS is no longer configured"), (TLS, "no user is left"), (USERS, "TLS is no longer")]
)
def test_a_file_that_lost_its_contents_opens_nothing(watched: Watched, text: str, problem: str) -> None:
    before = watched.live.current
    watched.here.config(text)
    assert problem in watched.look(4)
    assert watched.live.current is before


def test_a_file_that_is_gone_changes_nothing(watched: Watched) -> None:
    before = watched.live.current
    (watched.here.path / "web.yml").unlink()
    assert "does not exist" in watched.look()
    assert watched.live.current is before


def test_a_linked_directory_that_is_swapped_is_a_change_as_with_kubernetes_secrets(tmp_path: Path) -> None:
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        directory(tmp_path / name).config(TLS)
    (tmp_path / "data").symlink_to("one")
    log = set_up("info", "logfmt", io.StringIO())
    live = LiveWebConfig(lambda: load(tmp_path / "data" / "web.yml"), log)
    before = live.current
    (tmp_path / "new").symlink_to("two")
    os.replace(tmp_path / "new", tmp_path / "data")  # noqa: PTH105 - the rename of a link, not of what it means
    live.look()
    live.look()
    assert live.current is not before


def test_a_bad_file_at_the_start_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(ConfigError):
        Watched(directory(tmp_path), "x: y")


def test_whatever_goes_wrong_leaves_all_as_it_was_and_is_tried_again(watched: Watched) -> None:
    before = watched.live.current
    found: list[WebConfig | Exception] = [before, FileNotFoundError(2, "replaced while it was read"), before]

    def load_next() -> WebConfig:
        one = found.pop(0)
        if isinstance(one, Exception):
            raise one
        return one

    live = LiveWebConfig(load_next, set_up("info", "logfmt", watched.logged))
    watched.here.certify("server", "127.0.0.1")
    live.look()
    live.look()
    assert (live.current, live.reload_ok) == (before, False)
    assert 'problem="internal error: FileNotFoundError"' in watched.logged.getvalue()
    live.look()
    assert live.reload_ok is True
