"""The next renewal: monthly in a time zone, or periodic."""

from __future__ import annotations

import calendar
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shortgenius_exporter.core.renewal import MonthlyRenewal, PeriodicRenewal, next_renewal

DAY = 86_400.0
# Zones whose offset moves, some of them at midnight, some by half an hour.
ZONES = ("UTC", "Europe/Berlin", "America/New_York", "America/Sao_Paulo", "Asia/Beirut", "Australia/Lord_Howe")
MOMENTS = st.floats(
    min_value=datetime(1995, 1, 1, tzinfo=UTC).timestamp(), max_value=datetime(2090, 1, 1, tzinfo=UTC).timestamp()
)


def at(text: str, zone: str = "UTC") -> float:
    """Unix seconds of a local time such as ``2026-01-31 00:00``."""
    return datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(zone)).timestamp()


@pytest.mark.parametrize(
    ("day", "now", "expected"),
    [
        pytest.param(1, "2026-01-15 12:00", "2026-02-01", id="later this month is over"),
        pytest.param(20, "2026-01-15 12:00", "2026-01-20", id="still this month"),
        pytest.param(15, "2026-01-15 00:00", "2026-02-15", id="the moment itself has passed"),
        pytest.param(15, "2026-01-14 23:59:59.999", "2026-01-15", id="just before"),
        pytest.param(31, "2026-01-31 00:00", "2026-02-28", id="clamped to February"),
        pytest.param(31, "2026-02-28 00:00", "2026-03-31", id="clamping does not stick"),
        pytest.param(30, "2028-02-01 00:00", "2028-02-29", id="leap year"),
        pytest.param(29, "2028-02-29 00:00", "2028-03-29", id="after the leap day"),
        pytest.param(29, "2100-02-01 00:00", "2100-02-28", id="no leap year in 2100"),
        pytest.param(31, "2026-04-01 00:00", "2026-04-30", id="30 days"),
        pytest.param(1, "2026-12-31 23:59", "2027-01-01", id="next year"),
        pytest.param(31, "2026-12-31 00:00", "2027-01-31", id="from December to January"),
    ],
)
def test_monthly_renewal_in_utc(day: int, now: str, expected: str) -> None:
    assert next_renewal(MonthlyRenewal(day), at(now)) == at(expected)


@pytest.mark.parametrize(
    ("zone", "now", "expected"),
    [
        ("Europe/Berlin", "2026-03-15T00:00+00:00", "2026-03-31T22:00+00:00"),
        ("Europe/Berlin", "2026-10-15T00:00+00:00", "2026-10-31T23:00+00:00"),
        ("America/New_York", "2026-01-01T04:59+00:00", "2026-01-01T05:00+00:00"),
        ("Pacific/Auckland", "2026-01-15T00:00+00:00", "2026-01-31T11:00+00:00"),
        ("Pacific/Auckland", "2026-01-31T11:00+00:00", "2026-02-28T11:00+00:00"),
        ("Asia/Kolkata", "2026-01-15T00:00+00:00", "2026-01-31T18:30+00:00"),
    ],
)
def test_the_first_of_the_month_begins_at_local_midnight(zone: str, now: str, expected: str) -> None:
    moment = next_renewal(MonthlyRenewal(1, zone), datetime.fromisoformat(now).timestamp())
    assert datetime.fromtimestamp(moment, UTC).isoformat(timespec="minutes") == expected


def test_a_midnight_that_does_not_exist_is_the_first_moment_of_its_day() -> None:
    # On 2018-11-04 the clocks of São Paulo went from 00:00 to 01:00.
    moment = next_renewal(MonthlyRenewal(4, "America/Sao_Paulo"), at("2018-11-01", "America/Sao_Paulo"))
    local = datetime.fromtimestamp(moment, ZoneInfo("America/Sao_Paulo"))
    assert local.isoformat() == "2018-11-04T01:00:00-02:00"
    just_before = datetime.fromtimestamp(moment - 1, ZoneInfo("America/Sao_Paulo"))
    assert just_before.isoformat() == "2018-11-03T23:59:59-03:00"


def test_a_midnight_that_comes_twice_renews_once_at_the_first() -> None:
    # On 2020-11-01 the clocks of Havana went from 01:00 back to 00:00.
    renewal = MonthlyRenewal(1, "America/Havana")
    moment = next_renewal(renewal, at("2020-10-15", "America/Havana"))
    assert datetime.fromtimestamp(moment, ZoneInfo("America/Havana")).isoformat() == "2020-11-01T00:00:00-04:00"
    assert next_renewal(renewal, moment) == at("2020-12-01", "America/Havana")


@given(st.integers(min_value=1, max_value=31), st.sampled_from(ZONES), MOMENTS)
def test_a_monthly_renewal_is_after_now_and_at_most_31_days_ahead(day: int, zone: str, now: float) -> None:
    moment = next_renewal(MonthlyRenewal(day, zone), now)
    # A month in which the clocks go back is up to an hour longer.
    assert now < moment <= now + 31 * DAY + 3600


@given(st.integers(min_value=1, max_value=31), st.sampled_from(ZONES), MOMENTS)
def test_a_monthly_renewal_falls_on_its_day_or_the_last_of_the_month(day: int, zone: str, now: float) -> None:
    local = datetime.fromtimestamp(next_renewal(MonthlyRenewal(day, zone), now), ZoneInfo(zone))
    assert local.day == min(day, calendar.monthrange(local.year, local.month)[1])
    assert (local.hour, local.minute) in {(0, 0), (1, 0)}


@given(st.integers(min_value=1, max_value=31), st.sampled_from(ZONES), MOMENTS, MOMENTS)
def test_no_monthly_renewal_is_skipped(day: int, zone: str, one: float, other: float) -> None:
    renewal = MonthlyRenewal(day, zone)
    earlier, later = sorted((one, other))
    moment = next_renewal(renewal, earlier)
    assert next_renewal(renewal, later) == moment if later < moment else next_renewal(renewal, later) > moment


@pytest.mark.parametrize(
    ("now", "expected"), [(0.0, 1000.0), (999.9, 1000.0), (1000.0, 1030.0), (1029.0, 1030.0), (1065.0, 1090.0)]
)
def test_a_periodic_renewal_counts_from_its_start(now: float, expected: float) -> None:
    assert next_renewal(PeriodicRenewal(every=30.0, start=1000.0), now) == expected


@given(st.floats(min_value=1.0, max_value=400 * DAY), MOMENTS, MOMENTS)
def test_a_periodic_renewal_is_after_now_and_at_most_one_period_ahead(every: float, start: float, now: float) -> None:
    moment = next_renewal(PeriodicRenewal(every, start), now)
    assert moment > now
    assert moment == start if now < start else moment <= now + every + 1e-5


@given(st.integers(min_value=1, max_value=10**6), st.integers(min_value=0, max_value=10**5))
def test_at_the_moment_of_a_periodic_renewal_the_next_is_one_period_ahead(every: int, periods: int) -> None:
    now = 1_700_000_000.0 + every * periods
    assert next_renewal(PeriodicRenewal(every, 1_700_000_000.0), now) == now + every


def test_a_periodic_renewal_that_rounding_puts_at_now_is_the_one_after() -> None:
    renewal = PeriodicRenewal(0.7, 1767225600.123456)
    now = renewal.start
    for _ in range(10):
        following = next_renewal(renewal, now)
        assert following > now
        now = following
