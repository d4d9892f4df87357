"""Every field of the JSON is one that Grafana's schema has, with a value of the schema's type.

Grafana publishes its schema as code: the types of grafana-foundation-sdk are generated from it. What they do not
describe, they would drop; what they cannot hold, is found here.
"""

from __future__ import annotations

import enum
import json
import types
import typing
import warnings
from collections.abc import Iterator
from typing import Any

import pytest

from dashboards.shelf import DASHBOARDS, Json, panels

with warnings.catch_warnings():
    warnings.simplefilter("ignore", DeprecationWarning)
    from grafana_foundation_sdk.cog import plugins, variants
    from grafana_foundation_sdk.cog.encoder import JSONEncoder
    from grafana_foundation_sdk.models import bargauge, dashboard, heatmap, stat, statetimeline, table, timeseries

plugins.register_default_plugins()

OPTIONS: dict[str, Any] = {
    "bargauge": bargauge.Options,
    "heatmap": heatmap.Options,
    "stat": stat.Options,
    "state-timeline": statetimeline.Options,
    "table": table.Options,
    "timeseries": timeseries.Options,
}

every_dashboard = pytest.mark.parametrize("name", DASHBOARDS)


@every_dashboard
def test_no_field_is_lost_when_the_schemas_types_read_and_write_a_dashboard(name: str) -> None:
    given = DASHBOARDS[name]

    read = dashboard.Dashboard.from_json(given)
    written = json.loads(JSONEncoder().encode(read))

    assert list(_lost(given, written)) == []


@every_dashboard
def test_every_value_has_the_type_that_the_schema_gives_it(name: str) -> None:
    assert list(_mistyped(dashboard.Dashboard.from_json(DASHBOARDS[name]), name)) == []


@every_dashboard
def test_options_are_those_of_the_panels_kind(name: str) -> None:
    for panel in panels(DASHBOARDS[name]):
        known = json.loads(JSONEncoder().encode(OPTIONS[panel["type"]].from_json(panel["options"])))
        assert list(_lost(panel["options"], known)) == [], panel["title"]


def test_a_field_that_the_schema_does_not_have_is_found() -> None:
    given = {**DASHBOARDS["shortgenius-credits"], "titel": "a slip"}

    written = json.loads(JSONEncoder().encode(dashboard.Dashboard.from_json(given)))

    assert list(_lost(given, written)) == [".titel"]


def test_a_value_of_the_wrong_type_is_found() -> None:
    given = {**DASHBOARDS["shortgenius-credits"], "refresh": 5}

    assert list(_mistyped(dashboard.Dashboard.from_json(given), "credits")) == ["credits.refresh: 5"]


def _lost(given: Any, written: Any, path: str = "") -> Iterator[str]:
    """Paths of what is in ``given`` and not, or differently, in ``written``."""
    if isinstance(given, dict) and isinstance(written, dict):
        for key, value in given.items():
            if key in written:
                yield from _lost(value, written[key], f"{path}.{key}")
            elif value not in (None, [], {}):
                yield f"{path}.{key}"
    elif isinstance(given, list) and isinstance(written, list) and len(given) == len(written):
        for index, (one, other) in enumerate(zip(given, written, strict=True)):
            yield from _lost(one, other, f"{path}[{index}]")
    elif given != written:
        yield f"{path}: {given!r} became {written!r}"


def _mistyped(value: Any, path: str) -> Iterator[str]:
    """Paths of attributes whose value is not of the annotated type, down all of the schema's objects."""
    if isinstance(value, list):
        for index, one in enumerate(value):
            yield from _mistyped(one, f"{path}[{index}]")
    elif hasattr(value, "to_json") and not isinstance(value, enum.Enum):
        hints = typing.get_type_hints(type(value), vars(__import__(type(value).__module__, fromlist=["_"])))
        for name, hint in hints.items():
            found = getattr(value, name, None)
            if not _fits(found, hint):
                yield f"{path}.{name}: {found!r}"
            yield from _mistyped(found, f"{path}.{name}")


def _holds(hint: Any, value: Json) -> bool:
    """The reader leaves some lists of objects as they are: they are read here."""
    read = hint.from_json(value)
    return not [*_lost(value, json.loads(JSONEncoder().encode(read))), *_mistyped(read, "")]


def _fits(value: Any, hint: Any) -> bool:
    origin, arguments = typing.get_origin(hint), typing.get_args(hint)
    if value is None or hint in (Any, object):
        fits = True
    elif origin in (typing.Union, types.UnionType):
        fits = any(_fits(value, one) for one in arguments)
    elif origin is typing.Literal:
        fits = value in arguments
    elif origin is list:
        fits = isinstance(value, list) and all(_fits(one, arguments[0]) for one in value)
    elif hint is float:
        fits = isinstance(value, int | float) and not isinstance(value, bool)
    elif isinstance(value, dict) and hasattr(hint, "from_json"):
        fits = _holds(hint, value)
    elif isinstance(hint, type) and issubclass(hint, enum.Enum):
        fits = value in list(hint)
    else:
        fits = isinstance(value, origin or hint) or hint is variants.Dataquery
    return fits
