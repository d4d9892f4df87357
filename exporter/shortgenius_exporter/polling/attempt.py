"""One poll of one account: a request, and what it makes of the snapshot."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from shortgenius_exporter.api.client import BalanceRequest, prepare
from shortgenius_exporter.api.errors import ApiError, AuthError
from shortgenius_exporter.core.account import Account
from shortgenius_exporter.core.balance import Balance
from shortgenius_exporter.core.reason import Reason
from shortgenius_exporter.core.snapshot import Failure, Snapshot, failed, succeeded
from shortgenius_exporter.polling.keys import CurrentKey
from shortgenius_exporter.polling.schedule import Outcome


class Fetcher(Protocol):
    """What a poll needs of ``api.client.Client``, which describes it."""

    def fetch(self, request: BalanceRequest) -> Balance: ...

    def close(self) -> None: ...


@dataclass(frozen=True, slots=True)
class Attempt:
    """What one poll brought: a balance or a failure; ``duration`` in seconds."""

    result: Balance | Failure
    duration: float
    retry_after: float | None = None

    @property
    def outcome(self) -> Outcome:
        reason = self.result.reason if isinstance(self.result, Failure) else None
        return Outcome(reason, self.retry_after)

    def applied_to(self, before: Snapshot, now: float, max_types: int) -> Snapshot:
        if isinstance(self.result, Failure):
            return failed(before, self.result, now, self.duration)
        return succeeded(before, self.result, now, self.duration, max_types)


class AccountRequest:
    """The request of one account: prepared once, and again only when its key changes."""

    __slots__ = ("_prepared", "account", "key")

    def __init__(self, account: Account) -> None:
        self.account = account
        self.key = CurrentKey(account.key)
        self._prepared: BalanceRequest | None = None

    def is_for(self, account: Account) -> bool:
        """Whether ``account`` is to be asked as before: with the same key, at the same place, for as long."""
        return _asked(self.account) == _asked(account)

    def get(self) -> BalanceRequest:
        """Raises AuthError if there is no key to send."""
        key = self.key.get()
        if key is None:
            raise AuthError(f"no key to send: {self.key.problem}")
        if self._prepared is None or self._prepared.key != key:
            self._prepared = prepare(self.account, key)
        return self._prepared


def _asked(account: Account) -> tuple[object, ...]:
    return account.key, account.base_url, account.poll_timeout, account.proxy_url, account.ca_file


def attempt(client: Fetcher, request: AccountRequest, monotonic: Callable[[], float]) -> Attempt:
    """Polls now. Never raises for what the network does; a bug of ours is the caller's to catch."""
    began = monotonic()
    try:
        balance = client.fetch(request.get())
    except ApiError as error:
        return Attempt(Failure(error.reason, str(error)), monotonic() - began, error.retry_after)
    return Attempt(balance, monotonic() - began)


def crashed(error: BaseException, duration: float) -> Attempt:
    """The attempt that a bug of ours ended. The exception's text is left out: it could quote the key."""
    return Attempt(Failure(Reason.INTERNAL, f"internal error ({type(error).__name__}), see the log"), duration)
