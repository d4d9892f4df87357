"""The manifests for those who use no Helm, built by the real kubectl."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from manifests import (
    ROOT,
    RULES,
    Manifest,
    all_of,
    assert_restricted,
    assert_rules_pass,
    check,
    mount_paths,
    parsed,
    pod,
    the,
)
from support import run_exporter, write


@pytest.fixture(scope="module")
def example() -> list[Manifest]:
    command = ["kubectl", "kustomize", str(ROOT / "deploy" / "kustomize" / "example")]
    ran = subprocess.run(command, capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stderr
    return parsed(ran.stdout)


def test_kubernetes_takes_every_manifest(example: list[Manifest]) -> None:
    for manifest in example:
        check(manifest)
    assert_restricted(pod(example))


def test_the_rules_pass_promtool_and_are_all_there(example: list[Manifest], tmp_path: Path) -> None:
    assert assert_rules_pass(all_of("PrometheusRule", example), tmp_path) == RULES


def test_the_monitor_finds_the_service_and_the_service_the_pods(example: list[Manifest]) -> None:
    service = the("Service", example)
    monitor = the("ServiceMonitor", example)["spec"]
    assert monitor["selector"]["matchLabels"].items() <= service["metadata"]["labels"].items()
    template = the("Deployment", example)["spec"]["template"]["metadata"]["labels"]
    assert service["spec"]["selector"].items() <= template.items()
    assert [one["port"] for one in monitor["endpoints"]] == [one["name"] for one in service["spec"]["ports"]]


def test_the_image_is_pinned_to_this_version(example: list[Manifest]) -> None:
    tag = pod(example)["containers"][0]["image"].rpartition(":")[2]
    assert tag == run_exporter("--version").stdout.split()[-1]


def test_the_exporter_takes_the_file_with_keys_where_they_are_mounted(example: list[Manifest], tmp_path: Path) -> None:
    (text,) = [one["data"]["exporter.yml"] for one in all_of("ConfigMap", example) if "exporter.yml" in one["data"]]
    write(tmp_path / "studio", "sk-x")
    text = text.replace(mount_paths(pod(example))["keys"], str(tmp_path))
    ran = run_exporter("--config.check", "--config.file", str(write(tmp_path / "exporter.yml", text)))
    assert (ran.returncode, ran.stderr) == (0, "")


def test_every_dashboard_is_among_the_components(example: list[Manifest]) -> None:
    names = {name for one in all_of("ConfigMap", example) for name in one["data"]}
    assert names - {"exporter.yml"} == {path.name for path in (ROOT / "grafana" / "dashboards").glob("*.json")}
