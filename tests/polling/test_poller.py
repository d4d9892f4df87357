"""The poller's threads, with a made-up API and real time that nobody waits for."""

from __future__ import annotations

import ctypes
import logging
import threading
import time
from collections import Counter
from dataclasses import replace
from pathlib import Path

import pytest

from pollers import GOOD, FakeApi, accepting, account, drained, polling, raising, settings
from shortgenius_exporter.api.errors import AuthError, ServerError
from shortgenius_exporter.core.account import KeyFile, Limits
from shortgenius_exporter.core.balance import Balance
from shortgenius_exporter.core.reason import Reason
from shortgenius_exporter.core.snapshot import Failure, Snapshot, succeeded
from shortgenius_exporter.polling.clock import Clock
from support import PATIENCE, eventually, replace_file


def test_every_account_is_published_before_its_first_poll_as_unknown() -> None:
    api = FakeApi()
    api.scripts["a"] = api.hang
    with polling(account("a"), api=api) as rig:
        assert rig.next_published("a") == Snapshot(account("a"))


def test_results_are_published_with_the_time_of_the_clock() -> None:
    with polling(account("a"), clock=Clock(wall=lambda: 1000.0)) as rig:
        snapshot = rig.next_poll("a")
        assert snapshot.up is True
        assert snapshot.ledger["credits"].balance == 217.0
        assert snapshot.last_success == 1000.0
        assert rig.poller.snapshots() == (snapshot,)


def test_a_failure_is_published_with_its_reason_and_words() -> None:
    api = FakeApi()
    api.scripts["a"] = raising(ServerError("500 Internal Server Error: the API failed"))
    with polling(account("a"), api=api) as rig:
        snapshot = rig.next_poll("a")
        assert snapshot.failure == Failure(Reason.SERVER_ERROR, "500 Internal Server Error: the API failed")
        assert snapshot.failures == {Reason.SERVER_ERROR: 1}


def test_an_account_goes_on_from_where_it_is_told_to_begin() -> None:
    known = succeeded(Snapshot(account("a")), Balance({"credits": 300.0}), now=1000.0, duration=0.1, max_types=32)
    with polling(account("a"), begin=lambda account: replace(known, account=account)) as rig:
        assert rig.next_published("a") == known
        assert rig.next_poll("a").ledger["credits"].consumed == 83.0


def test_an_account_that_hangs_delays_no_other() -> None:
    api = FakeApi()
    api.scripts["dead"] = api.hang
    with polling(account("dead", interval=0.1), account("alive", interval=0.1), api=api) as rig:
        for requests in range(1, 6):
            assert rig.next_poll("alive").requests == requests
        assert Counter(name for name, _ in api.asked_so_far())["dead"] == 1
        api.released.set()
        assert rig.next_poll("dead").requests == 1


def test_no_more_accounts_are_polled_at_once_than_permitted() -> None:
    api = FakeApi()
    running, most, lock = 0, 0, threading.Lock()
    both = threading.Barrier(2)

    def count(key: str) -> Balance:
        nonlocal running, most
        with lock:
            running += 1
            most = max(most, running)
        both.wait(PATIENCE)
        with lock:
            running -= 1
        return GOOD

    names = [f"a{i}" for i in range(6)]
    api.scripts = dict.fromkeys(names, count)
    with polling(*map(account, names), api=api, limits=Limits(max_concurrent_polls=2)) as rig:
        assert eventually(lambda: all(snapshot.up for snapshot in rig.poller.snapshots()), PATIENCE)
        assert most == 2
        assert len(api.fetchers) == 2


def test_each_worker_has_a_client_of_its_own_that_it_closes_when_it_ends() -> None:
    api = FakeApi()
    api.scripts = dict.fromkeys("abc", api.hang)
    with polling(account("a"), account("b"), account("c"), api=api) as rig:
        assert eventually(lambda: len(rig.api.fetchers) == 3, PATIENCE)
        api.released.set()
        rig.poller.stop()
        assert all(fetcher.closed.wait(PATIENCE) for fetcher in rig.api.fetchers)


def test_fewer_permitted_polls_end_the_surplus_workers() -> None:
    api = FakeApi()
    api.scripts = dict.fromkeys("abc", api.hang)
    accounts = [account(name, interval=0.1) for name in "abc"]
    with polling(*accounts, api=api) as rig:
        assert eventually(lambda: len(rig.api.fetchers) == 3, PATIENCE)
        api.released.set()
        rig.poller.reload(settings(*accounts, limits=Limits(max_concurrent_polls=1)))
        assert eventually(lambda: [f.closed.is_set() for f in rig.api.fetchers].count(True) == 2, PATIENCE)
        before = rig.next_poll("a").requests
        assert rig.next_published("a", lambda snapshot: snapshot.requests > before)


def test_one_worker_is_enough_while_each_poll_is_over_before_the_next() -> None:
    with polling(account("a")) as rig:
        for name in "bcdef":
            assert eventually(lambda: not rig.poller._unfinished, PATIENCE)
            rig.poller.reload(settings(*(account(one) for one in "abcdef"[: "abcdef".index(name) + 1])))
            rig.next_poll(name)
        assert len(rig.api.fetchers) == 1


def test_a_bug_costs_one_poll_and_never_the_worker_nor_shows_the_key() -> None:
    api = FakeApi()
    api.scripts["a"] = raising(RuntimeError("sk-a is in this text"))
    with polling(account("a"), account("b"), api=api, limits=Limits(max_concurrent_polls=1)) as rig:
        failure = rig.next_poll("a").failure
        assert failure == Failure(Reason.INTERNAL, "internal error (RuntimeError), see the log")
        assert rig.next_poll("b").up is True
        assert len(api.fetchers) == 1
        line = rig.next_line("internal error")
        assert (line.level, line.fields["account"], line.fields["type"]) == ("ERROR", "a", "RuntimeError")
        assert "in fetch" in str(line.fields["frames"])
        assert "sk-a" not in str(line)


def test_a_result_that_cannot_be_published_costs_one_poll() -> None:
    text = " ".join(["sk-a", "cannot be rendered"])

    def publish(snapshot: Snapshot) -> None:
        if snapshot.requests == 1:
            raise RuntimeError(text)

    with polling(account("a", interval=0.1), publish=publish) as rig:
        assert rig.next_poll("a").requests == 2
        assert "sk-a" not in str(rig.next_line("internal error"))


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_a_worker_that_is_killed_is_replaced_and_its_poll_counts_as_failed() -> None:
    api = FakeApi()
    victim: list[int] = []
    end = threading.Event()

    def spin(key: str) -> Balance:
        victim.append(threading.get_ident())
        while not end.wait(0.01):
            pass
        return GOOD

    api.scripts["a"] = spin
    try:
        with polling(account("a"), account("b"), api=api, limits=Limits(max_concurrent_polls=1)) as rig:
            eventually(lambda: victim, PATIENCE)
            ctypes.pythonapi.PyThreadState_SetAsyncExc(ctypes.c_ulong(victim[0]), ctypes.py_object(SystemExit))
            failure = rig.next_poll("a").failure
            assert failure is not None
            assert failure.reason is Reason.INTERNAL
            assert rig.next_poll("b").up is True
            assert len(api.fetchers) == 2
    finally:
        end.set()


def test_stopping_is_quick_while_polls_hang_and_their_answers_are_dropped() -> None:
    api = FakeApi()
    api.scripts = {f"a{i}": api.hang for i in range(10)}
    with polling(*[account(name) for name in api.scripts], api=api) as rig:
        for _ in api.scripts:
            api.next_asked()
        began = time.monotonic()
        rig.poller.stop()
        assert time.monotonic() - began < 1.0
        assert len(list(drained(rig.published))) == 10
        api.released.set()
        assert all(fetcher.closed.wait(PATIENCE) for fetcher in api.fetchers)
        assert rig.published.empty()


def test_after_stopping_no_poll_that_waited_for_a_worker_begins() -> None:
    api = FakeApi()
    api.scripts = dict.fromkeys("abc", api.hang)
    with polling(account("a"), account("b"), account("c"), api=api, limits=Limits(max_concurrent_polls=1)) as rig:
        assert eventually(lambda: not rig.poller.next_polls(), PATIENCE), "all are waiting or under way"
        rig.poller.stop()
        api.released.set()
        assert api.fetchers[0].closed.wait(PATIENCE)
        assert api.asked_so_far() == [("a", "sk-a")]


def test_stopping_twice_is_stopping_once() -> None:
    with polling(account("a")) as rig:
        rig.poller.stop()
        assert not rig.poller.is_alive()


def test_it_is_alive_whatever_the_upstream_does() -> None:
    api = FakeApi()
    api.scripts["a"] = api.hang
    with polling(account("a"), api=api) as rig:
        api.next_asked()
        assert rig.poller.is_alive()


def test_it_is_not_alive_while_its_loop_is_stuck() -> None:
    stuck, end = threading.Event(), threading.Event()
    now = [0.0]

    def publish(snapshot: Snapshot) -> None:
        if snapshot.requests == 1:
            stuck.set()
            assert end.wait(PATIENCE)

    with polling(account("a"), publish=publish, clock=Clock(monotonic=lambda: now[0])) as rig:
        try:
            assert stuck.wait(PATIENCE)
            now[0] = 14.9
            assert rig.poller.is_alive()
            now[0] = 15.1
            assert not rig.poller.is_alive()
        finally:
            end.set()
        assert eventually(rig.poller.is_alive, PATIENCE)


def test_a_rejected_key_is_tried_again_as_soon_as_its_file_changes(tmp_path: Path) -> None:
    file = tmp_path / "key"
    file.write_text("sk-old")
    api = FakeApi()
    api.scripts["a"] = accepting("sk-new")
    with polling(account("a", KeyFile(file)), api=api) as rig:
        assert rig.next_poll("a").failures == {Reason.AUTH: 1}
        replace_file(file, "sk-new")
        snapshot = rig.next_poll("a")
        assert snapshot.up is True
        assert snapshot.requests == 2
        assert api.asked_so_far() == [("a", "sk-old"), ("a", "sk-new")]


def test_an_account_whose_key_file_is_missing_fails_without_asking_and_recovers_when_it_is_there(
    tmp_path: Path,
) -> None:
    file = tmp_path / "key"
    with polling(account("a", KeyFile(file))) as rig:
        failure = rig.next_poll("a").failure
        assert failure is not None
        assert failure.reason is Reason.AUTH
        assert failure.message.startswith(f"no key to send: key file {file} does not exist")
        assert rig.api.asked_so_far() == []
        file.write_text("sk-a")
        assert rig.next_poll("a").up is True


def test_a_key_file_that_vanishes_is_told_once_and_the_last_key_stays_in_use(tmp_path: Path) -> None:
    file = tmp_path / "key"
    file.write_text("sk-a")
    with polling(account("a", KeyFile(file), interval=0.1)) as rig:
        rig.next_poll("a")
        file.unlink()
        line = rig.next_line("key file not read, the last key stays in use")
        assert line.level == "WARNING"
        assert str(file) in str(line.fields["error"])
        before = rig.next_poll("a").requests
        after = rig.next_published("a", lambda snapshot: snapshot.requests >= before + 3)
        assert after.up is True
        assert list(drained(rig.lines)) == []


def test_a_key_file_that_was_never_there_leaves_no_last_key_to_speak_of(tmp_path: Path) -> None:
    file = tmp_path / "key"
    with polling(account("a", KeyFile(file))) as rig:
        rig.next_poll("a")
        file.write_text("sk-a")
        rig.next_poll("a")
        rig.poller.stop()
        assert [rig.lines.get(timeout=PATIENCE).message for _ in range(2)] == [
            "account is failing",
            "account has recovered",
        ]
        assert list(drained(rig.lines)) == []


def test_state_changes_have_a_line_each_and_polls_have_none(tmp_path: Path) -> None:
    file = tmp_path / "key"
    file.write_text("sk-good-one")
    revoked = threading.Event()
    api = FakeApi()

    def script(key: str) -> Balance:
        if revoked.is_set() and key == "sk-good-one":
            raise AuthError("401 Unauthorized: the key was rejected")
        return GOOD

    api.scripts["a"] = script
    with polling(account("a", KeyFile(file), interval=0.1), api=api) as rig:
        rig.next_published("a", lambda snapshot: snapshot.requests == 3)
        revoked.set()
        rig.next_published("a", lambda snapshot: snapshot.up is False)
        file.write_text("sk-good-two")
        rig.next_published("a", lambda snapshot: snapshot.up is True)
        rig.next_poll("a")
        rig.next_poll("a")
        lines = list(drained(rig.lines))
    assert [(line.level, line.message) for line in lines] == [
        ("INFO", "account answers"),
        ("WARNING", "account is failing"),
        ("INFO", "account has recovered"),
    ]
    assert all(line.fields["account"] == "a" for line in lines)
    assert "sk-" not in str(lines)


def test_debug_shows_every_poll_without_the_key() -> None:
    with polling(account("a", interval=0.1), level=logging.DEBUG) as rig:
        rig.next_published("a", lambda snapshot: snapshot.requests == 3)
        polls = [line for line in drained(rig.lines) if line.message == "polling"]
    assert len(polls) >= 3
    assert "sk-a" not in str(polls)
