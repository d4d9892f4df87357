"""ShortGenius / Account: one account in depth, a row per credit type, looking ahead of now."""

from __future__ import annotations

from grafana_foundation_sdk.builders import common as common_builder
from grafana_foundation_sdk.builders import dashboard as builder
from grafana_foundation_sdk.builders import prometheus, stat, statetimeline, timeseries

from grafana.generator import palette, variables
from grafana.generator.board import board, row
from grafana.generator.links import ACCOUNT
from grafana.generator.panels import (
    Head,
    Panel,
    bars,
    dashed,
    dotted,
    lines,
    marked,
    now,
    number,
    over_time,
    timeline,
)
from grafana.generator.queries import UP, UP_SHARE, Accounts, firing, one

_ACCOUNT = Accounts('account="$account"')


def dashboard() -> builder.Dashboard:
    account = board(
        ACCOUNT,
        "ShortGenius / Account",
        "One account in depth. The range ends two weeks ahead of now: the forecast needs the room.",
        until="now+14d",
    )
    account.variables(
        [
            variables.data_source(),
            variables.job(),
            variables.account(),
            variables.credit_types('account="$account"'),
        ]
    )
    account.annotation(_alerts())
    row(account, "$account", [*_state(), _polls(), _failures()])
    row(account, "$credit_type", [*_amounts(), _balance(), _burn()], repeat="credit_type")
    return account


def _number(head: Head, expr: str, unit: str, steps: palette.Steps = palette.NEUTRAL) -> stat.Panel:
    """A number of this moment: the dashboard's range ends ahead of now, where there is nothing to read."""
    return number(head, now(expr), unit=unit, steps=steps).time_from("1h").hide_time_override(True)


def _state() -> list[Panel]:
    """Six in a line, over 24 columns."""
    return [*_reading(), *_surroundings()]


def _reading() -> list[Panel]:
    scope = _ACCOUNT.scope
    return [
        _number(
            Head("Last poll", "Whether the account could be read.", 4, 4, ("ShortGeniusPollsFailing",)),
            f"{UP}{{{scope}}}",
            "none",
            ((None, palette.RED), (1, palette.GREEN)),
        ).mappings([palette.UP]),
        _number(
            Head("Data age", "Time since the last successful poll.", 4, 4, ("ShortGeniusBalanceStale",)),
            _ACCOUNT.age(),
            "s",
            palette.AGE,
        ).decimals(0),
        _number(
            Head("Polls that succeed", "Share of the last day in which the account could be read.", 4, 4),
            f"{UP_SHARE}{{{scope}}}",
            "percentunit",
            palette.SUCCESS,
        ).decimals(1),
    ]


def _surroundings() -> list[Panel]:
    scope = _ACCOUNT.scope
    return [
        _number(
            Head("Next renewal", "From the renewal rule in the configuration.", 4, 4, ("ShortGeniusRenewalMissed",)),
            f"{_ACCOUNT.next_renewal()} * 1000",
            "time:YYYY-MM-DD",
        )
        .text(common_builder.VizTextDisplayOptions().value_size(30))
        .no_value("not configured"),
        _number(
            Head(
                "Ignored fields",
                "Fields of the last answer that were not exported: no number, or more than the limit.",
                4,
                4,
                ("ShortGeniusCreditTypeVanished",),
            ),
            one(f"shortgenius_ignored_balance_fields{{{scope}}}"),
            "none",
            palette.SOME_IS_BAD,
        ),
        _number(
            Head("Alerts firing", "Alerts about this account that fire now.", 4, 4),
            f"count({firing(_ACCOUNT.matcher)}) or vector(0)",
            "none",
            palette.NONE_IS_GOOD,
        ),
    ]


def _polls() -> statetimeline.Panel:
    head = Head("Poll success", "Whether the account could be read, over time.", 12, 5, ("ShortGeniusKeyRejected",))
    return timeline(head, over_time(f"{UP}{{{_ACCOUNT.scope}}}", "{{account}}"), mappings=[palette.UP])


def _failures() -> timeseries.Panel:
    head = Head("Failed polls by reason", "How many polls failed, and why.", 12, 5, ("ShortGeniusRateLimited",))
    failures = one(f"increase(shortgenius_api_request_failures_total{{{_ACCOUNT.scope}}}[$__rate_interval])")
    return bars(head, over_time(f"sum by (reason) ({failures}) > 0", "{{reason}}"), unit="none").no_value(
        "No poll failed"
    )


def _amounts() -> list[Panel]:
    """Six in a line, over 24 columns."""
    return [*_left(), *_spent()]


def _left() -> list[Panel]:
    return [
        _number(
            Head(
                "Balance", "The last reported balance; its colour is its level.", 4, 4, ("ShortGeniusCreditsExhausted",)
            ),
            _ACCOUNT.balance(),
            "locale",
        ).decimals(0),
        _number(
            Head("Level", "The balance against the account's own thresholds.", 4, 4, ("ShortGeniusCreditsLow",)),
            _ACCOUNT.level(),
            "none",
            ((None, palette.GREEN), (palette.WARNING, palette.ORANGE), (palette.CRITICAL, palette.RED)),
        ).mappings([palette.LEVEL]),
        _number(
            Head(
                "Runway",
                "How long the balance lasts at the pace of the last day.",
                4,
                4,
                ("ShortGeniusCreditsRunningOut", "ShortGeniusCreditsRunningOutSoon"),
            ),
            _ACCOUNT.runway(),
            "s",
            palette.RUNWAY,
        )
        .mappings([palette.A_LONG_TIME])
        .decimals(1),
    ]


def _spent() -> list[Panel]:
    return [
        _number(
            Head("Burn per day", "Consumed within the last day.", 4, 4, ("ShortGeniusBurnSpike",)),
            _ACCOUNT.burn_per_day(),
            "locale",
        ).decimals(0),
        _number(
            Head("Plan used", "Share of the credits of this period that is consumed.", 4, 4),
            _ACCOUNT.plan_used(),
            "percentunit",
        )
        .no_value("no renewal seen")
        .decimals(0),
        _number(
            Head("Pace", "Share of the plan used over share of the period gone; above 1 the plan ends first.", 4, 4),
            _ACCOUNT.pace(),
            "none",
            palette.PACE,
        )
        .no_value("no renewal seen")
        .decimals(2),
    ]


def _balance() -> timeseries.Panel:
    head = Head(
        "Balance, and forecast ahead of now",
        "Dashed: the account's thresholds. Dotted: the balance if the last day's burn goes on, until the next"
        " renewal. A point is an increase: a renewal (green), or a top-up (blue).",
        16,
        10,
        ("ShortGeniusCreditsRunningOut",),
    )
    panel = lines(
        head,
        over_time(_ACCOUNT.balance(), "balance", "A"),
        over_time(_ACCOUNT.threshold_ahead("warning"), "warning", "B"),
        over_time(_ACCOUNT.threshold_ahead("critical"), "critical", "C"),
        over_time(_ACCOUNT.renewals(), "renewal", "D"),
        over_time(_ACCOUNT.top_ups(), "top-up", "E"),
        over_time(_ACCOUNT.forecast(), "forecast", "F"),
        unit="locale",
    ).decimals(0)
    return (
        panel.fill_opacity(10)
        .override_by_query("B", dashed(palette.ORANGE))
        .override_by_query("C", dashed(palette.RED))
        .override_by_query("D", marked(palette.GREEN))
        .override_by_query("E", marked(palette.BLUE))
        .override_by_query("F", dotted(palette.PURPLE))
    )


def _burn() -> timeseries.Panel:
    head = Head("Consumed per day", "Credits consumed, a bar per day (UTC).", 8, 10, ("ShortGeniusBurnSpike",))
    daily = _ACCOUNT.consumed("1d", " offset -1d")
    return bars(head, over_time(daily, "consumed", interval="1d"), unit="locale").decimals(0)


def _alerts() -> builder.AnnotationQuery:
    """Shades the time in which an alert about the account fired."""
    query = prometheus.Dataquery().expr(firing(_ACCOUNT.matcher)).range().datasource(variables.PROMETHEUS)
    return (
        builder.AnnotationQuery()
        .name("Alerts")
        .datasource(variables.PROMETHEUS)
        .enable(True)
        .icon_color(palette.RED)
        .expr(firing(_ACCOUNT.matcher))
        .target(query)
        .title_format("{{alertname}}")
        .text_format("{{severity}} {{credit_type}}")
        .step("5m")
    )
