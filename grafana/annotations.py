"""What is marked on every chart: weekends, days that are closed or revised, and alerts that fire."""

from grafana_foundation_sdk.cog.variants import Dataquery
from grafana_foundation_sdk.models import common as kinds
from grafana_foundation_sdk.models import dashboard as models

from grafana.colors import BAD, GREY, PURPLE
from grafana.panels import DATASOURCE
from grafana.queries import DATA_DAY

_GRAFANA = kinds.DataSourceRef(type_val="datasource", uid="grafana")


class _Weekends(Dataquery):
    """Grafana's own query for a part of every week, in UTC, in which the days of the exporter are."""

    def to_json(self) -> dict[str, object]:
        """As Grafana stores it."""
        region = {"fromDayOfWeek": 6, "toDayOfWeek": 7, "timezone": "utc"}
        return {"queryType": "timeRegions", "refId": "Anno", "timeRegion": region}


def annotations(chosen: str) -> list[models.AnnotationQuery]:
    """The annotations of a dashboard whose selectors have `chosen` in their braces."""
    day = f"max by (source) ({DATA_DAY}{{{chosen}}})"
    closed = f"max by (source) (adoption_data_day_workday{{{chosen}}}) == 0"
    revised = f"max by (source, vendor, scope, day) (adoption_day_revised_timestamp_seconds{{{chosen}}}) * 1000"
    firing = f'ALERTS{{alertname=~"Adoption.*", alertstate="firing", {chosen}}}'
    return [
        models.AnnotationQuery(
            name="Weekends", datasource=_GRAFANA, icon_color="rgba(128, 128, 128, 0.12)", target=_Weekends()
        ),
        # Weekends are shaded already.
        _mark(
            "Closed days",
            f"{day} * 1000 and {closed} and day_of_week({day}) > 0 < 6",
            GREY,
            "{{source}}: closed",
            of_value=True,
        ),
        _mark("Revised days", revised, PURPLE, "{{source}} ({{scope}}): {{day}} revised", of_value=True),
        _mark("Alerts", firing, BAD, "{{alertname}}: {{source}} {{scope}}", of_value=False),
    ]


def _mark(name: str, expr: str, color: str, text: str, *, of_value: bool) -> models.AnnotationQuery:
    return models.AnnotationQuery(
        name=name,
        datasource=DATASOURCE,
        icon_color=color,
        expr=expr,
        step="1h",
        title_format=name,
        text_format=text,
        use_value_for_time=of_value,
    )
