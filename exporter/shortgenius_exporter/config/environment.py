"""Accounts from environment variables alone."""

from __future__ import annotations

import re
from collections.abc import Mapping

from shortgenius_exporter.config import urls
from shortgenius_exporter.config.keys import parse_key
from shortgenius_exporter.config.problems import RefusedError, Report
from shortgenius_exporter.core.account import DEFAULT_BASE_URL, Account, Settings
from shortgenius_exporter.core.secret import Secret

KEY = "SHORTGENIUS_API_KEY"
BASE_URL = "SHORTGENIUS_BASE_URL"
_NO_KEY = (
    f"no API key. There are three ways to start: set {KEY}; write a configuration file and name it with "
    "--config.file; or run shortgenius-exporter demo, which needs no key"
)


def from_environment(environ: Mapping[str, str]) -> Settings:
    """Every account the variables name. Raises ``ConfigError`` with all that is wrong."""
    report = Report("environment")
    variables = sorted(name for name in environ if name == KEY or name.startswith(f"{KEY}_"))
    if not variables:
        report.add(_NO_KEY)
    base_url = _base_url(environ, report)
    names: dict[str, str] = {}
    keys: dict[Secret, str] = {}
    accounts = []
    for variable in variables:
        try:
            name = _name(variable, names)
            key = _key(variable, environ[variable], keys)
        except RefusedError as refusal:
            report.add(str(refusal), path=variable)
        else:
            accounts.append(Account(name, key, base_url, key_variable=variable))
    if not report.clean:
        raise report.error()
    return Settings(tuple(accounts))


def _base_url(environ: Mapping[str, str], report: Report) -> str:
    text = environ.get(BASE_URL, DEFAULT_BASE_URL)
    try:
        if not text:
            raise RefusedError("is empty: give the URL, or unset it")
        return urls.base_url(text)
    except RefusedError as refusal:
        report.add(str(refusal), path=BASE_URL)
        return DEFAULT_BASE_URL


def _name(variable: str, seen: dict[str, str]) -> str:
    suffix = variable.removeprefix(KEY)
    if suffix and not re.fullmatch(r"_[A-Za-z0-9_]+", suffix):
        raise RefusedError("does not name an account: use letters, digits and _ after the last word, as in _STUDIO")
    name = suffix[1:].lower().replace("_", "-") or "default"
    if (first := seen.setdefault(name, variable)) != variable:
        raise RefusedError(f"means the same account as {first}: unset one of them")
    return name


def _key(variable: str, value: str, seen: dict[Secret, str]) -> Secret:
    if variable.endswith("_FILE") and value.startswith(("/", "./", "../")):
        raise RefusedError("holds a path, not a key: name the file in a configuration file, as api_key_file")
    key = parse_key(value)
    if (first := seen.setdefault(key, variable)) != variable:
        raise RefusedError(f"is the same key as {first}: one account for each key")
    return key
