"""The invariant of the ledger: the balance moves by granted - consumed, whatever the answers."""

from __future__ import annotations

import sys
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shortgenius_exporter.core.balance import Balance
from shortgenius_exporter.core.ledger import Entry, Ledger, observe

TYPES = ("credits", "image_credits", "video_credits", "audio_credits")
WHOLE = st.integers(min_value=0, max_value=2**40).map(float)
FRACTIONS = st.floats(min_value=0, max_value=1e9, allow_nan=False)


def answers_of(amounts: st.SearchStrategy[float]) -> st.SearchStrategy[list[dict[str, float]]]:
    """Sequences of answers in which types appear, vanish and come back."""
    return st.lists(st.dictionaries(st.sampled_from(TYPES), amounts), max_size=30)


def history(answers: list[dict[str, float]], max_types: int = 32) -> list[Ledger]:
    """The ledger after each answer, the first at second 1."""
    ledgers: list[Ledger] = [{}]
    for now, credits in enumerate(answers, start=1):
        ledgers.append(observe(ledgers[-1], Balance(credits), float(now), max_types)[0])
    return ledgers[1:]


def first_balances(answers: list[dict[str, float]]) -> dict[str, float]:
    firsts: dict[str, float] = {}
    for credits in answers:
        firsts = credits | firsts
    return firsts


@given(answers_of(WHOLE))
def test_the_balance_moves_by_granted_minus_consumed(answers: list[dict[str, float]]) -> None:
    firsts = first_balances(answers)
    for ledger in history(answers):
        for name, entry in ledger.items():
            assert entry.balance - firsts[name] == entry.granted - entry.consumed


@given(answers_of(FRACTIONS))
def test_the_balance_moves_by_granted_minus_consumed_for_fractions_too(answers: list[dict[str, float]]) -> None:
    firsts = first_balances(answers)
    for ledger in history(answers)[-1:]:
        for name, entry in ledger.items():
            assert entry.balance - firsts[name] == pytest.approx(entry.granted - entry.consumed, rel=1e-9, abs=1e-4)


@given(answers_of(WHOLE))
def test_the_counters_sum_the_increases_and_decreases_between_the_answers_that_had_the_type(
    answers: list[dict[str, float]],
) -> None:
    for name, entry in (history(answers) or [{}])[-1].items():
        changes = [new - old for old, new in pairwise(credits[name] for credits in answers if name in credits)]
        assert entry.granted == sum(change for change in changes if change > 0)
        assert entry.consumed == -sum(change for change in changes if change < 0)


@given(answers_of(FRACTIONS))
def test_counters_never_decrease_and_a_type_once_seen_stays(answers: list[dict[str, float]]) -> None:
    for before, after in pairwise(history(answers)):
        assert before.keys() <= after.keys()
        for name, entry in before.items():
            assert after[name].consumed >= entry.consumed
            assert after[name].granted >= entry.granted
            assert after[name].first_seen == entry.first_seen


@given(answers_of(WHOLE))
def test_an_entry_says_what_the_last_answer_that_had_it_said_and_when(answers: list[dict[str, float]]) -> None:
    for name, entry in (history(answers) or [{}])[-1].items():
        sightings = [(now, credits[name]) for now, credits in enumerate(answers, start=1) if name in credits]
        assert (entry.last_seen, entry.balance) == sightings[-1]
        assert entry.first_seen == sightings[0][0]
        assert entry.reported is (name in answers[-1])


@given(answers_of(WHOLE))
def test_the_last_grant_is_the_last_rise_and_unknown_before_one(answers: list[dict[str, float]]) -> None:
    for name, entry in (history(answers) or [{}])[-1].items():
        sightings = [(now, credits[name]) for now, credits in enumerate(answers, start=1) if name in credits]
        rises = [now for (_, old), (now, new) in pairwise(sightings) if new > old]
        assert entry.last_grant == (rises[-1] if rises else None)


@given(answers_of(WHOLE), st.integers(min_value=1, max_value=3))
def test_the_ledger_never_has_more_than_max_types_and_known_types_keep_their_place(
    answers: list[dict[str, float]], max_types: int
) -> None:
    ledger: Ledger = {}
    for now, credits in enumerate(answers):
        after, refused = observe(ledger, Balance(credits), float(now), max_types)
        assert len(after) <= max_types
        assert list(after)[: len(ledger)] == list(ledger)
        assert refused == len(credits.keys() - after.keys())
        ledger = after


@given(answers_of(WHOLE))
def test_observing_leaves_the_ledger_before_as_it_was(answers: list[dict[str, float]]) -> None:
    ledger: Ledger = {}
    for credits in answers:
        kept = dict(ledger)
        after, _ = observe(ledger, Balance(credits), 1.0, 32)
        assert ledger == kept
        ledger = after


def test_the_first_sight_of_a_type_is_a_balance_and_no_grant() -> None:
    assert history([{"credits": 217.0}]) == [{"credits": Entry(217.0, first_seen=1.0, last_seen=1.0)}]


def test_a_spend_is_consumed_and_a_top_up_granted() -> None:
    ledger = history([{"credits": 100.0}, {"credits": 70.0}, {"credits": 570.0}])[-1]
    assert ledger == {
        "credits": Entry(570.0, first_seen=1.0, last_seen=3.0, consumed=30.0, granted=500.0, last_grant=3.0)
    }


def test_what_happened_while_a_type_was_missing_counts_when_it_is_back() -> None:
    ledgers = history([{"credits": 100.0, "image_credits": 8.0}, {"credits": 100.0}, {"image_credits": 5.0}])
    missing, back = ledgers[1]["image_credits"], ledgers[2]["image_credits"]
    assert missing == Entry(8.0, first_seen=1.0, last_seen=1.0, reported=False)
    assert back == Entry(5.0, first_seen=1.0, last_seen=3.0, consumed=3.0)


def test_an_unchanged_balance_is_neither_consumed_nor_granted() -> None:
    assert history([{"credits": 9.0}, {"credits": 9.0}])[-1] == {"credits": Entry(9.0, first_seen=1.0, last_seen=2.0)}


def test_totals_stay_finite_whatever_the_upstream_claims() -> None:
    entry = history([{"credits": amount} for amount in (1.5e308, 0.0, 1.5e308, 0.0, 1.5e308)])[-1]["credits"]
    assert (entry.consumed, entry.granted) == (sys.float_info.max, sys.float_info.max)


def test_a_lower_cap_drops_nothing_that_is_known() -> None:
    known = history([{"credits": 1.0, "image_credits": 2.0}])[-1]
    after, refused = observe(known, Balance({"credits": 1.0, "image_credits": 2.0, "new_credits": 3.0}), 2.0, 1)
    assert list(after) == ["credits", "image_credits"]
    assert refused == 1
