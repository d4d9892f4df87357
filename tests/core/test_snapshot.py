"""What a poll does to the published state of an account."""

from __future__ import annotations

from dataclasses import FrozenInstanceError, replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shortgenius_exporter.core.account import Account
from shortgenius_exporter.core.balance import Balance
from shortgenius_exporter.core.ledger import Entry
from shortgenius_exporter.core.reason import Reason
from shortgenius_exporter.core.secret import Secret
from shortgenius_exporter.core.snapshot import Failure, Snapshot, failed, succeeded

ACCOUNT = Account("studio", Secret("sk-1"), stale_after=300.0)
UNKNOWN = Snapshot(ACCOUNT)
SERVER_ERROR = Failure(Reason.SERVER_ERROR, "500 Internal Server Error: the API failed")


def answered(before: Snapshot, credits: dict[str, float], now: float = 1000.0, ignored: int = 0) -> Snapshot:
    return succeeded(before, Balance(credits, ignored), now, duration=0.25, max_types=2)


def test_before_the_first_poll_nothing_is_known_and_nothing_is_zero() -> None:
    assert UNKNOWN.up is None
    assert UNKNOWN.ledger == {}
    assert (UNKNOWN.polled_at, UNKNOWN.last_success, UNKNOWN.last_duration) == (None, None, None)
    assert UNKNOWN.ignored_fields is None
    assert not UNKNOWN.is_fresh(now=0.0)


def test_a_success_publishes_the_balances_and_when_they_were_read() -> None:
    assert answered(UNKNOWN, {"credits": 217.0}) == Snapshot(
        ACCOUNT,
        ledger={"credits": Entry(217.0, first_seen=1000.0, last_seen=1000.0)},
        up=True,
        polled_at=1000.0,
        last_success=1000.0,
        last_duration=0.25,
        requests=1,
        ignored_fields=0,
    )


def test_a_failure_takes_up_to_zero_at_once_and_keeps_the_balances() -> None:
    good = answered(UNKNOWN, {"credits": 217.0}, ignored=1)
    bad = failed(good, SERVER_ERROR, now=1060.0, duration=2.0)
    assert bad == replace(
        good,
        up=False,
        polled_at=1060.0,
        last_duration=2.0,
        requests=2,
        failures={Reason.SERVER_ERROR: 1},
        failure=SERVER_ERROR,
    )


def test_a_failure_before_any_success_shows_no_balance() -> None:
    bad = failed(UNKNOWN, SERVER_ERROR, now=1000.0, duration=2.0)
    assert bad.up is False
    assert bad.ledger == {}
    assert bad.last_success is None
    assert bad.ignored_fields is None
    assert not bad.is_fresh(now=1000.0)


def test_a_success_after_a_failure_clears_the_failure_and_keeps_its_count() -> None:
    good = answered(failed(UNKNOWN, SERVER_ERROR, now=1000.0, duration=2.0), {"credits": 1.0}, now=1005.0)
    assert good.up is True
    assert good.failure is None
    assert good.failures == {Reason.SERVER_ERROR: 1}
    assert good.requests == 2


def test_types_without_room_count_as_ignored_with_the_unusable_fields() -> None:
    snapshot = answered(UNKNOWN, {"a": 1.0, "b": 2.0, "c": 3.0}, ignored=4)
    assert list(snapshot.ledger) == ["a", "b"]
    assert snapshot.ignored_fields == 5


def test_the_ignored_fields_are_those_of_the_last_answer_alone() -> None:
    assert answered(answered(UNKNOWN, {}, ignored=4), {}, ignored=1).ignored_fields == 1


@given(st.lists(st.sampled_from([None, *Reason])))
def test_requests_are_successes_plus_failures_by_reason(results: list[Reason | None]) -> None:
    snapshot = UNKNOWN
    for reason in results:
        if reason is None:
            snapshot = answered(snapshot, {"credits": 1.0})
        else:
            snapshot = failed(snapshot, Failure(reason, "failed"), now=1000.0, duration=0.1)
    assert snapshot.requests == len(results)
    assert snapshot.failures == {reason: results.count(reason) for reason in results if reason is not None}


def test_a_failure_leaves_the_snapshot_before_it_as_it_was() -> None:
    once = failed(UNKNOWN, SERVER_ERROR, now=1000.0, duration=2.0)
    failed(once, SERVER_ERROR, now=1005.0, duration=2.0)
    assert once.failures == {Reason.SERVER_ERROR: 1}
    assert UNKNOWN.failures == {}


@pytest.mark.parametrize(("age", "fresh"), [(0.0, True), (299.999, True), (300.0, False), (301.0, False)])
def test_balances_are_fresh_until_stale_after_has_passed(age: float, fresh: bool) -> None:
    snapshot = failed(answered(UNKNOWN, {"credits": 1.0}, now=1000.0), SERVER_ERROR, now=1001.0, duration=0.1)
    assert snapshot.is_fresh(now=1000.0 + age) is fresh


def test_a_snapshot_cannot_be_changed() -> None:
    with pytest.raises(FrozenInstanceError):
        UNKNOWN.up = True  # type: ignore[misc]
