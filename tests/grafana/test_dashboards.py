"""The dashboards as files: built from code, complete, and about series that exist."""

import json
import re
import warnings
from collections.abc import Iterator, Mapping
from itertools import combinations
from pathlib import Path
from typing import Any

import pytest
import yaml

from exporter.metrics import CATALOGUE
from exporter.vendors.registry import VENDORS
from tests.support import promql

with warnings.catch_warnings():
    # The model of dashboards that Grafana 11 reads is called deprecated for that of Grafana 13.
    warnings.simplefilter("ignore", DeprecationWarning)
    from grafana import build

FILES = sorted(build.FOLDER.glob("*.json"))
# Of the Python client and the process, which the catalogue leaves to their library.
PROCESS = frozenset({"process_resident_memory_bytes", "process_cpu_seconds_total"})
# Flow of people: who is new and who returned are apart by definition.
MAY_BE_ADDED = {"adoption_new_users", "adoption_returned_users"}


def test_the_dashboards_are_what_the_code_builds() -> None:
    assert {file.name: file.read_text() for file in FILES} == build.rendered(), "run python -m grafana.build"


def test_there_is_a_dashboard_for_every_vendor_and_for_what_they_share() -> None:
    shared = {"adoption-overview", "adoption-teams", "adoption-company", "adoption-money", "adoption-exporter"}

    assert {board["uid"] for board in boards()} == shared | {f"adoption-{vendor}" for vendor in VENDORS}


@pytest.mark.parametrize("key", ["uid", "title", "description"])
def test_no_two_dashboards_have_the_same_name(key: str) -> None:
    assert len({board[key] for board in boards()}) == len(FILES)


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_every_panel_has_words_a_unit_and_a_data_source(file: Path) -> None:
    for panel in panels(json.loads(file.read_text())):
        name = panel["title"]

        assert re.fullmatch(r"[A-Z][\w ,'-]+", name), name
        assert re.fullmatch(r"[A-Z].{60,}\.", panel["description"]), name
        assert panel["fieldConfig"]["defaults"]["unit"], name
        assert panel["targets"], name
        for source in (panel["datasource"], *(target["datasource"] for target in panel["targets"])):
            assert source == {"type": "prometheus", "uid": "${datasource}"}, name


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_every_panel_says_which_day_it_is_about_and_when_it_is_late(file: Path) -> None:
    told = re.compile(r"finished a day|finishes a day|has finished|finished day|Live series only")

    assert [
        panel["title"] for panel in panels(json.loads(file.read_text())) if not told.search(panel["description"])
    ] == []


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_days_are_drawn_in_utc_from_one_answer_about_all_of_them(file: Path) -> None:
    board = json.loads(file.read_text())
    expressions = [target["expr"] for _, target in targets(board)]

    assert board["timezone"] == "utc"
    assert [expr for expr in expressions if re.search(r"offset|== time\(\)", expr)] == []
    assert [
        title for title, target in targets(board) if "adoption_day_" in target["expr"] and not target["instant"]
    ] == []


def test_a_day_becomes_noon_of_it_in_utc_and_then_the_time_axis() -> None:
    (panel,) = [panel for panel in panels(read("adoption-coder")) if panel["title"] == "People in 7 and 28 days"]

    assert [step["id"] for step in panel["transformations"]] == [
        "filterFieldsByName",
        "convertFieldType",
        "prepareTimeSeries",
    ]
    assert {target["format"] for target in panel["targets"]} == {"table"}
    assert all('"day", "${1}T12:00:00Z", "day", "(.+)"' in target["expr"] for target in panel["targets"])


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_no_headline_shows_a_weekend(file: Path) -> None:
    """A tile or a table that shows one day shows a working day; charts and the chosen window may show any."""
    headlines = [panel for panel in panels(json.loads(file.read_text())) if panel["type"] in ("stat", "table")]

    assert [
        (panel["title"], target["expr"])
        for panel in headlines
        for target in panel["targets"]
        if re.search(r'adoption_active_users_baseline|window="1d"', target["expr"])
    ] == []


@pytest.mark.parametrize(
    "file", [file for file in FILES if file.stem != "adoption-exporter"], ids=lambda file: file.stem
)
def test_what_stands_beside_a_working_day_says_which(file: Path) -> None:
    board = json.loads(file.read_text())
    shown = {target["expr"] for _, target in targets(board)}

    if any("adoption_workday_active_users{" in expr for expr in shown):
        assert any(re.search(r"adoption_workday_timestamp_seconds\{.*\* 1000", expr) for expr in shown)


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_no_panel_covers_another_or_leaves_the_grid(file: Path) -> None:
    board = json.loads(file.read_text())
    places = {(panel["title"], panel["id"]): panel["gridPos"] for panel in board["panels"]}

    assert len({number for _, number in places}) == len(board["panels"])
    assert [title for title, at in places.items() if at["x"] + at["w"] > 24] == []
    assert [(one, other) for one, other in combinations(places, 2) if overlap(places[one], places[other])] == []


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_a_dashboard_has_the_variables_that_it_uses_and_no_others(file: Path) -> None:
    board = json.loads(file.read_text())
    variables = [variable["name"] for variable in board["templating"]["list"]]
    text = json.dumps([board["panels"], [variable["query"] for variable in board["templating"]["list"]]])
    text += "${datasource}"

    assert set(variables) == set(re.findall(r"\$\{?([a-z]+)\b", text))
    assert variables[:2] == ["datasource", "job"]
    assert board["uid"] == "adoption-company" or variables[2:4] == ["source", "scope"]


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_every_selector_of_ours_is_of_the_chosen_job(file: Path) -> None:
    """Process metrics are chosen by what they stand beside."""
    found = [
        selector.metric
        for _, target in targets(json.loads(file.read_text()))
        for selector in promql.selectors(substituted(target["expr"]))
        if "job" not in selector.labels
    ]

    assert set(found) <= PROCESS


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_variables_list_what_is_there_now(file: Path) -> None:
    """A query of values, unlike one of labels, knows nothing of series that ended."""
    asked = [each for each in json.loads(file.read_text())["templating"]["list"] if each["type"] == "query"]

    assert [each["name"] for each in asked if not each["query"]["query"].startswith("query_result(count by (")] == []
    assert [each["regex"] for each in asked] == [f'/{each["name"]}="([^"]+)"/' for each in asked]


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_weekends_closed_and_revised_days_and_alerts_are_marked(file: Path) -> None:
    marks = json.loads(file.read_text())["annotations"]["list"]
    expressions = [substituted(mark["expr"]) for mark in marks if "expr" in mark]

    assert [mark["name"] for mark in marks] == ["Weekends", "Closed days", "Revised days", "Alerts"]
    assert [wrong for expr in expressions for wrong in promql.unknown(expr, frozenset({"ALERTS"}))] == []


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_legends_are_tables_that_sort(file: Path) -> None:
    charts = [panel for panel in panels(json.loads(file.read_text())) if panel["type"] == "timeseries"]

    assert {panel["options"]["legend"]["displayMode"] for panel in charts} <= {"table"}
    assert {panel["options"]["legend"]["sortBy"] for panel in charts} <= {"Last *"}


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_every_expression_knows_only_metrics_and_labels_of_the_catalogue(file: Path) -> None:
    expressions = [substituted(target["expr"]) for _, target in targets(json.loads(file.read_text()))]

    assert [wrong for expression in expressions for wrong in promql.unknown(expression, PROCESS)] == []


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_no_expression_adds_people(file: Path) -> None:
    """Seats may be added, and so may those beyond a tool's people."""
    added = {
        metric
        for _, target in targets(json.loads(file.read_text()))
        if "adoption_seats{" not in target["expr"]
        for metric in promql.added(substituted(target["expr"]))
        if metric.endswith("_users") or metric == "adoption_active_service_accounts"
    }

    assert added <= MAY_BE_ADDED


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_no_expression_adds_activities(file: Path) -> None:
    added = {
        metric
        for _, target in targets(json.loads(file.read_text()))
        for metric in promql.added(substituted(target["expr"]))
        if "usage" in metric or "code_" in metric or "time_seconds" in metric
    }

    assert added <= {"adoption_exporter_poll_duration_seconds"}


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_every_tool_scope_and_team_leads_to_its_dashboard(file: Path) -> None:
    """Names of rows have a link of their own, those of series and bars the link of their panel."""
    missing = []
    for panel in panels(json.loads(file.read_text())):
        linked = {
            override["matcher"]["options"]
            for override in panel["fieldConfig"]["overrides"]
            for setting in override["properties"]
            if setting["id"] == "links"
        }
        hidden = {
            override["matcher"]["options"]
            for override in panel["fieldConfig"]["overrides"]
            for setting in override["properties"]
            if setting["id"] == "custom.hidden"
        }
        named = {
            step["options"]["renameByName"].get(label)
            for step in panel.get("transformations", ())
            if step["id"] == "organize"
            for label in ("tool", "source", "scope", "team")
        } | {
            f"{step['options']['rowField']}\\{step['options']['columnField']}"
            for step in panel.get("transformations", ())
            if step["id"] == "groupingToMatrix"
        }
        missing += [(panel["title"], name) for name in named - linked - hidden - {None}]
        legends = " ".join(
            target.get("legendFormat", "") for target in panel["targets"] if panel["type"] in ("bargauge", "timeseries")
        )
        if re.search(r"\{(source|team)\}", legends) and not panel["fieldConfig"]["defaults"].get("links"):
            missing.append((panel["title"], legends))

    assert missing == []


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_rises_have_a_plus(file: Path) -> None:
    told = []
    for panel in panels(json.loads(file.read_text())):
        fields = [{**panel["fieldConfig"]["defaults"]}] + [
            {setting["id"]: setting["value"] for setting in override["properties"]}
            for override in panel["fieldConfig"]["overrides"]
        ]
        told += [field["mappings"] for field in fields if field.get("unit") == "suffix:%"]
        less_one = [target["expr"] for target in panel["targets"] if re.search(r" - 1\b", target["expr"])]
        assert not less_one or any(field.get("unit") == "suffix:%" for field in fields) or "company" in less_one[0]

    assert all(each[0]["options"]["20"] == {"text": "+20 %"} for each in told)
    assert all(each[1]["options"] == {"from": 100, "to": 150, "result": {"text": "> +100 %"}} for each in told)


def test_links_lead_to_dashboards_that_exist() -> None:
    uids = {board["uid"] for board in boards()}
    text = json.dumps(boards())

    assert set(re.findall(r'/d/([a-z-]+)[?"]', text)) <= uids
    assert "/d/adoption-${__data.fields.Vendor}?" in text
    assert [link for link in re.findall(r'"url": "(/d/[^"]+)"', text) if "${__url_time_range}" not in link] == []
    assert all(link["tags"] == ["adoption"] for board in boards() for link in board["links"])


def test_the_page_of_questions_names_panels_and_metrics_that_exist() -> None:
    page = (build.FOLDER.parents[1] / "docs" / "boards.md").read_text()
    table = page.split("## Questions")[1].split("##")[0]
    answers = [line.strip("| ").split(" | ") for line in table.splitlines() if line.startswith("| ")][1:]
    titles = {panel["title"] for board in boards() for panel in panels(board)}
    told = {re.sub(r" \(.*\)", "", name) for answer in answers for name in answer[2].split("; ")}

    assert len(answers) > 15
    assert told - titles == set()
    assert {*re.findall(r"`(adoption_\w+)`", table)} <= {*CATALOGUE}


def test_grafana_is_told_where_the_dashboards_are() -> None:
    provisioning = build.FOLDER.parent / "provisioning"
    (provider,) = yaml.safe_load((provisioning / "dashboards" / "adoption.yaml").read_text())["providers"]
    (source,) = yaml.safe_load((provisioning / "datasources" / "prometheus.yaml").read_text())["datasources"]

    assert provider["options"] == {"path": "/etc/grafana/dashboards"}
    assert source["type"] == "prometheus"


def read(uid: str) -> dict[str, Any]:
    """One dashboard."""
    found: dict[str, Any] = json.loads((build.FOLDER / f"{uid}.json").read_text())
    return found


def boards() -> list[dict[str, Any]]:
    return [json.loads(file.read_text()) for file in FILES]


def panels(board: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Every panel but the titles of rows."""
    return [panel for panel in board["panels"] if panel["type"] != "row"]


def targets(board: Mapping[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    """Every query with the title of its panel."""
    for panel in panels(board):
        for target in panel["targets"]:
            yield panel["title"], target


def substituted(expression: str, values: Mapping[str, str] | None = None) -> str:
    """The expression with these values in place of variables; others get a word."""
    return re.sub(r"\$([a-z]\w*)", lambda match: (values or {}).get(match[1], "word"), expression)


def overlap(a: Mapping[str, int], b: Mapping[str, int]) -> bool:
    beside = a["x"] + a["w"] <= b["x"] or b["x"] + b["w"] <= a["x"]
    return not beside and a["y"] < b["y"] + b["h"] and b["y"] < a["y"] + a["h"]
