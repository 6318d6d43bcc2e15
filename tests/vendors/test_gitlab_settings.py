"""The settings of a GitLab source, the messages about wrong ones, and the questions that follow from them."""

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from exporter.transport.json_object import json_object
from exporter.vendors.gitlab.query import People, Question
from exporter.vendors.gitlab.schema import GENERATIONS, detect, parse_meta, schema
from exporter.vendors.gitlab.settings import Generation, GitLabSettings
from exporter.vendors.gitlab.vendor import GITLAB
from tests.support.configurations import load_text, mistakes_in

MODELS = {"gitlab": GITLAB.settings}
META = dict.fromkeys(GENERATIONS["current"].values(), "count")
BUILDS = {"measure": "Builds.count", "time": "Builds.day"}


def settings(**given: Any) -> GitLabSettings:
    return GitLabSettings.model_validate({"vendor": "gitlab", "token": "secret-token", "projects": [1], **given})


def source(*lines: str) -> str:
    return "\n".join(
        ["sources:", "  product:", *(f"    {line}" for line in ("vendor: gitlab", "token: t0ken", *lines))]
    )


def test_a_source_needs_a_token_and_something_to_read(tmp_path: Path) -> None:
    made = load_text(tmp_path, source("projects: [42, group/app, '7']", "groups: [platform, 12]"), MODELS)
    product = made.sources["product"]

    assert isinstance(product, GitLabSettings)
    assert (product.projects, product.groups) == ((42, "group/app", 7), ("platform", 12))
    assert (product.base_url, product.timeout, product.requests_per_minute, product.ready_at) == (
        "https://gitlab.com",
        timedelta(seconds=60),
        300,
        timedelta(hours=1),
    )


@pytest.mark.parametrize(
    ("lines", "mistake"),
    [
        ([], ": needs projects or groups: what is to be read"),
        (["projects: [app]"], ".projects[0]: must be the project's number or its whole path, such as group/project"),
        (["projects: [0]"], ".projects[0]: must be a number or a path such as group/project, not 0"),
        (["projects: [https://gitlab.com/a/b]"], ".projects[0]: must be a number or a path such as group/project"),
        (["projects: [true]"], ".projects[0]: must be a number or a path such as group/project, not true"),
        (["projects: [a/]"], ".projects[0]: must be a number or a path such as group/project"),
        (["projects: 42"], ".projects: must be a list, not 42"),
        (["projects: [42]", "generation: new"], '.generation: must be current, snowplow or jitsu, not "new"'),
        (["projects: [42]", "members: {people: count}"], ".members.people: must be a member of a cube such as"),
        (["projects: [42]", "members: {visits: A.count}"], ".members.visits: must be "),
        (
            ["projects: [42]", "custom: [{measure: A.count, time: A.day}]"],
            ".custom[0]: needs either activity, or dimension and activities (value: activity)",
        ),
        (
            ["projects: [42]", "custom: [{measure: A.count, time: A.day, activity: a, dimension: A.b}]"],
            ".custom[0]: needs either activity, or dimension and activities (value: activity)",
        ),
        (
            ["projects: [42]", "custom: [{measure: A.count, time: A.day, activities: {x: a}}]"],
            ".custom[0]: needs either activity, or dimension and activities (value: activity)",
        ),
        (
            ["projects: [42]", "custom: [{measure: A.count, time: B.day, activity: a}]"],
            ".custom[0]: has members of 2 cubes (A, B); a query reads one",
        ),
        (
            ["projects: [42]", "custom: [{measure: A.count, time: A.day, activity: events}]"],
            ".custom[0].activity: must not be one of active_time, events, link_clicks, page_views, people, sessions",
        ),
        (
            ["projects: [42]", "custom: [{measure: A.count, time: A.day, activity: Builds}]"],
            '.custom[0].activity: must be small letters, digits and _ after a letter, not "Builds"',
        ),
        (
            [
                "projects: [42]",
                "custom: [{measure: A.count, time: A.day, activity: a}, {measure: B.count, time: B.day, activity: a}]",
            ],
            ": names activities twice in custom: a",
        ),
    ],
)
def test_a_mistake_is_named_with_its_place(tmp_path: Path, lines: list[str], mistake: str) -> None:
    found = mistakes_in(tmp_path, source(*lines), MODELS)

    assert len(found) == 1
    assert found[0].startswith(f"sources.product{mistake}")


def test_a_dimension_has_at_most_fifty_values(tmp_path: Path) -> None:
    values = ", ".join(f"v{number}: a{number}" for number in range(51))
    line = f"custom: [{{measure: A.count, time: A.day, dimension: A.name, activities: {{{values}}}}}]"

    found = mistakes_in(tmp_path, source("projects: [1]", line), MODELS)

    assert len(found) == 1
    assert found[0].startswith("sources.product.custom[0].activities: ")


def test_the_token_is_sent_as_gitlabs_own_header() -> None:
    assert GITLAB.headers("t0ken") == {"PRIVATE-TOKEN": "t0ken"}


# From settings and meta to questions


@pytest.mark.parametrize("generation", list(GENERATIONS))
def test_a_generation_is_known_by_its_time_of_events(generation: Generation) -> None:
    names = GENERATIONS[generation]

    asked = schema(settings(), dict.fromkeys(names.values(), "count"))

    assert detect(dict.fromkeys(names.values(), "count")) == generation
    assert asked.questions == (
        Question(
            names["event_time"], {role: names[role] for role in ("people", "events", "page_views", "link_clicks")}
        ),
        Question(names["session_time"], {role: names[role] for role in ("sessions", "session_minutes")}),
    )
    assert (asked.people, asked.remarks) == (People(names["people"], names["event_time"]), ())


def test_a_configured_generation_needs_no_meta() -> None:
    assert schema(settings(generation="snowplow"), None) == schema(
        settings(), dict.fromkeys(GENERATIONS["snowplow"].values(), "count")
    )
    assert schema(settings(), None) == schema(settings(), META) == schema(settings(), {"Other.count": "count"})


def test_a_member_that_a_detected_generation_lacks_is_left_out_and_told() -> None:
    meta = {name: kind for name, kind in META.items() if not name.endswith(("linkClicksCount", "Sessions.startAt"))}

    asked = schema(settings(), meta)

    assert [question.names() for question in asked.questions] == [["people", "events", "page_views"]]
    assert asked.remarks == (
        "meta has no TrackedEvents.linkClicksCount, so link_clicks is left out",
        "meta has no Sessions.startAt, so session_time is left out",
    )


def test_minutes_without_sessions_are_not_asked_for() -> None:
    asked = schema(settings(), {name: kind for name, kind in META.items() if name != "Sessions.count"})

    assert [question.names() for question in asked.questions] == [["people", "events", "page_views", "link_clicks"]]


def test_single_names_in_the_settings_count_whatever_meta_says() -> None:
    asked = schema(settings(members={"people": "People.count", "event_time": "People.day"}), META)

    assert asked.people == People("People.count", "People.day")
    assert asked.questions[0].time == "People.day"
    assert asked.questions[0].measures["people"] == "People.count"
    assert asked.remarks == ()


def test_measures_of_ones_own_are_questions_of_their_own() -> None:
    by_name = {**BUILDS, "dimension": "Builds.result", "activities": {"ok": "builds_passed", "failed": "builds_failed"}}

    asked = schema(settings(custom=[{**BUILDS, "activity": "builds"}, by_name]), {**META, "Builds.count": "sum"})

    assert asked.questions[2:] == (
        Question("Builds.day", {"builds": "Builds.count"}, extra=True),
        Question(
            "Builds.day",
            {"": "Builds.count"},
            "Builds.result",
            {"ok": "builds_passed", "failed": "builds_failed"},
            extra=True,
        ),
    )
    assert [question.names() for question in asked.questions[2:]] == [["builds"], ["builds_passed", "builds_failed"]]


@pytest.mark.parametrize("kind", ["countDistinct", "countDistinctApprox", "avg", "max", "number", "runningTotal"])
def test_a_measure_whose_days_cannot_be_added_up_is_left_out_and_told(kind: str) -> None:
    asked = schema(settings(custom=[{**BUILDS, "activity": "builds"}]), {**META, "Builds.count": kind})

    assert len(asked.questions) == 2
    assert asked.remarks == (f"custom measure Builds.count is left out: it is a {kind}, whose days cannot be added up",)


def test_meta_lists_members_whose_kind_it_does_not_tell() -> None:
    cube = {
        "name": "T",
        "measures": [{"name": "T.count", "aggType": "count"}, {"name": "T.odd"}],
        "dimensions": [{"name": "T.day", "type": "time"}, {"name": "T.page"}],
    }

    assert parse_meta(json_object({"cubes": [cube]}, "gitlab")) == {
        "T.count": "count",
        "T.odd": "",
        "T.day": "time",
        "T.page": "",
    }


def test_a_measure_of_ones_own_whose_kind_is_not_told_is_asked_for() -> None:
    asked = schema(settings(custom=[{**BUILDS, "activity": "builds"}]), {**META, "Builds.count": ""})

    assert (asked.questions[2].names(), asked.remarks) == (["builds"], ())
