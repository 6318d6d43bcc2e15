"""Tables: a row for each tool, team or source, a column for each number."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from grafana_foundation_sdk.builders import common, table
from grafana_foundation_sdk.builders import dashboard as builders
from grafana_foundation_sdk.models import common as kinds
from grafana_foundation_sdk.models import dashboard as models
from grafana_foundation_sdk.models.prometheus import PromQueryFormat

from grafana import links
from grafana.charts import HALF_A_YEAR, NEEDS_HISTORY
from grafana.colors import BLUE, GREY
from grafana.panels import (
    CHANGE,
    DATASOURCE,
    REFS,
    Query,
    Steps,
    Words,
    instant,
    properties_of,
    ranged,
    signs,
    thresholds,
)
from grafana.queries import KEYS, ON, at_noon, tool

# Labels of queries that a table only shows where a column is made of them.
_HIDDEN = ("Time", "source", "vendor", "scope", "team")
_ONLY_VALUE = "Value"
# Of a name in which a line ends at a space or a hyphen alone, in pixels: a host name of 25 letters.
_NAME_WIDTH = 225


@dataclass(frozen=True)
class Column:
    """A column of a table: a label, or what an expression gives.

    `gauge` draws it as a bar from 0 to 1, `steps` colors it, `words` are texts and colors for values, `link` is where
    it leads. `trend` is an expression of series with the label `day`, which are drawn as a line. A `hidden` column is
    there for the links of others.
    """

    name: str
    expr: str = ""
    label: str = ""
    unit: str = ""
    decimals: int | None = None
    gauge: bool = False
    steps: Steps = ()
    words: Mapping[str, tuple[str, str]] = field(default_factory=dict)
    link: str = ""
    width: int | None = None
    trend: str = ""
    hidden: bool = False


def tools(*, vendor: int | None = None) -> Iterator[Column]:
    """The columns that name a tool with its scope, and the vendor where it has a width."""
    yield Column("Tool", label="tool", link=links.TOOL_ROW)
    yield Column("Vendor", label="vendor", width=vendor, hidden=vendor is None)
    yield Column("Source", label="source", hidden=True)
    yield Column("Scope", label="scope", hidden=True)


def rows(
    words: Words, columns: Sequence[Column], *, width: int = 24, height: int = 8, sort: str = "", every: str = ""
) -> table.Panel:
    """A row for each set of labels that the queries share: labels first, then a column for each query.

    Grafana merges by the columns that all queries have, and an empty answer has but a time, which a trend has not. With
    a trend `every` is an expression with a series for every row: where a column has none it is not a number, drawn as a
    dash.
    """
    panel = _table(words, width, height)
    if every:
        panel.with_transformation(_step("filterFieldsByName", {"exclude": {"names": ["Time"]}}))
    if sort:
        panel.sort_by([common.TableSortByFieldState().display_name(sort).desc(True)])
    names: dict[str, str] = {}
    refs = iter(REFS)
    keys = ("tool", *KEYS) if any(column.label == "tool" for column in columns) else KEYS
    for column in columns:
        called = column.label
        if column.trend:
            ref = next(refs)
            called = f"Trend #{ref}"
            panel.with_target(instant(ref, at_noon(tool(column.trend), *keys)).format(PromQueryFormat.TABLE))
            for step in _trend(ref):
                panel.with_transformation(step)
        if column.expr:
            ref = next(refs)
            called = f"Value #{ref}"
            expr = f"({column.expr})\nor {ON} {every} * NaN" if every else column.expr
            expr = tool(expr) if "tool" in keys else expr
            panel.with_target(instant(ref, expr).format(PromQueryFormat.TABLE))
        names[called] = column.name
        if properties := _cell(column):
            panel.override_by_name(column.name, properties)
    arranged = {
        "renameByName": names,
        "indexByName": {called: index for index, called in enumerate(names)},
        "excludeByName": {label: True for label in _HIDDEN if label not in names},
    }
    return panel.with_transformation(_step("merge", {})).with_transformation(_step("organize", arranged))


def _trend(ref: str) -> Iterator[models.DataTransformerConfig]:
    """From a table of days to a line for each row."""
    conversion = {"targetField": "day", "destinationType": "time"}
    yield _step("convertFieldType", {"fields": {}, "conversions": [conversion]}, ref)
    yield _step("prepareTimeSeries", {"format": "multi"}, ref)
    yield _step("timeSeriesTable", {ref: {"stat": "lastNotNull"}}, ref)


def _step(name: str, options: object, ref: str = "") -> models.DataTransformerConfig:
    only = models.MatcherConfig(id_val="byRefId", options=ref) if ref else None
    return models.DataTransformerConfig(id_val=name, options=options, filter_val=only)


def _cell(column: Column) -> list[models.DynamicConfigValue]:
    properties: dict[str, object] = {}
    if column.hidden:
        # Grafana 11 knows the first of these, and 12 the second.
        properties |= {"custom.hidden": True, "custom.hideFrom": {"viz": True, "legend": False, "tooltip": False}}
    if column.unit:
        properties["unit"] = column.unit
    if column.decimals is not None:
        properties["decimals"] = column.decimals
    if column.unit == CHANGE:
        properties["mappings"] = [*signs(), _dash()]
    if column.label in ("tool", "scope"):
        properties["custom.minWidth"] = _NAME_WIDTH
    if column.width:
        properties["custom.width"] = column.width
    if column.steps:
        properties["thresholds"] = thresholds(column.steps).build()
        properties["color"] = {"mode": "thresholds"}
        properties["custom.cellOptions"] = kinds.TableColorTextCellOptions()
    if column.gauge:
        properties |= {"min": 0, "max": 1, "decimals": 0, "color": {"mode": "fixed", "fixedColor": BLUE}}
        properties["custom.cellOptions"] = kinds.TableBarGaugeCellOptions(
            mode=kinds.BarGaugeDisplayMode.BASIC, value_display_mode=kinds.BarGaugeValueMode.TEXT
        )
    if column.words:
        told = {value: {"text": text, "color": color} for value, (text, color) in column.words.items()}
        properties["mappings"] = [{"type": "value", "options": told}, _dash()]
        properties["custom.cellOptions"] = kinds.TableColorTextCellOptions()
    if column.trend:
        properties |= _sparkline(hide_value=True)
    if column.link:
        properties["links"] = [{"title": "Open", "url": column.link}]
    return properties_of(properties)


def _sparkline(*, hide_value: bool) -> dict[str, object]:
    line = kinds.TableSparklineCellOptions(
        line_width=2, fill_opacity=10, gradient_mode=kinds.GraphGradientMode.NONE, hide_value=hide_value
    )
    return {"custom.cellOptions": line, "color": {"mode": "fixed", "fixedColor": BLUE}}


def _dash(color: str = GREY) -> models.ValueMapping:
    dash = models.ValueMappingResult(text="–", color=color or None)
    return models.SpecialValueMap(
        options=models.DashboardSpecialValueMapOptions(match=models.SpecialValueMatch.NULL_AND_NAN, result=dash)
    )


def trends(
    words: Words, expr: str, label: str, *, link: str = "", last: str = "28 days", width: int = 12, height: int = 8
) -> table.Panel:
    """A row for each value of a label, with the newest value and a line of half a year, each on a scale of its own.

    So no line hides another, names are never cut, and no number of them runs out of colors.
    """
    panel = _table(words, width, height).time_from(HALF_A_YEAR).no_value(NEEDS_HISTORY)
    panel.with_target(ranged("A", Query(expr)))
    named = Column(label.capitalize(), label=label, link=link)
    if properties := _cell(named):
        panel.override_by_name(named.name, properties)
    panel.override_by_name(last, properties_of(_sparkline(hide_value=False)))
    panel.sort_by([common.TableSortByFieldState().display_name(last).desc(True)])
    arranged = {
        "renameByName": {label: named.name, "Trend #A": last},
        "excludeByName": {hidden: True for hidden in _HIDDEN if hidden != label},
        "indexByName": {},
    }
    return panel.with_transformation(_step("timeSeriesTable", {"A": {"stat": "lastNotNull"}})).with_transformation(
        _step("organize", arranged)
    )


def matrix(
    words: Words, expr: str, *, row: str, column: str, link: str = "", width: int = 24, height: int = 9, cell: int = 215
) -> table.Panel:
    """A table with the values of one label as rows, those of another as columns, and darker cells for larger values.

    `cell` is the least width of a column in pixels; 215 hold a host name of 25 letters.

    Grafana calls the values of a panel's only query `Value`, and those of one of several `Value #A`.
    """
    panel = _table(words, width, height).with_target(instant("A", expr).format(PromQueryFormat.TABLE))
    panel.color_scheme(builders.FieldColor().mode(models.FieldColorModeId.CONTINUOUS_BLUES))
    panel.cell_options(kinds.TableColoredBackgroundCellOptions(mode=kinds.TableCellBackgroundDisplayMode.BASIC))
    panel.override_by_regexp("/.*/", properties_of({"custom.minWidth": cell}))
    corner = {
        "displayName": row.capitalize(),
        "custom.cellOptions": kinds.TableAutoCellOptions(wrap_text=True),
        "custom.minWidth": 160,
    }
    if link:
        corner["links"] = [{"title": "Open", "url": link}]
    panel.override_by_name(f"{row}\\{column}", properties_of(corner))
    fields = {"rowField": row, "columnField": column, "valueField": _ONLY_VALUE, "emptyValue": "null"}
    return panel.with_transformation(_step("groupingToMatrix", fields))


def _table(words: Words, width: int, height: int) -> table.Panel:
    """Long names go on in a second line: Grafana 11 knows the option of the cell, and 13 those of the column."""
    return (
        table.Panel()
        .title(words.title)
        .description(words.description)
        .datasource(DATASOURCE)
        .unit(words.unit)
        .span(width)
        .height(height)
        .no_value("–")
        .mappings([_dash("")])
        .cell_height(kinds.TableCellHeight.SM)
        .cell_options(kinds.TableAutoCellOptions(wrap_text=True))
        .override_by_regexp("/.*/", properties_of({"custom.wrapText": True, "custom.wrapHeaderText": True}))
    )
