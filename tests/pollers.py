"""A poller with a made-up API: each account's answers are scripted, and what happens is put in queues."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from queue import Empty, Queue
from typing import TypeVar
from urllib.parse import urlsplit

from shortgenius_exporter.api.client import BalanceRequest
from shortgenius_exporter.api.errors import AuthError
from shortgenius_exporter.core.account import Account, KeyFile, Limits, Settings
from shortgenius_exporter.core.balance import Balance
from shortgenius_exporter.core.secret import Secret
from shortgenius_exporter.core.snapshot import Snapshot
from shortgenius_exporter.logs import Log
from shortgenius_exporter.polling.clock import Clock
from shortgenius_exporter.polling.poller import Poller
from support import PATIENCE

Item = TypeVar("Item")
Script = Callable[[str], Balance]
GOOD = Balance({"credits": 217.0})


def account(
    name: str, key: Secret | KeyFile | None = None, interval: float = 3600.0, labels: tuple[tuple[str, str], ...] = ()
) -> Account:
    """An account that is polled once, as far as a test is concerned, unless it says otherwise."""
    return Account(
        name, key or Secret(f"sk-{name}"), base_url=f"http://{name}.test", poll_interval=interval, labels=labels
    )


def settings(*accounts: Account, limits: Limits | None = None) -> Settings:
    return Settings(accounts, limits or Limits())


def raising(error: Exception) -> Script:
    def script(key: str) -> Balance:
        raise error

    return script


def accepting(good_key: str) -> Script:
    """A script: any other key is rejected."""

    def script(key: str) -> Balance:
        if key != good_key:
            raise AuthError("401 Unauthorized: the key was rejected")
        return GOOD

    return script


def _well(key: str) -> Balance:
    return GOOD


class FakeApi:
    """Answers each account by its script, which is given the key and may block or raise; by default all is well."""

    def __init__(self) -> None:
        self.scripts: dict[str, Script] = {}
        self.asked: Queue[tuple[str, str]] = Queue()
        self.fetchers: list[FakeFetcher] = []
        self.released = threading.Event()

    def fetcher(self) -> FakeFetcher:
        self.fetchers.append(FakeFetcher(self))
        return self.fetchers[-1]

    def hang(self, key: str) -> Balance:
        """A script: nothing comes until ``released``."""
        assert self.released.wait(PATIENCE)
        return GOOD

    def next_asked(self) -> tuple[str, str]:
        """Account and key of the next request."""
        return self.asked.get(timeout=PATIENCE)

    def asked_so_far(self) -> list[tuple[str, str]]:
        return list(drained(self.asked))


class FakeFetcher:
    def __init__(self, api: FakeApi) -> None:
        self._api = api
        self.closed = threading.Event()

    def fetch(self, request: BalanceRequest) -> Balance:
        name = urlsplit(str(request.prepared.url)).netloc.removesuffix(".test")
        key = request.prepared.headers["Authorization"].removeprefix("Bearer ")
        self._api.asked.put((name, key))
        return self._api.scripts.get(name, _well)(key)

    def close(self) -> None:
        self.closed.set()


@dataclass(frozen=True)
class Line:
    level: str
    message: str
    fields: dict[str, object]


class _Lines(logging.Handler):
    def __init__(self, lines: Queue[Line]) -> None:
        super().__init__()
        self._lines = lines

    def emit(self, record: logging.LogRecord) -> None:
        self._lines.put(Line(record.levelname, record.getMessage(), record.__dict__["fields"]))


@dataclass
class Rig:
    """A running poller and all that it does."""

    poller: Poller
    api: FakeApi
    published: Queue[Snapshot]
    withdrawn: list[str]
    lines: Queue[Line] = field(repr=False)

    def next_any(self) -> Snapshot:
        return self.published.get(timeout=PATIENCE)

    def next_poll(self, name: str) -> Snapshot:
        """The next published snapshot of ``name`` that has an answer in it."""
        return self.next_published(name, lambda snapshot: snapshot.polled_at is not None)

    def next_published(self, name: str, condition: Callable[[Snapshot], bool] = lambda _: True) -> Snapshot:
        end = time.monotonic() + PATIENCE
        while True:
            snapshot = self.published.get(timeout=max(end - time.monotonic(), 0.01))
            if snapshot.account.name == name and condition(snapshot):
                return snapshot

    def next_line(self, message: str) -> Line:
        end = time.monotonic() + PATIENCE
        while True:
            line = self.lines.get(timeout=max(end - time.monotonic(), 0.01))
            if line.message == message:
                return line


def drained(queue: Queue[Item]) -> Iterator[Item]:
    while True:
        try:
            yield queue.get_nowait()
        except Empty:
            return


@contextmanager
def polling(
    *accounts: Account,
    api: FakeApi | None = None,
    limits: Limits | None = None,
    clock: Clock | None = None,
    begin: Callable[[Account], Snapshot] = Snapshot,
    publish: Callable[[Snapshot], None] = lambda snapshot: None,
    level: int = logging.INFO,
) -> Iterator[Rig]:
    """A started poller, stopped at the end; ``publish`` is told of each snapshot before the rig's queue is."""
    fake = api or FakeApi()
    lines: Queue[Line] = Queue()
    published: Queue[Snapshot] = Queue()
    withdrawn: list[str] = []
    logger = logging.Logger("poller", level)  # noqa: LOG001 - its own, shared with no other test
    logger.addHandler(_Lines(lines))

    def told(snapshot: Snapshot) -> None:
        publish(snapshot)
        published.put(snapshot)

    poller = Poller(
        settings(*accounts, limits=limits),
        client=fake.fetcher,
        begin=begin,
        publish=told,
        withdraw=withdrawn.append,
        log=Log(logger),
        clock=clock or Clock(),
    )
    poller.start()
    try:
        yield Rig(poller, fake, published, withdrawn, lines)
    finally:
        fake.released.set()
        poller.stop()
