"""Which members of GitLab's Cube are asked for. The names of three generations are told apart by `meta`. Pure."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from exporter.transport.json_object import JsonObject
from exporter.vendors.gitlab.query import MINUTES, PEOPLE, People, Question
from exporter.vendors.gitlab.settings import Generation, GitLabSettings, Role

# GitLab 16 to 18, about 15.11 to 16.x, and 15.4 to about 15.11 (2026-11).
GENERATIONS: Mapping[Generation, Mapping[Role, str]] = {
    "current": {
        "people": "TrackedEvents.uniqueUsersCount",
        "events": "TrackedEvents.count",
        "page_views": "TrackedEvents.pageViewsCount",
        "link_clicks": "TrackedEvents.linkClicksCount",
        "event_time": "TrackedEvents.derivedTstamp",
        "sessions": "Sessions.count",
        "session_minutes": "Sessions.averageDurationMinutes",
        "session_time": "Sessions.startAt",
    },
    "snowplow": {
        "people": "SnowplowTrackedEvents.uniqueUsersCount",
        "events": "SnowplowTrackedEvents.count",
        "page_views": "SnowplowTrackedEvents.pageViewsCount",
        "link_clicks": "SnowplowTrackedEvents.linkClicksCount",
        "event_time": "SnowplowTrackedEvents.derivedTstamp",
        "sessions": "SnowplowSessions.count",
        "session_minutes": "SnowplowSessions.averageDurationMinutes",
        "session_time": "SnowplowSessions.startAt",
    },
    "jitsu": {
        "people": "TrackedEvents.uniqueUsersCount",
        "events": "TrackedEvents.count",
        "page_views": "TrackedEvents.pageViewsCount",
        "link_clicks": "TrackedEvents.linkClicksCount",
        "event_time": "TrackedEvents.utcTime",
        "sessions": "Sessions.count",
        "session_minutes": "Sessions.averageDurationMinutes",
        "session_time": "Sessions.startAt",
    },
}
# Kinds of measures whose daily values add up. Distinct counts, averages and computed measures do not.
ADDITIVE = ("count", "sum")

# Member -> aggType of a measure, or type of a dimension; "" where `meta` has none.
Meta = Mapping[str, str]


@dataclass(frozen=True)
class Schema:
    """What to ask: `questions` by day, and `people` over windows; `remarks` say what is left out and why."""

    questions: tuple[Question, ...]
    people: People | None
    remarks: tuple[str, ...]


def parse_meta(answer: JsonObject) -> Meta:
    """The members that an answer of `meta` lists."""
    found = {}
    for cube in answer.objects("cubes"):
        for members, kind in (("measures", "aggType"), ("dimensions", "type")):
            for row in cube.objects(members):
                found[row.text("name")] = row.text(kind) if kind in row else ""
    return found


def schema(settings: GitLabSettings, meta: Meta | None) -> Schema:
    """The questions that follow from the settings and from `meta` (None: this GitLab has no such endpoint).

    Members of a detected generation that `meta` lacks are left out. Members in the settings are used as they are,
    except for custom measures that do not add up over days.
    """
    detected = None if meta is None else detect(meta)
    names = {**GENERATIONS[settings.generation or detected or "current"], **settings.members}
    remarks = []
    if meta is not None and detected is not None and settings.generation is None:
        absent = {role: name for role, name in names.items() if name not in meta and role not in settings.members}
        names = {role: name for role, name in names.items() if role not in absent}
        remarks = [f"meta has no {name}, so {role} is left out" for role, name in absent.items()]
    questions = [*_standard(names), *_custom(settings, meta)]
    remarks.extend(_not_additive(settings, meta))
    people = People(names["people"], names["event_time"]) if {"people", "event_time"} <= names.keys() else None
    return Schema(tuple(questions), people, tuple(remarks))


def detect(meta: Meta) -> Generation | None:
    """The generation whose time of events is in `meta`."""
    return next((name for name, members in GENERATIONS.items() if members["event_time"] in meta), None)


def _standard(names: Mapping[Role, str]) -> Iterator[Question]:
    events: tuple[Role, ...] = (PEOPLE, "events", "page_views", "link_clicks")
    counts: dict[str, str] = {role: names[role] for role in events if role in names}
    if counts and "event_time" in names:
        yield Question(names["event_time"], counts)
    # An average says nothing about time without the number of sessions.
    sessions: tuple[Role, ...] = ("sessions", MINUTES)
    visits: dict[str, str] = {role: names[role] for role in sessions if role in names and "sessions" in names}
    if visits and "session_time" in names:
        yield Question(names["session_time"], visits)


def _custom(settings: GitLabSettings, meta: Meta | None) -> Iterator[Question]:
    for custom in settings.custom:
        if not _adds_up(custom.measure, meta):
            continue
        if custom.activity is not None:
            yield Question(custom.time, {custom.activity: custom.measure}, extra=True)
        else:
            yield Question(custom.time, {"": custom.measure}, custom.dimension, custom.activities, extra=True)


def _not_additive(settings: GitLabSettings, meta: Meta | None) -> Iterator[str]:
    for custom in settings.custom:
        if meta is not None and not _adds_up(custom.measure, meta):
            kind = meta[custom.measure]
            yield f"custom measure {custom.measure} is left out: it is a {kind}, whose days cannot be added up"


def _adds_up(measure: str, meta: Meta | None) -> bool:
    """Whether the days of a measure add up, by `meta`. A measure that `meta` lacks is left to Cube to refuse."""
    return meta is None or meta.get(measure, "") in ("", *ADDITIVE)
