"""The status page as people meet it: in a real browser, served by a real exporter."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page

from browser import DESKTOP, LOW_CONTRASTS, PHONE, chromium, opened
from simulated import simulated
from support import RunningExporter, ask, exporter, write

HOSTILE = (
    "<script>document.title='owned'</script>",
    '"><img src=x onerror="document.title=\'owned\'">',
    "\u202eevil\u202c\nnew line",
    "long " + "x" * 3000,
)


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as started:
        yield started


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A page with an account in every state, and hostile names."""
    folder = tmp_path_factory.mktemp("page")
    amounts = {"empty": 0, "nearly": 5, "low": 50, "fine": 500, "gone": 500}
    amounts |= {f"hostile{i}": 300 for i in range(len(HOSTILE))}
    with simulated({name: {"credits": credits} for name, credits in amounts.items()}) as simulator:
        simulator.admin("revoke", account="gone")
        write(folder / "gone.key", "sk-gone")
        with exporter("--config.file", str(write(folder / "c.yml", _config(simulator.base_url)))) as running:
            running.wait_until_ready()
            yield running.url


def _config(base_url: str) -> str:
    named = "".join(f"  - {{name: {name}, api_key: sk-{name}}}\n" for name in ("empty", "nearly", "low"))
    hostile = "".join(
        f"  - {{name: {_quoted(text)}, api_key: sk-hostile{i}, labels: {{team: {_quoted(text)}}}}}\n"
        for i, text in enumerate(HOSTILE)
    )
    return (
        f"defaults: {{base_url: '{base_url}', thresholds: {{credits: {{warning: 100, critical: 20}}}}}}\n"
        f"accounts:\n{named}  - {{name: fine, api_key: sk-fine, labels: {{team: video}}, renewal: {{day: 1}}}}\n"
        f"  - {{name: gone, api_key_file: gone.key}}\n{hostile}"
    )


def _quoted(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n").replace("\u202e", "\\u202e")
    return '"' + escaped.replace("\u202c", "\\u202c") + '"'


def names(page: Page) -> list[str]:
    return [text.splitlines()[0] for text in page.get_by_role("rowheader").all_inner_texts()]


def test_every_account_is_there_worst_first_without_javascript(url: str, browser: Browser) -> None:
    with opened(browser, url) as page:
        assert names(page)[:4] == ["gone", "empty", "nearly", "low"]
        assert len(names(page)) == 9
        row = page.get_by_role("row").filter(has=page.get_by_role("rowheader", name="gone"))
        assert re.search(
            r"401 Unauthorized: the key was rejected\. Replace the key in \S+gone\.key; no restart is needed\.",
            row.inner_text(),
        )


def test_the_form_filters_without_javascript(url: str, browser: Browser) -> None:
    with opened(browser, url) as page:
        page.get_by_label("Name or label").fill("team=video")
        page.get_by_role("combobox", name="State").select_option("ok")
        page.get_by_role("button", name="Filter").click()
        assert names(page) == ["fine"]
        assert page.get_by_label("Name or label").input_value() == "team=video"
        page.get_by_role("link", name="down 1").click()
        assert "No account is found." in page.get_by_role("main").inner_text()


def test_the_page_refreshes_itself_and_keeps_the_filter(url: str, browser: Browser) -> None:
    with opened(browser, f"{url}/?q=fine&refresh=1") as page:
        with page.expect_navigation():
            pass
        assert page.url == f"{url}/?q=fine&refresh=1"
        assert names(page) == ["fine"]


@pytest.mark.parametrize("size", [DESKTOP, PHONE])
def test_hostile_names_do_nothing_and_push_nothing_out_of_the_page(
    size: tuple[int, int], url: str, browser: Browser
) -> None:
    with opened(browser, url, size, scripts=True) as page:
        assert page.title() == "ShortGenius exporter"
        assert page.locator("script, img").count() == 0
        assert HOSTILE[0] in names(page)
        assert "\\u202eevil\\u202c\\nnew line" in names(page)
        assert page.evaluate("document.documentElement.scrollWidth - window.innerWidth") <= 0


@pytest.mark.parametrize("size", [DESKTOP, PHONE])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_every_text_has_enough_contrast(scheme: str, size: tuple[int, int], url: str, browser: Browser) -> None:
    with opened(browser, url, size, scheme, scripts=True) as page:
        assert page.evaluate(LOW_CONTRASTS) == []
        ground = page.evaluate("getComputedStyle(document.body).backgroundColor")
        assert ground == ("rgb(13, 17, 23)" if scheme == "dark" else "rgb(255, 255, 255)")


@pytest.mark.parametrize("size", [DESKTOP, PHONE])
def test_the_landmarks_and_headers_are_there_for_a_screen_reader(
    size: tuple[int, int], url: str, browser: Browser
) -> None:
    with opened(browser, url, size) as page:
        for landmark in ("banner", "main", "search", "contentinfo"):
            assert page.get_by_role(landmark).count() == 1, landmark
        assert page.get_by_role("navigation", name="Accounts by state").count() == 1
        assert page.get_by_role("heading", level=1).inner_text() == "ShortGenius exporter"
        table = page.get_by_role("table", name="Accounts, worst first")
        assert table.get_by_role("columnheader").count() == 7
        assert table.get_by_role("rowheader").count() == 9
        assert page.locator("th:not([scope])").count() == 0


def test_the_keyboard_skips_to_the_accounts(url: str, browser: Browser) -> None:
    with opened(browser, url, scripts=True) as page:
        page.keyboard.press("Tab")
        assert page.evaluate("document.activeElement.textContent") == "Skip to the accounts"
        page.keyboard.press("Enter")
        assert page.url.endswith("#accounts")


def test_every_link_leads_somewhere(url: str, browser: Browser) -> None:
    with opened(browser, url, scripts=True) as page:
        links = page.evaluate("[...document.links].map(link => link.href.split('#')[0])")
    ours = {link for link in links if link.startswith(url)}
    assert len(ours) > 12
    assert {ask(link).status for link in ours} == {200}
    assert set(links) - ours == {"https://github.com/shortgenius-exporter/shortgenius-exporter"}


def test_ten_thousand_accounts_are_paged(tmp_path: Path, browser: Browser) -> None:
    accounts = "".join(f"  - {{name: a{i:05}, api_key: k{i}}}\n" for i in range(10_000))
    limits = "limits: {max_requests_per_second: 1}\ndefaults: {base_url: 'http://127.0.0.1:9'}\n"
    file = write(tmp_path / "many.yml", f"{limits}accounts:\n{accounts}")
    with exporter("--config.file", str(file)) as running, opened(browser, running.url + "/?state=unknown") as page:
        assert re.search(r"Accounts 1 to 100 of (10,000|9,9\d\d), worst first\.", page.get_by_role("main").inner_text())
        assert len(names(page)) == 100
        page.get_by_role("link", name="Next").click()
        assert re.search(r"Accounts 101 to 200 of ", page.get_by_role("main").inner_text())
        assert _shows(running, "q=a09999") == ["a09999"]


def _shows(running: RunningExporter, query: str) -> list[str]:
    return re.findall(r'"account": "([^"]+)"', ask(f"{running.url}/api/v1/accounts?{query}").text)
