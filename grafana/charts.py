"""Charts over time: days from one answer about all of them, and what Prometheus saw."""

from collections.abc import Iterator, Mapping

from grafana_foundation_sdk.builders import common, timeseries
from grafana_foundation_sdk.builders import dashboard as builders
from grafana_foundation_sdk.models import common as kinds
from grafana_foundation_sdk.models import dashboard as models
from grafana_foundation_sdk.models.prometheus import PromQueryFormat

from grafana import links, panels
from grafana.colors import BAD, BLUE, LOOKS
from grafana.panels import (
    ACTIVITY,
    DATASOURCE,
    REFS,
    TOOL,
    Query,
    Style,
    Words,
    instant,
    named,
    properties_of,
    ranged,
    signs,
    thresholds,
)
from grafana.queries import KEYS, at_noon, tool

HALF_A_YEAR = "26w"
NEEDS_HISTORY = "needs history in Prometheus: scraped, or by backfill"

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
    "stacked": {
        "custom.drawStyle": "bars",
        "custom.fillOpacity": 80,
        "custom.lineWidth": 0,
        "custom.gradientMode": "none",
        "custom.stacking": {"mode": "normal", "group": "A"},
    },
    "points": {"custom.drawStyle": "points", "custom.pointSize": 6, "custom.showPoints": "always"},
}


def by_day(words: Words, *queries: Query, width: int = 12, height: int = 8) -> timeseries.Panel:
    """Days on a time axis, from one answer about all of them; expressions give series with the label `day`."""
    panel = _chart(words, width, height)
    for ref, query in zip(REFS, queries, strict=False):
        several = query.legend == TOOL
        expr = at_noon(tool(query.expr), "tool", *KEYS) if several else at_noon(query.expr)
        panel.with_target(instant(ref, expr).format(PromQueryFormat.TABLE))
        called = {"displayName": "${__field.labels.tool}" if several else query.legend}
        panel.override_by_query(ref, properties_of(called) + _drawn(query))
        if several:
            panel.data_links([builders.DashboardLink("Open").url(links.TOOL)])
    conversion = {"targetField": "day", "destinationType": "time"}
    return _transformed(
        panel,
        ("filterFieldsByName", {"exclude": {"names": ["Time"]}}),
        ("convertFieldType", {"fields": {}, "conversions": [conversion]}),
        ("prepareTimeSeries", {"format": "multi"}),
    )


def lines(
    words: Words, *queries: Query, width: int = 12, height: int = 8, log: bool = False, since: str = "", link: str = ""
) -> timeseries.Panel:
    """What Prometheus saw, on a time axis; with `log` each grid line is ten times the one below it.

    `since` is a length of time that the panel shows whatever the dashboard shows.
    """
    panel = _chart(words, width, height)
    if log:
        scale = common.ScaleDistributionConfig().type(kinds.ScaleDistribution.LOG).log(10)
        panel.scale_distribution(scale)
    if since:
        panel.time_from(since).no_value(NEEDS_HISTORY)
    for ref, query in zip(REFS, queries, strict=False):
        panel.with_target(ranged(ref, query))
        if properties := _drawn(query):
            panel.override_by_query(ref, properties)
    if queries[0].legend == ACTIVITY:
        for pattern, properties in _looks():
            panel.override_by_regexp(pattern, properties)
    return named(panel, queries[0].legend, link)


def long_lines(words: Words, *queries: Query, width: int = 12, height: int = 8, log: bool = False) -> timeseries.Panel:
    """Half a year as Prometheus saw it."""
    return lines(words, *queries, width=width, height=height, log=log, since=HALF_A_YEAR)


def limit(panel: timeseries.Panel, value: float) -> timeseries.Panel:
    """A dashed line at a value that should not be reached."""
    steps = ((None, "transparent"), (value, BAD))
    style = common.GraphThresholdsStyleConfig().mode(kinds.GraphThresholdsStyleMode.DASHED)
    panel.thresholds(thresholds(steps)).thresholds_style(style)
    return panel.axis_soft_max(1.1 * value) if value > 0 else panel.axis_soft_min(1.1 * value)


def _chart(words: Words, width: int, height: int) -> timeseries.Panel:
    # Series that no query gives a color: never Grafana's own palette, in which some are green, yellow and red.
    shades = builders.FieldColor().mode(models.FieldColorModeId.SHADES).fixed_color(BLUE)
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
        # One point alone is no line: it shows on the first day.
        .show_points(kinds.VisibilityMode.AUTO)
        .span_nulls(3 * 86_400_000)
        .axis_soft_min(0)
        .axis_border_show(False)
        .no_value("no data")
        .color_scheme(shades)
        .tooltip(common.VizTooltipOptions().mode(kinds.TooltipDisplayMode.MULTI).sort(kinds.SortOrder.DESCENDING))
        .legend(
            common.VizLegendOptions()
            .show_legend(True)
            .display_mode(kinds.LegendDisplayMode.TABLE)
            .placement(kinds.LegendPlacement.BOTTOM)
            .calcs(["lastNotNull", "max"])
            .sort_by("Last *")
            .sort_desc(True)
        )
    )
    return panel.mappings(signs()) if words.unit == panels.CHANGE else panel


def _looks() -> Iterator[tuple[str, list[models.DynamicConfigValue]]]:
    for look in LOOKS:
        properties: dict[str, object] = {"color": {"mode": "fixed", "fixedColor": look.color}}
        if look.dash:
            properties["custom.lineStyle"] = {"fill": "dash", "dash": [*look.dash]}
        yield f"/^({'|'.join(look.activities)})$/", properties_of(properties)


def _drawn(query: Query) -> list[models.DynamicConfigValue]:
    properties: dict[str, object] = {}
    if query.color:
        properties["color"] = {"mode": "shades" if query.shades else "fixed", "fixedColor": query.color}
    properties |= _STYLES[query.style]
    if query.below:
        properties["custom.transform"] = "negative-Y"
    return properties_of(properties)


def _transformed(panel: timeseries.Panel, *steps: tuple[str, object]) -> timeseries.Panel:
    for name, options in steps:
        panel.with_transformation(models.DataTransformerConfig(id_val=name, options=options))
    return panel
