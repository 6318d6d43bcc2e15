"""Every expression of every dashboard, asked of a real Prometheus on a holiday, on days of the week, on a first day."""

import json
import re
import warnings
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from exporter.simulator.company import Company
from exporter.simulator.server import VENDORS as SIMULATED
from exporter.vendors.registry import VENDORS
from tests.grafana.test_dashboards import FILES, substituted, targets
from tests.support import data_days
from tests.support.data_days import Shown
from tests.support.ninety_days import ask

with warnings.catch_warnings():
    warnings.simplefilter("ignore", DeprecationWarning)
    from grafana.annotations import annotations
    from grafana.boards import ONE_OR_MORE

pytestmark = [pytest.mark.servers("prometheus", "promtool")]

DAY = timedelta(days=1)
WEDNESDAY = date(2026, 10, 21)
# On Thursday and Friday the company rests.
HOLIDAY, SATURDAY, SUNDAY, MONDAY = (WEDNESDAY + number * DAY for number in (2, 3, 4, 5))
FIRST_DAY = date(2026, 7, 7)
ALL = {"job": ".*", "source": ".*", "scope": ".*", "team": ".*", "window": "28d"}

# Panels that rightly have nothing to show on any of these days.
BLANK = {
    ("adoption-coder-classic", "Seats used"): "the demo sets no seats for it",
    ("adoption-exporter", "Failed polls by reason"): "no poll of the demo fails",
    ("adoption-exporter", "Pushed over OTLP"): "the demo has no otlp section",
    ("adoption-exporter", "Requests that vendors refused"): "no counter of the demo moves within these minutes",
    ("adoption-gitlab", "Change"): "GitLab counts windows itself: the one before is known 28 days after the first poll",
    ("adoption-money", "Spend by model"): "GitHub does not say what a model costs",
    ("adoption-teams", "Members of teams that are not shown"): "every team of the demo uses some tool",
    ("adoption-teams", "Time per person"): "Augment Code measures no time",
}
# Panels of which single queries rightly have no answer.
SILENT = BLANK | {
    ("adoption-exporter", "Scopes at a glance"): "no vendor is late",
    ("adoption-exporter", "Sources at a glance"): "no token of the demo says when it expires",
    ("adoption-gitlab", "Projects at a glance"): "GitLab counts windows itself, as above",
    ("adoption-company", "People by number of tools"): "there are numbers of tools that nobody uses",
    ("adoption-overview", "People by number of tools"): "there are numbers of tools that nobody uses",
    ("adoption-teams", "Teams at a glance"): "Augment Code measures no time",
}
# Panels that have nothing to show with another value of a variable.
BLANK_ELSEWHERE = BLANK | {
    ("adoption-money", "Never used"): "GitHub Copilot alone names the holders, and Sourcegraph",
    ("adoption-money", "Spend by team"): "GitHub Copilot alone tells money",
    ("adoption-money", "Spend by tool"): "GitHub Copilot alone tells money",
    ("adoption-money", "Tokens by kind"): "GitHub Copilot alone tells tokens",
    ("adoption-sourcegraph", "Seats used"): "one of the instances has no registry of its people",
}


@dataclass(frozen=True)
class Scene:
    """A Prometheus, and what was shown at each moment, by the newest day that Augment Code had finished."""

    url: str
    days: Mapping[date, Shown]
    answers: dict[str, list[dict[str, Any]]] = field(default_factory=dict)

    def query(self, expression: str, day: date) -> list[dict[str, Any]]:
        """The result of an instant query on the day after the one that is finished."""
        moment = self.days[day].moment.timestamp()
        return self.ask("query", query=expression, time=str(moment))

    def ask(self, path: str, **parameters: str) -> list[dict[str, Any]]:
        """The result of a query, which is asked once: most expressions are the same for another value of a variable."""
        asked = json.dumps([path, parameters])
        if asked not in self.answers:
            self.answers[asked] = ask(self.url, path, **parameters)["result"]
        return self.answers[asked]

    def values(self, uid: str, title: str, day: date, **chosen: str) -> list[float]:
        """The numbers that a panel shows."""
        expressions = [target["expr"] for name, target in targets(read(uid)) if name == title]
        return [
            float(found["value"][1])
            for expression in expressions
            for found in self.query(substituted(expression, ALL | chosen), day)
        ]


@pytest.fixture(scope="module")
def company() -> Company:
    made = Company(
        people=60, first_day=WEDNESDAY - timedelta(days=250), scenario="holidays", today=HOLIDAY + timedelta(days=3)
    )
    assert [day for day in (WEDNESDAY, HOLIDAY, MONDAY) if made.holiday(day)] == [HOLIDAY]
    return made


@pytest.fixture(scope="module")
def scene(company: Company, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Scene]:
    first = data_days.shown(company, tmp_path_factory.mktemp("first"), [noon_after(FIRST_DAY)], DAY)
    days = [WEDNESDAY, HOLIDAY, SATURDAY, SUNDAY, MONDAY]
    later = data_days.shown(company, tmp_path_factory.mktemp("later"), [noon_after(day) for day in days])
    expositions = dict(zip([FIRST_DAY, *days], [*first, *later], strict=True))
    scraped = [*first, *later[:-1], ended(later[-1]), later[-1]]
    with data_days.serving(tmp_path_factory.mktemp("prometheus"), scraped) as url:
        yield Scene(url, expositions)


def test_after_one_scrape_no_panel_is_blank_but_those_that_need_a_line_and_say_so(scene: Scene) -> None:
    blank = {
        (uid, title) for uid, title, silent, queries in unanswered(scene, WEDNESDAY, ranges=False) if silent == queries
    }

    assert sorted(blank - BLANK.keys()) == []
    assert {(panel["title"], panel["fieldConfig"]["defaults"].get("noValue")) for panel in needing_history()} == {
        (panel["title"], "needs history in Prometheus: scraped, or by backfill") for panel in needing_history()
    }


@pytest.mark.parametrize("day", [HOLIDAY, SATURDAY, SUNDAY, MONDAY], ids=["holiday", "saturday", "sunday", "monday"])
def test_every_expression_is_answered_whatever_the_newest_day_is(scene: Scene, day: date) -> None:
    silent = {(uid, title) for uid, title, _, _ in unanswered(scene, day)}

    assert sorted(silent - SILENT.keys()) == []


def test_every_excuse_is_needed(scene: Scene) -> None:
    silent = {(uid, title) for uid, title, _, _ in unanswered(scene, MONDAY)}

    assert sorted(SILENT.keys() - silent) == []


@pytest.mark.parametrize("name", ["source", "scope", "window", "team"])
def test_every_panel_is_answered_with_another_value_of_a_variable(scene: Scene, name: str) -> None:
    """A panel with a query for each vendor may lack those of the vendors that the value leaves out."""
    blank = {(uid, title) for uid, title, silent, queries in unanswered(scene, MONDAY, other=name) if silent == queries}

    assert sorted(blank - BLANK_ELSEWHERE.keys()) == []


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_variables_list_what_is_alive_and_nothing_that_ended(scene: Scene, file: Path) -> None:
    """A source of an hour ago is in Prometheus still."""
    board = json.loads(file.read_text())
    if not simulated(file.stem.removeprefix("adoption-")):
        return
    chosen = resolved(scene, board, MONDAY, "")
    listed = {
        variable["name"]: choices(scene, variable, chosen, MONDAY)
        for variable in board["templating"]["list"]
        if variable["type"] == "query"
    }
    shown = set(re.findall(r'source="([^"]+)"', scene.days[MONDAY].text))

    assert "gone" not in json.dumps(listed)
    assert all(listed.values())
    assert set(listed.get("source", ())) <= shown
    assert file.stem != "adoption-overview" or set(listed["source"]) == shown


def test_on_a_first_day_expressions_have_no_error_and_the_headline_is_there(scene: Scene, company: Company) -> None:
    unanswered(scene, FIRST_DAY)

    assert scene.values("adoption-augment", "People that day", FIRST_DAY, source="assistant") == [
        active(company, FIRST_DAY)
    ]


@pytest.mark.parametrize(
    ("day", "shown"),
    [(HOLIDAY, WEDNESDAY), (SATURDAY, WEDNESDAY), (SUNDAY, WEDNESDAY), (MONDAY, MONDAY)],
    ids=["holiday", "saturday", "sunday", "monday"],
)
def test_headlines_speak_of_the_newest_working_day(scene: Scene, company: Company, day: date, shown: date) -> None:
    people = scene.values("adoption-augment", "People that day", day, source="assistant")
    named = scene.values("adoption-augment", "Newest working day", day, source="assistant")

    assert people == [active(company, shown)]
    assert [datetime.fromtimestamp(moment / 1000, UTC).date() for moment in named] == [shown]
    assert scene.values("adoption-overview", "Newest working day", day) == named


def test_people_are_drawn_at_noon_of_the_day_on_which_they_were_active(scene: Scene, company: Company) -> None:
    """Counted once more in the simulated company, for every day of the chart."""
    expressions = [target["expr"] for title, target in targets(read("adoption-augment")) if title == "People by day"]
    working, closed, _ = (scene.query(substituted(expr, ALL | {"source": "assistant"}), MONDAY) for expr in expressions)
    drawn = {found["metric"]["day"]: int(found["value"][1]) for found in [*working, *closed]}
    days = [MONDAY - number * DAY for number in range(90)]

    assert all(found["metric"].keys() == {"day"} for found in working)
    assert drawn == {f"{day}T12:00:00Z": active(company, day) for day in days}
    assert f"{HOLIDAY}T12:00:00Z" in {found["metric"]["day"] for found in closed}


@pytest.mark.parametrize("zone", [-11, -5, 0, 2, 11])
def test_a_day_is_drawn_in_the_day_of_its_name_in_every_browser(zone: int) -> None:
    """Of the zones of the world only those of Tonga, Kiribati, New Zealand and the like are further east."""
    noon = datetime.fromisoformat(f"{MONDAY}T12:00:00Z") + timedelta(hours=zone)

    assert noon.date() == MONDAY


def test_two_replicas_count_once(scene: Scene) -> None:
    text = scene.days[MONDAY].text
    seats = [float(value) for value in re.findall(r"^adoption_seats\{.*\} (\S+)$", text, re.MULTILINE)]
    series = [float(value) for value in re.findall(r"^adoption_exporter_series\{.*\} (\S+)$", text, re.MULTILINE)]

    assert scene.values("adoption-money", "Seats", MONDAY) == [sum(seats)]
    assert scene.values("adoption-exporter", "Sources", MONDAY) == [len(series)]
    assert scene.values("adoption-exporter", "Adoption series", MONDAY) == [sum(series)]


def test_closed_days_are_marked_at_their_start_and_weekends_are_not(scene: Scene) -> None:
    marks = {mark.name: mark.expr or "" for mark in annotations(ONE_OR_MORE)}
    closed = substituted(marks["Closed days"], ALL | {"source": "assistant"})

    assert scene.query(closed, SATURDAY) == []
    assert [float(found["value"][1]) for found in scene.query(closed, HOLIDAY)] == [
        datetime.combine(HOLIDAY, datetime.min.time(), UTC).timestamp() * 1000
    ]
    for expression in marks.values():
        if expression:
            scene.query(substituted(expression, ALL), MONDAY)


def active(company: Company, day: date) -> int:
    return sum(not entry.person.service for entry in company.day(day))


def ended(shown: Shown) -> Shown:
    """A source that was there an hour before, and then no more."""
    gone = re.sub(r'source="[^"]+"', 'source="gone"', shown.text)
    lines = re.findall(r"^adoption_(?:data_day_timestamp_seconds|team_active_users)\{.*", gone, re.MULTILINE)
    unique = {line.rpartition(" ")[0]: line for line in lines}
    return Shown(shown.moment - timedelta(hours=1), "\n".join(unique.values()))


def noon_after(day: date) -> datetime:
    return datetime(day.year, day.month, day.day, 12, tzinfo=UTC) + DAY


def read(uid: str) -> dict[str, Any]:
    (file,) = [file for file in FILES if file.stem == uid]
    found: dict[str, Any] = json.loads(file.read_text())
    return found


def needing_history() -> list[dict[str, Any]]:
    """Panels over half a year."""
    return [panel for file in FILES for panel in json.loads(file.read_text())["panels"] if panel.get("timeFrom")]


def unanswered(scene: Scene, day: date, *, ranges: bool = True, other: str = "") -> list[tuple[str, str, int, int]]:
    """Dashboard, panel, silent queries, queries: of every panel with a silent query."""
    asked = []
    for file in FILES:
        if not simulated(file.stem.removeprefix("adoption-")):
            continue
        board = json.loads(file.read_text())
        chosen = resolved(scene, board, day, other)
        for panel in board["panels"]:
            if panel["type"] != "row" and (ranges or panel["type"] != "timeseries" or panel["targets"][0]["instant"]):
                asked += [(board["uid"], panel["title"], target, chosen) for target in panel["targets"]]
    asked = [each for each in asked if simulated(*vendors_in(each[2]["expr"]))]
    with ThreadPoolExecutor(4) as pool:
        full = [*pool.map(lambda each: answered(scene, each[2], each[3], day), asked)]
    told: dict[tuple[str, str], list[bool]] = {}
    for (uid, title, _, _), answer in zip(asked, full, strict=True):
        told.setdefault((uid, title), []).append(answer)
    return [(*panel, answers.count(False), len(answers)) for panel, answers in told.items() if not all(answers)]


def answered(scene: Scene, target: Mapping[str, Any], chosen: Mapping[str, str], day: date) -> bool:
    expression = substituted(target["expr"], chosen)
    if target["instant"]:
        return bool(scene.query(expression, day))
    end = scene.days[day].moment.timestamp()
    step = 60 if target["interval"] == "1m" else 6 * 3600
    start = end - 60 * step
    span = {"start": str(start), "end": str(end), "step": str(step)}
    return bool(scene.ask("query_range", query=expression, **span))


def resolved(scene: Scene, board: Mapping[str, Any], day: date, other: str) -> dict[str, str]:
    """The values that Grafana gives the variables when the dashboard opens, but for another value of `other`."""
    values: dict[str, str] = {}
    for variable in board["templating"]["list"]:
        name = variable["name"]
        if variable["type"] == "custom":
            values[name] = "7d" if name == other else variable["current"]["value"]
        elif variable["type"] == "query":
            known = choices(scene, variable, values, day)
            values[name] = variable["allValue"] if variable["includeAll"] else known[0]
            if name == other:
                values[name] = next((value for value in known if value != values[name]), values[name])
    return values


def choices(scene: Scene, variable: Mapping[str, Any], values: Mapping[str, str], day: date) -> list[str]:
    """What the variable's list shows."""
    asked = re.fullmatch(r"query_result\((.+)\)", variable["query"]["query"])
    assert asked, variable["query"]
    return sorted(found["metric"][variable["name"]] for found in scene.query(substituted(asked[1], values), day))


def simulated(*names: str) -> bool:
    """Whether none of the names is that of a vendor without a simulator, of which the demo has no source."""
    return not (VENDORS.keys() - SIMULATED.keys()).intersection(names)


def vendors_in(expression: str) -> list[str]:
    """The vendors that an expression is about, where it names any."""
    return re.findall(r'vendor="([^"]+)"', expression)
