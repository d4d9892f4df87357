"""Simulator, exporter, Prometheus, Alertmanager and a receiver, with the shipped rules and routes, 300 times faster.

Nothing but times and addresses differs from what an operator runs: the windows are shortened by
`render_rules.py`, the Alertmanager example keeps its routes and inhibitions and loses its receivers' services.
"""

from __future__ import annotations

import json
import re
import shutil
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import yaml
from shipped import ALERTMANAGER, RENDER, run

from shortgenius_exporter.core.secret import Secret
from shortgenius_exporter.simulator.clock import SimulatedClock
from shortgenius_exporter.simulator.model import World
from shortgenius_exporter.simulator.plan import Plan, SimulatedAccount
from shortgenius_exporter.simulator.server import SimulatorServer
from support import RunningExporter, RunningPrometheus, ask, eventually, exporter, free_port, program, write

SCALE = 300  # an hour takes twelve seconds
PATIENCE = 90.0  # seconds, on a busy machine
_MILLISECONDS = {"s": 1000, "m": 60_000, "h": 3_600_000, "d": 86_400_000}


@dataclass(frozen=True)
class Notification:
    """What a receiver was told about one alert. ``receiver`` is the route's, ``at`` is monotonic seconds."""

    receiver: str
    status: str
    labels: dict[str, str]
    annotations: dict[str, str]
    at: float

    @property
    def name(self) -> str:
        return self.labels["alertname"]


@dataclass
class Inbox:
    """Every notification, in the order in which they came. Alertmanager repeats a group's whole list each time."""

    notifications: list[Notification] = field(default_factory=list)
    guard: threading.Lock = field(default_factory=threading.Lock)

    def put(self, payload: dict[str, Any]) -> None:
        at = time.monotonic()
        with self.guard:
            self.notifications += [
                Notification(payload["receiver"], one["status"], one["labels"], one["annotations"], at)
                for one in payload["alerts"]
            ]

    def wait(self, name: str, status: str = "firing", **labels: str) -> Notification:
        """The first of these, once it has come."""
        return eventually(lambda: self.all(name, status, **labels), PATIENCE)[0]

    def all(self, name: str, status: str = "firing", **labels: str) -> list[Notification]:
        with self.guard:
            found = [one for one in self.notifications if (one.name, one.status) == (name, status)]
        return [one for one in found if labels.items() <= one.labels.items()]

    def names(self, account: str) -> set[str]:
        """The alerts of ``account`` that anybody was told of."""
        with self.guard:
            return {one.name for one in self.notifications if one.labels.get("account") == account}


@dataclass(frozen=True)
class Stack:
    simulator: SimulatorServer
    exporter: RunningExporter
    prometheus: RunningPrometheus
    alertmanager: str
    inbox: Inbox

    def suppressed(self, account: str) -> set[str]:
        """The alerts of ``account`` that Alertmanager holds back because of another one."""
        return {one["alertname"] for one in inhibited(self.alertmanager) if one.get("account") == account}


def inhibited(alertmanager: str) -> list[dict[str, str]]:
    """The labels of the alerts that Alertmanager holds back because of another one."""
    alerts = json.loads(ask(f"{alertmanager}/api/v2/alerts?active=false&silenced=false").body)
    return [one["labels"] for one in alerts if one["status"]["inhibitedBy"]]


@dataclass(frozen=True)
class Given:
    """An account of the stack: what the simulator gives and spends, and how the exporter's configuration names it."""

    name: str
    plan: Plan
    settings: str = ""


def _exporter_of(config: Path) -> AbstractContextManager[RunningExporter]:
    return exporter("--config.file", str(config))


@contextmanager
def stack(
    folder: Path,
    *accounts: Given,
    exporter_of: Callable[[Path], AbstractContextManager[RunningExporter]] = _exporter_of,
) -> Iterator[Stack]:
    """``exporter_of``: starts the exporter with a configuration file."""
    start = time.time()
    simulated = [SimulatedAccount(one.name, Secret(f"sk-{i}"), one.plan, start) for i, one in enumerate(accounts)]
    with ExitStack() as opened:
        simulator = opened.enter_context(SimulatorServer(World(simulated, 1, start), SimulatedClock(start, 1.0)))
        inbox, address = opened.enter_context(receiver())
        exported = opened.enter_context(exporter_of(_exporter_file(folder, simulator, accounts)))
        router = opened.enter_context(alertmanager(folder, address))
        prometheus = opened.enter_context(_prometheus(folder, exported, router))
        yield Stack(simulator, exported, prometheus, router, inbox)


def _exporter_file(folder: Path, simulator: SimulatorServer, accounts: tuple[Given, ...]) -> Path:
    lines = [f"  - {{name: '{one.name}', api_key: sk-{i}{one.settings}}}\n" for i, one in enumerate(accounts)]
    defaults = f"{{base_url: '{simulator.base_url}', poll_interval: 200ms, stale_after: 1s}}"
    return write(folder / "exporter.yml", f"defaults: {defaults}\naccounts:\n{''.join(lines)}")


@contextmanager
def receiver() -> Iterator[tuple[Inbox, str]]:
    """A webhook receiver: what it got, and its URL."""
    inbox = Inbox()

    class Receiver(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            inbox.put(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Receiver)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield inbox, f"http://127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def faster_alertmanager(receivers: str) -> dict[str, Any]:
    """The example with shorter times, and a webhook at ``receivers`` in the place of every receiver's services."""
    text = re.sub(
        r"(_(?:wait|interval|timeout): )(\d+)([smhd])\b",
        lambda found: f"{found[1]}{int(found[2]) * _MILLISECONDS[found[3]] // SCALE}ms",
        ALERTMANAGER.read_text(),
    )
    config: dict[str, Any] = yaml.safe_load(text)
    config["global"] = {"resolve_timeout": config["global"]["resolve_timeout"]}
    for one in config["receivers"]:
        name = one["name"]
        one.clear()
        one.update(name=name, webhook_configs=[{"url": receivers, "send_resolved": True}])
    return config


@contextmanager
def alertmanager(folder: Path, receivers: str) -> Iterator[str]:
    """The URL of a real Alertmanager with the example's routes, that tells everything to the URL ``receivers``."""
    file = write(folder / "alertmanager.yml", yaml.safe_dump(faster_alertmanager(receivers)))
    address = f"127.0.0.1:{free_port()}"
    flags = (f"--config.file={file}", f"--storage.path={folder / 'am'}", f"--web.listen-address={address}")
    name = "prometheus-alertmanager" if shutil.which("prometheus-alertmanager") else "alertmanager"  # Debian's, or not
    with program(name, *flags, "--cluster.listen-address=") as running:
        running.wait_for("Listening on|msg=Listening|TLS is disabled")
        yield f"http://{address}"


@contextmanager
def _prometheus(folder: Path, exported: RunningExporter, router: str) -> Iterator[RunningPrometheus]:
    rules = folder / "rules"
    done = run(sys.executable, RENDER, "--time-scale", str(SCALE), "--output", rules)
    assert done.returncode == 0, done.stderr
    config = {
        "global": {"scrape_interval": "200ms", "scrape_timeout": "200ms", "evaluation_interval": "200ms"},
        "rule_files": [f"{rules}/*.yml"],
        "alerting": {"alertmanagers": [{"static_configs": [{"targets": [router.removeprefix("http://")]}]}]},
        "scrape_configs": [
            {"job_name": "shortgenius", "static_configs": [{"targets": [exported.url.removeprefix("http://")]}]}
        ],
    }
    file = write(folder / "prometheus.yml", yaml.safe_dump(config))
    address = f"127.0.0.1:{free_port()}"
    flags = (
        f"--config.file={file}",
        f"--storage.tsdb.path={folder / 'prometheus'}",
        f"--web.listen-address={address}",
        "--rules.alert.resend-delay=1s",
    )
    with program("prometheus", *flags) as running:
        running.wait_for("Server is ready to receive web requests")
        yield RunningPrometheus(f"http://{address}")
