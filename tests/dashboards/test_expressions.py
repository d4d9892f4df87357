"""What the dashboards ask exists: every expression parses and names only series that something produces."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
import yaml
from prometheus_client import PlatformCollector, ProcessCollector
from prometheus_client.registry import CollectorRegistry

from dashboards.shelf import DASHBOARDS, ROOT, Query, panels, queries, selectors
from shortgenius_exporter.metrics.durations import Durations
from shortgenius_exporter.metrics.exporter import ExporterCollector, ExporterState
from shortgenius_exporter.metrics.families import ACCOUNT_FAMILIES

BY_PROMETHEUS = {"up", "scrape_duration_seconds", "scrape_samples_scraped", "ALERTS"}

every_query = pytest.mark.parametrize("query", queries(), ids=str)


@every_query
def test_an_expression_names_only_series_that_the_exporter_or_a_rule_produces(query: Query) -> None:
    assert {selector.name for selector, _ in selectors(query.expr)} <= PRODUCED


@pytest.mark.parametrize("name", DASHBOARDS)
def test_a_variable_or_annotation_names_only_series_that_exist(name: str) -> None:
    variables = [one for one in DASHBOARDS[name]["templating"]["list"] if one["type"] == "query"]
    annotations = [one for one in DASHBOARDS[name]["annotations"]["list"] if "expr" in one]
    inside = [re.sub(r"^label_\w+\(([^{,]+(\{.*\})?).*\)$", r"\1", one["query"]) for one in variables]

    named = {
        selector.name for expr in [*inside, *(one["expr"] for one in annotations)] for selector, _ in selectors(expr)
    }
    assert variables
    assert named <= PRODUCED


@every_query
def test_what_is_recorded_is_not_worked_out_again(query: Query) -> None:
    """The balance, its thresholds and whether an account is up are read with their replicas folded by a rule."""
    folded = {"shortgenius_balance_credits", "shortgenius_balance_threshold_credits", "shortgenius_up"}

    assert not {selector.name for selector, _ in selectors(query.expr)} & folded


def test_ranges_drawn_to_the_second_are_left_to_grafana() -> None:
    """A query over the range of a panel takes the step from Grafana, or says what the shortest sensible one is."""
    intervals = {query.target["interval"] for query in queries() if query.target.get("interval")}

    assert intervals == {"1h", "1d"}


def test_a_legend_names_only_labels_that_its_series_have_by_name() -> None:
    shown = {label for query in queries() for label in re.findall(r"\{\{(.+?)\}\}", query.target["legendFormat"])}

    assert shown == {"account", "credit_type", "reason", "instance", "le", "$group"}


def test_no_graph_can_grow_with_the_number_of_accounts() -> None:
    """A series per account is cut to the most telling few: nobody reads a legend of 500 lines."""
    for query in queries():
        drawn = query.panel["type"] in ("timeseries", "bargauge", "state-timeline", "stat")
        if drawn and "{{account}}" in query.target["legendFormat"] and query.dashboard != "shortgenius-account":
            assert re.search(r"\b(topk|bottomk) ?\(\d", query.expr), str(query)


def test_every_kind_of_panel_is_one_that_grafana_ships() -> None:
    kinds = {panel["type"] for dashboard in DASHBOARDS.values() for panel in panels(dashboard)}

    assert kinds == {"stat", "table", "timeseries", "bargauge", "state-timeline", "heatmap"}


def _produced() -> Iterator[str]:
    yield from BY_PROMETHEUS
    yield from (family.name for family in ACCOUNT_FAMILIES)
    state = ExporterState(accounts=1, reload_ok=True, reloaded_at=0.0, web_reload_ok=True, poll_loop_ran_at=0.0)
    registry = CollectorRegistry()
    registry.register(ExporterCollector(lambda: state, lambda: [Durations().family()]))
    ProcessCollector(registry=registry)
    PlatformCollector(registry=registry)
    yield from (sample.name for family in registry.collect() for sample in family.samples)
    for path in (ROOT / "deploy" / "prometheus" / "rules").glob("*.yml"):
        for group in yaml.safe_load(path.read_text("utf-8"))["groups"]:
            yield from (rule["record"] for rule in group["rules"] if "record" in rule)


PRODUCED = frozenset(_produced())
