"""One poll of every account, now, for commands that end."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor, as_completed
from contextlib import closing

from shortgenius_exporter.core.account import Account, Settings
from shortgenius_exporter.core.snapshot import Snapshot
from shortgenius_exporter.logs import Log
from shortgenius_exporter.polling.attempt import AccountRequest, Fetcher, attempt, crashed, report_bug
from shortgenius_exporter.polling.poller import Clock


def poll_once(settings: Settings, client: Callable[[], Fetcher], clock: Clock, log: Log) -> Iterator[Snapshot]:
    """The snapshot of each account after its one poll, in the order in which they finish."""
    limits = settings.limits

    def poll(account: Account) -> Snapshot:
        began = clock.monotonic()
        with closing(client()) as fetcher:
            try:
                result = attempt(fetcher, AccountRequest(account), clock.monotonic)
            except Exception as error:  # noqa: BLE001 - a bug costs one account, never the others
                report_bug(log, account.name, error)
                result = crashed(error, clock.monotonic() - began)
        return result.applied_to(Snapshot(account), clock.wall(), limits.max_credit_types)

    with ThreadPoolExecutor(max(1, min(limits.max_concurrent_polls, len(settings.accounts)))) as pool:
        try:
            for done in as_completed([pool.submit(poll, account) for account in settings.accounts]):
                yield done.result()
        finally:
            pool.shutdown(wait=False, cancel_futures=True)
