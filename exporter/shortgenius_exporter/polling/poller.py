"""The threads that poll: one dispatcher, which keeps the schedule, and workers, each with its own connections."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from queue import SimpleQueue

from shortgenius_exporter.core.account import Account, Settings
from shortgenius_exporter.core.reason import Reason
from shortgenius_exporter.core.snapshot import Snapshot
from shortgenius_exporter.logs import Log
from shortgenius_exporter.polling.attempt import AccountRequest, Attempt, Fetcher, attempt, crashed
from shortgenius_exporter.polling.changes import Change, changes
from shortgenius_exporter.polling.clock import Clock
from shortgenius_exporter.polling.held import held
from shortgenius_exporter.polling.schedule import Schedule, Slot, first_polls

# Seconds.
_LONGEST_SLEEP = 1.0
_ROUND = 0.05
_STUCK_AFTER = 15.0
_PATIENCE = 0.5


@dataclass(slots=True, eq=False)
class _Watched:
    """One account under watch, guarded by the poller's lock."""

    request: AccountRequest
    snapshot: Snapshot
    slot: Slot


class Poller:
    """Polls every account of ``settings`` on its schedule and hands each new snapshot to ``publish``.

    ``client`` makes one fetcher per worker; ``begin`` gives an account's snapshot before its first poll; ``withdraw``
    is told the name of an account that has left.
    """

    def __init__(
        self,
        settings: Settings,
        *,
        client: Callable[[], Fetcher],
        begin: Callable[[Account], Snapshot] = Snapshot,
        publish: Callable[[Snapshot], None],
        withdraw: Callable[[str], None],
        log: Log,
        clock: Clock,
    ) -> None:
        self._limits = settings.limits
        self._client = client
        self._begin = begin
        self._publish = publish
        self._withdraw = withdraw
        self._log = log
        self._clock = clock
        self._changed = threading.Condition()
        self._schedule = Schedule(clock.random, settings.limits.max_requests_per_second)
        self._watched: dict[str, _Watched] = {}
        self._rejected: set[str] = set()
        # A call wakes a worker, which then takes a job. They are apart so that a worker that dies as it wakes loses a
        # call, which can be made again, and no job.
        self._jobs: deque[Slot] = deque()
        self._calls: SimpleQueue[bool] = SimpleQueue()
        self._workers: list[threading.Thread] = []
        self._dispatcher = threading.Thread(
            target=self._to_the_end, args=(self._dispatch,), name="dispatcher", daemon=True
        )
        self._stopping = False
        self._beat = clock.monotonic()
        self._sleeps_until = 0.0
        self._next_check = 0.0
        self._unfinished = 0
        self._add(settings.accounts)

    def start(self) -> None:
        self._beat = self._clock.monotonic()
        self._dispatcher.start()

    def stop(self) -> None:
        """Ends polling at once: polls under way are abandoned and publish nothing any more."""
        self._stopping = True
        with held(self._changed, _PATIENCE) as free:
            if free:
                self._changed.notify()
        for _ in self._workers:
            self._calls.put(False)
        if free and self._dispatcher.is_alive():
            self._dispatcher.join(timeout=1.0)

    def reload(self, settings: Settings) -> None:
        """Takes over a new configuration. What did not change keeps its ledger, schedule and connections."""
        with self._changed:
            self._limits = settings.limits
            self._schedule.limit(settings.limits.max_requests_per_second)
            names = {account.name for account in settings.accounts}
            for name in [name for name in self._watched if name not in names]:
                self._remove(name)
            self._add([account for account in settings.accounts if account.name not in self._watched])
            for account in settings.accounts:
                self._change(self._watched[account.name], account)
            self._changed.notify()

    def snapshots(self) -> tuple[Snapshot, ...]:
        with self._changed:
            return tuple(watched.snapshot for watched in self._watched.values())

    def next_polls(self) -> dict[str, float]:
        """When each account is next polled, in Unix seconds; without those under way, none if the loop is stuck."""
        with held(self._changed, _PATIENCE) as free:
            if not free:
                return {}
            ahead = self._clock.wall() - self._clock.monotonic()
            slots = [watched.slot for watched in self._watched.values()]
            return {slot.name: slot.due + ahead for slot in slots if not slot.in_flight}

    def is_alive(self) -> bool:
        """Whether the loop that starts polls is running, whatever the upstream does."""
        return self._dispatcher.is_alive() and self._clock.monotonic() - self._beat < _STUCK_AFTER

    def last_run(self) -> float:
        """When the loop that starts polls last ran, in Unix seconds; never more than about a second ago."""
        return self._clock.wall() - (self._clock.monotonic() - self._beat)

    def _add(self, accounts: Sequence[Account]) -> None:
        firsts = first_polls([account.poll_interval for account in accounts], self._clock.monotonic())
        for account, first in zip(accounts, firsts, strict=True):
            slot = self._schedule.add(account.name, account.poll_interval, first)
            watched = _Watched(AccountRequest(account), self._begin(account), slot)
            self._watched[account.name] = watched
            self._publish(watched.snapshot)

    def _remove(self, name: str) -> None:
        del self._watched[name]
        self._rejected.discard(name)
        self._schedule.remove(name)
        self._withdraw(name)

    def _change(self, watched: _Watched, account: Account) -> None:
        old = watched.snapshot.account
        if account == old:
            return
        now = self._clock.monotonic()
        watched.snapshot = replace(watched.snapshot, account=account)
        self._publish(watched.snapshot)
        if account.poll_interval != old.poll_interval:
            self._schedule.change_interval(account.name, account.poll_interval, now)
        if not watched.request.is_for(account):
            watched.request = AccountRequest(account)
            self._schedule.wake(account.name, now)

    def _thread(self, name: str, work: Callable[[], None]) -> threading.Thread:
        return threading.Thread(target=self._to_the_end, args=(work,), name=name, daemon=True)

    def _to_the_end(self, work: Callable[[], None]) -> None:
        try:
            work()
        except BaseException as error:  # noqa: BLE001 - there is nobody above to raise it to
            self._log.bug("thread died", error, thread=threading.current_thread().name)

    def _dispatch(self) -> None:
        while True:
            with self._changed:
                if self._stopping:
                    return
                now = self._beat = self._clock.monotonic()
                if now >= self._next_check:
                    self._next_check = now + _LONGEST_SLEEP
                    self._wake_replaced_keys(now)
                    self._bury_workers()
                for slot in self._schedule.due(now):
                    self._jobs.append(slot)
                    self._calls.put(True)
                    self._unfinished += 1
                self._fill_workers()
                self._sleeps_until = self._next_round(now)
                self._changed.wait(max(self._sleeps_until - self._clock.monotonic(), 0))

    def _next_round(self, now: float) -> float:
        """When to look again. Polls due within a round start together: to wake up for each costs as much as the poll.

        Under a request rate there are no rounds: they would send the requests in bursts.
        """
        latest, next_due = now + _LONGEST_SLEEP, self._schedule.next_due()
        pause = 0.0 if self._limits.max_requests_per_second else _ROUND
        return latest if next_due is None else min(max(next_due, now + pause), latest)

    def _bury_workers(self) -> None:
        """Forgets workers that died. They may have lost calls, so there is a new call for each job that waits."""
        dead = [worker for worker in self._workers if not worker.is_alive()]
        self._workers = [worker for worker in self._workers if worker not in dead]
        for _ in self._jobs if dead else ():
            self._calls.put(True)

    def _wake_replaced_keys(self, now: float) -> None:
        for name in self._rejected:
            if self._watched[name].request.key.has_changed():
                self._schedule.wake(name, now)

    def _fill_workers(self) -> None:
        """Starts a worker for each unfinished job, up to the limit. Where answers come quickly, few are needed."""
        for _ in range(min(self._most_workers(), self._unfinished) - len(self._workers)):
            worker = self._thread("worker", self._work)
            worker.start()
            self._workers.append(worker)

    def _most_workers(self) -> int:
        return min(self._limits.max_concurrent_polls, len(self._watched))

    def _work(self) -> None:
        client = self._client()
        while self._calls.get():
            try:
                slot = self._jobs.popleft()
            except IndexError:  # a call too many, from _bury_workers
                continue
            try:
                self._poll(slot, client)
            except Exception as error:  # noqa: BLE001 - a bug costs one poll, never the worker
                self._log.bug("internal error", error, account=slot.name)
            finally:
                with self._changed:
                    self._unfinished -= 1
            if self._is_surplus(threading.current_thread()):
                break
        client.close()

    def _is_surplus(self, worker: threading.Thread) -> bool:
        if len(self._workers) <= self._most_workers():
            return False
        with self._changed:
            surplus = len(self._workers) > self._most_workers()
            if surplus:
                self._workers.remove(worker)
            return surplus

    def _poll(self, slot: Slot, client: Fetcher) -> None:
        with self._changed:
            watched = None if self._stopping else self._watched.get(slot.name)
        if watched is None or watched.slot is not slot:
            return
        request = watched.request
        key_problem = request.key.problem
        began = self._clock.monotonic()
        self._log.debug("polling", account=slot.name, late=began - slot.due)
        try:
            result = attempt(client, request, self._clock.monotonic)
        except BaseException as error:
            self._finish(watched, request, crashed(error, self._clock.monotonic() - began))
            raise
        self._finish(watched, request, result)
        # Where there never was a key, the poll has failed of that and said so.
        if request.key.problem not in {None, key_problem} and request.key.is_known:
            self._log.warning(
                "key file not read, the last key stays in use", account=slot.name, error=request.key.problem
            )

    def _finish(self, watched: _Watched, request: AccountRequest, result: Attempt) -> None:
        found: list[Change] = []
        with self._changed:
            if self._stopping:
                return
            try:
                # An answer to what a reload has changed or removed meanwhile says nothing about the account of now.
                if watched.request is request and self._watched.get(watched.slot.name) is watched:
                    found = self._take(watched, result)
            finally:
                self._schedule.done(watched.slot, result.outcome, self._clock.monotonic())
                if watched.slot.due < self._sleeps_until:
                    self._changed.notify()
        # Outside the lock: whoever reads the log may be slow.
        for change in found:
            self._log(change.level, change.message, account=watched.slot.name, **change.fields)

    def _take(self, watched: _Watched, result: Attempt) -> list[Change]:
        before = watched.snapshot
        after = result.applied_to(before, self._clock.wall(), self._limits.max_credit_types)
        watched.snapshot = after
        if after.failure is not None and after.failure.reason is Reason.AUTH:
            self._rejected.add(after.account.name)
        else:
            self._rejected.discard(after.account.name)
        self._publish(after)
        return list(changes(before, after))
