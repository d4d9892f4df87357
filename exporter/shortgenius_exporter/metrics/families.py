"""The metrics of an account: name, type, help, and the samples that a snapshot gives. This table is the contract."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

from shortgenius_exporter.core.ledger import Entry
from shortgenius_exporter.core.reason import Reason
from shortgenius_exporter.core.renewal import next_renewal
from shortgenius_exporter.core.snapshot import Snapshot

Labels = tuple[tuple[str, str], ...]
Sample = tuple[Labels, float]


@dataclass(frozen=True, slots=True)
class Family:
    """``name`` as its samples bear it, a counter's with ``_total``. ``samples``: of one snapshot at one time."""

    name: str
    kind: str
    help: str
    labels: tuple[str, ...]
    samples: Callable[[Snapshot, float], Iterable[Sample]]


def _balances(snapshot: Snapshot, now: float) -> Iterator[Sample]:
    if snapshot.is_fresh(now):
        yield from _per_type(snapshot, lambda entry: entry.balance)


def _thresholds(snapshot: Snapshot, now: float) -> Iterator[Sample]:
    if not snapshot.is_fresh(now):
        return
    for threshold in snapshot.account.thresholds:
        entry = snapshot.ledger.get(threshold.credit_type)
        if entry is not None and entry.reported:
            yield (("credit_type", threshold.credit_type), ("severity", threshold.severity)), threshold.credits


def _per_type(snapshot: Snapshot, value: Callable[[Entry], float | None]) -> Iterator[Sample]:
    for credit_type, entry in snapshot.ledger.items():
        if entry.reported and (number := value(entry)) is not None:
            yield (("credit_type", credit_type),), number


def _failures(snapshot: Snapshot) -> Iterator[Sample]:
    for reason in Reason:
        yield (("reason", reason.value),), snapshot.failures.get(reason, 0)


def _renewals(snapshot: Snapshot, now: float) -> Iterable[Sample]:
    renewal = snapshot.account.renewal
    return () if renewal is None else (((), next_renewal(renewal, now)),)


def _known(number: float | None) -> Iterable[Sample]:
    return () if number is None else (((), number),)


ACCOUNT_FAMILIES: tuple[Family, ...] = (
    Family(
        "shortgenius_balance_credits",
        "gauge",
        "Last reported balance. Absent while unknown.",
        ("credit_type",),
        _balances,
    ),
    Family(
        "shortgenius_balance_threshold_credits",
        "gauge",
        "Configured threshold, next to each balance that has one.",
        ("credit_type", "severity"),
        _thresholds,
    ),
    Family(
        "shortgenius_consumed_credits_total",
        "counter",
        "Sum of the observed decreases of the balance, a lower bound of the consumption.",
        ("credit_type",),
        lambda snapshot, _: _per_type(snapshot, lambda entry: entry.consumed),
    ),
    Family(
        "shortgenius_granted_credits_total",
        "counter",
        "Sum of the observed increases of the balance: renewals, top-ups, refunds.",
        ("credit_type",),
        lambda snapshot, _: _per_type(snapshot, lambda entry: entry.granted),
    ),
    Family(
        "shortgenius_last_grant_timestamp_seconds",
        "gauge",
        "Unix time of the last observed increase of the balance. Absent until one was seen.",
        ("credit_type",),
        lambda snapshot, _: _per_type(snapshot, lambda entry: entry.last_grant),
    ),
    Family(
        "shortgenius_next_renewal_timestamp_seconds",
        "gauge",
        "Unix time of the next renewal, from the configured rule.",
        (),
        _renewals,
    ),
    Family(
        "shortgenius_up",
        "gauge",
        "1 if the last poll succeeded, 0 if it failed. Absent before the first.",
        (),
        lambda snapshot, _: _known(snapshot.up),
    ),
    Family(
        "shortgenius_last_success_timestamp_seconds",
        "gauge",
        "Unix time of the last successful poll.",
        (),
        lambda snapshot, _: _known(snapshot.last_success),
    ),
    Family(
        "shortgenius_poll_interval_seconds",
        "gauge",
        "Configured time between polls.",
        (),
        lambda snapshot, _: _known(snapshot.account.poll_interval),
    ),
    Family(
        "shortgenius_api_requests_total",
        "counter",
        "Polls finished, successfully or not.",
        (),
        lambda snapshot, _: _known(snapshot.requests),
    ),
    Family(
        "shortgenius_api_request_failures_total",
        "counter",
        "Polls failed, by reason.",
        ("reason",),
        lambda snapshot, _: _failures(snapshot),
    ),
    Family(
        "shortgenius_api_last_request_duration_seconds",
        "gauge",
        "How long the last poll took.",
        (),
        lambda snapshot, _: _known(snapshot.last_duration),
    ),
    Family(
        "shortgenius_ignored_balance_fields",
        "gauge",
        "Fields of the last answer that were not exported: not a number, an unusual name, or above the limit.",
        (),
        lambda snapshot, _: _known(snapshot.ignored_fields),
    ),
)
