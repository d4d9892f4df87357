"""The committed dashboards, panel by panel and query by query, and what their expressions consist of."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import promql_parser

Json = dict[str, Any]

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / "grafana" / "dashboards"
DASHBOARDS: dict[str, Json] = {path.stem: json.loads(path.read_text("utf-8")) for path in sorted(FOLDER.glob("*.json"))}

_IN_TEXT = {"__rate_interval": "1h", "__interval": "1h", "__range": "30d", "group": "team"}
_CHILDREN = ("expr", "lhs", "rhs", "args", "vector_selector", "param")


@dataclass(frozen=True)
class Query:
    """One target of a panel."""

    dashboard: str
    panel: Json
    target: Json

    def __str__(self) -> str:
        return f"{self.dashboard}: {self.panel['title']} {self.target['refId']}"

    @property
    def expr(self) -> str:
        expr: str = self.target["expr"]
        return expr

    def filled(self, variables: dict[str, str]) -> str:
        """The expression as Grafana would send it."""
        return fill(self.expr, {**_IN_TEXT, **variables})


def panels(dashboard: Json) -> list[Json]:
    """Without the rows' heads."""
    return [panel for panel in dashboard["panels"] if panel["type"] != "row"]


def queries() -> list[Query]:
    return [
        Query(name, panel, target)
        for name, dashboard in DASHBOARDS.items()
        for panel in panels(dashboard)
        for target in panel["targets"]
    ]


def fill(text: str, variables: dict[str, str]) -> str:
    return re.sub(r"\$\{(\w+)(?::\w+)?\}|\$(\w+)", lambda found: variables[found[1] or found[2]], text)


def parse(expr: str) -> Any:
    """The expression's tree; variables inside of matchers stay as they are."""
    found = re.sub(r"\$(__rate_interval|__interval|__range|group)\b", lambda name: _IN_TEXT[name[1]], expr)
    return promql_parser.parse(found)


def walk(node: Any, *above: Any) -> Iterator[tuple[Any, tuple[Any, ...]]]:
    """Every node of a tree with those above it, the nearest last."""
    yield node, above
    for name in _CHILDREN:
        child = getattr(node, name, None)
        for one in child if isinstance(child, list) else [child]:
            if one is not None and type(one).__module__ == type(node).__module__:
                yield from walk(one, *above, node)


def selectors(expr: str) -> list[tuple[Any, tuple[Any, ...]]]:
    """Every vector selector of an expression with the nodes above it."""
    return [(node, above) for node, above in walk(parse(expr)) if isinstance(node, promql_parser.VectorSelector)]
