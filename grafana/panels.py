"""Panels as every dashboard has them: one function for each kind, with what is said in words as arguments."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, TypeVar

from grafana_foundation_sdk.builders import bargauge, common, prometheus, stat, timeseries
from grafana_foundation_sdk.builders import dashboard as builders
from grafana_foundation_sdk.cog.builder import Builder
from grafana_foundation_sdk.models import common as kinds
from grafana_foundation_sdk.models import dashboard as models

from grafana import links
from grafana.colors import BLUE

DATASOURCE = kinds.DataSourceRef(type_val="prometheus", uid="${datasource}")

# What the series of a source and scope are called.
TOOL = "{{source}} · {{scope}}"
ACTIVITY = "{{activity}}"

PEOPLE = "locale"
EVENTS = "short"
SHARE = "percentunit"
# Of whole percents, to which `signs` gives their plus.
CHANGE = "suffix:%"
HOURS = "suffix: h"
MINUTES = "suffix: min"
DATE = "time:ddd YYYY-MM-DD"

REFS = "ABCDEFGHIJKLMNOP"

Panel = Builder[models.Panel]
P = TypeVar("P", timeseries.Panel, stat.Panel, bargauge.Panel)
Steps = Sequence[tuple[float | None, str]]

Style = Literal["line", "area", "dashed", "bars", "stacked", "points"]

NEUTRAL: Steps = ((None, BLUE),)

# A larger rise is told by the last of these that it exceeds.
_RISES = (100, 150, 200, 300, 500, 1000)


@dataclass(frozen=True)
class Query:
    """An expression, how its series are called, and how they are drawn.

    With a `color` and `shades` each series has a shade of it. `step` is the least time between two points.
    """

    expr: str
    legend: str = "__auto"
    color: str = ""
    shades: bool = False
    style: Style = "line"
    below: bool = False
    step: str = "1h"


@dataclass(frozen=True)
class Words:
    """What a panel is called, what is counted in it, and the unit."""

    title: str
    description: str
    unit: str


def signs() -> list[models.ValueMapping]:
    """The texts of rises in whole percents: no unit of Grafana's writes a plus."""
    exact = {str(rise): models.ValueMappingResult(text=f"+{rise} %") for rise in range(1, _RISES[0] + 1)}
    above: list[models.ValueMapping] = [
        models.RangeMap(
            options=models.DashboardRangeMapOptions(
                from_val=low, to=high, result=models.ValueMappingResult(text=f"> +{low} %")
            )
        )
        for low, high in zip(_RISES, (*_RISES[1:], None), strict=True)
    ]
    return [models.ValueMap(options=exact), *above]


def number(
    words: Words,
    expr: str,
    steps: Steps = NEUTRAL,
    *,
    none: str = "no data",
    legend: str = "__auto",
    width: int = 4,
) -> stat.Panel:
    """A large number as it is now."""
    panel = _stat(words, width).thresholds(thresholds(steps)).no_value(none).with_target(instant("A", expr, legend))
    if legend != "__auto":
        panel.text_mode(kinds.BigValueTextMode.VALUE_AND_NAME)
    return named(panel, legend)


def several(words: Words, *queries: Query, width: int) -> stat.Panel:
    """A large number with its name for each query."""
    panel = _stat(words, width).thresholds(thresholds(NEUTRAL)).no_value("no data")
    panel.text_mode(kinds.BigValueTextMode.VALUE_AND_NAME).orientation(kinds.VizOrientation.VERTICAL)
    for ref, query in zip(REFS, queries, strict=False):
        panel.with_target(instant(ref, query.expr, query.legend))
    return panel


def names(words: Words, expr: str, legend: str, *, width: int = 4) -> stat.Panel:
    """The name of each series, in large letters."""
    return number(words, expr, legend=legend, width=width).text_mode(kinds.BigValueTextMode.NAME)


def ranking(
    words: Words,
    expr: str,
    legend: str,
    steps: Steps = NEUTRAL,
    *,
    width: int = 12,
    height: int = 8,
    most: float | None = None,
    link: str = "",
) -> bargauge.Panel:
    """A bar for each series, the longest first where the expression sorts.

    Names stand above the bars and have the whole width: beside them Grafana cuts them at 40 % of it.
    """
    panel = bars(words, Query(expr, legend), steps=steps, width=width, height=height, most=most, link=link)
    return panel.name_placement(kinds.BarGaugeNamePlacement.TOP).min_viz_height(32).max_viz_height(36)


def bars(
    words: Words,
    *queries: Query,
    steps: Steps = NEUTRAL,
    width: int = 12,
    height: int = 8,
    most: float | None = None,
    link: str = "",
) -> bargauge.Panel:
    """A bar for each query, in their order, with a short name beside it."""
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
    )
    for ref, query in zip(REFS, queries, strict=False):
        panel.with_target(instant(ref, query.expr, query.legend))
        if query.color:
            panel.override_by_query(ref, properties_of({"color": {"mode": "fixed", "fixedColor": query.color}}))
    if most is not None:
        panel.max(most)
    return named(panel, queries[0].legend, link)


def instant(ref: str, expr: str, legend: str = "__auto") -> prometheus.Dataquery:
    return prometheus.Dataquery().ref_id(ref).datasource(DATASOURCE).expr(expr).legend_format(legend).instant()


def ranged(ref: str, query: Query) -> prometheus.Dataquery:
    made = prometheus.Dataquery().ref_id(ref).datasource(DATASOURCE).expr(query.expr)
    return made.legend_format(query.legend).range().interval(query.step)


def properties_of(values: Mapping[str, object]) -> list[models.DynamicConfigValue]:
    return [models.DynamicConfigValue(id_val=name, value=value) for name, value in values.items()]


def thresholds(steps: Steps) -> builders.ThresholdsConfig:
    made = [models.Threshold(value=value, color=color) for value, color in steps]
    return builders.ThresholdsConfig().mode(models.ThresholdsMode.ABSOLUTE).steps(made)


def named(panel: P, legend: str, link: str = "") -> P:
    """Series that lead to their dashboard; the scope `all` of a source that is one whole is left out of their names."""
    if legend.startswith(TOOL):
        link = link or links.TOOL
        options = {"regex": "^(.*?) · all(.*)$", "renamePattern": "$1$2"}
        panel.with_transformation(models.DataTransformerConfig(id_val="renameByRegex", options=options))
    return panel.data_links([builders.DashboardLink("Open").url(link)]) if link else panel


def _stat(words: Words, width: int) -> stat.Panel:
    panel = (
        stat.Panel()
        .title(words.title)
        .description(words.description)
        .datasource(DATASOURCE)
        .unit(words.unit)
        .span(width)
        .height(4)
        .color_mode(kinds.BigValueColorMode.VALUE)
        .graph_mode(kinds.BigValueGraphMode.NONE)
        .color_scheme(_color())
        .reduce_options(common.ReduceDataOptions().calcs(["lastNotNull"]))
    )
    return panel.mappings(signs()) if words.unit == CHANGE else panel


def _color() -> builders.FieldColor:
    return builders.FieldColor().mode(models.FieldColorModeId.THRESHOLDS)
