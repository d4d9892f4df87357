"""The health command, as a container engine runs it."""

from __future__ import annotations

import signal
import socket
import time
from http.server import BaseHTTPRequestHandler, HTTPServer
from threading import Thread

import pytest
import trustme

from pki import server_context
from shortgenius_exporter.health import health
from support import a_second, exporter, exporter_command, program, run_exporter
from upstreams import never_answer, nobody_listening, serving


def test_a_working_exporter_is_healthy_and_an_unpolled_account_is_not_ready() -> None:
    with (
        serving(never_answer) as upstream,
        exporter(SHORTGENIUS_API_KEY="x", SHORTGENIUS_BASE_URL=upstream.url) as running,
    ):
        healthy, ready, nothing = (
            run_exporter("health", "--url", running.url + path) for path in ("/-/healthy", "/-/ready", "/nothing")
        )
    assert (healthy.returncode, healthy.stdout, healthy.stderr) == (0, "", "")
    assert (ready.returncode, ready.stderr) == (
        1,
        f"{running.url}/-/ready: 503: Not every account has been polled once yet\n",
    )
    assert (nothing.returncode, nothing.stderr) == (
        1,
        f"{running.url}/nothing: 404: Nothing here. Metrics are at /metrics, links at /\n",
    )


def test_nobody_there_is_unhealthy() -> None:
    with nobody_listening() as port:
        url = f"http://127.0.0.1:{port}/-/healthy"
        ran = run_exporter("health", "--url", url)
    words = "nobody listens there: start the exporter, or name where it listens with --url"
    assert (ran.returncode, ran.stderr) == (1, f"{url}: {words}\n")


@pytest.mark.parametrize("url", ["http://a..b/", "http://[::1/"])
def test_a_host_that_is_none_is_a_message(url: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert health(url) == 1
    assert capsys.readouterr().err.startswith(f"{url}: ")


@pytest.mark.usefixtures("interruptible")
def test_ctrl_c_while_nobody_answers_is_no_traceback() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"http://127.0.0.1:{silent.getsockname()[1]}/"
        with program(*exporter_command(), "health", "--url", url) as running:
            asking, _ = silent.accept()
            code, _ = running.stop(signal.SIGINT)
            asking.close()
    assert (code, running.output) == (130, "")


def test_what_is_no_url_exits_2() -> None:
    ran = run_exporter("health", "--url", "localhost:10217")
    assert ran.returncode == 2
    assert ran.stderr.splitlines()[0] == (
        "shortgenius-exporter health: argument --url: 'localhost:10217' is not a URL such as "
        "http://localhost:10217/-/healthy"
    )


class Healthy(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(200)
        self.end_headers()

    def log_message(self, *_: object) -> None:
        pass


def test_under_tls_the_certificate_may_name_another_host() -> None:
    context = server_context(trustme.CA(), "exporter.example.com")
    with HTTPServer(("127.0.0.1", 0), Healthy) as server:
        server.socket = context.wrap_socket(server.socket, server_side=True)
        thread = Thread(target=server.handle_request)
        thread.start()
        assert health(f"https://127.0.0.1:{server.server_port}/-/healthy") == 0
        thread.join()


@pytest.mark.alone
def test_it_starts_fast_enough_to_run_every_few_seconds(capsys: pytest.CaptureFixture[str]) -> None:
    took = []
    with nobody_listening() as port:
        for _ in range(3):
            began = time.perf_counter()
            run_exporter("health", "--url", f"http://127.0.0.1:{port}/")
            took.append(time.perf_counter() - began)
    with capsys.disabled():
        print(f"\nshortgenius-exporter health: {min(took):.2f} s")
    assert min(took) < a_second()
