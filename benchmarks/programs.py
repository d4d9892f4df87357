"""Programs under measurement: started, asked what they cost, stopped."""

from __future__ import annotations

import http.client
import json
import os
import select
import socket
import ssl
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

PATIENCE = 120.0


@dataclass(frozen=True, slots=True)
class Process:
    pid: int

    def cpu_seconds(self) -> float:
        """Of all threads that are alive now, user and system, to the nanosecond where the kernel tells."""
        tasks = Path(f"/proc/{self.pid}/task").glob("*/schedstat")
        return sum(int(task.read_text().split()[0]) for task in tasks) / 1e9

    def memory_mb(self) -> float:
        """Resident now, in millions of bytes; pages shared with other processes included."""
        return self._status("VmRSS") * 1024 / 1e6

    def peak_memory_mb(self) -> float:
        return self._status("VmHWM") * 1024 / 1e6

    def _status(self, name: str) -> int:
        for line in Path(f"/proc/{self.pid}/status").read_text().splitlines():
            if line.startswith(f"{name}:"):
                return int(line.split()[1])
        raise KeyError(name)


@contextmanager
def running(*command: str, environ: Mapping[str, str] | None = None) -> Iterator[subprocess.Popen[str]]:
    process = subprocess.Popen(
        command, env=environ or clean_environ(), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


def python(module: str, *arguments: str) -> list[str]:
    return [sys.executable, "-m", module, *arguments]


def first_line(process: subprocess.Popen[str]) -> str:
    assert process.stdout is not None
    if not select.select([process.stdout], [], [], PATIENCE)[0]:
        raise TimeoutError(f"{process.args!r} says nothing")
    return process.stdout.readline().strip()


def clean_environ() -> dict[str, str]:
    """Without what would send requests elsewhere or name keys."""
    return {
        name: value
        for name, value in os.environ.items()
        if not name.startswith("SHORTGENIUS_") and not name.lower().endswith("_proxy")
    }


@dataclass(frozen=True, slots=True)
class Upstream:
    port: int
    ca_file: Path | None

    @property
    def base_url(self) -> str:
        return f"{'https' if self.ca_file else 'http'}://localhost:{self.port}/api/v1"

    def stats(self) -> dict[str, int]:
        """Counters so far: requests, connections, open, most_open."""
        if self.ca_file is None:
            connection = http.client.HTTPConnection("localhost", self.port)
        else:
            context = ssl.create_default_context(cafile=str(self.ca_file))
            connection = http.client.HTTPSConnection("localhost", self.port, context=context)
        connection.request("GET", "/stats")
        found: dict[str, int] = json.loads(connection.getresponse().read())
        connection.close()
        return found


@contextmanager
def upstream(folder: Path, *, latency: float = 0.0) -> Iterator[Upstream]:
    """The stand-in for the API over HTTPS."""
    ca_file, certificate = _certificates(folder)
    command = python("benchmarks.upstream", "--latency", str(latency), "--certificate", str(certificate))
    with running(*command) as process:
        yield Upstream(int(first_line(process)), ca_file)


def _certificates(folder: Path) -> tuple[Path, Path]:
    import trustme  # noqa: PLC0415 - the programs that import this module need not load it

    ca_file, certificate = folder / "ca.pem", folder / "server.pem"
    if not ca_file.exists():
        authority = trustme.CA()
        authority.issue_cert("localhost").private_key_and_cert_chain_pem.write_to_path(str(certificate))
        authority.cert_pem.write_to_path(str(ca_file))
    return ca_file, certificate


@dataclass(frozen=True, slots=True)
class Exporter:
    process: Process
    port: int
    started: float

    def get(self, path: str = "/metrics", **headers: str) -> bytes:
        return get(self.port, path, **headers)[0]

    def polls(self) -> int:
        """Finished so far, over all accounts."""
        return int(self.value("shortgenius_api_request_duration_seconds_count"))

    def value(self, series: str) -> float:
        for line in reversed(self.get().decode().splitlines()):
            if line.startswith(f"{series} "):
                return float(line.rpartition(" ")[2])
        raise KeyError(series)


@contextmanager
def exporter(config: Path, *flags: str) -> Iterator[Exporter]:
    """The exporter as its own process on a port of its own; its log goes to a file beside ``config``."""
    port = free_port()
    command = python("shortgenius_exporter", "--config.file", str(config), *flags)
    log = config.with_suffix(".log")
    with log.open("w") as output:
        started = time.monotonic()
        process = subprocess.Popen(
            [*command, "--web.listen-address", f"127.0.0.1:{port}"],
            env=clean_environ(),
            stdout=output,
            stderr=output,
        )
        try:
            wait_until_answering(port, process, log)
            yield Exporter(Process(process.pid), port, started)
        finally:
            process.terminate()
            process.wait(PATIENCE)


def wait_until_answering(port: int, process: subprocess.Popen[bytes] | subprocess.Popen[str], log: Path) -> None:
    end = time.monotonic() + PATIENCE
    while time.monotonic() < end:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
            return
        except OSError:
            time.sleep(0.005)
        if process.poll() is not None:
            raise RuntimeError(f"{process.args!r} has ended:\n{log.read_text()}")
    raise TimeoutError(f"nothing answers on port {port}")


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as found:
        return int(found.getsockname()[1])


def get(port: int, path: str, method: str = "GET", **headers: str) -> tuple[bytes, float]:
    """One answer as it travels, still compressed, and the seconds until its last byte."""
    began = time.perf_counter()
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=PATIENCE)
    connection.request(method, path, headers={name.replace("_", "-"): value for name, value in headers.items()})
    response = connection.getresponse()
    buffer = bytearray(1 << 20)
    parts = []
    while size := response.readinto(buffer):
        parts.append(bytes(memoryview(buffer)[:size]))
    took = time.perf_counter() - began
    connection.close()
    if response.status != http.HTTPStatus.OK:
        raise RuntimeError(f"{path}: {response.status}")
    return b"".join(parts), took
