import asyncio
import socket
import ssl
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path

import httpx
import pytest
from starlette.responses import PlainTextResponse
from starlette.types import Message, Receive, Scope, Send

from exporter.config.sections import Address
from exporter.web.config_file import read
from exporter.web.exposition import Exposition
from exporter.web.server import Limits
from tests.support.certificates import certificate
from tests.support.daemons import PATIENCE, wait_until
from tests.support.web_server import connect, received, receives, serving

pytestmark = pytest.mark.slow

PAGE = PlainTextResponse("page")
GET = b"GET / HTTP/1.1\r\nHost: exporter\r\n\r\n"


def page(address: Address) -> str:
    return httpx.get(f"http://{address}/", timeout=PATIENCE).text


def trickle(connection: socket.socket) -> None:
    """Sends a header line every now and then until nobody listens any more."""

    def refused() -> bool:
        try:
            connection.sendall(b"X:\r\n")
        except OSError:
            return True
        return False

    wait_until(refused)


def test_a_connection_that_says_nothing_is_closed_when_its_time_is_over() -> None:
    with serving(PAGE, Limits(head=0.4)) as address:
        began = time.monotonic()
        with connect(address) as silent:
            assert received(silent) == b""
        assert time.monotonic() - began >= 0.4


def test_a_head_that_comes_in_drops_is_closed_when_its_time_is_over() -> None:
    with serving(PAGE, Limits(head=0.4)) as address:
        began = time.monotonic()
        with connect(address, b"GET / HTTP/1.1\r\n") as slow:
            trickle(slow)
        assert time.monotonic() - began >= 0.4


def test_a_second_head_that_comes_in_drops_is_closed_too() -> None:
    with serving(PAGE, Limits(head=2)) as address, connect(address, GET) as slow:
        assert receives(slow, b"page")
        began = time.monotonic()
        slow.sendall(b"GET / HTTP/1.1\r\n")
        trickle(slow)
        assert time.monotonic() - began >= 2


def test_a_kept_connection_may_rest_between_requests_for_longer_than_a_head_may_take() -> None:
    with serving(PAGE, Limits(head=2)) as address, connect(address) as kept:
        for _ in range(2):
            kept.sendall(GET)
            assert receives(kept, b"page")
            with connect(address) as silent:
                assert received(silent) == b""
        kept.sendall(GET)
        assert receives(kept, b"page")


def test_a_kept_connection_that_rests_too_long_is_closed() -> None:
    with serving(PAGE, Limits(idle=0.8)) as address, connect(address) as kept:
        began = time.monotonic()
        kept.sendall(GET)
        assert received(kept).endswith(b"page")
        assert time.monotonic() - began >= 0.8


def test_requests_that_were_sent_ahead_are_all_answered() -> None:
    with serving(PAGE, Limits(idle=0.8)) as address, connect(address, GET * 10) as eager:
        assert received(eager).count(b"page") == 10


def test_a_body_that_nobody_wants_does_not_keep_a_connection() -> None:
    with serving(PAGE, Limits(idle=0.8)) as address:
        head = b"POST / HTTP/1.1\r\nHost: exporter\r\nContent-Length: 1000000\r\n\r\n"
        with connect(address, head) as sending:
            assert receives(sending, b"page")
            trickle(sending)


@dataclass
class Large:
    """An application with a large answer: how many bytes of it the server took, and whether it is done with it."""

    taken: int = 0
    done: threading.Event = field(default_factory=threading.Event)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def counted(message: Message) -> None:
            await send(message)
            self.taken += len(message.get("body", b""))

        await Exposition([b"x" * 50_000_000], {})(scope, receive, counted)
        self.done.set()


def test_a_client_that_does_not_read_costs_no_copy_of_the_answer() -> None:
    large = Large()
    with serving(large) as address, connect(address, GET):
        wait_until(lambda: large.taken > 0)
        time.sleep(0.3)
        assert large.taken < 20_000_000
        assert not large.done.is_set()


def test_a_client_that_does_not_read_is_left_when_its_time_is_over() -> None:
    large = Large()
    with serving(large, Limits(answer=0.6)) as address, connect(address, GET) as deaf:
        assert large.done.wait(PATIENCE)
        assert len(received(deaf)) < 20_000_000


def test_a_full_server_admits_the_next_client_in_place_of_the_longest_waiting_one() -> None:
    limits = Limits(connections=5, head=PATIENCE, idle=PATIENCE)
    with serving(PAGE, limits) as address:
        waiting = [connect(address) for _ in range(5)]
        assert page(address) == "page"
        wait_until(lambda: is_closed(waiting[0]))
        assert not any(is_closed(connection) for connection in waiting[1:])
        for connection in waiting:
            connection.close()


def is_closed(connection: socket.socket) -> bool:
    connection.setblocking(False)
    try:
        return connection.recv(1) == b""
    except BlockingIOError:
        return False
    except ConnectionResetError:
        return True


def test_whoever_is_being_answered_is_not_sent_away() -> None:
    begun: list[Scope] = []
    go_on = threading.Event()

    async def slow(scope: Scope, receive: Receive, send: Send) -> None:
        begun.append(scope)
        while not go_on.is_set():
            await asyncio.sleep(0.02)
        await PAGE(scope, receive, send)

    with serving(slow, Limits(connections=3)) as address:
        busy = [connect(address, GET.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n")) for _ in range(3)]
        wait_until(lambda: len(begun) == 3)
        with connect(address, GET) as refused:
            assert received(refused) == b""
        go_on.set()
        assert [b"page" in received(connection) for connection in busy] == [True] * 3
        for connection in busy:
            connection.close()


@pytest.mark.parametrize(
    "garbage",
    [b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(500), b"\0" * 1000, b"EHLO x\r\n\r\n", b"GET /\r\n\r\n"],
)
def test_garbage_is_answered_with_400_and_a_closed_connection(garbage: bytes) -> None:
    with serving(PAGE) as address, connect(address, garbage) as client:
        assert received(client).startswith(b"HTTP/1.1 400 ")
        assert page(address) == "page"


def test_a_head_without_an_end_is_refused_before_it_fills_the_memory() -> None:
    with serving(PAGE, Limits(head=PATIENCE)) as address, connect(address, b"GET / HTTP/1.1\r\nX: ") as client:
        client.sendall(b"x" * 100_000)
        assert received(client).startswith(b"HTTP/1.1 400 ")


def test_it_serves_on_ipv6() -> None:
    with serving(PAGE, host="::1") as address:
        assert str(address).startswith("[::1]:")
        assert page(address) == "page"


@pytest.mark.parametrize("host", ["127.0.0.1", "[::1]"])
def test_without_a_host_it_serves_on_both(host: str) -> None:
    with serving(PAGE, host="") as address:
        assert httpx.get(f"http://{host}:{address.port}/", timeout=PATIENCE).text == "page"


def trusting(certificate: Path, own: Path | None = None) -> httpx.Client:
    """A client that trusts one certificate, and shows its own."""
    context = ssl.create_default_context(cafile=certificate)
    if own is not None:
        context.load_cert_chain(own, own.with_suffix(".key"))
    return httpx.Client(verify=context, timeout=PATIENCE)


def context(folder: Path, text: str) -> ssl.SSLContext | None:
    (folder / "web.yml").write_text(f"tls_server_config: {{{text}}}")
    return read(folder / "web.yml").tls


def test_each_connection_gets_the_certificate_of_the_moment(tmp_path: Path) -> None:
    old, new = certificate(tmp_path, "old"), certificate(tmp_path, "new")
    contexts = [context(tmp_path, f"cert_file: {name}.pem, key_file: {name}.key") for name in ("old", "new")]
    with serving(PAGE, tls=lambda: contexts[0]) as address, trusting(old) as kept:
        url = f"https://{address}/"
        assert kept.get(url).text == "page"
        contexts.pop(0)
        with trusting(new) as fresh, trusting(old) as stale:
            assert fresh.get(url).text == "page"
            with pytest.raises(httpx.ConnectError):
                stale.get(url)
        assert kept.get(url).text == "page"


def test_a_client_needs_a_certificate_where_the_file_says_so(tmp_path: Path) -> None:
    server, known, other = (certificate(tmp_path, name) for name in ("server", "known", "other"))
    policy = "client_auth_type: RequireAndVerifyClientCert, client_ca_file: known.pem"
    tls = context(tmp_path, f"cert_file: server.pem, key_file: server.key, {policy}")
    with serving(PAGE, tls=lambda: tls) as address:
        with trusting(server, known) as client:
            assert client.get(f"https://{address}/").text == "page"
        for own in (None, other):
            with trusting(server, own) as client, pytest.raises(httpx.TransportError):
                client.get(f"https://{address}/")


def test_an_older_tls_than_the_file_allows_is_refused(tmp_path: Path) -> None:
    server = certificate(tmp_path)
    tls = context(tmp_path, "cert_file: server.pem, key_file: server.key, min_version: TLS13")
    old = ssl.create_default_context(cafile=server)
    old.maximum_version = ssl.TLSVersion.TLSv1_2
    with (
        serving(PAGE, tls=lambda: tls) as address,
        httpx.Client(verify=old, timeout=PATIENCE) as client,
        pytest.raises(httpx.ConnectError),
    ):
        client.get(f"https://{address}/")


def test_a_client_that_never_ends_its_handshake_is_left_when_its_time_is_over(tmp_path: Path) -> None:
    certificate(tmp_path)
    tls = context(tmp_path, "cert_file: server.pem, key_file: server.key")
    with serving(PAGE, Limits(handshake=0.4), tls=lambda: tls) as address:
        began = time.monotonic()
        with connect(address) as silent, connect(address, GET) as plain:
            assert b"page" not in received(plain)
            assert received(silent) == b""
        assert time.monotonic() - began >= 0.4


def test_clients_that_never_end_their_handshake_do_not_keep_others_out(tmp_path: Path) -> None:
    server = certificate(tmp_path)
    tls = context(tmp_path, "cert_file: server.pem, key_file: server.key")
    with serving(PAGE, tls=lambda: tls) as address:
        waiting = [connect(address) for _ in range(20)]
        with trusting(server) as client:
            assert client.get(f"https://{address}/").text == "page"
        for connection in waiting:
            connection.close()


def test_a_bug_is_a_500_without_a_word_about_it() -> None:
    async def broken(scope: Scope, receive: Receive, send: Send) -> None:
        raise ValueError("a secret")

    with serving(broken) as address:
        answer = httpx.get(f"http://{address}/", timeout=PATIENCE)

    assert (answer.status_code, answer.text) == (500, "Internal Server Error")
