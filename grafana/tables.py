"""Tables: a row for each tool, team or source, a column for each number."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from grafana_foundation_sdk.builders import common, table
from grafana_foundation_sdk.builders import dashboard as builders
from grafana_foundation_sdk.models import common as kinds
from grafana_foundation_sdk.models import dashboard as models
from grafana_foundation_sdk.models.prometheus import PromQueryFormat

from grafana.colors import BLUE
from grafana.panels import DATASOURCE, REFS, Steps, Words, instant, properties_of, thresholds
from grafana.queries import KEYS, ON, at_noon

# Labels of queries that a table only shows where a column is made of them.
_HIDDEN = ("Time", "source", "vendor", "scope", "team")
_ONLY_VALUE = "Value"


@dataclass(frozen=True)
class Column:
    """A column of a table: a label, or what an expression gives.

    `gauge` draws it as a bar from 0 to 1, `steps` colors it, `words` are texts and colors for values, `link` is where
    it leads. `trend` is an expression of series with the label `day`, which are drawn as a line.
    """

    name: str
    expr: str = ""
    label: str = ""
    unit: str = ""
    gauge: bool = False
    steps: Steps = ()
    words: Mapping[str, tuple[str, str]] = field(default_factory=dict)
    link: str = ""
    width: int | None = None
    trend: str = ""


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
        dash = models.ValueMappingResult(text="–")
        unknown = models.DashboardSpecialValueMapOptions(match=models.SpecialValueMatch.NA_N, result=dash)
        panel.mappings([models.SpecialValueMap(options=unknown)])
        panel.with_transformation(_step("filterFieldsByName", {"exclude": {"names": ["Time"]}}))
    if sort:
        panel.sort_by([common.TableSortByFieldState().display_name(sort).desc(True)])
    names: dict[str, str] = {}
    refs = iter(REFS)
    for column in columns:
        called = column.label
        if column.trend:
            ref = next(refs)
            called = f"Trend #{ref}"
            panel.with_target(instant(ref, at_noon(column.trend, *KEYS)).format(PromQueryFormat.TABLE))
            for step in _trend(ref):
                panel.with_transformation(step)
        if column.expr:
            ref = next(refs)
            called = f"Value #{ref}"
            expr = f"({column.expr})\nor {ON} {every} * NaN" if every else column.expr
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
    if column.unit:
        properties["unit"] = column.unit
    if column.width:
        properties["custom.width"] = column.width
    if column.steps:
        properties["thresholds"] = thresholds(column.steps).build()
        properties["color"] = {"mode": "thresholds"}
        properties["custom.cellOptions"] = kinds.TableColorTextCellOptions()
    if column.gauge:
        properties |= {"min": 0, "max": 1, "color": {"mode": "fixed", "fixedColor": BLUE}}
        properties["custom.cellOptions"] = kinds.TableBarGaugeCellOptions(
            mode=kinds.BarGaugeDisplayMode.BASIC, value_display_mode=kinds.BarGaugeValueMode.TEXT
        )
    if column.words:
        told = {value: {"text": text, "color": color} for value, (text, color) in column.words.items()}
        properties["mappings"] = [{"type": "value", "options": told}]
        properties["custom.cellOptions"] = kinds.TableColorTextCellOptions()
    if column.trend:
        properties["custom.cellOptions"] = kinds.TableSparklineCellOptions(
            line_width=2, fill_opacity=10, hide_value=True
        )
        properties["color"] = {"mode": "fixed", "fixedColor": BLUE}
    if column.link:
        properties["links"] = [{"title": "Open", "url": column.link}]
    return properties_of(properties)


def matrix(words: Words, expr: str, *, row: str, column: str, width: int = 24, height: int = 9) -> table.Panel:
    """A table with the values of one label as rows, those of another as columns, and darker cells for larger values.

    Grafana calls the values of a panel's only query `Value`, and those of one of several `Value #A`.
    """
    panel = _table(words, width, height).with_target(instant("A", expr).format(PromQueryFormat.TABLE))
    panel.color_scheme(builders.FieldColor().mode(models.FieldColorModeId.CONTINUOUS_BLUES))
    panel.cell_options(kinds.TableColoredBackgroundCellOptions(mode=kinds.TableCellBackgroundDisplayMode.BASIC))
    corner = {"displayName": row.capitalize(), "custom.cellOptions": kinds.TableAutoCellOptions(), "custom.width": 160}
    panel.override_by_name(f"{row}\\{column}", properties_of(corner))
    fields = {"rowField": row, "columnField": column, "valueField": _ONLY_VALUE, "emptyValue": "null"}
    return panel.with_transformation(_step("groupingToMatrix", fields))


def _table(words: Words, width: int, height: int) -> table.Panel:
    return (
        table.Panel()
        .title(words.title)
        .description(words.description)
        .datasource(DATASOURCE)
        .unit(words.unit)
        .span(width)
        .height(height)
        .no_value("–")
        .cell_height(kinds.TableCellHeight.SM)
    )
