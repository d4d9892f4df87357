"""What can be said of any Kubernetes manifest."""

from __future__ import annotations

import subprocess
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import yaml
from cloudcoil.models.prometheus_operator import v1 as operator
from kubernetes_validate import validate  # type: ignore[import-untyped]

ROOT = Path(__file__).parents[2]
# The oldest version of Kubernetes that the chart allows, and the newest whose schemas are here.
VERSIONS = ("1.25.0", "1.37.0")
OPERATOR: dict[str, Any] = {
    "PodMonitor": operator.PodMonitor,
    "PrometheusRule": operator.PrometheusRule,
    "ServiceMonitor": operator.ServiceMonitor,
}
RULE_FILES = sorted((ROOT / "deploy" / "prometheus" / "rules").glob("*.yml"))
RULES = sum(len(group["rules"]) for file in RULE_FILES for group in yaml.safe_load(file.read_text())["groups"])

Manifest = dict[str, Any]


def parsed(text: str) -> list[Manifest]:
    return [one for one in yaml.load_all(text, yaml.CSafeLoader) if one]


def check(manifest: Manifest) -> None:
    """Raises if it is not what Kubernetes or the Prometheus operator takes; a misspelt key, too."""
    model = OPERATOR.get(manifest["kind"])
    if model is None:
        for version in VERSIONS:
            validate(manifest, version, strict=True)
        return
    understood = model.model_validate(manifest).model_dump(mode="json", by_alias=True, exclude_unset=True)
    assert understood == manifest


def the(kind: str, manifests: Iterable[Manifest]) -> Manifest:
    (found,) = all_of(kind, manifests)
    return found


def all_of(kind: str, manifests: Iterable[Manifest]) -> list[Manifest]:
    return [one for one in manifests if one["kind"] == kind]


def pod(manifests: Iterable[Manifest]) -> Manifest:
    """The specification of the exporter's pods."""
    (found,) = [one for one in manifests if one["kind"] in {"Deployment", "StatefulSet"}]
    spec: Manifest = found["spec"]["template"]["spec"]
    return spec


def assert_restricted(spec: Manifest) -> None:
    """The restricted Pod Security Standard, and a root file system that nobody writes to."""
    assert spec["securityContext"]["runAsNonRoot"] is True
    assert spec["securityContext"]["runAsUser"] == 65532
    assert spec["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
    assert spec["automountServiceAccountToken"] is False
    for container in spec["containers"]:
        assert container["securityContext"] == {
            "allowPrivilegeEscalation": False,
            "readOnlyRootFilesystem": True,
            "capabilities": {"drop": ["ALL"]},
        }
        assert {"cpu", "memory"} <= set(container["resources"]["requests"])


def mount_paths(spec: Manifest) -> dict[str, str]:
    return {mount["name"]: mount["mountPath"] for mount in spec["containers"][0]["volumeMounts"]}


def assert_rules_pass(rules: Iterable[Manifest], folder: Path) -> int:
    """Promtool has nothing to say about any of them; how many rules there are."""
    files = [folder / f"{rule['metadata']['name']}.yml" for rule in rules]
    for file, rule in zip(files, rules, strict=True):
        file.write_text(yaml.dump(rule["spec"]))
    ran = subprocess.run(["promtool", "check", "rules", *files], capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stdout + ran.stderr
    return sum(len(group["rules"]) for rule in rules for group in rule["spec"]["groups"])
