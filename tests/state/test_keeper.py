"""What is served when: credits that moved once they are saved, all else at once, and nothing waits for a bad disk."""

from __future__ import annotations

import io
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import pytest

from shortgenius_exporter.core.account import Account
from shortgenius_exporter.core.balance import Balance
from shortgenius_exporter.core.ledger import Ledger
from shortgenius_exporter.core.reason import Reason
from shortgenius_exporter.core.secret import Secret
from shortgenius_exporter.core.snapshot import Failure, Snapshot, failed, succeeded
from shortgenius_exporter.logs import set_up
from shortgenius_exporter.state.errors import StateTroubleError
from shortgenius_exporter.state.file import Opened, StateFile
from shortgenius_exporter.state.keeper import Keeper, Pace
from shortgenius_exporter.state.remembered import Remembered
from support import eventually

NOW = 1_800_000_000.0
DAY = 86_400.0
PATIENT = Pace(patience=60.0, save_within=0.05, pause=0.0)
IMPATIENT = Pace(patience=0.05, save_within=3600.0, pause=0.0)
STUDIO, LABS = Account("studio", Secret("k1")), Account("labs", Secret("k2"))


class Disk:
    """A store in memory that can hang and refuse. It starts open or hanging, as ``works`` says."""

    def __init__(self, records: Mapping[str, Remembered] | None = None, works: bool = True) -> None:
        self.records = dict(records or {})
        self.works = threading.Event()
        self.trouble: str | None = None
        self.tries = 0
        self.is_open = False
        if works:
            self.works.set()

    def open(self) -> Opened:
        self.is_open = True
        return Opened(dict(self.records))

    def save(self, records: Mapping[str, Remembered], forgotten: Iterable[str] = ()) -> None:
        self.tries += 1
        self.works.wait()
        if self.trouble:
            self.is_open = False
            raise StateTroubleError(self.trouble)
        self.records = {name: one for name, one in {**self.records, **records}.items() if name not in forgotten}

    def close(self) -> None:
        self.is_open = False

    def saved(self, name: str) -> Ledger:
        return self.records.get(name, Remembered()).ledger


class Served:
    """What is served at each moment, and the log."""

    def __init__(self) -> None:
        self.snapshots: dict[str, Snapshot] = {}
        self.history: list[Snapshot] = []
        self.log = io.StringIO()

    def publish(self, snapshot: Snapshot) -> None:
        self.snapshots[snapshot.account.name] = snapshot
        self.history.append(snapshot)

    def withdraw(self, name: str) -> None:
        del self.snapshots[name]


@pytest.fixture
def served() -> Served:
    return Served()


@contextmanager
def keeping(
    disk: Disk | StateFile,
    served: Served,
    pace: Pace = PATIENT,
    now: float = NOW,
    monotonic: Callable[[], float] = time.monotonic,
) -> Iterator[Keeper]:
    keeper = Keeper(
        disk,
        publish=served.publish,
        withdraw=served.withdraw,
        log=set_up("info", "logfmt", served.log),
        wall=lambda: now,
        monotonic=monotonic,
        pace=pace,
    )
    keeper.start()
    try:
        yield keeper
    finally:
        if isinstance(disk, Disk):
            disk.works.set()
        assert keeper.stop(30.0)


def polled(before: Snapshot, credits: float) -> Snapshot:
    return succeeded(before, Balance({"credits": credits}), NOW, 0.1, 32)


def broken(*_: object) -> None:
    raise RuntimeError("a bug")


def timed_out(before: Snapshot) -> Snapshot:
    return failed(before, Failure(Reason.TIMEOUT, "no answer"), NOW, 0.1)


def test_credits_that_moved_are_served_once_they_are_saved(served: Served) -> None:
    disk = Disk(works=False)
    with keeping(disk, served) as keeper:
        keeper.publish(keeper.begin(STUDIO))
        after = polled(Snapshot(STUDIO), 217.0)
        keeper.publish(after)
        eventually(lambda: disk.tries == 1)
        assert served.snapshots["studio"] == Snapshot(STUDIO)
        disk.works.set()
        eventually(lambda: served.snapshots["studio"] is after)
        assert disk.records["studio"].ledger == after.ledger


def test_a_poll_that_moved_nothing_is_served_at_once(served: Served) -> None:
    disk = Disk(works=False)
    with keeping(disk, served) as keeper:
        keeper.publish(timed_out(keeper.begin(STUDIO)))
        assert served.snapshots["studio"].up is False


def test_what_follows_on_what_waits_waits_too_and_all_is_served_in_order(served: Served) -> None:
    disk = Disk(works=False)
    with keeping(disk, served) as keeper:
        first = polled(keeper.begin(STUDIO), 217.0)
        second = timed_out(first)
        keeper.publish(first)
        eventually(lambda: disk.tries == 1)
        keeper.publish(second)
        assert served.history == []
        disk.works.set()
        eventually(lambda: len(served.history) == 2)
        assert served.history == [first, second]


def test_times_of_sight_are_saved_too_without_a_move(served: Served) -> None:
    disk = Disk()
    with keeping(disk, served) as keeper:
        first = polled(keeper.begin(STUDIO), 217.0)
        keeper.publish(first)
        eventually(lambda: served.history == [first])
        again = succeeded(first, Balance({"credits": 217.0}), NOW + 60, 0.1, 32)
        keeper.publish(again)
        eventually(lambda: disk.records["studio"].last_success == NOW + 60)


def test_failed_polls_alone_write_nothing(served: Served) -> None:
    disk = Disk()
    with keeping(disk, served) as keeper:
        keeper.publish(timed_out(keeper.begin(STUDIO)))
    assert (disk.tries, disk.records) == (0, {})


def test_a_disk_that_does_not_answer_delays_a_value_for_a_moment_and_the_next_ones_not_at_all(served: Served) -> None:
    disk = Disk(works=False)
    with keeping(disk, served, IMPATIENT) as keeper:
        first = polled(keeper.begin(STUDIO), 217.0)
        keeper.publish(first)
        eventually(lambda: served.history == [first])
        second = polled(first, 200.0)
        keeper.publish(second)
        assert served.history == [first, second]
        assert keeper.errors == 1
        disk.works.set()
        eventually(lambda: disk.saved("studio") == second.ledger)
    assert served.log.getvalue().count('msg="state cannot be saved, going on without"') == 1
    assert served.log.getvalue().count('msg="state is saved again"') == 1


@pytest.mark.parametrize("trouble", [None, "database or disk is full (SQLITE_FULL)"], ids=["hangs", "refuses"])
def test_what_comes_while_a_save_is_failing_is_served_with_what_waited_for_it(
    served: Served, trouble: str | None
) -> None:
    disk = Disk(works=False)
    disk.trouble = trouble
    pace = Pace(patience=3600.0 if trouble else 0.5, save_within=3600.0, pause=0.0)
    with keeping(disk, served, pace) as keeper:
        studio, labs = polled(keeper.begin(STUDIO), 217.0), polled(keeper.begin(LABS), 5.0)
        keeper.publish(studio)
        eventually(lambda: disk.tries == 1)
        keeper.publish(labs)
        if trouble:
            disk.works.set()
        eventually(lambda: served.history == [studio, labs])
        assert keeper.errors == 1
        disk.trouble = None


def test_patience_that_runs_out_as_a_save_ends_is_no_trouble(served: Served) -> None:
    with keeping(Disk(), served) as keeper:
        first = polled(keeper.begin(STUDIO), 217.0)
        keeper.publish(first)
        eventually(lambda: served.history == [first])
        keeper._lose_patience(1)
        assert keeper.errors == 0


def test_a_disk_that_refuses_is_counted_and_tried_again_until_all_is_saved(served: Served) -> None:
    disk = Disk()
    disk.trouble = "database or disk is full (SQLITE_FULL)"
    with keeping(disk, served) as keeper:
        studio, labs = polled(keeper.begin(STUDIO), 217.0), polled(keeper.begin(LABS), 5.0)
        keeper.publish(studio)
        eventually(lambda: served.snapshots.get("studio") is studio)
        keeper.publish(labs)
        assert served.snapshots["labs"] is labs
        eventually(lambda: keeper.errors >= 3)
        disk.trouble = None
        eventually(lambda: disk.records.keys() == {"studio", "labs"})
        errors = keeper.errors
        moved = polled(studio, 200.0)
        keeper.publish(moved)
        eventually(lambda: disk.saved("studio") == moved.ledger)
        assert keeper.errors == errors
    lines = [line.partition("msg=")[2] for line in served.log.getvalue().splitlines()]
    assert lines == [
        '"state read" accounts=0',
        '"state cannot be saved, going on without" problem="database or disk is full (SQLITE_FULL)"',
        '"state is saved again"',
    ]


def test_stopping_saves_what_was_not_saved_yet(served: Served) -> None:
    disk = Disk()
    slow = Pace(save_within=3600.0, pause=3600.0)
    with keeping(disk, served, slow) as keeper:
        first = polled(keeper.begin(STUDIO), 217.0)
        keeper.publish(first)
        eventually(lambda: served.history == [first])
        keeper.publish(polled(first, 200.0))
    assert disk.records["studio"].ledger["credits"].consumed == 17.0


def test_stopping_does_not_wait_longer_than_told_for_a_disk_that_hangs(served: Served) -> None:
    disk = Disk(works=False)
    with keeping(disk, served) as keeper:
        keeper.publish(polled(keeper.begin(STUDIO), 217.0))
        eventually(lambda: disk.tries == 1)
        assert keeper.stop(0.01) is False
    assert 'msg="state not saved: the disk does not answer"' in served.log.getvalue()


def test_a_bug_in_saving_counts_as_trouble_and_stops_nothing(served: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    disk = Disk()
    with keeping(disk, served) as keeper, monkeypatch.context() as patch:
        patch.setattr(disk, "save", broken)
        first = polled(keeper.begin(STUDIO), 217.0)
        keeper.publish(first)
        eventually(lambda: served.history == [first])
        assert keeper.errors >= 1
        patch.undo()
        eventually(lambda: "studio" in disk.records)


def test_what_is_seen_again_and_again_is_saved_in_time_all_the_same(served: Served) -> None:
    disk, now = Disk(), [0.0]
    with keeping(disk, served, Pace(save_within=0.05, pause=0.0), monotonic=lambda: now[0]) as keeper:
        seen = polled(keeper.begin(STUDIO), 217.0)
        keeper.publish(seen)
        eventually(lambda: served.history == [seen])
        for elapsed in (100.0, 100.04, 100.06):
            now[0] = elapsed
            seen = succeeded(seen, Balance({"credits": 217.0}), NOW + elapsed, 0.1, 32)
            keeper.publish(seen)
        eventually(lambda: disk.records["studio"].last_success == NOW + 100.06)


def test_an_account_that_cannot_be_served_keeps_no_other_waiting(
    served: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    publish = served.publish
    disk = Disk(works=False)
    monkeypatch.setattr(served, "publish", lambda one: broken() if one.account is STUDIO else publish(one))
    with keeping(disk, served) as keeper:
        for one in (STUDIO, LABS):
            keeper.publish(polled(keeper.begin(one), 217.0))
        disk.works.set()
        eventually(lambda: "labs" in served.snapshots)
    assert 'msg="internal error" account=studio type=RuntimeError' in served.log.getvalue()


def test_between_two_saves_there_is_a_pause(served: Served) -> None:
    disk, looks = Disk(), threading.Semaphore(0)

    def standing_still() -> float:
        if threading.current_thread().name == "state":
            looks.release()
        return 0.0

    with keeping(disk, served, Pace(pause=0.01), monotonic=standing_still) as keeper:
        first = polled(keeper.begin(STUDIO), 217.0)
        keeper.publish(first)
        eventually(lambda: served.history == [first])
        keeper.publish(polled(first, 200.0))
        for _ in range(20):  # each time it looks whether it is time to save
            assert looks.acquire(timeout=30)
        assert (disk.tries, served.history) == (1, [first])


def test_an_account_that_leaves_while_it_waits_for_the_disk_is_not_served_again(served: Served) -> None:
    disk = Disk(works=False)
    with keeping(disk, served) as keeper:
        keeper.publish(keeper.begin(STUDIO))
        keeper.publish(polled(Snapshot(STUDIO), 217.0))
        eventually(lambda: disk.tries == 1)
        keeper.withdraw("studio")
    assert disk.saved("studio") != {}
    assert served.snapshots == {}


def test_who_leaves_is_marked_with_the_next_save(served: Served) -> None:
    disk = Disk()
    with keeping(disk, served) as keeper:
        for one in (STUDIO, LABS):
            keeper.publish(polled(keeper.begin(one), 217.0))
        eventually(lambda: served.snapshots.keys() == {"studio", "labs"})
        keeper.withdraw("studio")
        keeper.publish(polled(served.snapshots["labs"], 200.0))
        eventually(lambda: disk.records["studio"].left_at == NOW)
    assert disk.records["labs"].left_at is None


def test_an_account_that_leaves_and_comes_back_goes_on_where_it_was(served: Served) -> None:
    disk = Disk()
    with keeping(disk, served) as keeper:
        first = polled(keeper.begin(STUDIO), 217.0)
        keeper.publish(first)
        eventually(lambda: "studio" in served.snapshots)
        keeper.withdraw("studio")
        assert served.snapshots == {}
        back = keeper.begin(STUDIO)
        assert (back.ledger, back.last_success) == (first.ledger, NOW)


def test_who_left_the_configuration_is_marked_forgotten_after_90_days_and_back_in_time_unmarked(
    served: Served,
) -> None:
    known = Remembered(polled(Snapshot(STUDIO), 217.0).ledger, NOW)
    disk = Disk({"studio": known, "labs": known})
    for day, left_at in ((0, NOW), (89, NOW), (90, None)):
        with keeping(disk, served, now=NOW + day * DAY) as keeper:
            keeper.publish(polled(keeper.begin(LABS), 200.0 - day))
        left = {name: one.left_at for name, one in disk.records.items()}
        assert left == ({"studio": left_at, "labs": None} if left_at else {"labs": None})
    disk.records["studio"] = Remembered(known.ledger, NOW, left_at=NOW)
    with keeping(disk, served, now=NOW + 80 * DAY) as keeper:
        keeper.publish(keeper.begin(STUDIO))
    assert disk.records["studio"] == known


def test_a_real_file_keeps_what_was_served(served: Served, tmp_path: Path) -> None:
    for consumed in (0.0, 10.0, 20.0):
        with keeping(StateFile(tmp_path / "state.db", lambda: NOW), served) as keeper:
            before = keeper.begin(STUDIO)
            assert before.ledger == (served.history[-1].ledger if served.history else {})
            keeper.publish(polled(before, 217.0 - consumed))
        assert served.history[-1].ledger["credits"].consumed == consumed
