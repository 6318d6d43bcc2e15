from dataclasses import replace

import pytest
from pyroaring import BitMap

from exporter.model import EVERYBODY, DayFacts, PeopleKey
from exporter.state.codec import people_of
from exporter.state.reread import keep_known_kinds

VIM = PeopleKey("client", "vim")


def test_a_re_read_day_keeps_the_kinds_of_accounts_as_they_were_on_the_day() -> None:
    stored = DayFacts(people={EVERYBODY: BitMap([1, 2, 3])}, service=BitMap([3]))
    read = DayFacts(people={EVERYBODY: BitMap([1, 2, 3, 4, 5])}, service=BitMap([2, 5]))

    kept = keep_known_kinds(stored, read)

    assert kept == replace(read, service=BitMap([3, 5]))
    assert people_of(kept) == BitMap([1, 2, 4])


def test_a_service_account_that_is_gone_from_a_re_read_day_is_gone() -> None:
    stored = DayFacts(people={EVERYBODY: BitMap([1, 3])}, service=BitMap([3]))
    read = DayFacts(people={EVERYBODY: BitMap([1])}, service=BitMap())

    assert keep_known_kinds(stored, read) == read


def test_a_service_account_that_a_re_read_day_has_only_in_a_breakdown_becomes_no_person() -> None:
    stored = DayFacts(people={EVERYBODY: BitMap([1, 3]), VIM: BitMap([1, 3])}, service=BitMap([3]))
    read = DayFacts(people={EVERYBODY: BitMap([1]), VIM: BitMap([1, 3])}, service=BitMap([3]))

    assert keep_known_kinds(stored, read) == read


def test_a_service_account_that_the_stored_day_had_only_in_a_breakdown_stays_one() -> None:
    stored = DayFacts(people={EVERYBODY: BitMap([1]), VIM: BitMap([1, 3])}, service=BitMap([3]))
    read = DayFacts(people={EVERYBODY: BitMap([1, 3]), VIM: BitMap([1, 3])}, service=BitMap())

    assert keep_known_kinds(stored, read) == replace(read, service=BitMap([3]))


def test_a_day_that_is_re_read_without_a_registry_keeps_the_service_accounts_that_it_had() -> None:
    stored = DayFacts(people={EVERYBODY: BitMap([1, 2, 3])}, service=BitMap([2, 3]))
    read = DayFacts(people={EVERYBODY: BitMap([1, 3, 4])})

    kept = keep_known_kinds(stored, read)

    assert kept == replace(read, service=BitMap([3]))
    assert people_of(kept) == BitMap([1, 4])


@pytest.mark.parametrize(
    ("stored", "read"),
    [
        (
            DayFacts(people={EVERYBODY: BitMap([1, 2])}),
            DayFacts(people={EVERYBODY: BitMap([1, 2])}, service=BitMap([2])),
        ),
        (DayFacts(head_count=3), DayFacts(head_count=4)),
    ],
)
def test_where_the_stored_day_knew_no_kinds_the_reading_is_taken_as_it_is(stored: DayFacts, read: DayFacts) -> None:
    assert keep_known_kinds(stored, read) == read
