"""A few days of the year: everything that goes wrong in it, in a short time."""

from pathlib import Path

import pytest

from tests.reliability.expected import company, frame
from tests.reliability.script import DAY, Version, at
from tests.reliability.vendors import SCOPES
from tests.reliability.year import START, Year


@pytest.mark.slow
@pytest.mark.parametrize("sources", [tuple(SCOPES)[::2], tuple(SCOPES)[1::2]], ids=" ".join)
def test_no_sample_is_ever_wrong_and_what_is_absent_has_a_reason(sources: tuple[str, ...], tmp_path: Path) -> None:
    year = Year(349, 6, tmp_path, sources, calm=2)
    figures = year.run()

    assert (figures.wrong, figures.leaks) == ([], [])
    assert figures.compared > 1000
    assert figures.faults.total() > 0
    assert figures.polls["succeeded"] > len(sources)


@pytest.mark.slow
def test_a_vendor_that_shows_something_else_than_the_script_is_noticed(tmp_path: Path) -> None:
    year = Year(1, 1, tmp_path, ("claude-code",), calm=1)
    other = Year(2, 1, tmp_path, ("claude-code",), calm=1)
    other.now = year.now
    year.vendors = other.vendors

    assert year.run().wrong != []


def test_a_window_is_counted_person_by_person() -> None:
    known = {START + back * DAY: Version(at(START), {back % 3: 2, 9: 1}) for back in range(8)}
    del known[START]
    last = START + 7 * DAY

    assert frame("cursor", known, 1) == {
        ("adoption_data_day_timestamp_seconds", ()): at(last).timestamp(),
        ("adoption_active_users", ("1d",)): 2,
        ("adoption_usage", ("1d", "chat_messages")): 3,
        ("adoption_active_users", ("7d",)): 4,
        ("adoption_usage", ("7d", "chat_messages")): 21,
        ("adoption_day_active_users", ("1d", last.isoformat())): 2,
        ("adoption_day_active_users", ("7d", last.isoformat())): 4,
    }


def test_the_company_counts_one_person_once_where_an_email_joins_the_accounts() -> None:
    day = {START: Version(at(START), {1: 1, 2: 1})}

    assert company({"cursor": {"all": day}, "augment": {"all": day}, "coder": {"all": day}}) == {
        ("adoption_company_data_day_timestamp_seconds", ()): at(START).timestamp(),
        ("adoption_company_active_users", ("1d",)): 4,
    }
    assert company({"cursor": {"all": day}, "coder": {"all": {}}}) == {}
