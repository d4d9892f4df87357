"""Runs what deploy/compose/ describes without containers: the same files and flags, with this machine's programs.

Compose itself resolves the files; then every path inside a container becomes the path that would be mounted there, and
every SERVICE:PORT becomes a port of this machine. Grafana is left out: nothing here can run it.
"""

from __future__ import annotations

import json
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

COMPOSE = Path(__file__).parents[1] / "deploy" / "compose"
BIN = Path(sys.executable).parent
PORTS = {"simulator": 10218, "exporter": 10217, "prometheus": 9090, "alertmanager": 9093}
# Debian calls it prometheus-alertmanager.
PROGRAMS = {
    "simulator": [str(BIN / "shortgenius-exporter")],
    "exporter": [str(BIN / "shortgenius-exporter")],
    "prometheus": ["prometheus"],
    "alertmanager": [shutil.which("prometheus-alertmanager") or "alertmanager", "--cluster.listen-address="],
}
PATIENCE = 30.0


@dataclass(frozen=True, slots=True)
class Service:
    """One program: its whole command line, and the port it listens on."""

    name: str
    command: tuple[str, ...]
    port: int

    @property
    def url(self) -> str:
        return f"http://localhost:{self.port}"


def compose(env_file: str) -> dict[str, Any]:
    """The Compose file as Compose understands it. Raises ``CalledProcessError``."""
    command = [str(BIN / "docker-compose"), "--env-file", env_file, "config", "--format", "json"]
    ran = subprocess.run(command, cwd=COMPOSE, check=True, stdout=subprocess.PIPE)
    found: dict[str, Any] = json.loads(ran.stdout)
    return found


def services(resolved: Mapping[str, Any], folder: Path, ports: Mapping[str, int] = PORTS) -> list[Service]:
    """The programs to run for ``resolved``; their data and their configuration, as they see it, lie in ``folder``."""
    return [_service(name, resolved, folder, ports) for name in ports if name in resolved["services"]]


def _service(name: str, resolved: Mapping[str, Any], folder: Path, ports: Mapping[str, int]) -> Service:
    described = resolved["services"][name]
    replacements = dict(_mounts(name, described, resolved, folder)) | _addresses(ports)
    for target, source in _mounts(name, described, resolved, folder):
        if source.is_file() and target.endswith(".yml"):
            seen = folder / name / source.name
            seen.parent.mkdir(exist_ok=True)
            seen.write_text(_replaced(source.read_text(), replacements))
            replacements[target] = seen
    listening = f"--web.listen-address=127.0.0.1:{ports[name]}"
    arguments = [_replaced(argument, replacements) for argument in described["command"]]
    kept = [argument for argument in arguments if not argument.startswith("--web.listen-address")]
    return Service(name, (*PROGRAMS[name], *kept, listening), ports[name])


def _mounts(
    name: str, described: Mapping[str, Any], resolved: Mapping[str, Any], folder: Path
) -> Iterator[tuple[str, Path]]:
    """Each path inside the container, and what would be mounted there."""
    for volume in described.get("volumes", []):
        if volume["type"] == "bind":
            yield volume["target"], Path(volume["source"])
        else:
            data = folder / name / "data"
            data.mkdir(parents=True, exist_ok=True)
            yield volume["target"], data
    for config in described.get("configs", []):
        yield config["target"], Path(resolved["configs"][config["source"]]["file"])
    for secret in described.get("secrets", []):
        yield secret["target"], Path(resolved["secrets"][secret["source"]]["file"])


def _addresses(ports: Mapping[str, int]) -> dict[str, str]:
    return {
        f"{host}:{PORTS[name]}": f"localhost:{port}" for name, port in ports.items() for host in (name, "localhost")
    }


def _replaced(text: str, replacements: Mapping[str, object]) -> str:
    """``text`` with every whole path or address replaced once; the longest first."""
    olds = sorted(replacements, key=len, reverse=True)
    pattern = rf"(?<![\w.-])({'|'.join(map(re.escape, olds))})(?![\w.-])"
    return re.sub(pattern, lambda found: str(replacements[found[1]]), text)


@contextmanager
def up(programs: list[Service], folder: Path) -> Iterator[None]:
    """Runs the programs, each with its output in ``folder``, from when all listen. Raises ``RuntimeError``."""
    with ExitStack() as stack:
        for service in programs:
            process = stack.enter_context(_running(service, folder))
            _wait(service, process, folder)
        yield


@contextmanager
def _running(service: Service, folder: Path) -> Iterator[subprocess.Popen[bytes]]:
    with _log(service, folder).open("wb") as log:
        process = subprocess.Popen(service.command, stdout=log, stderr=subprocess.STDOUT)
    try:
        yield process
    finally:
        process.terminate()
        process.wait(PATIENCE)


def _wait(service: Service, process: subprocess.Popen[bytes], folder: Path) -> None:
    end = time.monotonic() + PATIENCE
    while not _listens(service.port):
        if process.poll() is not None or time.monotonic() > end:
            raise RuntimeError(f"{service.name} does not run:\n{_log(service, folder).read_text()}")
        time.sleep(0.05)


def _log(service: Service, folder: Path) -> Path:
    return folder / f"{service.name}.log"


def _listens(port: int) -> bool:
    with socket.socket() as client:
        return client.connect_ex(("127.0.0.1", port)) == 0


def main() -> int:
    taken = [f"{name} ({port})" for name, port in PORTS.items() if _listens(port)]
    if taken:
        print(f"something listens already on the port of {', '.join(taken)}", file=sys.stderr)
        return 1
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    with tempfile.TemporaryDirectory(prefix="shortgenius-stack-") as name:
        folder = Path(name)
        programs = services(compose("demo.env"), folder)
        with up(programs, folder):
            for service in programs:
                print(f"{service.name:<14}{service.url}")
            print(f"{'grafana':<14}not here: it needs `docker compose --env-file demo.env up` in deploy/compose")
            print(f"\nTheir files and logs are in {folder}. Ctrl-C ends them.", flush=True)
            try:
                while True:
                    time.sleep(3600)
            except KeyboardInterrupt:
                print()
    return 0


if __name__ == "__main__":
    sys.exit(main())
