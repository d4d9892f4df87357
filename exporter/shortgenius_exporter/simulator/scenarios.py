"""Ready-made accounts: a handful for the demo, fleets for dashboards and backtests."""

from __future__ import annotations

import math
from random import Random

from shortgenius_exporter.core.account import Account, Threshold
from shortgenius_exporter.core.renewal import MonthlyRenewal, PeriodicRenewal, Renewal, next_renewal
from shortgenius_exporter.core.secret import Secret
from shortgenius_exporter.simulator.clock import SimulatedClock
from shortgenius_exporter.simulator.habits import DAY, MONTH, Habit, seeded
from shortgenius_exporter.simulator.model import World
from shortgenius_exporter.simulator.plan import Deposit, Plan, SimulatedAccount

DEMO_SPEED = 1_440.0  # a day a minute

# How an allowance of 1,000 general credits is split by each generation of the balance object.
GENERATIONS: tuple[dict[str, float], ...] = (
    {"credits": 1.0, "animated_video_credits": 0.1, "high_quality_video_credits": 0.2, "image_credits": 0.5},
    {"credits": 1.0, "high_quality_video_credits": 0.2},
    {"credits": 1.0},
)
_THRESHOLDS = (("warning", 0.2), ("critical", 0.05))  # severity, share of the allowance

_DEMO = (  # name, team, env
    ("studio", "video", "prod"),
    ("marketing", "brand", "prod"),
    ("trailers", "video", "prod"),
    ("agency", "brand", "prod"),
    ("partner", "games", "dev"),
    ("labs", "games", "dev"),
)
# Per credit type of the plan's generation: allowance, opening balance, burn per day. Then habit, days to renewal.
_DEMO_PLANS: dict[str, tuple[tuple[int, ...], tuple[int, ...], tuple[int, ...], Habit, int]] = {
    "studio": ((20_000, 600, 900, 6_000), (14_210, 371, 548, 4_385), (420, 12, 20, 130), Habit.DAILY, 18),
    "marketing": ((3_000, 200), (410, 96), (18, 1), Habit.DAILY, 9),
    "trailers": ((5_000, 400), (2_160, 310), (480, 12), Habit.STEADY, 21),
    "agency": ((1_000,), (640,), (20,), Habit.STEADY, 11),
    "partner": ((4_000,), (3_120,), (90,), Habit.WEEKDAY, 26),
    "labs": ((8_000,), (6_120,), (300,), Habit.BURSTY, 13),
}

_TEAMS = ("trailers", "social", "newsroom", "games", "learning", "brand", "podcasts", "shop", "sports", "labs")
_STUDIOS = ("north", "south", "harbour", "hill", "river", "market", "bridge", "garden", "station", "castle")
_ENVS = ("prod", "prod", "staging", "dev")


def demo_world(now: float, seed: int = 1) -> World:
    """Six telling accounts at ``now`` (Unix seconds), for a clock of ``DEMO_SPEED``.

    ``studio`` is healthy; ``marketing`` is low; ``trailers`` runs out within minutes, long before its renewal;
    ``agency`` has a revoked key; ``partner`` is flaky; ``labs`` spends in bursts from the newest kind of plan.
    """
    accounts = [
        SimulatedAccount(
            name,
            Secret(f"sk-demo-{name}"),
            _demo_plan(name, now),
            now,
            (("team", team), ("env", env)),
            revoked=name == "agency",
            flaky=0.3 if name == "partner" else 0.0,
        )
        for name, team, env in _DEMO
    ]
    return World(accounts, seed, now)


def _demo_plan(name: str, now: float) -> Plan:
    allowance, opening, burn, habit, days = _DEMO_PLANS[name]
    types = next(types for types in GENERATIONS if len(types) == len(allowance))
    return Plan(
        allowance=dict(zip(types, allowance, strict=True)),
        opening=dict(zip(types, opening, strict=True)),
        burn=dict(zip(types, burn, strict=True)),
        habit=habit,
        renewal=PeriodicRenewal(MONTH, now + days * DAY),
        top_ups=tuple(Deposit(day * DAY, "credits", 500) for day in (3, 8, 17, 25)) if name == "labs" else (),
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
