"""What is remembered of a GitLab from one poll of a source to the next."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Literal, NamedTuple

from exporter.errors import VendorError
from exporter.vendors.base import PollContext
from exporter.vendors.gitlab.schema import Schema
from exporter.vendors.gitlab.settings import GitLabSettings


class Named(NamedTuple):
    """A configured project or group, by its number or path."""

    kind: Literal["project", "group"]
    reference: int | str


@dataclass(frozen=True)
class Project:
    """A project: its number, which stays, and its path as of now."""

    id: int
    path: str


@dataclass(frozen=True)
class Found:
    """The projects that a configured project or group stood for on a day."""

    day: date
    projects: tuple[Project, ...]


@dataclass(frozen=True)
class Directory:
    """The numbers of a source's projects by path, and by configured name the error of what could not be found."""

    ids: Mapping[str, int] = field(default_factory=dict)
    failed: Mapping[str, VendorError] = field(default_factory=dict)


@dataclass
class GitLabSession:
    """What was found out about projects: `schemas` by project number with the day of finding out.

    `active` holds the numbers of projects that had a row on any day.
    """

    directory: Directory = Directory()
    found: dict[Named, Found] = field(default_factory=dict)
    schemas: dict[int, tuple[date, Schema]] = field(default_factory=dict)
    active: set[int] = field(default_factory=set)


Context = PollContext[GitLabSettings, GitLabSession]
