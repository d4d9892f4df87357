"""The exporter as its own process, against a real API on a socket, scraped by a real Prometheus."""

from __future__ import annotations

import re
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from importlib.metadata import version
from pathlib import Path
from threading import Thread
from typing import Any

import pytest

from shortgenius_exporter.simulator.faults import Fault
from shortgenius_exporter.simulator.server import SimulatorServer
from support import RunningExporter, ask, eventually, exporter, prometheus, write


@contextmanager
def http_server(handle: type[BaseHTTPRequestHandler]) -> Iterator[str]:
    """A server that is not ours; yields its HOST:PORT."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), handle)
    thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield f"127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


class Quiet(BaseHTTPRequestHandler):
    def log_message(self, *_: Any) -> None:
        pass

    def answer(self, body: bytes, content_type: str = "application/json") -> None:
        self.send_response(200)
        self.send_header("Content-Type", content_type)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


class DocumentedApi(Quiet):
    def do_GET(self) -> None:
        self.answer(b'{"balance": {"credits": 217}}')


def config(simulator: SimulatorServer, folder: Path, count: int = 1, defaults: str = "") -> Path:
    accounts = "".join(f"  - {{name: a{i:02}, api_key: sk-a{i:02}}}\n" for i in range(count))
    text = f"defaults: {{base_url: '{simulator.base_url}', {defaults}}}\naccounts:\n{accounts}"
    return write(folder / "exporter.yml", text)


def balance(account: str, credit_type: str = "credits") -> str:
    return f'shortgenius_balance_credits{{account="{account}",credit_type="{credit_type}"}}'


def test_one_key_in_the_environment_is_all_it_takes() -> None:
    with (
        http_server(DocumentedApi) as upstream,
        exporter(SHORTGENIUS_API_KEY="x", SHORTGENIUS_BASE_URL=f"http://{upstream}/api/v1") as running,
    ):
        running.wait_until_ready()
        lines = running.metrics().splitlines()
    assert 'shortgenius_balance_credits{account="default",credit_type="credits"} 217' in lines


class TextOnly(Quiet):
    """Passes a scrape on without its Accept header, as an older Prometheus would have sent it."""

    exporter: RunningExporter

    def do_GET(self) -> None:
        found = ask(self.exporter.url + self.path)
        self.answer(found.body, found.headers["content-type"])


def test_a_real_prometheus_scrapes_both_formats(simulator: SimulatorServer, tmp_path: Path) -> None:
    with exporter("--config.file", str(config(simulator, tmp_path, 2))) as running:
        running.wait_until_ready()
        relay = type("Relay", (TextOnly,), {"exporter": running})
        openmetrics = running.url.removeprefix("http://")
        with http_server(relay) as text, prometheus(tmp_path, openmetrics, text) as scraper:
            found = eventually(lambda: balances_of_both(scraper.query('shortgenius_balance_credits{account="a01"}')))
            targets = scraper.targets()
    assert found == {(openmetrics, "credits"): "217", (text, "credits"): "217"} | {
        (openmetrics, "image_credits"): "40",
        (text, "image_credits"): "40",
    }
    assert {(one["health"], one["lastError"]) for one in targets} == {("up", "")}


def balances_of_both(vector: list[dict[str, Any]]) -> dict[tuple[str, str], str]:
    found = {(one["metric"]["instance"], one["metric"]["credit_type"]): one["value"][1] for one in vector}
    return found if len(found) == 4 else {}


@pytest.mark.alone
def test_an_upstream_that_never_answers_delays_no_other_account(
    simulator: SimulatorServer, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    simulator.inject(Fault.HANG, "a07")
    file = config(simulator, tmp_path, 20, "poll_interval: 500ms, poll_timeout: 60s")
    with exporter("--config.file", str(file), "--log.level", "debug") as running:
        for account in (f"a{i:02}" for i in range(20)):
            simulator.wait_for_requests(account, 1 if account == "a07" else 6)
        running.program.stop()
        polls = re.findall(r"msg=polling account=(\S+) late=(\S+)", running.program.output)
    worst = max(float(late) for account, late in polls if account != "a07")
    with capsys.disabled():
        print(f"\n19 accounts beside one that hangs: {len(polls)} polls, worst lateness {worst:.3f} s")
    assert worst < 0.5
    assert simulator.requests("a07") == 1


@pytest.mark.alone
def test_a_signal_ends_it_within_two_seconds_while_ten_polls_hang(simulator: SimulatorServer, tmp_path: Path) -> None:
    simulator.inject(Fault.HANG)
    with exporter("--config.file", str(config(simulator, tmp_path, 10, "poll_timeout: 60s"))) as running:
        for i in range(10):
            simulator.wait_for_requests(f"a{i:02}", 1)
        code, took = running.program.stop()
    assert code == 0
    assert took < 2


def test_it_is_healthy_but_not_ready_while_nothing_answers(simulator: SimulatorServer, tmp_path: Path) -> None:
    simulator.inject(Fault.HANG)
    with exporter("--config.file", str(config(simulator, tmp_path, 1, "poll_timeout: 60s"))) as running:
        simulator.wait_for_requests("a00", 1)
        assert ask(running.url + "/-/healthy").status == 200
        assert ask(running.url + "/-/ready").status == 503
        assert running.value('shortgenius_up{account="a00"}') is None


def test_an_account_that_fails_is_down_at_once_and_up_again_when_it_answers(
    simulator: SimulatorServer, tmp_path: Path
) -> None:
    simulator.admin("revoke", account="a00")
    key = write(tmp_path / "key", "sk-a00\n")
    text = f"accounts: [{{name: a00, api_key_file: key, base_url: '{simulator.base_url}'}}]\n"
    with exporter("--config.file", str(write(tmp_path / "c.yml", text))) as running:
        running.wait_until_ready()
        assert running.value('shortgenius_up{account="a00"}') == 0
        assert running.value('shortgenius_api_request_failures_total{account="a00",reason="auth"}') == 1
        simulator.admin("rotate", account="a00", key="sk-new")
        key.write_text("sk-new\n")
        running.program.wait_for('msg="account has recovered" account=a00')
        assert running.value(balance("a00")) == 217


def test_sighup_takes_over_a_new_configuration(simulator: SimulatorServer, tmp_path: Path) -> None:
    file = config(simulator, tmp_path, 1)
    with exporter("--config.file", str(file)) as running:
        running.wait_until_ready()
        config(simulator, tmp_path, 2)
        running.program.process.send_signal(signal.SIGHUP)
        running.program.wait_for('msg="configuration reloaded" accounts=2')
        assert eventually(lambda: running.value(balance("a01"))) == 217
        assert running.value("shortgenius_exporter_accounts") == 2
        assert running.value('shortgenius_api_requests_total{account="a00"}') == 1


def test_a_bad_configuration_is_told_and_changes_nothing(simulator: SimulatorServer, tmp_path: Path) -> None:
    file = config(simulator, tmp_path, 1)
    with exporter("--config.file", str(file), "--web.enable-lifecycle") as running:
        running.wait_until_ready()
        write(file, "accounts: []\n")
        refused = ask(running.url + "/-/reload", "POST")
        assert refused.status == 500
        assert str(file) in refused.text
        assert running.value("shortgenius_exporter_config_last_reload_successful") == 0
        assert running.value(balance("a00")) == 217
        config(simulator, tmp_path, 1)
        assert ask(running.url + "/-/reload", "POST").status == 200
        assert running.value("shortgenius_exporter_config_last_reload_successful") == 1


def test_the_first_line_of_the_log_says_what_starts(simulator: SimulatorServer, tmp_path: Path) -> None:
    with exporter("--config.file", str(config(simulator, tmp_path, 2))) as running:
        first = running.program.output.splitlines()[0]
    what = f"version={version('shortgenius-exporter')} accounts=2 shard=0 total_shards=1"
    assert first.partition(" level=")[2] == f"info msg=starting {what}"


def test_logs_can_be_json(simulator: SimulatorServer, tmp_path: Path) -> None:
    with exporter("--config.file", str(config(simulator, tmp_path, 1)), "--log.format", "json") as running:
        running.program.wait_for(
            '"level": "info", "msg": "account answers", "account": "a00", "balance_credits": 217.0'
        )


def test_a_key_file_that_vanishes_is_told_once_and_the_last_key_stays_in_use(
    simulator: SimulatorServer, tmp_path: Path
) -> None:
    key = write(tmp_path / "key", "sk-a00")
    defaults = f"base_url: '{simulator.base_url}', poll_interval: 100ms"
    text = f"defaults: {{{defaults}}}\naccounts: [{{name: a00, api_key_file: key}}]\n"
    with exporter("--config.file", str(write(tmp_path / "c.yml", text))) as running:
        running.wait_until_ready()
        key.unlink()
        running.program.wait_for("key file not read, the last key stays in use")
        simulator.wait_for_requests("a00", simulator.requests("a00") + 3)
        running.program.stop()
    assert running.program.output.count("key file not read") == 1
    assert "account is failing" not in running.program.output


def test_a_key_that_travels_unencrypted_is_warned_of() -> None:
    with exporter(SHORTGENIUS_API_KEY="x", SHORTGENIUS_BASE_URL="http://upstream.invalid/api/v1") as running:
        running.wait_until_ready()
        running.program.stop()
    assert 'msg="the key travels unencrypted, use https" account=default' in running.program.output
