"""The schedule, driven by made-up time."""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from shortgenius_exporter.core.reason import Reason
from shortgenius_exporter.polling.schedule import Outcome, Schedule, Slot, first_polls

GOOD = Outcome()
BAD = Outcome(Reason.SERVER_ERROR)


def schedule(requests_per_second: float = 0.0) -> Schedule:
    return Schedule(lambda: 0.0, requests_per_second)


def names(slots: list[Slot]) -> list[str]:
    return [slot.name for slot in slots]


def test_an_account_is_first_due_at_its_first_poll() -> None:
    polls = schedule()
    polls.add("a", 60.0, first=10.0)
    assert polls.next_due() == 10.0
    assert polls.due(9.999) == []
    assert names(polls.due(10.0)) == ["a"]


def test_what_is_due_comes_soonest_first() -> None:
    polls = schedule()
    for name, first in (("late", 3.0), ("early", 1.0), ("middle", 2.0), ("future", 4.0)):
        polls.add(name, 60.0, first)
    assert names(polls.due(3.5)) == ["early", "middle", "late"]
    assert polls.next_due() == 4.0


def test_an_account_in_flight_is_not_due_however_long_it_takes() -> None:
    polls = schedule()
    polls.add("a", 1.0, first=0.0)
    polls.due(0.0)
    assert polls.next_due() is None
    assert polls.due(1e9) == []


@pytest.mark.parametrize(
    ("finished", "following"),
    [
        pytest.param(0.5, 60.0, id="quick"),
        pytest.param(59.9, 60.0, id="slow"),
        pytest.param(60.0, 120.0, id="on the next tick"),
        pytest.param(200.0, 240.0, id="missed ticks are skipped"),
    ],
)
def test_a_success_is_followed_at_the_next_tick_of_the_phase(finished: float, following: float) -> None:
    polls = schedule()
    slot = polls.add("a", 60.0, first=0.0)
    polls.due(0.0)
    polls.done(slot, GOOD, finished)
    assert polls.next_due() == following


def test_a_late_start_does_not_move_the_phase() -> None:
    polls = schedule()
    slot = polls.add("a", 60.0, first=7.0)
    polls.due(50.0)
    polls.done(slot, GOOD, 51.0)
    assert polls.next_due() == 67.0


def test_failures_back_off_and_a_success_returns_to_the_phase() -> None:
    polls = schedule()
    slot = polls.add("a", 60.0, first=0.0)
    now, waits = 0.0, []
    for _ in range(4):
        polls.due(now)
        polls.done(slot, BAD, now)
        waits.append(slot.due - now)
        now = slot.due
    assert waits == [5.0, 10.0, 20.0, 40.0]
    polls.due(now)
    polls.done(slot, GOOD, now)
    assert polls.next_due() == 120.0
    polls.due(120.0)
    polls.done(slot, BAD, 120.0)
    assert polls.next_due() == 125.0


def test_a_failure_is_retried_no_sooner_than_the_api_asked() -> None:
    polls = schedule()
    slot = polls.add("a", 1.0, first=0.0)
    polls.due(0.0)
    polls.done(slot, Outcome(Reason.RATE_LIMITED, retry_after=99.0), 1.0)
    assert polls.next_due() == 100.0


def test_the_requests_of_all_accounts_keep_their_distance() -> None:
    polls = schedule(requests_per_second=4.0)
    for i in range(3):
        polls.add(f"a{i}", 60.0, first=0.0)
    started = []
    now = 0.0
    while (following := polls.next_due()) is not None:
        now = max(now, following)
        started += [(slot.name, now) for slot in polls.due(now)]
    assert started == [("a0", 0.0), ("a1", 0.25), ("a2", 0.5)]


def test_an_idle_time_is_not_made_up_for() -> None:
    polls = schedule(requests_per_second=4.0)
    for i in range(3):
        polls.add(f"a{i}", 60.0, first=0.0)
    assert len(polls.due(100.0)) == 1
    assert polls.next_due() == 100.25


def test_the_limit_can_be_lifted() -> None:
    polls = schedule(requests_per_second=0.01)
    for i in range(3):
        polls.add(f"a{i}", 60.0, first=0.0)
    polls.due(0.0)
    polls.limit(0.0)
    assert names(polls.due(100.0)) == ["a1", "a2"]


def test_a_removed_account_is_never_due_again() -> None:
    polls = schedule()
    polls.add("a", 60.0, first=0.0)
    polls.remove("a")
    assert polls.next_due() is None


def test_the_end_of_a_poll_of_a_removed_account_is_forgotten() -> None:
    polls = schedule()
    slot = polls.add("a", 60.0, first=0.0)
    polls.due(0.0)
    polls.remove("a")
    polls.done(slot, GOOD, 1.0)
    assert polls.next_due() is None


def test_an_account_that_comes_back_is_new_and_the_old_poll_does_not_touch_it() -> None:
    polls = schedule()
    old = polls.add("a", 60.0, first=0.0)
    polls.due(0.0)
    polls.remove("a")
    polls.add("a", 60.0, first=5.0)
    polls.done(old, BAD, 1.0)
    assert polls.next_due() == 5.0


def test_waking_makes_an_account_due_at_once_even_while_it_backs_off() -> None:
    polls = schedule()
    slot = polls.add("a", 60.0, first=0.0)
    polls.due(0.0)
    polls.done(slot, Outcome(Reason.AUTH), 0.0)
    polls.wake("a", 3.0)
    assert polls.next_due() == 3.0
    assert names(polls.due(3.0)) == ["a"]


def test_the_turn_that_a_woken_account_had_before_is_gone() -> None:
    polls = schedule()
    slot = polls.add("a", 60.0, first=60.0)
    polls.add("b", 60.0, first=10.0)
    polls.wake("a", 3.0)
    polls.due(3.0)
    polls.done(slot, Outcome(Reason.AUTH), 3.0)
    assert names(polls.due(60.0)) == ["b"]
    assert polls.next_due() == 753.0


def test_waking_an_account_in_flight_has_it_polled_once_more() -> None:
    polls = schedule()
    slot = polls.add("a", 60.0, first=0.0)
    polls.due(0.0)
    polls.wake("a", 1.0)
    assert polls.due(1.0) == []
    polls.done(slot, BAD, 2.0)
    assert names(polls.due(2.0)) == ["a"]
    polls.done(slot, GOOD, 3.0)
    assert polls.next_due() == 60.0


@pytest.mark.parametrize("in_flight", [False, True])
def test_a_woken_account_backs_off_from_the_beginning_again(in_flight: bool) -> None:
    polls = schedule()
    slot = polls.add("a", 60.0, first=0.0)
    for _ in range(9):
        polls.due(slot.due)
        polls.done(slot, BAD, slot.due)
    if in_flight:
        polls.due(slot.due)
        polls.wake("a", slot.due)
        polls.done(slot, BAD, slot.due)
    else:
        polls.wake("a", slot.due - 1.0)
    now = slot.due
    polls.due(now)
    polls.done(slot, BAD, now)
    assert polls.next_due() == now + 5.0


def test_waking_does_not_delay_what_is_already_due() -> None:
    polls = schedule()
    polls.add("a", 60.0, first=0.0)
    polls.wake("a", 5.0)
    assert polls.next_due() == 0.0


@pytest.mark.parametrize(
    ("interval", "following"), [pytest.param(10.0, 30.0, id="shorter"), pytest.param(600.0, 60.0, id="longer")]
)
def test_a_new_interval_keeps_the_phase_and_never_loses_the_next_poll(interval: float, following: float) -> None:
    polls = schedule()
    slot = polls.add("a", 60.0, first=0.0)
    polls.due(0.0)
    polls.done(slot, GOOD, 1.0)
    polls.change_interval("a", interval, 25.0)
    assert polls.next_due() == following
    polls.due(following)
    polls.done(slot, GOOD, following)
    assert polls.next_due() == math.floor(following / interval + 1) * interval


def test_a_new_interval_does_not_cut_a_backoff_short() -> None:
    polls = schedule()
    slot = polls.add("a", 600.0, first=0.0)
    polls.due(0.0)
    polls.done(slot, Outcome(Reason.AUTH), 0.0)
    before = polls.next_due()
    polls.change_interval("a", 1.0, 2.0)
    assert polls.next_due() == before == 750.0


def test_a_new_interval_does_not_start_a_second_poll() -> None:
    polls = schedule()
    polls.add("a", 600.0, first=0.0)
    polls.due(0.0)
    polls.change_interval("a", 1.0, 2.0)
    assert polls.due(100.0) == []


@given(
    st.floats(min_value=0.1, max_value=86_400),
    st.floats(min_value=0, max_value=1e7),
    st.lists(st.floats(min_value=0, max_value=1e5), min_size=1, max_size=20),
)
def test_regular_polls_keep_their_phase_whatever_the_polls_last(
    interval: float, first: float, durations: list[float]
) -> None:
    polls = schedule()
    slot = polls.add("a", interval, first)
    for duration in durations:
        began = slot.due
        assert polls.due(began) == [slot]
        polls.done(slot, GOOD, began + duration)
        assert began + duration < slot.due <= began + duration + interval * (1 + 1e-6)
        ticks = (slot.due - first) / interval
        assert ticks == pytest.approx(round(ticks), abs=1e-3)


def test_first_polls_come_at_20_a_second() -> None:
    assert first_polls([60.0] * 5, now=100.0) == pytest.approx([100.0, 100.05, 100.1, 100.15, 100.2])


def test_of_no_accounts_there_are_no_first_polls() -> None:
    assert first_polls([], now=100.0) == []


@given(st.lists(st.floats(min_value=0.1, max_value=3600), min_size=1, max_size=500))
def test_first_polls_are_spread_and_come_within_the_own_interval(intervals: list[float]) -> None:
    firsts = first_polls(intervals, now=1000.0)
    assert len(firsts) == len(intervals)
    for first, interval in zip(firsts, intervals, strict=True):
        assert 1000.0 <= first < 1000.0 + min(interval, len(intervals) / 20 + 1e-6)


@given(st.integers(min_value=2, max_value=500))
def test_first_polls_of_a_uniform_fleet_are_evenly_spread(accounts: int) -> None:
    firsts = first_polls([60.0] * accounts, now=0.0)
    gaps = [later - earlier for earlier, later in pairwise(firsts)]
    assert gaps == pytest.approx([0.05] * (accounts - 1))


NAMES = st.sampled_from("abcd")
OUTCOMES = st.builds(
    Outcome,
    st.sampled_from([None, None, *Reason]),
    st.none() | st.floats(min_value=0, max_value=10_000),
)


@dataclass
class Watched:
    """What the machine knows of one account."""

    slot: Slot
    failed_at: float | None = None
    woken: bool = False


class AnyOrder(RuleBasedStateMachine):
    """Whatever happens in whatever order, the promises of the schedule hold."""

    def __init__(self) -> None:
        super().__init__()
        self.now = 0.0
        self.schedule = Schedule(lambda: 0.0)
        self.watched: dict[str, Watched] = {}
        self.in_flight: list[Slot] = []
        self.spacing = 0.0
        self.last_start = -math.inf

    @initialize(per_second=st.sampled_from([0.0, 0.5, 10.0]))
    def limit(self, per_second: float) -> None:
        self.schedule.limit(per_second)
        self.spacing = 1 / per_second if per_second else 0.0

    @rule(name=NAMES, interval=st.sampled_from([0.1, 1.0, 60.0, 3600.0]), wait=st.floats(min_value=0, max_value=60))
    def add(self, name: str, interval: float, wait: float) -> None:
        if name not in self.watched:
            self.watched[name] = Watched(self.schedule.add(name, interval, self.now + wait))

    @rule(name=NAMES)
    def remove(self, name: str) -> None:
        self.schedule.remove(name)
        self.watched.pop(name, None)

    @rule(name=NAMES)
    def wake(self, name: str) -> None:
        if name in self.watched:
            self.schedule.wake(name, self.now)
            self.watched[name].woken = True

    @rule(name=NAMES, interval=st.sampled_from([0.1, 5.0, 7200.0]))
    def change_interval(self, name: str, interval: float) -> None:
        if name in self.watched:
            self.schedule.change_interval(name, interval, self.now)

    @rule(seconds=st.floats(min_value=0, max_value=100))
    def time_passes(self, seconds: float) -> None:
        self.now += seconds

    @precondition(lambda self: self.schedule.next_due() is not None)
    @rule()
    def time_passes_until_something_is_due(self) -> None:
        self.now = max(self.now, self.schedule.next_due() or 0.0)
        self.start()

    @rule()
    def start(self) -> None:
        following = self.schedule.next_due()
        started = self.schedule.due(self.now)
        assert bool(started) is (following is not None and following <= self.now)
        for slot in started:
            self.check_start(slot)

    def check_start(self, slot: Slot) -> None:
        watched = self.watched[slot.name]
        assert watched.slot is slot, "polled though removed"
        assert slot not in self.in_flight, "polled twice at once"
        assert slot.due <= self.now, "polled before it was due"
        if watched.failed_at is not None and not watched.woken:
            assert self.now >= watched.failed_at + 5, "polled within 5 s of a failure"
        if self.spacing:
            assert self.now - self.last_start >= self.spacing * (1 - 1e-6), "polled faster than the limit"
        watched.woken = False
        self.last_start = self.now
        self.in_flight.append(slot)

    @precondition(lambda self: self.in_flight)
    @rule(data=st.data(), outcome=OUTCOMES)
    def finish(self, data: st.DataObject, outcome: Outcome) -> None:
        slot = self.in_flight.pop(data.draw(st.integers(0, len(self.in_flight) - 1)))
        self.schedule.done(slot, outcome, self.now)
        watched = self.watched.get(slot.name)
        if watched is None or watched.slot is not slot:
            return
        watched.failed_at = None if outcome.reason is None else self.now
        if outcome.reason is None and not watched.woken:
            # Woken before its first poll, an account still has that poll in its turn.
            assert self.now < slot.due <= max(self.now + slot.interval * (1 + 1e-6), slot.phase)

    @invariant()
    def every_account_is_in_flight_or_will_be_due(self) -> None:
        idle = [watched.slot for watched in self.watched.values() if watched.slot not in self.in_flight]
        following = self.schedule.next_due()
        assert (following is None) is (not idle)
        if following is not None:
            assert following >= min(slot.due for slot in idle)


TestAnyOrder = AnyOrder.TestCase
