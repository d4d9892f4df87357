"""Lines taken over from an earlier rendering are those that a rendering from nothing would give."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from shortgenius_exporter.core.account import Account, Threshold
from shortgenius_exporter.core.balance import Balance
from shortgenius_exporter.core.reason import Reason
from shortgenius_exporter.core.renewal import MonthlyRenewal, PeriodicRenewal
from shortgenius_exporter.core.secret import Secret
from shortgenius_exporter.core.snapshot import Failure, Snapshot, failed, succeeded
from shortgenius_exporter.metrics.families import ACCOUNT_FAMILIES
from shortgenius_exporter.metrics.fragments import Rendered, render

NOW = 1_800_000_000.0
KEY = Secret("k")
STUDIO = Account("studio", KEY, thresholds=(Threshold("credits", "warning", 100.0),), renewal=MonthlyRenewal(1))

credits = st.sampled_from([0.0, 1.0, 2.5, 2.0**60])
balances = st.dictionaries(st.sampled_from(["credits", "image_credits", "x"]), credits).map(Balance)
failures = st.builds(Failure, st.sampled_from(list(Reason)), st.just("words"))
accounts = st.builds(
    Account,
    st.sampled_from(["studio", 'st"udio']),
    st.just(KEY),
    poll_interval=st.sampled_from([30.0, 60.0]),
    stale_after=st.sampled_from([60.0, 300.0]),
    labels=st.sampled_from([(), (("team", "video"),), (("team", 'vi"deo'),)]),
    thresholds=st.sampled_from([(), (Threshold("credits", "warning", 100.0),), (Threshold("credits", "low", 5.0),)]),
    renewal=st.sampled_from([None, MonthlyRenewal(1), PeriodicRenewal(100.0, 0.0)]),
)
steps = st.lists(st.tuples(st.sampled_from([0.0, 1.0, 59.0, 60.0, 300.0]), st.one_of(balances, failures, accounts)))


def after(snapshot: Snapshot, step: Balance | Failure | Account, now: float) -> Snapshot:
    if isinstance(step, Balance):
        return succeeded(snapshot, step, now, 0.5, max_types=3)
    if isinstance(step, Failure):
        return failed(snapshot, step, now, 0.5)
    return replace(snapshot, account=step)


@given(steps)
def test_rendering_after_an_earlier_rendering_is_rendering_from_nothing(
    history: list[tuple[float, Balance | Failure | Account]],
) -> None:
    snapshot, now = Snapshot(STUDIO), NOW
    rendered = render(snapshot, now)
    for pause, step in history:
        now += pause
        snapshot = after(snapshot, step, now)
        rendered = render(snapshot, now, rendered)
        assert rendered == render(snapshot, now)


@given(st.lists(st.sampled_from([0.0, 59.0, 60.0, 99.0, 300.0, 40 * 86400.0]), max_size=5))
def test_time_alone_changes_the_lines_as_a_rendering_from_nothing_would(pauses: list[float]) -> None:
    snapshot = succeeded(Snapshot(STUDIO), Balance({"credits": 1.0}), NOW, 0.5, 32)
    rendered, now = render(snapshot, NOW), NOW
    for pause in pauses:
        now += pause
        rendered = render(snapshot, now, rendered)
        assert rendered == render(snapshot, now)


def newly_rendered(before: Rendered, after: Rendered) -> list[str]:
    pairs = zip(ACCOUNT_FAMILIES, before.lines, after.lines, strict=True)
    return [family.name.removeprefix("shortgenius_") for family, old, new in pairs if old is not new]


def test_a_poll_that_finds_the_same_balances_renders_only_what_moved() -> None:
    first = succeeded(Snapshot(STUDIO), Balance({"credits": 217.0}), NOW, 0.5, 32)
    second = succeeded(first, Balance({"credits": 217.0}), NOW + 60, 0.25, 32)
    before = render(first, NOW)
    assert newly_rendered(before, render(second, NOW + 60, before)) == [
        "last_success_timestamp_seconds",
        "api_requests_total",
        "api_last_request_duration_seconds",
    ]


def test_a_poll_that_finds_less_renders_the_balance_and_the_consumption_too() -> None:
    first = succeeded(Snapshot(STUDIO), Balance({"credits": 217.0}), NOW, 0.5, 32)
    second = succeeded(first, Balance({"credits": 210.0}), NOW + 60, 0.5, 32)
    before = render(first, NOW)
    assert newly_rendered(before, render(second, NOW + 60, before)) == [
        "balance_credits",
        "consumed_credits_total",
        "last_success_timestamp_seconds",
        "api_requests_total",
    ]
