"""The errors of a vendor: one class for each value of the label `reason`.

VendorError
├── Unreachable   no usable response: connection, timeout, 5xx, body cut short; retried first
├── RateLimited   429; retried first, unless the vendor asks for a longer pause than a poll may take
├── Rejected      any other 4xx or a redirect; never retried, the operator must act
└── BadPayload    a 2xx with an invalid body; never retried

A message names vendor, endpoint, field and what was seen. It contains no secret and no person.
"""

from dataclasses import dataclass
from typing import ClassVar, Literal, get_args

Reason = Literal["unreachable", "rate_limited", "rejected", "payload", "bug"]
REASONS: tuple[Reason, ...] = get_args(Reason)


@dataclass(frozen=True)
class Failure:
    """A caught error as data; `status` is the HTTP status, if there was a response.

    With `of_state` the exporter's own state failed, not the vendor: `reason` is then "state".
    """

    reason: str
    message: str
    status: int | None = None
    of_state: bool = False


class VendorError(Exception):
    """A vendor did not deliver what was requested; `status` is the HTTP status, if there was a response."""

    reason: ClassVar[Reason]

    def __init__(self, message: str, *, status: int | None = None) -> None:
        super().__init__(message)
        self.status = status


class Unreachable(VendorError):
    """The vendor gave no usable response: connection, timeout, 5xx or a body cut short."""

    reason = "unreachable"


class RateLimited(VendorError):
    """The vendor still answers 429 after the retries, or asks for a longer pause than a poll may take."""

    reason = "rate_limited"


class Rejected(VendorError):
    """The vendor refused: a token, a permission, an address or a query is wrong."""

    reason = "rejected"


class BadPayload(VendorError):
    """The vendor answered 2xx with an invalid body."""

    reason = "payload"
