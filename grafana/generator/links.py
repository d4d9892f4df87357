"""Where a click leads: between the dashboards, and from a panel to the runbooks of its alerts."""

from __future__ import annotations

from grafana_foundation_sdk.builders import dashboard as builder
from grafana_foundation_sdk.cog.builder import Builder
from grafana_foundation_sdk.models import dashboard as model

RUNBOOKS = "https://github.com/shortgenius-exporter/shortgenius-exporter/blob/main/docs/runbooks"

CREDITS = "shortgenius-credits"
ACCOUNT = "shortgenius-account"
EXPORTER = "shortgenius-exporter"

_KEPT = "${datasource:queryparam}&${job:queryparam}"


def navigation(current: str) -> list[Builder[model.DashboardLink]]:
    """Links in the dashboard's head to the other two, and to all runbooks."""
    others = {CREDITS: "Credits", ACCOUNT: "Account", EXPORTER: "Exporter"}
    links = [_link(title, f"/d/{uid}?{_KEPT}") for uid, title in others.items() if uid != current]
    runbooks = _link("Runbooks", RUNBOOKS).target_blank(True).icon("doc")
    return [*links, runbooks]


def runbooks(alerts: tuple[str, ...]) -> list[Builder[model.DashboardLink]]:
    """Links in a panel's corner: what to do when its alerts fire."""
    return [
        builder.DashboardLink(f"Runbook: {alert}").url(f"{RUNBOOKS}/{alert}.md").target_blank(True) for alert in alerts
    ]


def to_account(name: str) -> dict[str, object]:
    """A data link to one account's dashboard; ``name`` is an expression that gives the account's name.

    It carries no time range: that dashboard looks ahead of now, which the others do not.
    """
    return {"title": "Show account", "url": f"/d/{ACCOUNT}?{_KEPT}&var-account={name}"}


def to_runbook(alert: str) -> dict[str, object]:
    """A data link to the runbook of the alert that the expression ``alert`` names."""
    return {"title": "Open runbook", "url": f"{RUNBOOKS}/{alert}.md", "targetBlank": True}


def _link(title: str, url: str) -> builder.DashboardLink:
    return builder.DashboardLink(title).type(model.DashboardLinkType.LINK).url(url).icon("dashboard")
