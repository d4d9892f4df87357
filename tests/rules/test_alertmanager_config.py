"""The Alertmanager example: valid, and every alert reaches the receiver that it should, for every team."""

from __future__ import annotations

import pytest
from shipped import ALERTMANAGER, alerts, run

EXPORTERS_OWN = {
    "ShortGeniusExporterDown",
    "ShortGeniusShardMissing",
    "ShortGeniusConfigReloadFailed",
    "ShortGeniusStateErrors",
    "ShortGeniusPollLoopStuck",
}
RECEIVERS = {
    ("video", "critical"): "video-pagerduty",
    ("video", "warning"): "video-slack",
    ("marketing", "critical"): "marketing-email,marketing-webhook",
    ("marketing", "warning"): "marketing-email",
    ("", "critical"): "platform-pagerduty",
    ("", "warning"): "platform-slack",
}


def severities(alert: dict[str, dict[str, str]]) -> list[str]:
    severity = alert["labels"]["severity"]
    return ["critical", "warning"] if severity.startswith("{{") else [severity]


ROUTES = sorted(
    {
        (alert["alert"], severity, team)
        for alert in alerts()
        for severity in severities(alert)
        for team in ("video", "marketing", "")
    }
)


def test_amtool_accepts_the_example() -> None:
    done = run("amtool", "check-config", ALERTMANAGER)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize(("name", "severity", "team"), ROUTES)
def test_route(name: str, severity: str, team: str) -> None:
    expected = RECEIVERS["" if name in EXPORTERS_OWN else team, severity]
    labels = [f"alertname={name}", f"severity={severity}", "job=credits", "account=studio"]
    labels += [f"team={team}"] if team else []
    flags = [f"--config.file={ALERTMANAGER}", f"--verify.receivers={expected}"]
    done = run("amtool", "config", "routes", "test", *flags, *labels)
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.strip() == expected


def test_an_alert_of_something_else_goes_to_the_default() -> None:
    done = run(
        "amtool", "config", "routes", "test", f"--config.file={ALERTMANAGER}", "alertname=DiskFull", "severity=critical"
    )
    assert done.stdout.strip() == "default-email"
