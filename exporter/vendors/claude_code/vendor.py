"""Claude Code: one vendor of two APIs, whose keys exclude each other and whose answers share no field name.

API: https://platform.claude.com/docs/en/api/admin (read 2026-08-22).
"""

from collections.abc import Iterator, Sequence
from datetime import date

from exporter.model import ALL, Reading, Seats
from exporter.vendors.base import InvalidDay, Vendor
from exporter.vendors.claude_code import console, enterprise
from exporter.vendors.claude_code.api import ENDPOINTS, VERSION, headers
from exporter.vendors.claude_code.session import ClaudeCodeSession, Context
from exporter.vendors.claude_code.settings import ClaudeCodeSettings


def scopes(_context: Context) -> Sequence[str]:
    """The organization of the key as one."""
    return [ALL]


def read(context: Context, _scope: str, days: Sequence[date]) -> Iterator[Reading | InvalidDay]:
    """The wanted days, newest first."""
    return console.read(context, days) if context.settings.api == "console" else enterprise.read(context, days)


def seats(context: Context, _scope: str) -> int | Seats | None:
    """The members who may use Claude Code, or the seats that are assigned."""
    return console.seats(context) if context.settings.api == "console" else enterprise.seats(context)


def probe(context: Context) -> None:
    """One small request of the API that is read: no key can use both."""
    if context.settings.api == "console":
        console.probe(context)
    else:
        enterprise.probe(context)


def check(context: Context) -> Iterator[str]:
    """A line for each problem with what is configured."""
    return console.check(context) if context.settings.api == "console" else enterprise.check(context)


def least_requests(days: int, _data_days: int) -> int:
    """One for each day. Pages, teams, reports of 31 days, people by model and seats take more."""
    return days


CLAUDE_CODE = Vendor(
    name="claude-code",
    settings=ClaudeCodeSettings,
    open_session=ClaudeCodeSession,
    scopes=scopes,
    read=read,
    seats=seats,
    check=check,
    probe=probe,
    headers=headers,
    public_headers=VERSION,
    least_requests=least_requests,
    endpoints=ENDPOINTS,
)
