"""One poll of one account."""

from __future__ import annotations

from pathlib import Path

import pytest

from pollers import GOOD, FakeApi, account, raising
from shortgenius_exporter.api.errors import AuthError, RateLimitedError
from shortgenius_exporter.core.account import KeyFile
from shortgenius_exporter.core.balance import Balance
from shortgenius_exporter.core.reason import Reason
from shortgenius_exporter.core.snapshot import Failure, Snapshot
from shortgenius_exporter.polling.attempt import AccountRequest, Attempt, attempt, crashed
from shortgenius_exporter.polling.schedule import Outcome
from support import replace_file


def test_the_request_is_prepared_once() -> None:
    request = AccountRequest(account("a"))
    assert request.get() is request.get()


def test_the_request_is_prepared_again_when_the_key_file_changes(tmp_path: Path) -> None:
    file = tmp_path / "key"
    file.write_text("sk-one")
    request = AccountRequest(account("a", KeyFile(file)))
    first = request.get()
    replace_file(file, "sk-two")
    second = request.get()
    assert first.prepared.headers["Authorization"] == "Bearer sk-one"
    assert second.prepared.headers["Authorization"] == "Bearer sk-two"
    assert request.get() is second


def test_a_key_file_that_is_rewritten_with_the_same_key_changes_nothing(tmp_path: Path) -> None:
    file = tmp_path / "key"
    file.write_text("sk-one")
    request = AccountRequest(account("a", KeyFile(file)))
    first = request.get()
    replace_file(file, "sk-one\n")
    assert request.get() is first


def test_without_a_key_there_is_nothing_to_send(tmp_path: Path) -> None:
    request = AccountRequest(account("a", KeyFile(tmp_path / "key")))
    with pytest.raises(AuthError, match=r"^no key to send: key file .*/key does not exist"):
        request.get()


def test_an_answer_is_a_success_with_its_duration() -> None:
    moments = iter([10.0, 10.25])
    found = attempt(FakeApi().fetcher(), AccountRequest(account("a")), lambda: next(moments))
    assert found == Attempt(GOOD, duration=0.25)
    assert found.outcome == Outcome(reason=None, retry_after=None)


def test_a_failure_carries_its_reason_its_words_and_the_wait_that_was_asked_for() -> None:
    api = FakeApi()
    api.scripts["a"] = raising(RateLimitedError("429 Too Many Requests", retry_after=30.0))
    moments = iter([10.0, 12.0])
    found = attempt(api.fetcher(), AccountRequest(account("a")), lambda: next(moments))
    failure = Failure(Reason.RATE_LIMITED, "429 Too Many Requests")
    assert found == Attempt(failure, duration=2.0, retry_after=30.0)
    assert found.outcome == Outcome(Reason.RATE_LIMITED, retry_after=30.0)


def test_a_bug_is_not_taken_for_a_failure_of_the_network() -> None:
    api = FakeApi()
    api.scripts["a"] = raising(KeyError("a bug"))
    with pytest.raises(KeyError):
        attempt(api.fetcher(), AccountRequest(account("a")), lambda: 0.0)


def test_a_crash_is_an_internal_failure_that_does_not_quote_the_exception() -> None:
    found = crashed(RuntimeError("sk-a"), duration=1.0)
    assert found == Attempt(Failure(Reason.INTERNAL, "internal error (RuntimeError), see the log"), duration=1.0)
    assert found.outcome == Outcome(Reason.INTERNAL)


def test_an_attempt_becomes_the_next_snapshot() -> None:
    before = Snapshot(account("a"))
    good = Attempt(Balance({"a": 1.0, "b": 2.0}, ignored=1), duration=0.5).applied_to(before, 1000.0, max_types=1)
    assert (good.up, list(good.ledger), good.ignored_fields, good.last_duration) == (True, ["a"], 2, 0.5)
    bad = crashed(RuntimeError(), duration=0.7).applied_to(good, 1060.0, max_types=1)
    assert (bad.up, bad.failures, bad.polled_at, bad.last_duration) == (False, {Reason.INTERNAL: 1}, 1060.0, 0.7)
