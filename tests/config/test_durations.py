from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shortgenius_exporter.config import format_duration, parse_duration


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("500ms", 0.5),
        ("30s", 30.0),
        ("1m", 60.0),
        ("1h30m", 5400.0),
        ("1d", 86_400.0),
        ("1w", 604_800.0),
        ("1y", 31_536_000.0),
        ("1y2w3d4h5m6s7ms", 33_019_506.007),
        ("90m", 5400.0),
        ("0s", 0.0),
        ("007s", 7.0),
        ("999999999999ms", 999_999_999.999),
    ],
)
def test_durations_are_those_of_prometheus(text: str, seconds: float) -> None:
    assert parse_duration(text) == seconds


@pytest.mark.parametrize(
    "text", ["", " ", "s", "1", "-1s", "1.5h", "1S", "1m 30s", "30s1m", "1s1s", "1min", "٣s", "1s\n", "1000000000000ms"]
)
def test_anything_else_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"has no unit|is not a duration"):
        parse_duration(text)


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0, "0s"),
        (0.1, "100ms"),
        (0.57, "570ms"),
        (90, "1m30s"),
        (5400, "1h30m"),
        (604_800, "1w"),
        (2_592_000, "30d"),
        (31_536_000, "1y"),
    ],
)
def test_durations_are_written_as_prometheus_does(seconds: float, text: str) -> None:
    assert format_duration(seconds) == text


@given(st.integers(0, 10**13))
def test_what_is_written_reads_the_same(milliseconds: int) -> None:
    assert parse_duration(format_duration(milliseconds / 1000)) == milliseconds / 1000
