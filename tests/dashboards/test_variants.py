"""The files for grafana.com ask for their data source; the provisioned ones never do."""

from __future__ import annotations

import json

import pytest

from dashboards.shelf import DASHBOARDS, ROOT, Json, panels

every_dashboard = pytest.mark.parametrize("name", DASHBOARDS)


def _shared(name: str) -> Json:
    shared: Json = json.loads((ROOT / "grafana" / "grafana.com" / f"{name}.json").read_text("utf-8"))
    return shared


@every_dashboard
def test_a_provisioned_dashboard_has_no_inputs(name: str) -> None:
    assert "__inputs" not in DASHBOARDS[name]
    assert "DS_PROMETHEUS" not in json.dumps(DASHBOARDS[name])


@every_dashboard
def test_a_shared_dashboard_asks_for_one_prometheus_and_uses_it_everywhere(name: str) -> None:
    shared = _shared(name)

    assert [(one["name"], one["type"], one["pluginId"]) for one in shared["__inputs"]] == [
        ("DS_PROMETHEUS", "datasource", "prometheus")
    ]
    assert {panel["datasource"]["uid"] for panel in panels(shared)} == {"${DS_PROMETHEUS}"}
    assert "${datasource" not in json.dumps(shared)
    assert "datasource" not in {one["type"] for one in shared["templating"]["list"]}


@every_dashboard
def test_a_shared_dashboard_names_every_kind_of_panel_that_it_requires(name: str) -> None:
    shared = _shared(name)

    required = {one["id"] for one in shared["__requires"] if one["type"] == "panel"}

    assert required == {panel["type"] for panel in panels(shared)}


@every_dashboard
def test_both_files_ask_the_same(name: str) -> None:
    asked = [[target["expr"] for target in panel["targets"]] for panel in panels(DASHBOARDS[name])]

    assert [[target["expr"] for target in panel["targets"]] for panel in panels(_shared(name))] == asked
