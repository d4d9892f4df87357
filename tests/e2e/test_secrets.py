"""A key appears nowhere: not on any stream, in any answer, at any log level, in success or failure."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from shortgenius_exporter.simulator.faults import ON_CONNECT, Fault
from shortgenius_exporter.simulator.server import SimulatorServer
from simulated import simulated
from support import ask, exporter, run_exporter, write

KEY = "sk-very-secret-0001"
FAULTS = [fault for fault in Fault if fault not in ON_CONNECT]
PATHS = (
    "/",
    "/api/v1/accounts",
    "/metrics",
    "/probe?target=healthy",
    "/-/healthy",
    "/-/ready",
    "/nothing",
    f"/probe?target={KEY}",
)


@pytest.fixture
def faulty() -> Iterator[SimulatorServer]:
    """An account ``healthy`` and one for each fault, named after it; every key begins with the secret."""
    names = ["healthy", *(fault.value for fault in FAULTS)]
    with simulated({name: {"credits": 9} for name in names}, key=f"{KEY}-{{}}".format) as server:
        for fault in FAULTS:
            server.inject(fault, fault.value)
        yield server


@pytest.fixture
def file(faulty: SimulatorServer, tmp_path: Path) -> Path:
    accounts = "".join(f"  - {{name: {one}, api_key: {KEY}-{one}}}\n" for one in faulty.api.world.accounts)
    text = f"defaults: {{base_url: '{faulty.base_url}', poll_timeout: 1s}}\naccounts:\n{accounts}"
    return write(tmp_path / "exporter.yml", text)


def test_the_key_is_in_no_output_and_no_answer_whatever_the_upstream_does(file: Path) -> None:
    with exporter("--config.file", str(file), "--log.level", "debug", "--web.enable-lifecycle") as running:
        running.wait_until_ready()
        answers = [ask(running.url + path) for path in PATHS]
        answers.append(ask(running.url + "/-/reload", "POST"))
        running.program.stop()
    told = running.program.output + "".join(f"{one.headers}{one.text}" for one in answers)
    assert told.count("account is failing") > len(FAULTS) / 2
    assert KEY not in told


@pytest.mark.parametrize("fault", [*ON_CONNECT])
def test_the_key_is_in_no_output_when_no_connection_can_be_had(
    fault: Fault, faulty: SimulatorServer, file: Path
) -> None:
    faulty.inject(fault)
    ran = run_exporter("balances", "--config.file", str(file), "--log.level", "debug")
    assert ran.returncode == 1
    assert KEY not in ran.stdout + ran.stderr


@pytest.mark.parametrize(
    "arguments",
    [("--config.check",), ("balances",), ("balances", "--output", "json"), ("once",), ("check", "--require", "x=1")],
)
def test_the_key_is_in_no_output_of_a_command(arguments: tuple[str, ...], file: Path) -> None:
    ran = run_exporter(*arguments, "--config.file", str(file), "--log.level", "debug")
    assert "healthy" in ran.stdout or arguments == ("--config.check",)
    assert KEY not in ran.stdout + ran.stderr


def test_the_key_is_in_no_message_about_a_broken_configuration(tmp_path: Path) -> None:
    file = write(
        tmp_path / "broken.yml",
        f"accounts:\n  - {{nmae: a, api_key: {KEY}, api_key_file: {KEY}}}\n  - {{name: b, api_key: [{KEY}]}}\n"
        f"  - {{name: c, api_key: {KEY}}}\n  - {{name: d, api_key: {KEY}, proxy_url: 'ftp://u:{KEY}@h/'}}\n",
    )
    ran = run_exporter("--config.check", "--config.file", str(file))
    assert ran.returncode == 2
    assert len(ran.stderr.splitlines()) > 3
    assert KEY not in ran.stdout + ran.stderr
