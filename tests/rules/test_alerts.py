"""The rules: what promtool says of them, and that each alert is documented and tested on both sides."""

import re
from collections.abc import Iterator
from datetime import date, timedelta
from functools import cache
from pathlib import Path
from statistics import median
from typing import Any

import pytest
import yaml

from exporter.simulator.company import Company
from tests.support import promql, real_servers

ROOT = Path(__file__).parents[2]
RULES = ROOT / "prometheus"
CASES = sorted((RULES / "tests").glob("*.yaml"))
RUNBOOKS = ROOT / "docs" / "runbooks"

# What a year of the simulated company has: Company keeps these days quiet.
HOLIDAYS = {(1, 1), (5, 1), (10, 3), (12, 24), (12, 25), (12, 26), (12, 31)}


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


def test_every_alert_has_a_case_in_which_it_fires_and_one_in_which_it_is_silent() -> None:
    cases = [case for file in CASES for test in load(file)["tests"] for case in test.get("alert_rule_test", [])]

    assert {case["alertname"] for case in cases if case["exp_alerts"]} == {*alert_names()}
    assert {case["alertname"] for case in cases if not case["exp_alerts"]} == {*alert_names()}


def test_every_alert_carries_a_severity_numbers_and_a_runbook() -> None:
    for rule in alerts():
        name = rule["alert"]

        assert rule["labels"]["severity"] in {"info", "warning", "critical"}, name
        assert rule["annotations"].keys() == {"summary", "description", "runbook"}, name
        assert rule["annotations"]["runbook"] == f"docs/runbooks/{name}.md"
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


@pytest.mark.servers("promtool")
@pytest.mark.parametrize("people", [60, 200])
def test_a_year_of_a_steady_company_raises_no_alert_about_adoption(people: int, tmp_path: Path) -> None:
    """Weekends, holidays, part-timers, joiners and leavers are no drop, and chance is one on one day in three years."""
    (tmp_path / "year.yaml").write_text(yaml.safe_dump(year(Company(people=people, first_day=date(2025, 6, 1)))))

    tested = real_servers.promtool("test", "rules", tmp_path / "year.yaml")

    assert tested.returncode == 0, tested.stdout + tested.stderr


def year(company: Company) -> dict[str, Any]:
    """A promtool test of a year: each day's numbers stand for 24 hours; nothing may have fired for more than a day."""
    labels = 'source="assistant",vendor="augment",scope="all"'
    first = company.first_day + timedelta(days=56)
    days = [first + timedelta(days=number) for number in range(365)]
    values: dict[str, list[float]] = {}
    for number, day in enumerate(days):
        workday = day.weekday() < 5 and (day.month, day.day) not in HOLIDAYS
        before = [active(company, day, 1, 7 * weeks) for weeks in (1, 2, 3, 4)]
        of_day = {
            f"adoption_data_day_timestamp_seconds{{{labels}}}": (number - 1) * 86400,
            f"adoption_data_day_workday{{{labels}}}": int(workday),
            f"adoption_active_users_baseline{{{labels}}}": median(len(people) for people in before),
            f'adoption_active_users{{{labels},window="1d"}}': len(active(company, day, 1)),
        }
        for window, length in (("7d", 7), ("28d", 28)):
            now, then = active(company, day, length), active(company, day, length, length)
            of_day |= {
                f'adoption_active_users{{{labels},window="{window}"}}': len(now),
                f'adoption_new_users{{{labels},window="{window}"}}': 0,
                f'adoption_returned_users{{{labels},window="{window}"}}': len(now - then),
                f'adoption_lapsed_users{{{labels},window="{window}"}}': len(then - now),
            }
        for series, value in of_day.items():
            values.setdefault(series, []).append(value)
    firing = 'ALERTS{alertname!="AdoptionExporterDown", alertstate="firing"}'
    return {
        "rule_files": [str(RULES / "recording.yaml"), str(RULES / "alerts.yaml")],
        "evaluation_interval": "6h",
        "tests": [
            {
                "interval": "6h",
                "input_series": [
                    {"series": series, "values": " ".join(f"{value}x3" for value in of_days)}
                    for series, of_days in values.items()
                ],
                "promql_expr_test": [
                    {
                        "expr": f"count_over_time({firing}[365d]) > 4",
                        "eval_time": "365d",
                        "exp_samples": [],
                    },
                    {
                        "expr": "count_over_time(scope:adoption_active_users:workday[365d]) > bool 900",
                        "eval_time": "365d",
                        "exp_samples": [{"labels": f"{{{labels}}}", "value": 1}],
                    },
                ],
            }
        ],
    }


def active(company: Company, last: date, length: int, back: int = 0) -> frozenset[int]:
    """The people of the window of so many days that ends so many days before the last one."""
    days = (last - timedelta(days=back + number) for number in range(length))
    return frozenset().union(*(people_of(company, day) for day in days))


@cache
def people_of(company: Company, day: date) -> frozenset[int]:
    return frozenset(entry.person.number for entry in company.day(day) if not entry.person.service)


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
