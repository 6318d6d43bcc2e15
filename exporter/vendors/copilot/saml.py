"""The e-mail addresses of people by GraphQL: what an identity provider (SAML) has told GitHub.

API: https://docs.github.com/en/graphql/reference/objects#externalidentity (read 2026-11).
"""

from collections.abc import Iterator, Mapping

from exporter.errors import RateLimited, Rejected, VendorError
from exporter.transport.client import Client
from exporter.transport.json_object import JsonObject, json_object
from exporter.transport.pages import pages
from exporter.vendors.copilot.api import Place
from exporter.vendors.copilot.refusals import explained
from exporter.vendors.copilot.row import identifier
from exporter.vendors.copilot.session import Context, signed_in

_IDENTITIES = """samlIdentityProvider { externalIdentities(first: 100, after: $after) {
  pageInfo { hasNextPage endCursor }
  nodes { samlIdentity { nameId emails { value } } scimIdentity { username } user { login databaseId } }
} }"""
_QUERY = "query($name: String!, $after: String)"
_QUERIES = {
    "organization": f"{_QUERY} {{ organization(login: $name) {{ {_IDENTITIES} }} }}",
    "enterprise": f"{_QUERY} {{ enterprise(slug: $name) {{ ownerInfo {{ {_IDENTITIES} }} }} }}",
}


def read_emails(context: Context, scope: str, place: Place) -> VendorError | None:
    """Reads the e-mails of a scope once a day into the session; returns why that failed where nobody refused it.

    Where it is refused the last ones stay. Raises Rejected for a token that is refused as such.
    """
    session, today = context.session, context.now.date()
    if context.settings.identity == "none" or session.emails_read.get(scope) == today:
        return None
    try:
        session.emails[scope] = emails_of(signed_in(context, place), place)
    except Rejected as error:
        if error.status == 401:
            raise
        context.warn(f"{scope}: no e-mails", f"there are no new e-mail addresses of {scope}: {error}")
        return None
    except VendorError as error:
        return error
    session.emails_read[scope] = today
    return None


def emails_of(client: Client, place: Place) -> Mapping[str, str]:
    """The e-mails in lower case by user id. Raises Rejected where there is no identity provider, or GraphQL refuses."""
    found: dict[str, str] = {}
    for page in _pages(client, place):
        for node in page.objects("nodes"):
            user = node.json_object("user") if node.given("user") else None
            email = _email(node)
            if user is not None and email:
                found[identifier(user, "databaseId")] = email
    return found


def first_page(client: Client, place: Place) -> None:
    """Asks for the first page alone, to see whether it is allowed."""
    next(_pages(client, place))


def _pages(client: Client, place: Place) -> Iterator[JsonObject]:
    def ask(after: str | None) -> JsonObject:
        return _identities(client, place, after)

    return pages(ask, _following, f"{client.vendor} POST /graphql")


def _following(page: JsonObject) -> str | None:
    about = page.json_object("pageInfo")
    return about.text("endCursor") if about.flag("hasNextPage") else None


def _identities(client: Client, place: Place, after: str | None) -> JsonObject:
    where = f"{client.vendor} POST /graphql"
    query = {"query": _QUERIES[place.kind], "variables": {"name": place.name, "after": after}}
    with explained("saml", place.kind):
        answer = json_object(client.post_json("/graphql", query), where)
        # It refuses with 200 (2026-11).
        for error in answer.objects("errors") if answer.given("errors") else []:
            words = client.presentable(error.text("message"))
            if error.fields.get("type") == "RATE_LIMITED":
                raise RateLimited(f"{where}: {words}")
            raise Rejected(f"{where}: refused: {words}", words=words)
    found = answer.json_object("data")
    for key in ("organization",) if place.kind == "organization" else ("enterprise", "ownerInfo"):
        if found.require(key) is None:
            raise Rejected(f"{where}: the token does not see the identities of the {place.kind} {place.name}")
        found = found.json_object(key)
    if found.require("samlIdentityProvider") is None:
        elsewhere = "the enterprise may have it, or" if place.kind == "organization" else "it may use OIDC, or"
        raise Rejected(
            f"{where}: the {place.kind} {place.name} has no SAML identity provider: {elsewhere} nobody has one"
        )
    return found.json_object("samlIdentityProvider").json_object("externalIdentities")


def _email(node: JsonObject) -> str:
    """The first that is an e-mail address of what the provider calls somebody; a nameId need not be one (2026-11)."""
    return next((text.strip().lower() for text in _names(node) if "@" in text), "")


def _names(node: JsonObject) -> Iterator[str]:
    if node.given("samlIdentity"):
        saml = node.json_object("samlIdentity")
        if saml.given("emails"):
            yield from (email.text("value") for email in saml.objects("emails"))
        if saml.given("nameId"):
            yield saml.text("nameId")
    if node.given("scimIdentity"):
        scim = node.json_object("scimIdentity")
        if scim.given("username"):
            yield scim.text("username")
