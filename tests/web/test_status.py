"""What the status page and the JSON show: chosen, sorted, one page of it."""

from __future__ import annotations

import json
from typing import Any

import pytest

from shortgenius_exporter.core.account import Account, Threshold
from shortgenius_exporter.core.balance import Balance
from shortgenius_exporter.core.reason import Reason
from shortgenius_exporter.core.renewal import PeriodicRenewal
from shortgenius_exporter.core.secret import Secret
from shortgenius_exporter.core.snapshot import Failure, Snapshot, failed, succeeded
from shortgenius_exporter.metrics.exporter import ExporterState
from shortgenius_exporter.web.accounts import accounts_json
from shortgenius_exporter.web.status import Overview, Selection, SelectionError, listing, selection

NOW = 1_800_000_000.0
LEVELS = (Threshold("credits", "warning", 100.0), Threshold("credits", "critical", 20.0))


def account(name: str, **labels: str) -> Account:
    return Account(
        name,
        Secret(name),
        labels=tuple(sorted(labels.items())),
        thresholds=LEVELS,
        renewal=PeriodicRenewal(86_400.0, NOW - 3600),
    )


def holding(name: str, credits: float, consumed: float = 0.0, **labels: str) -> Snapshot:
    before = succeeded(Snapshot(account(name, **labels)), Balance({"credits": credits + consumed}), NOW - 900, 0.1, 32)
    return succeeded(before, Balance({"credits": credits}), NOW, 0.1, 32)


def overview(*snapshots: Snapshot, **next_polls: float) -> Overview:
    state = ExporterState(len(snapshots), reload_ok=True, reloaded_at=NOW - 60)
    return Overview(state, NOW - 60, NOW, snapshots, next_polls)


FLEET = overview(
    holding("fine", 500.0, team="video"),
    holding("short", 500.0, consumed=400.0, team="video"),
    holding("long", 500.0, consumed=4.0, team="games"),
    Snapshot(account("fresh")),
    holding("low", 50.0),
    holding("nearly", 5.0),
    holding("empty", 0.0),
    failed(holding("gone", 500.0), Failure(Reason.AUTH, "401 Unauthorized: the key was rejected"), NOW, 0.1),
)


def names(query: str, of: Overview = FLEET) -> list[str]:
    return [one.snapshot.account.name for one in listing(of, selection(query)).standings]


def test_the_worst_is_first() -> None:
    assert names("") == ["gone", "empty", "nearly", "low", "fresh", "short", "long", "fine"]


def test_of_accounts_in_the_same_state_the_one_that_ends_first_is_first() -> None:
    fleet = overview(holding("never used", 0.0), holding("used up", 0.0, consumed=50.0))
    assert names("", fleet) == ["used up", "never used"]


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("state=down", ["gone"]),
        ("state=ok&q=video", ["short", "fine"]),
        ("q=TEAM%3DGames", ["long"]),
        ("q=video+fi", ["fine"]),
        ("q=nothing", []),
        ("q=%20&state=", ["gone", "empty", "nearly", "low", "fresh", "short", "long", "fine"]),
        ("unheard=of&state=warning", ["low"]),
        ("per_page=3&page=2", ["low", "fresh", "short"]),
        ("per_page=3&page=4", []),
    ],
)
def test_the_query_chooses(query: str, found: list[str]) -> None:
    assert names(query) == found


def test_counts_by_state_are_of_all_accounts_and_pages_of_those_found() -> None:
    listed = listing(FLEET, Selection(text="video", per_page=1))
    assert dict(listed.states) == {"ok": 3, "unknown": 1, "warning": 1, "critical": 1, "exhausted": 1, "down": 1}
    assert (listed.found, listed.pages) == (2, 2)


@pytest.mark.parametrize(
    ("query", "message"),
    [
        ("state=fine", "state: is none of down, exhausted, critical, warning, unknown, ok"),
        ("page=0", "page: must be a whole number from 1 to 1000000"),
        ("per_page=1001", "per_page: must be a whole number from 1 to 1000"),
        ("per_page=٣", "per_page: must be a whole number from 1 to 1000"),
        ("refresh=-1", "refresh: must be a whole number from 0 to 3600"),
        ("&".join(f"q{i}=x" for i in range(21)), "too many parameters"),
    ],
)
def test_a_wrong_query_is_told_what_is_right(query: str, message: str) -> None:
    with pytest.raises(SelectionError) as caught:
        selection(query)
    assert str(caught.value) == message


def document(of: Overview, query: str = "") -> dict[str, Any]:
    return dict(json.loads(accounts_json(of, selection(query))))


def test_the_json_of_an_account() -> None:
    found = document(overview(holding("short", 500.0, consumed=400.0, team="video"), short=NOW + 30))
    assert found["accounts"] == [
        {
            "account": "short",
            "labels": {"team": "video"},
            "state": "ok",
            "up": True,
            "balances": [
                {
                    "credit_type": "credits",
                    "balance": 500.0,
                    "state": "ok",
                    "thresholds": {"warning": 100.0, "critical": 20.0},
                    "runway_seconds": 1125,
                    "consumed": 400.0,
                    "granted": 0.0,
                    "last_balance": 500.0,
                    "last_seen_at": "2027-01-15T08:00:00Z",
                }
            ],
            "runway_seconds": 1125,
            "next_renewal_at": "2027-01-16T07:00:00Z",
            "last_success_at": "2027-01-15T08:00:00Z",
            "next_poll_at": "2027-01-15T08:00:30Z",
            "error": None,
        }
    ]


def test_the_json_of_a_failing_account_says_what_to_do() -> None:
    (found,) = document(FLEET, "state=down")["accounts"]
    assert (found["up"], found["next_poll_at"]) == (False, None)
    assert found["error"] == {
        "reason": "auth",
        "message": "401 Unauthorized: the key was rejected",
        "advice": "Replace the account's api_key in the configuration, then reload it (SIGHUP)",
    }


def test_a_stale_balance_is_null_in_the_json_never_zero() -> None:
    stale = Overview(FLEET.exporter, NOW, NOW + 300, FLEET.snapshots)
    (found,) = document(stale, "q=low")["accounts"]
    assert found["state"] == "unknown"
    (line,) = found["balances"]
    assert (line["balance"], line["last_balance"], line["state"], line["runway_seconds"]) == (
        None,
        50.0,
        "unknown",
        None,
    )


def test_the_json_has_no_infinity() -> None:
    (found,) = document(FLEET, "q=fine")["accounts"]
    assert found["runway_seconds"] is None


def test_an_upstream_with_absurd_amounts_takes_the_json_from_nobody() -> None:
    absurd = Snapshot(account("absurd"))
    for number, credits in enumerate([1.5e308, 0.0] * 3):
        absurd = succeeded(absurd, Balance({"credits": credits}), NOW + 900 * number, 0.1, 32)
    assert [one["account"] for one in document(overview(absurd, holding("fine", 500.0)))["accounts"]] == [
        "absurd",
        "fine",
    ]


def test_the_json_tells_of_the_exporter_and_the_page() -> None:
    found = document(FLEET, "per_page=3&page=2")
    assert (found["found"], found["page"], found["pages"], found["per_page"]) == (8, 2, 3, 3)
    assert found["generated_at"] == "2027-01-15T08:00:00Z"
    assert found["exporter"]["started_at"] == "2027-01-15T07:59:00Z"
    assert found["exporter"]["config_last_reload_successful"] is True


def test_a_lone_surrogate_in_a_name_is_still_json() -> None:
    (found,) = document(overview(holding("a\ud800", 1.0)))["accounts"]
    assert found["account"] == "a\ud800"
