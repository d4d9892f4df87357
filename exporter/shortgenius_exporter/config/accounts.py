"""The list of accounts: each with one name and one key, both unlike all others."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from shortgenius_exporter.config import fields
from shortgenius_exporter.config.cursor import Cursor, Vocabulary
from shortgenius_exporter.config.keys import KeyFileError, parse_key, read_key
from shortgenius_exporter.config.problems import RefusedError
from shortgenius_exporter.config.settings import SETTINGS, Setting, check_freshness, decode
from shortgenius_exporter.core.account import Account, KeyFile
from shortgenius_exporter.core.secret import Secret

LIMITS: dict[str, Callable[[Cursor], float]] = {
    "max_concurrent_polls": fields.integer(1, 1000),
    "max_requests_per_second": fields.amount,
    "max_credit_types": fields.integer(1, 1000),
}


def _from_file(cursor: Cursor) -> tuple[Secret, KeyFile]:
    path = fields.path(cursor)
    try:
        return read_key(path), KeyFile(path)
    except KeyFileError as error:
        raise fields.unusable_file(cursor, error.detail) from None


def _from_variable(cursor: Cursor) -> tuple[Secret, Secret]:
    value = cursor.context.environ.get(fields.secret_text(cursor))
    if value is None:
        raise RefusedError("names an environment variable that is not set: set it, or correct the name")
    try:
        key = parse_key(value)
    except RefusedError as refusal:
        raise RefusedError(f"names an environment variable that {refusal}") from None
    return key, key


def _inline(cursor: Cursor) -> tuple[Secret, Secret]:
    value = fields.secret_text(cursor)
    if value.startswith("$"):
        raise RefusedError("starts with $, but variables are not expanded here: name the variable in api_key_env")
    key = parse_key(value)
    return key, key


KEY_SOURCES: dict[str, Callable[[Cursor], tuple[Secret, Secret | KeyFile]]] = {
    "api_key": _inline,
    "api_key_file": _from_file,
    "api_key_env": _from_variable,
}

_IN_LIMITS = dict.fromkeys(LIMITS, "under limits")
_IN_ACCOUNT = dict.fromkeys(("name", *KEY_SOURCES), "in each account, not in defaults")
ACCOUNT = Vocabulary(("name", *KEY_SOURCES, *SETTINGS), _IN_LIMITS)
DEFAULTS = Vocabulary(tuple(SETTINGS), _IN_LIMITS | _IN_ACCOUNT)


@dataclass(frozen=True, slots=True)
class _Seen:
    names: dict[str, Cursor] = field(default_factory=dict)
    keys: dict[Secret, Cursor] = field(default_factory=dict)


def decode_defaults(cursor: Cursor) -> dict[str, Setting]:
    if cursor.is_null:
        return {}
    return decode(cursor.entries("a mapping of settings", DEFAULTS))


def decode_accounts(cursor: Cursor, defaults: Mapping[str, Setting]) -> tuple[Account, ...]:
    """Complete only if nothing was reported."""
    items = () if cursor.is_null else tuple(cursor.items("a list of accounts, each starting with - name: NAME"))
    if not items:
        raise RefusedError("holds no account: add at least one, as - {name: studio, api_key_file: PATH}")
    seen = _Seen()
    decoded = [item.decode(lambda item: _account(item, defaults, seen)) for item in items]
    return tuple(account for account in decoded if account)


def _account(cursor: Cursor, defaults: Mapping[str, Setting], seen: _Seen) -> Account | None:
    entries = cursor.entries("an account, starting with - name: NAME", ACCOUNT)
    name = _name(cursor, entries, seen.names)
    key = _key(cursor, entries, seen.keys)
    own = decode(entries)
    check_freshness(own, defaults)
    if name is None or key is None or not cursor.context.report.clean:
        return None
    settings = {setting: value for setting, (value, _) in {**defaults, **own}.items()}
    variable = entries["api_key_env"].scalar("text").text if "api_key_env" in entries else None
    return Account(name, key, key_variable=variable, **settings)


def _name(account: Cursor, entries: Mapping[str, Cursor], seen: dict[str, Cursor]) -> str | None:
    if "name" not in entries:
        account.problem("has no name: add one, unlike all others")
        return None
    name = entries["name"].decode(fields.text)
    if name is not None and (first := seen.setdefault(name, entries["name"])) is not entries["name"]:
        entries["name"].problem(f"is already the name of {_place(first)}: choose another")
    return name


def _key(account: Cursor, entries: Mapping[str, Cursor], seen: dict[Secret, Cursor]) -> Secret | KeyFile | None:
    given = [name for name in KEY_SOURCES if name in entries]
    for other in given[1:]:
        entries[other].key_problem(f"is a second key beside {given[0]}: keep one of them")
    if not given:
        account.problem(f"has no API key: add one of {', '.join(KEY_SOURCES)}")
        return None
    entry = entries[given[0]]
    decoded = entry.decode(KEY_SOURCES[given[0]])
    if decoded is None:
        return None
    key, source = decoded
    if (first := seen.setdefault(key, entry)) is not entry:
        entry.problem(f"is the same key as that of {_place(first)}: one account for each key")
    return source


def _place(cursor: Cursor) -> str:
    return f"{cursor.path.rpartition('.')[0]} on line {cursor.node.line}"
