"""Everything that may happen to a running exporter, at random but seeded: faults, moved credits, new keys, reloads."""

from __future__ import annotations

import json
import signal
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from random import Random

from shortgenius_exporter.simulator.faults import ON_CONNECT, Fault
from shortgenius_exporter.simulator.server import SimulatorServer
from support import RunningExporter, ask, repeated, replace_file, write

# One type only falls and one only rises: their counters must equal the simulator's books to the credit.
FALLING, RISING = "credits", "image_credits"
_FAULTS = [fault for fault in Fault if fault not in ON_CONNECT]
_PAUSE = 0.02


class Chaos:
    """Does one thing each 0.02 s, with ``random`` to choose; ``done`` counts what it did."""

    def __init__(self, simulator: SimulatorServer, exporter: RunningExporter, folder: Path, random: Random) -> None:
        self._simulator = simulator
        self._exporter = exporter
        self._folder = folder
        self._random = random
        self._names = list(simulator.api.world.accounts)
        self._acts: dict[str, tuple[int, Callable[[str], None]]] = {
            "faults set": (20, self._break),
            "faults cleared": (20, self._mend),
            "credits moved": (50, self._move),
            "keys rotated": (5, self._rotate),
            "new connections refused for a moment": (1, self._refuse),
            "reloads by signal": (1, self._reload_by_signal),
            "reloads by request": (1, self._reload_by_request),
            "broken reloads": (1, self._reload_broken),
        }
        self.done: Counter[str] = Counter()

    def step(self) -> None:
        weights = [weight for weight, _ in self._acts.values()]
        (act,) = self._random.choices(list(self._acts), weights)
        self._acts[act][1](self._random.choice(self._names))
        self.done[act] += 1

    def calm(self) -> None:
        """Ends every fault, and wakes every account by a change of how it asks."""
        self._simulator.clear()
        self._simulator.clear(*self._names)
        self._reload_by_request("")

    @contextmanager
    def going_on(self) -> Iterator[None]:
        with repeated(self.step, _PAUSE):
            yield

    def _break(self, name: str) -> None:
        self._simulator.inject(self._random.choice(_FAULTS), name)

    def _mend(self, name: str) -> None:
        self._simulator.clear(name)

    def _move(self, name: str) -> None:
        act, credit_type = self._random.choice((("spend", FALLING), ("top_up", RISING)))
        self._simulator.admin(act, account=name, credit_type=credit_type, amount=self._random.randint(1, 50))

    def _rotate(self, name: str) -> None:
        key = f"sk-{name}-{self._random.randrange(10**9)}"
        self._simulator.admin("rotate", account=name, key=key)
        replace_file(self._folder / name, key)

    def _refuse(self, _: str) -> None:
        self._simulator.inject(self._random.choice(sorted(ON_CONNECT)))
        threading.Event().wait(0.1)
        self._simulator.clear()

    def _reload_by_signal(self, _: str) -> None:
        self._configure()
        self._exporter.program.process.send_signal(signal.SIGHUP)

    def _reload_by_request(self, _: str) -> None:
        self._configure()
        assert ask(self._exporter.url + "/-/reload", "POST").status == 200

    def _reload_broken(self, _: str) -> None:
        write(self._folder / "exporter.yml", "accounts: [{name: a, api_key: [")
        assert ask(self._exporter.url + "/-/reload", "POST").status == 500

    def _configure(self) -> None:
        timeout = f"{self._random.randint(800, 1200)}ms"
        configure(self._folder, self._simulator, timeout, self._random.choice(("blue", "green")))


def configure(folder: Path, simulator: SimulatorServer, timeout: str, colour: str) -> Path:
    """The configuration of all accounts; another ``timeout`` makes every account due at once."""
    defaults = {"base_url": simulator.base_url, "poll_interval": "2s", "poll_timeout": timeout}
    accounts = [
        {"name": name, "api_key_file": str(folder / name), "labels": {"colour": colour} if name < "a100" else {}}
        for name in simulator.api.world.accounts
    ]
    return write(folder / "exporter.yml", json.dumps({"defaults": defaults, "accounts": accounts}))
