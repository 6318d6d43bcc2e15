"""Where names lead: from a tool, a scope or a team to its dashboard, with the time range and the job kept."""

_KEPT = "&${job:queryparam}&${__url_time_range}"

# Of a row of a table with the columns Vendor, Source and Scope, be they hidden.
TOOL_ROW = (
    "/d/adoption-${__data.fields.Vendor}?var-source=${__data.fields.Source}&var-scope=${__data.fields.Scope}" + _KEPT
)
# Of a source in a row with the column Vendor, with all its scopes.
SOURCE_ROW = "/d/adoption-${__data.fields.Vendor}?var-source=${__value.raw}" + _KEPT
# Of a series, a bar or a number.
TOOL = (
    "/d/adoption-${__field.labels.vendor}?var-source=${__field.labels.source}&var-scope=${__field.labels.scope}" + _KEPT
)
SOURCE = "/d/adoption-${__field.labels.vendor}?var-source=${__field.labels.source}" + _KEPT
# Of a cell that holds a source and knows no vendor.
SOURCE_CELL = "/d/adoption-overview?var-source=${__value.raw}" + _KEPT
TEAM_CELL = "/d/adoption-teams?var-team=${__value.raw}" + _KEPT
TEAM_CELL_HERE = "/d/adoption-teams?var-team=${__value.raw}&${source:queryparam}&${scope:queryparam}" + _KEPT
TEAM = "/d/adoption-teams?var-team=${__field.labels.team}" + _KEPT
TEAM_HERE = "/d/adoption-teams?var-team=${__field.labels.team}&${source:queryparam}&${scope:queryparam}" + _KEPT


def scope_cell(vendor: str) -> str:
    """Of a cell that holds a scope of the chosen source of this vendor."""
    return f"/d/adoption-{vendor}?var-scope=${{__value.raw}}&${{source:queryparam}}&${{window:queryparam}}{_KEPT}"
