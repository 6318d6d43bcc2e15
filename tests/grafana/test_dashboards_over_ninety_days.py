"""Every expression of every panel, asked of a real Prometheus over ninety days of the demo."""

import json
import re
import warnings
from collections import Counter
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

import pytest

from exporter.simulator.company import Company
from exporter.simulator.server import VENDORS as SIMULATED
from exporter.vendors import VENDORS
from tests.grafana.test_dashboards import FILES, substituted, targets
from tests.support import ninety_days
from tests.support.companies import utc_now
from tests.support.ninety_days import DAYS, Servers, ask, query, query_range

with warnings.catch_warnings():
    warnings.simplefilter("ignore", DeprecationWarning)
    from grafana.queries import Facts

pytestmark = [pytest.mark.servers("prometheus", "promtool"), pytest.mark.real_clock]

DAY = 86_400

# Panels with a query that rightly has no data over the demo's ninety days, or with another value of a variable.
RIGHTLY_EMPTY = {
    ("adoption-coder-classic", "Seats used"): "the demo sets no seats for it",
    ("adoption-exporter", "Failed polls by reason"): "no poll of the demo fails",
    ("adoption-exporter", "Pushed over OTLP"): "the demo has no otlp section",
    ("adoption-exporter", "Requests to vendors"): "of Augment Code nothing is asked while its days are read",
    ("adoption-exporter", "Requests that vendors refused"): "the test looks before the second poll of an hour",
    ("adoption-exporter", "Sources at a glance"): "no token of the demo says when it expires",
    ("adoption-sourcegraph", "Seats used"): "one of the instances has no registry of its people",
    ("adoption-teams", "Teams at a glance"): "Augment Code measures no time",
    ("adoption-teams", "Time per person"): "Augment Code measures no time",
}


@dataclass(frozen=True)
class Asked:
    """A dashboard with one variable changed: how many queries each panel has, and how many of them answer nothing."""

    uid: str
    change: Mapping[str, str]
    queries: Counter[str]
    empty: Counter[str]


@pytest.fixture(scope="module")
def today() -> date:
    return utc_now().date()


@pytest.fixture(scope="module")
def company(today: date) -> Company:
    """One that never rests: on its newest day everything is used, whatever the weekday."""
    return Company(first_day=today - timedelta(days=400), rests=False)


@pytest.fixture(scope="module")
def servers(company: Company, today: date, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Servers]:
    with ninety_days.serving(tmp_path_factory.mktemp("ninety_days"), company, today) as running:
        yield running


@pytest.fixture(scope="module")
def found(servers: Servers) -> list[Asked]:
    """Every dashboard with every variable at its default, and then with each of them at another value."""
    asked = []
    for board in (json.loads(file.read_text()) for file in FILES if simulated(file.stem.removeprefix("adoption-"))):
        defaults = resolved(board, servers, {})
        changes: list[dict[str, str]] = [
            {},
            *({name: value} for name, value in others(board, servers, defaults).items()),
        ]
        for change in changes:
            empty = unanswered(board, resolved(board, servers, change), servers)
            asked.append(Asked(board["uid"], change, Counter(title for title, _ in targets(board)), empty))
    return asked


def test_every_expression_returns_data_with_every_variable_at_its_default(found: list[Asked]) -> None:
    empty = [(asked.uid, title) for asked in found if not asked.change for title in asked.empty]

    assert [panel for panel in empty if panel not in RIGHTLY_EMPTY] == []


def test_every_panel_returns_data_with_each_variable_at_another_value(found: list[Asked]) -> None:
    """A panel with a query for each vendor may lack those of the vendors that the value leaves out."""
    empty = [
        (asked.uid, title, asked.change)
        for asked in found
        for title, silent in asked.empty.items()
        if silent == asked.queries[title] and (asked.uid, title) not in RIGHTLY_EMPTY
    ]

    assert empty == []


def test_every_dashboard_was_asked_with_other_values_and_every_excuse_is_needed(found: list[Asked]) -> None:
    changed = Counter(asked.uid for asked in found if asked.change)

    assert changed.keys() == {asked.uid for asked in found}
    assert RIGHTLY_EMPTY.keys() <= {(asked.uid, title) for asked in found for title in asked.empty}


def test_people_are_drawn_on_the_day_on_which_they_were_active(servers: Servers, company: Company, today: date) -> None:
    """Counted once more in the simulated company, for every day but the newest ones that vendors revise."""
    expression = Facts('source="assistant"').each_day("adoption_active_users", window="1d")
    days = [today - timedelta(days=back) for back in range(2, DAYS)]
    start, end = (datetime.combine(day, time(), UTC).timestamp() for day in (days[-1], days[0]))

    (series,) = query_range(servers.prometheus, expression, start, end, DAY)

    assert {datetime.fromtimestamp(moment, UTC).date(): int(value) for moment, value in series["values"]} == {
        day: sum(not entry.person.service for entry in company.day(day)) for day in days
    }


def test_live_and_backfilled_series_are_one(servers: Servers) -> None:
    expression = Facts('source=~".*"').now("adoption_active_users", window="28d")

    shown = [tuple(sorted(found["metric"].items())) for found in query(servers.prometheus, expression)]
    known = query(servers.prometheus, 'adoption_active_users{window="28d"}')

    assert len(set(shown)) == len(shown) == len(known)


def resolved(board: Mapping[str, Any], servers: Servers, changes: Mapping[str, str]) -> dict[str, str]:
    """The values that Grafana gives the variables when the dashboard opens, but for the changed ones."""
    values: dict[str, str] = {}
    for variable in board["templating"]["list"]:
        name = variable["name"]
        if name in changes:
            values[name] = changes[name]
        elif variable["type"] == "custom":
            values[name] = variable["current"]["value"]
        elif variable["type"] == "query":
            values[name] = variable["allValue"] if variable["includeAll"] else choices(variable, values, servers)[0]
    return values


def others(board: Mapping[str, Any], servers: Servers, defaults: Mapping[str, str]) -> dict[str, str]:
    """Another value for each variable that has one."""
    found = {}
    for variable in board["templating"]["list"]:
        name = variable["name"]
        for choice in choices(variable, defaults, servers):
            if choice != defaults[name]:
                found[name] = choice
                break
    return found


def choices(variable: Mapping[str, Any], values: Mapping[str, str], servers: Servers) -> list[str]:
    """What the variable's list shows."""
    if variable["type"] == "custom":
        return re.findall(r": (\w+)", variable["query"])
    if variable["type"] != "query":
        return []
    asked = re.fullmatch(r"label_values\((.+), (\w+)\)", variable["query"]["query"])
    assert asked, variable["query"]
    selector = {"match[]": substituted(asked[1], values)}
    return sorted(ask(servers.prometheus, f"label/{asked[2]}/values", **selector))


def unanswered(board: Mapping[str, Any], values: Mapping[str, str], servers: Servers) -> Counter[str]:
    """How many queries answer nothing, by the title of their panel."""
    asked = [(title, target) for title, target in targets(board) if simulated(*vendors_in(target["expr"]))]
    with ThreadPoolExecutor(4) as pool:
        data = pool.map(lambda each: answers(each[1], values, servers.prometheus), asked)
        return Counter(title for (title, _), full in zip(asked, data, strict=True) if not full)


def simulated(*names: str) -> bool:
    """Whether none of the names is that of a vendor without a simulator, of which the demo has no source."""
    return not (VENDORS.keys() - SIMULATED.keys()).intersection(names)


def vendors_in(expression: str) -> list[str]:
    """The vendors that an expression is about, where it names any."""
    return re.findall(r'vendor="([^"]+)"', expression)


def answers(target: Mapping[str, Any], values: Mapping[str, str], url: str) -> bool:
    expression, now = substituted(target["expr"], values), utc_now().timestamp()
    if target["instant"]:
        return bool(query(url, expression))
    if target["interval"] == "1d":
        return bool(query_range(url, expression, now - DAYS * DAY, now, DAY))
    return bool(query_range(url, expression, now - 60, now, 5))
