"""How Coder v2 is asked: insights, and the templates of an organization."""

from collections.abc import Mapping
from urllib.parse import quote

from exporter.errors import Rejected, VendorError
from exporter.transport.client import Client
from exporter.transport.endpoints import Allowed
from exporter.transport.json_object import JsonObject, json_object, objects

_V2 = "/api/v2"
ENDPOINTS = (
    Allowed("GET", f"{_V2}/buildinfo"),
    Allowed("GET", f"{_V2}/insights/daus"),
    Allowed("GET", f"{_V2}/insights/templates"),
    Allowed("GET", f"{_V2}/insights/user-activity"),
    Allowed("GET", f"{_V2}/insights/user-status-counts"),
    Allowed("GET", f"{_V2}/organizations"),
    Allowed("GET", f"{_V2}/organizations/{{id}}/templates"),
)
_DEPRECATED = {"q": "deprecated:true"}
# Neither status says which permission is missing; a 404 is the answer to four different mistakes (2026-11).
HINTS = {
    403: "the token's user needs the role Auditor",
    404: "either the token's user has neither the role Auditor nor Template Admin, or the server collects no usage "
    "statistics (CODER_STATS_COLLECTION_USAGE_STATS_ENABLE), or a template was deleted just now, or the host is "
    "Coder v1 (vendor: coder-classic)",
}


def ask(client: Client, endpoint: str, params: Mapping[str, str] | None = None) -> JsonObject:
    """The answer of an endpoint that answers with an object."""
    where, document = _get(client, endpoint, params)
    return json_object(document, where)


def organizations(client: Client) -> list[JsonObject]:
    """The organizations that the token's user sees."""
    where, found = _get(client, "organizations")
    return objects(found, where)


def templates(client: Client, organization: str) -> list[str]:
    """The ids of the templates of an organization, by which alone insights can be narrowed to it.

    What happened in workspaces of deleted templates is lost to it. Rejected where the token's user does not see the
    organization.
    """
    ids = [row.text("id") for row in organizations(client) if row.text("name") == organization]
    if not ids:
        raise Rejected(f"coder GET {_V2}/organizations: the token's user sees no organization {organization}")
    path = f"organizations/{quote(ids[0], safe='')}/templates"
    return sorted(_listed_templates(client, path, None) | _deprecated_templates(client, path))


def is_server_error(error: VendorError) -> bool:
    """Whether the server answered 5xx."""
    return error.status is not None and error.status >= 500


def _deprecated_templates(client: Client, path: str) -> set[str]:
    """People still work on deprecated templates, which newer servers list only on request (2026-11)."""
    try:
        return _listed_templates(client, path, _DEPRECATED)
    except Rejected as error:
        # A server that refuses the parameter does not know it, and has listed every template without it.
        if error.status != 400:
            raise
        return set()


def _listed_templates(client: Client, path: str, params: Mapping[str, str] | None) -> set[str]:
    where, found = _get(client, path, params)
    return set() if found is None else {row.text("id") for row in objects(found, where)}


def _get(client: Client, endpoint: str, params: Mapping[str, str] | None = None) -> tuple[str, object]:
    """The endpoint, as messages name it, and its answer. Insights refuse parameters that they do not know."""
    try:
        response = client.request("GET", f"{_V2}/{endpoint}", params=params)
    except Rejected as error:
        if error.status not in HINTS:
            raise
        raise Rejected(f"{error}; {HINTS[error.status]}", status=error.status) from error
    return response.where, response.json()
