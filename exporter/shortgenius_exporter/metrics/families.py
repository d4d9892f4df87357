"""The metrics of an account: name, type, help, and the samples that a snapshot gives. This table is the contract."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from shortgenius_exporter.core.account import Threshold
from shortgenius_exporter.core.ledger import Entry
from shortgenius_exporter.core.reason import Reason
from shortgenius_exporter.core.renewal import next_renewal
from shortgenius_exporter.core.snapshot import Snapshot

Labels = tuple[tuple[str, str], ...]
Sample = tuple[Labels, float]
_ByType = list[tuple[str, float]]


@dataclass(frozen=True, slots=True)
class View:
    """A snapshot as it is to be shown at some time.

    ``fresh``: whether its balances may be shown. ``renews_at``: Unix seconds, ``None`` without a renewal rule.
    """

    snapshot: Snapshot
    fresh: bool
    renews_at: float | None


def view(snapshot: Snapshot, now: float) -> View:
    """``snapshot`` as it is to be shown at ``now`` (Unix seconds)."""
    renewal = snapshot.account.renewal
    return View(snapshot, snapshot.is_fresh(now), None if renewal is None else next_renewal(renewal, now))


@dataclass(frozen=True, slots=True)
class Family:
    """``name``: as in the sample lines, a counter's with ``_total``.

    ``facts``: takes from a view all that the samples depend on; while it is equal, so are the lines, and they need not
    be rendered again. ``samples_of``: makes the samples from these facts.
    """

    name: str
    kind: str
    help: str
    labels: tuple[str, ...]
    facts: Callable[[View], Any]
    samples_of: Callable[[Any], Iterable[Sample]]

    def samples(self, snapshot: Snapshot, now: float) -> Iterable[Sample]:
        return self.samples_of(self.facts(view(snapshot, now)))


def _balances(view: View) -> _ByType:
    return _by_type(view, lambda entry: entry.balance) if view.fresh else []


def _thresholds(view: View) -> list[Threshold]:
    if not view.fresh:
        return []
    ledger = view.snapshot.ledger
    found = ((threshold, ledger.get(threshold.credit_type)) for threshold in view.snapshot.account.thresholds)
    return [threshold for threshold, entry in found if entry is not None and entry.reported]


def _of_thresholds(thresholds: list[Threshold]) -> Iterator[Sample]:
    for threshold in thresholds:
        yield (("credit_type", threshold.credit_type), ("severity", threshold.severity)), threshold.credits


def _by_type(view: View, value: Callable[[Entry], float | None]) -> _ByType:
    return [
        (credit_type, number)
        for credit_type, entry in view.snapshot.ledger.items()
        if entry.reported and (number := value(entry)) is not None
    ]


def _of_types(found: _ByType) -> Iterator[Sample]:
    for credit_type, number in found:
        yield (("credit_type", credit_type),), number


def _of_failures(failures: Mapping[Reason, int]) -> Iterator[Sample]:
    for reason in Reason:
        yield (("reason", reason.value),), failures.get(reason, 0)


def _of_one(number: float | None) -> Iterable[Sample]:
    return () if number is None else (((), number),)


ACCOUNT_FAMILIES: tuple[Family, ...] = (
    Family(
        "shortgenius_balance_credits",
        "gauge",
        "Last reported balance. Absent while unknown.",
        ("credit_type",),
        _balances,
        _of_types,
    ),
    Family(
        "shortgenius_balance_threshold_credits",
        "gauge",
        "Configured threshold, next to each balance that has one.",
        ("credit_type", "severity"),
        _thresholds,
        _of_thresholds,
    ),
    Family(
        "shortgenius_consumed_credits_total",
        "counter",
        "Sum of the observed decreases of the balance, a lower bound of the consumption.",
        ("credit_type",),
        lambda view: _by_type(view, lambda entry: entry.consumed),
        _of_types,
    ),
    Family(
        "shortgenius_granted_credits_total",
        "counter",
        "Sum of the observed increases of the balance: renewals, top-ups, refunds.",
        ("credit_type",),
        lambda view: _by_type(view, lambda entry: entry.granted),
        _of_types,
    ),
    Family(
        "shortgenius_last_grant_timestamp_seconds",
        "gauge",
        "Unix time of the last observed increase of the balance. Absent until one was seen.",
        ("credit_type",),
        lambda view: _by_type(view, lambda entry: entry.last_grant),
        _of_types,
    ),
    Family(
        "shortgenius_next_renewal_timestamp_seconds",
        "gauge",
        "Unix time of the next renewal, from the configured rule.",
        (),
        lambda view: view.renews_at,
        _of_one,
    ),
    Family(
        "shortgenius_up",
        "gauge",
        "1 if the last poll succeeded, 0 if it failed. Absent before the first.",
        (),
        lambda view: view.snapshot.up,
        _of_one,
    ),
    Family(
        "shortgenius_last_success_timestamp_seconds",
        "gauge",
        "Unix time of the last successful poll.",
        (),
        lambda view: view.snapshot.last_success,
        _of_one,
    ),
    Family(
        "shortgenius_poll_interval_seconds",
        "gauge",
        "Configured time between polls.",
        (),
        lambda view: view.snapshot.account.poll_interval,
        _of_one,
    ),
    Family(
        "shortgenius_api_requests_total",
        "counter",
        "Polls finished, successfully or not.",
        (),
        lambda view: view.snapshot.requests,
        _of_one,
    ),
    Family(
        "shortgenius_api_request_failures_total",
        "counter",
        "Polls failed, by reason.",
        ("reason",),
        lambda view: view.snapshot.failures,
        _of_failures,
    ),
    Family(
        "shortgenius_api_last_request_duration_seconds",
        "gauge",
        "How long the last poll took.",
        (),
        lambda view: view.snapshot.last_duration,
        _of_one,
    ),
    Family(
        "shortgenius_ignored_balance_fields",
        "gauge",
        "Fields of the last answer that were not exported: not a number, an unusual name, or above the limit.",
        (),
        lambda view: view.snapshot.ignored_fields,
        _of_one,
    ),
)
