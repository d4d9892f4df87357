"""Whatever an upstream does: the expected reason, nothing made up, and nobody else disturbed."""

from __future__ import annotations

import pytest

from hostile.measured import POLL_TIMEOUT, Measured, measure
from hostile.places import HEALTHY
from hostile.rows import ROWS, WHOLE, Row

pytestmark = pytest.mark.alone

SLACK = 2.0
MEBIBYTE = 2**20


@pytest.fixture(scope="module")
def measured() -> Measured:
    return measure()


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.what)
def test_each_upstream_has_its_reason_or_the_balances_that_it_gave(row: Row, measured: Measured) -> None:
    outcome = measured.outcomes[row.what]
    assert outcome.reasons == (frozenset({row.reason.value}) if row.reason else frozenset())
    assert (outcome.up, outcome.credits, outcome.ignored) == (row.reason is None, row.credits, row.ignored)
    assert outcome.duration < POLL_TIMEOUT + SLACK


@pytest.mark.parametrize("row", [row for row in ROWS if row.reason], ids=lambda row: row.what)
def test_a_failure_is_tried_again_when_the_upstream_said_or_soon(row: Row, measured: Measured) -> None:
    least, most = row.asks_again_in or (0, 60)
    assert least - 60 <= measured.outcomes[row.what].next_poll <= most


def test_the_healthy_account_beside_them_is_polled_on_time(measured: Measured) -> None:
    outcome = measured.outcomes[HEALTHY]
    assert (outcome.up, outcome.reasons, outcome.credits) == (True, frozenset(), WHOLE)
    assert measured.beside.gap < 1.5


def test_the_key_does_not_travel_with_a_redirect(measured: Measured) -> None:
    assert measured.beside.strayed == 0


def test_the_process_stays_healthy_small_and_quick_to_scrape(measured: Measured) -> None:
    beside = measured.beside
    assert beside.healthy
    assert beside.scrapes > 10
    assert beside.scrape < 2.0
    assert beside.memory < 150 * MEBIBYTE
    # One worker for each poll under way at once, 32 at most, and the few threads that serve.
    assert max(beside.threads) < 32 + 12
    assert beside.threads[1] <= beside.threads[0] + 3
