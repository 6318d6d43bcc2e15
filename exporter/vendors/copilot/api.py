"""How GitHub is asked: reports, whose files are on another host.

API: https://docs.github.com/en/rest/copilot/copilot-usage-metrics (read 2026-11).
"""

from collections.abc import Generator, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Literal
from urllib.parse import quote

from exporter.errors import BadPayload, Unreachable
from exporter.transport.client import Client
from exporter.transport.endpoints import Allowed
from exporter.transport.json_object import JsonObject, json_object
from exporter.transport.links import report_rows
from exporter.vendors import github_app
from exporter.vendors.copilot.refusals import Kind, explained

Report = Literal["users-1-day", "user-teams-1-day", "organization-1-day", "enterprise-1-day"]

_REPORTS = "copilot/metrics/reports"
ENDPOINTS = (
    *(
        Allowed("GET", f"/orgs/{{org}}/{_REPORTS}/{report}")
        for report in ("users-1-day", "user-teams-1-day", "organization-1-day")
    ),
    *(
        Allowed("GET", f"/enterprises/{{enterprise}}/{_REPORTS}/{report}")
        for report in ("users-1-day", "user-teams-1-day", "enterprise-1-day")
    ),
    Allowed("GET", "/orgs/{org}/copilot/billing/seats"),
    Allowed("GET", "/enterprises/{enterprise}/copilot/billing/seats"),
    Allowed("GET", "/organizations/{org}/settings/billing/ai_credit/usage"),
    Allowed("GET", "/enterprises/{enterprise}/settings/billing/ai_credit/usage"),
    Allowed("POST", "/graphql"),
    *github_app.ENDPOINTS,
)
# GitHub's newest version of its API (2026-11); it refuses one that it does not know.
PUBLIC_HEADERS = {"Accept": "application/vnd.github+json", "X-GitHub-Api-Version": "2026-03-10"}


@dataclass(frozen=True)
class Place:
    """An organization or an enterprise; `name` is in lower case."""

    kind: Kind
    name: str

    @property
    def path(self) -> str:
        """As most paths begin."""
        return f"{'orgs' if self.kind == 'organization' else 'enterprises'}/{quote(self.name, safe='')}"

    @property
    def billing_path(self) -> str:
        """As paths to bills begin, which name an organization otherwise."""
        return f"{self.kind}s/{quote(self.name, safe='')}"


@dataclass(frozen=True)
class Silence:
    """There is no report of a day; `hidden` is True for a 404, which a token without access gets too."""

    hidden: bool


def envelope(client: Client, place: Place, report: Report, day: date) -> Sequence[str] | Silence:
    """The links to the files of a report.

    GitHub says in five ways that there is none, or not yet: 204, 404, text or null in place of an object, an empty
    body, and an envelope without links (2026-11).
    """
    path = f"/{place.path}/{_REPORTS}/{report}"
    with explained("metrics", place.kind):
        answer = client.request("GET", path, params={"day": day.isoformat()}, accept_status=(404,))
    if answer.status == 404:
        return Silence(hidden=True)
    body = answer.json() if answer.body.strip() else None
    if body is None or isinstance(body, str):
        return Silence(hidden=False)
    found = json_object(body, answer.where)
    if found.given("report_day") and found.text("report_day") != day.isoformat():
        raise BadPayload(f"{answer.where}: asked for day {day}, got {found.text('report_day')[:10]}")
    links = found.array("download_links") if found.given("download_links") else []
    if not all(isinstance(link, str) for link in links):
        raise BadPayload(f"{answer.where}: download_links holds something else than text")
    return [str(link) for link in links] or Silence(hidden=False)


def rows(
    client: Client, place: Place, report: Report, day: date, links: Sequence[str], hosts: Sequence[str]
) -> Generator[JsonObject, None, None]:
    """The rows of a report, by the links of its envelope; a link that has ended takes one more envelope."""
    name = f"{report} of {day}"
    found = [links]

    def fresh() -> Sequence[str]:
        if found:
            return found.pop()
        again = envelope(client, place, report, day)
        if isinstance(again, Silence):
            raise Unreachable(f"{client.vendor} {name}: a download link is refused, and there is no report any more")
        return again

    return report_rows(client, fresh, hosts, name)
