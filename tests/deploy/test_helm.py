"""The chart, rendered by the real helm."""

from __future__ import annotations

import base64
import json
import subprocess
from pathlib import Path

import pytest
import yaml

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

CHART = ROOT / "deploy" / "helm" / "shortgenius-exporter"
CI_FILES = sorted((CHART / "ci").glob("*-values.yaml"))


def helm(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(["helm", *arguments], capture_output=True, text=True, check=False)


def render(name: str, *flags: str) -> list[Manifest]:
    """The chart with ``ci/NAME-values.yaml``, without the pod of ``helm test``."""
    file = CHART / "ci" / f"{name}-values.yaml"
    ran = helm("template", "prod", str(CHART), "--namespace", "monitoring", "--values", str(file), *flags)
    assert ran.returncode == 0, ran.stderr
    return [one for one in parsed(ran.stdout) if one["kind"] != "Pod"]


@pytest.mark.parametrize("file", CI_FILES, ids=lambda file: file.name)
def test_helm_lint_and_kubernetes_take_every_feature(file: Path) -> None:
    linted = helm("lint", "--strict", str(CHART), "--values", str(file))
    assert linted.returncode == 0, linted.stdout
    ran = helm("template", "prod", str(CHART), "--values", str(file))
    assert ran.returncode == 0, ran.stderr
    manifests = parsed(ran.stdout)
    for manifest in manifests:
        check(manifest)
    for one in (pod(manifests), the("Pod", manifests)["spec"]):
        assert_restricted(one)


def test_every_value_is_set_to_something_else_by_some_file() -> None:
    defaults = yaml.safe_load((CHART / "values.yaml").read_text())
    set_somewhere = {key for file in CI_FILES for key in yaml.safe_load(file.read_text())}
    assert set(defaults) - set_somewhere == {
        "livenessProbe",
        "nameOverride",
        "podSecurityContext",
        "readinessProbe",
        "securityContext",
    }


def test_the_chart_has_the_version_of_the_project() -> None:
    chart = yaml.safe_load((CHART / "Chart.yaml").read_text())
    assert run_exporter("--version").stdout.split()[-1] == chart["version"] == chart["appVersion"]


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ("{}", "accounts: name at least one, or give existingConfigMap or configFile"),
        ("accounts: [{name: a}]", "keys: name the Secrets in keys.existingSecrets, or give keys.inline"),
        ("{accounts: [{name: a b}], keys: {existingSecrets: [k]}}", 'accounts: "a b" cannot name an entry of a Secret'),
        ("{accounts: [{name: a}], configFile: /x}", "accounts: they come from existingConfigMap or configFile"),
        ("{accounts: [{name: a, api_key: sk-x}]}", "additional properties 'api_key' not allowed"),
        ("{shards: 0}", "minimum: got 0, want 1"),
        ("{acounts: []}", "additional properties 'acounts' not allowed"),
        ("{web: {scheme: ftp}}", "value must be one of 'http', 'https'"),
        (
            "{existingConfigMap: x, shards: 2, persistence: {enabled: true, existingClaim: c}}",
            "persistence.existingClaim: every shard needs a volume of its own",
        ),
    ],
)
def test_values_that_cannot_work_are_refused_with_the_reason(values: str, message: str, tmp_path: Path) -> None:
    ran = helm("template", "prod", str(CHART), "--values", str(write(tmp_path / "values.yaml", values)))
    assert ran.returncode != 0
    assert message in ran.stderr


def test_keys_are_mounted_files_and_never_environment_or_arguments() -> None:
    manifests = render("inline-keys")
    secret = the("Secret", manifests)["data"]
    assert {name: base64.b64decode(key).decode() for name, key in secret.items()} == {
        "studio-nord": "sk-example-1",
        "agency": "sk-example-2",
    }
    spec = pod(manifests)
    assert "env" not in spec["containers"][0]
    assert "sk-example" not in json.dumps([one for one in manifests if one["kind"] != "Secret"])
    (keys,) = [volume["projected"] for volume in spec["volumes"] if volume["name"] == "keys"]
    assert keys == {"defaultMode": 0o440, "sources": [{"secret": {"name": "prod-shortgenius-exporter"}}]}


def test_the_exporter_takes_the_file_that_the_chart_makes(tmp_path: Path) -> None:
    manifests = render("inline-keys")
    mounted = mount_paths(pod(manifests))["keys"]
    for name, key in the("Secret", manifests)["data"].items():
        write(tmp_path / "keys" / name, base64.b64decode(key).decode())
    text = the("ConfigMap", manifests)["data"]["exporter.yml"].replace(mounted, str(tmp_path / "keys"))
    ran = run_exporter("--config.check", "--config.file", str(write(tmp_path / "exporter.yml", text)))
    assert (ran.returncode, ran.stderr) == (0, "")
    assert "fine, 2 accounts" in ran.stdout


def test_one_process_is_a_deployment_that_is_told_nothing_of_shards() -> None:
    manifests = render("simple")
    assert not all_of("StatefulSet", manifests)
    assert not [flag for flag in arguments(manifests) if "shard" in flag]
    assert the("Deployment", manifests)["spec"]["replicas"] == 1
    assert "--config.file=/etc/shortgenius-exporter/config/exporter.yml" in arguments(manifests)


def test_shards_are_a_statefulset_whose_pod_names_are_the_shards() -> None:
    manifests = render("shards")
    stateful = the("StatefulSet", manifests)
    assert not all_of("Deployment", manifests)
    assert stateful["spec"]["replicas"] == 10
    assert {"--shard=$(POD_NAME)", "--total-shards=10"} <= set(arguments(manifests))
    assert pod(manifests)["containers"][0]["env"] == [
        {"name": "POD_NAME", "valueFrom": {"fieldRef": {"fieldPath": "metadata.name"}}}
    ]
    service = the("Service", manifests)
    assert service["spec"]["clusterIP"] == "None"
    assert stateful["spec"]["serviceName"] == service["metadata"]["name"]
    (claim,) = stateful["spec"]["volumeClaimTemplates"]
    assert claim["spec"]["resources"] == {"requests": {"storage": "2Gi"}}
    assert mount_paths(pod(manifests))["state"] == "/var/lib/shortgenius-exporter"


def test_the_state_of_one_process_has_a_claim_that_two_never_share() -> None:
    manifests = render("state")
    deployment = the("Deployment", manifests)
    assert deployment["spec"]["strategy"] == {"type": "Recreate"}
    assert "--state.file=/var/lib/shortgenius-exporter/state.db" in arguments(manifests)
    (claim,) = [one["persistentVolumeClaim"] for one in pod(manifests)["volumes"] if one["name"] == "state"]
    assert claim["claimName"] == the("PersistentVolumeClaim", manifests)["metadata"]["name"]


def test_a_changed_file_replaces_the_pods() -> None:
    deployment = the("Deployment", render("simple"))
    changed = the("Deployment", render("simple", "--set", "limits.max_concurrent_polls=8"))
    annotations = [one["spec"]["template"]["metadata"]["annotations"] for one in (deployment, changed)]
    assert annotations[0]["checksum/config"] != annotations[1]["checksum/config"]


def test_the_rules_pass_promtool_and_lead_to_the_operators_own_addresses(tmp_path: Path) -> None:
    rules = all_of("PrometheusRule", render("monitoring"))
    assert assert_rules_pass(rules, tmp_path) == RULES
    annotations = [
        rule["annotations"]
        for one in rules
        for group in one["spec"]["groups"]
        for rule in group["rules"]
        if "alert" in rule
    ]
    assert {note["dashboard_url"].split("/d/")[0] for note in annotations} == {"https://grafana.example.com"}
    assert {note["runbook_url"].rpartition("/")[0] for note in annotations} == {"https://wiki.example.com/runbooks"}
    assert {one["metadata"]["labels"]["release"] for one in rules} == {"prometheus"}


def test_every_dashboard_is_a_configmap_that_the_sidecar_finds() -> None:
    found = {
        name: json.loads(text)
        for one in all_of("ConfigMap", render("monitoring"))
        if one["metadata"]["labels"].get("grafana_dashboard") == "1"
        for name, text in one["data"].items()
    }
    assert found == {path.name: json.loads(path.read_text()) for path in (ROOT / "grafana/dashboards").glob("*.json")}


def test_the_monitors_select_what_the_chart_makes() -> None:
    for name, kind in (("monitoring", "ServiceMonitor"), ("pod-monitor", "PodMonitor")):
        manifests = render(name)
        wanted = the(kind, manifests)["spec"]["selector"]["matchLabels"].items()
        assert wanted <= the("Service", manifests)["metadata"]["labels"].items()
        template = the("Deployment", manifests)["spec"]["template"]["metadata"]["labels"]
        assert wanted <= template.items()
        assert the("Service", manifests)["spec"]["selector"].items() <= template.items()


def test_tls_reaches_the_probes_and_the_scrape() -> None:
    manifests = render("tls")
    container = pod(manifests)["containers"][0]
    probes = {container[probe]["httpGet"]["scheme"] for probe in ("livenessProbe", "readinessProbe")}
    (endpoint,) = the("ServiceMonitor", manifests)["spec"]["endpoints"]
    assert (probes, endpoint["scheme"]) == ({"HTTPS"}, "https")
    assert endpoint["basicAuth"]["password"] == {"name": "shortgenius-scrape", "key": "password"}
    assert "--web.config.file=/etc/shortgenius-exporter/web/web-config.yml" in arguments(manifests)


def test_the_network_policy_lets_scrapes_in_and_dns_and_https_out() -> None:
    policy = the("NetworkPolicy", render("network-policy"))["spec"]
    assert policy["ingress"][0]["ports"] == [{"port": "metrics", "protocol": "TCP"}]
    dns, https, proxy = policy["egress"]
    assert {(one["port"], one["protocol"]) for one in dns["ports"]} >= {(53, "UDP"), (53, "TCP")}
    assert https["ports"] == [{"port": 443, "protocol": "TCP"}]
    assert proxy["ports"] == [{"port": 3128, "protocol": "TCP"}]


def arguments(manifests: list[Manifest]) -> list[str]:
    found: list[str] = pod(manifests)["containers"][0]["args"]
    return found
