"""The rules of Grafana's dashboard-linter, one test per rule, for every kind of panel and not only for some.

An exclusion names what it excludes and says why. Two of the linter's rules, ``target-logql-rule`` and
``target-logql-auto-rule``, are about Loki: one test here says that no query is one of Loki's.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

import promql_parser
import pytest

from dashboards.shelf import DASHBOARDS, Json, Query, panels, parse, queries, selectors

UNITS = {"none", "short", "percent", "percentunit", "locale", "s", "bytes"}
DATE = re.compile(r"time:YYYY-MM-DD( HH:mm)?")  # Grafana's own form for dates; the linter's list has no short one
OF_A_PROCESS = ("shortgenius_exporter_", "process_", "scrape_", "shortgenius_api_request_duration_")
RATES = {"rate", "irate", "increase"}

every_dashboard = pytest.mark.parametrize("name", DASHBOARDS)
every_query = pytest.mark.parametrize("query", queries(), ids=str)
every_panel = pytest.mark.parametrize(
    ("name", "panel"),
    [
        pytest.param(name, panel, id=f"{name}: {panel['title']}")
        for name in DASHBOARDS
        for panel in panels(DASHBOARDS[name])
    ],
)


@every_dashboard
def test_template_datasource_rule(name: str) -> None:
    (source,) = [one for one in _variables(name) if one["type"] == "datasource"]

    assert (source["name"], source["label"], source["query"]) == ("datasource", "Data source", "prometheus")


@every_dashboard
def test_template_job_rule(name: str) -> None:
    job = next(one for one in _variables(name) if one["name"] == "job")

    assert (job["type"], job["label"], job["multi"], job["allValue"]) == ("query", "Job", True, ".+")
    assert job["datasource"]["uid"] == "${datasource}"


def test_template_instance_rule() -> None:
    """Excluded for Credits and Account: which replica read a balance is no property of the balance."""
    instance = next(one for one in _variables("shortgenius-exporter") if one["name"] == "instance")

    assert (instance["type"], instance["label"], instance["multi"]) == ("query", "Instance", True)
    assert instance["allValue"] == ".+"


@every_dashboard
def test_template_label_promql_rule(name: str) -> None:
    for variable in _variables(name):
        if variable["type"] == "query":
            found = re.fullmatch(r"(label_values|label_names)\((.+?)(?:, (\w+))?\)", variable["query"])
            assert found, variable["query"]
            assert (found[1] == "label_values") == (found[3] is not None)
            promql_parser.parse(found[2])


@every_dashboard
def test_template_on_time_change_reload_rule(name: str) -> None:
    assert {one["refresh"] for one in _variables(name) if one["type"] == "query"} == {2}


@every_panel
def test_panel_datasource_rule(name: str, panel: Json) -> None:
    named = [panel["datasource"], *(target["datasource"] for target in panel["targets"])]

    assert all(one == {"type": "prometheus", "uid": "${datasource}"} for one in named)


@every_panel
def test_panel_title_description_rule(name: str, panel: Json) -> None:
    assert panel["title"]
    assert panel["description"].endswith(".")


@every_panel
def test_panel_units_rule(name: str, panel: Json) -> None:
    """Everywhere, and in every column: the linter is content with one unit per panel."""
    given = list(_units(panel))

    assert given
    assert all(unit in UNITS or DATE.fullmatch(unit) for unit in given), given


@every_panel
def test_panel_no_targets_rule(name: str, panel: Json) -> None:
    refs = [target["refId"] for target in panel["targets"]]

    assert refs
    assert len(refs) == len(set(refs))


@every_query
def test_target_promql_rule(query: Query) -> None:
    parse(query.expr)


@every_query
def test_target_rate_interval_rule(query: Query) -> None:
    """``rate`` over what Grafana says; ``increase`` may count a day, an hour or the range, as its title says."""
    found = re.findall(r"\b(i?rate)\([^\[]*\[([^\]]+)\]", query.expr)

    assert {window for _, window in found} <= {"$__rate_interval"}


@every_query
def test_target_job_rule(query: Query) -> None:
    """For alerts ``$job|``: an alert that an exporter is gone may have lost its job with it."""
    for selector, _ in selectors(query.expr):
        wanted = "$job|" if selector.name == "ALERTS" else "$job"
        assert ("job", promql_parser.MatchOp.Re, wanted) in _matchers(selector), selector.name


@every_query
def test_target_instance_rule(query: Query) -> None:
    """Only where a series is about a process; else replicas must be folded, here or by the rule that is read."""
    for selector, above in selectors(query.expr):
        name = str(selector.name)
        if name.startswith(OF_A_PROCESS) or name == "up":
            assert ("instance", promql_parser.MatchOp.Re, "$instance") in _matchers(selector), name
        else:
            assert ":" in name or any(_folds_replicas(node) for node in above), name


@every_query
def test_target_counter_agg_rule(query: Query) -> None:
    for selector, above in selectors(query.expr):
        if str(selector.name).endswith(("_total", "_bucket")):
            assert [type(node).__name__ for node in above[-2:]] == ["Call", "MatrixSelector"], selector.name
            assert above[-2].func.name in RATES


@every_query
def test_target_logql_rules(query: Query) -> None:
    assert query.target["datasource"]["type"] == "prometheus"


@every_dashboard
def test_uneditable_dashboard(name: str) -> None:
    assert DASHBOARDS[name]["editable"] is False


@every_query
def test_alerts_are_counted_once_for_however_many_prometheus_servers(query: Query) -> None:
    """Beyond the linter: nothing sums balances over replicas, nor alerts over servers."""
    for selector, above in selectors(query.expr):
        if selector.name == "ALERTS":
            assert any(_folds_replicas(node) for node in above)


def _variables(name: str) -> list[Json]:
    variables: list[Json] = DASHBOARDS[name]["templating"]["list"]
    return variables


def _units(panel: Json) -> Iterator[str]:
    if panel["type"] == "heatmap":
        yield panel["options"]["yAxis"]["unit"]
        return
    yield panel["fieldConfig"]["defaults"]["unit"]
    for override in panel["fieldConfig"]["overrides"]:
        yield from (one["value"] for one in override["properties"] if one["id"] == "unit")


def _matchers(selector: promql_parser.VectorSelector) -> list[tuple[str, promql_parser.MatchOp, str]]:
    return [(one.name, one.op, one.value) for one in selector.matchers.matchers]


def _folds_replicas(node: object) -> bool:
    if not isinstance(node, promql_parser.AggregateExpr) or node.modifier is None:
        return False
    return {"instance", "pod", "endpoint", "container"} <= set(node.modifier.labels)
