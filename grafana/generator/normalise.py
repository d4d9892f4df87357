"""What the builders of grafana-foundation-sdk 0.0.21 leave wrong, mended on the finished JSON."""

from __future__ import annotations

from typing import Any

Json = dict[str, Any]

_TO_BUILT_IN = {
    "name": "Annotations & Alerts",
    "datasource": {"type": "grafana", "uid": "-- Grafana --"},
    "enable": True,
    "hide": True,
    "iconColor": "rgba(0, 211, 255, 1)",
    "type": "dashboard",
    "builtIn": 1,
}


def normalise(dashboard: Json) -> Json:
    """The dashboard as Grafana itself would have saved it. The argument is left as it is.

    Rows come with id 0 and panels with none: they are numbered in order. Panels inside a collapsed or repeated
    row stay beside it, as Grafana keeps them while the row is open. Annotations and links would hide in a menu:
    they go where Grafana puts them. The built-in annotation is added, which Grafana otherwise adds on load.
    """
    return {
        **dashboard,
        "links": [_link(link) for link in dashboard["links"]],
        "annotations": {"list": [_TO_BUILT_IN, *map(_annotation, _listed(dashboard, "annotations"))]},
        "templating": {"list": [_variable(one) for one in _listed(dashboard, "templating")]},
        "panels": [{**_panel(panel), "id": index} for index, panel in enumerate(dashboard["panels"], start=1)],
        "version": 1,
    }


def _listed(dashboard: Json, key: str) -> list[Json]:
    return list((dashboard.get(key) or {}).get("list") or [])


def _annotation(annotation: Json) -> Json:
    return {key: value for key, value in annotation.items() if key != "placement"}


def _variable(variable: Json) -> Json:
    """A variable without a choice yet must say so: a missing ``current`` stops Grafana's first load."""
    return {"current": {}, "hide": 0, **variable} if variable["type"] != "adhoc" else {"filters": [], **variable}


def _link(link: Json) -> Json:
    return {key: value for key, value in link.items() if key != "placement"}


def _panel(panel: Json) -> Json:
    if panel["type"] == "row":
        return panel
    kept = {key: value for key, value in panel.items() if key != "repeatDirection" or "repeat" in panel}
    return {
        **kept,
        "links": [_link(link) for link in panel.get("links") or []],
        "targets": [{**target, "editorMode": "code"} for target in panel["targets"]],
        "fieldConfig": _field_config(panel["fieldConfig"]),
    }


def _field_config(config: Json) -> Json:
    """Overrides are asked for by Grafana's reader even when there are none."""
    return {**config, "overrides": config.get("overrides") or []}
