"""How an account stands, from its snapshot alone."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shortgenius_exporter.core.account import Account, Threshold
from shortgenius_exporter.core.balance import Balance
from shortgenius_exporter.core.ledger import Entry
from shortgenius_exporter.core.reason import Reason
from shortgenius_exporter.core.secret import Secret
from shortgenius_exporter.core.snapshot import Failure, Snapshot, failed, succeeded
from shortgenius_exporter.core.standing import State, crossed, runway, shortest_runway, state_of

NOW = 1_800_000_000.0
LEVELS = (Threshold("credits", "warning", 100.0), Threshold("credits", "critical", 20.0))
ACCOUNT = Account("studio", Secret("k"), thresholds=LEVELS, poll_interval=60.0, stale_after=300.0)


def after(*answers: dict[str, float], account: Account = ACCOUNT, every: float = 0.0) -> Snapshot:
    """The snapshot after these answers, the last of them at ``NOW``."""
    snapshot = Snapshot(account)
    for turn, answer in enumerate(answers, start=1):
        snapshot = succeeded(snapshot, Balance(answer), NOW - (len(answers) - turn) * every, 0.1, 32)
    return snapshot


@pytest.mark.parametrize(
    ("credits", "state"),
    [(100.0, "ok"), (99.9, "warning"), (20.0, "warning"), (19.0, "critical"), (1.0, "critical"), (0.9, "exhausted")],
)
def test_the_state_follows_the_thresholds(credits: float, state: str) -> None:
    assert state_of(after({"credits": credits}), NOW) == state


def test_the_worst_type_decides() -> None:
    assert state_of(after({"image_credits": 5.0, "credits": 50.0}), NOW) is State.WARNING


def test_a_type_without_threshold_is_exhausted_only_if_it_was_used() -> None:
    assert state_of(after({"image_credits": 0.0}), NOW) is State.OK
    assert state_of(after({"image_credits": 1.0}, {"image_credits": 0.0}), NOW) is State.EXHAUSTED


def test_a_severity_of_the_operators_own_counts_as_a_warning() -> None:
    account = Account("a", Secret("k"), thresholds=(Threshold("credits", "page", 100.0),))
    assert state_of(after({"credits": 50.0}, account=account), NOW) is State.WARNING


def test_a_failed_poll_is_down_whatever_the_balance() -> None:
    assert state_of(failed(after({"credits": 500.0}), Failure(Reason.TIMEOUT, "x"), NOW, 1.0), NOW) is State.DOWN


def test_before_the_first_poll_nothing_is_known() -> None:
    assert state_of(Snapshot(ACCOUNT), NOW) is State.UNKNOWN
    remembered_from_before_a_restart = replace(after({"credits": 5.0}), up=None)
    assert state_of(remembered_from_before_a_restart, NOW) is State.UNKNOWN


def test_a_stale_balance_is_unknown_not_low() -> None:
    snapshot = after({"credits": 5.0})
    assert state_of(snapshot, NOW + 299) is State.CRITICAL
    assert state_of(snapshot, NOW + 300) is State.UNKNOWN
    assert shortest_runway(snapshot, NOW + 300) is None


def test_a_type_that_vanished_says_nothing() -> None:
    assert state_of(after({"credits": 5.0, "image_credits": 1.0}, {"image_credits": 1.0}), NOW) is State.OK
    spent = ({"credits": 9.0, "image_credits": 3.0}, {"credits": 1.0, "image_credits": 2.0}, {"image_credits": 2.0})
    assert shortest_runway(after(*spent, every=900.0), NOW) == 2 * 1800


@pytest.mark.parametrize(
    ("balance", "severity"), [(100.0, None), (99.9, "warning"), (20.0, "warning"), (19.9, "critical")]
)
def test_the_threshold_that_is_crossed_is_the_gravest_of_its_type(balance: float, severity: str | None) -> None:
    found = crossed((*LEVELS, Threshold("image_credits", "critical", 5.0)), "credits", balance)
    assert (found and found.severity) == severity


def test_the_runway_is_the_balance_at_the_average_pace() -> None:
    entry = Entry(balance=300.0, first_seen=NOW - 3600, last_seen=NOW, consumed=100.0, granted=50.0)
    assert runway(entry, 60.0) == 3 * 3600


def test_the_runway_is_not_known_before_fifteen_poll_intervals() -> None:
    assert runway(Entry(300.0, NOW - 899, NOW, consumed=100.0), 60.0) is None
    assert runway(Entry(300.0, NOW - 900, NOW, consumed=100.0), 60.0) == 2700


def test_the_runway_is_infinite_while_nothing_is_consumed() -> None:
    assert runway(Entry(300.0, NOW - 900, NOW), 60.0) == math.inf


def test_the_shortest_runway_is_that_of_the_first_type_to_end() -> None:
    answers = ({"credits": 200.0, "image_credits": 12.0, "other": 1.0}, {"credits": 100.0, "image_credits": 2.0})
    assert shortest_runway(after(*answers, every=900.0), NOW) == 180


@given(st.lists(st.dictionaries(st.sampled_from(["credits", "image_credits"]), st.floats(0, 1e9)), max_size=5))
def test_every_history_has_a_state_and_no_negative_runway(answers: list[dict[str, float]]) -> None:
    snapshot = after(*answers, every=1000.0)
    assert state_of(snapshot, NOW) in State
    lasts = shortest_runway(snapshot, NOW)
    assert lasts is None or lasts >= 0
