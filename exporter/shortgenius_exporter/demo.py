"""The exporter against a simulated API in the same process, and the simulated API alone."""

from __future__ import annotations

import signal
import time

from shortgenius_exporter.app import Options, run
from shortgenius_exporter.core.account import Account, Settings
from shortgenius_exporter.logs import Log
from shortgenius_exporter.simulator.clock import SimulatedClock
from shortgenius_exporter.simulator.plan import SimulatedAccount
from shortgenius_exporter.simulator.scenarios import DEMO_SPEED, configured, demo_world, in_real_time
from shortgenius_exporter.simulator.server import SimulatorServer
from shortgenius_exporter.web.listen import cannot_listen, parse_address

_POLL_INTERVAL = 2.0
_SEED = 1
_ENDING = (signal.SIGINT, signal.SIGTERM)

_WELCOME = """\
A simulated ShortGenius API runs at {upstream}, {speed:g} times as fast as real time.
Six accounts are polled every {interval:g} s:

  studio     healthy                       marketing  low on credits
  trailers   runs out before its renewal   agency     its key was revoked
  partner    its API is flaky              labs       spends in bursts, tops up

  Metrics    {url}{path}
  Home       {url}/
  Try        curl -s {url}{path} | grep -E 'balance_credits|consumed'

Ctrl-C ends it.
"""


def run_demo(options: Options, log: Log, speed: float | None) -> int:
    """Serves until a signal. Raises ConfigError or ListenError."""
    clock = SimulatedClock(time.time(), speed or DEMO_SPEED)
    with SimulatorServer(demo_world(clock.now(), _SEED), clock) as server:
        settings = Settings(tuple(_watched(one, server, clock) for one in server.api.world.accounts.values()))

        def welcome(url: str) -> None:
            words = {"upstream": server.base_url, "speed": clock.speed, "interval": _POLL_INTERVAL}
            print(_WELCOME.format(url=url, path=options.telemetry_path, **words), flush=True)

        run(lambda: settings, options, log, welcome)
    return 0


def run_simulator(address: str, speed: float, seed: int) -> int:
    """Serves the simulated API until a signal. Raises ListenError."""
    host, port = parse_address(address)
    clock = SimulatedClock(time.time(), speed)
    try:
        server = SimulatorServer(demo_world(clock.now(), seed), clock, host=host or "127.0.0.1", port=port)
    except OSError as error:
        raise cannot_listen(address, error) from None
    # Before the server's threads start, so that none of them takes the signal.
    signal.pthread_sigmask(signal.SIG_BLOCK, _ENDING)
    with server:
        print(f"Simulated ShortGenius API at {server.base_url}. Its accounts, each with its key:\n")
        for account in server.api.world.accounts.values():
            print(f"  {account.name:<10} {account.key.reveal()}")
        print(f"\nTry: SHORTGENIUS_API_KEY=sk-demo-studio SHORTGENIUS_BASE_URL={server.base_url} shortgenius-exporter")
        print(f'Break something: curl -d \'{{"account": "studio"}}\' {server.url}/admin/revoke', flush=True)
        signal.sigwait(_ENDING)
    return 0


def _watched(account: SimulatedAccount, server: SimulatorServer, clock: SimulatedClock) -> Account:
    plan = account.plan.renewal
    renewal = in_real_time(plan, clock, time.time()) if plan else None
    return configured(account, server.base_url, poll_interval=_POLL_INTERVAL, renewal=renewal)
