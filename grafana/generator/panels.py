"""Panels with the project's defaults, so that a dashboard module says only what is its own."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeVar

from grafana_foundation_sdk.builders import bargauge, heatmap, stat, statetimeline, table, timeseries
from grafana_foundation_sdk.builders import common as common_builder
from grafana_foundation_sdk.builders import dashboard as builder
from grafana_foundation_sdk.builders import prometheus as prometheus_builder
from grafana_foundation_sdk.models import common, prometheus
from grafana_foundation_sdk.models import dashboard as model
from grafana_foundation_sdk.models import heatmap as heatmap_model

from grafana.generator.links import runbooks
from grafana.generator.palette import BLUE, NEUTRAL, Steps, thresholds
from grafana.generator.variables import PROMETHEUS

Target = prometheus_builder.Dataquery
Panel = bargauge.Panel | heatmap.Panel | stat.Panel | statetimeline.Panel | table.Panel | timeseries.Panel
_P = TypeVar("_P", bargauge.Panel, heatmap.Panel, stat.Panel, statetimeline.Panel, table.Panel, timeseries.Panel)


@dataclass(frozen=True, slots=True)
class Head:
    """What every panel has: a title, what it means, width and height in grid cells, the alerts it explains."""

    title: str
    description: str
    width: int
    height: int
    alerts: tuple[str, ...] = ()

    def over(self, panel: _P) -> _P:
        """``panel``, headed."""
        links = runbooks(self.alerts)
        panel.title(self.title).description(self.description).span(self.width).height(self.height)
        return panel.datasource(PROMETHEUS).links(links) if links else panel.datasource(PROMETHEUS)


def now(expr: str, legend: str = "", ref: str = "A") -> Target:
    """A query of the range's last moment."""
    return Target().expr(expr).instant().legend_format(legend).ref_id(ref).datasource(PROMETHEUS)


def rows(expr: str, ref: str) -> Target:
    """A query of the range's last moment, its labels as a table's columns and its value as ``Value #ref``."""
    return now(expr, ref=ref).format(prometheus.PromQueryFormat.TABLE)


def over_time(expr: str, legend: str, ref: str = "A", interval: str = "") -> Target:
    """A query of the whole range; ``interval`` is the shortest step worth drawing."""
    target = Target().expr(expr).range().legend_format(legend).ref_id(ref).datasource(PROMETHEUS)
    return target.interval(interval) if interval else target


def number(head: Head, *targets: Target, unit: str, steps: Steps = NEUTRAL, decimals: int | None = None) -> stat.Panel:
    """One or a few big numbers, each the last known of its series."""
    panel = (
        head.over(stat.Panel())
        .unit(unit)
        .thresholds(thresholds(steps))
        .color_scheme(_colored_by(model.FieldColorModeId.THRESHOLDS))
        .color_mode(common.BigValueColorMode.BACKGROUND if steps != NEUTRAL else common.BigValueColorMode.VALUE)
        .graph_mode(common.BigValueGraphMode.NONE)
        .reduce_options(_last())
        .orientation(common.VizOrientation.AUTO)
        .targets(list(targets))
    )
    return panel if decimals is None else panel.decimals(decimals)


def lines(
    head: Head,
    *targets: Target,
    unit: str,
    legend: common.LegendPlacement = common.LegendPlacement.RIGHT,
) -> timeseries.Panel:
    """Lines over time; a legend at the side says each one's last value."""
    return (
        head.over(timeseries.Panel())
        .unit(unit)
        .color_scheme(_colored_by(model.FieldColorModeId.PALETTE_CLASSIC))
        .draw_style(common.GraphDrawStyle.LINE)
        .line_width(2)
        .fill_opacity(0)
        .show_points(common.VisibilityMode.NEVER)
        .axis_soft_min(0)
        .legend(_legend(legend))
        .tooltip(common_builder.VizTooltipOptions().mode(common.TooltipDisplayMode.MULTI))
        .targets(list(targets))
    )


def bars(head: Head, *targets: Target, unit: str) -> timeseries.Panel:
    """Amounts per step, stacked."""
    return (
        lines(head, *targets, unit=unit, legend=common.LegendPlacement.BOTTOM)
        .draw_style(common.GraphDrawStyle.BARS)
        .line_width(0)
        .fill_opacity(80)
        .bar_alignment(common.BarAlignment.CENTER)
        .stacking(common_builder.StackingConfig().mode(common.StackingMode.NORMAL).group("A"))
    )


def ranking(head: Head, target: Target, unit: str) -> bargauge.Panel:
    """The largest first; the length says the amount, the colour nothing."""
    return (
        head.over(bargauge.Panel())
        .unit(unit)
        .min(0)
        .color_scheme(builder.FieldColor().mode(model.FieldColorModeId.FIXED).fixed_color(BLUE))
        .orientation(common.VizOrientation.HORIZONTAL)
        .display_mode(common.BarGaugeDisplayMode.BASIC)
        .value_mode(common.BarGaugeValueMode.TEXT)
        .show_unfilled(False)
        .name_placement(common.BarGaugeNamePlacement.TOP)
        .text(common_builder.VizTextDisplayOptions().title_size(13).value_size(14))
        .reduce_options(_last())
        .targets([target])
    )


def timeline(head: Head, *targets: Target, mappings: list[model.ValueMapping]) -> statetimeline.Panel:
    """States over time, a row each."""
    return (
        head.over(statetimeline.Panel())
        .unit("none")
        .color_scheme(_colored_by(model.FieldColorModeId.THRESHOLDS))
        .thresholds(thresholds(NEUTRAL))
        .mappings(mappings)
        .merge_values(True)
        .show_value(common.VisibilityMode.NEVER)
        .row_height(0.8)
        .fill_opacity(80)
        .line_width(0)
        .legend(common_builder.VizLegendOptions().show_legend(False))
        .tooltip(common_builder.VizTooltipOptions().mode(common.TooltipDisplayMode.SINGLE))
        .targets(list(targets))
    )


def buckets(head: Head, expr: str, unit: str) -> heatmap.Panel:
    """A histogram over time."""
    target = over_time(expr, "{{le}}").format(prometheus.PromQueryFormat.HEATMAP)
    return (
        head.over(heatmap.Panel())
        .calculate(False)
        .y_axis(heatmap.YAxisConfig().unit(unit))
        .color(_BLUES)
        .cell_gap(1)
        .show_legend()
        .targets([target])
    )


_BLUES = (
    heatmap.HeatmapColorOptions().mode(heatmap_model.HeatmapColorMode.SCHEME).scheme("Blues").steps(32).exponent(0.5)
)


def _colored_by(mode: model.FieldColorModeId) -> builder.FieldColor:
    return builder.FieldColor().mode(mode)


def _last() -> common_builder.ReduceDataOptions:
    return common_builder.ReduceDataOptions().calcs(["lastNotNull"]).values(False)


def _legend(placement: common.LegendPlacement) -> common_builder.VizLegendOptions:
    side = placement == common.LegendPlacement.RIGHT
    mode = common.LegendDisplayMode.TABLE if side else common.LegendDisplayMode.LIST
    legend = common_builder.VizLegendOptions().show_legend(True).display_mode(mode).placement(placement)
    return legend.calcs(["lastNotNull"]).sort_by("Last *").sort_desc(False) if side else legend.calcs([])


def dashed(color: str) -> list[model.DynamicConfigValue]:
    """A limit: thin, dashed, in its own colour, not in the legend."""
    style = common.LineStyle(fill="dash", dash=[8, 8])
    return _settings(
        {
            "color": {"mode": "fixed", "fixedColor": color},
            "custom.lineStyle": style,
            "custom.lineWidth": 1,
            "custom.fillOpacity": 0,
            "custom.hideFrom": _NOT_IN_LEGEND,
        }
    )


def marked(color: str) -> list[model.DynamicConfigValue]:
    """Events: points without a line, not in the legend."""
    return _settings(
        {
            "color": {"mode": "fixed", "fixedColor": color},
            "custom.drawStyle": "points",
            "custom.showPoints": "always",
            "custom.pointSize": 9,
            "custom.hideFrom": _NOT_IN_LEGEND,
        }
    )


def dotted(color: str) -> list[model.DynamicConfigValue]:
    """What is expected, not measured."""
    style = common.LineStyle(fill="dot", dash=[2, 6])
    return _settings(
        {"color": {"mode": "fixed", "fixedColor": color}, "custom.lineStyle": style, "custom.fillOpacity": 0}
    )


_NOT_IN_LEGEND = {"legend": True, "tooltip": False, "viz": False}


def _settings(values: dict[str, object]) -> list[model.DynamicConfigValue]:
    return [model.DynamicConfigValue(id_val=key, value=value) for key, value in values.items()]
