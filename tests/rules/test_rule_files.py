"""The rules by themselves: accepted by promtool, tested alert by alert, documented, drawn."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from shipped import DASHBOARDS, PROMETHEUS, RULE_FILES, RUNBOOKS, alert_names, alerts, recorded_names, rules, run

UNIT_TESTS = PROMETHEUS / "tests"
SECTIONS = ["## Meaning", "## Impact", "## Diagnosis", "## Mitigation"]


def test_promtool_accepts_the_rules() -> None:
    done = run("promtool", "check", "rules", "--lint=all", "--lint-fatal", *RULE_FILES)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("name", alert_names())
def test_unit_tests_of_the_alert_pass(name: str) -> None:
    """One file per alert; a missing file fails here."""
    done = run("promtool", "test", "rules", f"{name}.yml", directory=UNIT_TESTS)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("name", alert_names())
def test_unit_tests_of_the_alert_see_it_fire_and_stay_silent(name: str) -> None:
    groups = yaml.safe_load((UNIT_TESTS / f"{name}.yml").read_text())["tests"]
    cases = [case for group in groups for case in group["alert_rule_test"] if case["alertname"] == name]
    assert {bool(case["exp_alerts"]) for case in cases} == {True, False}


def test_there_is_no_unit_test_and_no_runbook_without_an_alert() -> None:
    assert sorted(file.stem for file in UNIT_TESTS.glob("*.yml")) == alert_names()
    assert sorted(file.stem for file in RUNBOOKS.glob("ShortGenius*.md")) == alert_names()


@pytest.mark.parametrize("name", alert_names())
def test_runbook_has_every_section_and_names_its_alert(name: str) -> None:
    page = (RUNBOOKS / f"{name}.md").read_text()
    assert page.startswith(f"# {name}\n")
    assert [line for line in page.splitlines() if line.startswith("## ")] == SECTIONS
    assert "```" in page.split("## Diagnosis")[1].split("## Mitigation")[0], "a diagnosis needs something to type"


@pytest.mark.parametrize("name", alert_names())
def test_runbook_asks_only_for_series_that_exist(name: str) -> None:
    page = (RUNBOOKS / f"{name}.md").read_text()
    assert set(re.findall(r"\w+:shortgenius_\w+:\w+", page)) <= set(recorded_names())


def test_queries_of_the_runbooks_are_promql(tmp_path: Path) -> None:
    blocks = [re.findall(r"```promql\n(.*?)```", page.read_text(), re.DOTALL) for page in RUNBOOKS.glob("*.md")]
    queries = [line for found in blocks for block in found for line in block.splitlines() if line]
    assert len(queries) > 3 * len(alert_names())
    made = [{"record": f"query:{number}", "expr": query} for number, query in enumerate(queries)]
    file = tmp_path / "queries.yml"
    file.write_text(yaml.safe_dump({"groups": [{"name": "runbooks", "rules": made}]}))
    done = run("promtool", "check", "rules", file)
    assert done.returncode == 0, done.stderr


def panel_queries(node: Any) -> Iterator[str]:
    """Every query of a dashboard, wherever it stands."""
    if isinstance(node, dict):
        if isinstance(node.get("expr"), str):
            yield node["expr"]
        node = list(node.values())
    if isinstance(node, list):
        for one in node:
            yield from panel_queries(one)


def metrics(query: str) -> set[str]:
    """The exporter's metrics in ``query``, themselves or recorded over any window, and Prometheus' own ``up``."""
    names = re.findall(r"(?<!\w)shortgenius_\w+", query)
    return {name.removesuffix("_total") for name in names} | set(re.findall(r"(?<![\w:])up(?![\w:])", query))


@pytest.mark.parametrize("name", alert_names())
def test_alert_is_drawn_by_a_panel(name: str) -> None:
    """A panel's query names the alert itself, or draws a metric that the alert watches."""
    boards = sorted(DASHBOARDS.glob("*.json"))
    assert boards, f"no dashboards in {DASHBOARDS}"
    queries = [query for board in boards for query in panel_queries(json.loads(board.read_text()))]
    watched = {metric for rule in alerts() if rule["alert"] == name for metric in metrics(rule["expr"])}
    assert watched
    assert any(name in query or watched & metrics(query) for query in queries)


@pytest.mark.parametrize("alert", alerts(), ids=lambda rule: f"{rule['alert']}-{rule['labels']['severity']}")
def test_alert_says_what_a_person_needs(alert: dict[str, Any]) -> None:
    assert set(alert["annotations"]) == {"summary", "description", "runbook_url", "dashboard_url"}
    assert alert["annotations"]["runbook_url"].endswith(f"/docs/runbooks/{alert['alert']}.md")
    assert "for" in alert
    assert alert["labels"]["severity"] in {"critical", "warning", "{{ $labels.severity }}"}


def test_recorded_names_are_level_metric_operations() -> None:
    for name in recorded_names():
        assert re.fullmatch(r"account(_credit_type)?(_severity)?:shortgenius_\w+:(max|rate\w+|avg\w+)", name), name


def test_every_recorded_series_that_a_rule_uses_is_recorded_before_it() -> None:
    known: set[str] = set()
    for rule in sorted(rules(), key=lambda rule: "alert" in rule):
        assert set(re.findall(r"\w+:shortgenius_\w+:\w+", rule["expr"])) <= known, rule
        known.add(rule.get("record", ""))
