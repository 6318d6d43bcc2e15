"""What all dashboards share: variables, links between them, the time that they show, and sections of panels."""

from collections.abc import Sequence
from dataclasses import dataclass

from grafana_foundation_sdk.builders import dashboard as builders
from grafana_foundation_sdk.models import dashboard as models
from grafana_foundation_sdk.models import table as tables

from grafana.annotations import annotations
from grafana.panels import DATASOURCE, Panel
from grafana.queries import DATA_DAY

# The schema of Grafana 11; newer ones read it and bring it up to date.
_SCHEMA = 39
JOB = 'job=~"$job"'
# What every selector of sources has in its braces, be one of them chosen or several.
ONE_OR_MORE = f'{JOB}, source=~"$source", scope=~"$scope"'


@dataclass(frozen=True)
class Section:
    """A row with its title and panels; without a title it stands at the top of a dashboard."""

    title: str
    panels: Sequence[Panel]


def board(
    uid: str,
    title: str,
    description: str,
    variables: Sequence[builders.QueryVariable | builders.CustomVariable],
    sections: Sequence[Section],
    since: str = "now-90d",
    chosen: str = ONE_OR_MORE,
) -> models.Dashboard:
    """A dashboard in UTC, of which the days are. `chosen` are the matchers of what is marked on its charts.

    The SDK's defaults for tables and variables that Grafana's newer types do not know are taken away.
    """
    made = (
        builders.Dashboard(title)
        .uid(f"adoption-{uid}")
        .description(description)
        .tags(["adoption"])
        .timezone("utc")
        .week_start("monday")
        .time(since, "now")
        .refresh("15m")
        .tooltip(models.DashboardCursorSync.CROSSHAIR)
        .link(
            builders.DashboardLink("Adoption dashboards")
            .type(models.DashboardLinkType.DASHBOARDS)
            .tags(["adoption"])
            .as_dropdown(True)
            .keep_time(True)
        )
        .with_variable(builders.DatasourceVariable("datasource").label("Data source").type("prometheus"))
        .with_variable(_jobs())
    )
    for variable in variables:
        made.with_variable(variable)
    for section in sections:
        if section.title:
            made.with_row(builders.Row(section.title))
        for panel in section.panels:
            made.with_panel(panel)
    built = made.build()
    built.schema_version = _SCHEMA
    built.annotations = models.AnnotationContainer(list_val=annotations(chosen))
    for number, each in enumerate(built.panels or [], start=1):
        each.id_val = number
        if isinstance(each, models.Panel) and isinstance(each.options, tables.Options):
            each.options.footer = None
    for model in (built.templating and built.templating.list_val) or []:
        model.auto = model.auto_min = model.auto_count = None
    return built


def window() -> builders.CustomVariable:
    """1, 7 or 28 days; four weeks unless somebody chooses another."""
    return (
        builders.CustomVariable("window")
        .label("Window")
        .description("People and usage of so many days that end with the newest finished day")
        .values("1 day : 1d, 7 days : 7d, 28 days : 28d")
        .current(models.VariableOption(text="28 days", value="28d", selected=True))
    )


def sources(metric: str = DATA_DAY, vendor: str = "", *, several: bool = False) -> builders.QueryVariable:
    """The sources that have the metric: one of them, or several."""
    chosen = f'{JOB}, vendor="{vendor}"' if vendor else JOB
    return _labels("source", "Source", metric, chosen, several=several)


def scopes(metric: str = DATA_DAY, label: str = "Scope", *, several: bool = False) -> builders.QueryVariable:
    """The chosen sources' scopes: one of them, or several."""
    return _labels("scope", label, metric, f'{JOB}, source=~"$source"', several=several)


def teams() -> builders.QueryVariable:
    """The teams of the chosen source and scope."""
    return _labels("team", "Team", "adoption_team_active_users", ONE_OR_MORE, several=True)


def _jobs() -> builders.QueryVariable:
    return _labels("job", "Job", "adoption_exporter_build_info", "", several=True)


def _labels(name: str, label: str, metric: str, chosen: str, *, several: bool) -> builders.QueryVariable:
    """The values of a label of the series that are there now; those that ended are not listed."""
    query = f"query_result(count by ({name}) ({metric}{{{chosen}}}))"
    variable = (
        builders.QueryVariable(name)
        .label(label)
        .datasource(DATASOURCE)
        .query({"query": query, "refId": "PrometheusVariableQueryEditor-VariableQuery", "qryType": 3})
        .regex(f'/{name}="([^"]+)"/')
        .refresh(models.VariableRefresh.ON_TIME_RANGE_CHANGED)
        .sort(models.VariableSort.ALPHABETICAL_ASC)
    )
    if several:
        everything = models.VariableOption(text=["All"], value=["$__all"], selected=True)
        variable.multi(True).include_all(True).all_value(".*").current(everything)
    return variable
