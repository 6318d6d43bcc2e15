"""GitLab Product Analytics: counts of people, events and sessions by project, from the Cube behind GitLab.

API: https://docs.gitlab.com/api/product_analytics/ (beta, on its way out of GitLab, read 2026-11).
"""

from collections.abc import Iterator, Mapping, Sequence
from datetime import date

from exporter.errors import BadPayload, Rejected, Unreachable, VendorError
from exporter.model import ONE_DAY, WINDOWS, Reading, WindowPeople, window_days
from exporter.vendors.base import InvalidDay, Vendor
from exporter.vendors.gitlab.answers import Days, facts, parse_window
from exporter.vendors.gitlab.api import ENDPOINTS, NoDatabaseError, NoProjectError, dry_run, load, load_days, load_meta
from exporter.vendors.gitlab.projects import directory, look_again, probe
from exporter.vendors.gitlab.query import Query, Question, day_query, window_query
from exporter.vendors.gitlab.schema import Schema, schema
from exporter.vendors.gitlab.session import Context, Directory, GitLabSession
from exporter.vendors.gitlab.settings import GitLabSettings

_CONCURRENCY = 8
# Cubes: events and sessions. Windows: 7d and 28d.
_CUBES = 2
_WINDOWS = 2
# Before Product Analytics (2022).
_BEGINNING = date(2020, 1, 1)


def scopes(context: Context) -> Sequence[str]:
    """The paths of the projects, and the configured names of those that could not be found.

    Where nothing can be looked up, those of the last poll fail for it, or all configured names where there was none.
    """
    try:
        found = directory(context)
    except VendorError as error:
        named = (*context.settings.projects, *context.settings.groups)
        found = Directory(failed=dict.fromkeys(context.listed or map(str, named), error))
    context.session.directory = found
    return [*found.ids, *found.failed]


def read(context: Context, scope: str, days: Sequence[date]) -> Iterator[Reading | InvalidDay]:
    """The wanted days, by one query for each cube. A project without a database, or without a row ever, has none."""
    project = _project(context, scope)
    if not days:
        return
    start, end = min(days), max(days)
    try:
        questions = _schema(context, scope, project).questions
        answers = [(question, load_days(context.client, project, question, start, end)) for question in questions]
        if not _ever_active(context, project, answers):
            return
    except NoDatabaseError:
        return
    except Rejected as error:
        # Its members may have changed since `meta` was asked.
        context.session.schemas.pop(project, None)
        if isinstance(error, NoProjectError):
            look_again(context, project)
        raise
    for day in days:
        try:
            of_day, active = facts(day, answers)
        except BadPayload as error:
            yield InvalidDay(day, error)
            continue
        yield Reading(day, of_day, rows=active)


def windows(context: Context, scope: str, data_day: date, names: Sequence[str]) -> Iterator[WindowPeople]:
    """Distinct people of whole windows, as Cube counts them."""
    project = _project(context, scope)
    try:
        people = _schema(context, scope, project).people
        if people is None:
            return
        for name in names:
            days = window_days(data_day, WINDOWS[name])
            answer = load(context.client, project, window_query(*people, days[-1], days[0]))
            number = parse_window(answer, people.measure)
            if number is not None:
                yield WindowPeople(data_day, name, number)
    except NoDatabaseError:
        return


def check(context: Context) -> Iterator[str]:
    """A line for each project that cannot be found or asked, and for each query that Cube refuses."""
    try:
        found = directory(context)
    except VendorError as error:
        yield str(error)
        return
    yield from (f"{name}: {error}" for name, error in found.failed.items())
    for scope, project in found.ids.items():
        try:
            asked = _schema(context, scope, project)
        except NoDatabaseError:
            continue
        except VendorError as error:
            yield f"{scope}: {error}"
            continue
        yield from (f"{scope}: {remark}" for remark in asked.remarks)
        # A member that is asked for by day and over windows is refused twice in the same words.
        yield from dict.fromkeys(f"{scope}: {refusal}" for refusal in _refusals(context, project, asked))


def least_requests(days: int, data_days: int) -> int:
    """One query for each cube, however many days, and one for each window."""
    return _CUBES + _WINDOWS * data_days if days else 0


def headers(token: str) -> Mapping[str, str]:
    """The token in GitLab's own header."""
    return {"PRIVATE-TOKEN": token}


def _project(context: Context, scope: str) -> int:
    found = context.session.directory
    if scope in found.failed:
        raise found.failed[scope]
    return found.ids[scope]


def _schema(context: Context, scope: str, project: int) -> Schema:
    """What to ask about a project, found out once a day. Projects of one GitLab may differ."""
    settings = context.settings
    known = context.session.schemas.get(project)
    if known is not None and known[0] == context.now.date():
        return known[1]
    needs_meta = settings.generation is None or bool(settings.custom)
    asked = schema(settings, load_meta(context.client, project) if needs_meta else None)
    if not asked.questions:
        raise Rejected("gitlab: meta lists none of the members that are asked for; set generation or members")
    for remark in asked.remarks:
        context.warn(f"{scope}: {remark}", f"{scope}: {remark}")
    context.session.schemas[project] = (context.now.date(), asked)
    return asked


def _ever_active(context: Context, project: int, answers: Sequence[tuple[Question, Days]]) -> bool:
    """Whether a project had a row on any day. Only then are its days without rows zeros."""
    active = context.session.active
    if project not in active and (
        any(found for _, found in answers) or any(_has_rows(context, project, question) for question, _ in answers)
    ):
        active.add(project)
    return project in active


def _has_rows(context: Context, project: int, question: Question) -> bool:
    query = window_query(question.counted(), question.time, _BEGINNING, context.now.date())
    return bool(parse_window(load(context.client, project, query), question.counted()))


def _refusals(context: Context, project: int, asked: Schema) -> Iterator[str]:
    yesterday = context.now.date() - ONE_DAY
    queries: list[Query] = [day_query(question, yesterday, yesterday) for question in asked.questions]
    if asked.people is not None:
        queries.append(window_query(*asked.people, yesterday, yesterday))
    for query in queries:
        try:
            dry_run(context.client, project, query)
        except NoDatabaseError:
            continue
        except VendorError as error:
            yield str(error)
            if error.status != 400 or isinstance(error, Unreachable):
                # The error is not about this query: the others would fail in the same way.
                return


GITLAB = Vendor(
    name="gitlab",
    settings=GitLabSettings,
    open_session=GitLabSession,
    scopes=scopes,
    read=read,
    windows=windows,
    check=check,
    headers=headers,
    least_requests=least_requests,
    probe=probe,
    endpoints=ENDPOINTS,
    concurrency=_CONCURRENCY,
)
