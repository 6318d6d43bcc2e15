"""Usage and time of single people, where the configuration allows their names or pseudonyms in labels."""

from collections.abc import Iterator, Mapping, Sequence
from decimal import Decimal

import polars as pl

from exporter.metrics import Sample, sample
from exporter.model import Amount, column
from exporter.samples.aggregate import Aggregate

_TIME = Amount("active_time", "")


def user_table(labels: Mapping[int, str]) -> pl.DataFrame:
    """A table with the columns `account` (UInt32) and `user`; accounts may share a label."""
    return pl.DataFrame(
        {"account": list(labels), "user": list(labels.values())}, schema={"account": pl.UInt32, "user": pl.String}
    )


def samples(
    aggregate: Aggregate, tables: Sequence[pl.DataFrame], users: pl.DataFrame, labels: Mapping[str, str]
) -> Iterator[Sample]:
    """Usage and time of each user over the days of a window, service accounts included, where above zero.

    `tables` holds what each account did on each of the days. Every amount in them that is above zero is in `aggregate`
    too, as a total or as a part. An account without a label has no series: nothing was read of it since labels were
    allowed.
    """
    columns = {column(amount): amount for amount in _amounts(aggregate)}
    names = sorted(frozenset(columns).intersection(*(table.columns for table in tables)))
    if not names:
        return
    grouped = (
        pl.concat(table.select("account", *names) for table in tables)
        .join(users, on="account")
        .group_by("user")
        .agg(pl.col(name).cast(pl.Int128).sum() for name in names)
        .sort("user")
    )
    for name in names:
        amount = columns[name]
        above_zero = grouped.filter(pl.col(name) > 0)
        for user, value in zip(above_zero["user"], above_zero[name], strict=True):
            if amount == _TIME:
                seconds = float(Decimal(value).scaleb(-9))
                yield sample("adoption_user_active_time_seconds", seconds, **labels, user=user)
            else:
                yield sample("adoption_user_usage", float(value), **labels, activity=amount.activity, user=user)


def _amounts(aggregate: Aggregate) -> set[Amount]:
    """The amounts that are published by user. Not among them are those of which a breakdown is not known."""
    known = {key.amount for key in aggregate.amounts} - aggregate.missing
    return {amount for amount in known if amount == _TIME or amount.measure == "usage"}
