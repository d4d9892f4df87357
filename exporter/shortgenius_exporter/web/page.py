"""The status page: one template, filled with text that is escaped whatever it holds."""

from __future__ import annotations

import base64
import hashlib
import math
import sys
from collections.abc import Iterator
from dataclasses import dataclass, replace
from importlib.metadata import version
from importlib.resources import files
from urllib.parse import quote, urlencode

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from shortgenius_exporter.core.advice import advice
from shortgenius_exporter.core.renewal import next_renewal
from shortgenius_exporter.core.snapshot import Snapshot
from shortgenius_exporter.core.standing import State, crossed, level_of, runway
from shortgenius_exporter.web.accounts import timestamp
from shortgenius_exporter.web.status import DEFAULT_REFRESH, Listing, Overview, Selection, Standing, listing
from shortgenius_exporter.words import amount, printable, span

_STYLE = files(__package__).joinpath("templates", "status.css").read_text("utf-8")
_STYLE_HASH = base64.b64encode(hashlib.sha256(_STYLE.encode()).digest()).decode()
CONTENT_SECURITY_POLICY = (
    f"default-src 'none'; style-src 'sha256-{_STYLE_HASH}'; img-src data:; "
    "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
_TEMPLATES = Environment(
    loader=PackageLoader(__package__), autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
)
_NOT_KNOWN = "not known yet"


@dataclass(frozen=True, slots=True)
class When:
    """A time in words, and exactly."""

    words: str
    exact: str | None = None


@dataclass(frozen=True, slots=True)
class Bar:
    """``level`` and each of ``marks`` (severity, position) in percent of the bar's length."""

    level: float
    marks: tuple[tuple[str, float], ...]


@dataclass(frozen=True, slots=True)
class Line:
    """One credit type of one account."""

    credit_type: str
    amount: str
    note: str
    state: State
    bar: Bar | None


@dataclass(frozen=True, slots=True)
class Row:
    """One account."""

    name: str
    labels: tuple[str, ...]
    state: State
    error: str
    lines: tuple[Line, ...]
    runway: str
    runs_out_early: bool
    renewal: When
    last_success: When
    next_poll: When
    metrics: str


def status_page(overview: Overview, wanted: Selection, telemetry_path: str) -> bytes:
    """The page for ``wanted``; a page past the last shows the last."""
    listed = listing(overview, wanted)
    if wanted.page > listed.pages:
        wanted = replace(wanted, page=listed.pages)
        listed = listing(overview, wanted)
    text = _TEMPLATES.get_template("status.html").render(
        style=Markup(_STYLE),  # noqa: S704 - our own file
        version=version("shortgenius-exporter"),
        overview=overview,
        uptime=_span(overview.now - overview.started_at),
        reloaded=_ago(overview.exporter.reloaded_at, overview.now),
        scraped=_ago(overview.last_scrape, overview.now),
        generated=timestamp(overview.now),
        wanted=wanted,
        listed=listed,
        states=[(state, listed.states.get(state, 0), _link(wanted, state=state, page=1)) for state in State],
        everything=_link(wanted, state=None, page=1),
        rows=[_row(one, overview) for one in listed.standings],
        kept=_parameters(Selection(per_page=wanted.per_page, refresh=wanted.refresh)).items(),
        shown=_shown(listed, wanted),
        previous=_link(wanted, page=wanted.page - 1) if wanted.page > 1 else None,
        following=_link(wanted, page=wanted.page + 1) if wanted.page < listed.pages else None,
        toggle_refresh=_link(wanted, refresh=0 if wanted.refresh else DEFAULT_REFRESH),
        as_json="api/v1/accounts" + _link(replace(wanted, refresh=DEFAULT_REFRESH)),
        metrics="./" + quote(telemetry_path.lstrip("/")),
    )
    return text.encode("utf-8", "replace")


def _link(wanted: Selection, **changes: object) -> str:
    """The query of ``wanted`` with ``changes``; what is as by default is left out."""
    asked: Selection = replace(wanted, **changes)  # type: ignore[arg-type]
    return "?" + urlencode(_parameters(asked), errors="replace")


def _parameters(wanted: Selection) -> dict[str, object]:
    names = {"state": "state", "q": "text", "page": "page", "per_page": "per_page", "refresh": "refresh"}
    plain = Selection()
    return {
        name: getattr(wanted, field) for name, field in names.items() if getattr(wanted, field) != getattr(plain, field)
    }


def _shown(listed: Listing, wanted: Selection) -> str:
    if not listed.found:
        return "No account is found."
    first = (wanted.page - 1) * wanted.per_page + 1
    return f"Accounts {first:,} to {first + len(listed.standings) - 1:,} of {listed.found:,}, worst first."


def _row(one: Standing, overview: Overview) -> Row:
    snapshot, account, now = one.snapshot, one.snapshot.account, overview.now
    due = overview.next_polls.get(account.name)
    return Row(
        name=printable(account.name),
        labels=tuple(f"{name}={printable(value)}" for name, value in account.labels),
        state=one.state,
        error=_error(snapshot),
        lines=tuple(_lines(snapshot, now)),
        runway=_runway(one.runway),
        runs_out_early=_is_early(one.runway, snapshot, now),
        renewal=_ahead(next_renewal(account.renewal, now), now) if account.renewal else When("not configured"),
        last_success=_ago(snapshot.last_success, now),
        next_poll=When("now") if due is None else _ahead(due, now),
        metrics="probe?" + urlencode({"target": account.name}, errors="replace"),
    )


def _lines(snapshot: Snapshot, now: float) -> Iterator[Line]:
    account = snapshot.account
    for name, entry in sorted(snapshot.ledger.items()):
        if not (entry.reported and snapshot.is_fresh(now)):
            note = f"was {amount(entry.balance)} {_span(now - entry.last_seen)} ago"
            yield Line(name, "unknown", note, State.UNKNOWN, None)
            continue
        below = crossed(account.thresholds, name, entry.balance)
        notes = [f"below {below.severity} {amount(below.credits)}"] if below else []
        lasts = runway(entry, account.poll_interval)
        if lasts is not None and math.isfinite(lasts) and entry.balance:
            notes.append(f"lasts {_span(lasts)}")
        state = level_of(account, name, entry)
        yield Line(name, amount(entry.balance), ", ".join(notes), state, _bar(snapshot, name, entry.balance))


def _bar(snapshot: Snapshot, credit_type: str, balance: float) -> Bar | None:
    """From 0 to the balance, or to twice the highest threshold if that is more. Nothing to compare with: no bar."""
    own = [one for one in snapshot.account.thresholds if one.credit_type == credit_type]
    full = max((balance, *(min(2 * one.credits, sys.float_info.max) for one in own)))
    if not own or not full:
        return None
    return Bar(_percent(balance, full), tuple((one.severity, _percent(one.credits, full)) for one in own))


def _percent(part: float, whole: float) -> float:
    # Divided first: a hundred times an absurd amount is infinite.
    return round(100 * (part / whole), 2)


def _error(snapshot: Snapshot) -> str:
    if snapshot.failure is None:
        return ""
    return f"{printable(snapshot.failure.message)}. {printable(advice(snapshot.account, snapshot.failure.reason))}."


def _runway(seconds: float | None) -> str:
    if seconds is None:
        return _NOT_KNOWN
    return _span(seconds) if math.isfinite(seconds) else "nothing is consumed"


def _is_early(seconds: float | None, snapshot: Snapshot, now: float) -> bool:
    """Whether the credits end before the renewal that is configured."""
    renewal = snapshot.account.renewal
    return renewal is not None and seconds is not None and now + seconds < next_renewal(renewal, now)


def _ago(at: float | None, now: float) -> When:
    return (
        When("never") if at is None else When("just now" if now - at < 1 else f"{_span(now - at)} ago", timestamp(at))
    )


def _ahead(at: float, now: float) -> When:
    return When("now" if at - now < 1 else f"in {_span(at - now)}", timestamp(at))


def _span(seconds: float) -> str:
    """With spaces at which no line ends."""
    return span(seconds).replace(" ", "\N{NO-BREAK SPACE}")
