"""How many connections there may be, and which goes when there are more."""

from __future__ import annotations

import asyncio
import socket
import struct
from collections import defaultdict
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass

_RESET = struct.pack("ii", 1, 0)


@dataclass(eq=False, slots=True)
class Connection:
    """``moved``: when it last asked or took something, in the monotonic clock's seconds.

    ``held``: bytes of an answer that it has not taken yet; ``None`` while no request is being answered.
    """

    socket: socket.socket
    address: str
    moved: float
    held: int | None = None
    task: asyncio.Task[None] | None = None

    def close(self) -> None:
        """Closes the socket; in the middle of an answer with a reset, so that the kernel keeps nothing to send."""
        if self.held is not None:
            with suppress(OSError):
                self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
        self.socket.close()


class Connections:
    """At most ``most`` connections that hold at most ``most_held`` bytes, or one that holds more."""

    def __init__(self, most: int, most_held: int, now: Callable[[], float]) -> None:
        self._most = most
        self._most_held = most_held
        self._now = now
        self._open: set[Connection] = set()
        self._by_address: defaultdict[str, set[Connection]] = defaultdict(set)

    def __len__(self) -> int:
        return len(self._open)

    def enter(self, connected: socket.socket, address: str) -> Connection:
        """Takes in a new connection. If there are too many, another one is closed for it."""
        while len(self._open) >= self._most:
            self.shed(address)
        connection = Connection(connected, address, self._now())
        self._open.add(connection)
        self._by_address[address].add(connection)
        return connection

    def leave(self, connection: Connection) -> None:
        self._open.discard(connection)
        neighbours = self._by_address[connection.address]
        neighbours.discard(connection)
        if not neighbours:
            del self._by_address[connection.address]

    def moved(self, connection: Connection, held: int | None) -> None:
        """``connection`` asked or took something. If too much is held now, the slowest of the others go."""
        connection.moved = self._now()
        connection.held = held
        if not held:
            return
        total = sum(one.held or 0 for one in self._open)
        if total <= self._most_held:
            return
        others = sorted((one for one in self._open if one.held and one is not connection), key=lambda one: one.moved)
        for other in others:
            if total <= self._most_held:
                return
            total -= other.held or 0
            self._end(other)

    def shed(self, newcomer: str = "") -> None:
        """Ends one connection, if there is any, to make room.

        It comes from the address with the most connections (``newcomer``: an address that is about to have one more),
        so that one client's flood does not cost another its scrape. Of that address, it is the one that has not moved
        for longest.
        """
        if not self._open:
            return
        most = max(len(those) + (address == newcomer) for address, those in self._by_address.items())
        crowds = (those for address, those in self._by_address.items() if len(those) + (address == newcomer) == most)
        self._end(min((one for those in crowds for one in those), key=_spared_first))

    def end_all(self, *, idle_only: bool) -> None:
        for one in list(self._open):
            if one.held is None or not idle_only:
                self._end(one)

    def _end(self, connection: Connection) -> None:
        self.leave(connection)
        if connection.task is not None:
            connection.task.cancel()


def _spared_first(connection: Connection) -> float:
    """A request that is being answered is worth a second of not moving."""
    return connection.moved + (connection.held is not None)
