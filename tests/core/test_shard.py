"""The shares of the accounts: complete, disjoint, even, and stable when shards are added."""

from __future__ import annotations

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shortgenius_exporter.core.account import Account, Limits, Settings
from shortgenius_exporter.core.secret import Secret
from shortgenius_exporter.core.shard import Shard, owner, share

NAMES = [f"account-{i}" for i in range(10_000)]
totals = st.integers(1, 50)


def settings(*names: str, rate: float = 0.0) -> Settings:
    accounts = tuple(Account(name, Secret(f"sk-{name}")) for name in names)
    return Settings(accounts, Limits(max_requests_per_second=rate))


@given(st.lists(st.text(min_size=1), unique=True), totals)
def test_every_account_is_in_exactly_one_share(names: list[str], total: int) -> None:
    whole = settings(*names)
    shares = [share(whole, Shard(ordinal, total)).accounts for ordinal in range(total)]
    assert Counter(account for part in shares for account in part) == Counter(whole.accounts)


@given(st.text(), totals)
def test_an_account_stays_or_moves_to_the_shard_that_was_added(name: str, total: int) -> None:
    assert owner(name, total + 1) in {owner(name, total), total}


@pytest.mark.parametrize("total", [1, 2, 3, 7, 10, 31])
def test_adding_a_shard_moves_about_its_fair_part(total: int) -> None:
    moved = sum(owner(name, total) != owner(name, total + 1) for name in NAMES)
    assert moved / len(NAMES) == pytest.approx(1 / (total + 1), rel=0.1)


@pytest.mark.parametrize("total", [2, 3, 10])
def test_shares_are_even(total: int) -> None:
    sizes = Counter(owner(name, total) for name in NAMES)
    assert sorted(sizes) == list(range(total))
    assert max(sizes.values()) < 1.1 * len(NAMES) / total


def test_an_account_keeps_its_shard_over_releases() -> None:
    names = ("default", "studio", "agency", "käse", "東京")
    assert [owner(name, 2) for name in names] == [1, 1, 0, 0, 1]
    assert [owner(name, 5) for name in names] == [2, 1, 0, 4, 4]
    assert [owner(name, 1000) for name in names] == [535, 788, 569, 401, 693]


def test_accounts_keep_their_order_and_one_shard_has_all() -> None:
    whole = settings("b", "c", "a")
    assert share(whole, Shard()) is whole
    assert [account.name for account in share(settings(*NAMES), Shard(1, 3)).accounts] == [
        name for name in NAMES if owner(name, 3) == 1
    ]


def test_the_common_request_rate_is_shared_too() -> None:
    assert share(settings("a", rate=30.0), Shard(2, 3)).limits.max_requests_per_second == 10.0


def test_a_share_can_be_empty() -> None:
    assert share(settings("studio"), Shard(1 - owner("studio", 2), 2)).accounts == ()
