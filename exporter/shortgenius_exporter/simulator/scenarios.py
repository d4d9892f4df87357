"""Ready-made accounts: a handful for the demo, fleets for dashboards and backtests."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from shortgenius_exporter.core.account import Account, Threshold
from shortgenius_exporter.core.renewal import MonthlyRenewal, PeriodicRenewal, next_renewal
from shortgenius_exporter.core.secret import Secret
from shortgenius_exporter.simulator.habits import DAY, MONTH, Habit, seeded
from shortgenius_exporter.simulator.model import Deposit, Plan, SimulatedAccount, World

if TYPE_CHECKING:
    from random import Random

    from shortgenius_exporter.core.renewal import Renewal
    from shortgenius_exporter.simulator.clock import SimulatedClock

DEMO_SPEED = 1_440.0  # a day a minute

# How an allowance of 1,000 general credits is split by each generation of the balance object.
GENERATIONS: tuple[dict[str, float], ...] = (
    {"credits": 1.0, "animated_video_credits": 0.1, "high_quality_video_credits": 0.2, "image_credits": 0.5},
    {"credits": 1.0, "high_quality_video_credits": 0.2},
    {"credits": 1.0},
)
_THRESHOLDS = (("warning", 0.2), ("critical", 0.05))  # severity, share of the allowance

_TEAMS = ("trailers", "social", "newsroom", "games", "learning", "brand", "podcasts", "shop", "sports", "labs")
_STUDIOS = ("north", "south", "harbour", "hill", "river", "market", "bridge", "garden", "station", "castle")
_ENVS = ("prod", "prod", "staging", "dev")


def demo_world(now: float, seed: int = 1) -> World:
    """Six telling accounts at ``now`` (Unix seconds), for a clock of ``DEMO_SPEED``.

    ``studio`` is healthy; ``marketing`` is low; ``trailers`` runs out within minutes, long before its renewal;
    ``agency`` has a revoked key; ``partner`` is flaky; ``labs`` spends in bursts from the newest kind of plan.
    """
    studio = Plan(
        allowance={
            "credits": 20_000,
            "animated_video_credits": 600,
            "high_quality_video_credits": 900,
            "image_credits": 6_000,
        },
        burn={
            "credits": 420,
            "animated_video_credits": 12,
            "high_quality_video_credits": 20,
            "image_credits": 130,
        },
        habit=Habit.DAILY,
        renewal=PeriodicRenewal(MONTH, now + 18 * DAY),
        opening={"credits": 14_210, "image_credits": 4_385},
    )
    marketing = Plan(
        allowance={"credits": 3_000, "high_quality_video_credits": 200},
        burn={"credits": 18, "high_quality_video_credits": 1},
        habit=Habit.DAILY,
        renewal=PeriodicRenewal(MONTH, now + 9 * DAY),
        opening={"credits": 410, "high_quality_video_credits": 96},
    )
    trailers = Plan(
        allowance={"credits": 5_000, "high_quality_video_credits": 400},
        burn={"credits": 480, "high_quality_video_credits": 12},
        renewal=PeriodicRenewal(MONTH, now + 21 * DAY),
        opening={"credits": 2_160, "high_quality_video_credits": 310},
    )
    agency = Plan(allowance={"credits": 1_000}, burn={"credits": 20})
    partner = Plan(allowance={"credits": 4_000}, burn={"credits": 90}, renewal=PeriodicRenewal(MONTH, now + 26 * DAY))
    labs = Plan(
        allowance={"credits": 8_000},
        burn={"credits": 300},
        habit=Habit.BURSTY,
        renewal=PeriodicRenewal(MONTH, now + 13 * DAY),
        opening={"credits": 6_120},
        top_ups=tuple(Deposit(days * DAY, "credits", 500) for days in (3, 8, 17, 25)),
    )
    prod, dev = ("env", "prod"), ("env", "dev")
    return World(
        [
            SimulatedAccount("studio", _demo_key("studio"), studio, now, (("team", "video"), prod)),
            SimulatedAccount("marketing", _demo_key("marketing"), marketing, now, (("team", "brand"), prod)),
            SimulatedAccount("trailers", _demo_key("trailers"), trailers, now, (("team", "video"), prod)),
            SimulatedAccount("agency", _demo_key("agency"), agency, now, (("team", "brand"), prod), revoked=True),
            SimulatedAccount("partner", _demo_key("partner"), partner, now, (("team", "games"), dev), flaky=0.3),
            SimulatedAccount("labs", _demo_key("labs"), labs, now, (("team", "games"), dev)),
        ],
        seed,
        now,
    )


def fleet(n: int, seed: int, start: float) -> list[SimulatedAccount]:
    """``n`` accounts since ``start`` of mixed habits and plans; about a third spend more than they are given."""
    return [_fleet_account(index, seed, start) for index in range(n)]


def configured(
    account: SimulatedAccount, base_url: str, *, poll_interval: float = 60.0, renewal: Renewal | None = None
) -> Account:
    """``account`` as an operator would configure it, with thresholds at 20% and 5% of each allowance.

    ``renewal`` replaces the plan's own, for clocks that run fast: see :func:`in_real_time`.
    """
    return Account(
        name=account.name,
        key=account.key,
        base_url=base_url,
        poll_interval=poll_interval,
        labels=account.labels,
        thresholds=tuple(
            Threshold(credit_type, severity, math.ceil(allowance * share))
            for credit_type, allowance in account.plan.allowance.items()
            for severity, share in _THRESHOLDS
        ),
        renewal=renewal or account.plan.renewal,
    )


def in_real_time(renewal: Renewal, clock: SimulatedClock, now: float) -> PeriodicRenewal:
    """``renewal`` of the simulation as somebody sees it whose real time is ``now``. Months become 30 days."""
    every = renewal.every if isinstance(renewal, PeriodicRenewal) else MONTH
    following = next_renewal(renewal, clock.now())
    return PeriodicRenewal(every / clock.speed, now + clock.real_seconds_until(following))


def _demo_key(name: str) -> Secret:
    return Secret(f"sk-demo-{name}")


def _fleet_account(index: int, seed: int, start: float) -> SimulatedAccount:
    random = seeded(seed, "fleet", index)
    team, env = _TEAMS[index % len(_TEAMS)], _ENVS[index % len(_ENVS)]
    again, studio = divmod(index // len(_TEAMS), len(_STUDIOS))
    name = f"{team}-{_STUDIOS[studio]}" + (f"-{again + 1}" if again else "")
    labels = (("team", team), ("env", env))
    return SimulatedAccount(name, Secret(f"sk-fleet-{seed}-{index}"), _fleet_plan(index, random), start, labels)


def _fleet_plan(index: int, random: Random) -> Plan:
    size = random.choice((500, 1_000, 2_500, 5_000, 20_000))
    shares = GENERATIONS[index % len(GENERATIONS)]
    allowance = {credit_type: int(size * share) for credit_type, share in shares.items()}
    burn = {name: amount / 30 * random.uniform(0.45, 1.3) for name, amount in allowance.items()}
    top_ups = tuple(
        Deposit(random.uniform(0, 3 * MONTH), "credits", size // 5) for _ in range(random.choice((0, 0, 1, 3)))
    )
    return Plan(
        allowance=allowance,
        burn=burn,
        habit=tuple(Habit)[index // len(GENERATIONS) % len(Habit)],
        renewal=MonthlyRenewal(random.randint(1, 31)),
        opening={name: random.randint(amount // 2, amount) for name, amount in allowance.items()},
        top_ups=top_ups,
    )
