"""The errors of a vendor, one class for each value of the label `reason`, and what the operator has to mend.

VendorError
├── Unreachable    no usable response: connection, timeout, 5xx, body cut short; retried first
│   └── LinkExpired  a signed link is refused; its envelope has fresh links
├── RateLimited    429, or a 403 that is a rate limit; retried first, unless the vendor asks for a longer pause than a
│                  poll may take
├── Rejected       any other 4xx or a redirect; never retried, the operator must act
└── BadPayload     a 2xx with an invalid body; never retried

A message names vendor, endpoint, field and what was seen. It contains no secret and no person.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import ClassVar, Literal, get_args

Reason = Literal["unreachable", "rate_limited", "rejected", "payload", "bug"]
REASONS: tuple[Reason, ...] = get_args(Reason)
_NONE: Mapping[str, str] = MappingProxyType({})


@dataclass(frozen=True)
class Failure:
    """A caught error as data; `status` is the HTTP status, if there was a response.

    With `of_state` the exporter's own state failed, not the vendor: `reason` is then "state". `pause` is the seconds
    that the vendor asked to wait, where a poll could not; it is not kept in the state.
    """

    reason: str
    message: str
    status: int | None = None
    of_state: bool = False
    pause: float | None = field(default=None, compare=False)


class OperatorError(Exception):
    """Something that the operator has to mend, in a message of one line for each mistake: configuration or state."""


class VendorError(Exception):
    """A vendor did not deliver what was requested.

    `status` is the HTTP status, if there was a response. `pause` is the seconds that the vendor asked to wait, where
    that was too long for a poll.
    """

    reason: ClassVar[Reason]

    def __init__(self, message: str, *, status: int | None = None, pause: float | None = None) -> None:
        super().__init__(message)
        self.status = status
        self.pause = pause


class Unreachable(VendorError):
    """The vendor gave no usable response: connection, timeout, 5xx or a body cut short."""

    reason = "unreachable"


class LinkExpired(Unreachable):
    """A signed link is refused: it has expired, or its file is gone. The envelope that had it may have a fresh one."""


class RateLimited(VendorError):
    """The vendor's rate limit lasts beyond the retries, or it asks for a longer pause than a poll may take."""

    reason = "rate_limited"


class Rejected(VendorError):
    """The vendor refused: a token, a permission, an address or a query is wrong.

    `words` is the vendor's explanation, fit for a message, or "". `headers` are those of the response, with names in
    lower case: to be looked up, not to be shown.
    """

    reason = "rejected"

    def __init__(
        self, message: str, *, status: int | None = None, words: str = "", headers: Mapping[str, str] = _NONE
    ) -> None:
        super().__init__(message, status=status)
        self.words = words
        self.headers = headers


class BadPayload(VendorError):
    """The vendor answered 2xx with an invalid body."""

    reason = "payload"
