"""What the commands print for people."""

from __future__ import annotations

import io
from collections.abc import Iterator

import pytest

from shortgenius_exporter.core.account import Account, Threshold
from shortgenius_exporter.core.balance import Balance
from shortgenius_exporter.core.reason import Reason
from shortgenius_exporter.core.secret import Secret
from shortgenius_exporter.core.snapshot import Failure, Snapshot, failed, succeeded
from shortgenius_exporter.terminal import hints, table, with_progress

LEVELS = (Threshold("image_credits", "warning", 50.0),)


def holding(name: str, **credits: float) -> Snapshot:
    return succeeded(Snapshot(Account(name, Secret(name), thresholds=LEVELS)), Balance(credits), 1.0, 0.1, 32)


def failing(name: str, reason: Reason = Reason.AUTH) -> Snapshot:
    failure = Failure(reason, "401 Unauthorized: the key was rejected")
    return failed(Snapshot(Account(name, Secret(name))), failure, 1.0, 0.1)


def test_wide_letters_keep_the_columns_straight() -> None:
    lines = table([holding("東京", credits=5.0), holding("e\u0301", credits=5.0)], colour=False).splitlines()
    assert lines[1:] == ["東京     credits            5  ok", "e\u0301        credits            5  ok"]


def test_a_narrow_terminal_has_the_accounts_stacked() -> None:
    snapshots = [holding("studio", credits=1217.0, image_credits=40.0), failing("agency")]
    assert table(snapshots, colour=False, columns=30) == (
        "studio\n"
        "  credits        1,217  ok\n"
        "  image_credits     40  below warning 50\n"
        "agency\n"
        "  401 Unauthorized: the key\n"
        "  was rejected\n"
    )


def test_a_wide_enough_terminal_has_a_table() -> None:
    lines = table([holding("a", credits=1.0)], colour=False, columns=36).splitlines()
    assert lines[0] == "ACCOUNT  CREDIT TYPE  BALANCE  STATE"


def test_colours_say_no_more_than_the_words() -> None:
    lines = table([holding("a", image_credits=1.0), failing("b")], colour=True).splitlines()
    assert [line[:5] for line in lines] == ["\x1b[1mA", "\x1b[33m", "\x1b[31m"]
    assert all(line.endswith("\x1b[0m") for line in lines)


def test_hints_name_the_accounts_that_need_the_same_remedy_together() -> None:
    snapshots = [failing(name) for name in "abcde"] + [holding("f", credits=1.0), failing("g", Reason.TIMEOUT)]
    assert list(hints(snapshots)) == [
        "a, b, c and 2 more: Replace the account's api_key in the configuration, then reload it (SIGHUP).",
        "g: Check the network and the proxy; if the API is merely slow, raise poll_timeout.",
    ]


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def every(seconds: float) -> Iterator[float]:
    now = 0.0
    while True:
        yield now
        now += seconds


@pytest.mark.parametrize(
    ("stream", "pace", "said"),
    [
        (Terminal(), 1.0, "\r\x1b[K1 of 2 accounts asked\r\x1b[K"),
        (Terminal(), 0.01, ""),
        (io.StringIO(), 1.0, ""),
    ],
    ids=["slow", "quick", "no terminal"],
)
def test_progress_is_told_on_a_terminal_after_a_while_and_wiped_out(
    stream: io.StringIO, pace: float, said: str
) -> None:
    snapshots = [holding("a"), holding("b")]
    clock = every(pace)
    assert list(with_progress(snapshots, 2, stream, lambda: next(clock))) == snapshots
    assert stream.getvalue() == said
