from __future__ import annotations

import pytest

from shortgenius_exporter.config import ConfigError, from_environment
from shortgenius_exporter.core.account import Account, Settings
from shortgenius_exporter.core.secret import Secret


def test_one_key_is_the_account_default() -> None:
    assert from_environment({"SHORTGENIUS_API_KEY": "k"}) == Settings(
        (Account("default", Secret("k"), key_variable="SHORTGENIUS_API_KEY"),)
    )


def test_a_suffix_names_the_account() -> None:
    settings = from_environment(
        {
            "SHORTGENIUS_API_KEY_VIDEO_TEAM": "kv\n",
            "SHORTGENIUS_API_KEY": "k",
            "SHORTGENIUS_API_KEY_2": "k2",
            "SHORTGENIUS_BASE_URL": "http://127.0.0.1:8080/api/v1/",
            "SHORTGENIUS_API_KEYS": "is another variable",
            "PATH": "/bin",
        }
    )
    url = "http://127.0.0.1:8080/api/v1"
    assert settings.accounts == (
        Account("default", Secret("k"), url, key_variable="SHORTGENIUS_API_KEY"),
        Account("2", Secret("k2"), url, key_variable="SHORTGENIUS_API_KEY_2"),
        Account("video-team", Secret("kv"), url, key_variable="SHORTGENIUS_API_KEY_VIDEO_TEAM"),
    )


NO_KEY = (
    "environment: no API key. There are three ways to start: set SHORTGENIUS_API_KEY; write a configuration file "
    "and name it with --config.file; or run shortgenius-exporter demo, which needs no key"
)
KEY, URL = "SHORTGENIUS_API_KEY", "SHORTGENIUS_BASE_URL"


@pytest.mark.parametrize(
    ("environ", "problems"),
    [
        ({}, [NO_KEY]),
        ({URL: "ftp://x"}, [NO_KEY, f"environment: {URL}: must start with https:// or http://"]),
        ({KEY: "k", URL: ""}, [f"environment: {URL}: is empty: give the URL, or unset it"]),
        ({KEY: ""}, [f"environment: {KEY}: is empty: give the API key"]),
        (
            {f"{KEY}_X": "sk-secret 1"},
            [
                f"environment: {KEY}_X: holds white space inside: give the API key alone, on one line, "
                'without "Bearer" or a name'
            ],
        ),
        (
            {KEY: "sk-secret", f"{KEY}_X": "sk-secret"},
            [f"environment: {KEY}_X: is the same key as {KEY}: one account for each key"],
        ),
        (
            {f"{KEY}_A_B": "k1", f"{KEY}_a_b": "k2"},
            [f"environment: {KEY}_a_b: means the same account as {KEY}_A_B: unset one of them"],
        ),
        (
            {KEY: "k1", f"{KEY}_DEFAULT": "k2"},
            [f"environment: {KEY}_DEFAULT: means the same account as {KEY}: unset one of them"],
        ),
        *(
            (
                {KEY + suffix: "k"},
                [
                    f"environment: {KEY}{suffix}: does not name an account: use letters, digits and _ "
                    "after the last word, as in _STUDIO"
                ],
            )
            for suffix in ("_", "_A-B", "_é", "_A B")
        ),
        *(
            (
                {f"{KEY}_FILE": path},
                [
                    f"environment: {KEY}_FILE: holds a path, not a key: name the file in a configuration file, "
                    "as api_key_file"
                ],
            )
            for path in ("/run/secrets/key", "./key", "../key")
        ),
    ],
)
def test_every_problem_is_reported_by_its_variable(environ: dict[str, str], problems: list[str]) -> None:
    with pytest.raises(ConfigError) as raised:
        from_environment(environ)
    assert str(raised.value).split("\n") == problems
    assert "secret" not in str(raised.value).replace("/run/secrets", "")


def test_several_problems_come_at_once() -> None:
    with pytest.raises(ConfigError) as raised:
        from_environment({KEY: "", f"{KEY}_A": "", URL: ""})
    assert [problem.path for problem in raised.value.problems] == [URL, KEY, f"{KEY}_A"]
