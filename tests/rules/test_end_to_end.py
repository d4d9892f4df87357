"""From a credit that is spent to a person who is told, all parts real. An hour takes twelve seconds."""

from __future__ import annotations

import signal
from pathlib import Path

import pytest
from alerting import PATIENCE, Given, stack

from hostile.saboteur import sabotaged, strike
from shortgenius_exporter.simulator.plan import Plan
from support import eventually

DAY = 86_400
RUNBOOKS = "https://github.com/shortgenius-exporter/shortgenius-exporter/blob/main/docs/runbooks"


def twenty_a_second(opening: int) -> Plan:
    return Plan(allowance={"credits": 9_000_000}, opening={"credits": opening}, burn={"credits": 20 * DAY}, tick=0.1)


def test_the_page_comes_before_the_credits_are_gone_and_the_renewal_resolves_it(tmp_path: Path) -> None:
    dry = Given("a/b & co", twenty_a_second(opening=600), ", labels: {team: video, env: prod}")
    rich = Given("rich", twenty_a_second(opening=9_000_000), ", labels: {team: video}")
    with stack(tmp_path, dry, rich) as running:
        page = running.inbox.wait("ShortGeniusCreditsRunningOut")
        assert running.simulator.books("a/b & co")["credits"].balance > 0
        assert page.receiver == "video-pagerduty"
        assert page.labels == {
            "alertname": "ShortGeniusCreditsRunningOut",
            "account": "a/b & co",
            "credit_type": "credits",
            "env": "prod",
            "job": "shortgenius",
            "severity": "critical",
            "team": "video",
        }
        assert page.annotations["summary"].startswith("a/b & co runs out of credits in ")
        assert " credits left. At the present pace they are gone in " in page.annotations["description"]
        assert page.annotations["runbook_url"] == f"{RUNBOOKS}/ShortGeniusCreditsRunningOut.md"
        assert page.annotations["dashboard_url"].endswith("/d/shortgenius-account?var-account=a%2Fb+%26+co")

        empty = running.inbox.wait("ShortGeniusCreditsExhausted")
        assert empty.receiver == "video-pagerduty"
        assert empty.annotations["summary"] == "a/b & co has no credits left"
        running.simulator.admin("renew", account="a/b & co")
        running.inbox.wait("ShortGeniusCreditsExhausted", "resolved")
        assert running.inbox.names("rich") == set()


@pytest.mark.alone
def test_a_revoked_key_pages_once(tmp_path: Path) -> None:
    """It is also stale, close to its end and failing: all that is held back.

    Alone: a second stands for five minutes here, and a delay of seconds lets a symptom be seen before its cause.
    """
    little = Plan(allowance={"credits": 40})
    accounts = (
        Given("revoked", little, ", labels: {team: video}, thresholds: {credits: {critical: 50}}"),
        Given("fine", Plan(allowance={"credits": 900}), ", labels: {team: video}"),
    )
    with stack(tmp_path, *accounts) as running:
        running.inbox.wait("ShortGeniusCreditsLow", account="revoked")
        running.simulator.admin("revoke", account="revoked")
        page = running.inbox.wait("ShortGeniusKeyRejected")
        assert page.receiver == "video-pagerduty"
        assert page.labels["severity"] == "critical"
        assert page.annotations["summary"] == "The API key of revoked is rejected"
        symptoms = {"ShortGeniusBalanceStale", "ShortGeniusPollsFailing"}
        eventually(lambda: symptoms <= running.suppressed("revoked"), PATIENCE)
        running.inbox.wait("ShortGeniusCreditsLow", "resolved")
        assert running.inbox.names("revoked") == {"ShortGeniusCreditsLow", "ShortGeniusKeyRejected"}
        assert running.inbox.names("fine") == set()


def test_a_killed_exporter_pages_once_for_all_its_accounts(tmp_path: Path) -> None:
    accounts = [Given(f"a{number}", Plan(allowance={"credits": 900})) for number in range(3)]
    with stack(tmp_path, *accounts) as running:
        eventually(lambda: len(running.prometheus.query("account:shortgenius_up:max == 1")) == 3, PATIENCE)
        running.exporter.program.stop(signal.SIGKILL)
        page = running.inbox.wait("ShortGeniusExporterDown", job="shortgenius")
        assert page.receiver == "platform-pagerduty"
        assert page.labels == {"alertname": "ShortGeniusExporterDown", "job": "shortgenius", "severity": "critical"}
        assert page.annotations["summary"] == "shortgenius-exporter is down"
        eventually(
            lambda: running.prometheus.query('ALERTS{alertname="ShortGeniusExporterDown",severity="warning"} == 1')
        )
        assert {one.labels["severity"] for one in running.inbox.all("ShortGeniusExporterDown")} == {"critical"}
        assert [running.inbox.names(account.name) for account in accounts] == [set(), set(), set()]


def test_an_exporter_that_polls_no_more_pages_though_it_answers_every_scrape(tmp_path: Path) -> None:
    """Its balances go, and it says that the last poll was fine: nobody is told that the API dropped them."""
    fine = Given("fine", Plan(allowance={"credits": 900}))
    with stack(tmp_path, fine, exporter_of=lambda config: sabotaged("lock", config)) as running:
        seen = "last_over_time(account_credit_type:shortgenius_balance_credits:max[1m:3s])"
        eventually(lambda: running.prometheus.query(seen), PATIENCE)
        strike(running.exporter)
        page = running.inbox.wait("ShortGeniusPollLoopStuck", severity="critical")
        assert page.receiver == "platform-pagerduty"
        assert page.annotations["summary"] == "shortgenius-exporter has stopped polling"
        eventually(lambda: "ShortGeniusCreditTypeVanished" in running.suppressed("fine"), PATIENCE)
        assert running.inbox.names("fine") == set()
        assert {one.labels["severity"] for one in running.inbox.all("ShortGeniusPollLoopStuck")} == {"critical"}
