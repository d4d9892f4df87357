"""Which of several processes polls which account.

Every process decides alone, from the account's name and the number of processes, and all come to the same result.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from hashlib import sha256

from shortgenius_exporter.core.account import Settings


@dataclass(frozen=True, slots=True)
class Shard:
    """Share ``ordinal``, counted from 0, of ``total``."""

    ordinal: int = 0
    total: int = 1


def owner(name: str, total: int) -> int:
    """The ordinal of the one shard out of ``total`` that polls the account ``name``.

    Jump consistent hash (Lamping and Veach, arXiv:1406.2294) over SHA-256: shares are even, and from ``total`` to
    ``total + 1`` only the accounts that move to the new shard move at all, about one in ``total + 1``.
    """
    key = int.from_bytes(sha256(name.encode("utf-8", "surrogatepass")).digest()[:8])
    found, candidate = 0, 0
    while candidate < total:
        found = candidate
        key = (key * 2862933555777941757 + 1) % 2**64
        candidate = (found + 1) * 2**31 // ((key >> 33) + 1)
    return found


def share(settings: Settings, shard: Shard) -> Settings:
    """What ``shard`` is to do of ``settings``: its accounts, perhaps none, and its part of the common request rate."""
    if shard.total == 1:
        return settings
    accounts = tuple(account for account in settings.accounts if owner(account.name, shard.total) == shard.ordinal)
    rate = settings.limits.max_requests_per_second / shard.total
    return Settings(accounts, replace(settings.limits, max_requests_per_second=rate))
