"""What the dashboards have in common, and how panels fill the grid."""

from __future__ import annotations

from collections.abc import Sequence

from grafana_foundation_sdk.builders import dashboard as builder
from grafana_foundation_sdk.models import dashboard as model

from grafana.generator.links import navigation
from grafana.generator.panels import Panel


def board(uid: str, title: str, description: str, until: str = "now") -> builder.Dashboard:
    """An empty dashboard over the last 30 days; ``until`` may lie ahead of now."""
    return (
        builder.Dashboard(title)
        .uid(uid)
        .description(description)
        .tags(["shortgenius"])
        .time("now-30d", until)
        .refresh("5m")
        .timezone("browser")
        .tooltip(model.DashboardCursorSync.CROSSHAIR)
        .links(navigation(uid))
        .readonly()
    )


def row(dashboard: builder.Dashboard, title: str, panels: Sequence[Panel], repeat: str = "") -> None:
    """Adds a headed row, drawn once per value of the variable ``repeat``; the panels flow from left to right."""
    head = builder.Row(title)
    if repeat:
        head.repeat(repeat)
    dashboard.with_row(head)
    for panel in panels:
        dashboard.with_panel(panel)
