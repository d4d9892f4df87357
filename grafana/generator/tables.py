"""Tables of accounts: one column per query, labels that the operator chose as columns of their own."""

from __future__ import annotations

from dataclasses import dataclass, field

from grafana_foundation_sdk.builders import common as common_builder
from grafana_foundation_sdk.builders import table
from grafana_foundation_sdk.models import common
from grafana_foundation_sdk.models import dashboard as model

from grafana.generator.palette import Steps, thresholds
from grafana.generator.panels import Head, rows

_HIDDEN = ("Time", "job", "__name__", "namespace", "service", "prometheus", "prometheus_replica", "alertstate")


@dataclass(frozen=True, slots=True)
class Column:
    """A column: a query's value, or a label where ``expr`` is empty. Colour comes from ``steps`` or ``mappings``.

    ``empty`` stands where a row has none.
    """

    name: str
    source: str
    expr: str = ""
    unit: str = "none"
    width: int = 0
    decimals: int | None = None
    steps: Steps = ()
    mappings: tuple[model.ValueMapping, ...] = ()
    cell: common.TableCellOptions | None = None
    links: tuple[dict[str, object], ...] = field(default=())
    empty: str = ""

    @property
    def field(self) -> str:
        """What the data calls it before it is renamed."""
        return f"Value #{self.source}" if self.expr else self.source


BACKGROUND = common.TableColoredBackgroundCellOptions(mode=common.TableCellBackgroundDisplayMode.BASIC)
TEXT = common.TableColorTextCellOptions()
GAUGE = common.TableBarGaugeCellOptions(
    mode=common.BarGaugeDisplayMode.BASIC, value_display_mode=common.BarGaugeValueMode.TEXT
)


def grid(head: Head, *columns: Column, sort: str, descending: bool = False, by: str = "") -> table.Panel:
    """Rows of equal labels, joined, one per value of the labels ``by``.

    Without ``by``, the operator's own labels are there too, behind the named columns.
    """
    sorted_by = common_builder.TableSortByFieldState().display_name(sort).desc(descending)
    panel = (
        head.over(table.Panel())
        .unit("none")
        .targets([rows(_joinable(column.expr, by), column.source) for column in columns if column.expr])
        .transformations([model.DataTransformerConfig(id_val="merge", options={}), _organize(columns)])
        .sort_by([sorted_by])
        .cell_height(common.TableCellHeight.SM)
        .filterable(True)
        .min_width(90)
    )
    for column in columns:
        panel.override_by_name(column.name, _properties(column))
    return panel


def _joinable(expr: str, by: str) -> str:
    """Without the metric's name, at least: as a column of its own it would keep equal rows apart."""
    return f"max by ({by}) ({expr})" if by else f"max without () ({expr})"


def _organize(columns: tuple[Column, ...]) -> model.DataTransformerConfig:
    return model.DataTransformerConfig(
        id_val="organize",
        options={
            "excludeByName": dict.fromkeys(_HIDDEN, True),
            "includeByName": {},
            "indexByName": {column.field: index for index, column in enumerate(columns)},
            "renameByName": {column.field: column.name for column in columns},
        },
    )


def _properties(column: Column) -> list[model.DynamicConfigValue]:
    values: dict[str, object] = {}
    if column.expr:
        values["unit"] = column.unit
    if column.width:
        values["custom.width"] = column.width
    if column.decimals is not None:
        values["decimals"] = column.decimals
    if column.steps:
        values["thresholds"] = thresholds(column.steps).build()
        values["color"] = {"mode": "thresholds"}
    if column.mappings:
        values["mappings"] = list(column.mappings)
    if column.cell:
        values["custom.cellOptions"] = column.cell
    if column.cell is GAUGE:
        values |= {"min": 0, "max": 1}
    if column.empty:
        values["noValue"] = column.empty
    if column.links:
        values["links"] = list(column.links)
    return [model.DynamicConfigValue(id_val=key, value=value) for key, value in values.items()]
