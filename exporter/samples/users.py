"""What single people did, where the configuration allows their names or pseudonyms in labels."""

from collections.abc import Iterator, Mapping, Sequence
from decimal import Decimal

import polars as pl

from exporter.metrics import Sample, sample
from exporter.model import column
from exporter.samples.aggregate import Aggregate


def user_table(labels: Mapping[int, str]) -> pl.DataFrame:
    """The columns `account` (UInt32) and `user` for accounts that have a label; several accounts may have the same."""
    return pl.DataFrame(
        {"account": list(labels), "user": list(labels.values())}, schema={"account": pl.UInt32, "user": pl.String}
    )


def samples(
    aggregate: Aggregate, tables: Sequence[pl.DataFrame], users: pl.DataFrame, labels: Mapping[str, str]
) -> Iterator[Sample]:
    """Usage and time of each user over the days of a window, service accounts included, where above zero.

    `tables` has what each account did on each of the days. An account without a label, of which nothing was read since
    labels were allowed, has no series.
    """
    time = column("active_time", "")
    every = frozenset.intersection(*(frozenset(table.columns) for table in tables))
    missing = {column(*field) for field in aggregate.missing}
    names = sorted(name for name in every - missing if name == time or name.startswith(column("usage", "")))
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
        shown = grouped.filter(pl.col(name) > 0)
        for user, value in zip(shown["user"], shown[name], strict=True):
            if name == time:
                seconds = float(Decimal(value).scaleb(-9))
                yield sample("adoption_user_active_time_seconds", seconds, **labels, user=user)
            else:
                activity = name.partition("|")[2]
                yield sample("adoption_user_usage", float(value), **labels, activity=activity, user=user)
