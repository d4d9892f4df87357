"""What a restart makes of what was remembered."""

from __future__ import annotations

from dataclasses import replace

from shortgenius_exporter.core.account import Account
from shortgenius_exporter.core.ledger import Entry
from shortgenius_exporter.core.secret import Secret
from shortgenius_exporter.state.remembered import Remembered, has_moved, recalled, without_departed

NOW = 1_800_000_000.0
DAY = 86_400.0
STUDIO = Account("studio", Secret("k"), stale_after=300.0)
ENTRY = Entry(70.0, first_seen=NOW - 900, last_seen=NOW - 100, consumed=30.0, granted=5.0, last_grant=NOW - 200)
KNOWN = Remembered({"credits": ENTRY}, last_success=NOW - 100)


def test_counters_go_on_and_nothing_is_known_of_the_api_yet() -> None:
    snapshot = recalled(STUDIO, KNOWN, NOW)
    assert snapshot.ledger == {"credits": ENTRY}
    assert (snapshot.up, snapshot.requests, dict(snapshot.failures)) == (None, 0, {})


def test_a_balance_is_as_fresh_as_if_the_process_had_never_ended() -> None:
    assert recalled(STUDIO, KNOWN, NOW).is_fresh(NOW + 199)
    assert not recalled(STUDIO, KNOWN, NOW).is_fresh(NOW + 200)
    assert not recalled(STUDIO, replace(KNOWN, last_success=None), NOW).is_fresh(NOW)


def test_a_last_success_that_has_yet_to_come_makes_no_balance_fresh() -> None:
    snapshot = recalled(STUDIO, replace(KNOWN, last_success=NOW + 1), NOW)
    assert snapshot.last_success is None
    assert not snapshot.is_fresh(NOW)


def test_amounts_and_new_types_move_and_times_of_sight_do_not() -> None:
    before = {"credits": ENTRY}
    assert not has_moved(before, before)
    assert not has_moved(before, {"credits": replace(ENTRY, last_seen=NOW, reported=False)})
    assert has_moved(before, {"credits": replace(ENTRY, balance=69.0, consumed=31.0)})
    assert has_moved(before, {"credits": replace(ENTRY, granted=6.0)})
    assert has_moved(before, {**before, "image_credits": ENTRY})
    assert has_moved({}, before)
    assert has_moved({**before, "image_credits": ENTRY}, before)
    # A spend so small beside what was consumed already that no float can tell.
    assert has_moved(before, {"credits": replace(ENTRY, balance=69.0)})


def test_who_has_left_is_marked_once_and_goes_after_90_days() -> None:
    known = {"here": KNOWN, "new": KNOWN, "old": replace(KNOWN, left_at=NOW - 90 * DAY)}
    known["recent"] = replace(KNOWN, left_at=NOW - 90 * DAY + 1)
    assert without_departed(known, {"here"}, NOW) == ({"new": replace(KNOWN, left_at=NOW)}, {"old"})


def test_who_is_configured_never_goes_however_long_ago_it_was_seen() -> None:
    known = {"here": replace(KNOWN, last_success=NOW - 400 * DAY, left_at=NOW - 400 * DAY)}
    assert without_departed(known, {"here"}, NOW) == ({}, set())
