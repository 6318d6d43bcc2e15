"""A GitHub App against a server that checks its signatures as GitHub does, by its own clock."""

from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from email.utils import format_datetime
from pathlib import Path
from typing import Any

import httpx
import jwt
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa

from exporter.config.load import config_secrets, read_token, redacted
from exporter.config.source import SourceSettings
from exporter.errors import BadPayload, Rejected, Unreachable, VendorError
from exporter.redaction import secrets
from exporter.transport.client import Client
from exporter.vendors.github_app import Installation
from exporter.vendors.github_app_settings import GitHubAppSettings
from tests.support.clients import NOON, World, failure
from tests.support.configurations import load_text, mistakes_in

KEY = rsa.generate_private_key(65537, 2048)
SEATS = "/orgs/acme/copilot/billing/seats"
MINTED = "POST /app/installations/8001/access_tokens"


def pem(key: Any, form: serialization.PrivateFormat, passphrase: bytes = b"") -> bytes:
    encryption = serialization.BestAvailableEncryption(passphrase) if passphrase else serialization.NoEncryption()
    return bytes(key.private_bytes(serialization.Encoding.PEM, form, encryption))


PKCS1 = pem(KEY, serialization.PrivateFormat.TraditionalOpenSSL)
PKCS8 = pem(KEY, serialization.PrivateFormat.PKCS8)


@dataclass
class GitHub:
    """Gives tokens that last an hour; `ahead` is how far the exporter's clock is ahead of its own."""

    world: World
    ahead: timedelta = timedelta()
    lasts: timedelta = timedelta(hours=1)
    elapsed: timedelta = timedelta()
    asked: list[str] = field(default_factory=list)
    revoked: set[str] = field(default_factory=set)
    ends: dict[str, datetime] = field(default_factory=dict)
    answers: dict[str, httpx.Response] = field(default_factory=dict)

    @property
    def now(self) -> datetime:
        return NOON + self.elapsed

    def client(self) -> Client:
        return self.world.client(
            vendor="copilot",
            headers={},
            transport=httpx.MockTransport(self.answer),
            now=lambda: self.now + self.ahead,
            monotonic=self.elapsed.total_seconds,
        )

    def answer(self, request: httpx.Request) -> httpx.Response:
        asked = f"{request.method} {request.url.path}"
        self.asked.append(asked)
        response = self.answers.get(asked) or self._answer(
            asked, request.headers["authorization"].removeprefix("Bearer ")
        )
        response.headers["date"] = format_datetime(self.now, usegmt=True)
        return response

    def _answer(self, asked: str, token: str) -> httpx.Response:
        if asked.endswith(("/installation", "/access_tokens")):
            if words := self._wrong(token):
                return httpx.Response(401, json={"message": words})
            if asked.endswith("/installation"):
                return httpx.Response(200, json={"id": 8001, "target_type": "Organization"})
            made = f"ghs_{len(self.ends)}aaaaaaaa"
            self.ends[made] = self.now + self.lasts
            return httpx.Response(201, json={"token": made, "expires_at": f"{self.ends[made]:%Y-%m-%dT%H:%M:%SZ}"})
        if token in self.revoked or self.now >= self.ends[token]:
            return httpx.Response(401, json={"message": f"Bad credentials {token}"})
        return httpx.Response(200, json={"by": token})

    def _wrong(self, signature: str) -> str:
        claims = jwt.decode(
            signature, KEY.public_key(), algorithms=["RS256"], options={"verify_exp": False, "verify_iat": False}
        )
        if claims["exp"] > (self.now + timedelta(minutes=10)).timestamp():
            return "'Expiration time' claim ('exp') is too far in the future"
        if claims["iat"] > self.now.timestamp():
            return "'Issued at' claim ('iat') must be an Integer representing the time that the assertion was issued"
        return "" if claims["exp"] > self.now.timestamp() and claims["iss"] == "Iv23client" else "Bad signature"


@pytest.fixture
def github() -> Iterator[GitHub]:
    with ExitStack() as closing:
        yield GitHub(World(closing))


def settings_of(folder: Path, content: bytes = PKCS8, **settings: Any) -> GitHubAppSettings:
    (folder / "app.pem").write_bytes(content)
    given = {"client_id": "Iv23client", "private_key_file": "app.pem", **settings}
    return GitHubAppSettings.model_validate(given, context={"folder": folder})


def ask(client: Client, installation: Installation) -> object:
    return client.signed_in(installation).get_json(SEATS)


@pytest.mark.parametrize("content", [PKCS1, PKCS8, PKCS8.strip().replace(b"\n", b"\\n")])
def test_a_token_is_made_for_the_first_request_and_serves_the_next(
    github: GitHub, tmp_path: Path, content: bytes
) -> None:
    client, installation = github.client(), Installation(settings_of(tmp_path, content), "orgs/acme")

    assert [ask(client, installation) for _ in range(2)] == [{"by": "ghs_0aaaaaaaa"}] * 2
    assert github.asked == ["GET /orgs/acme/installation", MINTED, f"GET {SEATS}", f"GET {SEATS}"]
    assert client.take_count() == 4


def test_a_configured_installation_is_not_looked_up(github: GitHub, tmp_path: Path) -> None:
    ask(github.client(), Installation(settings_of(tmp_path, installation_id=8001), "orgs/acme"))

    assert github.asked == [MINTED, f"GET {SEATS}"]


def test_a_token_is_renewed_five_minutes_before_it_ends(github: GitHub, tmp_path: Path) -> None:
    installation = Installation(settings_of(tmp_path), "orgs/acme")
    by = []
    for minutes in (0, 54, 55, 109, 110):
        github.elapsed = timedelta(minutes=minutes)
        # Each poll has a client of its own.
        by.append(ask(github.client(), installation))

    assert by == [{"by": f"ghs_{number}aaaaaaaa"} for number in (0, 0, 1, 1, 2)]
    assert github.asked.count("GET /orgs/acme/installation") == 1


def test_a_token_of_minutes_is_used_for_half_of_them(github: GitHub, tmp_path: Path) -> None:
    installation = Installation(settings_of(tmp_path), "orgs/acme")
    github.lasts = timedelta(minutes=4)
    for seconds in (0, 119, 120):
        github.elapsed = timedelta(seconds=seconds)
        ask(github.client(), installation)

    assert sorted(github.ends) == ["ghs_0aaaaaaaa", "ghs_1aaaaaaaa"]


def test_a_token_that_is_refused_is_renewed_once(github: GitHub, tmp_path: Path) -> None:
    client, installation = github.client(), Installation(settings_of(tmp_path), "orgs/acme")
    ask(client, installation)
    github.revoked.add("ghs_0aaaaaaaa")

    assert ask(client, installation) == {"by": "ghs_1aaaaaaaa"}
    github.revoked.update(f"ghs_{number}aaaaaaaa" for number in range(9))
    error = failure(lambda: ask(client, installation))
    assert str(error) == (
        f"copilot GET {SEATS}: 401, the token was refused; check app and where the GitHub App is installed: "
        "Bad credentials <token>"
    )
    assert github.asked.count(MINTED) == 3


@pytest.mark.parametrize("ahead", [timedelta(hours=3), timedelta(minutes=4), timedelta(days=-1)])
def test_a_wrong_clock_of_ours_is_corrected_by_githubs(github: GitHub, tmp_path: Path, ahead: timedelta) -> None:
    github.ahead = ahead
    installation = Installation(settings_of(tmp_path), "orgs/acme")

    assert ask(github.client(), installation) == {"by": "ghs_0aaaaaaaa"}
    assert github.asked == ["GET /orgs/acme/installation"] * 2 + [MINTED, f"GET {SEATS}"]
    github.elapsed = timedelta(minutes=54)
    assert ask(github.client(), installation) == {"by": "ghs_0aaaaaaaa"}


def test_a_signature_that_is_refused_though_the_clocks_agree_is_not_tried_again(github: GitHub, tmp_path: Path) -> None:
    installation = Installation(settings_of(tmp_path, client_id="Iv23other"), "orgs/acme")
    error = failure(lambda: ask(github.client(), installation))

    assert (type(error), error.status) == (Rejected, 401)
    assert str(error) == (
        "copilot GET /orgs/acme/installation: 401, the token was refused; check app.client_id and "
        "app.private_key_file: Bad signature"
    )
    assert github.asked == ["GET /orgs/acme/installation"]


def test_an_app_that_is_not_installed_is_told_so_and_looked_up_again(github: GitHub, tmp_path: Path) -> None:
    client, installation = github.client(), Installation(settings_of(tmp_path), "enterprises/acme")
    place = "GET /enterprises/acme/installation"
    github.answers[place] = httpx.Response(404, json={"message": "Not Found"})
    error = failure(lambda: ask(client, installation))

    assert (type(error), str(error)) == (
        Rejected,
        f"copilot {place}: 404: Not Found; the GitHub App Iv23client is not installed at enterprises/acme",
    )
    del github.answers[place]
    assert ask(client, installation) == {"by": "ghs_0aaaaaaaa"}


@pytest.mark.parametrize(
    ("answer", "kind", "message"),
    [
        (httpx.Response(502), Unreachable, "502 in 4 attempts"),
        (httpx.Response(403, json={"message": "suspended"}), Rejected, "403: suspended"),
        (httpx.Response(201, json={"token": "ghs_x"}), BadPayload, "expires_at is missing"),
        (
            httpx.Response(201, json={"token": "ghs_x", "expires_at": "soon"}),
            BadPayload,
            "expires_at is no time such as 2026-11-20T13:00:00Z",
        ),
        (
            httpx.Response(201, json={"expires_at": "2026-11-20T13:00:00Z"}),
            BadPayload,
            "token is missing",
        ),
    ],
)
def test_a_token_that_cannot_be_had_is_an_error_of_the_request(
    github: GitHub, tmp_path: Path, answer: httpx.Response, kind: type[VendorError], message: str
) -> None:
    github.answers[MINTED] = answer
    installation = Installation(settings_of(tmp_path), "orgs/acme")
    error = failure(lambda: ask(github.client(), installation))

    assert (type(error), str(error)) == (kind, f"copilot {MINTED}: {message}")
    assert f"GET {SEATS}" not in github.asked


def test_a_key_file_that_is_gone_is_a_refusal_without_a_request(github: GitHub, tmp_path: Path) -> None:
    installation = Installation(settings_of(tmp_path), "orgs/acme")
    (tmp_path / "app.pem").unlink()
    error = failure(lambda: ask(github.client(), installation))

    assert type(error) is Rejected
    assert str(error).startswith("copilot: app.private_key_file cannot be used: ")
    assert github.asked == []


def test_nothing_shows_token_or_signature(github: GitHub, tmp_path: Path) -> None:
    client, installation = github.client(), Installation(settings_of(tmp_path), "orgs/acme")
    ask(client, installation)
    headers: Mapping[str, str] = installation.headers(client)

    assert "ghs_0aaaaaaaa" not in repr(installation)
    assert [client.presentable(secret) for secret in secrets(headers)] == ["<token>"] * 2


# The configuration


class _AppSettings(SourceSettings):
    base_url: str = "https://api.example.com"
    app: GitHubAppSettings | None = None
    instead_of_token = ("app",)


MODELS = {"copilot": _AppSettings}
SOURCE = "sources: {hub: {vendor: copilot, app: {client_id: Iv23client, private_key_file: app.pem}%s}}\n"


def test_a_source_with_an_app_needs_no_token(tmp_path: Path) -> None:
    (tmp_path / "app.pem").write_bytes(PKCS8)
    config = load_text(tmp_path, SOURCE % "", MODELS)

    assert read_token(config.sources["hub"]) == ""
    assert {secret for secret in config_secrets(config) if secret} == set()
    shown = redacted(config)["sources"]["hub"]
    assert (shown["app"], "token" in shown) == (
        {"client_id": "Iv23client", "private_key_file": str(tmp_path / "app.pem")},
        False,
    )


@pytest.mark.parametrize(
    ("more", "mistakes"),
    [
        (", token: t0ken", ["sources.hub.app: cannot be set beside token"]),
        (", token_file: app.pem", ["sources.hub.app: cannot be set beside token_file"]),
    ],
)
def test_an_app_and_a_token_exclude_each_other(tmp_path: Path, more: str, mistakes: list[str]) -> None:
    (tmp_path / "app.pem").write_text("t0ken")

    assert [mistake for mistake in mistakes_in(tmp_path, SOURCE % more, MODELS) if "beside" in mistake] == mistakes


def test_a_source_without_app_and_token_still_needs_a_token(tmp_path: Path) -> None:
    mistakes = mistakes_in(tmp_path, "sources: {hub: {vendor: copilot}}", MODELS)

    assert mistakes == ["sources.hub: needs token or token_file or app"]


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "must hold a private key in PEM form without a passphrase, as GitHub gives it"),
        (
            b"-----BEGIN RSA PRIVATE KEY-----\nc2VjcmV0\n-----END RSA PRIVATE KEY-----\n",
            "must hold a private key in PEM form",
        ),
        (pem(KEY, serialization.PrivateFormat.PKCS8, b"passphrase"), "must hold a private key in PEM form without a"),
        (pem(ec.generate_private_key(ec.SECP256R1()), serialization.PrivateFormat.PKCS8), "must hold an RSA key"),
    ],
)
def test_a_wrong_key_file_is_a_mistake_that_shows_nothing_of_it(tmp_path: Path, content: bytes, words: str) -> None:
    (tmp_path / "app.pem").write_bytes(content)
    (mistake,) = mistakes_in(tmp_path, SOURCE % "", MODELS)

    assert mistake.startswith(f"sources.hub.app.private_key_file: {words}")
    assert "c2VjcmV0" not in mistake


def test_a_missing_key_file_is_a_mistake(tmp_path: Path) -> None:
    (mistake,) = mistakes_in(tmp_path, SOURCE % "", MODELS)

    assert mistake.startswith("sources.hub.app.private_key_file: there is no file")
