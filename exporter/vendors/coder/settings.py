"""The settings of a source at a Coder v2 server."""

from typing import Annotated, ClassVar

from pydantic import Field

from exporter.config.source import SourceSettings

Name = Annotated[str, Field(min_length=1)]


class CoderSettings(SourceSettings):
    """A source at a Coder v2 server. `organizations` are names; without any, the whole server is one scope."""

    registers_seats: ClassVar[bool] = True

    organizations: tuple[Name, ...] = ()
