"""How long to wait after failures."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shortgenius_exporter.core.reason import Reason
from shortgenius_exporter.polling.backoff import retry_delay

FAILURES = st.integers(min_value=1, max_value=10**6)
REASONS = st.sampled_from(list(Reason))
OTHER_REASONS = st.sampled_from([reason for reason in Reason if reason is not Reason.AUTH])
WAITS = st.none() | st.floats(min_value=0, max_value=1e12)
INTERVALS = st.floats(min_value=0.1, max_value=7 * 86_400)
RANDOMS = st.floats(min_value=0, max_value=1, exclude_max=True)


def delay(
    failures: int,
    reason: Reason = Reason.TIMEOUT,
    retry_after: float | None = None,
    interval: float = 60.0,
    random: float = 0.0,
) -> float:
    return retry_delay(failures, reason, retry_after, interval, lambda: random)


def test_without_jitter_the_delay_doubles_from_5_seconds_up_to_the_ceiling() -> None:
    assert [delay(failures) for failures in range(1, 11)] == [5, 10, 20, 40, 80, 160, 320, 640, 750, 750]


def test_jitter_adds_up_to_a_fifth() -> None:
    assert delay(1, random=1.0) == pytest.approx(6.0)
    assert delay(1, random=0.5) == pytest.approx(5.5)


def test_the_ceiling_with_all_jitter_is_15_minutes() -> None:
    assert delay(100, random=1.0) == pytest.approx(900.0)


def test_an_interval_longer_than_15_minutes_is_the_ceiling() -> None:
    assert delay(100, interval=3600.0, random=1.0) == pytest.approx(3600.0)


@pytest.mark.parametrize("failures", [1, 2, 50])
def test_a_rejected_key_goes_straight_to_the_slow_end(failures: int) -> None:
    assert delay(failures, Reason.AUTH, random=1.0) == pytest.approx(900.0)


@pytest.mark.parametrize(
    ("retry_after", "expected"), [(None, 5.0), (0.0, 5.0), (3.0, 5.0), (30.0, 30.0), (3600.0, 3600.0), (1e9, 3600.0)]
)
def test_retry_after_only_lengthens_the_wait_by_at_most_an_hour(retry_after: float | None, expected: float) -> None:
    assert delay(1, Reason.RATE_LIMITED, retry_after) == expected


@given(FAILURES, REASONS, WAITS, INTERVALS, RANDOMS)
def test_a_retry_is_never_sooner_than_5_seconds_nor_later_than_the_ceiling_or_the_hour(
    failures: int, reason: Reason, retry_after: float | None, interval: float, random: float
) -> None:
    wait = delay(failures, reason, retry_after, interval, random)
    assert 5.0 <= wait <= max(900.0, interval, min(retry_after or 0.0, 3600.0)) * (1 + 1e-9)


@given(FAILURES, REASONS, WAITS, INTERVALS, RANDOMS)
def test_what_the_api_asks_for_is_obeyed_up_to_an_hour(
    failures: int, reason: Reason, retry_after: float | None, interval: float, random: float
) -> None:
    wait = delay(failures, reason, retry_after, interval, random)
    assert wait >= min(retry_after or 0.0, 3600.0)
    assert wait >= delay(failures, reason, None, interval, random)


@given(st.integers(min_value=1, max_value=200), OTHER_REASONS, INTERVALS, RANDOMS)
def test_one_more_failure_never_shortens_the_wait(
    failures: int, reason: Reason, interval: float, random: float
) -> None:
    assert delay(failures + 1, reason, None, interval, random) >= delay(failures, reason, None, interval, random)
