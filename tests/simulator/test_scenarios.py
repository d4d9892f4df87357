from __future__ import annotations

import http.client

import pytest

from shortgenius_exporter.core.renewal import MonthlyRenewal, PeriodicRenewal, next_renewal
from shortgenius_exporter.simulator.clock import SimulatedClock
from shortgenius_exporter.simulator.habits import DAY, Habit
from shortgenius_exporter.simulator.model import World
from shortgenius_exporter.simulator.scenarios import (
    DEMO_SPEED,
    GENERATIONS,
    configured,
    demo_world,
    fleet,
    in_real_time,
)
from shortgenius_exporter.simulator.server import SimulatorServer

START = 1_767_225_600.0  # 2026-01-01 00:00 UTC
MINUTE = 60 * DEMO_SPEED


def thresholds(world: World, name: str) -> dict[str, float]:
    account = configured(world.accounts[name], "http://127.0.0.1:9")
    return {threshold.severity: threshold.credits for threshold in account.thresholds[:2]}


def renews(world: World, name: str) -> float:
    renewal = world.accounts[name].plan.renewal
    assert renewal is not None
    return next_renewal(renewal, world.now)


def test_demo_shows_six_accounts_in_every_generation() -> None:
    world = demo_world(START)
    assert list(world.accounts) == ["studio", "marketing", "trailers", "agency", "partner", "labs"]
    assert {frozenset(world.balances(name)) for name in world.accounts} == {frozenset(g) for g in GENERATIONS}


def test_demo_balances_move_within_a_minute() -> None:
    world = demo_world(START)
    before = {name: world.balances(name) for name in world.accounts}
    world.advance(START + MINUTE)
    moved = {name for name in world.accounts if world.balances(name) != before[name]}
    assert {"studio", "marketing", "trailers"} <= moved


def test_demo_accounts_are_what_they_are_said_to_be() -> None:
    world = demo_world(START)
    assert world.balances("studio")["credits"] > thresholds(world, "studio")["warning"]
    low = thresholds(world, "marketing")
    assert low["critical"] < world.balances("marketing")["credits"] < low["warning"]
    assert world.is_revoked("agency")
    assert world.accounts["partner"].flaky > 0
    for name in ("studio", "marketing"):
        world_until = demo_world(START)
        world_until.advance(renews(world, name) - 1)
        assert min(world_until.balances(name).values()) > 0
    world.advance(START + 5 * MINUTE)
    assert world.balances("trailers")["credits"] == 0
    assert renews(world, "trailers") - world.now > 10 * DAY


def statuses(seed: int) -> list[str]:
    """How 40 requests of the flaky account end."""
    outcomes = []
    with SimulatorServer(demo_world(START, seed), SimulatedClock(START, speed=0)) as server:
        for _ in range(40):
            client = http.client.HTTPConnection("127.0.0.1", server.port, timeout=10)
            try:
                client.request("GET", "/api/v1/credits", headers={"Authorization": "Bearer sk-demo-partner"})
                response = client.getresponse()
                response.read()
                outcomes.append(f"{response.status} {response.headers['Content-Type']}")
            except (OSError, http.client.HTTPException) as error:
                outcomes.append(type(error).__name__)
            finally:
                client.close()
    return outcomes


def test_the_flaky_account_fails_now_and_then_and_the_same_way_for_a_seed() -> None:
    outcomes = statuses(seed=1)
    assert statuses(seed=1) == outcomes
    assert statuses(seed=2) != outcomes
    assert 20 <= outcomes.count("200 application/json") < 40
    assert len(set(outcomes)) >= 4


@pytest.mark.parametrize("n", [1, 50, 500])
def test_a_fleet_is_of_distinct_accounts(n: int) -> None:
    accounts = fleet(n, seed=3, start=START)
    assert len({account.name for account in accounts}) == n
    assert len({account.key for account in accounts}) == n
    assert all(dict(account.labels).keys() == {"team", "env"} for account in accounts)


def test_a_fleet_mixes_habits_and_plans() -> None:
    plans = [account.plan for account in fleet(30, seed=3, start=START)]
    assert {plan.habit for plan in plans} == set(Habit)
    assert {len(plan.allowance) for plan in plans} == {1, 2, 4}


def test_some_of_a_fleet_run_out_and_most_do_not() -> None:
    world = World(fleet(20, seed=3, start=START), 3, START)
    empty = set()
    for day in range(0, 60, 2):
        world.advance(START + day * DAY)
        empty |= {name for name in world.accounts if world.balances(name)["credits"] == 0}
    assert 3 <= len(empty) <= 12


def test_configured_is_what_an_operator_writes() -> None:
    account = configured(fleet(1, 3, START)[0], "http://127.0.0.1:9/api/v1", poll_interval=1)
    assert (account.name, account.base_url, account.poll_interval) == (
        "trailers-north",
        "http://127.0.0.1:9/api/v1",
        1,
    )
    assert account.labels == (("team", "trailers"), ("env", "prod"))
    assert {threshold.severity for threshold in account.thresholds} == {"warning", "critical"}
    assert isinstance(account.renewal, MonthlyRenewal)


def test_a_renewal_comes_when_the_fast_clock_gets_there() -> None:
    clock = SimulatedClock(START, speed=60, real=lambda: 0.0)
    seen = in_real_time(PeriodicRenewal(DAY, START + 6 * 3_600), clock, now=5_000.0)
    assert seen == PeriodicRenewal(1_440.0, 5_360.0)
