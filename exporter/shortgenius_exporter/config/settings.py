"""The settings of an account that ``defaults`` may hold too: name -> decoder."""

from __future__ import annotations

import dataclasses
import difflib
import re
import zoneinfo
from collections.abc import Callable, Mapping
from datetime import datetime, time
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

from shortgenius_exporter.config import fields, urls
from shortgenius_exporter.config.cursor import Cursor, Vocabulary
from shortgenius_exporter.config.durations import format_duration
from shortgenius_exporter.config.problems import RefusedError
from shortgenius_exporter.core.account import Account, Threshold
from shortgenius_exporter.core.balance import CREDIT_TYPE
from shortgenius_exporter.core.renewal import MonthlyRenewal, PeriodicRenewal, Renewal
from shortgenius_exporter.core.secret import Secret

_DAY = 86_400.0
_LABEL = re.compile(r"[a-zA-Z_][a-zA-Z0-9_]*")
_SEVERITY = re.compile(r"[a-z][a-z0-9_]*")
_USUAL_SEVERITIES = ("warning", "critical")
_TAKEN_LABELS = {
    **dict.fromkeys(("account", "credit_type", "severity", "reason"), "the exporter sets it itself"),
    **dict.fromkeys(("le", "quantile"), "Prometheus keeps it for histograms and summaries"),
    **dict.fromkeys(("job", "instance"), "Prometheus sets it on every scraped series"),
}
RENEWAL = Vocabulary(("day", "every", "from", "timezone"), {})


def base_url(cursor: Cursor) -> str:
    return urls.base_url(fields.text(cursor))


def proxy_url(cursor: Cursor) -> Secret | None:
    return None if cursor.is_null else urls.proxy_url(fields.secret_text(cursor))


def ca_file(cursor: Cursor) -> Path | None:
    if cursor.is_null:
        return None
    path = fields.path(cursor)
    if problem := cursor.context.ca_file_problem(path):
        raise fields.unusable_file(cursor, problem)
    return path


def labels(cursor: Cursor) -> tuple[tuple[str, str], ...]:
    """Sorted by name. An empty mapping, or nothing at all, is no labels."""
    if cursor.is_null:
        return ()
    found = []
    for name, value in cursor.entries("labels, as {team: video}").items():
        _check_label_name(name, value)
        if (decoded := value.decode(fields.text)) is not None:
            found.append((name, decoded))
    return tuple(sorted(found))


def _check_label_name(name: str, value: Cursor) -> None:
    if not _LABEL.fullmatch(name):
        value.key_problem("is not a label name: use letters, digits and _, and no digit first")
    elif name.startswith("__"):
        value.key_problem("is not allowed: Prometheus keeps names that start with __ for itself")
    elif name in _TAKEN_LABELS:
        value.key_problem(f"is not allowed, {_TAKEN_LABELS[name]}: choose another name")


def thresholds(cursor: Cursor) -> tuple[Threshold, ...]:
    if cursor.is_null:
        return ()
    found: list[Threshold] = []
    for credit_type, severities in cursor.entries("thresholds, as {credits: {warning: 100}}").items():
        if not CREDIT_TYPE.fullmatch(credit_type):
            severities.key_problem("is not a credit type: use small letters, digits and _, a letter first, 64 at most")
        found.extend(severities.decode(partial(_severities, credit_type)) or ())
    return tuple(found)


def _severities(credit_type: str, cursor: Cursor) -> list[Threshold]:
    entries = cursor.entries("severities with amounts, as {warning: 100, critical: 20}")
    if not entries:
        raise RefusedError("names no severity: write {warning: 100, critical: 20}, or remove it")
    found = {}
    for name, value in entries.items():
        _check_severity(name, value)
        if (amount := value.decode(fields.amount)) is not None:
            found[name] = amount
    if "warning" in found and "critical" in found and found["warning"] <= found["critical"]:
        entries["warning"].problem("must be above critical: a balance falls below warning first")
    return [Threshold(credit_type, name, amount) for name, amount in found.items()]


def _check_severity(name: str, value: Cursor) -> None:
    if not _SEVERITY.fullmatch(name):
        value.key_problem("is not a severity: use small letters, digits and _, and a letter first, as in warning")
    elif name not in _USUAL_SEVERITIES:
        near = [usual for usual in _USUAL_SEVERITIES if name[2:] and usual.startswith(name)]
        near += difflib.get_close_matches(name, _USUAL_SEVERITIES, n=1, cutoff=0.8)
        if near:
            value.key_problem(f"is almost a usual severity: did you mean {near[0]}?")


def renewal(cursor: Cursor) -> Renewal | None:
    """``{day, timezone}`` or ``{every, from, timezone}``; the day begins at midnight in ``timezone``."""
    if cursor.is_null:
        return None
    entries = cursor.entries("a renewal, as {day: 1} or {every: 30d, from: 2026-01-15}", RENEWAL)
    zone = entries["timezone"].decode(timezone) if "timezone" in entries else "UTC"
    match [name for name in ("day", "every", "from") if name in entries]:
        case ["day"]:
            monthly = entries["day"].decode(fields.integer(1, 31))
            return MonthlyRenewal(monthly, zone) if monthly and zone else None
        case ["every", "from"]:
            every = entries["every"].decode(fields.duration(1.0, 3650 * _DAY))
            start = entries["from"].decode(fields.day)
            if every and start and zone:
                midnight = datetime.combine(start, time(), zoneinfo.ZoneInfo(zone))
                return PeriodicRenewal(every, midnight.timestamp())
            return None
    raise RefusedError("must be either {day: 1} or {every: 30d, from: 2026-01-15}")


def timezone(cursor: Cursor) -> str:
    name = fields.text(cursor)
    if problem := cursor.context.timezone_problem(name):
        raise RefusedError(problem)
    return name


SETTINGS: dict[str, Callable[[Cursor], Any]] = {
    "base_url": base_url,
    "poll_interval": fields.duration(0.1, 365 * _DAY),
    "poll_timeout": fields.duration(0.1, 3600.0),
    "stale_after": fields.duration(0.1, 365 * _DAY),
    "labels": labels,
    "thresholds": thresholds,
    "renewal": renewal,
    "proxy_url": proxy_url,
    "ca_file": ca_file,
}


class Setting(NamedTuple):
    """A decoded value and where it was written."""

    value: Any
    cursor: Cursor


def decode(entries: Mapping[str, Cursor]) -> dict[str, Setting]:
    """Those of ``entries`` that are settings. A refused one is reported, and its value is ``None``."""
    return {
        name: Setting(cursor.decode(SETTINGS[name]), cursor) for name, cursor in entries.items() if name in SETTINGS
    }


_BUILT_IN = {field.name: field for field in dataclasses.fields(Account)}


def check_freshness(own: Mapping[str, Setting], defaults: Mapping[str, Setting]) -> None:
    """Balances must not vanish between two good polls. Reported at the account's own settings, if any."""
    interval, stale = (_seconds(name, own, defaults) for name in ("poll_interval", "stale_after"))
    if interval is None or stale is None or interval <= stale:
        return
    faults = {
        "stale_after": f"is shorter than poll_interval ({format_duration(interval)})",
        "poll_interval": f"is longer than stale_after ({format_duration(stale)})",
    }
    written = ((settings, name) for settings in (own, defaults) for name in faults if name in settings)
    settings, name = next(written)
    settings[name].cursor.problem(f"{faults[name]}: set stale_after to at least {format_duration(interval)}")


def _seconds(name: str, own: Mapping[str, Setting], defaults: Mapping[str, Setting]) -> float | None:
    setting = own.get(name) or defaults.get(name)
    value: Any = setting.value if setting else _BUILT_IN[name].default
    return None if value is None else float(value)
