"""A real Prometheus over a folder of blocks."""

from __future__ import annotations

import socket
import subprocess
import tempfile
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import requests

Json = dict[str, Any]

_NO_LIMIT = "100y"


class QueryError(Exception):
    """Prometheus refused an expression; the message is its own."""


@dataclass(frozen=True, slots=True)
class Prometheus:
    """The HTTP API at ``url``. Times are Unix seconds."""

    url: str

    def at(self, expr: str, now: float) -> list[Json]:
        """The instant query's series: ``metric`` and ``value``."""
        return self._result("query", {"query": expr, "time": f"{now}"})

    def over(self, expr: str, start: float, end: float, step: float) -> list[Json]:
        """The range query's series: ``metric`` and ``values``."""
        return self._result("query_range", {"query": expr, "start": f"{start}", "end": f"{end}", "step": f"{step}"})

    def labels(self, series: str, start: float, end: float) -> list[Json]:
        """The label sets of all series that a selector picks."""
        return self._result("series", {"match[]": series, "start": f"{start}", "end": f"{end}"})

    def _result(self, path: str, form: dict[str, str]) -> list[Json]:
        answer = requests.post(f"{self.url}/api/v1/{path}", data=form, timeout=120).json()
        if answer["status"] != "success":
            raise QueryError(f"{answer['error']} in: {form}")
        data = answer["data"]
        found: list[Json] = data["result"] if isinstance(data, dict) else data
        return found


@contextmanager
def serving(blocks: Path, lookback: float) -> Iterator[Prometheus]:
    """A Prometheus on ``blocks``, which finds a series up to ``lookback`` seconds after its last sample."""
    with tempfile.TemporaryDirectory() as folder:
        configuration = Path(folder, "prometheus.yml")
        configuration.write_text("scrape_configs: []\n", encoding="utf-8")
        address = f"127.0.0.1:{_free_port()}"
        command = [
            "prometheus",
            f"--config.file={configuration}",
            f"--storage.tsdb.path={blocks}",
            f"--storage.tsdb.retention.time={_NO_LIMIT}",
            f"--query.lookback-delta={lookback:.0f}s",
            f"--web.listen-address={address}",
            "--web.cors.origin=.*",
            "--log.level=error",
        ]
        with subprocess.Popen(command) as process:  # noqa: S603 - our own arguments
            try:
                yield _ready(Prometheus(f"http://{address}"), process)
            finally:
                process.terminate()


def add_blocks(blocks: Path, lines: Iterable[str]) -> None:
    """Adds samples, given as OpenMetrics lines without the end marker, as ``promtool`` does it."""
    blocks.mkdir(parents=True, exist_ok=True)
    with tempfile.NamedTemporaryFile("w", encoding="utf-8", suffix=".om") as file:
        file.writelines(lines)
        file.write("# EOF\n")
        file.flush()
        # One block for all, not one per two hours: promtool reads the whole file once for each.
        command = ["promtool", "tsdb", "create-blocks-from", "--max-block-duration=744h", "openmetrics"]
        subprocess.run([*command, file.name, str(blocks)], check=True, stdout=subprocess.DEVNULL)  # noqa: S603


def _ready(prometheus: Prometheus, process: subprocess.Popen[bytes]) -> Prometheus:
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline and process.poll() is None:
        try:
            if requests.get(f"{prometheus.url}/-/ready", timeout=5).ok:
                return prometheus
        except requests.ConnectionError:
            time.sleep(0.05)
    raise RuntimeError(f"Prometheus did not become ready: exit code {process.poll()}")


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
