from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shortgenius_exporter.words import amount, printable, span


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (-5, "0 s"),
        (0.9, "0 s"),
        (59, "59 s"),
        (61, "1 min 1 s"),
        (3600, "1 h"),
        (3601, "1 h"),
        (93_784, "1 d 2 h"),
        (86_399.9, "23 h 59 min"),
        (400 * 86_400, "400 d"),
    ],
)
def test_a_span_has_its_two_largest_units(seconds: float, words: str) -> None:
    assert span(seconds) == words


@pytest.mark.parametrize(("credits", "words"), [(0, "0"), (1234567.5, "1,234,567.50"), (217.0, "217")])
def test_an_amount_has_its_thousands_apart(credits: float, words: str) -> None:
    assert amount(credits) == words


@given(st.text())
def test_printable_text_is_printable_and_letters_stay(text: str) -> None:
    assert printable(text).isprintable()
    assert printable("Ünï 東") == "Ünï 東"
    assert printable("a\n\x1b[31m\u202eb") == "a\\n\\x1b[31m\\u202eb"
