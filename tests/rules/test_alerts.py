"""The rules: what promtool says of them, and that each alert is documented and tested on both sides."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from exporter.commands.dashboards import GRAFANA
from exporter.commands.dashboards import RUNBOOKS as RUNBOOKS_URL
from exporter.metrics import CATALOGUE
from tests.support import promql, real_servers

ROOT = Path(__file__).parents[2]
RULES = ROOT / "prometheus"
CASES = sorted((RULES / "tests").glob("*.yaml"))
RUNBOOKS = ROOT / "docs" / "runbooks"

BOARDS = {path.stem for path in (ROOT / "grafana" / "dashboards").glob("*.json")}
# Each process has a configuration of its own.
RELOAD_FAILED = "last_over_time(adoption_exporter_config_last_reload_successful[30m]) == 0"


@pytest.mark.servers("promtool")
@pytest.mark.parametrize("file", ["recording.yaml", "alerts.yaml"])
def test_promtool_finds_no_fault_in_the_rules(file: str) -> None:
    checked = real_servers.promtool("check", "rules", "--lint=all", "--lint-fatal", RULES / file)

    assert checked.returncode == 0, checked.stdout + checked.stderr


@pytest.mark.servers("promtool")
def test_promtool_finds_no_fault_in_the_example_of_prometheus() -> None:
    checked = real_servers.promtool("check", "config", RULES / "prometheus.yml")

    assert checked.returncode == 0, checked.stdout + checked.stderr


@pytest.mark.servers("alertmanager")
def test_an_alertmanager_takes_the_example(tmp_path: Path) -> None:
    with real_servers.alertmanager((RULES / "alertmanager.yml").read_text(), tmp_path) as url:
        assert url


@pytest.mark.servers("promtool")
@pytest.mark.parametrize("file", CASES, ids=lambda file: file.stem)
def test_the_alerts_do_what_their_cases_say(file: Path) -> None:
    tested = real_servers.promtool("test", "rules", file)

    assert tested.returncode == 0, tested.stdout + tested.stderr


def test_what_every_alert_says_is_tested() -> None:
    """Tests with the exporter's own series have `says`. When it fires, and that it does not else, they say anyway."""
    cases = [case for file in CASES for test in load(file)["tests"] for case in test.get("alert_rule_test", [])]
    scripts = "".join(path.read_text() for path in Path(__file__).parent.glob("test_*_alerts.py"))
    said = [
        told[1] for told in re.finditer(r'Told\(\s*"(\w+)"((?:(?!Told\().)*)', scripts, re.DOTALL) if "says=" in told[2]
    ]

    assert {*said, *(case["alertname"] for case in cases if case["exp_alerts"])} == {*alert_names()}


def test_every_alert_carries_a_severity_numbers_and_links() -> None:
    for rule in alerts():
        name, annotations = rule["alert"], rule["annotations"]

        assert rule["labels"]["severity"] in {"info", "warning", "critical"}, name
        assert annotations.keys() == {"summary", "description", "runbook_url", "dashboard_url"}, name
        assert annotations["runbook_url"] == f"{RUNBOOKS_URL}/{name}.md"
        assert annotations["dashboard_url"].partition("?")[0].removeprefix(f"{GRAFANA}/d/") in BOARDS, name
        # An exporter that is gone and a file that is refused have no number to tell.
        if name not in {"AdoptionExporterDown", "AdoptionReloadFailed"}:
            assert re.search(r"\$value|query", "".join(rule["annotations"].values())), name


def test_every_alert_has_a_runbook_that_says_when_it_fires_and_every_runbook_an_alert() -> None:
    pages = {page.stem: page.read_text() for page in RUNBOOKS.glob("*.md")}
    index = pages.pop("README")

    assert {*pages} == {*alert_names()}
    assert {*re.findall(r"\((\w+)\.md\)", index)} == {*alert_names()}
    for name, page in pages.items():
        assert page.startswith(f"# {name}\n"), name
        assert "**Fires when**" in page, name
        assert "**Then**" in page, name
        assert {*re.findall(r"\((\w+)\.md\)", page)} <= {*alert_names()}, name


def test_the_rules_know_only_metrics_and_labels_of_the_catalogue() -> None:
    others = frozenset({"ALERTS", *(rule["record"] for rule in rules() if "record" in rule)})

    assert [wrong for rule in rules() for wrong in promql.unknown(rule["expr"], others)] == []


def test_queries_in_annotations_name_what_is_recorded_or_exported() -> None:
    recorded = {rule["record"] for rule in rules() if "record" in rule}
    for rule in alerts():
        named = re.findall(r"\b(scope:\w+:\w+)", rule["annotations"]["description"])

        assert {*named} <= recorded, rule["alert"]


def test_every_alert_about_people_or_data_names_the_day_it_speaks_of() -> None:
    groups = {group["name"]: group["rules"] for group in load(RULES / "alerts.yaml")["groups"]}
    day = re.compile(r'"scope:adoption_(workday|data_day)_timestamp_seconds:last30m.*Format "2006-01-02"')

    assert [rule["alert"] for rule in (*groups["adoption"], *groups["adoption_data"]) if not names(rule, day)] == []


def names(rule: dict[str, Any], day: re.Pattern[str]) -> bool:
    return day.search(rule["annotations"]["description"].replace("max(", "")) is not None


def test_alerts_look_at_series_that_outlive_a_missed_scrape() -> None:
    """Recorded series do, and so does what is asked over a time. The exporter's absence is what one alert is about."""
    at_once = {rule["alert"]: metrics for rule in alerts() if (metrics := asked_at_once(rule["expr"]))}

    assert at_once == {"AdoptionExporterDown": {"adoption_exporter_build_info"}}


def test_what_is_recorded_outlives_half_an_hour_and_is_gone_within_the_hour() -> None:
    recorded = [rule["expr"] for rule in rules() if "record" in rule]

    assert {span for expr in recorded for span in re.findall(r"\[(\w+)\]", expr)} == {"30m"}
    assert [expr for expr in recorded if asked_at_once(expr)] == []


def asked_at_once(expression: str) -> set[str]:
    """The exporter's metrics that an expression asks for the newest value, and not over a time."""
    return CATALOGUE.keys() & {*re.findall(r"[\w:]+", re.sub(r"\w+(\{[^}]*\})?\[\w+\]", "", expression))}


def test_exporters_stay_apart_and_replicas_do_not() -> None:
    """`by` would take `job` away, and the namespace or cluster that others add."""
    every = [rule["expr"] for rule in rules()]
    ranges = re.compile(r"(\w+) without \(instance, pod[^)]*\) \(\s*(?:last_over_time|increase)\(")

    assert [expr for expr in every if " by (" in expr or "on (" in expr] == []
    assert [expr for expr in every if ranges.search(expr) is None and CATALOGUE.keys() & named(expr)] == [RELOAD_FAILED]


def named(expression: str) -> set[str]:
    return {selector.metric for selector in promql.selectors(expression)}


def test_no_alert_asks_which_weekday_it_is() -> None:
    clocks = re.compile(r"day_of_week|day_of_month|\bhour\(|\bmonth\(")

    assert [rule for rule in rules() if clocks.search(rule["expr"])] == []


def test_whatever_inhibits_or_is_inhibited_is_an_alert() -> None:
    config = load(RULES / "alertmanager.yml")
    matchers = [
        matcher
        for rule in config["inhibit_rules"]
        for matcher in rule["source_matchers"] + rule["target_matchers"]
        if not matcher.startswith("alertname !=")
    ]
    patterns = [re.sub(r'alertname =~? "?([^"]+)"?', r"\1", matcher) for matcher in matchers]

    assert [p for p in patterns for part in p.split("|") if not any(re.fullmatch(part, n) for n in alert_names())] == []


def rules() -> Iterator[dict[str, Any]]:
    for file in ("recording.yaml", "alerts.yaml"):
        for group in load(RULES / file)["groups"]:
            yield from group["rules"]


def alerts() -> list[dict[str, Any]]:
    return [rule for rule in rules() if "alert" in rule]


def alert_names() -> list[str]:
    return sorted({rule["alert"] for rule in alerts()})


def load(file: Path) -> Any:
    return yaml.safe_load(file.read_text())
