"""``--state.file`` with the exporter as a process: restarts, bad files, bad disks, and a second process."""

from __future__ import annotations

import resource
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from shortgenius_exporter.simulator.faults import Fault
from shortgenius_exporter.simulator.server import SimulatorServer
from support import RunningExporter, ask, eventually, exporter, run_exporter, write

KEY = "sk-a00"
BALANCE = 'shortgenius_balance_credits{account="a00",credit_type="credits"}'
CONSUMED = 'shortgenius_consumed_credits_total{account="a00",credit_type="credits"}'
GRANTED = 'shortgenius_granted_credits_total{account="a00",credit_type="credits"}'
LAST_GRANT = 'shortgenius_last_grant_timestamp_seconds{account="a00",credit_type="credits"}'
LAST_SUCCESS = 'shortgenius_last_success_timestamp_seconds{account="a00"}'
UP = 'shortgenius_up{account="a00"}'
ERRORS = "shortgenius_exporter_state_errors_total"


@pytest.fixture
def state(tmp_path: Path) -> Path:
    return tmp_path / "state.db"


@contextmanager
def running(server: SimulatorServer, state: Path, stale_after: str = "5m") -> Iterator[RunningExporter]:
    config = write(
        state.with_name("config.yml"),
        f"accounts: [{{name: a00, api_key: {KEY}, base_url: '{server.base_url}', poll_interval: 100ms, "
        f"stale_after: {stale_after}}}]\n",
    )
    with exporter("--config.file", str(config), "--state.file", str(state)) as found:
        yield found


def spend(server: SimulatorServer, amount: int) -> None:
    server.admin("spend", account="a00", credit_type="credits", amount=amount)


def reaches(one: RunningExporter, series: str, value: float) -> None:
    eventually(lambda: one.value(series) == value)


def test_counters_go_on_after_a_restart_and_the_time_between_is_counted_once(
    simulator: SimulatorServer, state: Path
) -> None:
    with running(simulator, state) as first:
        first.wait_until_ready()
        simulator.admin("top_up", account="a00", credit_type="credits", amount=50)
        reaches(first, GRANTED, 50)
        spend(simulator, 7)
        reaches(first, CONSUMED, 7)
        granted_at = first.value(LAST_GRANT)
        assert first.program.stop()[0] == 0
    spend(simulator, 10)
    with running(simulator, state) as second:
        reaches(second, CONSUMED, 17)
        assert (second.value(GRANTED), second.value(LAST_GRANT)) == (50, granted_at)
        assert second.value(BALANCE) == 217 + 50 - 17
        assert second.value(ERRORS) == 0


def test_before_the_first_good_poll_counters_are_there_and_the_balance_only_while_it_is_fresh(
    simulator: SimulatorServer, state: Path
) -> None:
    with running(simulator, state) as first:
        first.wait_until_ready()
        spend(simulator, 7)
        reaches(first, CONSUMED, 7)
        first.program.stop()
    simulator.inject(Fault.HANG)
    with running(simulator, state) as fresh:
        assert (fresh.value(CONSUMED), fresh.value(BALANCE), fresh.value(UP)) == (7, 210, None)
        last_success = fresh.value(LAST_SUCCESS)
    with running(simulator, state, stale_after="100ms") as stale:
        assert (stale.value(CONSUMED), stale.value(BALANCE), stale.value(UP)) == (7, None, None)
        assert stale.value(LAST_SUCCESS) == last_success


def test_a_second_process_on_the_file_exits_2_and_the_first_goes_on(simulator: SimulatorServer, state: Path) -> None:
    with running(simulator, state) as first:
        second = run_exporter(
            "--state.file", str(state), "--web.listen-address", "127.0.0.1:0", SHORTGENIUS_API_KEY="k"
        )
        assert (second.returncode, second.stdout, second.stderr) == (
            2,
            "",
            f"--state.file: {state}: in use by another process (pid {first.program.process.pid}): "
            "give each exporter a file of its own\n",
        )
        first.wait_until_ready()


def test_a_state_file_that_never_can_work_is_a_usage_error(tmp_path: Path) -> None:
    path = tmp_path / "none" / "state.db"
    found = run_exporter("--state.file", str(path), SHORTGENIUS_API_KEY="k")
    assert (found.returncode, found.stderr) == (
        2,
        f"--state.file: {path}: there is no directory {path.parent}: create it\n",
    )


def test_a_file_that_cannot_be_used_is_set_aside_logged_and_counted(simulator: SimulatorServer, state: Path) -> None:
    state.write_text("not a database")
    with running(simulator, state) as one:
        one.wait_until_ready()
        assert (one.value(ERRORS), one.value(CONSUMED)) == (1, 0)
        (aside,) = state.parent.glob("state.db.corrupt-*")
        assert aside.read_text() == "not a database"
        assert one.program.stop()[0] == 0
        assert f'problem="{state} is no SQLite database; it is now {aside}"' in one.program.output


def test_on_a_full_disk_polling_and_serving_go_on_and_all_is_saved_when_there_is_room(
    simulator: SimulatorServer, state: Path
) -> None:
    with running(simulator, state) as one:
        one.wait_until_ready()
        limits = resource.prlimit(one.program.process.pid, resource.RLIMIT_FSIZE)
        resource.prlimit(one.program.process.pid, resource.RLIMIT_FSIZE, (0, limits[1]))
        spend(simulator, 7)
        reaches(one, CONSUMED, 7)
        reaches(one, BALANCE, 210)
        eventually(lambda: (one.value(ERRORS) or 0) >= 1)
        assert ask(one.url + "/-/healthy").status == 200
        resource.prlimit(one.program.process.pid, resource.RLIMIT_FSIZE, limits)
        one.program.wait_for("state is saved again")
        one.program.process.kill()
    with running(simulator, state) as again:
        reaches(again, CONSUMED, 7)


@pytest.mark.alone
def test_sigterm_ends_it_within_two_seconds_while_polls_and_disk_hang(simulator: SimulatorServer, state: Path) -> None:
    with running(simulator, state) as one:
        one.wait_until_ready()
        with closing(sqlite3.connect(state, isolation_level=None)) as other:
            other.execute("BEGIN EXCLUSIVE")
            spend(simulator, 7)
            eventually(lambda: simulator.requests("a00") > 5)
            simulator.inject(Fault.HANG)
            code, took = one.program.stop()
    assert code == 0
    assert took < 2.0
    with running(simulator, state) as again:
        simulator.clear()
        reaches(again, CONSUMED, 7)


def test_no_secret_is_in_the_file(simulator: SimulatorServer, state: Path) -> None:
    with running(simulator, state) as one:
        one.wait_until_ready()
        one.program.stop()
    for file in state.parent.glob("state.db*"):
        assert KEY.encode() not in file.read_bytes()


def test_the_metric_is_there_at_0_without_a_state_file(simulator: SimulatorServer) -> None:
    with exporter(SHORTGENIUS_API_KEY=KEY, SHORTGENIUS_BASE_URL=simulator.base_url) as one:
        assert one.value(ERRORS) == 0
