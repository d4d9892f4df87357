"""Starts the exporter with a saboteur aboard, and lets it strike."""

from __future__ import annotations

import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from support import RunningExporter, clean_environ, program, wait_for_url

_SABOTAGED = Path(__file__).with_name("sabotaged.py")


@contextmanager
def sabotaged(sabotage: str, config: Path) -> Iterator[RunningExporter]:
    """``sabotage``: the thread that is to die, or ``lock`` for a poll loop that hangs."""
    command = [sys.executable, str(_SABOTAGED), "--config.file", str(config), "--web.listen-address", "127.0.0.1:0"]
    command.append("--web.enable-lifecycle")
    with program(*command, environ=clean_environ(SABOTAGE=sabotage)) as running:
        yield RunningExporter(running, wait_for_url(running))


def strike(running: RunningExporter) -> None:
    running.program.process.send_signal(signal.SIGUSR1)
