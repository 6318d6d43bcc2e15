"""What can go wrong with a vendor: one class for each `reason` label.

VendorError
├── Unreachable   the network, a 5xx, a body cut short; retried, then reported
├── RateLimited   429 after the retries that the vendor's own pause allows
├── Rejected      any other 4xx or a redirect: a human is needed, never retried
└── BadPayload    a 2xx whose body cannot be right

A message names vendor, endpoint, field and what was seen. It holds no secret and no person.
"""

from dataclasses import dataclass
from typing import ClassVar, Literal, get_args

Reason = Literal["unreachable", "rate_limited", "rejected", "payload", "bug"]
REASONS: tuple[Reason, ...] = get_args(Reason)


@dataclass(frozen=True)
class Failure:
    """What became of an error that was caught; `status` is the HTTP status where there was one.

    With `of_state` it is our state that failed: `reason` is "state", and nothing is wrong with the vendor.
    """

    reason: str
    message: str
    status: int | None = None
    of_state: bool = False


class VendorError(Exception):
    """A vendor did not give what was asked; `status` is the HTTP status where there was one."""

    reason: ClassVar[Reason]

    def __init__(self, message: str, *, status: int | None = None) -> None:
        super().__init__(message)
        self.status = status


class Unreachable(VendorError):
    """No usable answer: connection, timeout, 5xx or a body cut short."""

    reason = "unreachable"


class RateLimited(VendorError):
    """The vendor asked for a longer pause than a poll may take."""

    reason = "rate_limited"


class Rejected(VendorError):
    """The vendor refused: a token, a permission, an address or a query is wrong."""

    reason = "rejected"


class BadPayload(VendorError):
    """The vendor answered 2xx with a body that cannot be right."""

    reason = "payload"
