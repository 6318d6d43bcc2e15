"""Sourcegraph Analytics: people and usage of each configured instance, from its report by user.

API: https://sourcegraph.com/docs/analytics/api (read 2026-11); https://sourcegraph.com/docs/analytics has the columns.
"""

from collections.abc import Generator, Iterator, Sequence
from contextlib import ExitStack, closing, contextmanager
from datetime import date
from pathlib import Path
from tempfile import TemporaryFile
from typing import BinaryIO

import polars as pl
from pyroaring import BitMap

from exporter.errors import BadPayload, Rejected
from exporter.model import EVERYBODY, ONE_DAY, DayFacts, Holder, Identity, Reading, Seats, newest_ready
from exporter.transport.endpoints import Allowed
from exporter.vendors.base import InvalidDay, Vendor
from exporter.vendors.rollup import rollup
from exporter.vendors.sourcegraph.columns import COUNTS, Columns
from exporter.vendors.sourcegraph.prefetch import prefetch
from exporter.vendors.sourcegraph.registry import Registry, plain_id
from exporter.vendors.sourcegraph.report import open_report, tables
from exporter.vendors.sourcegraph.session import REGISTRY, Context, SourcegraphSession, ask_for_registry, read_registry
from exporter.vendors.sourcegraph.settings import SourcegraphSettings

REPORT = "/api/reports/by-user-client-date"

# A week, which an ordinary poll reads by one request, shows how large reports are. Further ones are of about 64 MiB.
_FIRST_DAYS = 7
_MOST_DAYS = 31
_MOST_BYTES = 64 * 2**20

# How many days may wait between two stages. The table of a large company's day has some MiB.
_DAYS_AHEAD = 6

_KNOWN = {"id": pl.String, "account": pl.UInt32, "service": pl.Boolean}


def scopes(context: Context) -> Sequence[str]:
    """The configured instances."""
    return context.settings.instances


def read(context: Context, scope: str, days: Sequence[date]) -> Iterator[Reading | InvalidDay]:
    """All wanted days in their order. A report is complete, so a day that is not in it is an empty day.

    Three stages run side by side: downloading reports, reading tables from them, rolling up days.
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
    known = pl.DataFrame(schema=_KNOWN)
    with ExitStack() as files, closing(prefetch(_tables(context, scope, days, files), _DAYS_AHEAD)) as found:
        for columns, day, table in found:
            if isinstance(table, BadPayload):
                yield InvalidDay(day, table)
                continue
            rows = table.join(known, on="id", how="left")
            if rows["service"].null_count() > rows["id"].null_count():
                strangers = rows.filter(pl.col("service").is_null() & pl.col("id").is_not_null())
                known = pl.concat([known, _number(context, scope, registry, strangers)])
                rows = table.join(known, on="id", how="left")
            try:
                facts = _facts(context, registry, columns, rows, day)
            except BadPayload as error:
                yield InvalidDay(day, error)
                continue
            yield Reading(day, facts, rows=table.height > 0)


def _tables(
    context: Context, scope: str, days: Sequence[date], files: ExitStack
) -> Generator[tuple[Columns, date, pl.DataFrame | BadPayload], None, None]:
    with closing(prefetch(_downloads(context, scope, days, files))) as reports:
        for file, asked in reports:
            # The file has no name in any folder.
            report = open_report(Path(f"/dev/fd/{file.fileno()}"), f"sourcegraph GET {REPORT}")
            for day, table in tables(report, asked):
                yield report.columns, day, table
            file.close()


def _downloads(
    context: Context, scope: str, days: Sequence[date], files: ExitStack
) -> Generator[tuple[BinaryIO, Sequence[date]], None, None]:
    """Yields files with reports, newest first, and which of the days each one covers.

    The files have no name: a report holds e-mails, and nobody would remove what a killed process leaves behind.
    """
    left = days
    while left:
        bytes_a_day = context.session.bytes_a_day.get(scope)
        most = _FIRST_DAYS
        if bytes_a_day is not None:
            most = max(1, min(_MOST_DAYS, int(_MOST_BYTES / bytes_a_day)))
        asked = [day for day in left if day > left[0] - most * ONE_DAY]
        file = files.enter_context(TemporaryFile())  # noqa: SIM115 - it is a context, of the stack
        size = _download(context, scope, asked, file)
        seen = size / ((asked[0] - asked[-1]).days + 1)
        context.session.bytes_a_day[scope] = max(1.0, seen, bytes_a_day or 1.0)
        yield file, asked
        left = left[len(asked) :]


def _download(context: Context, scope: str, days: Sequence[date], file: BinaryIO) -> int:
    """Downloads a report and returns its size in bytes.

    Whether endDate is inclusive is not documented (2026-11), so it is a day later than wanted.
    """
    params = {
        "instanceURL": scope,
        "granularity": context.settings.granularity,
        "startDate": days[-1].isoformat(),
        "endDate": (days[0] + ONE_DAY).isoformat(),
    }
    with _hint_at_instance():
        return context.client.download(REPORT, params, file)


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


def _number(context: Context, scope: str, registry: Registry | None, rows: pl.DataFrame) -> pl.DataFrame:
    """A table of the ids in the rows, their accounts, and whether these are service accounts. A blank id has none.

    Days come newest first, so an account is recorded with its newest e-mail and user name.
    """
    people = rows.group_by("id").agg(pl.col("^(email|username)$").drop_nulls().last()).sort("id").to_dicts()
    ids = [plain_id(person["id"]) for person in people]
    named = [
        Identity(
            key=f"{scope}:{account}",
            email=(person.get("email") or "").strip(),
            username=(person.get("username") or "").strip(),
            vendor_id=account,
        )
        for account, person in zip(ids, people, strict=True)
        if account
    ]
    numbers = {
        identity.vendor_id: number for identity, number in zip(named, context.accounts.number(named), strict=True)
    }
    return pl.DataFrame(
        {
            "id": [person["id"] for person in people],
            "account": [numbers.get(account) for account in ids],
            "service": [registry is not None and account in registry.service for account in ids],
        },
        schema=_KNOWN,
    )


def _facts(context: Context, registry: Registry | None, columns: Columns, rows: pl.DataFrame, day: date) -> DayFacts:
    flagged = _accounts(rows, "active")
    named = ["client", "language"] if context.settings.granularity == "by_user_day_client_language" else []
    amounts = rows.select("account", *(name for name in named if name in rows.columns), *columns.counts)
    rolled = rollup(amounts, columns.amounts, f"sourcegraph report of {day}", counted=flagged)
    return DayFacts(
        amounts={**rolled.totals, **rolled.breakdowns},
        people={EVERYBODY: flagged, **rolled.people},
        service=None if registry is None else _accounts(rows, "service"),
        missing=frozenset(COUNTS.values()).difference(columns.amounts),
        by_account=rolled.by_account,
    )


def _accounts(rows: pl.DataFrame, flag: str) -> BitMap:
    """The accounts whose flag is set in any of their rows."""
    return BitMap(rows["account"].filter(rows[flag].fill_null(value=False)).drop_nulls().unique().to_list())


def probe(context: Context) -> None:
    """The registry of the first instance; where there is none for us, its report of one day."""
    scope = context.settings.instances[0]
    if ask_for_registry(context, scope, (402, 403, 404)) is None:
        with TemporaryFile() as file:
            _download(context, scope, [newest_ready(context.now, context.settings.ready_at)], file)


def least_requests(days: int, _data_days: int) -> int:
    """One for the registry, one for the first days, and one for each longest span after them."""
    return 2 + -(-max(0, days - _FIRST_DAYS) // _MOST_DAYS) if days else 0


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
