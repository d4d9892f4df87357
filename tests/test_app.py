"""The composition root, without a server."""

from __future__ import annotations

import io

from shortgenius_exporter.app import Exporter, Options
from shortgenius_exporter.core.account import Account, Settings
from shortgenius_exporter.core.secret import Secret
from shortgenius_exporter.logs import set_up
from shortgenius_exporter.polling.clock import Clock
from shortgenius_exporter.web.config import WebConfig
from shortgenius_exporter.web.live import LiveWebConfig


def test_a_bug_in_a_reload_shows_as_a_failed_reload_and_its_text_is_not_told() -> None:
    studio = Account("studio", Secret("k"), base_url="http://127.0.0.1:9")
    loads = [Settings((studio,))]
    logged = io.StringIO()
    log = set_up("info", "logfmt", logged)
    # The second load finds the list empty.
    exporter = Exporter(loads.pop, Options(), LiveWebConfig(WebConfig, log), log, Clock())
    exporter.start()
    assert exporter.reload() == "internal error (IndexError), see the log"
    assert exporter.overview().exporter.reload_ok is False
    assert [snapshot.account for snapshot in exporter.poller.snapshots()] == [studio]
    exporter.stop()
    assert "configuration not reloaded" in logged.getvalue()
    assert "pop from empty list" not in logged.getvalue()


def test_a_reload_that_the_poll_loop_cannot_take_over_is_in_the_log_and_the_metric_too() -> None:
    studio = Account("studio", Secret("k"), base_url="http://127.0.0.1:9")
    logged = io.StringIO()
    log = set_up("info", "logfmt", logged)
    exporter = Exporter(lambda: Settings((studio,)), Options(), LiveWebConfig(WebConfig, log), log, Clock())
    exporter.start()
    exporter.poller.stop()
    assert exporter.reload() == "the poll loop is stuck: restart the exporter"
    assert exporter.overview().exporter.reload_ok is False
    assert 'msg="configuration not reloaded" problem="the poll loop is stuck' in logged.getvalue()
