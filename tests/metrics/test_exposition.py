"""What is served of snapshots, read back with the client library's own parsers."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from prometheus_client import openmetrics
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.exposition import generate_latest
from prometheus_client.openmetrics.parser import text_string_to_metric_families as parse_openmetrics
from prometheus_client.parser import text_string_to_metric_families as parse_text
from prometheus_client.registry import Collector

from shortgenius_exporter.core.account import Account, Threshold
from shortgenius_exporter.core.balance import Balance
from shortgenius_exporter.core.reason import Reason
from shortgenius_exporter.core.renewal import MonthlyRenewal, PeriodicRenewal
from shortgenius_exporter.core.secret import Secret
from shortgenius_exporter.core.snapshot import Failure, Snapshot, failed, succeeded
from shortgenius_exporter.metrics.durations import Durations
from shortgenius_exporter.metrics.exposition import Exposition, Negotiated
from shortgenius_exporter.metrics.families import ACCOUNT_FAMILIES

NOW = 1_800_000_000.0
STUDIO = Account("studio", Secret("k"), labels=(("env", "prod"),), thresholds=(Threshold("credits", "warning", 100),))


class Wall:
    """A clock that the test moves."""

    def __init__(self, now: float = NOW) -> None:
        self.now = now
        self.asked: Callable[[], None] = lambda: None

    def __call__(self) -> float:
        self.asked()
        return self.now


class AsTheClientLibraryDoesIt(Collector):
    """The same snapshots through the client library's own families, sample by sample."""

    def __init__(self, snapshots: Iterable[Snapshot], now: float) -> None:
        self._snapshots = list(snapshots)
        self._now = now

    def collect(self) -> Iterable[Metric]:
        for family in ACCOUNT_FAMILIES:
            kind = CounterMetricFamily if family.kind == "counter" else GaugeMetricFamily
            metric = kind(family.name.removesuffix("_total"), family.help)
            for snapshot in self._snapshots:
                for labels, value in family.samples(snapshot, self._now):
                    own = {"account": snapshot.account.name, **dict(snapshot.account.labels), **dict(labels)}
                    metric.add_sample(family.name, own, float(value))
            if metric.samples:
                yield metric


def served(*snapshots: Snapshot, wall: Wall | None = None, openmetrics: bool = False) -> str:
    exposition = Exposition(wall or Wall())
    for snapshot in snapshots:
        exposition.publish(snapshot)
    return exposition.accounts(openmetrics=openmetrics).decode()


def series(text: str, name: str) -> list[str]:
    return [line for line in text.splitlines() if line.startswith(name + "{")]


def polled(account: Account = STUDIO, at: float = NOW, **credits: float) -> Snapshot:
    return succeeded(Snapshot(account), Balance(credits), at, 0.25, max_types=32)


@pytest.mark.parametrize(
    ("credits", "written"),
    [
        (217.0, "217"),
        (0.0, "0"),
        (0.5, "0.5"),
        (2.0**53 - 1, "9007199254740991"),
        (2.0**53, "9007199254740992.0"),
        (1e300, "1e+300"),
    ],
)
def test_a_whole_number_that_a_float_holds_exactly_is_written_without_a_fraction(credits: float, written: str) -> None:
    assert series(served(polled(credits=credits)), "shortgenius_balance_credits") == [
        f'shortgenius_balance_credits{{account="studio",env="prod",credit_type="credits"}} {written}'
    ]


def test_a_whole_account_as_it_is_served() -> None:
    account = replace(
        STUDIO, labels=(), poll_interval=60.0, poll_timeout=10.0, renewal=PeriodicRenewal(every=86_400.0, start=NOW)
    )
    first = succeeded(Snapshot(account), Balance({"credits": 90.0, "audio": 8.5}), NOW, 0.25, max_types=32)
    second = succeeded(first, Balance({"credits": 80.0, "audio": 9.0}, ignored=3), NOW + 60, 0.5, max_types=32)
    third = failed(second, Failure(Reason.TIMEOUT, "late"), NOW + 120, 10.0)
    lines = [line for line in served(third, wall=Wall(NOW + 121)).splitlines() if not line.startswith("#")]
    zero = [reason for reason in Reason if reason is not Reason.TIMEOUT]
    assert [line.removeprefix("shortgenius_") for line in lines if not line.endswith(" 0")] == [
        'balance_credits{account="studio",credit_type="credits"} 80',
        'balance_credits{account="studio",credit_type="audio"} 9',
        'balance_threshold_credits{account="studio",credit_type="credits",severity="warning"} 100',
        'consumed_credits_total{account="studio",credit_type="credits"} 10',
        'granted_credits_total{account="studio",credit_type="audio"} 0.5',
        'last_grant_timestamp_seconds{account="studio",credit_type="audio"} 1800000060',
        'next_renewal_timestamp_seconds{account="studio"} 1800086400',
        'last_success_timestamp_seconds{account="studio"} 1800000060',
        'poll_interval_seconds{account="studio"} 60',
        'api_requests_total{account="studio"} 3',
        'api_request_failures_total{account="studio",reason="timeout"} 1',
        'api_last_request_duration_seconds{account="studio"} 10',
        'ignored_balance_fields{account="studio"} 3',
    ]
    assert [line.removeprefix("shortgenius_") for line in lines if line.endswith(" 0")] == [
        'consumed_credits_total{account="studio",credit_type="audio"} 0',
        'granted_credits_total{account="studio",credit_type="credits"} 0',
        'up{account="studio"} 0',
        *(f'api_request_failures_total{{account="studio",reason="{reason}"}} 0' for reason in zero),
    ]


def test_an_account_that_was_never_polled_has_no_balance_and_is_neither_up_nor_down() -> None:
    text = served(Snapshot(STUDIO))
    assert series(text, "shortgenius_balance_credits") == []
    assert series(text, "shortgenius_up") == []
    assert series(text, "shortgenius_api_requests_total") == [
        'shortgenius_api_requests_total{account="studio",env="prod"} 0'
    ]


def test_every_reason_is_there_at_zero_from_the_start() -> None:
    lines = series(served(Snapshot(STUDIO)), "shortgenius_api_request_failures_total")
    assert lines == [
        f'shortgenius_api_request_failures_total{{account="studio",env="prod",reason="{reason}"}} 0'
        for reason in Reason
    ]


def test_a_failed_poll_takes_up_to_zero_and_leaves_the_last_balance() -> None:
    text = served(failed(polled(credits=217), Failure(Reason.TIMEOUT, "late"), NOW + 60, 10.0), wall=Wall(NOW + 60))
    assert series(text, "shortgenius_up") == ['shortgenius_up{account="studio",env="prod"} 0']
    assert series(text, "shortgenius_balance_credits") == [
        'shortgenius_balance_credits{account="studio",env="prod",credit_type="credits"} 217'
    ]


def test_balances_and_thresholds_go_when_they_are_stale_and_counters_stay() -> None:
    wall = Wall()
    exposition = Exposition(wall)
    exposition.publish(polled(credits=217))
    wall.now = NOW + STUDIO.stale_after
    text = exposition.accounts(openmetrics=False).decode()
    assert "shortgenius_balance" not in text
    assert len(series(text, "shortgenius_consumed_credits_total")) == 1


def test_a_balance_is_served_until_the_moment_it_is_stale() -> None:
    wall = Wall()
    exposition = Exposition(wall)
    exposition.publish(polled(credits=217))
    wall.now = NOW + STUDIO.stale_after - 0.001
    assert "shortgenius_balance_credits{" in exposition.accounts(openmetrics=False).decode()


def test_all_series_of_a_vanished_type_vanish() -> None:
    account = replace(STUDIO, thresholds=(Threshold("image_credits", "warning", 5),))
    before = succeeded(Snapshot(account), Balance({"credits": 2.0, "image_credits": 3.0}), NOW, 0.1, 32)
    assert "image_credits" in served(before)
    assert "image_credits" not in served(succeeded(before, Balance({"credits": 2.0}), NOW, 0.1, 32))


def test_a_threshold_stands_only_next_to_a_balance_of_its_type() -> None:
    assert series(served(polled(image_credits=3)), "shortgenius_balance_threshold_credits") == []
    labels = '{account="studio",env="prod",credit_type="credits",severity="warning"}'
    assert series(served(polled(credits=3)), "shortgenius_balance_threshold_credits") == [
        f"shortgenius_balance_threshold_credits{labels} 100"
    ]


def test_the_next_renewal_moves_on_when_it_has_passed_without_another_poll() -> None:
    account = replace(STUDIO, renewal=PeriodicRenewal(every=100.0, start=NOW))
    wall = Wall()
    exposition = Exposition(wall)
    exposition.publish(polled(account, credits=1))
    wall.now = NOW + 100
    lines = series(exposition.accounts(openmetrics=False).decode(), "shortgenius_next_renewal_timestamp_seconds")
    assert lines == [f'shortgenius_next_renewal_timestamp_seconds{{account="studio",env="prod"}} {int(NOW + 200)}']


def test_a_withdrawn_account_leaves_nothing() -> None:
    exposition = Exposition(Wall())
    exposition.publish(polled(credits=1))
    exposition.withdraw("studio")
    assert exposition.accounts(openmetrics=False) == b""
    assert exposition.account("studio", openmetrics=False) is None


def test_an_account_that_leaves_while_it_is_rendered_anew_does_not_come_back() -> None:
    wall = Wall()
    exposition = Exposition(wall)
    exposition.publish(polled(credits=1))
    wall.now = NOW + STUDIO.stale_after
    wall.asked = lambda: exposition.withdraw("studio")
    assert exposition.accounts(openmetrics=False) != b""
    assert exposition.accounts(openmetrics=False) == b""


def test_of_thousands_of_accounts_each_is_there_once() -> None:
    exposition = Exposition(Wall())
    names = [f"a{number:04}" for number in range(2001)]
    for name in names:
        exposition.publish(polled(replace(STUDIO, name=name, labels=()), credits=1))
    lines = series(exposition.accounts(openmetrics=False).decode(), "shortgenius_up")
    assert lines == [f'shortgenius_up{{account="{name}"}} 1' for name in names]


def test_half_a_surrogate_pair_in_a_name_costs_that_letter_and_no_scrape() -> None:
    text = served(polled(replace(STUDIO, name="a\ud800", labels=()), credits=1))
    assert series(text, "shortgenius_up") == ['shortgenius_up{account="a?"} 1']


def test_it_is_complete_once_every_account_was_polled_successfully_or_not() -> None:
    exposition = Exposition(Wall())
    other = Snapshot(replace(STUDIO, name="other"))
    exposition.publish(polled(credits=1))
    exposition.publish(other)
    assert not exposition.is_complete()
    exposition.publish(failed(other, Failure(Reason.TIMEOUT, "late"), NOW, 1.0))
    assert exposition.is_complete()


def test_probing_one_account_gives_its_series_only() -> None:
    exposition = Exposition(Wall())
    exposition.publish(polled(credits=1))
    exposition.publish(polled(replace(STUDIO, name="other"), credits=2))
    body = exposition.account("other", openmetrics=False) or b""
    assert 'account="other"' in body.decode()
    assert 'account="studio"' not in body.decode()


def test_the_histogram_counts_each_poll_once() -> None:
    exposition = Exposition(Wall())
    first = Snapshot(STUDIO)
    second = succeeded(first, Balance({"credits": 1.0}), NOW, 0.3, 32)
    for snapshot in (first, second, replace(second, account=replace(STUDIO, poll_interval=5.0))):
        exposition.publish(snapshot)
    samples = {(one.name[-6:], one.labels.get("le")): one.value for one in exposition.durations.family().samples}
    assert samples["bucket", "0.25"] == 0
    assert samples["bucket", "0.5"] == 1
    assert samples["bucket", "+Inf"] == 1


def test_the_histogram_has_each_duration_in_the_bucket_that_it_does_not_exceed_and_sums_all() -> None:
    durations = Durations()
    for seconds in (0.25, 0.2500001, 31.0):
        durations.observe(seconds)
    samples = {one.labels.get("le", one.name): one.value for one in durations.family().samples}
    assert (samples["0.1"], samples["0.25"], samples["0.5"], samples["30.0"], samples["+Inf"]) == (0, 1, 2, 2, 3)
    assert samples["shortgenius_api_request_duration_seconds_count"] == 3
    assert samples["shortgenius_api_request_duration_seconds_sum"] == 0.25 + 0.2500001 + 31.0


hostile_text = st.text(st.characters(codec="utf-8"), max_size=12)
amounts = st.one_of(st.integers(0, 2**60).map(float), st.floats(0, 1e300))
label_names = st.from_regex(r"[a-z][a-z0-9_]{0,5}", fullmatch=True).filter(
    lambda name: name not in {"account", "credit_type", "severity", "reason", "le"}
)
types = st.sampled_from(["credits", "image_credits", "animated_video_credits", "x"])
accounts = st.builds(
    lambda name, labels, thresholds, renewal: Account(
        name, Secret("k"), labels=tuple(sorted(labels.items())), thresholds=thresholds, renewal=renewal
    ),
    hostile_text,
    st.dictionaries(label_names, hostile_text, max_size=3),
    st.sets(st.builds(Threshold, types, st.sampled_from(["warning", "critical"]), amounts), max_size=3).map(
        lambda found: tuple({(one.credit_type, one.severity): one for one in found}.values())
    ),
    st.sampled_from([None, MonthlyRenewal(31, "Europe/Berlin"), PeriodicRenewal(86400.0, 0.0)]),
)
steps = st.lists(
    st.one_of(
        st.dictionaries(types, amounts, max_size=4).map(lambda found: Balance(found, 1)),
        st.builds(Failure, st.sampled_from(list(Reason)), st.just("words")),
    ),
    max_size=5,
)


def lived(account: Account, history: list[Balance | Failure]) -> Snapshot:
    snapshot = Snapshot(account)
    for count, step in enumerate(history):
        at = NOW + 90.0 * count
        if isinstance(step, Balance):
            snapshot = succeeded(snapshot, step, at, 0.5, max_types=3)
        else:
            snapshot = failed(snapshot, step, at, 0.5)
    return snapshot


@given(
    st.lists(st.builds(lived, accounts, steps), max_size=4, unique_by=lambda one: one.account.name), st.integers(0, 900)
)
def test_both_formats_say_what_the_client_library_says_of_the_same_snapshots(found: list[Snapshot], age: int) -> None:
    wall = Wall(NOW)
    exposition = Exposition(wall)
    for snapshot in found:
        exposition.publish(snapshot)
    wall.now = NOW + age
    reference = AsTheClientLibraryDoesIt(found, wall.now)
    ours = list(parse_text(exposition.accounts(openmetrics=False).decode()))
    assert ours == list(parse_text(generate_latest(reference).decode()))
    ours = list(parse_openmetrics(exposition.accounts(openmetrics=True).decode() + "# EOF\n"))
    assert ours == list(parse_openmetrics(openmetrics.exposition.generate_latest(reference).decode()))


@given(st.lists(st.builds(lived, accounts, steps), max_size=4, unique_by=lambda one: one.account.name))
def test_the_lines_of_a_family_stand_together_under_one_header(found: list[Snapshot]) -> None:
    headers = [line.split()[2] for line in served(*found).splitlines() if line.startswith("# TYPE ")]
    assert len(headers) == len(set(headers))


@pytest.mark.parametrize(
    ("accept", "content_type"),
    [
        ("", "text/plain; version=0.0.4; charset=utf-8"),
        ("*/*", "text/plain; version=0.0.4; charset=utf-8"),
        (
            "text/plain;version=1.0.0;escaping=allow-utf-8",
            "text/plain; version=1.0.0; charset=utf-8; escaping=allow-utf-8",
        ),
        ("application/openmetrics-text", "application/openmetrics-text; version=1.0.0; charset=utf-8"),
        (
            "application/openmetrics-text;version=1.0.0,application/openmetrics-text;version=0.0.1;q=0.75",
            "application/openmetrics-text; version=1.0.0; charset=utf-8; escaping=underscores",
        ),
        (
            "application/openmetrics-text;version=2.0.0",
            "application/openmetrics-text; version=1.0.0; charset=utf-8; escaping=underscores",
        ),
        ("application/openmetrics-text;version=x.y", "text/plain; version=0.0.4; charset=utf-8"),
        ("application/openmetrics-text;version=²", "text/plain; version=0.0.4; charset=utf-8"),
        ("application/openmetrics-text;version=1.0.0.²", "text/plain; version=0.0.4; charset=utf-8"),
        (
            "text/plain;version=1.0.0;escaping=dots",
            "text/plain; version=1.0.0; charset=utf-8; escaping=underscores",
        ),
    ],
)
def test_the_format_is_negotiated(accept: str, content_type: str) -> None:
    assert Negotiated(accept).content_type == content_type
