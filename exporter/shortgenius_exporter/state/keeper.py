"""Between the poller and what is served: credits that moved are served once they are on disk.

Prometheus takes a counter that steps back for one that began anew at 0, and adds its whole value again. So a value
that has been served must survive whatever ends the process. See docs/decisions/state-before-serving.md.
"""

from __future__ import annotations

import math
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Protocol

from shortgenius_exporter.core.account import Account
from shortgenius_exporter.core.snapshot import Snapshot
from shortgenius_exporter.logs import Log
from shortgenius_exporter.state.errors import StateFileError, StateTroubleError
from shortgenius_exporter.state.file import Opened
from shortgenius_exporter.state.remembered import Remembered, has_moved, recalled, remembered, without_departed

_HOUR = 3600.0


@dataclass(frozen=True, slots=True)
class Pace:
    """When to save, in seconds.

    ``patience``: how long a value waits for the disk before it is served unsaved. ``save_within``: how soon values that
    need not be saved before they are served are saved, such as the time of the last success; also how soon a failed
    save is tried again. ``pause``: the least time between two saves.
    """

    patience: float = 2.0
    save_within: float = 5.0
    pause: float = 0.25


class Store(Protocol):
    """What the keeper needs of ``StateFile``, which describes it."""

    @property
    def is_open(self) -> bool: ...

    def open(self) -> Opened: ...

    def save(self, records: Mapping[str, Remembered], forgotten: Iterable[str] = ()) -> None: ...

    def close(self) -> None: ...


class Keeper:
    """Keeps ``store`` up to date with what is published, in a thread of its own from ``start`` to ``stop``.

    ``publish`` and ``withdraw`` serve a snapshot, or cease to. While the disk refuses or does not answer, snapshots
    are served unsaved, ``errors`` counts, and all is written once the disk is back.
    """

    def __init__(
        self,
        store: Store,
        *,
        publish: Callable[[Snapshot], None],
        withdraw: Callable[[str], None],
        log: Log,
        wall: Callable[[], float],
        monotonic: Callable[[], float] = time.monotonic,
        pace: Pace = Pace(),
    ) -> None:
        """Reads the store. Raises StateFileError."""
        self._store = store
        self._publish = publish
        self._withdraw = withdraw
        self._log = log
        self._wall = wall
        self._monotonic = monotonic
        self._pace = pace
        self._changed = threading.Condition()
        self._configured: set[str] = set()
        self._unsaved: set[str] = set()
        self._save_by = 0.0
        self._not_before = 0.0
        self._look_for_parted_at = -math.inf
        # Snapshots that wait to be saved before they are served, by account, each with its turn: a number that counts
        # up. A save covers all turns up to the one with which it began.
        self._waiting: dict[str, deque[tuple[int, Snapshot]]] = {}
        self._turn = 0
        # The turn with which the save under way began.
        self._saving: int | None = None
        self._in_trouble = False
        self._stopping = False
        self._thread = threading.Thread(target=self._run, name="state", daemon=True)
        self.errors = 0
        self._known: dict[str, Remembered] = {}
        self._known = self._read()

    def start(self) -> None:
        self._thread.start()

    def stop(self, timeout: float) -> bool:
        """Saves what is not saved yet and lets go of the store, for at most ``timeout`` seconds; whether it did."""
        if not self._thread.is_alive():
            self._store.close()
            return True
        with self._changed:
            self._stopping = True
            self._changed.notify()
        self._thread.join(timeout)
        if self._thread.is_alive():
            self._log.error("state not saved: the disk does not answer")
        return not self._thread.is_alive()

    def begin(self, account: Account) -> Snapshot:
        """The snapshot with which a configured account begins, from what is remembered under its name."""
        with self._changed:
            self._configured.add(account.name)
            known = self._known.get(account.name)
            return Snapshot(account) if known is None else recalled(account, known, self._wall())

    def publish(self, snapshot: Snapshot) -> None:
        """Serves ``snapshot`` at once if no credits moved, else as soon as it is saved; never waits for the disk."""
        name = snapshot.account.name
        with self._changed:
            before, after = self._known.get(name, Remembered()), remembered(snapshot)
            if after != before:
                self._remember(name, after)
            must_wait = name in self._waiting or has_moved(before.ledger, after.ledger)
            if must_wait and not self._in_trouble:
                self._turn += 1
                self._waiting.setdefault(name, deque()).append((self._turn, snapshot))
                self._changed.notify()
                return
            self._serve(name, self._turn)
            self._publish(snapshot)

    def withdraw(self, name: str) -> None:
        """Ceases to serve an account that has left the configuration; it is remembered for 90 days."""
        with self._changed:
            self._configured.discard(name)
            self._waiting.pop(name, None)
            self._look_for_parted_at = -math.inf
            self._withdraw(name)

    def _remember(self, name: str, one: Remembered) -> None:
        self._known[name] = one
        if not self._unsaved:
            self._save_by = self._monotonic() + self._pace.save_within
            self._changed.notify()
        self._unsaved.add(name)

    def _read(self) -> dict[str, Remembered]:
        try:
            records = self._open()
        except StateTroubleError as error:
            self._fail(str(error))
            return {}
        self._log.info("state read", accounts=len(records))
        return dict(records)

    def _open(self) -> Mapping[str, Remembered]:
        opened = self._store.open()
        if opened.set_aside:
            with self._changed:
                self.errors += 1
            self._log.error("state file set aside, its counters begin at 0", problem=opened.set_aside)
        return opened.records

    def _run(self) -> None:
        while not self._stopping:
            self._wait()
            self._save()
        self._save()
        self._store.close()

    def _wait(self) -> None:
        with self._changed:
            while not self._stopping and (delay := self._delay()) > 0:
                self._changed.wait(delay)

    def _delay(self) -> float:
        now = self._monotonic()
        if not (self._unsaved or self._waiting):
            return _HOUR
        return max(self._not_before, now if self._waiting else self._save_by) - now

    def _save(self) -> None:
        with self._changed:
            turn = self._turn
            records, forgotten = self._taken()
        if records or forgotten:
            self._try(records, forgotten, turn)
        self._release(turn)

    def _try(self, records: Mapping[str, Remembered], forgotten: set[str], turn: int) -> None:
        self._saving = turn
        impatience = threading.Timer(self._pace.patience, self._lose_patience, (turn,))
        impatience.daemon = True
        impatience.start()
        problem = self._written(records, forgotten)
        impatience.cancel()
        with self._changed:
            self._saving = None
            self._recover() if problem is None else self._fail(problem)

    def _taken(self) -> tuple[dict[str, Remembered], set[str]]:
        forgotten = self._parted()
        names = self._unsaved - forgotten
        self._unsaved = set()
        return {name: self._known[name] for name in names}, forgotten

    def _parted(self) -> set[str]:
        """Marks who has left the configuration; the names of those who left long enough ago."""
        now = self._monotonic()
        if now < self._look_for_parted_at:
            return set()
        self._look_for_parted_at = now + _HOUR
        left, forgotten = without_departed(self._known, self._configured, self._wall())
        self._known.update(left)
        self._unsaved |= left.keys()
        for name in forgotten:
            del self._known[name]
        return forgotten

    def _written(self, records: Mapping[str, Remembered], forgotten: set[str]) -> str | None:
        """What went wrong, if anything did."""
        try:
            if not self._store.is_open:
                self._open()
            self._store.save(records, forgotten)
        except (StateTroubleError, StateFileError) as error:
            return str(error)
        except Exception as error:  # noqa: BLE001 - a bug here must not end the thread that others wait for
            return f"internal error: {type(error).__name__}: {error}"
        return None

    def _fail(self, problem: str) -> None:
        self._count(problem)
        # The next file may be a new one: all has to be in it.
        self._unsaved = set(self._known)
        self._save_by = self._not_before = self._monotonic() + self._pace.save_within

    def _count(self, problem: str) -> None:
        self.errors += 1
        if not self._in_trouble:
            self._log.error("state cannot be saved, going on without", problem=problem)
        self._in_trouble = True

    def _recover(self) -> None:
        now = self._monotonic()
        self._not_before = now + self._pace.pause
        if self._in_trouble:
            self._in_trouble = False
            self._save_by = now
            self._log.info("state is saved again")

    def _lose_patience(self, turn: int) -> None:
        """Serves all that waits, unsaved, if the save that began with ``turn`` is still under way."""
        with self._changed:
            if self._saving != turn:
                return
            self._count("the disk does not answer")
        self._release(turn)

    def _release(self, turn: int) -> None:
        """Serves what waited, up to ``turn``, and in trouble all: what came since has nothing to wait for either.

        The lock is released between accounts, so that polls go on meanwhile.
        """
        with self._changed:
            names = list(self._waiting)
            turn = self._turn if self._in_trouble else turn
        for name in names:
            with self._changed:
                self._serve(name, turn)

    def _serve(self, name: str, turn: int) -> None:
        line = self._waiting.get(name)
        while line and line[0][0] <= turn:
            snapshot = line.popleft()[1]
            try:
                self._publish(snapshot)
            except Exception as error:  # noqa: BLE001 - one account's bug must not keep the others waiting
                self._log.bug("internal error", error, account=name)
        if not line:
            self._waiting.pop(name, None)
