"""The settings of a source at a Coder v1 server."""

from collections.abc import Mapping
from typing import Annotated, Literal

from pydantic import Field

from exporter.config.source import SourceSettings

Category = Literal["any", "ide", "login", "app", "tunnel", "web_terminal"]
Word = Annotated[str, Field(min_length=1)]


class CoderClassicSettings(SourceSettings):
    """A source at a Coder v1 server. `organizations` are ids; without any, the whole server is one scope.

    `categories` are the server's own words for our categories.
    """

    organizations: tuple[Word, ...] = ()
    categories: Mapping[Category, Word] = {}
