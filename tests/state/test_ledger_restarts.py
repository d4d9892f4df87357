"""The ledger with restarts: saved and read back anywhere in any sequence of answers, it is the uninterrupted one."""

from __future__ import annotations

import sqlite3
from contextlib import closing

from hypothesis import given
from hypothesis import strategies as st

from shortgenius_exporter.core.balance import Balance
from shortgenius_exporter.core.ledger import Ledger, observe
from shortgenius_exporter.state import schema
from shortgenius_exporter.state.remembered import Remembered

TYPES = ("credits", "image_credits", "video_credits")
Answer = dict[str, float]
# Each answer, and whether the exporter ends after it: saved, or killed with the last save as it is.
SAVE, KILL, GO_ON = "save", "kill", "go on"


def steps(amounts: st.SearchStrategy[float]) -> st.SearchStrategy[list[tuple[Answer, str]]]:
    answers = st.dictionaries(st.sampled_from(TYPES), amounts)
    return st.lists(st.tuples(answers, st.sampled_from((SAVE, KILL, GO_ON))), max_size=25)


WHOLE = steps(st.integers(min_value=0, max_value=2**40).map(float))
ANY = steps(st.floats(min_value=0, allow_nan=False, allow_infinity=False))


def observed(ledger: Ledger, answer: Answer, now: int) -> Ledger:
    return observe(ledger, Balance(answer), float(now), 32)[0]


def saved_and_read(ledger: Ledger) -> Ledger:
    """Through the tables of the state file, in a new one."""
    with closing(sqlite3.connect(":memory:", isolation_level=None)) as connection:
        schema.prepare(connection)
        schema.write(connection, {"studio": Remembered(ledger)}, ())
        return schema.read(connection)["studio"].ledger


@given(ANY)
def test_a_ledger_restarted_anywhere_equals_the_uninterrupted_one(history: list[tuple[Answer, str]]) -> None:
    restarted: Ledger = {}
    uninterrupted: Ledger = {}
    for now, (answer, then) in enumerate(history):
        restarted, uninterrupted = observed(restarted, answer, now), observed(uninterrupted, answer, now)
        if then != GO_ON:
            restarted = saved_and_read(restarted)
    assert restarted == uninterrupted
    assert list(restarted) == list(uninterrupted)


@given(WHOLE)
def test_a_ledger_killed_between_saves_keeps_the_invariant_from_its_first_saved_sight(
    history: list[tuple[Answer, str]],
) -> None:
    ledger: Ledger = {}
    saved: Ledger = {}
    firsts: dict[str, float] = {}
    for now, (answer, then) in enumerate(history):
        firsts = answer | firsts
        ledger = observed(ledger, answer, now)
        if then == SAVE:
            saved = saved_and_read(ledger)
        elif then == KILL:
            ledger = saved
            firsts = {name: first for name, first in firsts.items() if name in saved}
    for name, entry in ledger.items():
        assert entry.balance - firsts[name] == entry.granted - entry.consumed


@given(WHOLE)
def test_what_is_only_spent_is_counted_to_the_credit_whatever_is_killed_between_saves(
    history: list[tuple[Answer, str]],
) -> None:
    balance = opening = 1e15
    ledger = saved = observed({}, {"credits": balance}, 0)
    for now, (answer, then) in enumerate(history, start=1):
        balance -= answer.get("credits", 0.0)
        ledger = observed(ledger, {"credits": balance}, now)
        if then == SAVE:
            saved = saved_and_read(ledger)
        elif then == KILL:
            ledger = saved
    after = observed(ledger, {"credits": balance}, 99)["credits"]
    assert (after.consumed, after.granted) == (opening - balance, 0.0)
