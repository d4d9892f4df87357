"""The exporter's metrics about itself, through the client library."""

from __future__ import annotations

import platform
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from importlib.metadata import version

from prometheus_client import CollectorRegistry, PlatformCollector, ProcessCollector
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector


@dataclass(frozen=True, slots=True)
class ExporterState:
    """``reloaded_at``: Unix seconds of the last configuration taken over; ``reload_ok``: whether the last try was.

    ``web_reload_ok``: the same of the web configuration, ``None`` without one.
    ``state_errors``: how often the state file could not be used or written. ``poll_loop_ran_at``: Unix seconds at
    which polls that are due were last looked for; ``None`` where there is no such loop.
    """

    accounts: int
    reload_ok: bool
    reloaded_at: float
    web_reload_ok: bool | None = None
    state_errors: int = 0
    shard: int = 0
    total_shards: int = 1
    poll_loop_ran_at: float | None = None


class ExporterCollector(Collector):
    def __init__(self, state: Callable[[], ExporterState], others: Callable[[], Iterable[Metric]]) -> None:
        self._state = state
        self._others = others

    def collect(self) -> Iterator[Metric]:
        state = self._state()
        yield from self._others()
        yield _build_info()
        yield _gauge("accounts", "Accounts that this process polls.", state.accounts)
        yield _gauge(
            "config_last_reload_successful", "Whether the last configuration reload succeeded.", state.reload_ok
        )
        yield _gauge(
            "config_last_reload_success_timestamp_seconds",
            "Unix time of the last successful configuration reload.",
            state.reloaded_at,
        )
        if state.web_reload_ok is not None:
            yield _gauge(
                "web_config_last_reload_successful",
                "Whether the last web configuration reload succeeded; absent without --web.config.file.",
                state.web_reload_ok,
            )
        if state.poll_loop_ran_at is not None:
            yield _gauge(
                "poll_loop_last_run_timestamp_seconds",
                "Unix time at which the loop that starts polls last ran; it runs at least once a second.",
                state.poll_loop_ran_at,
            )
        yield CounterMetricFamily(
            "shortgenius_exporter_state_errors",
            "How often the state file could not be written, or was set aside.",
            value=state.state_errors,
        )
        yield _gauge("shard_ordinal", "This process's share of the accounts, counted from 0.", state.shard)
        yield _gauge("total_shards", "How many processes share the accounts.", state.total_shards)


def exporter_registry(collector: ExporterCollector) -> CollectorRegistry:
    """A registry of its own with the exporter's, the process's and the platform's metrics."""
    registry = CollectorRegistry()
    registry.register(collector)
    ProcessCollector(registry=registry)
    PlatformCollector(registry=registry)
    return registry


def _gauge(name: str, help_text: str, value: float) -> Metric:
    return GaugeMetricFamily(f"shortgenius_exporter_{name}", help_text, value=value)


def _build_info() -> Metric:
    family = GaugeMetricFamily(
        "shortgenius_exporter_build_info",
        "Always 1; the labels say what runs.",
        labels=["version", "pythonversion"],
    )
    family.add_metric([version("shortgenius-exporter"), platform.python_version()], 1)
    return family
