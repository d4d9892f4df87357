"""The pictures in the documentation: all there, none heavy."""

from __future__ import annotations

import re
from itertools import product

from dashboards.shelf import DASHBOARDS, ROOT

DOCS = ROOT / "docs"


def test_there_is_a_picture_of_every_dashboard_for_each_size_and_theme_and_none_is_heavy() -> None:
    pictures = {path.name: path.stat().st_size for path in (DOCS / "images").glob("dashboard-*.webp")}

    names = [uid.removeprefix("shortgenius-") for uid in DASHBOARDS]
    assert pictures.keys() == {
        f"dashboard-{name}-{count}-{theme}.webp"
        for name, count, theme in product(names, (1, 5, 200), ("light", "dark"))
    }
    assert max(pictures.values()) < 300_000


def test_every_picture_that_the_page_shows_exists() -> None:
    page = (DOCS / "dashboards.md").read_text("utf-8")

    shown = set(re.findall(r"images/[\w.-]+", page))

    assert len(shown) == 18
    assert all((DOCS / name).is_file() for name in shown)
