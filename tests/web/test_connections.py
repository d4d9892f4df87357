"""Which connection goes when there are too many, or when they hold too much."""

from __future__ import annotations

import itertools
import socket
from collections.abc import Iterator

import pytest

from shortgenius_exporter.web.connections import Connection, Connections


@pytest.fixture
def plug() -> Iterator[socket.socket]:
    with socket.socket() as one:
        yield one


def connections(most: int = 3, most_held: int = 100) -> Connections:
    ticks = itertools.count()
    return Connections(most, most_held, lambda: float(next(ticks)))


def still_open(among: Connections, *candidates: Connection) -> list[bool]:
    return [one in among._open for one in candidates]


def test_the_one_that_has_not_moved_for_longest_goes(plug: socket.socket) -> None:
    among = connections()
    first, second, third = (among.enter(plug, "a") for _ in range(3))
    among.moved(first, 0)
    newest = among.enter(plug, "a")
    assert still_open(among, first, second, third, newest) == [True, False, True, True]


def test_the_address_with_most_connections_loses_one(plug: socket.socket) -> None:
    among = connections()
    old = among.enter(plug, "quiet")
    crowd = [among.enter(plug, "crowd") for _ in range(2)]
    newest = among.enter(plug, "other")
    assert still_open(among, old, *crowd, newest) == [True, False, True, True]


@pytest.mark.parametrize(("newcomer", "stays"), [("a", [False, True]), ("b", [True, False]), ("c", [False, True])])
def test_a_newcomer_counts_for_its_address(plug: socket.socket, newcomer: str, stays: list[bool]) -> None:
    among = connections(most=2)
    held = [among.enter(plug, "a"), among.enter(plug, "b")]
    among.enter(plug, newcomer)
    assert still_open(among, *held) == stays


def test_who_is_being_answered_has_a_second_more(plug: socket.socket) -> None:
    times = iter([0.0, 0.0, 0.9, 1.5, 2.0])
    among = Connections(2, 100, lambda: next(times))
    answered = among.enter(plug, "a")
    among.moved(answered, 0)
    silent = among.enter(plug, "a")
    newer = among.enter(plug, "a")
    newest = among.enter(plug, "a")
    assert still_open(among, answered, silent, newer, newest) == [False, False, True, True]


def test_the_slowest_go_when_too_much_is_held(plug: socket.socket) -> None:
    among = connections()
    first, second, third = (among.enter(plug, "a") for _ in range(3))
    among.moved(second, 60)
    among.moved(first, 30)
    assert still_open(among, first, second, third) == [True, True, True]
    among.moved(third, 20)
    assert still_open(among, first, second, third) == [True, False, True]


def test_one_may_hold_more_than_all_may(plug: socket.socket) -> None:
    among = connections()
    huge = among.enter(plug, "a")
    among.moved(huge, 1000)
    assert still_open(among, huge) == [True]


def test_only_idle_ones_are_ended_first(plug: socket.socket) -> None:
    among = connections()
    idle, asking = among.enter(plug, "a"), among.enter(plug, "a")
    among.moved(asking, 0)
    among.end_all(idle_only=True)
    assert still_open(among, idle, asking) == [False, True]
    among.end_all(idle_only=False)
    assert len(among) == 0
