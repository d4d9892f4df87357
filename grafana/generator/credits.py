"""ShortGenius / Credits: am I about to run out, how fast, and where does it go?"""

from __future__ import annotations

from grafana_foundation_sdk.builders import common as common_builder
from grafana_foundation_sdk.builders import dashboard as builder
from grafana_foundation_sdk.builders import stat, table, timeseries
from grafana_foundation_sdk.models import common
from grafana_foundation_sdk.models import dashboard as model

from grafana.generator import palette, variables
from grafana.generator.board import board, row
from grafana.generator.links import CREDITS, to_account, to_runbook
from grafana.generator.panels import Head, Panel, bars, dashed, lines, marked, now, number, over_time, ranking
from grafana.generator.queries import Accounts, firing
from grafana.generator.tables import BACKGROUND, GAUGE, TEXT, Column, grid

_ACCOUNTS = Accounts('account=~"$account"')
_ALERTS = firing('account=~"$account|"')
_THIS_ACCOUNT = to_account("${__data.fields.Account:percentencode}")
_LABELLED_ACCOUNT = to_account("${__field.labels.account:percentencode}")
_SHOWN = 5
_NAME = "{{account}} · {{credit_type}}"


def dashboard() -> builder.Dashboard:
    credits_ = board(CREDITS, "ShortGenius / Credits", "Which account runs out of credits first, how fast, and why.")
    credits_.variables(
        [
            variables.data_source(),
            variables.job(),
            variables.accounts(),
            variables.credit_types('account=~"$account"'),
            variables.group(),
            variables.filters(),
        ]
    )
    row(credits_, "Am I about to run out?", [*_numbers(), _by_runway(), _alerts()])
    row(credits_, "How fast?", [_balances(), _burn(), _pace()])
    row(credits_, "Where does it go?", [_top_accounts(), _top_groups(), _top_types()])
    return credits_


def _numbers() -> list[Panel]:
    return [
        number(
            Head("Alerts firing", "Alerts about the selected accounts and about the exporter that fire now.", 3, 4),
            now(f"count({_ALERTS}) or vector(0)", "alerts"),
            unit="none",
            steps=palette.NONE_IS_GOOD,
        ),
        _first_to_run_out(),
        _below_a_threshold(),
        number(
            Head(
                "End before the renewal",
                "Balances that the pace of the last day uses up before the account's next renewal.",
                4,
                4,
                ("ShortGeniusCreditsRunningOutSoon", "ShortGeniusRenewalMissed"),
            ),
            now(f"count({_ACCOUNTS.lasts_share()} < 1) or vector(0)", "balances"),
            unit="none",
            steps=palette.SOME_IS_BAD,
        ),
        number(
            Head(
                "Without fresh data",
                "Accounts whose last successful poll is more than 15 minutes ago: their balance is not known.",
                4,
                4,
                ("ShortGeniusBalanceStale", "ShortGeniusKeyRejected"),
            ),
            now(f"count({_ACCOUNTS.age()} > 900) or vector(0)", "accounts"),
            unit="none",
            steps=palette.NONE_IS_GOOD,
        ),
    ]


def _below_a_threshold() -> stat.Panel:
    return number(
        Head(
            "Below a threshold",
            "Balances at zero, and under the threshold that is configured for them, each counted once.",
            6,
            4,
            ("ShortGeniusCreditsLow", "ShortGeniusCreditsExhausted"),
        ),
        now(f"count({_ACCOUNTS.level()} == {palette.EXHAUSTED}) or vector(0)", "exhausted", "A"),
        now(f"count({_ACCOUNTS.level()} == {palette.CRITICAL}) or vector(0)", "critical", "B"),
        now(f"count({_ACCOUNTS.level()} == {palette.WARNING}) or vector(0)", "low", "C"),
        unit="none",
        steps=palette.NONE_IS_GOOD,
    ).override_by_name("low", [palette.override(palette.SOME_IS_BAD)])


def _first_to_run_out() -> stat.Panel:
    head = Head(
        "First to run out",
        "The shortest runway of what is left: how long the balance lasts at the pace of the last day.",
        7,
        4,
        ("ShortGeniusCreditsRunningOut",),
    )
    return (
        number(
            head,
            now(f"bottomk(1, {_ACCOUNTS.ending()})", _NAME),
            unit="s",
            steps=palette.RUNWAY,
            decimals=1,
        )
        .text_mode(common.BigValueTextMode.VALUE_AND_NAME)
        .text(common_builder.VizTextDisplayOptions().title_size(16).value_size(34))
        .mappings([palette.A_LONG_TIME, palette.NOTHING_LEFT])
        .override_by_field_type("number", [model.DynamicConfigValue(id_val="links", value=[_LABELLED_ACCOUNT])])
    )


def _by_runway() -> table.Panel:
    head = Head(
        "Accounts by runway",
        "One row per account and credit type, the one that ends first on top. Runway and the day it runs out follow"
        " from the balance and the burn of the last day. Warning, Critical: the account's thresholds. To renewal:"
        " how much of the time to the renewal the runway covers; below 100% the credits end first. A balance that is"
        " not known is not zero. Every cell leads to the account.",
        24,
        12,
        ("ShortGeniusCreditsRunningOut", "ShortGeniusCreditTypeVanished"),
    )
    return grid(head, *_columns(), sort="Runway")


def _columns() -> tuple[Column, ...]:
    link = (_THIS_ACCOUNT,)
    unknown = palette.missing("unknown", palette.GREY)
    return (
        Column("Account", "account", width=140, links=link),
        Column("Credit type", "credit_type", width=205, links=link),
        Column(
            "Runway",
            "runway",
            _ACCOUNTS.runway_or_unknown(),
            "s",
            105,
            1,
            palette.RUNWAY,
            (palette.A_LONG_TIME, palette.NOT_KNOWN),
            BACKGROUND,
            link,
        ),
        Column(
            "Level",
            "level",
            _ACCOUNTS.level(),
            width=95,
            mappings=(palette.LEVEL, unknown),
            cell=BACKGROUND,
            links=link,
        ),
        Column("Balance", "balance", _ACCOUNTS.balance(), "locale", 90, mappings=(unknown,), links=link),
        Column("Warning", "warning", _ACCOUNTS.threshold("warning"), "locale", 85, links=link),
        Column("Critical", "critical", _ACCOUNTS.threshold("critical"), "locale", 85, links=link),
        Column("Burn per day", "burn", _ACCOUNTS.burn_per_day(), "locale", 120, 0, links=link),
        Column("Runs out on", "ends", _ACCOUNTS.runs_out_at(), "time:YYYY-MM-DD HH:mm", 145, links=link),
        Column("Renews on", "renews", _ACCOUNTS.renews_at(), "time:YYYY-MM-DD", 105, links=link),
        _to_renewal(),
        Column("Data age", "age", _ACCOUNTS.age_per_type(), "s", 90, 0, palette.AGE, (), TEXT, link),
    )


def _to_renewal() -> Column:
    return Column(
        "To renewal",
        "lasts",
        _ACCOUNTS.lasts_share(),
        "percentunit",
        105,
        0,
        ((None, palette.RED), (1, palette.GREEN)),
        (palette.between(10, 1e9, "over 1000%", palette.GREEN),),
        TEXT,
        (_THIS_ACCOUNT,),
    )


def _alerts() -> table.Panel:
    runbook = (to_runbook("${__data.fields.Alert:percentencode}"),)
    columns = (
        Column("Alert", "alertname", width=300, links=runbook),
        Column("Severity", "severity", width=110),
        Column("Account", "account", width=200, links=(_THIS_ACCOUNT,), empty="-"),
        Column("Credit type", "credit_type", width=220, empty="all"),
        Column(
            "State",
            "state",
            _ALERTS,
            width=100,
            mappings=(palette.words((1, "firing", palette.RED)),),
            cell=BACKGROUND,
        ),
    )
    head = Head(
        "Firing alerts",
        "Every alert of these rules that fires now for the selection. An alert leads to its runbook.",
        24,
        10,
    )
    return grid(head, *columns, sort="Severity").no_value("No alert fires")


def _balances() -> timeseries.Panel:
    near = _ACCOUNTS.shortest(_SHOWN)
    head = Head(
        f"Balances of the {_SHOWN} shortest runways: thresholds dashed, renewals and top-ups as points",
        "Each with its own thresholds, warning and critical. A point is an increase: a renewal (green) where the"
        " account's renewal date moved on at the same time, else a top-up (blue). Choose accounts above for others.",
        24,
        10,
        ("ShortGeniusCreditsLow",),
    )
    panel = lines(
        head,
        over_time(f"{_ACCOUNTS.balance()} {near}", _NAME, "A"),
        over_time(f"{_ACCOUNTS.threshold('warning')} {near}", f"{_NAME} warning", "B"),
        over_time(f"{_ACCOUNTS.threshold('critical')} {near}", f"{_NAME} critical", "C"),
        over_time(f"({_ACCOUNTS.renewals()}) {near}", f"{_NAME} renewal", "D"),
        over_time(f"({_ACCOUNTS.top_ups()}) {near}", f"{_NAME} top-up", "E"),
        unit="locale",
    ).decimals(0)
    return (
        panel.override_by_query("B", dashed(palette.ORANGE))
        .override_by_query("C", dashed(palette.RED))
        .override_by_query("D", marked(palette.GREEN))
        .override_by_query("E", marked(palette.BLUE))
    )


def _burn() -> timeseries.Panel:
    head = Head(
        "Consumed per day",
        "Credits consumed by all selected accounts, a bar per day (UTC), by credit type.",
        12,
        10,
        ("ShortGeniusBurnSpike",),
    )
    daily = f"sum by (credit_type) ({_ACCOUNTS.consumed('1d', ' offset -1d')})"
    return bars(head, over_time(daily, "{{credit_type}}", interval="1d"), unit="locale").decimals(0)


def _pace() -> table.Panel:
    shares = palette.NEUTRAL
    link = (_THIS_ACCOUNT,)
    columns = (
        Column("Account", "account", width=150, links=link),
        Column("Credit type", "credit_type", width=210, links=link),
        Column("Pace", "pace", _ACCOUNTS.pace(), "none", 75, 2, palette.PACE, (), BACKGROUND, link),
        Column("Plan used", "used", _ACCOUNTS.plan_used(), "percentunit", 165, 0, shares, (), GAUGE, link),
        Column("Period gone", "gone", _ACCOUNTS.period_gone(), "percentunit", 165, 0, shares, (), GAUGE, link),
    )
    head = Head(
        "Share of the plan used against share of the period gone",
        "Since the last renewal. A pace above 1 uses the plan up before its period is over. Needs one renewal within"
        " the history, and a renewal rule in the exporter's configuration.",
        12,
        10,
    )
    return grid(head, *columns, sort="Pace", descending=True, by="job, account, credit_type").no_value(
        "No renewal seen yet"
    )


def _top_accounts() -> Panel:
    head = Head("By account", "The eight that consumed most within the range, per credit type.", 8, 11)
    top = f"topk(8, sum by (account, credit_type) ({_ACCOUNTS.consumed('$__range')}) > 0)"
    return ranking(head, now(f"sort_desc({top})", _NAME), "locale").decimals(0)


def _top_groups() -> Panel:
    head = Head("By $group", "Consumed within the range by the label chosen above, per credit type.", 8, 11)
    top = f"topk(8, sum by ($group, credit_type) ({_ACCOUNTS.consumed('$__range')}) > 0)"
    return ranking(head, now(f"sort_desc({top})", "{{$group}} · {{credit_type}}"), "locale").decimals(0)


def _top_types() -> Panel:
    head = Head("By credit type", "Consumed within the range by all selected accounts.", 8, 11)
    top = f"topk(8, sum by (credit_type) ({_ACCOUNTS.consumed('$__range')}) > 0)"
    return ranking(head, now(f"sort_desc({top})", "{{credit_type}}"), "locale").decimals(0)
