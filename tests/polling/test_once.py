"""One poll of every account, for commands that end."""

from __future__ import annotations

import io
import json
import logging
import threading

from pollers import GOOD, FakeApi, account, raising, settings
from shortgenius_exporter.api.errors import ServerError
from shortgenius_exporter.core.account import Limits
from shortgenius_exporter.core.balance import Balance
from shortgenius_exporter.core.reason import Reason
from shortgenius_exporter.logs import Log, set_up
from shortgenius_exporter.polling.clock import Clock
from shortgenius_exporter.polling.once import poll_once
from support import PATIENCE

SILENT = Log(logging.getLogger("nobody"))


def test_every_account_is_polled_once_and_its_client_closed() -> None:
    api = FakeApi()
    api.scripts["bad"] = raising(ServerError("500"))
    found = {
        s.account.name: s.up for s in poll_once(settings(account("good"), account("bad")), api.fetcher, Clock(), SILENT)
    }
    assert found == {"good": True, "bad": False}
    assert sorted(api.asked_so_far()) == [("bad", "sk-bad"), ("good", "sk-good")]
    assert all(fetcher.closed.is_set() for fetcher in api.fetchers)


def test_results_come_in_the_order_in_which_they_are_ready() -> None:
    api = FakeApi()
    api.scripts["slow"] = api.hang
    results = poll_once(settings(account("slow"), account("quick")), api.fetcher, Clock(), SILENT)
    assert next(results).account.name == "quick"
    api.released.set()
    assert next(results).account.name == "slow"


def test_no_more_accounts_are_polled_at_once_than_permitted() -> None:
    api = FakeApi()
    running = threading.Semaphore(2)

    def script(key: str) -> Balance:
        assert running.acquire(blocking=False), "more than two at once"
        both.wait(PATIENCE)
        running.release()
        return GOOD

    both = threading.Barrier(2)
    names = [f"a{i}" for i in range(6)]
    api.scripts = dict.fromkeys(names, script)
    accounts = [account(name) for name in names]
    found = list(poll_once(settings(*accounts, limits=Limits(max_concurrent_polls=2)), api.fetcher, Clock(), SILENT))
    assert [snapshot.up for snapshot in found] == [True] * 6


def test_no_accounts_are_no_results() -> None:
    assert list(poll_once(settings(), FakeApi().fetcher, Clock(), SILENT)) == []


def test_a_bug_costs_one_account_and_the_log_says_where() -> None:
    api, logged = FakeApi(), io.StringIO()
    api.scripts["bad"] = raising(RuntimeError("sk-bad"))
    accounts = settings(account("good"), account("bad"))
    found = {s.account.name: s for s in poll_once(accounts, api.fetcher, Clock(), set_up("info", "json", logged))}
    assert found["good"].up is True
    failure = found["bad"].failure
    assert failure is not None
    assert (failure.reason, failure.message) == (Reason.INTERNAL, "internal error (RuntimeError), see the log")
    line = json.loads(logged.getvalue())
    assert (line["level"], line["msg"], line["account"], line["type"]) == (
        "error",
        "internal error",
        "bad",
        "RuntimeError",
    )
    assert "pollers.py" in line["frames"]
    assert "sk-bad" not in logged.getvalue()
    assert all(fetcher.closed.is_set() for fetcher in api.fetchers)
