"""ShortGenius / Exporter: can I trust what the other dashboards say?"""

from __future__ import annotations

from grafana_foundation_sdk.builders import dashboard as builder
from grafana_foundation_sdk.builders import statetimeline, table, timeseries
from grafana_foundation_sdk.models import common

from grafana.generator import palette, variables
from grafana.generator.board import board, row
from grafana.generator.links import EXPORTER, to_account
from grafana.generator.panels import (
    Head,
    Panel,
    bars,
    buckets,
    lines,
    now,
    number,
    over_time,
    timeline,
)
from grafana.generator.queries import LAST_SUCCESS, UP, UP_SHARE, Accounts, one
from grafana.generator.tables import BACKGROUND, TEXT, Column, grid

_ACCOUNTS = Accounts('account=~"$account"')
_PROCESS = 'job=~"$job", instance=~"$instance"'
# Prometheus knows `up` and the like of every target it has; an exporter that is down is known by its last day.
_OURS = f"and on (job, instance) last_over_time(shortgenius_exporter_build_info{{{_PROCESS}}}[1d])"
_RELOADED = f"shortgenius_exporter_config_last_reload_successful{{{_PROCESS}}}"
# Not every exporter has a web configuration.
_LOADED = f"{_RELOADED} * (shortgenius_exporter_web_config_last_reload_successful{{{_PROCESS}}} or {_RELOADED})"
_SHOWN = 20


def dashboard() -> builder.Dashboard:
    exporter = board(
        EXPORTER,
        "ShortGenius / Exporter",
        "Whether the numbers can be trusted: polls, their failures, the exporter itself.",
    )
    exporter.variables(
        [
            variables.data_source(),
            variables.job(),
            variables.instance(),
            variables.accounts(),
            variables.filters(),
        ]
    )
    row(exporter, "Can I trust the numbers?", [*_numbers(), _success(), _least_read()])
    row(exporter, "Why do polls fail?", [_errors(), _age(), _latency(), _slowest()])
    row(
        exporter,
        "Is the exporter well?",
        [_reloads(), _state_errors(), _poll_loop(), _memory(), _cpu(), _scrape_time(), _scrape_size()],
    )
    return exporter


def _numbers() -> list[Panel]:
    """Six in a line, over 24 columns."""
    return [*_processes(), *_readings(), *_keeping()]


def _processes() -> list[Panel]:
    return [
        number(
            Head("Exporters up", "Exporters that Prometheus can scrape.", 4, 4, ("ShortGeniusExporterDown",)),
            now(f"count(up{{{_PROCESS}}} == 1 {_OURS}) or vector(0)", "up", "A"),
            now(f"count(up{{{_PROCESS}}} == 0 {_OURS}) or vector(0)", "down", "B"),
            unit="none",
            steps=((None, palette.RED), (1, palette.GREEN)),
        ).override_by_name("down", [palette.override(palette.NONE_IS_GOOD)]),
        number(
            Head(
                "Shards missing", "Shards of the accounts that no exporter polls.", 4, 4, ("ShortGeniusShardMissing",)
            ),
            now(
                f"max(shortgenius_exporter_total_shards{{{_PROCESS}}})"
                f' - count(count_values("shard", shortgenius_exporter_shard_ordinal{{{_PROCESS}}}))'
            ),
            unit="none",
            steps=palette.NONE_IS_GOOD,
        ),
    ]


def _readings() -> list[Panel]:
    return [
        number(
            Head(
                "Accounts",
                "Accounts that could be read at the last poll, and that could not.",
                5,
                4,
                ("ShortGeniusPollsFailing",),
            ),
            now(f"count({UP}{{{_ACCOUNTS.scope}}} == 1) or vector(0)", "up", "A"),
            now(f"count({UP}{{{_ACCOUNTS.scope}}} == 0) or vector(0)", "failing", "B"),
            unit="none",
            steps=((None, palette.RED), (1, palette.GREEN)),
        ).override_by_name("failing", [palette.override(palette.NONE_IS_GOOD)]),
        number(
            Head(
                "Oldest balance",
                "Time since the last successful poll of the account that waits longest.",
                5,
                4,
                ("ShortGeniusBalanceStale",),
            ),
            now(f"topk(1, {_ACCOUNTS.age()})", "{{account}}"),
            unit="s",
            steps=palette.AGE,
            decimals=1,
        ).text_mode(common.BigValueTextMode.VALUE_AND_NAME),
    ]


def _keeping() -> list[Panel]:
    return [
        number(
            Head(
                "Configuration",
                "Whether the last reload was taken over, of the web configuration too.",
                3,
                4,
                ("ShortGeniusConfigReloadFailed",),
            ),
            now(f"min({_LOADED})"),
            unit="none",
            steps=((None, palette.RED), (1, palette.GREEN)),
        ).mappings([palette.RELOAD]),
        number(
            Head(
                "State errors",
                "Failures to keep the ledger on disk, within the last hour.",
                3,
                4,
                ("ShortGeniusStateErrors",),
            ),
            now(f"sum(increase(shortgenius_exporter_state_errors_total{{{_PROCESS}}}[1h])) or vector(0)"),
            unit="none",
            steps=palette.NONE_IS_GOOD,
            decimals=0,
        ),
    ]


def _success() -> statetimeline.Panel:
    head = Head(
        f"Poll success by account ({_SHOWN} least reliable)",
        "Whether the account could be read. The accounts that failed most within the range; choose others above.",
        14,
        11,
        ("ShortGeniusPollsFailing", "ShortGeniusKeyRejected"),
    )
    worst = f"bottomk({_SHOWN}, avg_over_time({UP}{{{_ACCOUNTS.scope}}}[$__range] @ end()))"
    states = f"min_over_time({UP}{{{_ACCOUNTS.scope}}}[$__interval])"
    target = over_time(f"{states} and on (job, account) {worst}", "{{account}}", interval="1h")
    return timeline(head, target, mappings=[palette.UP])


def _least_read() -> table.Panel:
    link = (to_account("${__data.fields.Account:percentencode}"),)
    failures = one(f"increase(shortgenius_api_request_failures_total{{{_ACCOUNTS.scope}}}[$__range])")
    polls = one(f"increase(shortgenius_api_requests_total{{{_ACCOUNTS.scope}}}[$__range])")
    columns = (
        Column("Account", "account", width=180, links=link),
        Column(
            "Now", "up", f"{UP}{{{_ACCOUNTS.scope}}}", "none", 80, mappings=(palette.UP,), cell=BACKGROUND, links=link
        ),
        Column(
            "Last day",
            "day",
            f"{UP_SHARE}{{{_ACCOUNTS.scope}}}",
            "percentunit",
            90,
            1,
            palette.SUCCESS,
            cell=TEXT,
            links=link,
        ),
        Column("Polls", "polls", polls, "locale", 80, 0, links=link),
        Column("Failed", "failed", f"sum without (reason) ({failures})", "locale", 80, 0, links=link),
        Column("Data age", "age", _ACCOUNTS.age(), "s", 100, 0, palette.AGE, cell=TEXT, links=link),
    )
    head = Head(
        "Accounts by reliability",
        "Share of the last day in which the account could be read, polls and failures within the range.",
        10,
        11,
        ("ShortGeniusBalanceStale",),
    )
    return grid(head, *columns, sort="Last day", by="job, account")


def _errors() -> timeseries.Panel:
    head = Head(
        "Failed polls by reason",
        "auth: the key is refused. rate_limited: polled too often. invalid_response: not the documented JSON.",
        12,
        9,
        ("ShortGeniusKeyRejected", "ShortGeniusRateLimited"),
    )
    failures = one(f"increase(shortgenius_api_request_failures_total{{{_ACCOUNTS.scope}}}[$__rate_interval])")
    target = over_time(f"sum by (reason) ({failures}) > 0", "{{reason}}", interval="1h")
    return bars(head, target, unit="short").decimals(0).no_value("No poll failed")


def _age() -> timeseries.Panel:
    head = Head(
        "Data age (10 oldest)",
        "Time since the last successful poll: the accounts that wait longest at the end of the range.",
        12,
        9,
        ("ShortGeniusBalanceStale",),
    )
    oldest = f"and on (job, account) bottomk(10, {LAST_SUCCESS}{{{_ACCOUNTS.scope}}} @ end())"
    return lines(head, over_time(f"({_ACCOUNTS.age()}) {oldest}", "{{account}}"), unit="s").decimals(1)


def _latency() -> Panel:
    head = Head("How long polls take", "Durations of all polls, failed ones included; darker means more.", 12, 9)
    durations = f"shortgenius_api_request_duration_seconds_bucket{{{_PROCESS}}}[$__rate_interval]"
    return buckets(head, f"sum by (le) (increase({durations}))", "s")


def _slowest() -> timeseries.Panel:
    head = Head("Slowest accounts", "The last poll's duration, of the ten accounts that are slowest on average.", 12, 9)
    series = f"shortgenius_api_last_request_duration_seconds{{{_ACCOUNTS.scope}}}"
    slowest = f"topk(10, {one(f'avg_over_time({series}[$__range] @ end())')})"
    shown = one(f"avg_over_time({series}[$__interval])")
    return lines(head, over_time(f"{shown} and on (job, account) {slowest}", "{{account}}", interval="1h"), unit="s")


def _reloads() -> statetimeline.Panel:
    head = Head(
        "Configuration reloads",
        "Whether what is in use is what is on disk, of the web configuration too.",
        8,
        5,
        ("ShortGeniusConfigReloadFailed",),
    )
    return timeline(head, over_time(_LOADED, "{{instance}}"), mappings=[palette.RELOAD])


def _state_errors() -> timeseries.Panel:
    head = Head("State errors", "Failures to keep the ledger on disk.", 8, 5, ("ShortGeniusStateErrors",))
    errors = f"increase(shortgenius_exporter_state_errors_total{{{_PROCESS}}}[$__rate_interval])"
    return bars(head, over_time(errors, "{{instance}}"), unit="none").axis_soft_max(1).no_value("No state is kept")


def _poll_loop() -> timeseries.Panel:
    head = Head(
        "Poll loop",
        "Time since the loop that starts polls last ran: a second at most. While it grows, nothing is polled.",
        8,
        5,
        ("ShortGeniusPollLoopStuck",),
    )
    ran = f"shortgenius_exporter_poll_loop_last_run_timestamp_seconds{{{_PROCESS}}}"
    return _per_instance(head, f"(timestamp({ran}) - {ran})", "s").axis_soft_max(5)


def _memory() -> timeseries.Panel:
    head = Head("Memory", "Resident memory of the exporter's process.", 6, 8)
    return _per_instance(head, f"process_resident_memory_bytes{{{_PROCESS}}}", "bytes")


def _cpu() -> timeseries.Panel:
    head = Head("CPU", "Share of one core that the exporter's process takes.", 6, 8)
    return _per_instance(head, f"rate(process_cpu_seconds_total{{{_PROCESS}}}[$__rate_interval])", "percentunit")


def _scrape_time() -> timeseries.Panel:
    head = Head("Scrape duration", "How long Prometheus waits for the exporter.", 6, 8, ("ShortGeniusExporterDown",))
    return _per_instance(head, f"scrape_duration_seconds{{{_PROCESS}}}", "s")


def _scrape_size() -> timeseries.Panel:
    head = Head("Samples per scrape", "What the exporter costs Prometheus.", 6, 8)
    return _per_instance(head, f"scrape_samples_scraped{{{_PROCESS}}}", "short").decimals(0)


def _per_instance(head: Head, expr: str, unit: str) -> timeseries.Panel:
    target = over_time(f"{expr} {_OURS}", "{{instance}}")
    return lines(head, target, unit=unit, legend=common.LegendPlacement.BOTTOM)
