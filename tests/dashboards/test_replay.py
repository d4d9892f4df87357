"""The replayed history is what an exporter and a Prometheus would have left."""

from __future__ import annotations

import pytest
from grafana.replay.fleet import END, lives
from grafana.replay.polls import outages, polled
from grafana.replay.rules import Rule, alerts, levels, recorded
from grafana.replay.samples import FIRST, START, Grid, lines

from shortgenius_exporter.core.reason import Reason

DAY = 86_400.0


def test_balances_move_by_what_is_granted_and_consumed() -> None:
    (life,) = lives(1)
    snapshots = [snapshot for _, snapshot in polled(life, START, 3600) if snapshot]

    opening, entry = life.simulated.plan.openings()["credits"], snapshots[-1].ledger["credits"]

    assert entry.balance == opening + entry.granted - entry.consumed
    assert entry.granted > 2_200


def test_a_replica_knows_nothing_of_the_time_before_it_started() -> None:
    (life,) = lives(1)

    first = next(snapshot for _, snapshot in polled(life, START + DAY, 3600) if snapshot)

    assert (first.requests, first.ledger["credits"].consumed) == (1, 0)


def test_a_revoked_key_fails_every_poll_until_the_end() -> None:
    partner = lives(5)[-1]

    last = list(outages(partner))[-1]

    assert (last.reason, last.start) == (Reason.AUTH, partner.revoked_at)
    assert last.end > END


def test_samples_lie_on_the_grid_and_end_at_its_end() -> None:
    grid = Grid(step=900, coarse=3600, fine_span=1800)
    ups = [line for line in lines(lives(1), FIRST, grid) if line.startswith("shortgenius_up{")]

    times = [float(line.rsplit(" ", 1)[1]) for line in ups]

    assert times[:2] == [START, START + 3600]
    assert times[-3:] == [END - 1800, END - 900, END]


def test_many_accounts_are_a_fleet_with_failures_in_it() -> None:
    fleet = lives(200)

    assert len({life.simulated.name for life in fleet}) == 200
    assert sum(life.revoked_at is not None for life in fleet) == 2


def test_rules_are_evaluated_after_those_that_they_read() -> None:
    last, middle, first = Rule("a:c", "a:b * 2"), Rule("a:b", "rate(a:a[5m])"), Rule("a:a", "x")

    assert list(levels([last, middle, first])) == [[first], [middle], [last]]


def test_rules_that_read_each_other_are_an_error() -> None:
    with pytest.raises(ValueError, match=r"rules that need each other: \['a', 'b'\]"):
        list(levels([Rule("a", "b"), Rule("b", "a")]))


def test_a_recorded_series_has_the_rules_name_and_the_results_labels() -> None:
    result = [{"metric": {"__name__": "x", "account": "studio"}, "values": [[60, "1"]]}]

    assert list(recorded(Rule("a:x", "x"), result)) == ['a:x{account="studio"} 1 60\n']


@pytest.mark.parametrize(
    ("active", "hold", "keep", "fires"),
    [
        ([0, 60, 120], 0, 0, [0, 60, 120]),
        ([0, 60, 120], 60, 0, [60, 120]),
        ([0, 60, 120], 121, 0, []),
        ([0, 300], 0, 0, [0, 300]),
        ([0, 300], 60, 0, []),
        ([0, 300], 0, 120, [0, 60, 120, 300]),
        ([0, 120], 0, 600, [0, 60, 120]),
    ],
)
def test_an_alert_fires_after_its_time_and_is_kept_firing(
    active: list[float], hold: float, keep: float, fires: list[float]
) -> None:
    result = [{"metric": {"account": "a"}, "values": [[at, "1"] for at in active]}]
    rule = Rule("Low", "x", alert=True, labels=(("severity", "{{ $labels.account }}"),), hold=hold, keep=keep)

    found = [line for line in alerts(rule, result, 60) if line.startswith("ALERTS{")]

    assert found == [f'ALERTS{{account="a",severity="a",alertname="Low",alertstate="firing"}} 1 {at}\n' for at in fires]


def test_branches_of_an_alert_that_differ_only_in_their_metric_are_one_alert() -> None:
    result = [{"metric": {"__name__": name, "account": "a"}, "values": [[60, "1"]]} for name in ("x", "y")]

    found = [line for line in alerts(Rule("Low", "x or y", alert=True), result, 60) if line.startswith("ALERTS{")]

    assert len(found) == 1
