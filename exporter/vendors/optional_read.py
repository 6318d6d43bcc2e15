"""A second read of a vendor, such as seats, teams or money, which the plan or the token may not allow."""

from collections.abc import Callable
from typing import TypeVar

from exporter.errors import Rejected
from exporter.vendors.base import PollContext

# Which of them it is depends on the vendor: Cursor answers 401 to a right key without the plan, GitHub and Anthropic
# hide by a 404 what a token may not see (2026-11).
REFUSALS = frozenset({401, 403, 404, 410})

T = TypeVar("T")


def optional(context: PollContext, what: str, read: Callable[[], T]) -> T | None:
    """What `read` returns; None, with one warning for each `what`, where the vendor refuses it by plan or permission.

    `what` is the series that are lost, in words: "tokens and spend". An outage, a rate limit, a wrong body and any
    other refusal are raised: what a plan or permission does not explain must not look like it. A check of
    `check-config --online` passes a context whose `warn` collects the lines: `replace(context, warn=...)`.
    """
    try:
        return read()
    except Rejected as error:
        if error.status not in REFUSALS:
            raise
        context.warn(f"no {what}", f"there is nothing of {what}: {error}")
        return None
