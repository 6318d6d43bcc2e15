"""The settings of a source at GitLab: projects, names of Cube's members, custom measures."""

import re
from collections import Counter
from collections.abc import Mapping
from datetime import timedelta
from typing import Annotated, ClassVar, Literal, Self

from pydantic import AfterValidator, BeforeValidator, Field, model_validator

from exporter.config.source import BaseUrl, Duration, ReadyAt, RequestsPerMinute, SourceSettings
from exporter.config.types import Settings

Role = Literal[
    "people", "events", "page_views", "link_clicks", "event_time", "sessions", "session_minutes", "session_time"
]
Generation = Literal["current", "snowplow", "jitsu"]

# Names that a custom measure cannot take: built-in activities, and names with a meaning in `query`.
TAKEN = frozenset({"events", "page_views", "link_clicks", "sessions", "people", "active_time"})
# A dimension such as userId has a value for each person, so the wanted values are listed, and at most this many.
_MOST_VALUES = 50

_MEMBER = re.compile(r"[A-Za-z_][A-Za-z0-9_]*\.[A-Za-z_][A-Za-z0-9_]*")
_ACTIVITY = re.compile(r"[a-z][a-z0-9_]*")
_NUMBER = re.compile(r"[1-9][0-9]{0,17}")
_PATH = re.compile(r"[\w.-]+(/[\w.-]+)*", re.ASCII)


def _reference(text: object) -> int | str:
    if isinstance(text, int) and not isinstance(text, bool) and text > 0:
        return text
    if isinstance(text, str) and _NUMBER.fullmatch(text):
        return int(text)
    if isinstance(text, str) and _PATH.fullmatch(text) and not {".", ".."} & set(text.split("/")):
        return text
    raise ValueError("must be a number or a path such as group/project")


def _whole_path(reference: int | str) -> int | str:
    if isinstance(reference, str) and "/" not in reference:
        raise ValueError("must be the project's number or its whole path, such as group/project")
    return reference


def _member(text: str) -> str:
    if not _MEMBER.fullmatch(text):
        raise ValueError("must be a member of a cube such as TrackedEvents.count")
    return text


def _activity(text: str) -> str:
    if not _ACTIVITY.fullmatch(text):
        raise ValueError("must be small letters, digits and _ after a letter")
    if text in TAKEN:
        raise ValueError(f"must not be one of {', '.join(sorted(TAKEN))}")
    return text


Group = Annotated[int | str, BeforeValidator(_reference)]
Project = Annotated[Group, AfterValidator(_whole_path)]
MemberName = Annotated[str, AfterValidator(_member)]
Activity = Annotated[str, AfterValidator(_activity)]


class CustomMeasure(Settings):
    """A measure of one cube, counted as usage of one `activity`, or of one for each value of a `dimension`.

    The measure must add up over days: a count or a sum.
    """

    measure: MemberName
    time: MemberName
    activity: Activity | None = None
    dimension: MemberName | None = None
    activities: Annotated[Mapping[str, Activity], Field(max_length=_MOST_VALUES)] = {}

    @model_validator(mode="after")
    def _one_cube(self) -> Self:
        members = [self.measure, self.time, *([self.dimension] if self.dimension else [])]
        cubes = {member.partition(".")[0] for member in members}
        if len(cubes) > 1:
            raise ValueError(f"has members of {len(cubes)} cubes ({', '.join(sorted(cubes))}); a query reads one")
        return self

    @model_validator(mode="after")
    def _one_way(self) -> Self:
        if bool(self.activity) == bool(self.dimension) or bool(self.dimension) != bool(self.activities):
            raise ValueError("needs either activity, or dimension and activities (value: activity)")
        return self

    def names(self) -> list[str]:
        """The activities that it counts."""
        return [self.activity] if self.activity else list(self.activities.values())


class GitLabSettings(SourceSettings):
    """A source at GitLab: projects by number or path, and the projects of groups.

    `generation` names one of three sets of member names; without it the set is detected. `members` replaces single
    names.
    """

    lists_people: ClassVar[bool] = False
    one_needed: ClassVar = ("projects", "groups")

    base_url: BaseUrl = "https://gitlab.com"
    timeout: Duration = timedelta(seconds=60)
    requests_per_minute: RequestsPerMinute = 300
    ready_at: ReadyAt = timedelta(hours=1)
    projects: tuple[Project, ...] = ()
    groups: tuple[Group, ...] = ()
    generation: Generation | None = None
    members: Mapping[Role, MemberName] = {}
    custom: tuple[CustomMeasure, ...] = ()

    @model_validator(mode="after")
    def _something_to_read(self) -> Self:
        if not self.projects and not self.groups:
            raise ValueError("needs projects or groups: what is to be read")
        return self

    @model_validator(mode="after")
    def _each_activity_once(self) -> Self:
        names = Counter(name for measure in self.custom for name in measure.names())
        twice = [name for name, number in names.items() if number > 1]
        if twice:
            raise ValueError(f"names activities twice in custom: {', '.join(twice)}")
        return self
