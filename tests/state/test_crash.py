"""kill -9 at random moments, over many rounds: no credit is lost or counted twice.

The exporter is a real process, the API a real server. Credits move all the time, also while the exporter is down;
somebody scrapes all the time. ``make crash`` runs more rounds: CRASH_ROUNDS, CRASH_SEED, CRASH_SECONDS.
"""

from __future__ import annotations

import http.client
import os
import signal
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from random import Random

from shortgenius_exporter.simulator.server import SimulatorServer
from simulated import simulated
from support import RunningExporter, ask, eventually, exporter, repeated, write

ROUNDS = int(os.environ.get("CRASH_ROUNDS", "12"))
SEED = int(os.environ.get("CRASH_SEED", "1"))
SECONDS = float(os.environ.get("CRASH_SECONDS", "15"))
FEWEST_ROUNDS = 3
ACCOUNTS = [f"a{i}" for i in range(6)]
# One type only falls and one only rises: their counters must equal the books to the credit. In the third, a spend
# and a grant within one poll net out by definition: its difference must be right.
FALLING, RISING, MIXED = "credits", "image_credits", "video_credits"
ALLOWANCE = {FALLING: 10**9, RISING: 0, MIXED: 10**9}
Counters = dict[str, float]


def test_kill_9_at_any_moment_loses_no_credit_and_counts_none_twice(tmp_path: Path) -> None:
    with simulated(dict.fromkeys(ACCOUNTS, ALLOWANCE), SEED) as server:
        config = write(tmp_path / "config.yml", configuration(server))
        arguments = ("--config.file", str(config), "--state.file", str(tmp_path / "state.db"))
        scraper = Scraper()
        with exporter(*arguments) as first:
            wait_for_fresh_polls(first, server)
        with moving(server) as mover:
            rounds = kill_over_and_over(arguments, scraper)
        with exporter(*arguments) as last:
            wait_for_fresh_polls(last, server)
            scraper.scrape(last.url)
    off = sum(wrong(server, scraper.seen).values())
    print(
        f"\nkill -9: seed {SEED}, {rounds} rounds, {scraper.scrapes} scrapes, {mover.credits} credits moved, "
        f"{off:g} credits off, {len(scraper.steps_back)} counters stepped back"
    )
    assert scraper.steps_back == []
    assert wrong(server, scraper.seen) == {}
    assert rounds >= FEWEST_ROUNDS


def kill_over_and_over(arguments: tuple[str, ...], scraper: Scraper) -> int:
    random = Random(SEED)
    end = time.monotonic() + SECONDS
    for done in range(ROUNDS):
        if time.monotonic() > end and done >= FEWEST_ROUNDS:
            return done
        with exporter(*arguments) as running, scraper.scraping(running.url):
            threading.Event().wait(random.choice((0.05, 0.5, 1.5)) * random.random())
            running.program.stop(signal.SIGKILL)
    return ROUNDS


def wrong(server: SimulatorServer, seen: Counters) -> dict[str, float]:
    """By how many credits the counters are off, where they are."""
    found: dict[str, float] = {}
    for account in ACCOUNTS:
        books = server.books(account)

        def counted(kind: str, credit_type: str, account: str = account) -> float:
            return seen[f'shortgenius_{kind}_credits_total{{account="{account}",credit_type="{credit_type}"}}']

        consumed, granted = books[MIXED].fell, books[MIXED].granted
        found |= {
            f"{account} consumed": abs(counted("consumed", FALLING) - books[FALLING].fell),
            f"{account} granted": abs(counted("granted", RISING) - books[RISING].granted),
            f"{account} fallen by rising": counted("consumed", RISING) + counted("granted", FALLING),
            f"{account} net": abs(counted("granted", MIXED) - counted("consumed", MIXED) - (granted - consumed)),
        }
    return {what: off for what, off in found.items() if off}


class Scraper:
    """Scrapes as Prometheus does, and notes every counter that steps back: Prometheus would add it all again."""

    def __init__(self) -> None:
        self.seen: Counters = {}
        self.scrapes = 0
        self.steps_back: list[str] = []

    def scrape(self, url: str) -> None:
        for line in ask(url + "/metrics").text.splitlines():
            series, _, number = line.rpartition(" ")
            if series.startswith(("shortgenius_consumed", "shortgenius_granted")):
                if float(number) < self.seen.get(series, 0.0):
                    self.steps_back.append(f"{series} from {self.seen[series]:g} to {number}")
                self.seen[series] = float(number)
        self.scrapes += 1

    @contextmanager
    def scraping(self, url: str) -> Iterator[None]:
        def scrape() -> None:
            try:
                self.scrape(url)
            except (OSError, http.client.HTTPException):
                return  # killed within the scrape

        with repeated(scrape, pause=0.0):
            yield


class Mover:
    """Spends and grants at random; ``credits`` says how many in all."""

    def __init__(self, server: SimulatorServer) -> None:
        self._server = server
        self._random = Random(SEED)
        self.credits = 0

    def move(self) -> None:
        account, amount = self._random.choice(ACCOUNTS), self._random.randint(1, 50)
        act, credit_type = self._random.choice(
            (("spend", FALLING), ("top_up", RISING), ("spend", MIXED), ("top_up", MIXED))
        )
        self._server.admin(act, account=account, credit_type=credit_type, amount=amount)
        self.credits += amount


@contextmanager
def moving(server: SimulatorServer) -> Iterator[Mover]:
    mover = Mover(server)
    with repeated(mover.move, pause=0.002):
        yield mover


def configuration(server: SimulatorServer) -> str:
    accounts = "".join(f"  - {{name: {name}, api_key: sk-{name}}}\n" for name in ACCOUNTS)
    return f"defaults: {{base_url: '{server.base_url}', poll_interval: 100ms}}\naccounts:\n{accounts}"


def wait_for_fresh_polls(running: RunningExporter, server: SimulatorServer) -> None:
    """Returns once of every account a poll is served that asked after this was called."""
    for name in ACCOUNTS:
        # An account has one poll at a time: what ends once the second has come asked late enough.
        server.wait_for_requests(name, server.requests(name) + 2)
        eventually(partial(was_polled_after, time.time(), running, name))


def was_polled_after(moment: float, running: RunningExporter, name: str) -> bool:
    last_success = running.value(f'shortgenius_last_success_timestamp_seconds{{account="{name}"}}')
    return last_success is not None and last_success > moment
