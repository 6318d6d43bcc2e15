import asyncio
import signal
import threading
from datetime import UTC, datetime
from functools import partial

import httpx
import pytest

from exporter.simulator.augment import augment_app
from exporter.simulator.company import Company
from exporter.simulator.server import build, serve
from tests.support.daemons import PATIENCE, wait_until

NOW = datetime(2026, 3, 5, 12, 0, tzinfo=UTC)
DAU = "/augment/analytics/v0/dau"
HEADERS = {"authorization": "Bearer demo-token"}


def test_every_vendor_answers_under_its_own_path_and_its_requests_are_counted() -> None:
    app = build(
        Company(people=5),
        lambda: NOW,
        {"augment": augment_app, "other": partial(augment_app, token="other")},
    )

    with serve(app) as running, httpx.Client(base_url=running.url, headers=HEADERS, timeout=PATIENCE) as client:
        statuses = [client.get(path).status_code for path in (DAU, DAU, "/other/analytics/v0/dau", "/nothing")]

    assert statuses == [200, 200, 401, 404]
    assert app.state.requests == {"augment": 2, "other": 1}


def test_a_vendor_that_was_never_asked_has_no_requests() -> None:
    assert build(Company(), lambda: NOW).state.requests["augment"] == 0


def test_a_stopped_server_leaves_nothing_behind() -> None:
    handlers = signal.getsignal(signal.SIGTERM), signal.getsignal(signal.SIGINT)
    threads = set(threading.enumerate())
    app = build(Company(people=5), lambda: NOW)

    with serve(app) as running, httpx.Client(base_url=running.url, headers=HEADERS, timeout=PATIENCE) as client:
        assert client.get(DAU).status_code == 200
        port = int(running.url.rpartition(":")[2])

    wait_until(lambda: set(threading.enumerate()) <= threads)
    assert (signal.getsignal(signal.SIGTERM), signal.getsignal(signal.SIGINT)) == handlers
    with pytest.raises(httpx.ConnectError):
        httpx.get(f"{running.url}{DAU}")
    with serve(app, port=port) as again:
        assert again.url == running.url == f"http://127.0.0.1:{port}"
        assert httpx.get(f"{again.url}{DAU}", headers=HEADERS, timeout=PATIENCE).status_code == 200


def test_a_server_may_stop_before_it_was_asked() -> None:
    for _ in range(3):
        with serve(build(Company(people=1), lambda: NOW)):
            pass


def test_an_address_that_is_taken_is_an_error_at_once() -> None:
    app = build(Company(people=1), lambda: NOW)

    with serve(app) as running:
        port = int(running.url.rpartition(":")[2])
        with pytest.raises(OSError, match="in use"), serve(app, port=port):
            pass


def test_answers_on_a_kept_connection_do_not_wait_for_the_clients_acknowledgement() -> None:
    app = build(Company(people=1), lambda: NOW)

    with serve(app) as running, httpx.Client(base_url=running.url, headers=HEADERS, timeout=PATIENCE) as client:
        # What comes first on a connection is acknowledged at once; later the client lets that wait for 40 ms.
        for _ in range(30):
            client.get(DAU)
        fastest = min(client.get(DAU).elapsed.total_seconds() for _ in range(100))

    assert fastest < 0.03


def test_bodies_over_the_wire_are_those_of_the_app() -> None:
    app = augment_app(Company(people=40), lambda: NOW)

    async def in_process() -> bytes:
        transport = httpx.ASGITransport(app=app)
        async with httpx.AsyncClient(transport=transport, base_url="http://vendor", headers=HEADERS) as client:
            return (await client.get("/analytics/v0/daily-usage")).content

    with serve(app) as running:
        over_the_wire = httpx.get(f"{running.url}/analytics/v0/daily-usage", headers=HEADERS, timeout=PATIENCE).content

    assert over_the_wire == asyncio.run(in_process())
