"""Options and requests of the commands that query a running exporter."""

import os
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

if TYPE_CHECKING:
    import httpx

F = TypeVar("F", bound=Callable[..., Any])

_TIMEOUT = 5.0
_ADDRESS = re.compile(r"(?P<scheme>https?://)(?:[^/?#@]*@)?(?P<rest>[^?#@]+)")


def _address(_context: click.Context, _parameter: click.Parameter, url: str) -> str:
    # Imported here: --help and completion are answered without it.
    from exporter.config.types import base_url

    match = _ADDRESS.fullmatch(url)
    if match is None:
        raise click.BadParameter(
            "must be an address such as http://127.0.0.1:10723 or https://user:password@host.example.com; "
            "in user and password / ? # @ and % are written %2F %3F %23 %40 and %25"
        )
    try:
        base_url(f"{match['scheme']}{match['rest']}")
    except ValueError as error:
        raise click.BadParameter(str(error)) from None
    return url


def ask_options(command: F) -> F:
    """Adds --url, --ca-file and --insecure."""
    url = click.option(
        "--url",
        default="http://127.0.0.1:10723",
        callback=_address,
        show_default=True,
        envvar="ADOPTION_EXPORTER_URL",
        show_envvar=True,
        help="A running exporter, with its route prefix; user:password@ before the host where it wants a password.",
    )
    ca_file = click.option(
        "--ca-file", type=click.Path(path_type=Path, exists=True, dir_okay=False), help="Whom to trust for https."
    )
    insecure = click.option("--insecure", is_flag=True, help="Trust any certificate, as on the exporter's own machine.")
    return url(ca_file(insecure(command)))


class NoAnswer(Exception):
    """A running exporter does not answer as it should; the message says why."""


@contextmanager
def exit_without_answer() -> Iterator[None]:
    """Prints a NoAnswer as one line on stderr and exits with 1."""
    try:
        yield
    except NoAnswer as failure:
        click.echo(str(failure), err=True)
        raise click.exceptions.Exit(1) from failure


def ask(url: str, path: str, ca_file: Path | None, insecure: bool) -> "httpx.Response":
    """Gets a page of a running exporter. Raises NoAnswer."""
    import httpx

    from exporter.transport.http_environment import check_key_log, trusting

    try:
        check_key_log(os.environ)
        verify = not insecure if ca_file is None else trusting("--ca-file", ca_file)
    except ValueError as error:
        raise click.UsageError(str(error)) from None
    try:
        # Never through the environment's proxy: the exporter runs on this machine or a nearby one.
        answer = httpx.get(f"{url.rstrip('/')}/{path}", timeout=_TIMEOUT, verify=verify, trust_env=False)
    except (httpx.HTTPError, httpx.InvalidURL, OSError) as error:
        raise NoAnswer(f"{_shown(url)} does not answer: {error or type(error).__name__}") from error
    if answer.status_code == httpx.codes.UNAUTHORIZED:
        raise NoAnswer(f"{_shown(url)} wants a password: put user:password@ before the host")
    if answer.status_code != httpx.codes.OK:
        raise NoAnswer(f"{_shown(url)} answers {answer.status_code} for /{path}")
    return answer


def ask_status(url: str, ca_file: Path | None, insecure: bool) -> dict[str, Any]:
    """Gets the document of /api/v1/status. Raises NoAnswer, also if something else answers."""
    answer = ask(url, "api/v1/status", ca_file, insecure)
    try:
        document = answer.json()
    except ValueError:
        document = None
    if not isinstance(document, dict) or not {"now", "reload", "sources"} <= document.keys():
        raise NoAnswer(f"{_shown(url)} is no adoption-exporter")
    return document


def _shown(url: str) -> str:
    """The address without a password."""
    scheme, separator, rest = url.rpartition("://")
    return f"{scheme}{separator}{rest.rpartition('@')[2]}"
