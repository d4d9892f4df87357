"""The composition root, without a server."""

from __future__ import annotations

import io

from shortgenius_exporter.app import Exporter, Options
from shortgenius_exporter.core.account import Account, Settings
from shortgenius_exporter.core.secret import Secret
from shortgenius_exporter.logs import set_up
from shortgenius_exporter.polling.poller import Clock
from shortgenius_exporter.web.config import WebConfig
from shortgenius_exporter.web.live import LiveWebConfig


def test_a_bug_in_a_reload_shows_as_a_failed_reload_and_its_text_is_not_told() -> None:
    studio = Account("studio", Secret("k"))
    loads = [Settings((studio,))]
    logged = io.StringIO()
    log = set_up("info", "logfmt", logged)
    # The second load finds the list empty.
    exporter = Exporter(loads.pop, Options(), LiveWebConfig(WebConfig, log), log, Clock())
    assert exporter.reload() == "internal error (IndexError), see the log"
    assert exporter.overview().exporter.reload_ok is False
    assert [snapshot.account for snapshot in exporter.poller.snapshots()] == [studio]
    assert "configuration not reloaded" in logged.getvalue()
    assert "pop from empty list" not in logged.getvalue()
