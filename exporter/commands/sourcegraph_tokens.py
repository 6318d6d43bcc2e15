"""`sourcegraph-tokens`: creates, lists and revokes access tokens with the session cookie of a browser."""

import os
import re
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from time import monotonic
from typing import Any, TypeVar

import click
from rich.console import Console
from rich.table import Table

from exporter.commands.prompt import prompt
from exporter.commands.vendor_errors import exit_on_vendor_error
from exporter.config.types import base_url
from exporter.daemon.exporter import utc_now
from exporter.errors import BadPayload, Rejected, Unreachable
from exporter.transport.client import Client
from exporter.transport.endpoints import Allowed, Endpoints
from exporter.transport.json_object import JsonObject, json_object

F = TypeVar("F", bound=Callable[..., Any])

_TOKENS = "/api/service-access-tokens"
_ENDPOINTS = (Allowed("GET", _TOKENS), Allowed("POST", _TOKENS), Allowed("DELETE", f"{_TOKENS}/{{id}}"))
_COOKIE_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
# RFC 6265, 4.1.1: no space, quote, comma, semicolon or backslash.
_COOKIE = re.compile(r"[!#-+\--:<-\[\]-~]+")
_TOKEN_ID = re.compile(r"[A-Za-z0-9-]+")
_COLUMNS = ("id", "name", "created", "expires", "state")
_TIMEOUT = 30.0


def _address(_context: click.Context, _parameter: click.Parameter, text: str) -> str:
    try:
        return base_url(text)
    except ValueError as error:
        raise click.BadParameter(str(error)) from None


@click.group("sourcegraph-tokens")
def sourcegraph_tokens() -> None:
    """Manage access tokens of Sourcegraph Analytics with the session cookie of a signed-in browser.

    The cookie's value is taken from CAS_COOKIE, or asked for.
    """


def _session(command: F) -> F:
    """Adds --base-url and --cookie-name."""
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
    """List tokens and when they expire.

    A revoked one stays listed as expired.
    """
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
        # The answer is empty (2025-07), so any 2xx would look the same: only the list shows whether it was revoked.
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
def _signed_in(base_url: str, cookie_name: str) -> Iterator[Client]:
    """A client with the session cookie; explains the 401, 403 or redirect that answers an unknown session."""
    with exit_on_vendor_error(), _client(base_url, cookie_name) as client:
        try:
            yield client
        except Rejected as error:
            if error.status is None or not (300 <= error.status < 400 or error.status in (401, 403)):
                raise
            words = f"the cookie {cookie_name} was refused ({error.status}): sign in again and copy its value"
            raise Rejected(f"sourcegraph {_TOKENS}: {words}", status=error.status) from error


def _client(base_url: str, cookie_name: str) -> Client:
    if not _COOKIE_NAME.fullmatch(cookie_name):
        raise click.BadParameter("must be a cookie's name", param_hint="--cookie-name")
    return Client(
        vendor="sourcegraph",
        base_url=base_url,
        headers={"Cookie": f"{cookie_name}={_cookie(cookie_name)}"},
        timeout=_TIMEOUT,
        endpoints=Endpoints(_ENDPOINTS, 60, monotonic=monotonic),
        stop=threading.Event(),
        count=lambda _code: None,
        now=utc_now,
        monotonic=monotonic,
        # A second attempt could create a second token, whose secret nobody has seen.
        attempts=1,
    )


def _cookie(name: str) -> str:
    value = os.environ.get("CAS_COOKIE", "")
    if not value and sys.stdin.isatty():
        value = prompt(f"Value of the cookie {name}", hide_input=True)
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
    """A text field of a token, on one line; "" if it is absent, as the vendor omits empty fields (2025-07)."""
    if key not in token or token.require(key) is None:
        return ""
    return "".join(letter if letter.isprintable() else " " for letter in token.text(key))
