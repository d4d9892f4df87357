"""What a poll and a scrape cost, in calls, allocations and bytes rather than in time: the same on every machine.

The bounds are a quarter above what was counted with Python 3.11. Whoever exceeds one has made polls or scrapes dearer
and either finds another way or has a reason to raise it.
"""

from __future__ import annotations

import gc
import sys
import tracemalloc
from collections import Counter
from collections.abc import Callable
from contextlib import closing
from types import FrameType

from shortgenius_exporter.api.client import Client, prepare
from shortgenius_exporter.api.decode import decode_balance
from shortgenius_exporter.api.tls import TlsContexts
from shortgenius_exporter.core.account import Account, Threshold
from shortgenius_exporter.core.renewal import MonthlyRenewal
from shortgenius_exporter.core.secret import Secret
from shortgenius_exporter.core.snapshot import Snapshot, succeeded
from shortgenius_exporter.metrics.exposition import Exposition
from shortgenius_exporter.polling.attempt import AccountRequest
from shortgenius_exporter.polling.schedule import Outcome, Schedule
from upstreams import keep_answering, serving

NOW = 1_800_000_000.0
THRESHOLDS = (Threshold("credits", "warning", 100.0), Threshold("credits", "critical", 5.0))
ANSWER = (
    b'{"balance": {"credits": %d, "animated_video_credits": 7, "high_quality_video_credits": 8, "image_credits": 9}}'
)


class Wall:
    """A clock that the test moves."""

    now = NOW

    def __call__(self) -> float:
        return self.now


def account(number: int) -> Account:
    return Account(
        f"studio-{number:05}",
        Secret(f"sk-{number:05}"),
        labels=(("team", "video"),),
        thresholds=THRESHOLDS,
        renewal=MonthlyRenewal(1),
    )


def polled(before: Snapshot, credits: int = 217, now: float = NOW) -> Snapshot:
    return succeeded(before, decode_balance(ANSWER % credits), now, 0.0123, 32)


def serving_accounts(count: int, wall: Wall | None = None) -> Exposition:
    exposition = Exposition(wall or Wall())
    for number in range(count):
        exposition.publish(polled(Snapshot(account(number))))
    return exposition


def calls(work: Callable[[], object]) -> Counter[str]:
    """The functions that ``work`` calls, Python's and C's, by name."""
    found: Counter[str] = Counter()

    def count(frame: FrameType, event: str, function: object) -> None:
        if event == "call":
            found[frame.f_code.co_name] += 1
        elif event == "c_call":
            found[getattr(function, "__name__", "")] += 1

    previous = sys.getprofile()
    sys.setprofile(count)
    try:
        work()
    finally:
        sys.setprofile(previous)
    found.subtract(["setprofile"])
    return found


def test_asking_again_on_a_kept_connection_takes_few_calls() -> None:
    with serving(keep_answering) as upstream, closing(Client(TlsContexts())) as client:
        key = Secret("sk-1")
        request = prepare(Account("studio", key, base_url=upstream.url), key)
        client.fetch(request)
        client.fetch(request)
        assert calls(lambda: client.fetch(request)).total() <= 275


def test_the_request_of_an_account_is_made_once() -> None:
    request = AccountRequest(account(1))
    found = calls(lambda: [request.get() for _ in range(20)])
    assert found["_message"] == 1


def test_taking_an_answer_and_publishing_it_take_few_calls() -> None:
    exposition = serving_accounts(10)
    before = polled(Snapshot(account(3)))
    exposition.publish(before)
    assert calls(lambda: exposition.publish(polled(before, 210, NOW + 60))).total() <= 445
    after = polled(before, 210, NOW + 60)
    assert calls(lambda: exposition.publish(polled(after, 210, NOW + 120))).total() <= 315


def test_publishing_does_not_ask_the_calendar_again_within_a_period() -> None:
    exposition = serving_accounts(1)
    before = polled(Snapshot(account(0)))
    assert calls(lambda: exposition.publish(polled(before, 1, NOW + 60)))["next_renewal"] == 0


def test_a_scrape_makes_as_many_calls_for_many_accounts_as_for_few() -> None:
    few, many = serving_accounts(20), serving_accounts(400)
    of_few = calls(lambda: few.pieces(openmetrics=False)).total()
    of_many = calls(lambda: many.pieces(openmetrics=False)).total()
    assert of_many <= of_few + 10


def test_a_scrape_of_stale_accounts_renders_them_once() -> None:
    wall = Wall()
    exposition = serving_accounts(20, wall)
    wall.now = NOW + 300
    first, second = (calls(lambda: exposition.pieces(openmetrics=False))["render"] for _ in range(2))
    assert (first, second) == (20, 0)


def test_the_schedule_costs_the_same_per_poll_for_many_accounts_as_for_few() -> None:
    def calls_per_poll(accounts: int) -> float:
        schedule = Schedule(lambda: 0.5)
        for number in range(accounts):
            schedule.add(f"a{number}", 60.0, number * 60.0 / accounts)

        def a_minute() -> None:
            for tick in range(accounts):
                now = 60.0 + tick * 60.0 / accounts
                for slot in schedule.due(now):
                    schedule.done(slot, Outcome(), now)

        a_minute()
        return calls(a_minute).total() / accounts

    assert calls_per_poll(2000) <= 1.05 * calls_per_poll(20)


def test_polls_leave_nothing_behind() -> None:
    exposition = serving_accounts(10)
    snapshots = [polled(Snapshot(account(number))) for number in range(10)]

    def a_round(at: float) -> None:
        for number, snapshot in enumerate(snapshots):
            snapshots[number] = polled(snapshot, int(10_000 - at), NOW + at)
            exposition.publish(snapshots[number])

    for at in range(3):
        a_round(at)
    gc.collect()
    before = sys.getallocatedblocks()
    for at in range(3, 60):
        a_round(at)
    gc.collect()
    # Of 570 polls: not even one object each.
    assert sys.getallocatedblocks() - before < 300


def test_an_account_takes_less_than_eight_kilobytes() -> None:
    def watched(number: int) -> tuple[object, ...]:
        request = AccountRequest(account(number))
        request.get()
        snapshot = polled(polled(Snapshot(request.account)), 210 + number)
        exposition.publish(snapshot)
        return request, snapshot, schedule.add(snapshot.account.name, 60.0, number / 100)

    exposition, schedule = Exposition(Wall()), Schedule(lambda: 0.5)
    watched(0)
    tracemalloc.start()
    kept = [watched(number) for number in range(1, 201)]
    size, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert size / len(kept) < 8_000
