"""Which projects a source at GitLab reads: those named by number or path, and those of groups, listed once a day."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from datetime import date
from urllib.parse import quote

from exporter.errors import BadPayload, RateLimited, Rejected, Unreachable, VendorError
from exporter.transport.client import Client, Response
from exporter.transport.json_object import JsonObject, json_object, objects
from exporter.transport.pages import linked_page
from exporter.vendors.gitlab.api import API
from exporter.vendors.gitlab.session import Context, Directory, Found, Named, Project

_PER_PAGE = 100
_MOST_PAGES = 1_000
# After this many look-ups in a row without an answer the host is down, not single projects.
_UNANSWERED = 10
_MOVED = (301, 302, 303, 307, 308)
_MOVED_TO = "gitlab: project {0.id} has moved to {0.path}; name it by its new path or its number"


def directory(context: Context) -> Directory:
    """The projects of a source, each once, however it is named. Each name is looked up once a day.

    A group that cannot be listed is among the failed and keeps its projects, one that is gone loses them. After a
    restart these are not known: then every scope that may be one of them is among the failed, because a scope that is
    not listed is withdrawn at once. A known project that is gone stays, so that reading it fails. One that is named by
    a path which it no longer has is among the failed, as it is after a restart.
    Raises the VendorError where no other look-up can succeed: a refused token, a used-up quota, a host that is down.
    """
    found = context.session.found
    configured = [
        *(Named("project", reference) for reference in context.settings.projects),
        *(Named("group", reference) for reference in context.settings.groups),
    ]
    failed: dict[str, VendorError] = {}
    forgotten: VendorError | None = None
    unanswered = 0
    for named in configured:
        before = found.get(named)
        if before is not None and before.day == context.now.date():
            continue
        try:
            projects = _projects(context.client, named, before)
        except VendorError as error:
            unanswered = unanswered + 1 if isinstance(error, Unreachable) else 0
            if error.status == 401 or isinstance(error, RateLimited) or unanswered >= _UNANSWERED:
                raise
            if error.status == 404 and named.kind == "group":
                found.pop(named, None)
            elif error.status != 404 and before is None:
                forgotten = error
            if named.kind == "group" or named not in found:
                failed[str(named.reference)] = error
        else:
            unanswered = 0
            _warn_of_moves(context, named, before, projects)
            found[named] = Found(context.now.date(), projects)
    moved = {named: found[named].projects[0] for named in configured if named in found and _moved(named, found[named])}
    failed.update({str(named.reference): Rejected(_MOVED_TO.format(project)) for named, project in moved.items()})
    present = [found[named] for named in configured if named in found and named not in moved]
    paths = {project.id: project.path for one in present for project in one.projects}
    ids = {path: number for number, path in paths.items()}
    if forgotten is not None:
        names = {str(reference) for _, reference in configured}
        failed.update({scope: forgotten for scope in context.listed if scope not in names})
    return Directory(ids, {name: error for name, error in failed.items() if name not in ids})


def _moved(named: Named, found: Found) -> bool:
    """Whether a project has another path than the one by which it is named. GitLab ignores the case of paths."""
    if named.kind == "group" or isinstance(named.reference, int):
        return False
    return found.projects[0].path.lower() != named.reference.lower()


def probe(context: Context) -> None:
    """Looks up the first project or group. That there is none is an answer too: GitLab refuses a wrong token first."""
    project, *_ = *context.settings.projects, None
    if project is not None:
        _ask_for_project(context.client, project, (*_MOVED, 404) if isinstance(project, str) else (404,))
    else:
        group = quote(str(context.settings.groups[0]), safe="")
        context.client.request("GET", f"{API}/groups/{group}/projects", params={"per_page": "1"}, accept_status=(404,))


def look_again(context: Context, project: int) -> None:
    """Makes the next poll look up the names of a project that was not found."""
    for named, found in context.session.found.items():
        if any(known.id == project for known in found.projects):
            context.session.found[named] = replace(found, day=date.min)


def _projects(client: Client, named: Named, before: Found | None) -> tuple[Project, ...]:
    if named.kind == "group":
        return tuple(_group(client, named.reference))
    # A known project is looked up by its number, which finds it under a new path too.
    return (_project(client, named.reference if before is None else before.projects[0].id),)


def _project(client: Client, reference: int | str) -> Project:
    # A number finds a project under any path, so a redirect of a number is one of the whole server.
    moved = _MOVED if isinstance(reference, str) else ()
    answer = _ask_for_project(client, reference, moved)
    if answer.status in _MOVED:
        raise Rejected(f"{answer.where}: {answer.status}, the project has moved; name it by its new path or its number")
    return _parse(json_object(answer.json(), answer.where))


def _ask_for_project(client: Client, reference: int | str, accept_status: Collection[int]) -> Response:
    path = f"{API}/projects/{quote(str(reference), safe='')}"
    return client.request("GET", path, accept_status=accept_status)


def _group(client: Client, reference: int | str) -> Sequence[Project]:
    """The projects of a group and its subgroups without archived ones, from all pages."""
    path = f"{API}/groups/{quote(str(reference), safe='')}/projects"
    params: Mapping[str, str] = {
        "include_subgroups": "true",
        "archived": "false",
        "simple": "true",
        "order_by": "id",
        "sort": "asc",
        "per_page": str(_PER_PAGE),
    }
    found: dict[int, Project] = {}
    for page in range(1, _MOST_PAGES + 1):
        answer = client.request("GET", path, params=params)
        rows = objects(answer.json(), answer.where)
        # Archived projects are not asked for. A row that says its project is archived is left out all the same.
        listed = [_parse(row) for row in rows if row.fields.get("archived") is not True]
        found.update({project.id: project for project in listed})
        following = _next(answer, page, len(rows))
        if following is None:
            return list(found.values())
        if following.items() <= params.items():
            raise BadPayload(f"{answer.where}: page {page} says that it comes after itself")
        params = {**params, **following}
    raise BadPayload(f"{answer.where}: more than {_MOST_PAGES} pages")


def _next(answer: Response, page: int, size: int) -> Mapping[str, str] | None:
    """The parameters of the next page; None after the last one.

    GitLab numbers pages (X-Next-Page, empty on the last one) or keys them (only a Link).
    """
    linked = linked_page(answer.headers)
    if linked is not None:
        return linked
    if "x-next-page" in answer.headers:
        number = answer.headers["x-next-page"].strip()
        return {"page": number} if number else None
    return {"page": str(page + 1)} if size >= _PER_PAGE and "link" not in answer.headers else None


def _parse(row: JsonObject) -> Project:
    return Project(row.whole("id"), row.text("path_with_namespace"))


def _warn_of_moves(context: Context, named: Named, before: Found | None, projects: Sequence[Project]) -> None:
    if before is None or _moved(named, Found(before.day, tuple(projects))):
        return
    paths = {project.id: project.path for project in before.projects}
    for project in projects:
        if paths.get(project.id, project.path) != project.path:
            context.warn(
                f"project {project.id} is {project.path}",
                f"project {project.id} has moved from {paths[project.id]} to {project.path}, which is a scope of its "
                f"own: its days so far stay stored under {paths[project.id]}",
            )
