"""Checking passwords against bcrypt hashes, such that guessers cannot keep anyone else waiting."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
from collections import OrderedDict
from collections.abc import Callable, Mapping

import bcrypt

from shortgenius_exporter.core.secret import Secret

_BCRYPT_BYTES = 72
WAIT_SECONDS = 5.0
_PENALTY_SECONDS = 5.0
_MOST_REFUSED = 1000


class BusyError(Exception):
    """So many passwords wait to be checked that this one did not get its turn in time."""


class Turns:
    """One at a time. Addresses take turns, and of one address the newest comes first.

    A guesser sends the next guess when the last one is answered, which is late while others wait: so a newcomer waits
    for one check, not for all the guesses. Nobody is turned away at once: that would only bring the next guess sooner.
    How many can wait is bounded by the number of connections.
    """

    def __init__(self, patience: float = WAIT_SECONDS) -> None:
        self._patience = patience
        self._busy = False
        self._waiting: OrderedDict[str, list[asyncio.Future[None]]] = OrderedDict()

    @property
    def is_taken(self) -> bool:
        """Whether it is somebody's turn."""
        return self._busy

    async def take(self, address: str) -> None:
        """Returns when it is this one's turn, which then ends with :meth:`done`. Raises BusyError."""
        if not self._busy:
            self._busy = True
            return
        waiter = asyncio.get_running_loop().create_future()
        self._waiting.setdefault(address, []).append(waiter)
        try:
            async with asyncio.timeout(self._patience):
                await waiter
        except TimeoutError:
            self._leave(address, waiter)
            raise BusyError from None
        except asyncio.CancelledError:
            self._leave(address, waiter)
            raise

    def done(self) -> None:
        """Ends a turn; the next begins."""
        while self._waiting:
            address, queue = self._waiting.popitem(last=False)
            waiter = queue.pop()
            if queue:
                self._waiting[address] = queue
            if not waiter.done():
                waiter.set_result(None)
                return
        self._busy = False

    def _leave(self, address: str, waiter: asyncio.Future[None]) -> None:
        if not waiter.cancelled():
            # Its turn came at the same moment.
            self.done()
            return
        queue = self._waiting.get(address, [])
        if waiter in queue:
            queue.remove(waiter)
            if not queue:
                del self._waiting[address]


class Passwords:
    """Remembers what was right and, of the newest thousand, what was wrong: by keyed hashes, never the passwords.

    ``key``: random bytes of this process. ``check``: as ``bcrypt.checkpw``. ``penalty``: seconds by which the answer to
    a wrong guess is late while others wait.
    """

    def __init__(
        self,
        key: bytes,
        check: Callable[[bytes, bytes], bool] = bcrypt.checkpw,
        penalty: float = _PENALTY_SECONDS,
    ) -> None:
        self._key = key
        self._check = check
        self._penalty = penalty
        self._turns = Turns()
        self._right: dict[str, bytes] = {}
        self._wrong: OrderedDict[bytes, None] = OrderedDict()

    async def accepts(self, users: Mapping[str, Secret], name: str, password: bytes, address: str) -> bool:
        """Whether ``users`` has ``name`` with ``password``. Raises BusyError, only for what it has not seen before."""
        known = users.get(name)
        hashed = (known or stand_in(users)).reveal().encode()
        digest = self._digest(name.encode(), hashed, password)
        remembered = self._remembered(name, digest)
        if remembered is not None:
            return remembered
        await self._turns.take(address)
        if (remembered := self._remembered(name, digest)) is not None:
            self._turns.done()
            return remembered
        right = await self._compare(password, hashed) and known is not None
        self._remember(name, digest, right=right)
        if not right and self._turns.is_taken:
            # Answered at once, guessers would be back before those who wait had their turn.
            await asyncio.sleep(self._penalty)
        return right

    async def _compare(self, password: bytes, hashed: bytes) -> bool:
        job = asyncio.get_running_loop().run_in_executor(None, self._check, password[:_BCRYPT_BYTES], hashed)
        job.add_done_callback(lambda _: self._turns.done())
        # A client that leaves does not end the work: the turn lasts until it is done.
        return await asyncio.shield(job)

    def _digest(self, *parts: bytes) -> bytes:
        text = b"".join(len(part).to_bytes(8, "big") + part for part in parts)
        return hmac.digest(self._key, text, hashlib.sha256)

    def _remembered(self, name: str, digest: bytes) -> bool | None:
        if hmac.compare_digest(self._right.get(name, b""), digest):
            return True
        return False if digest in self._wrong else None

    def _remember(self, name: str, digest: bytes, *, right: bool) -> None:
        """Wrong guesses never push out what is right, of which each user has one."""
        if right:
            self._right[name] = digest
            return
        self._wrong[digest] = None
        if len(self._wrong) > _MOST_REFUSED:
            self._wrong.popitem(last=False)


def stand_in(users: Mapping[str, Secret]) -> Secret:
    """A hash that no password has, for names that do not exist: its check takes as long as the slowest user's."""
    dearest = max((secret.reveal() for secret in users.values()), key=lambda text: text[4:6])
    return Secret(f"$2b{dearest[3:7]}{'.' * 53}")
