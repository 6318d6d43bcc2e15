"""A scrape among hundreds of clients that have wrong passwords, do not read, or say nothing."""

import base64
import resource
import socket
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

import bcrypt
import httpx
import pytest

from exporter.config.sections import Address
from exporter.metrics import sample
from exporter.publish.snapshot import ExpositionCache
from exporter.web.access import Guard, WebAccess
from exporter.web.config_file import WebConfig
from tests.support.reports import Web
from tests.support.web_server import connect, serving

pytestmark = pytest.mark.slow

WRONG, DEAF = 600, 540
USERS = {"prometheus": bcrypt.hashpw(b"s3cret", bcrypt.gensalt(10))}
PATIENCE = 120.0


@pytest.fixture(autouse=True)
def many_files() -> Iterator[None]:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    yield
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


@contextmanager
def exporter() -> Iterator[Address]:
    """A web server with one user, whose exposition no kernel takes whole for a client that does not read."""
    cache = ExpositionCache()
    seats = (sample("adoption_seats", 1, source="tool", vendor="augment", scope=f"project-{n}") for n in range(5_000))
    cache.publish("tool", list(seats))
    guard = Guard(Web(cache=cache).application(), WebAccess(WebConfig(users=USERS)))
    with serving(guard, send_buffer=16 * 2**10) as address:
        yield address


def scrape(address: Address) -> int:
    answer = httpx.get(f"http://{address}/metrics", auth=("prometheus", "s3cret"), timeout=PATIENCE)
    assert answer.status_code != 200 or 'scope="project-4999"' in answer.text
    return answer.status_code


def request(password: str) -> bytes:
    token = base64.b64encode(f"prometheus:{password}".encode()).decode()
    return f"GET /metrics HTTP/1.1\r\nHost: exporter\r\nAuthorization: Basic {token}\r\n\r\n".encode()


def crowd(stack: ExitStack, address: Address, many: int, said: bytes = b"") -> None:
    """Clients that never read."""
    for _ in range(many):
        client = stack.enter_context(socket.socket())
        client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        client.settimeout(PATIENCE)
        client.connect((address.host, address.port))
        client.sendall(said)


def with_wrong_passwords(stack: ExitStack, address: Address) -> list[socket.socket]:
    return [stack.enter_context(connect(address, request(f"wrong-{number}"))) for number in range(WRONG)]


def answer(client: socket.socket) -> bytes:
    """One answer of the two that a wrong password may get."""
    client.settimeout(PATIENCE)
    found = b""
    while not found.endswith((b"Unauthorized\n", b"5 seconds.\n")) and (more := client.recv(65536)):
        found += more
    return found


def test_a_scrape_is_answered_though_a_crowd_with_wrong_passwords_came_first() -> None:
    with exporter() as address, ExitStack() as stack:
        clients = with_wrong_passwords(stack, address)
        assert [scrape(address) for _ in range(10)] == [200] * 10
        answers = [answer(client) for client in clients]

    statuses = Counter(answer[:12] for answer in answers)
    assert set(statuses) == {b"HTTP/1.1 401", b"HTTP/1.1 503"}
    assert sum(statuses.values()) == WRONG
    crowded = next(answer for answer in answers if b" 503 " in answer)
    assert b"\r\nretry-after: 5\r\n" in crowded
    assert b"\r\nconnection: close\r\n" in crowded
    assert crowded.endswith(b"\r\n\r\nToo many passwords wait to be checked: try again in 5 seconds.\n")


@pytest.mark.parametrize("said", [b"", b"GET / HTT", request("s3cret"), request("s3cret") * 20, request("wrong")])
def test_a_scrape_is_answered_though_all_places_are_taken_by_clients_that_do_not_read(said: bytes) -> None:
    with exporter() as address, ExitStack() as stack:
        crowd(stack, address, DEAF, said)
        assert [scrape(address) for _ in range(10)] == [200] * 10


def test_a_scrape_is_answered_among_all_of_them_at_once() -> None:
    with exporter() as address, ExitStack() as stack:
        crowd(stack, address, DEAF, request("s3cret"))
        with_wrong_passwords(stack, address)
        assert [scrape(address) for _ in range(10)] == [200] * 10
