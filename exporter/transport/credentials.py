"""What proves to a vendor who asks: headers that stay, or headers that end and are renewed."""

import base64
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from exporter.transport.client import Client


class Credential(Protocol):
    """Gives the secret headers of a request. `Client.signed_in` uses one; a vendor's session keeps those that renew.

    `advice` says what to check after a 401. Threads may share it.
    """

    @property
    def advice(self) -> str: ...

    def headers(self, client: "Client") -> Mapping[str, str]:
        """The headers of a request that is about to be sent. May ask the vendor through `client`, with VendorErrors."""

    def refused(self, client: "Client", headers: Mapping[str, str]) -> bool:
        """Hears of a 401 to a request with these headers; returns whether new ones are worth one more attempt."""


@dataclass(frozen=True)
class Fixed:
    """Headers that stay as they are: `Fixed(bearer(token))`."""

    values: Mapping[str, str] = field(repr=False)
    advice: str = "check token/token_file"

    def headers(self, _client: "Client") -> Mapping[str, str]:
        """These headers."""
        return self.values

    def refused(self, _client: "Client", _headers: Mapping[str, str]) -> bool:
        """There are no others."""
        return False


def bearer(token: str) -> Mapping[str, str]:
    """The header that most vendors want."""
    return {"Authorization": f"Bearer {token}"}


def basic(user: str, password: str = "") -> Mapping[str, str]:
    """Basic authentication (RFC 7617), for example with a key as the user and no password."""
    return {"Authorization": f"Basic {base64.b64encode(f'{user}:{password}'.encode()).decode()}"}
