"""The exporter's command line with a saboteur aboard: SIGUSR1 strikes, as ``SABOTAGE`` says; SIGUSR2 ends it."""

from __future__ import annotations

import ctypes
import gc
import os
import signal
import sys
import threading

from shortgenius_exporter.cli import main
from shortgenius_exporter.polling.poller import Poller

_ended = threading.Event()


def _kill(name: str) -> None:
    for thread in threading.enumerate():
        if thread.name == name and thread.ident is not None:
            ctypes.pythonapi.PyThreadState_SetAsyncExc(ctypes.c_ulong(thread.ident), ctypes.py_object(SystemExit))


def _hold_the_lock() -> None:
    (poller,) = (one for one in gc.get_objects() if isinstance(one, Poller))
    with poller._changed:
        _ended.wait()


def _strike(*_: object) -> None:
    if os.environ["SABOTAGE"] == "lock":
        threading.Thread(target=_hold_the_lock, daemon=True).start()
    else:
        _kill(os.environ["SABOTAGE"])


if __name__ == "__main__":
    signal.signal(signal.SIGUSR1, _strike)
    signal.signal(signal.SIGUSR2, lambda *_: _ended.set())
    sys.exit(main())
