"""``Retry-After`` as the servers of the world write it."""

from __future__ import annotations

import time
from collections.abc import Iterator
from datetime import UTC, datetime
from email.utils import format_datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shortgenius_exporter.api.retry_after import parse_retry_after

NOW = datetime(2026, 1, 15, 12, 0, tzinfo=UTC).timestamp()


@pytest.fixture
def far_from_utc(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    with monkeypatch.context() as patch:
        patch.setenv("TZ", "Asia/Tokyo")
        time.tzset()
        yield
    time.tzset()


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        (None, None),
        ("0", 0.0),
        ("5", 5.0),
        ("120", 120.0),
        (" 7 ", 7.0),
        ("007", 7.0),
        ("9" * 4000, 999999999999.0),
        ("Thu, 15 Jan 2026 12:01:00 GMT", 60.0),
        ("Thursday, 15-Jan-26 12:01:00 GMT", 60.0),
        ("Thu Jan 15 12:01:00 2026", 60.0),
        ("Thu, 15 Jan 2026 12:01:00 -0000", 60.0),
        ("Thu, 15 Jan 2026 13:01:00 +0100", 60.0),
        ("Thu, 15 Jan 2026 12:00:00 GMT", None),
        ("Thu, 15 Jan 2026 11:00:00 GMT", None),
        ("", None),
        ("soon", None),
        ("-5", None),
        ("+5", None),
        ("1.5", None),
        ("1e3", None),
        ("٣", None),
        ("²", None),
        ("Thu, 99 Jan 2026 12:01:00 GMT", None),
        ("Thu, 15 Jan 99999 12:01:00 GMT", None),
        ("Thu, 15 Jan 2026 12:01:00 +9999", None),
    ],
    ids=lambda value: repr(value)[:40],
)
@pytest.mark.usefixtures("far_from_utc")
def test_seconds_and_dates_are_understood_and_anything_else_is_absent(
    header: str | None, seconds: float | None
) -> None:
    assert parse_retry_after(header, NOW) == seconds


@given(st.integers(min_value=1, max_value=10**6))
def test_a_date_is_as_long_a_wait_as_the_seconds_to_it(seconds: int) -> None:
    date = format_datetime(datetime.fromtimestamp(NOW + seconds, UTC), usegmt=True)
    assert parse_retry_after(date, NOW) == parse_retry_after(str(seconds), NOW) == seconds


DATE_WORDS = st.sampled_from(
    ["Thu,", "15", "Jan", "2026", "12:01:00", "12.01", "GMT", "+9999", "-0000", "99", "0", ":", "(", "-", "1:2:3:4"]
)


@given(st.text() | st.lists(DATE_WORDS, max_size=8).map(" ".join))
def test_no_header_is_worse_than_absent(header: str) -> None:
    wait = parse_retry_after(header, NOW)
    assert wait is None or wait >= 0
