"""The --web options of the commands that serve pages."""

import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import wraps
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import SplitResult, urlsplit

import click

from exporter.commands.options import address

if TYPE_CHECKING:
    from exporter.config.load import Config
    from exporter.config.sections import Address
    from exporter.daemon.run import Web

_PREFIX = re.compile(r"(/[A-Za-z0-9._~-]+)*/?")


@dataclass(frozen=True)
class WebFlags:
    """The values from the command line, which override the configuration.

    `prefix` is "" or /like/this, `external_host` is the host of the external URL or "".
    """

    listen_address: "Address | None"
    config_file: Path | None
    prefix: str
    external_host: str

    def over(self, config: "Config") -> "Config":
        """The configuration with these flags in place of its own values."""
        given = {"listen_address": self.listen_address, "config_file": self.config_file}
        update = {name: value for name, value in given.items() if value is not None}
        return replace(config, web=config.web.model_copy(update=update))

    def open(self, config: "Config") -> "Web":
        """Listens on the configured address. Raises ConfigError, or OSError if the address is in use."""
        from exporter.daemon.run import Web, listen
        from exporter.web.access import WebAccess

        access = WebAccess.open(config.web.config_file)
        return Web(listen(config.web.listen_address), access, self.prefix, self.external_host)


def web_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Adds --web.listen-address, --web.config.file, --web.external-url and --web.route-prefix as a `web: WebFlags`."""

    @wraps(command)
    def with_flags(
        *arguments: Any,
        listen_address: "Address | None",
        web_config_file: Path | None,
        external_url: SplitResult,
        route_prefix: str | None,
        **others: Any,
    ) -> Any:
        prefix = external_url.path if route_prefix is None else route_prefix
        web = WebFlags(listen_address, web_config_file, prefix, external_url.hostname or "")
        return command(*arguments, web=web, **others)

    for option in reversed(_OPTIONS):
        with_flags = option(with_flags)
    return with_flags


def _prefix(_context: click.Context, _parameter: click.Parameter, text: str | None) -> str | None:
    if text is not None and not _PREFIX.fullmatch(text):
        raise click.BadParameter("must be a path such as /adoption, of letters, digits and . _ ~ -")
    return None if text is None else text.rstrip("/")


def _external_url(context: click.Context, parameter: click.Parameter, text: str) -> SplitResult:
    """An external URL, whose path is a route prefix."""
    from exporter.config.types import base_url

    try:
        url = urlsplit(base_url(text) if text else "")
    except ValueError as error:
        raise click.BadParameter(str(error)) from None
    return url._replace(path=_prefix(context, parameter, url.path) or "")


_OPTIONS = (
    click.option(
        "--web.listen-address",
        "listen_address",
        callback=address,
        metavar="H:P",
        help="Where to serve (127.0.0.1:10723).",
    ),
    click.option(
        "--web.config.file",
        "web_config_file",
        type=click.Path(path_type=Path),
        metavar="FILE",
        help="TLS and basic authentication, in exporter-toolkit's format.",
    ),
    click.option(
        "--web.external-url",
        "external_url",
        callback=_external_url,
        default="",
        metavar="URL",
        help="The address under which a reverse proxy shows it: its path is the default of --web.route-prefix, "
        "and requests may name its host.",
    ),
    click.option(
        "--web.route-prefix",
        "route_prefix",
        callback=_prefix,
        metavar="PATH",
        help="What every path begins with; / where a reverse proxy takes the path of the external URL away.",
    ),
)
