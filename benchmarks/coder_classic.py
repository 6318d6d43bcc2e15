"""Reads a Coder v1 whose answers are 40 MB each, and scrapes the exporter meanwhile.

    python -m benchmarks.coder_classic [--people 5000] [--days 90] [--exact]

Every answer of the server holds all the days, whatever range is asked for; with `--exact` it holds what was asked for,
so that the exporter's own ranges keep answers small. Exits with 1 where a goal is missed.
"""

import argparse
import sys
from collections.abc import Iterator, Sequence
from datetime import UTC, date, datetime, timedelta
from hashlib import blake2b

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from benchmarks.claim import Figure, report
from benchmarks.daemon import first_poll
from exporter.simulator.coder_classic import PATH

DAY = timedelta(days=1)
SETTINGS = "vendor: coder-classic, history: {days}d, requests_per_minute: 600"


def bodies(people: int, days: Sequence[date]) -> tuple[dict[date, bytes], bytes]:
    """A bucket for each day, and the map of users, as a server writes them."""
    digits = [blake2b(str(number).encode(), digest_size=16).hexdigest() for number in range(people)]
    ids = [f"{text[:8]}-{text[8:]}" for text in digits]
    rows = ",".join(
        f'{{"user_id":"{user}","duration":{number % 480 * 60 * 10**9},"count":{number % 480}}}'
        for number, user in enumerate(ids, start=1)
    )
    users = ",".join(
        f'"{user}":{{"id":"{user}","name":"Person {number}","username":"person-{number}","roles":["site-member"],'
        f'"avatar_hash":"{user * 2}","total_count":4713,"total_duration":282780000000000}}'
        for number, user in enumerate(ids)
    )
    bucket = '{{"time":"{day}T00:00:00Z","duration":86400000000000,"user_activity":[{rows}]}}'
    return {day: bucket.format(day=day, rows=rows).encode() for day in days}, users.encode()


def coder(people: int, days: Sequence[date], exact: bool) -> Starlette:
    """A Coder whose every person works every day."""
    buckets, users = bodies(people, days)

    def body(shown: Sequence[date]) -> bytes:
        return b'{"activity":[' + b",".join(buckets[day] for day in shown) + b'],"users":{' + users + b"}}"

    everything = body(days)

    async def activity(request: Request) -> Response:
        start, end = (date.fromisoformat(request.query_params[name][:10]) for name in ("start", "end"))
        return Response(
            body([day for day in days if start <= day < end]) if exact else everything, media_type="application/json"
        )

    return Starlette(routes=[Route(PATH, activity)])


def measure(people: int = 5_000, days: int = 90, exact: bool = False) -> Iterator[Figure]:
    """Polls, and yields what scrapes and memory did meanwhile."""
    today = datetime.now(UTC).date()
    shown = [today - back * DAY for back in range(days + 1, 0, -1)]
    about = f"{people:,} people, history of {days}d{', as asked for' if exact else ''}"
    yield from first_poll(SETTINGS.format(days=days), coder, people, shown, exact).figures(about)


def main(arguments: Sequence[str]) -> int:
    """Measures, prints, and gives 1 where a goal is missed."""
    parser = argparse.ArgumentParser(description="Scrapes while a Coder v1 is read.")
    parser.add_argument("--people", type=int, default=5_000)
    parser.add_argument("--days", type=int, default=90)
    parser.add_argument("--exact", action="store_true", help="answer what was asked for, and no more")
    return report(measure(**vars(parser.parse_args(arguments))))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
