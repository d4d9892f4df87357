from itertools import pairwise, takewhile
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shortgenius_exporter.core.renewal import MonthlyRenewal, PeriodicRenewal
from shortgenius_exporter.core.secret import Secret
from shortgenius_exporter.simulator.habits import Habit
from shortgenius_exporter.simulator.model import Books, World, events, history
from shortgenius_exporter.simulator.plan import Deposit, Event, Kind, Plan, SimulatedAccount

HOUR = 3_600.0
DAY = 24 * HOUR
START = 1_767_225_600.0  # 2026-01-01 00:00 UTC, a Thursday

amounts = st.integers(0, 500)
plans = st.builds(
    Plan,
    allowance=st.fixed_dictionaries({"credits": amounts, "image_credits": amounts}),
    burn=st.fixed_dictionaries({}, optional={"credits": st.floats(0, 900), "image_credits": st.floats(0, 90)}),
    habit=st.sampled_from(Habit),
    renewal=st.none()
    | st.builds(PeriodicRenewal, every=st.floats(HOUR, 9 * DAY), start=st.floats(START - DAY, START + DAY))
    | st.builds(MonthlyRenewal, day=st.integers(1, 31)),
    opening=st.fixed_dictionaries({}, optional={"credits": amounts}),
    top_ups=st.lists(st.builds(Deposit, st.floats(0, 9 * DAY), st.just("credits"), amounts), max_size=3).map(tuple),
    tick=st.sampled_from([300.0, HOUR]),
)
accounts = st.builds(
    SimulatedAccount,
    name=st.sampled_from(["studio", "labs"]),
    key=st.just(Secret("sk-1")),
    plan=plans,
    start=st.sampled_from([START, START + 0.1]),
)


def account(**plan: Any) -> SimulatedAccount:
    return SimulatedAccount("studio", Secret("sk-studio"), Plan(**plan), START)


def world(*accounts: SimulatedAccount, start: float = START) -> World:
    return World(accounts, seed=1, start=start)


@given(accounts, st.lists(st.floats(0, 20 * DAY), max_size=5))
def test_books_balance_and_are_never_negative(account: SimulatedAccount, moments: list[float]) -> None:
    simulated = world(account)
    for moment in moments:
        simulated.advance(START + moment)
        for books in simulated.books(account.name).values():
            assert books.balance == books.opening + books.granted - books.spent - books.expired
            assert min(books.balance, books.spent, books.granted, books.expired) >= 0


@given(accounts)
def test_events_explain_every_balance(account: SimulatedAccount) -> None:
    simulated = world(account)
    simulated.advance(START + 9 * DAY)
    books = simulated.books(account.name)
    for credit_type, line in books.items():
        deltas = [event.delta for event in simulated.events(account.name) if event.credit_type == credit_type]
        assert line.balance == line.opening + sum(deltas)
        assert line.fell == -sum(delta for delta in deltas if delta < 0)
        assert line.granted == sum(delta for delta in deltas if delta > 0)


@given(accounts, st.integers(0, 3), st.floats(600, 2 * DAY))
def test_history_is_what_a_world_answers(account: SimulatedAccount, seed: int, step: float) -> None:
    simulated = World([account], seed, START)
    for now, balances in history(account, seed, START, START + 9 * DAY, step):
        simulated.advance(now)
        assert simulated.balances(account.name) == balances


@given(accounts, st.integers(0, 3))
def test_same_seed_gives_the_same_history_however_it_is_stepped(account: SimulatedAccount, seed: int) -> None:
    fine = dict(history(account, seed, START, START + 8 * DAY, HOUR))
    coarse = dict(history(account, seed, START, START + 8 * DAY, DAY))
    assert coarse == {now: fine[now] for now in coarse}


def test_another_seed_gives_another_history() -> None:
    busy = account(allowance={"credits": 1000}, burn={"credits": 100}, habit=Habit.DAILY)
    assert list(history(busy, 1, START, START + DAY, HOUR)) != list(history(busy, 2, START, START + DAY, HOUR))


@pytest.mark.parametrize("habit", Habit)
def test_every_habit_spends_its_burn_in_the_long_run(habit: Habit) -> None:
    days = 300
    spender = account(allowance={"credits": 10**6}, burn={"credits": 100}, habit=habit)
    (_, _), (_, last) = history(spender, 7, START, START + 2 * days * DAY, days * DAY)
    assert 10**6 - last["credits"] == pytest.approx(100 * days, rel=0.15)


def test_steady_spending_is_exact() -> None:
    steady = account(allowance={"credits": 1000}, burn={"credits": 120}, tick=300.0)
    assert [b["credits"] for _, b in history(steady, 1, START, START + 3 * HOUR, HOUR)] == [1000, 995, 990]


def test_weekday_spending_rests_at_the_weekend() -> None:
    office = account(allowance={"credits": 9000}, burn={"credits": 500}, habit=Habit.WEEKDAY)
    by_day = [b["credits"] for _, b in history(office, 1, START, START + 6 * DAY, DAY)]
    spent = [before - after for before, after in pairwise(by_day)]
    assert [amount > 0 for amount in spent] == [True, True, False, False, True]  # Thursday to Monday


def test_a_batch_is_six_hours_of_each_month() -> None:
    batch = account(allowance={"credits": 9000}, burn={"credits": 100}, habit=Habit.BATCH)
    times = [event.time for event in takewhile(lambda event: event.time < START + 30 * DAY, events(batch, 1))]
    assert 5 * HOUR < times[-1] - times[0] <= 6 * HOUR


def test_a_renewal_that_finds_more_than_the_allowance_is_no_spending() -> None:
    generous = account(allowance={"credits": 100}, opening={"credits": 130}, renewal=PeriodicRenewal(DAY, START + DAY))
    simulated = world(generous, start=START + DAY)
    assert simulated.books("studio")["credits"] == Books(opening=130, balance=100, spent=0, granted=0, expired=30)
    assert simulated.events("studio") == (Event(START + DAY, "credits", -30, Kind.RENEWAL),)


def test_renewals_come_once_each_even_where_times_round_badly() -> None:
    start = START + 0.123456
    often = account(allowance={"credits": 5}, renewal=PeriodicRenewal(0.7, start))
    times = [event.time for event in takewhile(lambda event: event.time < start + 700, events(often, 1))]
    assert len(times) == 1000
    assert len(set(times)) == 1000


def test_spending_stops_at_zero_and_goes_on_after_a_top_up() -> None:
    poor = account(
        allowance={"credits": 3}, burn={"credits": 24}, tick=HOUR, top_ups=(Deposit(5 * HOUR, "credits", 2),)
    )
    assert [b["credits"] for _, b in history(poor, 1, START, START + 9 * HOUR, HOUR)] == [
        *(3, 2, 1, 0, 0),
        *(1, 0, 0, 0),
    ]


def test_interventions_are_booked_at_the_present_moment() -> None:
    simulated = world(account(allowance={"credits": 100}))
    simulated.advance(START + 9)
    simulated.top_up("studio", "credits", 50)
    simulated.refund("studio", "credits", 7)
    simulated.spend("studio", "credits", 20)
    simulated.drain("studio", "credits", to=30)
    simulated.drain("studio", "credits", to=60)
    simulated.renew("studio")
    assert [event[1:] for event in simulated.events("studio")] == [
        ("credits", 50, Kind.TOP_UP),
        ("credits", 7, Kind.REFUND),
        ("credits", -20, Kind.SPEND),
        ("credits", -107, Kind.SPEND),
        ("credits", 70, Kind.RENEWAL),
    ]
    assert {event.time for event in simulated.events("studio")} == {START + 9}
    assert simulated.books("studio")["credits"] == Books(100, 100, spent=127, granted=127, expired=0)


def test_time_never_goes_back() -> None:
    simulated = world(account(allowance={"credits": 100}, burn={"credits": 240}))
    simulated.advance(START + DAY / 4)
    simulated.advance(START)
    assert simulated.now == START + DAY / 4
    assert simulated.balances("studio") == {"credits": 40}


def test_hidden_types_are_missing_from_answers_but_not_from_the_books() -> None:
    simulated = world(account(allowance={"credits": 1, "image_credits": 2}))
    simulated.hide("studio", ["image_credits"])
    assert simulated.balances("studio") == {"credits": 1}
    assert simulated.books("studio")["image_credits"].balance == 2
    simulated.hide("studio", [])
    assert simulated.balances("studio") == {"credits": 1, "image_credits": 2}


def test_a_rotated_key_replaces_the_old_one_and_lifts_a_revocation() -> None:
    simulated = world(account(allowance={"credits": 1}))
    simulated.revoke("studio")
    assert simulated.is_revoked("studio")
    simulated.rotate("studio", Secret("sk-new"))
    assert not simulated.is_revoked("studio")
    assert simulated.owner(Secret("sk-studio")) is None
    assert simulated.owner(Secret("sk-new")) is simulated.accounts["studio"]


def test_a_key_belongs_to_one_account() -> None:
    other = SimulatedAccount("labs", Secret("sk-labs"), Plan(allowance={"credits": 1}), START)
    simulated = world(account(allowance={"credits": 1}), other)
    with pytest.raises(ValueError, match="another account has this key"):
        simulated.rotate("studio", Secret("sk-labs"))


@pytest.mark.parametrize(
    ("plan", "message"),
    [
        (
            {"allowance": {"credits": 1}, "burn": {"images": 1}},
            "neither allowance nor opening has the credit type images",
        ),
        ({"allowance": {}, "tick": 0}, "the tick is a number of seconds above 0, not 0"),
    ],
)
def test_an_impossible_plan_is_refused(plan: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Plan(**plan)


def test_a_negative_amount_is_refused() -> None:
    with pytest.raises(ValueError, match="zero or more, not -1"):
        world(account(allowance={"credits": 1})).top_up("studio", "credits", -1)
