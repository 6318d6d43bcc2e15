import asyncio
import socket
import ssl
import time
from pathlib import Path

import httpx
import pytest
from starlette.responses import PlainTextResponse
from starlette.types import Receive, Scope, Send

from exporter.sections import Address
from exporter.web.config_file import read
from exporter.web.exposition import Exposition
from exporter.web.server import Limits
from tests.certificates import certificate
from tests.serving import connect, heard, hears, seconds_open, serving

PAGE = PlainTextResponse("page")
GET = b"GET / HTTP/1.1\r\nHost: exporter\r\n\r\n"
SHORT = Limits(connections=5, handshake=0.4, head=0.4, answer=0.6, idle=0.8)


def page(address: Address) -> str:
    return httpx.get(f"http://{address}/").text


def trickle(connection: socket.socket, pause: float = 0.1) -> float:
    """Sends a header line every now and then; how long until nobody listens any more."""
    began = time.monotonic()
    try:
        while time.monotonic() - began < 5:
            connection.sendall(b"X-More: of it\r\n")
            time.sleep(pause)
    except OSError:
        pass
    return time.monotonic() - began


def test_a_connection_that_says_nothing_is_closed() -> None:
    with serving(PAGE, SHORT) as address, connect(address) as silent:
        assert 0.3 < seconds_open(silent) < 2


def test_a_head_that_comes_in_drops_is_closed_when_its_time_is_over() -> None:
    with serving(PAGE, SHORT) as address, connect(address, b"GET / HTTP/1.1\r\n") as slow:
        assert 0.3 < trickle(slow) < 2


def test_a_second_head_that_comes_in_drops_is_closed_too() -> None:
    with serving(PAGE, SHORT) as address, connect(address, GET) as slow:
        assert hears(slow, b"page")
        slow.sendall(b"GET / HTTP/1.1\r\n")
        assert 0.3 < trickle(slow) < 2


def test_a_kept_connection_may_rest_between_requests_and_is_closed_when_it_rests_too_long() -> None:
    with serving(PAGE, SHORT) as address, connect(address) as kept:
        for _ in range(3):
            kept.sendall(GET)
            assert hears(kept, b"page")
            time.sleep(0.5)
        kept.sendall(GET)
        assert hears(kept, b"page")
        assert 0.7 < seconds_open(kept) < 2


def test_requests_that_were_sent_ahead_are_all_answered() -> None:
    with serving(PAGE, SHORT) as address, connect(address, GET * 10) as eager:
        assert heard(eager).count(b"page") == 10


def test_a_body_that_nobody_wants_does_not_keep_a_connection() -> None:
    with serving(PAGE, SHORT) as address:
        head = b"POST / HTTP/1.1\r\nHost: exporter\r\nContent-Length: 1000000\r\n\r\n"
        with connect(address, head) as sending:
            assert hears(sending, b"page")
            assert trickle(sending) < 2


def test_a_client_that_does_not_read_is_left_and_costs_no_copy_of_the_answer() -> None:
    large = b"x" * 50_000_000
    sent: list[int] = []

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        async def counted(message: object) -> None:
            sent.append(len(message.get("body", b"")) if isinstance(message, dict) else 0)
            await send(message)  # type: ignore[arg-type]  # as it came

        await Exposition([large], {})(scope, receive, counted)

    with serving(app, SHORT) as address, connect(address, GET) as deaf:
        time.sleep(0.3)
        assert 0 < sum(sent) < 20_000_000
        time.sleep(0.7)
        assert len(heard(deaf)) < 20_000_000


def test_the_door_lets_the_next_one_in_when_it_is_full_of_waiting_ones() -> None:
    limits = Limits(connections=5, head=30, idle=30)
    with serving(PAGE, limits) as address:
        waiting = [connect(address) for _ in range(5)]
        time.sleep(0.1)
        assert page(address) == "page"
        time.sleep(0.1)
        closed = [connection for connection in waiting if is_closed(connection)]
        assert closed == waiting[:1]
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
    async def slow(scope: Scope, receive: Receive, send: Send) -> None:
        await asyncio.sleep(0.5)
        await PAGE(scope, receive, send)

    with serving(slow, Limits(connections=3)) as address:
        busy = [connect(address, GET.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n")) for _ in range(3)]
        time.sleep(0.1)
        with connect(address, GET) as refused:
            assert heard(refused) == b""
        assert [b"page" in heard(connection) for connection in busy] == [True] * 3
        for connection in busy:
            connection.close()


@pytest.mark.parametrize(
    "garbage",
    [b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(500), b"\0" * 1000, b"EHLO x\r\n\r\n", b"GET /\r\n\r\n"],
)
def test_garbage_is_answered_with_400_and_a_closed_connection(garbage: bytes) -> None:
    with serving(PAGE, SHORT) as address, connect(address, garbage) as client:
        assert heard(client).startswith(b"HTTP/1.1 400 ")
        assert page(address) == "page"


def test_a_head_without_an_end_is_refused_before_it_fills_the_memory() -> None:
    with serving(PAGE, Limits(head=30)) as address, connect(address, b"GET / HTTP/1.1\r\nX: ") as client:
        client.sendall(b"x" * 100_000)
        assert heard(client).startswith(b"HTTP/1.1 400 ")


def test_it_serves_on_ipv6() -> None:
    with serving(PAGE, host="::1") as address:
        assert str(address).startswith("[::1]:")
        assert page(address) == "page"


@pytest.mark.parametrize("host", ["127.0.0.1", "[::1]"])
def test_without_a_host_it_serves_on_both(host: str) -> None:
    with serving(PAGE, host="") as address:
        assert httpx.get(f"http://{host}:{address.port}/").text == "page"


def trusting(certificate: Path, own: Path | None = None) -> httpx.Client:
    """A client that trusts one certificate, and shows its own."""
    context = ssl.create_default_context(cafile=certificate)
    if own is not None:
        context.load_cert_chain(own, own.with_suffix(".key"))
    return httpx.Client(verify=context)


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
        httpx.Client(verify=old) as client,
        pytest.raises(httpx.ConnectError),
    ):
        client.get(f"https://{address}/")


def test_a_client_that_never_ends_its_handshake_is_left(tmp_path: Path) -> None:
    server = certificate(tmp_path)
    tls = context(tmp_path, "cert_file: server.pem, key_file: server.key")
    with serving(PAGE, SHORT, tls=lambda: tls) as address:
        with connect(address) as silent, connect(address, GET) as plain:
            assert b"page" not in heard(plain)
            assert 0.2 < seconds_open(silent) < 2
        waiting = [connect(address) for _ in range(20)]
        with trusting(server) as client:
            assert client.get(f"https://{address}/").text == "page"
        for connection in waiting:
            connection.close()


def test_a_bug_is_a_500_without_a_word_about_it() -> None:
    async def broken(scope: Scope, receive: Receive, send: Send) -> None:
        raise ValueError("a secret")

    with serving(broken) as address:
        answer = httpx.get(f"http://{address}/")

    assert (answer.status_code, answer.text) == (500, "Internal Server Error")
