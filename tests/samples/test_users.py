"""What single people did, by name or pseudonym."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import polars as pl

from exporter.metrics import CATALOGUE
from exporter.model import Amount, AmountKey, column
from exporter.samples.aggregate import Aggregate
from exporter.samples.users import samples, user_table

LABELS = {"source": "acme", "vendor": "coder", "scope": "all", "window": "7d"}
IDE, TUNNEL, TIME = Amount("usage", "ide"), Amount("usage", "tunnel"), Amount("active_time", "")
WRITTEN = Amount("code_lines", "written")


@dataclass(frozen=True)
class Table:
    """What accounts did on a day."""

    accounts: Sequence[int]
    amounts: Mapping[Amount, Sequence[int]]

    def frame(self) -> pl.DataFrame:
        columns = {column(amount): values for amount, values in self.amounts.items()}
        types = {"account": pl.UInt32, **dict.fromkeys(columns, pl.Int64)}
        return pl.DataFrame({"account": self.accounts, **columns}, schema=types)


def shown(labels: Mapping[int, str], *tables: Table, missing: frozenset[Amount] = frozenset()) -> dict[str, float]:
    """The samples as `metric{activity,user}`."""
    totals = {AmountKey(amount): sum(values) for table in tables for amount, values in table.amounts.items()}
    frames = [table.frame() for table in tables]
    made = list(samples(Aggregate(totals, {}, None, missing), frames, user_table(labels), LABELS))
    assert all(sample.labels[:4] == ("acme", "coder", "all", "7d") for sample in made)
    assert all(len(sample.labels) == len(CATALOGUE[sample.metric].labels) for sample in made)
    return {
        f"{sample.metric.removeprefix('adoption_')}{{{','.join(sample.labels[4:])}}}": sample.value for sample in made
    }


def test_usage_and_time_add_up_over_the_days_in_which_a_user_may_be_missing() -> None:
    one = Table([1, 2], {IDE: [1, 2], TIME: [1_500_000_000, 0], WRITTEN: [9, 9]})
    other = Table([2, 3], {IDE: [30, 0], TIME: [1, 0], WRITTEN: [9, 9]})

    assert shown({1: "alice@example.com", 2: "bob", 3: "carol"}, one, other) == {
        "user_active_time_seconds{alice@example.com}": 1.5,
        "user_active_time_seconds{bob}": 1e-09,
        "user_usage{ide,alice@example.com}": 1,
        "user_usage{ide,bob}": 32,
    }


def test_two_accounts_with_one_label_are_one_user() -> None:
    assert shown({1: "ab12", 2: "ab12", 3: "cd34"}, Table([1, 2, 3], {IDE: [1, 2, 4]})) == {
        "user_usage{ide,ab12}": 3,
        "user_usage{ide,cd34}": 4,
    }


def test_an_account_without_a_label_has_no_series() -> None:
    assert shown({1: "alice"}, Table([1, 2], {IDE: [1, 2]})) == {"user_usage{ide,alice}": 1}
    assert shown({}, Table([1, 2], {IDE: [1, 2]})) == {}


def test_a_field_that_a_day_does_not_have_is_absent() -> None:
    one = Table([1], {IDE: [1], TUNNEL: [1]})
    other = Table([1], {IDE: [1]})

    assert shown({1: "alice"}, one, other) == {"user_usage{ide,alice}": 2}
    assert shown({1: "alice"}, one, missing=frozenset({IDE})) == {"user_usage{tunnel,alice}": 1}
    assert shown({1: "alice"}, one, Table([1], {})) == {}


def test_time_by_activity_is_not_published_by_user() -> None:
    assert shown({1: "alice"}, Table([1], {Amount("active_time", "ide"): [5]})) == {}


def test_sums_beyond_64_bits_are_exact() -> None:
    most = 2**63 - 1
    day = Table([1], {IDE: [most]})

    assert shown({1: "alice"}, day, day, day) == {"user_usage{ide,alice}": float(3 * most)}
