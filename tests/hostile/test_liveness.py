"""Threads of a real process are killed or held up: ``/-/healthy`` and the metrics tell it, and only then."""

from __future__ import annotations

import json
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from hostile.saboteur import sabotaged, strike
from shortgenius_exporter.simulator.faults import Fault
from shortgenius_exporter.simulator.server import SimulatorServer
from support import RunningExporter, a_second, ask, eventually, write

LAST_RUN = "shortgenius_exporter_poll_loop_last_run_timestamp_seconds"
INTERVAL = 0.2


@contextmanager
def running_with(sabotage: str, server: SimulatorServer, folder: Path) -> Iterator[RunningExporter]:
    accounts = "".join(f"  - {{name: {name}, api_key: sk-{name}}}\n" for name in ("a00", "a01"))
    defaults = f"{{base_url: '{server.base_url}', poll_interval: 200ms, poll_timeout: 500ms}}"
    file = write(folder / "exporter.yml", f"defaults: {defaults}\naccounts:\n{accounts}")
    with sabotaged(sabotage, file) as running:
        running.wait_until_ready()
        assert health(running) == 200
        yield running


def health(running: RunningExporter) -> int:
    return ask(running.url + "/-/healthy").status


def last_run(running: RunningExporter) -> float:
    value = running.value(LAST_RUN)
    assert value is not None
    return value


def has_run_again(running: RunningExporter, since: float) -> bool:
    return last_run(running) > since + INTERVAL


def test_a_dead_poll_loop_is_unhealthy_told_in_the_log_and_seen_in_a_metric(
    simulator: SimulatorServer, tmp_path: Path
) -> None:
    with running_with("dispatcher", simulator, tmp_path) as running:
        strike(running)
        running.program.wait_for('level=error msg="thread died" thread=dispatcher')
        eventually(lambda: health(running) == 503)
        stood_still = last_run(running)
        assert abs(last_run(running) - stood_still) < 0.01
        assert ask(running.url + "/metrics").status == 200


def test_a_poll_loop_that_is_stuck_is_unhealthy_until_it_runs_again(simulator: SimulatorServer, tmp_path: Path) -> None:
    with running_with("lock", simulator, tmp_path) as running:
        strike(running)
        eventually(lambda: health(running) == 503)
        stood_still = last_run(running)
        running.program.process.send_signal(signal.SIGUSR2)
        eventually(lambda: health(running) == 200)
        assert has_run_again(running, stood_still)


def test_while_the_poll_loop_is_stuck_all_is_answered_says_what_to_do_and_ends_when_told(
    simulator: SimulatorServer, tmp_path: Path
) -> None:
    """More pages than there are threads that answer: none may wait for what the loop holds."""
    with running_with("lock", simulator, tmp_path) as running:
        strike(running)
        for _ in range(40):
            assert ask(running.url + "/").status == 200
        eventually(lambda: health(running) == 503)
        assert "Polling has stopped" in ask(running.url + "/").text
        assert json.loads(ask(running.url + "/api/v1/accounts").body)["exporter"]["polling"] is False
        refused = ask(running.url + "/-/reload", "POST")
        assert (refused.status, refused.text) == (500, "Not reloaded:\nthe poll loop is stuck: restart the exporter\n")
        assert ask(running.url + "/metrics").status == 200
        code, took = running.program.stop()
    assert code == 0
    assert took < 2 * a_second()


def test_killed_workers_are_replaced_and_told_in_the_log_while_all_is_healthy(
    simulator: SimulatorServer, tmp_path: Path
) -> None:
    with running_with("worker", simulator, tmp_path) as running:
        strike(running)
        running.program.wait_for('level=error msg="thread died" thread=worker')
        for name in ("a00", "a01"):
            simulator.wait_for_requests(name, simulator.requests(name) + 3)
        assert health(running) == 200


def test_an_upstream_that_answers_nobody_leaves_the_process_healthy_and_its_loop_running(
    simulator: SimulatorServer, tmp_path: Path
) -> None:
    simulator.inject(Fault.HANG)
    with running_with("", simulator, tmp_path) as running:
        began = last_run(running)
        eventually(lambda: has_run_again(running, began))
        assert running.value('shortgenius_up{account="a00"}') == 0
        assert health(running) == 200
