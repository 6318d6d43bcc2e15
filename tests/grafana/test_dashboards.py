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

from exporter.vendors import VENDORS
from tests.support import promql, real_servers

with warnings.catch_warnings():
    # The model of dashboards that Grafana 11 reads is called deprecated for that of Grafana 13.
    warnings.simplefilter("ignore", DeprecationWarning)
    from grafana import build, queries

FILES = sorted(build.FOLDER.glob("*.json"))
# Of the Python client and the process, which the catalogue leaves to their library.
PROCESS = frozenset({"process_resident_memory_bytes", "process_cpu_seconds_total"})
# Flow of people: who is new and who returned are apart by definition.
MAY_BE_ADDED = {"adoption_new_users", "adoption_returned_users"}


def test_the_dashboards_are_what_the_code_builds() -> None:
    assert {file.name: file.read_text() for file in FILES} == build.rendered(), "run python -m grafana.build"


def test_there_is_a_dashboard_for_every_vendor_and_for_what_they_share() -> None:
    shared = {"adoption-overview", "adoption-teams", "adoption-exporter"}

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
def test_days_are_drawn_in_utc_and_one_point_a_day(file: Path) -> None:
    board = json.loads(file.read_text())
    shifted = [target for _, target in targets(board) if "offset -" in target["expr"]]

    assert board["timezone"] == "utc"
    assert {target["interval"] for target in shifted} <= {"1d"}
    assert shifted or board["uid"] == "adoption-exporter"


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
    assert variables[:3] == ["datasource", "source", "scope"]


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_every_expression_knows_only_metrics_and_labels_of_the_catalogue(file: Path) -> None:
    expressions = [substituted(target["expr"]) for _, target in targets(json.loads(file.read_text()))]

    assert [wrong for expression in expressions for wrong in promql.unknown(expression, PROCESS)] == []


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_no_expression_adds_people(file: Path) -> None:
    added = {
        metric
        for _, target in targets(json.loads(file.read_text()))
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


def test_links_lead_to_dashboards_that_exist() -> None:
    uids = {board["uid"] for board in boards()}
    text = json.dumps(boards())

    assert set(re.findall(r'/d/([a-z-]+)[?"]', text)) <= uids
    assert "/d/adoption-${__data.fields.Vendor}?" in text
    assert all(link["tags"] == ["adoption"] for board in boards() for link in board["links"])


@pytest.mark.servers("promtool")
def test_a_day_is_drawn_on_its_day_live_or_backfilled_and_a_late_day_is_a_gap(tmp_path: Path) -> None:
    """Two days are backfilled at 03:00 of the next one, then it is live; day 3 comes together with day 4."""
    labels = 'source="a", vendor="augment", scope="all"'
    live = 'job="adoption", instance="b"'
    case = {
        "interval": "1h",
        "input_series": [
            {"series": f"adoption_data_day_timestamp_seconds{{{labels}}}", "values": "_x27 0 _x23 86400"},
            {"series": f'adoption_active_users{{{labels}, window="1d"}}', "values": "_x27 70 _x23 71"},
            {
                "series": f"adoption_data_day_timestamp_seconds{{{labels}, {live}}}",
                "values": "_x60 86400x14 172800x47 345600x19",
            },
            {
                "series": f'adoption_active_users{{{labels}, {live}, window="1d"}}',
                "values": "_x60 71x14 72x47 74x19",
            },
        ],
        "promql_expr_test": [
            drawn(queries.Facts('source="a"').each_day("adoption_active_users", window="1d"), labels, day, people)
            for day, people in enumerate([70, 71, 72, None, 74, None, None])
        ],
    }
    (tmp_path / "days.yaml").write_text(json.dumps({"evaluation_interval": "1h", "tests": [case]}))

    tested = real_servers.promtool("test", "rules", tmp_path / "days.yaml")

    assert tested.returncode == 0, tested.stdout + tested.stderr


def test_grafana_is_told_where_the_dashboards_are() -> None:
    provisioning = build.FOLDER.parent / "provisioning"
    (provider,) = yaml.safe_load((provisioning / "dashboards" / "adoption.yaml").read_text())["providers"]
    (source,) = yaml.safe_load((provisioning / "datasources" / "prometheus.yaml").read_text())["datasources"]

    assert provider["options"] == {"path": "/etc/grafana/dashboards"}
    assert source["type"] == "prometheus"


def drawn(expression: str, labels: str, day: int, people: int | None) -> dict[str, Any]:
    """That the expression has this value, or none, at the start of the day."""
    samples = [] if people is None else [{"labels": f"{{{labels}}}", "value": people}]
    return {"expr": expression, "eval_time": f"{24 * day}h", "exp_samples": samples}


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
    return re.sub(r"\$(\w+)", lambda match: (values or {}).get(match[1], "word"), expression)


def overlap(a: Mapping[str, int], b: Mapping[str, int]) -> bool:
    beside = a["x"] + a["w"] <= b["x"] or b["x"] + b["w"] <= a["x"]
    return not beside and a["y"] < b["y"] + b["h"] and b["y"] < a["y"] + a["h"]
