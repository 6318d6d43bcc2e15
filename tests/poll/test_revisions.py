"""How a revised day is logged, and how its count survives a restart."""

import logging
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import pytest
from pyroaring import BitMap

from exporter.model import EVERYBODY, Amount, AmountKey, DayFacts, Field, PeopleKey, Reading, spend
from exporter.poll.outcome import describe_revision
from exporter.state.store import Store
from tests.support.made_up_vendor import YESTERDAY, Bench, Script, people

MESSAGES = AmountKey(Amount("usage", "messages"))
TIME = AmountKey(Amount("active_time", ""))


@pytest.mark.parametrize(
    ("before", "after", "words"),
    [
        (people(1, 2, messages=5), people(1, 2, 3, messages=9), "people 2 -> 3, usage messages 5 -> 9"),
        (DayFacts(head_count=7), DayFacts(head_count=6), "people 7 -> 6"),
        (DayFacts(head_count=7), DayFacts(), "people 7 -> unknown"),
        (DayFacts(amounts={MESSAGES: 5}), DayFacts(), "usage messages 5 -> unknown"),
        (DayFacts(), DayFacts(amounts={MESSAGES: 0}), "usage messages unknown -> 0"),
        (
            DayFacts(amounts={TIME: Decimal("60.12345"), AmountKey(Amount("active_time", "ide")): Decimal(1)}),
            DayFacts(amounts={TIME: Decimal("90"), AmountKey(Amount("active_time", "ide")): Decimal("1.0")}),
            "active_time 60.123 -> 90.000",
        ),
        (
            DayFacts(amounts={AmountKey(Amount("usage", "messages"), "client", "vim"): 1}),
            DayFacts(people={PeopleKey("client", "vim"): BitMap([1])}),
            "only what clients, languages or single accounts have",
        ),
        (
            DayFacts(amounts={AmountKey(spend("USD", "charged")): Decimal("0.00010")}),
            DayFacts(amounts={AmountKey(spend("USD", "charged")): Decimal("-1.5")}),
            "spend USD charged 0.00010 -> -1.5",
        ),
        (people(1), people(2), "only what clients, languages or single accounts have"),
    ],
)
def test_a_revision_is_described_by_people_and_totals(before: DayFacts, after: DayFacts, words: str) -> None:
    assert describe_revision(before, after) == words


def test_a_revised_day_is_logged_with_what_changed_and_by_no_name(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    bench = Bench(Script())
    poller = bench.poller()
    bench.script.days["all", YESTERDAY] = people(1, 2, messages=5)
    poller.poll()
    bench.script.days["all", YESTERDAY] = people(1, 2, 3, messages=4)
    poller.poll()
    poller.poll()

    logged = [record for record in caplog.records if record.message == "day revised"]
    assert [(record.levelname, getattr(record, "fields", {})) for record in logged] == [
        (
            "INFO",
            {"source": "tool", "scope": "all", "day": YESTERDAY, "changes": "people 2 -> 3, usage messages 5 -> 4"},
        )
    ]


def test_the_count_of_revised_days_survives_a_restart(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'adoption.db'}"
    published = []
    for number in range(3):
        bench = Bench(Script(), store=Store.open(url))
        bench.now += timedelta(hours=number)
        bench.script.days["all", YESTERDAY] = DayFacts(people={EVERYBODY: BitMap(range(number + 1))})
        poller = bench.poller()
        restored = poller.restore()
        before = bench.published("adoption_data_revisions_total")
        poller.poll()
        published.append((restored, before, bench.published("adoption_data_revisions_total")))
        bench.store.close()

    assert published == [
        (False, {}, {("all",): 0}),
        (True, {("all",): 0}, {("all",): 1}),
        (True, {("all",): 1}, {("all",): 2}),
    ]


def test_a_day_is_published_before_its_money_which_completes_it_without_a_revision() -> None:
    day_before = YESTERDAY - timedelta(days=1)
    charged = AmountKey(spend("USD", "charged"))
    paid = replace(people(1, 2), amounts={MESSAGES: 0, charged: Decimal("0.25")})
    waiting = replace(people(1, 2), pending=frozenset({"spend"}))
    bench = Bench(Script({("all", YESTERDAY): waiting, ("all", day_before): paid}), history=2, lookback=0)
    poller = bench.poller()
    poller.poll()

    assert bench.published("adoption_active_users")["all", "1d"] == 2
    assert bench.published("adoption_spend") == {("all", "1d", "USD", "charged"): 0.25}
    assert bench.published("adoption_spend_data_day_timestamp_seconds") == {("all",): _start(day_before)}

    bench.script.days["all", YESTERDAY] = replace(people(1, 2), amounts={MESSAGES: 0, charged: Decimal("0.50")})
    bench.script.asked.clear()
    poller.poll()
    poller.poll()

    assert bench.script.asked == [("all", (YESTERDAY,)), ("all", ())]
    assert bench.published("adoption_spend") == {("all", "1d", "USD", "charged"): 0.5}
    assert bench.published("adoption_spend_data_day_timestamp_seconds") == {("all",): _start(YESTERDAY)}
    assert bench.published("adoption_data_revisions_total") == {("all",): 0}


def test_fields_alone_change_stored_days_that_are_not_read_again() -> None:
    charged = AmountKey(spend("USD", "charged"))
    money: frozenset[Field] = frozenset({"spend"})
    bench = Bench(Script({("all", YESTERDAY): people(1, messages=5)}), history=1, lookback=0)
    poller = bench.poller()
    poller.poll()

    bench.script.fields = [
        Reading(day, DayFacts(amounts={charged: Decimal("1.25")}), only=money)
        for day in (YESTERDAY, YESTERDAY - timedelta(days=1))
    ]
    poller.poll()

    assert bench.published("adoption_spend") == {("all", "1d", "USD", "charged"): 1.25}
    assert bench.published("adoption_usage") == {("all", "1d", "messages"): 5}
    assert bench.store.days("tool", "all").keys() == {YESTERDAY}
    assert bench.published("adoption_data_revisions_total") == {("all",): 0}


def _start(day: date) -> float:
    return datetime(day.year, day.month, day.day, tzinfo=UTC).timestamp()
