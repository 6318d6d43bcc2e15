"""Panels as every dashboard has them: one function for each kind, with what is said in words as arguments."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, TypeVar

from grafana_foundation_sdk.builders import bargauge, common, prometheus, stat, timeseries
from grafana_foundation_sdk.builders import dashboard as builders
from grafana_foundation_sdk.cog.builder import Builder
from grafana_foundation_sdk.models import common as kinds
from grafana_foundation_sdk.models import dashboard as models

DATASOURCE = kinds.DataSourceRef(type_val="prometheus", uid="${datasource}")

# What the series of a source and scope are called.
TOOL = "{{source}} · {{scope}}"

PEOPLE = "locale"
EVENTS = "short"
SHARE = "percentunit"
HOURS = "suffix: h"
MINUTES = "suffix: min"
DATE = "time:YYYY-MM-DD"

_REFS = "ABCDEFGHIJ"

Panel = Builder[models.Panel]
P = TypeVar("P", timeseries.Panel, stat.Panel, bargauge.Panel)
Steps = Sequence[tuple[float | None, str]]

Style = Literal["line", "area", "dashed", "bars", "points"]

NEUTRAL: Steps = ((None, "blue"),)

_STYLES: Mapping[Style, Mapping[str, object]] = {
    "line": {},
    "area": {"custom.fillOpacity": 10},
    "dashed": {"custom.lineStyle": {"fill": "dash", "dash": [6, 6]}},
    "bars": {
        "custom.drawStyle": "bars",
        "custom.fillOpacity": 55,
        "custom.lineWidth": 0,
        "custom.gradientMode": "none",
    },
    "points": {"custom.drawStyle": "points", "custom.pointSize": 6, "custom.showPoints": "always"},
}


@dataclass(frozen=True)
class Query:
    """An expression, how its series are called, and how they are drawn.

    With a `color` and `shades` each series has a shade of it. `step` is the least time between two points: a day for
    what is about days.
    """

    expr: str
    legend: str = "__auto"
    color: str = ""
    shades: bool = False
    style: Style = "line"
    below: bool = False
    step: str = "1d"


@dataclass(frozen=True)
class Words:
    """What a panel is called, what is counted in it, and the unit."""

    title: str
    description: str
    unit: str


def lines(words: Words, *queries: Query, width: int = 12, height: int = 8, stacked: bool = False) -> timeseries.Panel:
    """Days on a time axis; series whose query has no color take Grafana's colors in turn."""
    panel = (
        timeseries.Panel()
        .title(words.title)
        .description(words.description)
        .datasource(DATASOURCE)
        .unit(words.unit)
        .span(width)
        .height(height)
        .line_width(2)
        .fill_opacity(0)
        .gradient_mode(kinds.GraphGradientMode.OPACITY)
        .show_points(kinds.VisibilityMode.NEVER)
        .span_nulls(3 * 86_400_000)
        .axis_soft_min(0)
        .axis_border_show(False)
        .color_scheme(builders.FieldColor().mode(models.FieldColorModeId.PALETTE_CLASSIC))
        .tooltip(common.VizTooltipOptions().mode(kinds.TooltipDisplayMode.MULTI).sort(kinds.SortOrder.DESCENDING))
        .legend(
            common.VizLegendOptions()
            .show_legend(True)
            .display_mode(kinds.LegendDisplayMode.LIST)
            .placement(kinds.LegendPlacement.BOTTOM)
        )
    )
    if stacked:
        panel.stacking(common.StackingConfig().mode(kinds.StackingMode.NORMAL))
    for ref, query in zip(_REFS, queries, strict=False):
        panel.with_target(_range(ref, query))
        if properties := _drawn(query):
            panel.override_by_query(ref, properties)
    return _without_all(panel, queries[0].legend)


def tiles(words: Words, *queries: Query, width: int = 24, height: int = 5) -> stat.Panel:
    """A large number for each series, in its query's color, with its days behind it."""
    panel = (
        _stat(words, width, height)
        .graph_mode(kinds.BigValueGraphMode.AREA)
        .thresholds(thresholds(NEUTRAL))
        .color_scheme(_color())
        .text(common.VizTextDisplayOptions().title_size(14).value_size(30))
        .wide_layout(False)
    )
    for ref, query in zip(_REFS, queries, strict=False):
        panel.with_target(_range(ref, query)).override_by_query(ref, _drawn(query)[:1])
    return _without_all(panel, queries[0].legend)


def number(
    words: Words, expr: str, steps: Steps = NEUTRAL, *, none: str = "no data", legend: str = "__auto", width: int = 4
) -> stat.Panel:
    """A large number as it is now."""
    return (
        _stat(words, width, 4)
        .graph_mode(kinds.BigValueGraphMode.NONE)
        .thresholds(thresholds(steps))
        .color_scheme(_color())
        .no_value(none)
        .with_target(instant("A", expr, legend))
    )


def names(words: Words, expr: str, legend: str, *, width: int = 4) -> stat.Panel:
    """The name of each series, in large letters."""
    return number(words, expr, legend=legend, width=width).text_mode(kinds.BigValueTextMode.NAME)


def limit(panel: timeseries.Panel, value: float) -> timeseries.Panel:
    """A dashed red line at a value that should not be reached."""
    steps = ((None, "transparent"), (value, "red"))
    style = common.GraphThresholdsStyleConfig().mode(kinds.GraphThresholdsStyleMode.DASHED)
    panel.thresholds(thresholds(steps)).thresholds_style(style)
    return panel.axis_soft_max(1.1 * value) if value > 0 else panel.axis_soft_min(1.1 * value)


def ranking(
    words: Words,
    expr: str,
    legend: str,
    steps: Steps = NEUTRAL,
    *,
    width: int = 12,
    height: int = 8,
    most: float | None = None,
) -> bargauge.Panel:
    """A bar for each series, the longest first where the expression sorts."""
    panel = (
        bargauge.Panel()
        .title(words.title)
        .description(words.description)
        .datasource(DATASOURCE)
        .unit(words.unit)
        .span(width)
        .height(height)
        .min(0)
        .orientation(kinds.VizOrientation.HORIZONTAL)
        .display_mode(kinds.BarGaugeDisplayMode.BASIC)
        .value_mode(kinds.BarGaugeValueMode.TEXT)
        .show_unfilled(True)
        .name_placement(kinds.BarGaugeNamePlacement.LEFT)
        .sizing(kinds.BarGaugeSizing.MANUAL)
        .min_viz_height(16)
        .max_viz_height(28)
        # Grafana measures names at 12 pixels, whatever size they are drawn in.
        .text(common.VizTextDisplayOptions().title_size(12).value_size(16))
        .thresholds(thresholds(steps))
        .color_scheme(_color())
        .no_value("no data")
        .reduce_options(common.ReduceDataOptions().calcs(["lastNotNull"]))
        .with_target(instant("A", expr, legend))
    )
    if most is not None:
        panel.max(most)
    return _without_all(panel, legend)


def _without_all(panel: P, legend: str) -> P:
    """A source that is one whole has the scope `all`, which says nothing in a legend."""
    if legend.startswith(TOOL):
        options = {"regex": "^(.*?) · all(.*)$", "renamePattern": "$1$2"}
        panel.with_transformation(models.DataTransformerConfig(id_val="renameByRegex", options=options))
    return panel


def _stat(words: Words, width: int, height: int) -> stat.Panel:
    return (
        stat.Panel()
        .title(words.title)
        .description(words.description)
        .datasource(DATASOURCE)
        .unit(words.unit)
        .span(width)
        .height(height)
        .color_mode(kinds.BigValueColorMode.VALUE)
        .reduce_options(common.ReduceDataOptions().calcs(["lastNotNull"]))
    )


def _range(ref: str, query: Query) -> prometheus.Dataquery:
    made = prometheus.Dataquery().ref_id(ref).datasource(DATASOURCE).expr(query.expr)
    return made.legend_format(query.legend).range().interval(query.step)


def instant(ref: str, expr: str, legend: str = "__auto") -> prometheus.Dataquery:
    return prometheus.Dataquery().ref_id(ref).datasource(DATASOURCE).expr(expr).legend_format(legend).instant()


def _drawn(query: Query) -> list[models.DynamicConfigValue]:
    properties: dict[str, object] = {}
    if query.color:
        properties["color"] = {"mode": "shades" if query.shades else "fixed", "fixedColor": query.color}
    properties |= _STYLES[query.style]
    if query.below:
        properties["custom.transform"] = "negative-Y"
    return properties_of(properties)


def properties_of(values: dict[str, object]) -> list[models.DynamicConfigValue]:
    return [models.DynamicConfigValue(id_val=name, value=value) for name, value in values.items()]


def thresholds(steps: Steps) -> builders.ThresholdsConfig:
    made = [models.Threshold(value=value, color=color) for value, color in steps]
    return builders.ThresholdsConfig().mode(models.ThresholdsMode.ABSOLUTE).steps(made)


def _color() -> builders.FieldColor:
    return builders.FieldColor().mode(models.FieldColorModeId.THRESHOLDS)
