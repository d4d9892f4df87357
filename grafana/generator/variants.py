"""The same dashboards for grafana.com, whose import dialog asks for the data source."""

from __future__ import annotations

import json

from grafana.generator.normalise import Json

_INPUT = "DS_PROMETHEUS"
_OLDEST_GRAFANA = "10.4.0"


def for_grafana_com(dashboard: Json) -> Json:
    """``dashboard`` with its data source variable turned into an input of the import.

    Such a file cannot be provisioned, and one without inputs cannot be shared: hence two files.
    """
    chosen = json.loads(json.dumps(dashboard).replace("${datasource}", f"${{{_INPUT}}}"))
    links = json.loads(json.dumps(chosen).replace("${datasource:queryparam}&", ""))
    variables = [one for one in links["templating"]["list"] if one["type"] != "datasource"]
    return {
        "__inputs": [_input()],
        "__elements": {},
        "__requires": _requirements(dashboard),
        **links,
        "id": None,
        "templating": {"list": variables},
    }


def _input() -> Json:
    return {
        "name": _INPUT,
        "label": "Prometheus",
        "description": "The Prometheus that scrapes shortgenius-exporter and evaluates its recording rules.",
        "type": "datasource",
        "pluginId": "prometheus",
        "pluginName": "Prometheus",
    }


def _requirements(dashboard: Json) -> list[Json]:
    kinds = sorted({panel["type"] for panel in dashboard["panels"]} - {"row"})
    panels = [{"type": "panel", "id": kind, "name": kind, "version": ""} for kind in kinds]
    return [
        {"type": "grafana", "id": "grafana", "name": "Grafana", "version": _OLDEST_GRAFANA},
        {"type": "datasource", "id": "prometheus", "name": "Prometheus", "version": "1.0.0"},
        *panels,
    ]
