"""`sourcegraph-report` and `sourcegraph-tokens`: a report as the vendor sends it, and tokens by session cookie."""

import os
import re
import shutil
import signal
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, date, datetime
from pathlib import Path
from tempfile import TemporaryFile
from time import monotonic
from typing import Any, BinaryIO, TypeVar

import click
from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TransferSpeedColumn
from rich.table import Table

from exporter.commands import options
from exporter.config.load import load_config
from exporter.config.types import base_url
from exporter.daemon.exporter import Exporter, utc_now
from exporter.errors import BadPayload, Rejected, Unreachable, VendorError
from exporter.state.store import Store
from exporter.transport.client import Client
from exporter.transport.json_object import JsonObject, json_object
from exporter.transport.rate_limit import Budget
from exporter.vendors import SETTINGS
from exporter.vendors.sourcegraph.columns import LONGEST_HEADER, report_columns
from exporter.vendors.sourcegraph.vendor import REPORT, SourcegraphSettings, bare_host

F = TypeVar("F", bound=Callable[..., Any])

GRANULARITIES = ("by_user", "by_user_month", "by_user_day", "by_user_day_client_language")
_TOKENS = "/api/service-access-tokens"
_COOKIE_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
# RFC 6265, 4.1.1: no space, quote, comma, semicolon or backslash.
_COOKIE = re.compile(r"[!#-+\--:<-\[\]-~]+")
_TOKEN_ID = re.compile(r"[A-Za-z0-9-]+")
_COLUMNS = ("id", "name", "created", "expires", "state")
_TIMEOUT = 30.0


def _day(_context: click.Context, _parameter: click.Parameter, text: str | None) -> date | None:
    try:
        return None if text is None else date.fromisoformat(text)
    except ValueError:
        raise click.BadParameter("must be a day such as 2026-11-19") from None


def _host(_context: click.Context, _parameter: click.Parameter, text: str) -> str:
    try:
        return bare_host(text)
    except ValueError as error:
        raise click.BadParameter(str(error)) from None


def _address(_context: click.Context, _parameter: click.Parameter, text: str) -> str:
    try:
        return base_url(text)
    except ValueError as error:
        raise click.BadParameter(str(error)) from None


@click.command("sourcegraph-report")
@options.config_file
@click.option(
    "--source", "name", required=True, metavar="NAME", help="A source of vendor sourcegraph; it has the token."
)
@click.option("--instance", required=True, callback=_host, metavar="HOST", help="The instance, as a bare host.")
@click.option("--granularity", required=True, type=click.Choice(GRANULARITIES), help="What a row of the report is.")
@click.option("--from", "first", callback=_day, metavar="DAY", help="The first day; all there are without it.")
@click.option("--to", "last", callback=_day, metavar="DAY", help="The last day.")
@options.output_file("Where to write; FILE appears once it is whole.", required=True)
def sourcegraph_report(
    config_file: Path, name: str, instance: str, granularity: str, first: date | None, last: date | None, output: Path
) -> None:
    """Download a report of Sourcegraph Analytics as CSV, as the vendor sends it."""
    if first is not None and last is not None and first > last:
        raise click.BadParameter(f"is after --to {last}", param_hint="--from")
    settings = load_config(config_file, SETTINGS)
    source = settings.sources.get(name)
    if not isinstance(source, SourcegraphSettings):
        raise click.BadParameter(f"there is no source {name} of vendor sourcegraph", param_hint="--source")
    span = {"startDate": first, "endDate": last}
    params = {
        "instanceURL": instance,
        "granularity": granularity,
        **{key: day.isoformat() for key, day in span.items() if day is not None},
    }
    # SIGTERM would end the process without removing what was written so far.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    exporter = Exporter(replace(settings, sources={name: source}, otlp=None), Store.open())
    with (
        _failures(),
        # In no folder until it is whole: a report holds e-mails, and a killed process removes nothing.
        TemporaryFile(dir=output.parent) as file,
        exporter.pollers[name].source.connect(lambda _code: None) as client,
        _progress() as progress,
    ):
        size = client.download(REPORT, params, file, progress=progress)
        file.seek(0)
        # Not every granularity has a day or a flag.
        report_columns(file.readline(LONGEST_HEADER), f"sourcegraph GET {REPORT}", needed=("id",))
        file.seek(0)
        _write(file, output)
    click.echo(f"{output}: {size:,} bytes", err=True)


def _write(file: BinaryIO, output: Path) -> None:
    """Copies a file to one that appears only when it is whole; the next run removes what a killed one has left."""
    part = output.with_name(f"{output.name}.part")
    try:
        with part.open("wb") as copy:
            shutil.copyfileobj(file, copy)
        part.replace(output)
    finally:
        part.unlink(missing_ok=True)


@click.group("sourcegraph-tokens")
def sourcegraph_tokens() -> None:
    """Manage access tokens of Sourcegraph Analytics with the session cookie of a signed-in browser.

    The cookie's value is taken from CAS_COOKIE, or asked for.
    """


def _session(command: F) -> F:
    """Adds the options that say where to go with which cookie."""
    address = click.option(
        "--base-url",
        default="https://analytics.sourcegraph.com",
        callback=_address,
        show_default=True,
        metavar="URL",
        help="Where the vendor is.",
    )
    cookie = click.option(
        "--cookie-name", default="cas", show_default=True, metavar="NAME", help="Its name has changed."
    )
    return address(cookie(command))


@sourcegraph_tokens.command()
@click.option("--display-name", metavar="TEXT", help="What the listing shows.")
@click.option("--expires-at", metavar="TIME", help="Such as 2027-12-31 or 2027-12-31T23:59:59Z; never without it.")
@_session
def create(display_name: str | None, expires_at: str | None, base_url: str, cookie_name: str) -> None:
    """Make a token and print its secret, which is shown this once."""
    given = {"displayName": display_name, "expiresAt": None if expires_at is None else _moment(expires_at)}
    body = {key: value for key, value in given.items() if value is not None}
    with _signed_in(base_url, cookie_name) as client:
        made = json_object(_make(client, body), f"sourcegraph POST {_TOKENS}")
        secret = made.text("secret")
        if not secret.strip():
            raise BadPayload(f"{made.where}: secret is blank; revoke the token, which nobody can use")
        click.echo(f"token {_shown(made, 'id')} expires {_shown(made, 'expiresAt') or 'never'}", err=True)
    click.echo(secret)


@sourcegraph_tokens.command("list")
@_session
def list_tokens(base_url: str, cookie_name: str) -> None:
    """List tokens and when they expire; a revoked one stays listed as expired."""
    with _signed_in(base_url, cookie_name) as client:
        rows = [
            (
                _shown(token, "id"),
                _shown(token, "displayName"),
                _shown(token, "createdAt"),
                _shown(token, "expiresAt") or "never",
                "expired" if token.flag("isExpired") else "valid",
            )
            for token in _listed(client)
        ]
    console = Console()
    if not console.is_terminal:
        click.echo("\n".join("\t".join(row) for row in (_COLUMNS, *rows)))
        return
    table = Table(*_COLUMNS, box=None)
    for row in rows:
        table.add_row(*row)
    console.print(table, markup=False)


@sourcegraph_tokens.command()
@click.argument("token_id", metavar="ID")
@_session
def revoke(token_id: str, base_url: str, cookie_name: str) -> None:
    """Revoke a token at once."""
    if not _TOKEN_ID.fullmatch(token_id):
        raise click.BadParameter("must be an id as the listing shows it", param_hint="ID")
    with _signed_in(base_url, cookie_name) as client:
        client.request("DELETE", f"{_TOKENS}/{token_id}")
        # The answer is empty (2025-07), so that anything with 2xx would do: the listing tells.
        for token in _listed(client):
            if token.text("id") == token_id and not token.flag("isExpired"):
                raise BadPayload(f"{token.where}: token {token_id} is still valid")
    click.echo(f"token {token_id} is revoked", err=True)


def _make(client: Client, body: object) -> object:
    try:
        return client.post_json(_TOKENS, body)
    except Unreachable as error:
        raise Unreachable(f"{error}; the token may have been made all the same: list shows it") from error


def _listed(client: Client) -> Sequence[JsonObject]:
    return json_object(client.get_json(_TOKENS), f"sourcegraph GET {_TOKENS}").objects("tokens")


@contextmanager
def _failures() -> Iterator[None]:
    """Turns what the vendor did not give into one line and exit code 1."""
    try:
        yield
    except VendorError as error:
        click.echo(str(error), err=True)
        raise click.exceptions.Exit(1) from error


@contextmanager
def _signed_in(base_url: str, cookie_name: str) -> Iterator[Client]:
    """A client with the session cookie. A server that does not know the session answers 401, 403 or with a redirect."""
    with _failures(), _client(base_url, cookie_name) as client:
        try:
            yield client
        except Rejected as error:
            if error.status is None or not (300 <= error.status < 400 or error.status in (401, 403)):
                raise
            words = f"the cookie {cookie_name} was refused ({error.status}): sign in again and copy its value"
            raise Rejected(f"sourcegraph {_TOKENS}: {words}", status=error.status) from error


@contextmanager
def _progress() -> Iterator[Callable[[int, int | None], None]]:
    """A progress bar on stderr, if that is a terminal, and what moves it."""
    console = Console(stderr=True)
    columns = (TextColumn("report"), BarColumn(), DownloadColumn(), TransferSpeedColumn())
    with Progress(*columns, console=console, disable=not console.is_terminal) as progress:
        task = progress.add_task("report", total=None)
        yield lambda received, total: progress.update(task, completed=received, total=total)


def _client(base_url: str, cookie_name: str) -> Client:
    if not _COOKIE_NAME.fullmatch(cookie_name):
        raise click.BadParameter("must be a cookie's name", param_hint="--cookie-name")
    return Client(
        vendor="sourcegraph",
        base_url=base_url,
        headers={"Cookie": f"{cookie_name}={_cookie(cookie_name)}"},
        timeout=_TIMEOUT,
        budget=Budget(60, monotonic=monotonic),
        stop=threading.Event(),
        count=lambda _code: None,
        now=utc_now,
        monotonic=monotonic,
        # Asking twice could make two tokens, of which one is known to nobody.
        attempts=1,
    )


def _cookie(name: str) -> str:
    value = os.environ.get("CAS_COOKIE", "")
    if not value and sys.stdin.isatty():
        value = click.prompt(f"Value of the cookie {name}", hide_input=True, err=True)
    elif not value:
        value = sys.stdin.readline()
        if not value:
            raise click.UsageError("set CAS_COOKIE to the cookie's value, or be there to be asked for it")
    value = value.strip().removeprefix(f"{name}=")
    if not _COOKIE.fullmatch(value):
        raise click.UsageError(f"the cookie must be the value of {name} alone")
    return value


def _moment(text: str) -> str:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise click.BadParameter("must be a time such as 2027-12-31T23:59:59Z", param_hint="--expires-at") from None
    moment = (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).astimezone(UTC)
    if moment <= utc_now():
        raise click.BadParameter("must be in the future", param_hint="--expires-at")
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")


def _shown(token: JsonObject, key: str) -> str:
    """Text of a token, on one line; keys without a value are left out of what the vendor sends (2025-07)."""
    if key not in token or token.require(key) is None:
        return ""
    return "".join(letter if letter.isprintable() else " " for letter in token.text(key))
