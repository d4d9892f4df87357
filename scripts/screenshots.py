"""Makes the pictures of the status page and of a terminal in docs/images: ``make page-screenshots``.

A real exporter and a real Chromium, against the simulator.
"""

from __future__ import annotations

import fcntl
import os
import pty
import re
import struct
import subprocess
import sys
import tempfile
import termios
import time
from html import escape
from pathlib import Path

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT / "tests"))

from playwright.sync_api import Browser  # noqa: E402

from browser import DESKTOP, PHONE, chromium, opened  # noqa: E402
from support import Program, clean_environ, exporter_command, program  # noqa: E402

IMAGES = ROOT / "docs" / "images"
_UNTIL_SOMETHING_IS_LOW = 60.0
_ACCOUNTS = """\
defaults: {{base_url: '{url}', thresholds: {{credits: {{warning: 600, critical: 150}}}}}}
accounts:
  - {{name: studio, api_key: sk-demo-studio}}
  - {{name: marketing, api_key: sk-demo-marketing}}
  - {{name: trailers, api_key: sk-demo-trailers}}
  - {{name: labs, api_key: sk-demo-labs}}
  - {{name: agency, api_key: sk-revoked}}
"""
_SHADES = {"1": "font-weight: bold", "31": "color: #ffa198", "33": "color: #f2cc60"}
_TERMINAL = """\
<!doctype html><meta charset="utf-8"><style>
body {{ margin: 0; display: inline-block; background: #0d1117; color: #e6edf3; font: 15px/1.5 monospace; }}
pre {{ margin: 0; padding: 20px 24px; font: inherit; }} i {{ color: #7ee787; font-style: normal; }}
</style><pre>{text}</pre>"""


def main() -> None:
    IMAGES.mkdir(exist_ok=True)
    with chromium() as browser:
        _status_page(browser)
        _terminal(browser)


def _status_page(browser: Browser) -> None:
    with program(*exporter_command(), "demo", "--web.listen-address", "127.0.0.1:0") as demo:
        url = demo.wait_for(r"Home +(\S+)")[1]
        time.sleep(_UNTIL_SOMETHING_IS_LOW)
        for name, scheme, size in (("light", "light", DESKTOP), ("dark", "dark", DESKTOP), ("phone", "light", PHONE)):
            with opened(browser, url, size, scheme) as page:
                page.screenshot(path=IMAGES / f"status-page-{name}.png", full_page=name != "phone")


def _terminal(browser: Browser) -> None:
    with (
        program(*exporter_command(), "simulate", "--web.listen-address", "127.0.0.1:0") as simulator,
        tempfile.TemporaryDirectory() as folder,
    ):
        file = Path(folder) / "exporter.yml"
        file.write_text(_ACCOUNTS.format(url=_url(simulator)))
        text = "".join(
            f"<i>$</i> shortgenius-exporter {shown}\n{_coloured(_on_a_terminal(*shown.split(), folder=folder))}\n"
            for shown in (
                "balances --config.file exporter.yml",
                "check --require credits=500 --config.file exporter.yml studio labs",
                "blances",
            )
        )
        page = Path(folder) / "terminal.html"
        page.write_text(_TERMINAL.format(text=text.rstrip("\n")))
        with opened(browser, page.as_uri()) as shot:
            shot.locator("body").screenshot(path=IMAGES / "terminal.png")


def _url(simulator: Program) -> str:
    return simulator.wait_for(r"Simulated ShortGenius API at (\S+)\.")[1]


def _on_a_terminal(*arguments: str, folder: str) -> str:
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 110, 0, 0))
    command = [*exporter_command(), *arguments]
    with subprocess.Popen(
        command, cwd=folder, env=clean_environ(TERM="xterm"), stdout=theirs, stderr=theirs
    ) as running:
        os.close(theirs)
        running.wait()
    shown = os.read(ours, 65536).decode().replace("\r\n", "\n")
    os.close(ours)
    return shown.rpartition("\r\x1b[K")[2]


def _coloured(text: str) -> str:
    return re.sub("\x1b\\[(\\d+)m", lambda found: _span(found[1]), escape(text))


def _span(shade: str) -> str:
    return f'<span style="{_SHADES[shade]}">' if shade != "0" else "</span>"


if __name__ == "__main__":
    main()
