"""A secret shows itself only where it is asked to."""

from __future__ import annotations

import copy
import json
import pickle
from collections.abc import Callable
from dataclasses import asdict, astuple

import pytest

from shortgenius_exporter.core.account import Account, Settings
from shortgenius_exporter.core.secret import Secret
from shortgenius_exporter.core.snapshot import Snapshot

KEY = "sk-very-secret-0001"
SECRET = Secret(KEY)
ACCOUNT = Account("studio", SECRET, proxy_url=Secret(f"http://user:{KEY}@proxy:3128"))


def test_a_secret_reveals_what_it_was_made_of() -> None:
    assert SECRET.reveal() == KEY


@pytest.mark.parametrize(
    "show",
    [
        pytest.param(repr, id="repr"),
        pytest.param(str, id="str"),
        pytest.param(ascii, id="ascii"),
        pytest.param(format, id="format"),
        pytest.param("{}".format, id="str.format"),
        pytest.param("{!r}".format, id="conversion"),
        pytest.param(lambda value: "%s %r" % (value, value), id="percent"),  # noqa: UP031
        pytest.param(lambda value: json.dumps({"key": value}, default=str), id="json with default=str"),
    ],
)
@pytest.mark.parametrize(
    "value",
    [SECRET, ACCOUNT, Settings((ACCOUNT,)), Snapshot(ACCOUNT), {"key": SECRET}, (SECRET,)],
    ids=lambda v: type(v).__name__,
)
def test_no_way_of_printing_shows_a_secret(show: Callable[[object], str], value: object) -> None:
    assert KEY not in show(value)


def test_the_repr_of_an_account_says_that_there_is_a_key() -> None:
    assert "key=<secret>, " in repr(ACCOUNT)


@pytest.mark.parametrize("value", [SECRET, ACCOUNT])
@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_a_secret_cannot_be_pickled(value: object, protocol: int) -> None:
    with pytest.raises(TypeError, match=r"^a secret is not to be pickled$"):
        pickle.dumps(value, protocol)


def test_a_secret_cannot_be_copied() -> None:
    with pytest.raises(TypeError, match=r"^a secret is not to be pickled$"):
        copy.copy(SECRET)


@pytest.mark.parametrize("spec", [">30", "s", "10"])
def test_a_format_that_is_meant_for_text_is_refused_without_the_secret(spec: str) -> None:
    with pytest.raises(TypeError) as raised:
        format(SECRET, spec)
    assert KEY not in str(raised.value)


def test_a_secret_has_no_attributes_to_list() -> None:
    with pytest.raises(TypeError):
        vars(SECRET)


def test_secrets_are_equal_by_value_and_only_to_secrets() -> None:
    assert Secret("a") == Secret("a")
    assert Secret("a") != Secret("b")
    assert Secret("a") != "a"
    assert len({Secret("a"), Secret("a"), Secret("b")}) == 2


@pytest.mark.parametrize("convert", [asdict, astuple])
def test_an_account_with_a_key_does_not_become_plain_data(convert: Callable[[Account], object]) -> None:
    with pytest.raises(TypeError, match=r"^a secret is not to be pickled$"):
        convert(ACCOUNT)
