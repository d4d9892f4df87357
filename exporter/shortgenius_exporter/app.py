"""The composition root: puts the parts together, reloads, stops. Nothing else knows them all."""

from __future__ import annotations

import asyncio
import signal
import socket
import sys
import threading
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field, replace
from importlib.metadata import version
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from shortgenius_exporter.api.client import Client
from shortgenius_exporter.api.tls import TlsContexts
from shortgenius_exporter.config import ConfigError
from shortgenius_exporter.core.account import Settings
from shortgenius_exporter.core.shard import Shard, share
from shortgenius_exporter.core.snapshot import Snapshot
from shortgenius_exporter.logs import Log
from shortgenius_exporter.metrics.exporter import ExporterCollector, ExporterState, exporter_registry
from shortgenius_exporter.metrics.exposition import Exposition
from shortgenius_exporter.polling.clock import Clock
from shortgenius_exporter.polling.poller import Poller
from shortgenius_exporter.state.file import StateFile
from shortgenius_exporter.state.keeper import Keeper
from shortgenius_exporter.web.config import load as load_web_config
from shortgenius_exporter.web.listen import listen
from shortgenius_exporter.web.live import LiveWebConfig
from shortgenius_exporter.web.routes import Site
from shortgenius_exporter.web.server import serve
from shortgenius_exporter.web.status import Overview

_THIS_MACHINE = frozenset({"localhost", "127.0.0.1", "::1"})
# How long a thread runs before another gets its turn, a tenth of Python's default: while hundreds of polls are under
# way, the thread that renders a large scrape needs many turns.
_TURN_SECONDS = 0.0005
_TIME_TO_SAVE = 0.5


@dataclass(frozen=True, slots=True)
class Options:
    """What the flags of a serving process say."""

    listen_addresses: tuple[str, ...] = (":10217",)
    telemetry_path: str = "/metrics"
    enable_lifecycle: bool = False
    shard: Shard = field(default_factory=Shard)
    state_file: Path | None = None
    web_config_file: Path | None = None


class Exporter:
    """All of a running exporter but its web server. ``load`` gives the configuration, now and at each reload."""

    def __init__(
        self, load: Callable[[], Settings], options: Options, web_config: LiveWebConfig, log: Log, clock: Clock
    ) -> None:
        """Raises ConfigError, StateFileError."""
        shard = options.shard
        self._load: Callable[[], Settings] = lambda: share(load(), shard)
        settings = self._load()
        _warn_of_plain_http(settings, log)
        contexts = TlsContexts()
        self._web_config = web_config
        self._log = log
        self._clock = clock
        self._reloading = threading.Lock()
        self._started_at = clock.wall()
        self._last_scrape: float | None = None
        self._started = False
        self._state = ExporterState(
            len(settings.accounts),
            reload_ok=True,
            reloaded_at=clock.wall(),
            shard=shard.ordinal,
            total_shards=shard.total,
        )
        self.exposition = Exposition(clock.wall)
        self.registry = exporter_registry(
            ExporterCollector(self.about_itself, lambda: [self.exposition.durations.family()])
        )
        self._keeper = self._keep(options.state_file) if options.state_file else None
        shown = self._keeper or self.exposition
        self.poller = Poller(
            settings,
            client=lambda: Client(contexts, monotonic=clock.monotonic, wall=clock.wall),
            begin=self._keeper.begin if self._keeper else Snapshot,
            publish=shown.publish,
            withdraw=shown.withdraw,
            log=log,
            clock=clock,
        )

    def start(self) -> None:
        if self._keeper:
            self._keeper.start()
        self.poller.start()
        self._started = True

    def stop(self) -> None:
        """Ends polling at once and saves the state, within two seconds whatever network and disk do."""
        self.poller.stop()
        if self._keeper:
            self._keeper.stop(_TIME_TO_SAVE)

    def reload(self) -> str | None:
        """Takes over what ``load`` gives now; or leaves all as it is and returns what is wrong, a line a problem."""
        with self._reloading:
            try:
                settings = self._load()
            except ConfigError as error:
                return self._not_reloaded(str(error))
            except Exception as error:  # noqa: BLE001 - a bug must not pass for a success
                self._log.bug("internal error", error)
                return self._not_reloaded(f"internal error ({type(error).__name__}), see the log")
            if self._started and not self.poller.is_alive():
                # What it holds, a reload would wait for, and with it the thread that answers.
                return self._not_reloaded("the poll loop is stuck: restart the exporter")
            self.poller.reload(settings)
            _warn_of_plain_http(settings, self._log)
            self._state = replace(
                self._state, accounts=len(settings.accounts), reload_ok=True, reloaded_at=self._clock.wall()
            )
            self._log.info("configuration reloaded", accounts=len(settings.accounts))
            return None

    def _not_reloaded(self, problems: str) -> str:
        self._state = replace(self._state, reload_ok=False)
        for problem in problems.splitlines():
            self._log.error("configuration not reloaded", problem=problem)
        return problems

    def overview(self) -> Overview:
        """What the status page and the JSON show, as of now."""
        return Overview(
            exporter=self.about_itself(),
            started_at=self._started_at,
            now=self._clock.wall(),
            snapshots=self.exposition.snapshots(),
            next_polls=self.poller.next_polls(),
            last_scrape=self._last_scrape,
            polling=self.poller.is_alive(),
        )

    def scraped(self) -> None:
        """Somebody has asked for the metrics."""
        self._last_scrape = self._clock.wall()

    def site(self, options: Options) -> Site:
        """What the web server serves."""
        return Site(
            exposition=self.exposition,
            registry=self.registry,
            is_alive=self.poller.is_alive,
            is_ready=self.exposition.is_complete,
            overview=self.overview,
            scraped=self.scraped,
            reload=self.reload if options.enable_lifecycle else None,
            telemetry_path=options.telemetry_path,
        )

    def _keep(self, state_file: Path) -> Keeper:
        clock = self._clock
        return Keeper(
            StateFile(state_file, clock.wall),
            publish=self.exposition.publish,
            withdraw=self.exposition.withdraw,
            log=self._log,
            wall=clock.wall,
            monotonic=clock.monotonic,
        )

    def about_itself(self) -> ExporterState:
        """What its metrics about itself say, as of now."""
        errors = self._keeper.errors if self._keeper else 0
        return replace(
            self._state,
            web_reload_ok=self._web_config.reload_ok,
            state_errors=errors,
            poll_loop_ran_at=self.poller.last_run(),
        )


def _warn_of_plain_http(settings: Settings, log: Log) -> None:
    for account in settings.accounts:
        parts = urlsplit(account.base_url)
        if parts.scheme == "http" and parts.hostname not in _THIS_MACHINE:
            log.warning("the key travels unencrypted, use https", account=account.name, base_url=account.base_url)


def run(
    load: Callable[[], Settings],
    options: Options,
    log: Log,
    listening: Callable[[str], None] = lambda _: None,
) -> None:
    """Polls and serves until SIGTERM or SIGINT. ``listening`` is told the first URL to reach it by.

    Raises ConfigError, StateFileError or ListenError before it has begun.
    """
    live = LiveWebConfig(lambda: load_web_config(options.web_config_file), log)
    sys.setswitchinterval(_TURN_SECONDS)
    exporter = Exporter(load, options, live, log, Clock())
    sockets = listen(options.listen_addresses)

    def announce() -> None:
        about = exporter.about_itself()
        log.info(
            "starting",
            version=version("shortgenius-exporter"),
            accounts=about.accounts,
            shard=about.shard,
            total_shards=about.total_shards,
        )
        for one in sockets:
            log.info("listening", address=_address(one), path=options.telemetry_path, scheme=live.current.scheme)
        listening(_url(live.current.scheme, sockets[0]))

    asyncio.run(_run(exporter, lambda stop: serve(exporter.site(options), sockets, live, stop, log), announce))
    log.info("stopped")


async def _run(
    exporter: Exporter,
    serving: Callable[[asyncio.Event], Coroutine[Any, Any, None]],
    announce: Callable[[], None],
) -> None:
    loop = asyncio.get_running_loop()
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    loop.add_signal_handler(signal.SIGHUP, _in_background, exporter.reload)
    # Only now that the handlers are there: whoever waits for this line may send a signal at once.
    announce()
    exporter.start()
    # Saves the state while the server still finishes its last answers: both have to fit into two seconds.
    stopping = asyncio.ensure_future(_stop(exporter, stop))
    try:
        await serving(stop)
    finally:
        stop.set()
        await stopping


async def _stop(exporter: Exporter, stop: asyncio.Event) -> None:
    await stop.wait()
    await asyncio.to_thread(exporter.stop)


def _in_background(work: Callable[[], object]) -> None:
    threading.Thread(target=work, name="reload", daemon=True).start()


def _address(one: socket.socket) -> str:
    host, port = one.getsockname()[:2]
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def _url(scheme: str, one: socket.socket) -> str:
    return f"{scheme}://{_address(one)}".replace("[::]", "localhost").replace("0.0.0.0", "localhost")
