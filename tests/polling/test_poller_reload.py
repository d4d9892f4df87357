"""What a new configuration changes in a running poller, and what it leaves alone."""

from __future__ import annotations

import threading
from dataclasses import replace
from queue import Queue

from pollers import GOOD, FakeApi, account, drained, polling, settings
from shortgenius_exporter.core.account import Limits, Threshold
from shortgenius_exporter.core.balance import Balance
from shortgenius_exporter.core.ledger import Entry
from shortgenius_exporter.core.secret import Secret
from shortgenius_exporter.core.snapshot import Snapshot
from shortgenius_exporter.polling.clock import Clock
from support import PATIENCE, eventually

NEW_KEY = Secret("sk-new")
ONE_WORKER = Limits(max_concurrent_polls=1)


def test_what_did_not_change_keeps_its_ledger_and_is_not_polled_out_of_turn() -> None:
    with polling(account("a"), account("b")) as rig:
        before = rig.next_poll("a")
        rig.next_poll("b")
        rig.poller.reload(settings(account("a"), account("b"), account("new")))
        rig.next_poll("new")
        assert rig.poller.snapshots()[0] is before
        assert sorted(rig.api.asked_so_far()) == [("a", "sk-a"), ("b", "sk-b"), ("new", "sk-new")]


def test_what_did_not_change_is_not_published_again() -> None:
    with polling(account("a")) as rig:
        rig.next_poll("a")
        rig.poller.reload(settings(account("a")))
        assert list(drained(rig.published)) == []


def test_an_account_that_left_is_withdrawn_and_forgotten() -> None:
    with polling(account("a"), account("b")) as rig:
        rig.next_poll("a")
        rig.poller.reload(settings(account("b")))
        assert rig.withdrawn == ["a"]
        assert [snapshot.account.name for snapshot in rig.poller.snapshots()] == ["b"]


def test_an_account_that_left_while_it_was_polled_is_not_published_any_more() -> None:
    api = FakeApi()
    api.scripts["a"] = api.hang
    with polling(account("a"), api=api, limits=ONE_WORKER) as rig:
        api.next_asked()
        rig.poller.reload(settings(account("b"), limits=ONE_WORKER))
        list(drained(rig.published))
        api.released.set()
        assert rig.next_any().account.name == "b"


def test_an_account_that_left_and_came_back_takes_no_answer_to_its_former_self() -> None:
    api = FakeApi()
    answers: Queue[Balance] = Queue()
    api.scripts["a"] = lambda key: answers.get(timeout=PATIENCE)
    with polling(account("a"), api=api, limits=ONE_WORKER) as rig:
        api.next_asked()
        rig.poller.reload(settings(limits=ONE_WORKER))
        rig.poller.reload(settings(account("a"), limits=ONE_WORKER))
        answers.put(Balance({"credits": 1.0}))
        answers.put(Balance({"credits": 2.0}))
        snapshot = rig.next_poll("a")
        assert (snapshot.requests, snapshot.ledger["credits"].balance) == (1, 2.0)
        assert rig.poller.snapshots() == (snapshot,)


def test_an_account_that_left_and_came_back_while_it_waited_for_a_worker_is_polled_once() -> None:
    api = FakeApi()
    api.scripts["a"] = api.hang
    with polling(account("a"), account("b"), api=api, limits=ONE_WORKER) as rig:
        assert eventually(lambda: rig.poller._schedule.next_due() is None, PATIENCE)  # b waits too
        rig.poller.reload(settings(account("a"), limits=ONE_WORKER))
        rig.poller.reload(settings(account("a"), account("b"), account("last"), limits=ONE_WORKER))
        api.released.set()
        rig.next_poll("last")
        assert api.asked_so_far() == [("a", "sk-a"), ("b", "sk-b"), ("last", "sk-last")]


def test_new_labels_and_thresholds_are_published_at_once_without_a_poll() -> None:
    with polling(account("a")) as rig:
        before = rig.next_poll("a")
        changed = replace(
            account("a", labels=(("team", "video"),)), thresholds=(Threshold("credits", "warning", 100.0),)
        )
        rig.poller.reload(settings(changed))
        assert list(drained(rig.published)) == [replace(before, account=changed)]
        assert rig.api.asked_so_far() == [("a", "sk-a")]


def test_a_new_key_is_tried_at_once_and_the_ledger_goes_on() -> None:
    balances = {"sk-a": Balance({"credits": 100.0}), "sk-new": Balance({"credits": 70.0})}
    api = FakeApi()
    api.scripts["a"] = balances.__getitem__
    with polling(account("a"), api=api, clock=Clock(wall=lambda: 1000.0)) as rig:
        rig.next_poll("a")
        rig.poller.reload(settings(account("a", NEW_KEY)))
        snapshot = rig.next_published("a", lambda snapshot: snapshot.requests == 2)
        assert snapshot.ledger == {"credits": Entry(70.0, first_seen=1000.0, last_seen=1000.0, consumed=30.0)}


def test_an_answer_to_the_former_key_is_discarded() -> None:
    api = FakeApi()
    answered = threading.Event()

    def script(key: str) -> Balance:
        if key == "sk-a":
            assert answered.wait(PATIENCE)
            return Balance({"credits": 1.0, "of_another_plan": 1.0})
        return Balance({"credits": 2.0})

    api.scripts["a"] = script
    with polling(account("a"), api=api) as rig:
        api.next_asked()
        rig.poller.reload(settings(account("a", NEW_KEY)))
        answered.set()
        snapshot = rig.next_poll("a")
        assert {name: entry.balance for name, entry in snapshot.ledger.items()} == {"credits": 2.0}
        assert snapshot.requests == 1
        assert rig.api.asked_so_far() == [("a", "sk-new")]


def test_a_shorter_interval_counts_from_now_on() -> None:
    with polling(account("a")) as rig:
        rig.next_poll("a")
        rig.poller.reload(settings(account("a", interval=0.1)))
        assert rig.next_published("a", lambda snapshot: snapshot.requests == 3).account.poll_interval == 0.1


def test_more_permitted_polls_start_more_workers() -> None:
    api = FakeApi()
    api.scripts["a"] = api.hang
    names = ("a", "b")
    accounts = [account(name) for name in names]
    with polling(accounts[0], api=api) as rig:
        api.next_asked()
        rig.poller.reload(settings(*accounts))
        assert rig.next_poll("b").up is True


def test_the_last_account_may_leave_and_another_come() -> None:
    with polling(account("a")) as rig:
        rig.next_poll("a")
        rig.poller.reload(settings())
        assert rig.poller.snapshots() == ()
        rig.poller.reload(settings(account("b")))
        snapshot = rig.next_poll("b")
        assert isinstance(snapshot, Snapshot)
        assert snapshot.ledger["credits"].balance == GOOD.credits["credits"]
