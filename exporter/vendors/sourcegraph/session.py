"""What is remembered of an instance from poll to poll, first of all its registry."""

from collections.abc import Collection
from dataclasses import dataclass, field

from exporter.errors import VendorError
from exporter.vendors.base import PollContext
from exporter.vendors.sourcegraph.registry import Registry, parse_registry
from exporter.vendors.sourcegraph.settings import SourcegraphSettings

REGISTRY = "/api/reports/user-registry"

# By its plan or its permissions.
_MAY_NOT = (402, 403)


@dataclass
class SourcegraphSession:
    """By instance: its newest registry (None: there is none), and why reading it failed since."""

    registries: dict[str, Registry | None] = field(default_factory=dict)
    failed: dict[str, VendorError] = field(default_factory=dict)


Context = PollContext[SourcegraphSettings, SourcegraphSession]


def read_registry(context: Context, scope: str) -> Registry | None:
    """The registry of an instance, kept for `seats`; None where the server has none or the token may not read it.

    Where it fails the last one counts, so that the days are read all the same. Raises VendorError where there is none:
    without it service accounts would be stored as people.
    """
    known, failed = context.session.registries, context.session.failed
    failed.pop(scope, None)
    try:
        known[scope] = ask_for_registry(context, scope, (404,))
    except VendorError as error:
        if error.status in _MAY_NOT:
            context.warn(f"{scope}: no registry", f"{scope} has neither seats nor service accounts: {error}")
            known[scope] = None
        elif error.status == 401 or scope not in known:
            raise
        else:
            failed[scope] = error
    return known[scope]


def ask_for_registry(context: Context, scope: str, without: Collection[int]) -> Registry | None:
    """The registry of an instance; None for an answer `without` one. A server older than 2026-08 answers 404."""
    answer = context.client.request(
        "GET", REGISTRY, params={"instanceURL": scope}, headers={"Accept": "text/csv"}, accept_status=without
    )
    return None if answer.status in without else parse_registry(answer.body, answer.where)
