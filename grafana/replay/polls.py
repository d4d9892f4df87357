"""What the exporter would have known at every poll: the pure core over simulated balances."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from grafana.replay.fleet import DAYS, END, SEED, Life
from shortgenius_exporter.core.balance import Balance
from shortgenius_exporter.core.reason import Reason
from shortgenius_exporter.core.snapshot import Failure, Snapshot, failed, succeeded
from shortgenius_exporter.simulator.habits import DAY, seeded
from shortgenius_exporter.simulator.model import history

_MAX_TYPES = 32
_OUTAGE = 2400.0
_REASONS = (Reason.TIMEOUT, Reason.SERVER_ERROR, Reason.RATE_LIMITED, Reason.CONNECTION, Reason.TIMEOUT)


@dataclass(frozen=True, slots=True)
class Outage:
    """Polls from ``start`` until ``end`` (Unix seconds) fail for ``reason``."""

    start: float
    end: float
    reason: Reason


def polled(life: Life, since: float, step: float) -> Iterator[tuple[float, Snapshot | None]]:
    """Every ``step`` seconds of the history: the snapshot after the poll, ``None`` before ``since``."""
    snapshot = Snapshot(life.account(step))
    troubles = list(outages(life))
    random = seeded(SEED, life.simulated.name, "durations")
    for now, credits in history(life.simulated, SEED, END - DAYS * DAY, END + step, step):
        duration = 0.08 + random.expovariate(9.0)
        if now < since:
            yield now, None
            continue
        while troubles and troubles[0].end <= now:
            troubles.pop(0)
        if troubles and troubles[0].start <= now:
            failure = Failure(troubles[0].reason, "simulated")
            duration = 10.0 if failure.reason is Reason.TIMEOUT else duration
            snapshot = failed(snapshot, failure, now, duration)
        else:
            snapshot = succeeded(
                snapshot, Balance({k: float(v) for k, v in credits.items()}), now, duration, _MAX_TYPES
            )
        yield now, snapshot


def outages(life: Life) -> Iterator[Outage]:
    """Random ones, as many as make up the account's flaky share; then the end of its key, if it ends."""
    random = seeded(SEED, life.simulated.name, "outages")
    last = life.revoked_at or END + _OUTAGE
    start = END - DAYS * DAY
    while life.flaky:
        start += random.expovariate(life.flaky / _OUTAGE)
        length = random.uniform(0.5, 1.5) * _OUTAGE
        if start + length >= last:
            break
        yield Outage(start, start + length, random.choice(_REASONS))
        start += length
    if life.revoked_at is not None:
        yield Outage(life.revoked_at, END + DAY, Reason.AUTH)
