"""The status page's HTML. What a browser makes of it is tested in test_browser.py."""

from __future__ import annotations

import base64
import hashlib
import re
from dataclasses import replace
from html.parser import HTMLParser

from hypothesis import given
from hypothesis import strategies as st

from shortgenius_exporter.core.account import Account, Threshold
from shortgenius_exporter.core.balance import Balance
from shortgenius_exporter.core.reason import Reason
from shortgenius_exporter.core.renewal import PeriodicRenewal
from shortgenius_exporter.core.secret import Secret
from shortgenius_exporter.core.snapshot import Failure, Snapshot, failed, succeeded
from shortgenius_exporter.metrics.exporter import ExporterState
from shortgenius_exporter.web.page import CONTENT_SECURITY_POLICY, status_page
from shortgenius_exporter.web.status import Overview, Selection, selection

NOW = 1_800_000_000.0
STATE = ExporterState(1, reload_ok=True, reloaded_at=NOW - 7200)
STUDIO = Account(
    "studio",
    Secret("sk-very-secret"),
    labels=(("team", "video"),),
    thresholds=(Threshold("credits", "warning", 100.0), Threshold("credits", "critical", 20.0)),
    renewal=PeriodicRenewal(86_400.0, NOW - 3600),
)


def page(*snapshots: Snapshot, query: str = "", state: ExporterState = STATE, now: float = NOW) -> str:
    """The page, its no-break spaces as spaces."""
    overview = Overview(state, NOW - 7200, now, snapshots)
    return status_page(overview, selection(query), "/metrics").decode().replace("\N{NO-BREAK SPACE}", " ")


def holding(account: Account, *credits: float) -> Snapshot:
    snapshot = Snapshot(account)
    for turn, amount in enumerate(credits, start=1):
        snapshot = succeeded(snapshot, Balance({"credits": amount}), NOW - (len(credits) - turn) * 900, 0.1, 32)
    return snapshot


def test_a_poll_loop_that_stands_still_is_told_first() -> None:
    stuck = Overview(STATE, NOW - 7200, NOW, polling=False)
    text = status_page(stuck, selection(""), "/metrics").decode()
    assert "Polling has stopped</strong> Restart the exporter." in text
    assert "Polling has stopped" not in page()


class Elements(HTMLParser):
    """The tags and the text of a page."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, list[tuple[str, str | None]]]] = []
        self.text = ""
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, attrs))

    def handle_data(self, data: str) -> None:
        self.text += data


def test_a_balance_is_told_against_its_thresholds() -> None:
    text = page(holding(STUDIO, 150.0, 50.0))
    assert "below warning 100, lasts 7 min 30 s" in text
    assert '<rect class="level" width="25.0%"' in text
    assert re.findall(r'class="mark" x="([^"]+)"', text) == ["50.0%", "10.0%"]


def test_absurd_amounts_still_have_a_bar() -> None:
    text = page(holding(replace(STUDIO, thresholds=(Threshold("credits", "critical", 1e308),)), 1.5e308))
    assert '<rect class="level" width="83.44%"' in text
    assert re.findall(r'class="mark" x="([^"]+)"', text) == ["55.63%"]


def test_credits_that_end_before_the_renewal_are_marked() -> None:
    assert "before the renewal" in page(holding(STUDIO, 150.0, 50.0))
    assert "before the renewal" not in page(holding(STUDIO, 1000.0, 999.9))
    assert "before the renewal" not in page(holding(replace(STUDIO, renewal=None), 150.0, 50.0))


def test_a_stale_balance_is_unknown_and_was() -> None:
    text = page(holding(STUDIO, 50.0), now=NOW + 300)
    assert "unknown</span> credits" in text
    assert "was 50 5 min ago" in text
    assert '<svg class="bar"' not in text


def test_a_failure_is_told_with_what_to_do() -> None:
    down = failed(Snapshot(STUDIO), Failure(Reason.AUTH, "401 Unauthorized: the key was rejected"), NOW, 0.1)
    text = page(down)
    assert "401 Unauthorized: the key was rejected. Replace the account&#39;s api_key in the configuration" in text
    assert "sk-very-secret" not in text


def test_an_account_that_was_not_polled_yet() -> None:
    text = page(Snapshot(STUDIO))
    assert "never" in text
    assert "not known yet" in text


def test_the_configuration_and_the_build_are_told() -> None:
    assert re.search(r"Version \S+, up 2 h\.\s+Configuration loaded <time [^>]+>2 h ago</time>\.", page())
    assert "Configuration not reloaded" in page(state=replace(STATE, reload_ok=False))
    assert "Web configuration not reloaded" not in page()
    assert "Web configuration not reloaded" not in page(state=replace(STATE, web_reload_ok=True))
    assert "Web configuration not reloaded" in page(state=replace(STATE, web_reload_ok=False))
    assert "shard 1 of 3" in page(state=replace(STATE, shard=1, total_shards=3))


def test_a_page_past_the_last_is_the_last() -> None:
    fleet = [holding(replace(STUDIO, name=f"a{i}"), 500.0) for i in range(5)]
    text = page(*fleet, query="per_page=2&page=9")
    assert "Accounts 5 to 5 of 5" in text
    assert "Page 3 of 3" in text
    assert 'rel="prev" href="?page=2&amp;per_page=2"' in text
    assert 'rel="next"' not in text


def test_nothing_found_says_so() -> None:
    assert "No account is found." in page(holding(STUDIO, 1.0), query="q=nobody")


def test_the_refresh_can_be_paused_and_keeps_the_filter() -> None:
    assert '<meta http-equiv="refresh" content="15">' in page(query="q=x")
    assert 'href="?q=x&amp;refresh=0">pause' in page(query="q=x")
    paused = page(query="q=x&refresh=0")
    assert "http-equiv" not in paused
    assert 'href="?q=x">resume' in paused
    assert '<input type="hidden" name="refresh" value="0">' in paused


def test_the_policy_allows_our_style_and_nothing_else() -> None:
    style = re.search(r"<style>(.*?)</style>", page(), re.DOTALL)
    assert style is not None
    digest = base64.b64encode(hashlib.sha256(style[1].encode()).digest()).decode()
    assert (
        f"default-src 'none'; style-src 'sha256-{digest}'; img-src data:; form-action 'self'; base-uri 'none'; "
        "frame-ancestors 'none'"
    ) == CONTENT_SECURITY_POLICY


HOSTILE = st.text(min_size=1) | st.sampled_from(["<script>x</script>", '"><img src=x onerror=x>', "\u202e", "\ud800"])


@given(HOSTILE)
def test_foreign_text_adds_no_element_and_no_attribute(hostile: str) -> None:
    assert structure(hostile) == structure("harmless")


def structure(foreign: str) -> list[tuple[str, list[str]]]:
    """Every tag with its attributes' names, of a page with ``foreign`` text wherever there can be some."""
    hostile = holding(replace(STUDIO, name=foreign, labels=(("team", foreign),)), 50.0)
    filled = status_page(Overview(STATE, NOW, NOW, (hostile,)), selection(""), "/metrics")
    searched = status_page(Overview(STATE, NOW, NOW), Selection(text=foreign), "/metrics")
    return [(tag, [name for name, _ in attrs]) for tag, attrs in Elements((filled + searched).decode()).tags]
