"""What several tests start and ask: the exporter as a process, other programs, HTTP requests."""

from __future__ import annotations

import http.client
import json
import os
import re
import signal
import socket
import ssl
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from queue import Empty, Queue
from typing import Any, TypeVar
from urllib.parse import urlencode, urlsplit

PATIENCE = 30.0
Found = TypeVar("Found")


@dataclass(frozen=True)
class Answer:
    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def text(self) -> str:
        return self.body.decode()


def ask(
    url: str,
    method: str = "GET",
    headers: Mapping[str, str] | None = None,
    tls: ssl.SSLContext | None = None,
) -> Answer:
    """One HTTP request on a connection of its own; never raises for a status. ``tls``: for https, whom to trust."""
    parts = urlsplit(url)
    connection = (
        http.client.HTTPSConnection(parts.netloc, timeout=PATIENCE, context=tls)
        if parts.scheme == "https"
        else http.client.HTTPConnection(parts.netloc, timeout=PATIENCE)
    )
    try:
        connection.request(method, f"{parts.path or '/'}?{parts.query}".removesuffix("?"), headers=dict(headers or {}))
        response = connection.getresponse()
        return Answer(response.status, {name.lower(): value for name, value in response.getheaders()}, response.read())
    finally:
        connection.close()


def eventually(condition: Callable[[], Found], patience: float = PATIENCE) -> Found:
    """The first true result of ``condition``, asked again and again: for what another process will do in its time."""
    end = time.monotonic() + patience
    pause = threading.Event()
    while True:
        found = condition()
        if found:
            return found
        assert time.monotonic() < end, "what was waited for did not happen"
        pause.wait(0.05)


@contextmanager
def repeated(work: Callable[[], None], pause: float) -> Iterator[None]:
    """Does ``work`` again and again, in a thread, until the block ends; raises there what ``work`` raised."""
    done = threading.Event()
    raised: list[BaseException] = []

    def run() -> None:
        try:
            while not done.wait(pause):
                work()
        except BaseException as error:  # noqa: BLE001 - raised where somebody looks
            raised.append(error)

    thread = threading.Thread(target=run)
    thread.start()
    try:
        yield
    finally:
        done.set()
        thread.join()
    if raised:
        raise raised[0]


def a_second() -> float:
    """Longer by as much as the machine is overloaded: waiting for a processor is no fault of ours."""
    return max(1.0, os.getloadavg()[0] / (os.cpu_count() or 1))


class Program:
    """A running program whose output is kept, line by line."""

    def __init__(self, command: list[str], environ: Mapping[str, str]) -> None:
        self.process = subprocess.Popen(
            command, env=dict(environ), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
        )
        self._lines: Queue[str] = Queue()
        self._output: list[str] = []
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    @property
    def output(self) -> str:
        return "".join(self._output)

    def wait_for(self, pattern: str, patience: float = PATIENCE) -> re.Match[str]:
        """The first line from now on that has ``pattern``."""
        end = time.monotonic() + patience
        while True:
            try:
                line = self._lines.get(timeout=max(end - time.monotonic(), 0.01))
            except Empty:
                raise AssertionError(f"no line has {pattern!r} in:\n{self.output}") from None
            if found := re.search(pattern, line):
                return found

    def stop(self, number: int = signal.SIGTERM) -> tuple[int, float]:
        """Sends a signal; the exit code, and the seconds until it was there."""
        began = time.monotonic()
        self.process.send_signal(number)
        code = self.process.wait(PATIENCE)
        took = time.monotonic() - began
        self._reader.join(PATIENCE)
        return code, took

    def _read(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self._output.append(line)
            self._lines.put(line)


@contextmanager
def program(*command: str, environ: Mapping[str, str] | None = None) -> Iterator[Program]:
    running = Program(list(command), clean_environ() if environ is None else environ)
    try:
        yield running
    finally:
        running.process.kill()
        running.process.wait()
        running._reader.join(PATIENCE)
        assert running.process.stdout is not None
        running.process.stdout.close()


@dataclass(frozen=True)
class RunningExporter:
    program: Program
    url: str

    def metrics(self, accept: str = "") -> str:
        return ask(self.url + "/metrics", headers={"Accept": accept}).text

    def value(self, series: str) -> float | None:
        """The value of one series, written as it is served; ``None`` if it is not there."""
        for line in self.metrics().splitlines():
            name, _, number = line.rpartition(" ")
            if name == series:
                return float(number)
        return None

    def wait_until_ready(self) -> None:
        eventually(lambda: ask(self.url + "/-/ready").status == 200)


@contextmanager
def exporter(*arguments: str, **environ: str) -> Iterator[RunningExporter]:
    """The exporter as its own process on a free loopback port."""
    command = [*exporter_command(), *arguments, "--web.listen-address", "127.0.0.1:0"]
    with program(*command, environ=clean_environ(**environ)) as running:
        yield RunningExporter(running, wait_for_url(running))


def wait_for_url(running: Program) -> str:
    """Where an exporter that was just started listens."""
    found = running.wait_for(
        r'msg=listening address=(\S+) path=\S+ scheme=(\S+)|"address": "([^"]+)", "path": "[^"]+", "scheme": "([^"]+)"'
    )
    return f"{found[2] or found[4]}://{found[1] or found[3]}"


def exporter_command() -> list[str]:
    return [sys.executable, "-m", "shortgenius_exporter"]


def run_exporter(*arguments: str, **environ: str) -> subprocess.CompletedProcess[str]:
    """A command that ends."""
    return subprocess.run(
        [*exporter_command(), *arguments],
        env=clean_environ(**environ),
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=False,
    )


def clean_environ(**more: str) -> dict[str, str]:
    """This process's environment without keys, proxies and colours, and with ``more``."""
    ours = re.compile(r"SHORTGENIUS_.*|.*_proxy|NO_COLOR", re.IGNORECASE)
    return {name: value for name, value in os.environ.items() if not ours.fullmatch(name)} | more


def free_port() -> int:
    """A port for a program that cannot choose one itself."""
    with socket.create_server(("127.0.0.1", 0)) as found:
        return int(found.getsockname()[1])


def write(path: Path, text: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return path


def replace_file(path: Path, text: str) -> None:
    """As careful programs do: a new file that takes the old one's name."""
    write(path.with_name(f".{path.name}.new"), text).replace(path)


@dataclass(frozen=True)
class RunningPrometheus:
    url: str

    def query(self, expression: str) -> list[dict[str, Any]]:
        """The instant vector of ``expression``, as the HTTP API gives it."""
        answer = ask(f"{self.url}/api/v1/query?{urlencode({'query': expression})}")
        return list(json.loads(answer.body)["data"]["result"])

    def targets(self) -> list[dict[str, Any]]:
        return list(json.loads(ask(f"{self.url}/api/v1/targets").body)["data"]["activeTargets"])


@contextmanager
def prometheus(folder: Path, *targets: str, config: str = "") -> Iterator[RunningPrometheus]:
    """A real Prometheus that scrapes ``targets`` (HOST:PORT) every second; ``config`` is added to its file."""
    scraped = json.dumps(list(targets))
    file = write(
        folder / "prometheus.yml",
        "global: {scrape_interval: 1s, evaluation_interval: 1s}\n"
        f"scrape_configs: [{{job_name: shortgenius, static_configs: [{{targets: {scraped}}}]}}]\n{config}",
    )
    port = free_port()
    flags = (
        f"--config.file={file}",
        f"--storage.tsdb.path={folder / 'data'}",
        f"--web.listen-address=127.0.0.1:{port}",
    )
    with program("prometheus", *flags) as running:
        running.wait_for("Server is ready to receive web requests")
        yield RunningPrometheus(f"http://127.0.0.1:{port}")
