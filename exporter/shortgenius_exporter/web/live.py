"""The web configuration that is in force: read again when its files change."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from shortgenius_exporter.config.problems import ConfigError
from shortgenius_exporter.config.stamps import Stamps, stamps
from shortgenius_exporter.logs import Log, frames
from shortgenius_exporter.web.config import WebConfig

_INTERVAL = 0.5


class LiveWebConfig:
    """``load``: reads the configuration, now and after every change. Raises ConfigError, only when made."""

    def __init__(self, load: Callable[[], WebConfig], log: Log) -> None:
        self._load = load
        self._log = log
        self._complaint = ""
        self._before: Stamps = {}
        self.current = load()

    @property
    def reload_ok(self) -> bool | None:
        """Whether what the files say now is in force; ``None`` if there are none."""
        return not self._complaint if self.current.stamps else None

    async def watch(self) -> None:
        """Looks for changes twice a second, for ever."""
        while True:
            await asyncio.sleep(_INTERVAL)
            if self.current.stamps:
                await asyncio.to_thread(self.look)

    def look(self) -> None:
        """Takes over changed files once they have been the same twice: a write may be under way."""
        now = stamps(self.current.stamps)
        settled = now == self._before
        self._before = now
        if not settled or (now == self.current.stamps and not self._complaint):
            return
        try:
            new = self._load()
            problem = _weaker(self.current, new)
        except ConfigError as error:
            problem = str(error)
        except Exception as error:  # noqa: BLE001 - a bug here must not end the server
            problem = f"internal error: {type(error).__name__}\n{frames(error)}"
        if problem:
            self._complain(problem)
            return
        self._complaint = ""
        self.current = new
        self._log.info("web configuration reloaded", scheme=new.scheme, users=len(new.users))

    def _complain(self, problem: str) -> None:
        """Logs each new problem once. What is broken is tried again all the time: it may name a file still to come."""
        if problem == self._complaint:
            return
        self._complaint = problem
        for line in problem.splitlines():
            self._log.error("web configuration not reloaded", problem=line)


def _weaker(old: WebConfig, new: WebConfig) -> str | None:
    """A file that was emptied must not open the door."""
    if old.tls and not new.tls:
        return "TLS is no longer configured: restart the exporter if that is meant"
    if old.users and not new.users:
        return "no user is left: restart the exporter if that is meant"
    return None
