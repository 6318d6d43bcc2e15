"""A change of `people` or `teams`: stored days are published anew, and the sources run on as they were."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path

import polars as pl
import pytest
from pyroaring import BitMap
from sqlalchemy import select

from exporter.config.diff import changes
from exporter.config.load import Config
from exporter.daemon.exporter import Exporter
from exporter.metrics import CATALOGUE
from exporter.model import EVERYBODY, ONE_DAY, Amount, AmountKey, DayFacts, Identity, Reading
from exporter.state.database import StateError
from exporter.state.schema import metadata
from exporter.state.store import Store
from tests.support.configurations import load_text
from tests.support.failing_state import FailingState

NOON = datetime(2026, 3, 10, 12, tzinfo=UTC)
PEOPLE = [Identity("1", email="alice@example.com"), Identity("2", email="bob@example.com")]
SHOWN = ("adoption_active_users", "adoption_team_active_users", "adoption_user_usage", "adoption_team_members")
SOURCES = "sources: {tool: {vendor: augment, token: t0ken}}\n"
PLAIN = "people: {per_user: plain}\n"
ALICE, BOB = {"user": "alice@example.com"}, {"user": "bob@example.com"}


def config(folder: Path, head: str = PLAIN, sources: str = SOURCES) -> Config:
    (folder / "teams.csv").write_text("user,team\nalice@example.com,red\n")
    return load_text(folder, head + sources)


def day(numbers: list[int]) -> DayFacts:
    return DayFacts(
        amounts={AmountKey(Amount("usage", "messages")): 3},
        people={EVERYBODY: BitMap(numbers)},
        service=BitMap(),
        by_account=pl.DataFrame(
            {"account": numbers, "usage|messages": [1, 2]},
            schema={"account": pl.UInt32, "usage|messages": pl.Int64},
        ),
    )


def exporter_of(configuration: Config, state: FailingState) -> Exporter:
    """An exporter that has published one day of two people."""
    exporter = Exporter.open(configuration, Store(state), now=lambda: NOON)
    exporter.store.list_scopes("tool", ["all"])
    numbers = exporter.pollers["tool"].accounts.number(PEOPLE)
    reading = Reading(exporter.now().date() - ONE_DAY, day(numbers))
    exporter.store.replace("tool", "all", reading, now=exporter.now(), requests=1)
    exporter.begin(["tool"])
    return exporter


def shown(exporter: Exporter) -> dict[str, dict[str, float]]:
    """The published values over one day by metric, and by team or user where it has one."""
    found: dict[str, dict[str, float]] = {}
    for sample in exporter.cache.snapshot.all_samples():
        if sample.metric in SHOWN and ("1d" in sample.labels or "window" not in CATALOGUE[sample.metric].labels):
            found.setdefault(sample.metric, {})[sample.labels[-1]] = sample.value
    return found


BEFORE = {
    "adoption_active_users": {"1d": 2.0},
    "adoption_user_usage": {"alice@example.com": 1.0, "bob@example.com": 2.0},
}


@pytest.mark.parametrize(
    ("head", "after"),
    [
        ("", {"adoption_active_users": {"1d": 2.0}}),
        (
            f"{PLAIN}teams: {{file: teams.csv}}\n",
            {
                **BEFORE,
                "adoption_team_members": {"red": 1.0},
                "adoption_team_active_users": {"red": 1.0, "unassigned": 1.0},
            },
        ),
        (
            "people: {per_user: plain, min_group_size: 2}\nteams: {file: teams.csv}\n",
            {**BEFORE, "adoption_team_members": {"red": 1.0}},
        ),
        (f"{PLAIN}state: {{retention: 100d}}\n", BEFORE),
    ],
    ids=["nobody in labels", "teams", "small groups", "retention"],
)
def test_a_change_of_people_or_teams_remakes_samples_without_a_poll_or_a_new_rate_limit(
    head: str, after: Mapping[str, Mapping[str, float]], tmp_path: Path
) -> None:
    old, new = config(tmp_path), config(tmp_path, head)
    exporter = exporter_of(old, FailingState.open())
    poller, due = exporter.pollers["tool"], exporter.scheduler.next_run("tool")
    # The rate limit belongs to what makes clients.
    connect, before = poller.source.connect, shown(exporter)
    exporter.apply(new, changes(old, new))
    exporter.store.close()

    assert (before, shown(exporter)) == (BEFORE, after)
    assert exporter.pollers["tool"] is poller
    assert poller.source.connect is connect
    assert poller.source.read_window.retention == new.state.retention.days
    assert (exporter.scheduler.next_run("tool"), poller.last) == (due, None)


def test_a_source_whose_own_settings_change_too_is_polled_anew(tmp_path: Path) -> None:
    old = config(tmp_path)
    new = config(tmp_path, "", SOURCES.replace("t0ken", "an0ther"))
    exporter = exporter_of(old, FailingState.open())
    poller = exporter.pollers["tool"]
    exporter.apply(new, changes(old, new))
    exporter.store.close()

    assert exporter.pollers["tool"] is not poller
    assert poller.publisher.ended
    assert shown(exporter) == {"adoption_active_users": {"1d": 2.0}}


def test_samples_that_cannot_be_remade_while_the_state_fails_are_remade_later(tmp_path: Path) -> None:
    old, new = config(tmp_path), config(tmp_path, "")
    waited = 0
    for at in range(1, 100):
        state = FailingState.open()
        exporter = exporter_of(old, state)
        state.calls, state.fails = 0, at.__le__
        try:
            exporter.apply(new, changes(old, new))
        except StateError:
            kept = exporter.config, shown(exporter)
            exporter.store.close()
            assert kept == (old, BEFORE)
            continue
        finally:
            reached = state.calls >= at
            state.fails = lambda _call: False
        waited += shown(exporter) == BEFORE
        exporter.publish_remade()
        remade = shown(exporter)
        exporter.store.close()

        assert remade == {"adoption_active_users": {"1d": 2.0}}
        if not reached:
            break

    assert 0 < waited < at < 99


def content(store: Store) -> dict[str, list[str]]:
    with store.database.read() as connection:
        return {name: sorted(map(repr, connection.execute(select(table)))) for name, table in metadata.tables.items()}


def test_making_an_exporter_writes_nothing(tmp_path: Path) -> None:
    old = config(tmp_path)
    new = config(tmp_path, "", SOURCES.replace("tool:", "other:"))
    running = exporter_of(old, FailingState.open())
    before = content(running.store)
    made = Exporter(new, running.store, now=lambda: running.now() + timedelta(days=1))
    after = content(running.store)
    about = [sample for family in made.self_metrics.registry.collect() for sample in family.samples]
    running.store.close()

    assert after == before
    assert [sample for sample in about if "source" in sample.labels] == []


def test_the_members_of_teams_are_published_before_the_first_poll(tmp_path: Path) -> None:
    exporter = Exporter.open(config(tmp_path, "teams: {file: teams.csv}\n"), Store(FailingState.open()))
    published = shown(exporter)
    exporter.apply(config(tmp_path), changes(exporter.config, config(tmp_path)))
    exporter.store.close()

    assert (published, shown(exporter)) == ({"adoption_team_members": {"red": 1.0}}, {})
