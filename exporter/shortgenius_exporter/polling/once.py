"""One poll of every account, now, for commands that end."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import closing, suppress
from queue import SimpleQueue

from shortgenius_exporter.core.account import Account, Settings
from shortgenius_exporter.core.snapshot import Snapshot
from shortgenius_exporter.logs import Log
from shortgenius_exporter.polling.attempt import AccountRequest, Attempt, Fetcher, attempt, crashed
from shortgenius_exporter.polling.clock import Clock


def poll_once(settings: Settings, client: Callable[[], Fetcher], clock: Clock, log: Log) -> Iterator[Snapshot]:
    """The snapshot of each account after its one poll, in the order in which they finish.

    ``client`` makes one fetcher per worker. The workers are daemon threads: who interrupts the command does not wait
    for polls that hang.
    """
    limits = settings.limits
    waiting = deque(settings.accounts)
    # ``None``: a worker has ended.
    done: SimpleQueue[Snapshot | None] = SimpleQueue()

    def work() -> None:
        try:
            with closing(client()) as fetcher:
                for account in _emptied(waiting):
                    result = _poll(account, fetcher, clock, log)
                    done.put(result.applied_to(Snapshot(account), clock.wall(), limits.max_credit_types))
        finally:
            done.put(None)

    workers = min(limits.max_concurrent_polls, len(settings.accounts))
    for _ in range(workers):
        threading.Thread(target=work, name="worker", daemon=True).start()
    try:
        while workers:
            snapshot = done.get()
            if snapshot is None:
                workers -= 1
            else:
                yield snapshot
    finally:
        waiting.clear()


def _emptied(waiting: deque[Account]) -> Iterator[Account]:
    """What is in ``waiting``, one after the other; several threads may share it."""
    with suppress(IndexError):
        while True:
            yield waiting.popleft()


def _poll(account: Account, fetcher: Fetcher, clock: Clock, log: Log) -> Attempt:
    began = clock.monotonic()
    try:
        return attempt(fetcher, AccountRequest(account), clock.monotonic)
    except Exception as error:  # noqa: BLE001 - a bug costs one account, never the others
        log.bug("internal error", error, account=account.name)
        return crashed(error, clock.monotonic() - began)
