"""What a colour says: red is close to the end, green has time, blue says nothing. And the words for values."""

from __future__ import annotations

from grafana_foundation_sdk.builders import dashboard as builder
from grafana_foundation_sdk.models import dashboard as model

GREEN, YELLOW, ORANGE, RED, BLUE, PURPLE, GREY = (
    "green",
    "yellow",
    "orange",
    "red",
    "blue",
    "purple",
    "#8e8e8e",
)

DAY, YEAR = 86400.0, 365 * 86400.0
UNKNOWN = 100 * YEAR  # a runway that says "not known" and still sorts behind all others

Steps = tuple[tuple[float | None, str], ...]

RUNWAY: Steps = ((None, RED), (DAY, ORANGE), (3 * DAY, YELLOW), (7 * DAY, GREEN))
AGE: Steps = ((None, GREEN), (5 * 60, ORANGE), (15 * 60, RED))
NONE_IS_GOOD: Steps = ((None, GREEN), (1, RED))
SOME_IS_BAD: Steps = ((None, GREEN), (1, ORANGE))
SUCCESS: Steps = ((None, RED), (0.95, ORANGE), (0.999, GREEN))
PACE: Steps = ((None, GREEN), (1, ORANGE), (1.25, RED))
NEUTRAL: Steps = ((None, BLUE),)

EXHAUSTED, CRITICAL, WARNING, FINE = 3, 2, 1, 0


def thresholds(steps: Steps) -> builder.ThresholdsConfig:
    return (
        builder.ThresholdsConfig()
        .mode(model.ThresholdsMode.ABSOLUTE)
        .steps([model.Threshold(value=value, color=color) for value, color in steps])
    )


def override(steps: Steps) -> model.DynamicConfigValue:
    """Other thresholds for some of a panel's values."""
    return model.DynamicConfigValue(id_val="thresholds", value=thresholds(steps).build())


def words(*pairs: tuple[float, str, str]) -> model.ValueMap:
    """A mapping of (value, word, colour)."""
    return model.ValueMap(
        options={
            f"{value:g}": model.ValueMappingResult(text=word, color=color, index=index)
            for index, (value, word, color) in enumerate(pairs)
        }
    )


def missing(word: str, color: str) -> model.SpecialValueMap:
    """What stands where there is no value."""
    result = model.ValueMappingResult(text=word, color=color, index=90)
    return model.SpecialValueMap(
        options=model.DashboardSpecialValueMapOptions(match=model.SpecialValueMatch.NULL_AND_NAN, result=result)
    )


def between(least: float, most: float, word: str, color: str) -> model.RangeMap:
    """One word for all values from ``least`` to ``most``."""
    result = model.ValueMappingResult(text=word, color=color, index=80)
    return model.RangeMap(options=model.DashboardRangeMapOptions(from_val=least, to=most, result=result))


LEVEL = words((EXHAUSTED, "exhausted", RED), (CRITICAL, "critical", RED), (WARNING, "low", ORANGE), (FINE, "ok", GREEN))
UP = words((1, "up", GREEN), (0, "failing", RED))
RELOAD = words((1, "ok", GREEN), (0, "refused", RED))
A_LONG_TIME = between(YEAR, UNKNOWN - 1, "over a year", GREEN)
NOTHING_LEFT = between(UNKNOWN, UNKNOWN, "nothing left", RED)
NOT_KNOWN = between(UNKNOWN, UNKNOWN, "unknown", GREY)
