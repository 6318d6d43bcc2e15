"""A GitHub App as the credential of a source: its key signs for tokens of an hour, which are kept in memory alone.

API: https://docs.github.com/en/apps/creating-github-apps/authenticating-with-a-github-app (read 2026-11).
"""

import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from exporter.errors import BadPayload, Rejected
from exporter.transport.client import Client
from exporter.transport.credentials import bearer
from exporter.transport.endpoints import Allowed
from exporter.transport.json_object import JsonObject, json_object
from exporter.vendors.github_app_settings import GitHubAppSettings

ENDPOINTS = (
    Allowed("GET", "/orgs/{org}/installation"),
    Allowed("GET", "/enterprises/{enterprise}/installation"),
    Allowed("POST", "/app/installations/{id}/access_tokens"),
)
# GitHub refuses a signature that ends more than ten minutes ahead, or begins later than now.
_SIGNED_FOR = timedelta(minutes=9)
_SIGNED_BEFORE = timedelta(minutes=1)
_RENEWED_BEFORE = timedelta(minutes=5)


@dataclass(eq=False)
class Installation:
    """A Credential: the tokens of an App where it is installed. Keep it in the session, one for each `place`.

    `place` is where the App is installed, `orgs/acme` or `enterprises/acme`, quoted for a path. A token is renewed five
    minutes before it ends, by the vendor's clock, and after a 401. `ENDPOINTS` must be among those of the vendor.
    """

    app: GitHubAppSettings
    place: str
    advice: str = "check app and where the GitHub App is installed"
    _id: int | None = None
    _token: str = field(default="", repr=False)
    _ends: float = 0.0
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def headers(self, client: Client) -> Mapping[str, str]:
        """The header with a token that lasts."""
        with self._lock:
            if not self._token or client.monotonic() >= self._ends:
                self._renew(client.signed_in(_Signature(self.app)))
            return bearer(self._token)

    def refused(self, _client: Client, headers: Mapping[str, str]) -> bool:
        """Forgets the token; a new one is worth an attempt."""
        with self._lock:
            if bearer(self._token) == headers:
                self._token = ""
        return True

    def _renew(self, client: Client) -> None:
        number = self.app.installation_id or self._id or self._look_up(client)
        answer = self._ask(client, "POST", f"/app/installations/{number}/access_tokens")
        self._id = number
        lasts = _moment(answer, "expires_at") - _vendor_time(client)
        self._ends = client.monotonic() + (lasts - min(_RENEWED_BEFORE, lasts / 2)).total_seconds()
        self._token = answer.text("token")

    def _look_up(self, client: Client) -> int:
        return self._ask(client, "GET", f"/{self.place}/installation").whole("id")

    def _ask(self, client: Client, method: str, path: str) -> JsonObject:
        try:
            answer = client.request(method, path)
        except Rejected as error:
            if error.status != 404:
                raise
            # The App may have been installed anew, under another number.
            self._id = None
            where = f"the GitHub App {self.app.client_id} is not installed at {self.place}"
            raise Rejected(f"{error}; {where}", status=404, words=error.words, headers=error.headers) from error
        return json_object(answer.json(), answer.where)


@dataclass(frozen=True)
class _Signature:
    """A Credential: what the App signs with its key, anew for each request."""

    app: GitHubAppSettings
    advice: str = "check app.client_id and app.private_key_file"

    def headers(self, client: Client) -> Mapping[str, str]:
        """The header with a signature for the next minutes."""
        # Its libraries are an extra and take a quarter of a second, which only who has an App should wait for.
        from exporter.vendors.github_app_key import signed

        now = _vendor_time(client)
        claims = {"iss": self.app.client_id, "iat": now - _SIGNED_BEFORE, "exp": now + _SIGNED_FOR}
        try:
            return bearer(signed(claims, self.app.private_key_file))
        except (OSError, ValueError) as error:
            raise Rejected(f"{client.vendor}: app.private_key_file cannot be used: {error}") from None

    def refused(self, client: Client, _headers: Mapping[str, str]) -> bool:
        """A wrong clock of ours makes a wrong signature; the refusal has told GitHub's."""
        told = client.clock.told
        return told is not None and abs(told.ahead) > _SIGNED_BEFORE / 2


def _vendor_time(client: Client) -> datetime:
    """Now, by the vendor's clock where it has told it."""
    told = client.clock.told
    return client.now() if told is None else client.now() - told.ahead


def _moment(answer: JsonObject, key: str) -> datetime:
    try:
        moment = datetime.fromisoformat(answer.text(key))
    except ValueError:
        raise BadPayload(f"{answer.where}: {key} is no time such as 2026-11-20T13:00:00Z") from None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
