"""The Compose files: valid, and what they would run does run, with this machine's Prometheus and Alertmanager."""

from __future__ import annotations

import json
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest

from stack import COMPOSE, PORTS, compose, services, up
from support import ask, eventually, free_port, run_exporter, write

ROOT = COMPOSE.parents[1]
BIN = Path(sys.executable).parent


@pytest.fixture(scope="module")
def live() -> dict[str, Any]:
    """The file as Compose understands it without the demo."""
    return compose("/dev/null")


def test_the_file_keeps_to_the_schema_of_compose() -> None:
    command = [str(BIN / "check-jsonschema"), "--builtin-schema", "vendor.compose-spec", str(COMPOSE / "compose.yml")]
    ran = subprocess.run(command, capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stdout


def test_the_demo_adds_the_simulator_and_nothing_else(live: dict[str, Any]) -> None:
    demo = compose("demo.env")["services"]
    assert set(live["services"]) == {"exporter", "prometheus", "alertmanager", "grafana"}
    assert set(demo) - set(live["services"]) == {"simulator"}


def test_every_image_is_pinned_and_ours_is_of_this_version(live: dict[str, Any]) -> None:
    images = {name: service["image"].rpartition(":")[2] for name, service in live["services"].items()}
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert images["exporter"] == project["version"]
    assert all(any(digit.isdigit() for digit in tag) for tag in images.values())


def test_every_service_is_watched_confined_and_reachable_from_this_machine_only() -> None:
    for name, service in compose("demo.env")["services"].items():
        assert service["healthcheck"]["test"], name
        assert (service["read_only"], service["cap_drop"]) == (True, ["ALL"]), name
        assert {port["host_ip"] for port in service["ports"]} == {"127.0.0.1"}, name


def test_everything_that_is_mounted_is_there_but_for_the_secrets_of_the_operator(live: dict[str, Any]) -> None:
    mounted = [
        volume["source"]
        for service in live["services"].values()
        for volume in service.get("volumes", [])
        if volume["type"] == "bind"
    ]
    files = [config["file"] for config in live["configs"].values()]
    missing = {Path(path).relative_to(COMPOSE) for path in [*mounted, *files] if not Path(path).exists()}
    assert missing <= {Path("secrets/alertmanager")}
    assert Path(live["secrets"]["api-key"]["file"]).relative_to(COMPOSE) == Path("secrets/api-key")


def test_keys_are_files_and_never_environment_variables(live: dict[str, Any]) -> None:
    assert "environment" not in live["services"]["exporter"]
    assert live["services"]["exporter"]["secrets"] == [{"source": "api-key", "target": "/run/secrets/api-key"}]


def test_the_exporter_takes_its_configuration(tmp_path: Path) -> None:
    key = write(tmp_path / "api-key", "sk-x")
    text = (COMPOSE / "exporter.yml").read_text().replace("/run/secrets/api-key", str(key))
    ran = run_exporter("--config.check", "--config.file", str(write(tmp_path / "exporter.yml", text)))
    assert (ran.returncode, ran.stderr) == (0, "")


def test_promtool_takes_the_configuration_with_the_rules(live: dict[str, Any], tmp_path: Path) -> None:
    (found,) = [one for one in services(live, tmp_path) if one.name == "prometheus"]
    file = found.command[1].removeprefix("--config.file=")
    ran = subprocess.run(["promtool", "check", "config", file], capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stderr
    assert "SUCCESS: 2 rule files found" in ran.stdout


def test_the_stack_runs_from_the_shipped_files(tmp_path: Path) -> None:
    ports = {name: free_port() for name in PORTS}
    programs = services(compose("demo.env"), tmp_path, ports)
    urls = {service.name: service.url for service in programs}
    faster(tmp_path / "prometheus" / "prometheus.yml")
    with up(programs, tmp_path):
        query = f"{urls['prometheus']}/api/v1/query?query="
        balances = eventually(lambda: result(query + quote('shortgenius_balance_credits{account="studio"}')))
        groups = data(f"{urls['prometheus']}/api/v1/rules")["groups"]
        targets = data(f"{urls['prometheus']}/api/v1/targets")["activeTargets"]
        managers = data(f"{urls['prometheus']}/api/v1/alertmanagers")["activeAlertmanagers"]
        routes = json.loads(ask(f"{urls['alertmanager']}/api/v2/status").text)["config"]["original"]
    assert {one["metric"]["job"] for one in balances} == {"shortgenius"}
    assert {one["labels"]["job"] for one in targets} == {"shortgenius", "prometheus", "alertmanager"}
    assert [one["url"] for one in managers] == [f"{urls['alertmanager']}/api/v2/alerts"]
    assert {Path(group["file"]).name for group in groups} == {"shortgenius-alerts.yml", "shortgenius-recording.yml"}
    assert "inhibit_rules" in routes


def faster(file: Path) -> None:
    text = file.read_text()
    assert text.count("_interval: 30s") == 2
    file.write_text(text.replace("_interval: 30s", "_interval: 1s"))


def data(url: str) -> Any:
    return json.loads(ask(url).text)["data"]


def result(url: str) -> list[Any]:
    found: list[Any] = data(url)["result"]
    return found
