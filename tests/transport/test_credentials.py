from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field

import httpx
import pytest

from exporter.errors import Rejected
from exporter.redaction import secrets
from exporter.transport.client import Client
from exporter.transport.credentials import Fixed, basic, bearer
from tests.support.clients import TOKEN, World, failure, json_answer


@pytest.fixture
def world() -> Iterator[World]:
    with ExitStack() as closing:
        yield World(closing)


@dataclass
class Renewing:
    """Tokens 1, 2, 3 …, a new one after each 401, `left` times."""

    left: int = 1
    made: int = 1
    told: list[str] = field(default_factory=list)
    advice: str = "check the app"

    def headers(self, _client: Client) -> Mapping[str, str]:
        return bearer(f"token-{self.made}")

    def refused(self, _client: Client, headers: Mapping[str, str]) -> bool:
        self.told.append(headers["Authorization"])
        if not self.left:
            return False
        self.left -= 1
        self.made += 1
        return True


def serving(world: World, answer: Callable[[str, int], httpx.Response]) -> tuple[Client, list[str]]:
    """A client, and the Authorization of each of its requests; `answer` gets one and its number."""
    seen: list[str] = []

    def handle(request: httpx.Request) -> httpx.Response:
        seen.append(request.headers.get("authorization", ""))
        return answer(seen[-1], len(seen))

    return world.client(transport=httpx.MockTransport(handle)), seen


def test_a_request_after_a_401_has_new_headers_once(world: World) -> None:
    client, seen = serving(world, lambda token, _: json_answer(200 if token == "Bearer token-2" else 401, {}))
    renewing = Renewing()

    assert client.signed_in(renewing).get_json("/seats") == {}
    assert seen == ["Bearer token-1", "Bearer token-2"]
    assert (renewing.told, world.stop.taken) == (["Bearer token-1"], [])


def test_a_second_401_is_a_refusal_that_says_what_to_check(world: World) -> None:
    client, seen = serving(world, lambda token, _: json_answer(401, {"message": f"bad {token}"}))
    error = failure(lambda: client.signed_in(Renewing(left=9)).get_json("/seats"))

    assert (type(error), error.status) == (Rejected, 401)
    assert str(error) == "augment GET /seats: 401, the token was refused; check the app: bad <token>"
    assert seen == ["Bearer token-1", "Bearer token-2"]


def test_a_credential_without_new_headers_is_asked_once(world: World) -> None:
    client, seen = serving(world, lambda *_: json_answer(401))
    failure(lambda: client.signed_in(Renewing(left=0)).get_json("/seats"))
    failure(lambda: client.get_json("/seats"))

    assert seen == ["Bearer token-1", f"Bearer {TOKEN}"]


def test_an_outage_after_a_renewal_is_retried(world: World) -> None:
    statuses = [401, 502, 200]
    client, seen = serving(world, lambda _, number: json_answer(statuses[number - 1], {}))

    assert client.signed_in(Renewing()).get_json("/seats") == {}
    assert seen == ["Bearer token-1", "Bearer token-2", "Bearer token-2"]


def test_every_token_that_was_sent_is_hidden_in_words_of_the_vendor(world: World) -> None:
    words = "token-1 and token-2, Bearer token-1"
    statuses = [401, 400]
    client, _ = serving(world, lambda _, number: json_answer(statuses[number - 1], {"message": words}))
    error = failure(lambda: client.signed_in(Renewing()).get_json("/seats"))

    assert str(error) == "augment GET /seats: 400: <token> and <token>, <token>"
    assert client.presentable(words) == "<token> and <token>, <token>"


def test_a_client_that_is_signed_in_otherwise_shares_count_and_connections(world: World) -> None:
    client, seen = serving(world, lambda *_: json_answer(200))
    scope = client.counting()
    scope.signed_in(Fixed(bearer("other"))).get_json("/bill")
    scope.get_json("/seats")

    assert seen == ["Bearer other", f"Bearer {TOKEN}"]
    assert (scope.take_count(), client.take_count()) == (2, 0)


def test_a_token_that_no_header_can_carry_is_not_sent(world: World) -> None:
    client, seen = serving(world, lambda *_: json_answer(200))
    error = failure(lambda: client.signed_in(Fixed(bearer("a\nb"), "check billing.token_file")).get_json("/bill"))

    assert str(error) == "augment: no HTTP header can carry the token; check billing.token_file"
    assert seen == []


def test_public_headers_are_sent_and_shown_and_cannot_replace_the_token(world: World) -> None:
    seen: list[httpx.Headers] = []

    def handle(request: httpx.Request) -> httpx.Response:
        seen.append(request.headers)
        return json_answer(400, {"message": "version 2023-06-01 has ended"})

    client = world.client(
        headers={"X-Api-Key": TOKEN},
        public_headers={"Version": "2023-06-01", "Accept": "application/vnd.example+json", "x-api-key": "mine"},
        transport=httpx.MockTransport(handle),
    )
    error = failure(lambda: client.get_json("/users"))

    assert str(error) == "augment GET /users: 400: version 2023-06-01 has ended"
    assert [(h["version"], h["accept"], h.get_list("x-api-key")[-1]) for h in seen] == [
        ("2023-06-01", "application/vnd.example+json", TOKEN)
    ]


def test_basic_authentication_has_the_key_as_user_and_hides_it_in_either_form() -> None:
    headers = basic("crsr_0123456789")

    assert headers == {"Authorization": "Basic Y3Jzcl8wMTIzNDU2Nzg5Og=="}
    assert secrets(headers) == ["Basic Y3Jzcl8wMTIzNDU2Nzg5Og==", "Y3Jzcl8wMTIzNDU2Nzg5Og==", "crsr_0123456789"]
    assert secrets({"Authorization": "Basic not base64"}) == ["Basic not base64", "base64"]


def test_a_credential_does_not_show_its_token() -> None:
    assert TOKEN not in repr(Fixed(bearer(TOKEN)))
