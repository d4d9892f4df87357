"""Every expression, asked of a real Prometheus with a month of an exporter's series in it."""

from __future__ import annotations

import math

import pytest
from grafana.replay.fleet import END, lives
from grafana.replay.samples import FIRST, SECOND, START
from grafana.replay.server import Prometheus

from dashboards.shelf import Query, queries

pytestmark = pytest.mark.timeout(300)  # the first test of each process waits until the month is there

Result = dict[frozenset[tuple[str, str]], list[float]]

DAY = 86_400.0
EVERYTHING = {"job": ".+", "instance": ".+", "account": ".+", "credit_type": ".+"}
# Failed polls, top-ups and renewals: this account has all that its dashboard can show.
ONE_ACCOUNT = {**EVERYTHING, "account": "labs"}
# Two replicas are two processes: these panels are about processes, one series each.
PER_PROCESS = {
    "Exporters up",
    "Configuration reloads",
    "State errors",
    "Poll loop",
    "Memory",
    "CPU",
    "Scrape duration",
    "Samples per scrape",
    "How long polls take",
}

every_query = pytest.mark.parametrize("query", queries(), ids=str)


@every_query
def test_an_expression_returns_data(query: Query, prometheus: Prometheus) -> None:
    result = _ask(query, prometheus)

    assert result, query.filled(_variables(query))
    assert all(math.isfinite(value) for values in result.values() for value in values)


@pytest.mark.parametrize("query", [one for one in queries() if one.panel["title"] not in PER_PROCESS], ids=str)
def test_two_replicas_give_the_same_numbers_as_one(
    query: Query, prometheus: Prometheus, replicated: Prometheus
) -> None:
    """The second replica started ten days later: its counters are lower, and it knows nothing of the time before.

    Graphs are compared from two days after that on: a window that has only a part of a replica's life in it is
    extrapolated by Prometheus.
    """
    since = SECOND.since + 2 * DAY

    two, one = _ask(query, replicated, since=since), _ask(query, prometheus, since=since)

    assert two.keys() == one.keys()
    for series, values in one.items():
        assert two[series] == pytest.approx(values, rel=1e-9)  # a sum is taken in another order


def test_the_second_replica_is_really_there(replicated: Prometheus) -> None:
    found = {series["metric"]["instance"] for series in replicated.at("shortgenius_up", END)}

    assert found == {FIRST.instance, SECOND.instance}


@pytest.mark.parametrize("query", [one for one in queries() if one.panel["title"] in PER_PROCESS], ids=str)
def test_a_second_process_changes_nothing_about_the_first(
    query: Query, prometheus: Prometheus, replicated: Prometheus
) -> None:
    first = {**_variables(query), "instance": FIRST.instance}

    assert _ask(query, replicated, first) == _ask(query, prometheus, first)


@pytest.mark.parametrize("query", [one for one in queries() if one.panel["title"] in PER_PROCESS], ids=str)
def test_targets_of_prometheus_that_are_no_exporters_of_ours_are_not_shown(
    query: Query, prometheus: Prometheus
) -> None:
    labels = {value for series in _ask(query, prometheus) for _, value in series}

    assert "node" not in labels
    if query.panel["title"] == "Exporters up":
        assert list(_ask(query, prometheus).values()) == [[1.0 if query.target["refId"] == "A" else 0.0]]


def test_the_account_that_dies_first_is_named(prometheus: Prometheus) -> None:
    (query,) = [one for one in queries() if one.panel["title"] == "First to run out"]

    (series,) = prometheus.at(query.filled(EVERYTHING), END)

    assert (series["metric"]["account"], series["metric"]["credit_type"]) == ("trailers", "credits")
    assert 0 < float(series["value"][1]) < DAY


def test_an_account_gone_dark_keeps_its_row_and_its_balance_is_not_zero(prometheus: Prometheus) -> None:
    balance, age = _column("balance"), _column("age")

    dark = [one for one in prometheus.at(age.filled(EVERYTHING), END) if one["metric"]["account"] == "partner"]

    assert [float(one["value"][1]) > 4 * 3600 for one in dark] == [True]
    assert "partner" not in {one["metric"]["account"] for one in prometheus.at(balance.filled(EVERYTHING), END)}


def test_the_operators_own_labels_reach_the_table_of_accounts(prometheus: Prometheus) -> None:
    (series, *_) = prometheus.at(_column("balance").filled(EVERYTHING), END)

    assert {"team", "env"} < set(series["metric"])


def test_a_renewal_and_a_top_up_are_told_apart(prometheus: Prometheus) -> None:
    marks = {
        one.target["refId"]: one for one in queries() if one.panel["title"] == "Balance, and forecast ahead of now"
    }
    variables = {**EVERYTHING, "account": "trailers", "credit_type": "credits"}

    renewed, topped_up = (
        {int((at - START) / DAY) for at in _times(prometheus, marks[ref], variables)} for ref in ("D", "E")
    )

    assert (renewed, topped_up) == ({17}, {10})  # 2026-03-08, and ten days after the start


def test_the_forecast_begins_where_the_balance_ends_and_falls_to_zero(prometheus: Prometheus) -> None:
    forecast = next(one for one in queries() if one.target["refId"] == "F")
    variables = {**EVERYTHING, "account": "trailers", "credit_type": "credits"}

    (series,) = prometheus.over(forecast.filled(variables), END - DAY, END + 14 * DAY, 3600)

    points = [(at, float(value)) for at, value in series["values"]]
    assert points[0][0] == END + 3600
    assert 300 < points[0][1] < 363
    assert points[-1][1] == 0


def test_the_forecast_ends_at_the_renewal(prometheus: Prometheus) -> None:
    forecast = next(one for one in queries() if one.target["refId"] == "F")
    variables = {**EVERYTHING, "account": "studio", "credit_type": "credits"}

    (series,) = prometheus.over(forecast.filled(variables), END, END + 14 * DAY, 3600)

    last = series["values"][-1][0]
    assert last == END + 5.5 * DAY  # 2026-03-26 00:00 UTC


def test_the_history_has_all_accounts(prometheus: Prometheus) -> None:
    seen = {series["metric"]["account"] for series in prometheus.at("shortgenius_up", END)}

    assert seen == {life.simulated.name for life in lives(5)}


def _column(source: str) -> Query:
    return next(one for one in queries() if one.target["refId"] == source)


def _variables(query: Query) -> dict[str, str]:
    return ONE_ACCOUNT if query.dashboard == "shortgenius-account" else EVERYTHING


def _ask(
    query: Query, prometheus: Prometheus, variables: dict[str, str] | None = None, since: float = START + DAY
) -> Result:
    expr = query.filled(variables or _variables(query))
    ahead = 14 * DAY if query.dashboard == "shortgenius-account" else 0
    if query.target["instant"]:
        found = [(one["metric"], [float(one["value"][1])]) for one in prometheus.at(expr, END)]
    else:
        series = prometheus.over(expr, since, END + ahead, 3600)
        found = [(one["metric"], [float(value) for _, value in one["values"]]) for one in series]
    return {frozenset(metric.items()): values for metric, values in found}


def _times(prometheus: Prometheus, query: Query, variables: dict[str, str]) -> list[float]:
    series = prometheus.over(query.filled(variables), START, END, 3600)
    return [at for one in series for at, _ in one["values"]]
