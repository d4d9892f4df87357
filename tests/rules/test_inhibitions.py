"""A real Alertmanager with the example's rules is given alerts, and holds back what a cause explains."""

from __future__ import annotations

import http.client
import json
from collections.abc import Iterator

import pytest
from alerting import alertmanager, inhibited, receiver
from shipped import alert_names

from support import eventually

Alert = dict[str, str]


def alert(name: str, severity: str = "critical", **labels: str) -> Alert:
    return {"alertname": f"ShortGenius{name}", "severity": severity, "job": "credits"} | labels


def of(account: str, name: str, severity: str = "critical", credit_type: str = "credits") -> Alert:
    return alert(name, severity, account=account, credit_type=credit_type)


def whole(account: str, name: str, severity: str = "warning") -> Alert:
    return alert(name, severity, account=account)


EXHAUSTED = [
    of("empty", "CreditsRunningOut"),
    of("empty", "CreditsRunningOutSoon", "warning"),
    of("empty", "CreditsLow"),
    of("empty", "CreditsLow", "warning"),
    of("empty", "BurnSpike", "warning"),
]
RUNNING_OUT = [
    of("dry", "CreditsRunningOutSoon", "warning"),
    of("dry", "CreditsLow"),
    of("dry", "BurnSpike", "warning"),
]
LOW = [of("low", "CreditsLow", "warning")]
REJECTED = [whole("key", "BalanceStale", "critical"), whole("key", "BalanceStale"), whole("key", "PollsFailing")]
STALE = [whole("dark", "BalanceStale"), whole("dark", "PollsFailing")]
LIMITED = [whole("limited", "PollsFailing")]
DOWN = [
    alert("ExporterDown", "warning", job="gone", instance="a"),
    alert("ShardMissing", job="gone"),
    alert("BalanceStale", job="gone", account="x"),
    alert("ConfigReloadFailed", "warning", job="gone"),
    alert("PollLoopStuck", job="gone", shard="0"),
]
STUCK = [
    alert("PollLoopStuck", "warning", job="stuck", instance="a"),
    alert("CreditTypeVanished", "warning", job="stuck", account="x", credit_type="credits"),
]
CAUSES = [
    of("empty", "CreditsExhausted"),
    of("dry", "CreditsRunningOut"),
    of("low", "CreditsLow"),
    whole("key", "KeyRejected", "critical"),
    whole("dark", "BalanceStale", "critical"),
    whole("limited", "RateLimited"),
    alert("ExporterDown", job="gone"),
    alert("PollLoopStuck", job="stuck", shard="0"),
]
OTHERS = [
    of("empty", "CreditsRunningOut", credit_type="image_credits"),  # another type
    of("other", "CreditsLow", "warning"),  # another account
    whole("other", "BalanceStale"),
    whole("key", "RenewalMissed"),  # not explained by the key
    of("dark", "CreditTypeVanished", "warning"),
    alert("ShardMissing", job="credits"),  # another job
    alert("KeyRejected", job="stuck", account="x"),  # of another shard
]


@pytest.fixture(scope="module")
def held_back(tmp_path_factory: pytest.TempPathFactory) -> Iterator[list[Alert]]:
    """What Alertmanager holds back of all of these at once."""
    symptoms = [*EXHAUSTED, *RUNNING_OUT, *LOW, *REJECTED, *STALE, *LIMITED, *DOWN, *STUCK]
    with receiver() as (_, address), alertmanager(tmp_path_factory.mktemp("inhibitions"), address) as router:
        post(router, [*CAUSES, *symptoms, *OTHERS])
        eventually(lambda: len(inhibited(router)) >= len(symptoms))
        yield inhibited(router)


def post(router: str, alerts: list[Alert]) -> None:
    connection = http.client.HTTPConnection(router.removeprefix("http://"), timeout=30)
    body = json.dumps([{"labels": labels} for labels in alerts])
    connection.request("POST", "/api/v2/alerts", body, {"Content-Type": "application/json"})
    assert connection.getresponse().status == 200
    connection.close()


@pytest.mark.parametrize(
    "symptoms",
    [EXHAUSTED, RUNNING_OUT, LOW, REJECTED, STALE, LIMITED, DOWN, STUCK],
    ids=[
        "exhausted",
        "running-out",
        "low",
        "key-rejected",
        "stale",
        "rate-limited",
        "exporter-down",
        "poll-loop-stuck",
    ],
)
def test_a_cause_silences_its_symptoms(held_back: list[Alert], symptoms: list[Alert]) -> None:
    assert [one for one in symptoms if one not in held_back] == []


def test_a_cause_is_never_silenced(held_back: list[Alert]) -> None:
    assert [one for one in CAUSES if one in held_back] == []


def test_other_types_accounts_jobs_and_troubles_are_not_silenced(held_back: list[Alert]) -> None:
    assert [one for one in OTHERS if one in held_back] == []


def test_these_alerts_exist() -> None:
    given = [*CAUSES, *EXHAUSTED, *RUNNING_OUT, *LOW, *REJECTED, *STALE, *LIMITED, *DOWN, *STUCK, *OTHERS]
    assert {one["alertname"] for one in given} <= set(alert_names())
