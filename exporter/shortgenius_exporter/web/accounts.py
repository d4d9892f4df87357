"""``/api/v1/accounts``: what the status page shows, for scripts. docs/http-api.md describes it."""

from __future__ import annotations

import json
import math
from datetime import UTC, datetime
from importlib.metadata import version

from shortgenius_exporter.core.advice import advice
from shortgenius_exporter.core.ledger import Entry
from shortgenius_exporter.core.renewal import next_renewal
from shortgenius_exporter.core.snapshot import Snapshot
from shortgenius_exporter.core.standing import State, level_of, runway
from shortgenius_exporter.web.status import Overview, Selection, Standing, listing

Json = dict[str, object]


def accounts_json(overview: Overview, wanted: Selection) -> bytes:
    """The JSON document for ``wanted``."""
    listed = listing(overview, wanted)
    document = {
        "generated_at": timestamp(overview.now),
        "exporter": _exporter(overview),
        "states": {state.value: listed.states.get(state, 0) for state in State},
        "found": listed.found,
        "page": wanted.page,
        "pages": listed.pages,
        "per_page": wanted.per_page,
        "accounts": [_account(one, overview) for one in listed.standings],
    }
    # ASCII: a lone surrogate, which YAML can hold, has no UTF-8.
    return json.dumps(document, allow_nan=False).encode() + b"\n"


def timestamp(at: float | None) -> str | None:
    """RFC 3339 in UTC, whole seconds."""
    return None if at is None else datetime.fromtimestamp(int(at), UTC).isoformat().replace("+00:00", "Z")


def _exporter(overview: Overview) -> Json:
    state = overview.exporter
    return {
        "version": version("shortgenius-exporter"),
        "started_at": timestamp(overview.started_at),
        "accounts": state.accounts,
        "polling": overview.polling,
        "config_last_reload_successful": state.reload_ok,
        "config_last_reload_success_at": timestamp(state.reloaded_at),
        "last_scrape_at": timestamp(overview.last_scrape),
        "shard": state.shard,
        "total_shards": state.total_shards,
    }


def _account(one: Standing, overview: Overview) -> Json:
    snapshot, account = one.snapshot, one.snapshot.account
    return {
        "account": account.name,
        "labels": dict(account.labels),
        "state": one.state.value,
        "up": snapshot.up,
        "balances": [_balance(snapshot, name, overview.now) for name in sorted(snapshot.ledger)],
        "runway_seconds": _finite(one.runway),
        "next_renewal_at": timestamp(next_renewal(account.renewal, overview.now)) if account.renewal else None,
        "last_success_at": timestamp(snapshot.last_success),
        "next_poll_at": timestamp(overview.next_polls.get(account.name)),
        "error": error_json(snapshot),
    }


def _balance(snapshot: Snapshot, credit_type: str, now: float) -> Json:
    entry: Entry = snapshot.ledger[credit_type]
    is_known = entry.reported and snapshot.is_fresh(now)
    return {
        "credit_type": credit_type,
        "balance": entry.balance if is_known else None,
        "state": level_of(snapshot.account, credit_type, entry).value if is_known else State.UNKNOWN.value,
        "thresholds": {
            one.severity: one.credits for one in snapshot.account.thresholds if one.credit_type == credit_type
        },
        "runway_seconds": _finite(runway(entry, snapshot.account.poll_interval)) if is_known else None,
        "consumed": entry.consumed,
        "granted": entry.granted,
        "last_balance": entry.balance,
        "last_seen_at": timestamp(entry.last_seen),
    }


def error_json(snapshot: Snapshot) -> Json | None:
    """Why the last poll failed and what to do about it; ``None`` if it did not fail."""
    failure = snapshot.failure
    if failure is None:
        return None
    return {
        "reason": failure.reason.value,
        "message": failure.message,
        "advice": advice(snapshot.account, failure.reason),
    }


def _finite(seconds: float | None) -> int | None:
    return None if seconds is None or math.isinf(seconds) else round(seconds)
