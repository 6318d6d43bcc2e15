"""The URL of the state, checked for what its database driver accepts: a wrong one is a configuration mistake."""

import re
from collections.abc import Iterator
from typing import Annotated
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field, PlainSerializer
from sqlalchemy import URL, make_url
from sqlalchemy.exc import ArgumentError

from exporter.config.extras import check_extra
from exporter.config.types import HiddenValueError
from exporter.hosts import check_host
from exporter.redaction import SHOWN_SECRET

_SECONDS = re.compile(r"[0-9]{1,6}(\.[0-9]{1,6})?")
_LAST_PORT = 65_535
# Parameters of libpq that cannot be set: text is UTF-8, and a replication connection reads no tables.
_NOT_TO_CHOOSE = {"client_encoding", "replication"}


def _state_url(text: str) -> str:
    try:
        url, _ = make_url(text), urlsplit(text)
    except (ArgumentError, ValueError):
        raise HiddenValueError("must be a URL such as sqlite:///adoption.db or postgresql://user@host/db") from None
    if url.drivername not in ("sqlite", "postgresql", "postgresql+psycopg"):
        raise HiddenValueError(f"must begin with sqlite:// or postgresql://, not {url.drivername}://")
    parts = (url.username, url.password, url.database, *_parameters(url))
    if not text.isprintable() or any("\0" in part for part in parts if part):
        raise HiddenValueError("must be one line of printable characters")
    if url.drivername == "sqlite":
        _check_sqlite(url)
    else:
        _check_postgresql(url)
    return text


def _check_sqlite(url: URL) -> None:
    if url.host:
        raise HiddenValueError(
            "must have three slashes before a relative path (sqlite:///adoption.db), four before a full one"
        )
    if url.query.keys() - {"timeout"}:
        raise HiddenValueError("must have no other parameter behind its ? than timeout")
    seconds = url.query.get("timeout", "30")
    if not isinstance(seconds, str) or not _SECONDS.fullmatch(seconds):
        raise HiddenValueError("must have a number of seconds as its timeout")


def _check_postgresql(url: URL) -> None:
    # Imported here: only users of PostgreSQL should pay its time and memory.
    try:
        check_extra("postgres")
    except ValueError as error:
        raise HiddenValueError(str(error)) from None
    from psycopg.pq import Conninfo

    if any(word in key for key in url.query for word in ("password", "secret", "scram_")):
        raise HiddenValueError("must have its password before the host, or leave it to PGPASSFILE")
    known = {option.keyword.decode() for option in Conninfo.get_defaults()} - _NOT_TO_CHOOSE
    if url.query.keys() - known:
        raise HiddenValueError("must have behind its ? only libpq's parameters of a connection, such as sslmode")
    if any(not isinstance(value, str) for key, value in url.query.items() if key not in ("host", "port")):
        raise HiddenValueError("must have each parameter behind its ? once")
    try:
        url.get_dialect()().create_connect_args(url)
    except ArgumentError:
        raise HiddenValueError("must have a port as a number for each host, or none") from None
    if url.port is not None and not 0 < url.port <= _LAST_PORT:
        raise HiddenValueError(f"must have a port from 1 to {_LAST_PORT}")
    for host in _hosts(url):
        try:
            check_host(host)
        except ValueError as error:
            hint = "in user and password @ / # ? and % are written %40 %2F %23 %3F and %25"
            raise HiddenValueError(f"{error}; {hint}") from None


def _hosts(url: URL) -> Iterator[str]:
    """Yields every host that is looked up: the query may have several, each with its port; a path is a socket."""
    if url.host:
        yield url.host
    given = url.query.get("host", ())
    for hosts in (given,) if isinstance(given, str) else given:
        for host in hosts.split(","):
            if host and not host.startswith(("/", "@")):
                yield host.partition(":")[0] if host.count(":") == 1 else host


def _parameters(url: URL) -> Iterator[str]:
    for value in url.query.values():
        yield from (value,) if isinstance(value, str) else value


def _without_password(url: str) -> str:
    return make_url(url).render_as_string(hide_password=True).replace(":***@", f":{SHOWN_SECRET}@", 1)


# A relative path starts at the daemon's working directory.
StateUrl = Annotated[
    str,
    AfterValidator(_state_url),
    PlainSerializer(_without_password, return_type=str, when_used="json"),
    Field(repr=False),
]
