"""Whose history is replayed: five accounts with a story, or a fleet of any size."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from shortgenius_exporter.core.account import Account
from shortgenius_exporter.core.renewal import MonthlyRenewal
from shortgenius_exporter.core.secret import Secret
from shortgenius_exporter.simulator.habits import DAY, Habit
from shortgenius_exporter.simulator.plan import Deposit, Plan, SimulatedAccount
from shortgenius_exporter.simulator.scenarios import configured, fleet

SEED = 11
END = 1_774_008_000.0  # Friday, 2026-03-20 12:00 UTC: fixed, so that the same pictures come out every time
DAYS = 30
_HOUR = 3600.0
_FLAKY, _REVOKED = 40, 100  # one account in so many


@dataclass(frozen=True, slots=True)
class Life:
    """A simulated account as the exporter is configured to poll it.

    ``flaky``: roughly the share of polls that fail. ``revoked_at``: when its key stops working, Unix seconds.
    """

    simulated: SimulatedAccount
    flaky: float = 0.0
    revoked_at: float | None = None

    def account(self, poll_interval: float) -> Account:
        return configured(self.simulated, "https://shortgenius.com/api/v1", poll_interval=poll_interval)


@dataclass(frozen=True, slots=True)
class _Story:
    allowance: Mapping[str, int]
    burn: Mapping[str, float]
    team: str
    day: int
    opening: Mapping[str, int]
    habit: Habit = Habit.DAILY
    top_ups: tuple[float, ...] = field(default=())
    amount: int = 500


_STORIES: Mapping[str, _Story] = {
    "trailers": _Story(
        {"credits": 5_000, "high_quality_video_credits": 400},
        {"credits": 376, "high_quality_video_credits": 9},
        "video",
        8,
        {"credits": 4_700},
        top_ups=(10,),
        amount=2_200,
    ),
    "studio": _Story(
        {"credits": 20_000, "animated_video_credits": 600, "high_quality_video_credits": 900, "image_credits": 6_000},
        {"credits": 420, "animated_video_credits": 12, "high_quality_video_credits": 20, "image_credits": 130},
        "video",
        26,
        {"credits": 6_000, "image_credits": 2_100},
    ),
    "marketing": _Story(
        {"credits": 3_000, "image_credits": 800},
        {"credits": 125, "image_credits": 14},
        "brand",
        1,
        {"credits": 1_900},
        Habit.WEEKDAY,
    ),
    "labs": _Story({"credits": 8_000}, {"credits": 300}, "games", 15, {"credits": 6_120}, Habit.BURSTY, (3, 8, 17, 25)),
    "partner": _Story({"credits": 4_000}, {"credits": 90}, "games", 10, {"credits": 2_400}),
}


def lives(count: int) -> list[Life]:
    """``count`` accounts: the first of the five stories, or beyond five a fleet of mixed plans and habits."""
    start = END - DAYS * DAY
    if count <= len(_STORIES):
        return [_told(name, story, start) for name, story in list(_STORIES.items())[:count]]
    return [_fleet_life(index, one) for index, one in enumerate(fleet(count, SEED, start))]


def _told(name: str, story: _Story, start: float) -> Life:
    plan = Plan(
        allowance=story.allowance,
        burn=story.burn,
        habit=story.habit,
        renewal=MonthlyRenewal(story.day),
        opening=story.opening,
        top_ups=tuple(Deposit(days * DAY, "credits", story.amount) for days in story.top_ups),
    )
    labels = (("team", story.team), ("env", "prod"))
    account = SimulatedAccount(name, Secret(f"sk-{name}"), plan, start, labels)
    revoked = END - 5 * _HOUR if name == "partner" else None
    return Life(account, 0.01 if name == "labs" else 0.0005, revoked)


def _fleet_life(index: int, account: SimulatedAccount) -> Life:
    flaky = 0.02 if index % _FLAKY == 0 else 0.0005
    return Life(account, flaky, END - 5 * _HOUR if index % _REVOKED == _FLAKY else None)
