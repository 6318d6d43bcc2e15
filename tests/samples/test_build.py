"""One scope as of any data day: everything that the configuration asks for, and nothing of later days."""

import random
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import polars as pl
import pytest
from pyroaring import BitMap

from exporter.config.teams_file import TeamsFile, teams_file
from exporter.metrics import Sample
from exporter.model import EVERYBODY, Amount, AmountKey, DayFacts, Identity, PeopleKey, Reading
from exporter.samples.build import SampleOptions, scope_history, scope_samples
from exporter.state.accounts import plain
from exporter.state.records import ScopeStatus
from exporter.state.store import Store
from tests.support.sample_options import book_of, directory_of, sample_options_of

NOW = datetime(2026, 6, 1, tzinfo=UTC)
MONDAY = date(2026, 3, 9)
STATUS = ScopeStatus(listed=True, last_success=None, revised=0, seats=None)
PEOPLE = [Identity(key=name, username=name) for name in ("alice", "bob", "carol", "ci-bot")]

# What the calendar says of a Monday, whoever was active.
CALENDAR = {
    "data_day_timestamp_seconds{}": datetime(2026, 3, 9, tzinfo=UTC).timestamp(),
    "data_day_due_timestamp_seconds{}": datetime(2026, 3, 11, 3, tzinfo=UTC).timestamp(),
    "data_day_workday{}": 1,
    "workday_timestamp_seconds{}": datetime(2026, 3, 9, tzinfo=UTC).timestamp(),
    "workday_active_users{}": 3,
    "window_workdays{7d}": 5,
    "window_workdays{28d}": 20,
    "window_workdays_before{7d}": 5,
    "window_workdays_before{28d}": 20,
}


@pytest.fixture
def store() -> Iterator[Store]:
    opened = Store.open()
    yield opened
    opened.close()


@pytest.fixture
def teams(tmp_path: Path) -> TeamsFile:
    path = tmp_path / "teams.csv"
    path.write_text("user,team\nalice,web\nbob,web\ncarol,app\n")
    return teams_file(path)


def day_of(numbers: list[int]) -> DayFacts:
    """A day on which all but the last were active, and the last is a service account that was too."""
    usage = [1 << index for index in range(len(numbers))]
    return DayFacts(
        amounts={AmountKey(Amount("usage", "messages")): sum(usage)},
        people={EVERYBODY: BitMap(numbers), PeopleKey("activity", "messages"): BitMap(numbers[1:])},
        service=BitMap(numbers[-1:]),
        by_account=pl.DataFrame(
            {"account": numbers, "usage|messages": usage}, schema={"account": pl.UInt32, "usage|messages": pl.Int64}
        ),
    )


def put(store: Store, day: date, facts: DayFacts) -> None:
    store.replace("acme", "all", Reading(day, facts), now=NOW, requests=1)


def made(sample_options: SampleOptions, store: Store, day: date, status: ScopeStatus = STATUS) -> dict[str, float]:
    """The samples as `metric{label,...}`, without what says which scope it is."""
    found = scope_samples(sample_options, scope_history(sample_options, store, "all", NOW), day, status)
    assert found.withheld == 0
    return {named(sample): sample.value for sample in found.samples}


def named(sample: Sample) -> str:
    assert sample.labels[:3] == ("acme", "coder", "all")
    return f"{sample.metric.removeprefix('adoption_')}{{{','.join(sample.labels[3:])}}}"


def test_a_scope_has_what_its_recipe_asks_for(store: Store, teams: TeamsFile) -> None:
    book = book_of(store, "acme", plain)
    put(store, MONDAY, day_of(book.number(PEOPLE)))
    status = ScopeStatus(listed=True, last_success=None, revised=3, seats=40)
    plain_options = sample_options_of("acme", "coder", book)
    directory = directory_of(store, "acme", teams=teams)
    full = sample_options_of(
        "acme",
        "coder",
        book,
        seats=50,
        directory=directory,
        per_user=True,
        frequent_days=1,
    )

    expected = {
        **CALENDAR,
        "data_revisions_total{}": 3,
        "active_users{1d}": 3,
        "active_service_accounts{1d}": 1,
        "activity_active_users{1d,messages}": 2,
        "usage{1d,messages}": 15,
    }
    assert made(plain_options, store, MONDAY, status) == {**expected, "seats{}": 40}
    assert made(full, store, MONDAY, status) == {
        **expected,
        "team_active_users{1d,web}": 2,
        "team_active_users{1d,app}": 1,
        "team_usage{1d,messages,web}": 3,
        "team_usage{1d,messages,app}": 4,
        "team_usage{1d,messages,unassigned}": 8,
        "user_usage{1d,messages,alice}": 1,
        "user_usage{1d,messages,bob}": 2,
        "user_usage{1d,messages,carol}": 4,
        "user_usage{1d,messages,ci-bot}": 8,
    }


def test_small_groups_are_withheld_and_counted(store: Store, teams: TeamsFile) -> None:
    book = book_of(store, "acme")
    put(store, MONDAY, day_of(book.number(PEOPLE)))
    directory = directory_of(store, "acme", teams=teams)
    sample_options = sample_options_of("acme", "coder", book, directory=directory, min_group_size=3)

    found = scope_samples(sample_options, scope_history(sample_options, store, "all", NOW), MONDAY, STATUS)

    assert found.withheld == 6
    assert found.withheld_teams == {"app": ("1d",), "unassigned": ("1d",), "web": ("1d",)}
    assert {named(sample): sample.value for sample in found.samples} == {
        **CALENDAR,
        "data_revisions_total{}": 0,
        "active_users{1d}": 3,
        "active_service_accounts{1d}": 1,
        "usage{1d,messages}": 15,
    }


@pytest.mark.slow
def test_a_past_day_shows_what_it_would_have_shown_as_the_newest_one(teams: TeamsFile, tmp_path: Path) -> None:
    days = [MONDAY + timedelta(days=number) for number in range(75)]
    draw = random.Random(7)
    live, whole = Store.open(), Store.open()
    options = {}
    for store in (live, whole):
        book = book_of(store, "acme", plain)
        book.number(PEOPLE)
        directory = directory_of(store, "acme", teams=teams)
        options[store] = sample_options_of(
            "acme",
            "coder",
            book,
            workday=lambda day: day.weekday() < 5,
            directory=directory,
            per_user=True,
            min_group_size=2,
        )
    facts = {day: day_of(sorted(draw.sample(range(4), draw.randint(1, 4)))) for day in days}
    for day in days:
        put(whole, day, facts[day])
    history = scope_history(options[whole], whole, "all", NOW)
    published = {}
    for day in days:
        put(live, day, facts[day])
        published[day] = scope_samples(options[live], scope_history(options[live], live, "all", NOW), day, STATUS)
    backfilled = {day: scope_samples(options[whole], history, day, STATUS) for day in days}
    live.close()
    whole.close()

    assert backfilled == published
    assert {sample.metric for sample in backfilled[days[-1]].samples} >= {
        "adoption_new_users",
        "adoption_frequent_users",
        "adoption_active_users_baseline",
        "adoption_active_users_depth",
        "adoption_active_users_before",
        "adoption_active_users_best",
    }
