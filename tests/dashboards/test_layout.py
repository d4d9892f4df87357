"""Where panels stand, and where links lead."""

from __future__ import annotations

from collections import Counter
from itertools import combinations
from pathlib import Path

import pytest
import yaml

from dashboards.shelf import DASHBOARDS, ROOT, Json, panels

RULES = ROOT / "deploy" / "prometheus" / "rules"
RUNBOOKS = "https://github.com/shortgenius-exporter/shortgenius-exporter/blob/main/docs/runbooks"

every_dashboard = pytest.mark.parametrize("name", DASHBOARDS)


@every_dashboard
def test_ids_and_titles_are_unique(name: str) -> None:
    listed = DASHBOARDS[name]["panels"]

    assert [panel["id"] for panel in listed] == list(range(1, len(listed) + 1))
    sections = Counter((panel["title"], panel["type"]) for panel in listed)
    assert sections.most_common(1)[0][1] == 1


@every_dashboard
def test_no_panel_overlaps_another_or_leaves_the_grid(name: str) -> None:
    positions = [panel["gridPos"] for panel in DASHBOARDS[name]["panels"]]

    assert all(at["x"] >= 0 and at["w"] > 0 and at["h"] > 0 and at["x"] + at["w"] <= 24 for at in positions)
    assert [(one, other) for one, other in combinations(positions, 2) if _overlap(one, other)] == []


@every_dashboard
def test_rows_of_panels_leave_no_hole(name: str) -> None:
    listed = DASHBOARDS[name]["panels"]
    bottom = max(panel["gridPos"]["y"] + panel["gridPos"]["h"] for panel in listed)

    assert sum(panel["gridPos"]["w"] * panel["gridPos"]["h"] for panel in listed) == 24 * bottom


def test_the_dashboards_have_the_uids_that_alerts_and_docs_name() -> None:
    assert {dashboard["uid"] for dashboard in DASHBOARDS.values()} == {
        "shortgenius-credits",
        "shortgenius-account",
        "shortgenius-exporter",
    }


@every_dashboard
def test_every_dashboard_leads_to_the_others_and_to_the_runbooks(name: str) -> None:
    leads = {link["url"].split("?")[0] for link in DASHBOARDS[name]["links"]}

    assert leads == {f"/d/{uid}" for uid in DASHBOARDS if uid != name} | {RUNBOOKS}


@every_dashboard
def test_people_see_thirty_days_and_not_one_hour(name: str) -> None:
    assert DASHBOARDS[name]["time"]["from"] == "now-30d"


def test_every_alert_has_a_panel_that_links_to_its_runbook() -> None:
    links = {link["url"] for dashboard in DASHBOARDS.values() for panel in panels(dashboard) for link in panel["links"]}

    assert links == {f"{RUNBOOKS}/{alert}.md" for alert in _alerts()}


def test_every_alert_leads_to_a_dashboard_that_exists() -> None:
    urls = [rule["annotations"]["dashboard_url"] for rule in _rules() if "alert" in rule]

    assert {url.split("/d/")[1].split("?")[0] for url in urls} <= set(DASHBOARDS)


def test_every_cell_of_the_table_of_accounts_leads_to_its_account() -> None:
    table = next(panel for panel in panels(DASHBOARDS["shortgenius-credits"]) if panel["title"] == "Accounts by runway")

    for override in table["fieldConfig"]["overrides"]:
        links = next(one["value"] for one in override["properties"] if one["id"] == "links")
        assert "/d/shortgenius-account?" in links[0]["url"], override["matcher"]
        assert "var-account=${__data.fields.Account:percentencode}" in links[0]["url"]


def test_provisioning_points_to_the_folder_of_the_dashboards_and_to_one_data_source() -> None:
    provider = _yaml(ROOT / "grafana" / "provisioning" / "dashboards" / "shortgenius.yml")["providers"][0]
    source = _yaml(ROOT / "grafana" / "provisioning" / "datasources" / "prometheus.yml")["datasources"][0]

    assert Path(provider["options"]["path"]).name == "dashboards"
    assert not provider["allowUiUpdates"]
    assert (source["type"], source["uid"], source["access"]) == ("prometheus", "prometheus", "proxy")


def _overlap(one: Json, other: Json) -> bool:
    apart_x = one["x"] + one["w"] <= other["x"] or other["x"] + other["w"] <= one["x"]
    apart_y = one["y"] + one["h"] <= other["y"] or other["y"] + other["h"] <= one["y"]
    return not apart_x and not apart_y


def _rules() -> list[Json]:
    return [rule for path in RULES.glob("*.yml") for group in _yaml(path)["groups"] for rule in group["rules"]]


def _alerts() -> set[str]:
    return {rule["alert"] for rule in _rules() if "alert" in rule}


def _yaml(path: Path) -> Json:
    content: Json = yaml.safe_load(path.read_text("utf-8"))
    return content
