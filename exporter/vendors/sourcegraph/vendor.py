"""Sourcegraph Analytics: people and usage of each configured instance, from its report by user.

API: https://sourcegraph.com/docs/analytics/api (read 2026-11); https://sourcegraph.com/docs/analytics has the columns.
"""

from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import closing, contextmanager
from datetime import date
from functools import partial
from typing import TypeVar

import polars as pl
from pyroaring import BitMap

from exporter.errors import BadPayload, Rejected
from exporter.model import EVERYBODY, ONE_DAY, DayFacts, Dimension, Holder, Identity, Reading, Seats, newest_ready
from exporter.transport.endpoints import Allowed
from exporter.vendors.base import InvalidDay, Vendor
from exporter.vendors.rollup import breakdown, rollup
from exporter.vendors.sourcegraph.columns import COUNTS
from exporter.vendors.sourcegraph.prefetch import prefetch
from exporter.vendors.sourcegraph.registry import Registry, plain_id
from exporter.vendors.sourcegraph.report import Report, open_report
from exporter.vendors.sourcegraph.session import REGISTRY, Context, SourcegraphSession, ask_for_registry, read_registry
from exporter.vendors.sourcegraph.settings import SourcegraphSettings
from exporter.vendors.sourcegraph.totals import Day, Ids, Totals, add_up, no_ids

REPORT = "/api/reports/by-user-client-date"

# The days of one report, of which a large company's takes some MiB of memory a day.
_MOST_DAYS = 31
# How many days may wait to be stored.
_DAYS_AHEAD = 6

T = TypeVar("T")

_BY: Sequence[Dimension] = ("client", "language")
_KNOWN = {"number": pl.UInt32, "account": pl.UInt32, "service": pl.Boolean}


def scopes(context: Context) -> Sequence[str]:
    """The configured instances."""
    return context.settings.instances


def read(context: Context, scope: str, days: Sequence[date]) -> Iterator[Reading | InvalidDay]:
    """All wanted days in their order. A report is complete, so a day that is not in it is an empty day.

    Three stages run side by side: receiving a report, adding it up, rolling up the days of the one before.
    """
    return prefetch(_readings(context, scope, days), _DAYS_AHEAD)


def seats(context: Context, scope: str) -> Seats | None:
    """The registered people, of whom the registry has the id alone; None where there is no registry.

    Raises what reading it failed for.
    """
    if scope in context.session.failed:
        raise context.session.failed[scope]
    registries = context.session.registries
    registry = registries[scope] if scope in registries else read_registry(context, scope)
    if registry is None:
        return None
    ids = sorted(registry.accounts - registry.service)
    numbers = context.accounts.number([Identity(key=f"{scope}:{one}", vendor_id=one) for one in ids])
    return Seats.of(map(Holder, numbers))


def _readings(context: Context, scope: str, days: Sequence[date]) -> Generator[Reading | InvalidDay, None, None]:
    registry = read_registry(context, scope)
    ids = no_ids()
    known = pl.DataFrame(schema=_KNOWN)
    with closing(prefetch(_reports(context, scope, days, ids))) as reports:
        for totals, asked in reports:
            for day in asked:
                if day in totals.invalid:
                    yield InvalidDay(day, totals.invalid[day])
                    continue
                found = totals.day(day)
                strangers = found.people.join(known, on="number", how="anti").drop_nulls("number")
                strangers = strangers.with_columns(id=ids.texts.gather(strangers["number"]))
                if strangers.height:
                    known = pl.concat([known, _number(context, scope, registry, strangers)])
                try:
                    facts = _facts(registry, totals, found, known, day)
                except BadPayload as error:
                    yield InvalidDay(day, error)
                    continue
                yield Reading(day, facts, rows=found.people.height > 0)


def _reports(
    context: Context, scope: str, days: Sequence[date], ids: Ids
) -> Generator[tuple[Totals, Sequence[date]], None, None]:
    """Yields reports, newest first, and which of the days each one covers."""
    by = _BY if context.settings.granularity == "by_user_day_client_language" else ()
    left = days
    while left:
        asked = [day for day in left if day > left[0] - _MOST_DAYS * ONE_DAY]
        yield _report(context, scope, asked, partial(add_up, days=asked, ids=ids, by=by)), asked
        left = left[len(asked) :]


def _report(context: Context, scope: str, days: Sequence[date], use: Callable[[Report], T]) -> T:
    """Asks for a report and returns what `use` makes of it while it comes.

    Whether endDate is inclusive is not documented (2026-11), so it is a day later than wanted.
    """
    params = {
        "instanceURL": scope,
        "granularity": context.settings.granularity,
        "startDate": days[-1].isoformat(),
        "endDate": (days[0] + ONE_DAY).isoformat(),
    }
    with _hint_at_instance():
        return context.client.stream(
            REPORT, params, lambda pieces: use(open_report(pieces, f"sourcegraph GET {REPORT}"))
        )


@contextmanager
def _hint_at_instance() -> Iterator[None]:
    """Adds a hint to the refusal of an instance that is misspelt or that the token's owner may not see."""
    try:
        yield
    except Rejected as error:
        if error.status not in (403, 404):
            raise
        hint = "is it in instances as Sourcegraph Analytics knows it, and may the token's owner see it there?"
        raise Rejected(f"{error}; {hint}", status=error.status) from None


def _number(context: Context, scope: str, registry: Registry | None, people: pl.DataFrame) -> pl.DataFrame:
    """A table of the numbers of ids, their accounts, and whether these are service accounts. A blank id has none.

    Days come newest first, so an account is recorded with its newest e-mail and user name.
    """
    strangers = people.sort("id").to_dicts()
    ids = [plain_id(person["id"]) for person in strangers]
    named = [
        Identity(
            key=f"{scope}:{account}",
            email=(person.get("email") or "").strip(),
            username=(person.get("username") or "").strip(),
            vendor_id=account,
        )
        for account, person in zip(ids, strangers, strict=True)
        if account
    ]
    numbers = {
        identity.vendor_id: number for identity, number in zip(named, context.accounts.number(named), strict=True)
    }
    return pl.DataFrame(
        {
            "number": [person["number"] for person in strangers],
            "account": [numbers.get(account) for account in ids],
            "service": [registry is not None and account in registry.service for account in ids],
        },
        schema=_KNOWN,
    )


def _facts(registry: Registry | None, totals: Totals, found: Day, known: pl.DataFrame, day: date) -> DayFacts:
    columns, where = totals.columns, f"sourcegraph report of {day}"
    people = found.people.join(known, on="number", how="left")
    flagged = _accounts(people, "active")
    rolled = rollup(people.select("account", *columns.counts), columns.amounts, where, counted=flagged)
    usage = [amount for amount in columns.amounts if amount.measure == "usage"]
    parts = [breakdown(_members(found.groups, known, name), name, usage, counted=flagged) for name in totals.by]
    return DayFacts(
        amounts={**rolled.totals, **{key: amount for part in parts for key, amount in part.amounts.items()}},
        people={
            EVERYBODY: flagged,
            **rolled.people,
            **{key: who for part in parts for key, who in part.people.items()},
        },
        service=None if registry is None else _accounts(people, "service"),
        missing=frozenset(COUNTS.values()).difference(columns.amounts),
        by_account=rolled.by_account,
    )


def _members(groups: pl.DataFrame, known: pl.DataFrame, name: str) -> pl.DataFrame:
    """Rows of each client or language: one of its sums without an account, and one of each of its accounts alone."""
    sums = groups.drop("number").select(pl.lit(None, pl.UInt32).alias("account"), pl.all())
    people = groups.select(name, "number").explode("number").drop_nulls("number").unique()
    return pl.concat([sums, people.join(known, on="number").select("account", name)], how="diagonal")


def _accounts(rows: pl.DataFrame, flag: str) -> BitMap:
    """The accounts whose flag is set in any of their rows."""
    return BitMap(rows["account"].filter(rows[flag].fill_null(value=False)).drop_nulls().unique().to_list())


def probe(context: Context) -> None:
    """The registry of the first instance; where there is none for us, its report of one day."""
    scope = context.settings.instances[0]
    if ask_for_registry(context, scope, (402, 403, 404)) is None:
        _report(context, scope, [newest_ready(context.now, context.settings.ready_at)], _read_to_its_end)


def _read_to_its_end(report: Report) -> None:
    for _ in report.pieces:
        pass


def least_requests(days: int, _data_days: int) -> int:
    """One for the registry, and one for each longest span."""
    return 1 + -(-days // _MOST_DAYS) if days else 0


SOURCEGRAPH = Vendor(
    name="sourcegraph",
    settings=SourcegraphSettings,
    open_session=SourcegraphSession,
    scopes=scopes,
    read=read,
    seats=seats,
    least_requests=least_requests,
    probe=probe,
    endpoints=[Allowed("GET", REPORT), Allowed("GET", REGISTRY)],
)
