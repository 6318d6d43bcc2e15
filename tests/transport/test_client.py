import gzip
import json
import logging
import ssl
import subprocess
import threading
import tracemalloc
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from tempfile import TemporaryFile

import httpx
import prometheus_client
import pytest

from exporter import __version__
from exporter.errors import BadPayload, RateLimited, Rejected, Unreachable, VendorError
from exporter.redaction import presentable
from exporter.transport.rate_limit import Budget
from exporter.transport.vendor_clock import Told, VendorClock
from tests.support import faulty_server
from tests.support.clients import TOKEN, World, failure, json_answer

DAU = "/analytics/v0/dau"
WHERE = f"augment GET {DAU}"
NO_ANSWER = "no answer in 4 attempts"
CUT = "200 with a body cut short in 4 attempts"
PLAIN = b'{"users": []}'
GZIP = gzip.compress(PLAIN)
BOMB = gzip.compress(b" " * 2**20, compresslevel=9)


@pytest.fixture
def world() -> Iterator[World]:
    with ExitStack() as closing:
        yield World(closing)


# Requests


def test_a_request_carries_token_user_agent_and_query(world: World) -> None:
    seen: list[httpx.Request] = []

    def answer(request: httpx.Request) -> httpx.Response:
        seen.append(request)
        return json_answer(200, {"users": []})

    client = world.client(transport=httpx.MockTransport(answer))
    body = client.get_json(DAU, {"date": "2026-11-19", "cursor": "a+b/c="})

    assert body == {"users": []}
    assert [(request.method, str(request.url)) for request in seen] == [
        ("GET", f"https://api.example.com{DAU}?date=2026-11-19&cursor=a%2Bb%2Fc%3D")
    ]
    assert {name: seen[0].headers[name] for name in ("authorization", "user-agent", "accept", "accept-encoding")} == {
        "authorization": f"Bearer {TOKEN}",
        "user-agent": f"adoption-exporter/{__version__}",
        "accept": "application/json",
        "accept-encoding": "gzip",
    }
    assert world.statuses == [200]


def test_callers_that_share_a_client_count_their_attempts_apart(world: World) -> None:
    client = world.answering(*(json_answer(status) for status in (200, 200, 200, 404)))
    one, two = client.counting(), client.counting()
    one.get_json("/a")
    two.get_json("/a")
    with ThreadPoolExecutor(1) as thread:
        thread.submit(one.get_json, "/a").result()
    failure(lambda: one.get_json("/a"))

    assert [one.take_count(), two.take_count()] == [3, 1]
    assert [one.take_count(), client.take_count()] == [0, 0]
    assert world.statuses == [200, 200, 200, 404]


def test_a_post_sends_its_body_again_when_it_is_repeated(world: World) -> None:
    bodies: list[object] = []

    def answer(request: httpx.Request) -> httpx.Response:
        bodies.append(json.loads(request.content))
        return json_answer(502 if len(bodies) == 1 else 200, {"results": len(bodies)})

    client = world.client(transport=httpx.MockTransport(answer))

    assert client.post_json("/load", {"query": {"limit": 1}}) == {"results": 2}
    assert bodies == [{"query": {"limit": 1}}] * 2


@pytest.mark.parametrize("base_url", ["https://h.example.com/gitlab", "https://h.example.com/gitlab/"])
def test_a_path_is_appended_to_the_base_url_and_stays_on_its_host(world: World, base_url: str) -> None:
    urls: list[str] = []

    def answer(request: httpx.Request) -> httpx.Response:
        urls.append(str(request.url))
        return json_answer(200)

    client = world.client(base_url=base_url, transport=httpx.MockTransport(answer))
    client.get_json("/api/v4/projects/group%2Fapp")
    client.get_json("//evil.example.net/api")

    assert urls == [
        "https://h.example.com/gitlab/api/v4/projects/group%2Fapp",
        "https://h.example.com/gitlab//evil.example.net/api",
    ]
    with pytest.raises(ValueError, match="a path begins with /, not 'h'"):
        client.get_json("https://evil.example.net/")


def test_what_would_replace_or_break_the_token_is_refused(world: World) -> None:
    with pytest.raises(ValueError, match="base_url holds a user name or password"):
        world.client(base_url="https://alice:pw@h.example.com")
    with pytest.raises(Rejected, match=r"^augment: no HTTP header can carry the token; check token/token_file$"):
        world.client(headers={"PRIVATE-TOKEN": "glpat-abc\n"})


def test_cookies_and_netrc_passwords_are_never_sent(
    world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    netrc = tmp_path / "netrc"
    netrc.write_text("machine 127.0.0.1 login alice password hunter2\n")
    netrc.chmod(0o600)
    monkeypatch.setenv("NETRC", str(netrc))
    with faulty_server.serve(faulty_server.body(b"{}", "Set-Cookie: session=1; Path=/")) as server:
        client = world.client(base_url=server.url, headers={"PRIVATE-TOKEN": TOKEN})
        client.get_json("/first")
        client.get_json("/second")

    assert [name for head in server.heads for name in ("cookie:", "authorization:") if name in head.lower()] == []


def test_a_token_in_a_header_of_its_own_and_a_cookie_are_sent_as_given(world: World) -> None:
    with faulty_server.serve(faulty_server.body(b"{}")) as server:
        world.client(base_url=server.url, headers={"Cookie": f"cas={TOKEN}"}).get_json("/tokens")

    assert f"Cookie: cas={TOKEN}\r\n" in server.heads[0]


def test_a_proxy_of_the_environment_is_used(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    with faulty_server.serve(faulty_server.body(b"{}")) as proxy:
        monkeypatch.setenv("HTTP_PROXY", proxy.url)
        monkeypatch.delenv("NO_PROXY", raising=False)
        world.client(base_url="http://vendor.example.com").get_json(DAU)

    assert proxy.heads[0].startswith(f"GET http://vendor.example.com{DAU} HTTP/1.1\r\n")


def test_a_configured_ca_bundle_is_trusted_and_no_other(world: World, tmp_path: Path) -> None:
    key, certificate = tmp_path / "key.pem", tmp_path / "certificate.pem"
    make = "openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=localhost -addext subjectAltName=IP:127.0.0.1"
    subprocess.run([*make.split(), "-keyout", key, "-out", certificate], check=True, capture_output=True)
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.load_cert_chain(certificate, key)
    with faulty_server.serve(faulty_server.body(b"{}"), tls=tls) as server:
        assert world.client(base_url=server.url, ca_file=certificate).get_json(DAU) == {}
        error = failure(lambda: world.client(base_url=server.url).get_json(DAU))

    assert str(error).startswith(f"{WHERE}: {NO_ANSWER}: ConnectError [SSL: CERTIFICATE_VERIFY_FAILED]")


# Retries


def test_a_transient_failure_is_retried_with_growing_pauses(world: World) -> None:
    client = world.answering(
        json_answer(502), httpx.ConnectError("refused"), json_answer(500), json_answer(200, {"ok": True})
    )

    assert client.get_json(DAU) == {"ok": True}
    assert world.statuses == [502, None, 500, 200]
    assert world.stop.taken == [1.5, 3.0, 6.0]


@pytest.mark.parametrize(
    ("answer", "kind", "status", "message"),
    [
        (lambda: json_answer(429), RateLimited, 429, f"{WHERE}: 429 in 4 attempts"),
        (lambda: json_answer(503), Unreachable, 503, f"{WHERE}: 503 in 4 attempts"),
        (
            lambda: json_answer(500, {"message": "500 Internal Server Error"}),
            Unreachable,
            500,
            f"{WHERE}: 500 in 4 attempts: 500 Internal Server Error",
        ),
        (
            lambda: httpx.ReadTimeout("The read operation timed out"),
            Unreachable,
            None,
            f"{WHERE}: no answer in 4 attempts: ReadTimeout The read operation timed out",
        ),
    ],
)
def test_a_lasting_failure_is_reported_after_four_attempts(
    world: World,
    answer: Callable[[], httpx.Response | Exception],
    kind: type[VendorError],
    status: int | None,
    message: str,
) -> None:
    error = failure(lambda: world.answering(*(answer() for _ in range(4))).get_json(DAU))

    assert (type(error), error.status, str(error)) == (kind, status, message)
    assert len(world.statuses) == 4
    assert len(world.stop.taken) == 3


@pytest.mark.parametrize("jitter", [0.0, 0.999999])
def test_no_pause_is_longer_than_a_minute(world: World, jitter: float) -> None:
    failure(lambda: world.answering(*(json_answer(503) for _ in range(4)), jitter=lambda: jitter).get_json(DAU))

    assert max(world.stop.taken) <= 60


@pytest.mark.parametrize(
    ("headers", "pause"),
    [
        ({"retry_after": "7"}, 7.0),
        ({"retry_after": "60"}, 60.0),
        ({"retry_after": "Fri, 20 Nov 2026 12:00:40 GMT"}, 40.0),
        ({"ratelimit_reset": "1795176045"}, 45.0),
        ({"retry_after": "Fri, 20 Nov 2026 11:00:00 GMT"}, 1.5),
        ({"retry_after": "soon"}, 1.5),
        ({}, 1.5),
    ],
)
@pytest.mark.parametrize("status", [429, 503])
def test_the_pause_that_the_vendor_asks_for_is_kept(
    world: World, status: int, headers: dict[str, str], pause: float
) -> None:
    world.answering(json_answer(status, **headers), json_answer(200)).get_json(DAU)

    assert world.stop.taken == [pause]


@pytest.mark.parametrize(
    ("status", "headers", "kind", "asked"),
    [
        (429, {"retry_after": "61"}, RateLimited, 61),
        (429, {"retry_after": "Fri, 20 Nov 2026 13:00:00 GMT"}, RateLimited, 3600),
        (429, {"ratelimit_reset": "1795176900"}, RateLimited, 900),
        (503, {"retry_after": "86400"}, Unreachable, 86400),
    ],
)
def test_a_longer_pause_than_a_minute_ends_the_request_at_once(
    world: World, status: int, headers: dict[str, str], kind: type[VendorError], asked: int
) -> None:
    error = failure(lambda: world.answering(json_answer(status, **headers)).get_json(DAU))

    assert (type(error), str(error)) == (kind, f"{WHERE}: {status}, the vendor asks to wait {asked} s")
    assert world.stop.taken == []


@pytest.mark.parametrize(
    ("body", "headers", "pause"),
    [
        ({}, {"retry_after": "7"}, 7.0),
        ({}, {"x_ratelimit_remaining": "0", "x_ratelimit_reset": "1795176045"}, 45.0),
        ({}, {"x_ratelimit_remaining": "0", "retry_after": "9", "x_ratelimit_reset": "1795176045"}, 9.0),
        ({}, {"x_ratelimit_remaining": "0"}, 60.0),
        ({"message": "You have exceeded a secondary Rate Limit."}, {"x_ratelimit_remaining": "4999"}, 60.0),
    ],
)
def test_a_403_that_is_a_rate_limit_waits_as_a_429_does(
    world: World, body: object, headers: dict[str, str], pause: float
) -> None:
    client = world.answering(json_answer(403, body, **headers), json_answer(200, {"ok": True}))

    assert client.get_json(DAU) == {"ok": True}
    assert world.stop.taken == [pause]


def test_a_rate_limit_of_an_hour_ends_the_request_and_says_how_long_it_lasts(world: World) -> None:
    limited = json_answer(403, x_ratelimit_remaining="0", x_ratelimit_reset="1795179600")
    error = failure(lambda: world.answering(limited).request("GET", DAU, accept_status=[403]))

    assert (type(error), error.status, error.pause) == (RateLimited, 403, 3600.0)
    assert str(error) == f"{WHERE}: 403, the vendor asks to wait 3600 s"


def test_a_rate_limit_that_stays_is_reported_as_one(world: World) -> None:
    error = failure(lambda: world.answering(*(json_answer(403, retry_after="1") for _ in range(4))).get_json(DAU))

    assert (type(error), str(error), world.stop.taken) == (RateLimited, f"{WHERE}: 403 in 4 attempts", [1.0] * 3)


@pytest.mark.parametrize(
    "headers",
    [{"x_ratelimit_remaining": "1", "x_ratelimit_reset": "1795179600"}, {"ratelimit_remaining": "0"}, {}],
)
def test_any_other_403_is_rejected_with_the_vendors_words_and_headers(world: World, headers: dict[str, str]) -> None:
    answer = json_answer(403, {"message": "no seat"}, x_accepted_github_permissions="copilot=read", **headers)
    error = failure(lambda: world.answering(answer).get_json(DAU))

    assert isinstance(error, Rejected)
    assert (str(error), error.words, error.pause) == (f"{WHERE}: 403: no seat", "no seat", None)
    assert error.headers["x-accepted-github-permissions"] == "copilot=read"
    assert world.statuses == [403]


@pytest.mark.parametrize("status", [400, 401, 403, 404, 408, 410, 422])
def test_other_refusals_are_never_retried(world: World, status: int) -> None:
    error = failure(lambda: world.answering(json_answer(status)).get_json(DAU))

    assert (type(error), error.status, world.statuses) == (Rejected, status, [status])


def test_every_attempt_takes_a_token_of_the_budget(world: World) -> None:
    budget = Budget(6, monotonic=world.stop.monotonic, burst=1)
    client = world.answering(json_answer(502), json_answer(200), json_answer(200), budget=budget)
    client.get_json(DAU)
    client.get_json(DAU)

    assert world.stop.taken == [1.5, 8.5, 10.0]


def test_a_thousand_requests_at_600_a_minute_take_98_seconds(world: World) -> None:
    client = world.client(transport=httpx.MockTransport(lambda _: json_answer(200)))
    for _ in range(1000):
        client.get_json(DAU)

    assert world.stop.monotonic() == pytest.approx((1000 - 20) / 10)


def test_threads_share_a_client_and_its_budget(world: World) -> None:
    client = world.client(transport=httpx.MockTransport(lambda _: json_answer(200)))
    threads = [threading.Thread(target=lambda: [client.get_json(DAU) for _ in range(10)]) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert world.statuses == [200] * 40


def test_a_stop_ends_a_pause_at_once(world: World) -> None:
    stop = threading.Event()
    client = world.answering(json_answer(429, retry_after="50"), stop=stop)
    timer = threading.Timer(0.05, stop.set)
    timer.start()
    error = failure(lambda: client.get_json(DAU))
    timer.join()

    assert (type(error), str(error)) == (Unreachable, f"{WHERE}: stopping")


def test_no_request_is_sent_after_a_stop(world: World) -> None:
    world.stop.set()

    assert str(failure(lambda: world.answering().get_json(DAU))) == f"{WHERE}: stopping"
    assert world.statuses == []


def test_retries_are_neither_logged_nor_counted_elsewhere(world: World, caplog: pytest.LogCaptureFixture) -> None:
    families = {family.name for family in prometheus_client.REGISTRY.collect()}
    caplog.set_level(logging.DEBUG)
    world.answering(json_answer(502), json_answer(200)).get_json(DAU, {"cursor": "alice@example.com"})

    assert [record for record in caplog.records if not record.name.startswith("httpcore")] == []
    assert {family.name for family in prometheus_client.REGISTRY.collect()} == families


@pytest.mark.parametrize(
    ("status", "tells", "good"), [(200, True, True), (401, True, False), (404, True, False), (502, False, False)]
)
def test_an_answer_tells_the_vendors_time_and_whether_it_was_a_good_one(
    world: World, status: int, tells: bool, good: bool
) -> None:
    answer = json_answer(status, date="Fri, 20 Nov 2026 11:00:00 GMT")
    client = world.answering(answer, attempts=1)
    with suppress(Rejected, Unreachable):
        # Scopes that are read at the same time share the clock.
        client.counting().request("GET", DAU, accept_status=[404])

    told = Told(datetime(2026, 11, 20, 11, 0, tzinfo=UTC), timedelta(hours=1))
    assert client.clock == VendorClock(told if tells else None, good)


# Refusals


@pytest.mark.parametrize(
    ("answer", "message"),
    [
        (json_answer(401), "401, the token was refused; check token/token_file"),
        (
            json_answer(401, {"message": "Access Denied"}),
            "401, the token was refused; check token/token_file: Access Denied",
        ),
        (
            json_answer(400, {"error": {"code": "InvalidArgument", "message": "end_date cannot be later"}}),
            "400: end_date cannot be later",
        ),
        (json_answer(404, {"error": "404 Not Found"}), "404: 404 Not Found"),
        (json_answer(404, {"error": {"msg": "resource not found", "code": "x"}}), "404: resource not found"),
        (
            json_answer(403, {"error": "insufficient_scope", "error_description": "Needs higher privileges"}),
            "403: Needs higher privileges",
        ),
        (json_answer(400, {"message": {"error": "Too many"}}), "400: Too many"),
        (json_answer(400, {"message": {"base": ["x"]}}), "400"),
        (json_answer(400, ["alice"]), "400"),
        (httpx.Response(404, text="<html>alice</html>"), "404"),
        (httpx.Response(404, content=b"[" * 100_000), "404"),
        (httpx.Response(404, headers={"content-encoding": "br"}, stream=httpx.ByteStream(b"?")), "404"),
        (httpx.Response(404, headers={"content-encoding": "gzip"}, stream=httpx.ByteStream(b"?")), "404"),
        (json_answer(400, {"message": "first\nsecond\t\x1b[31mthird\r\n"}), "400: first second [31mthird"),
        (json_answer(400, {"message": "x" * 300}), f"400: {'x' * 199}…"),
        (
            json_answer(
                400, {"message": "user_email(s) not found on this organization: alice@example.com, b%40ex.com"}
            ),
            "400: user_email(s) not found on this organization: <email>, <email>",
        ),
        (
            json_answer(400, {"message": f"no such token: Bearer {TOKEN} ({TOKEN})"}),
            "400: no such token: <token> (<token>)",
        ),
    ],
)
def test_a_refusal_shows_the_vendors_words_but_no_token_and_no_person(
    world: World, answer: httpx.Response, message: str
) -> None:
    error = failure(lambda: world.answering(answer).get_json(DAU, {"cursor": "bob@example.com"}))

    assert (type(error), str(error)) == (Rejected, f"{WHERE}: {message}")


def test_a_query_in_a_path_is_not_shown(world: World) -> None:
    error = failure(lambda: world.answering(json_answer(404)).get_json(f"{DAU}?user=bob@example.com"))

    assert str(error) == f"{WHERE}: 404"


@pytest.mark.parametrize("text", ["a" * 100_000, "a@" * 50_000, "@" * 100_000, "a.b@" * 25_000])
def test_no_text_takes_long_to_make_presentable(text: str) -> None:
    assert len(presentable(text, [TOKEN])) <= 200


@pytest.mark.parametrize("header", [f"Bearer {TOKEN}", TOKEN, f"cas={TOKEN}"])
def test_a_token_is_hidden_however_its_header_carries_it(world: World, header: str) -> None:
    client = world.answering(json_answer(400, {"message": f"bad: {TOKEN}"}), headers={"X-Auth": header})

    assert str(failure(lambda: client.get_json(DAU))) == f"{WHERE}: 400: bad: <token>"


@pytest.mark.parametrize(
    ("location", "target"),
    [
        ("https://evil.example.net/login?next=alice", "evil.example.net"),
        ("https://alice:pw@sso.example.com/", "sso.example.com"),
        ("/users/sign_in", "api.example.com"),
        ("mailto:alice@example.com", "nowhere"),
        ("https://[::bad", "an unreadable address"),
        ("https://xn--a/", "xn--a"),
        (None, "api.example.com"),
    ],
)
@pytest.mark.parametrize("status", [301, 302, 307])
def test_a_redirect_is_refused(world: World, status: int, location: str | None, target: str) -> None:
    answer = httpx.Response(status, headers={"location": location} if location else {})
    error = failure(lambda: world.answering(answer).get_json(DAU))

    assert type(error) is Rejected
    assert str(error) == (
        f"{WHERE}: {status}, redirected to {target}; the token is never sent elsewhere, check base_url"
    )
    assert world.statuses == [status]


def test_a_wanted_status_is_an_answer(world: World) -> None:
    client = world.answering(json_answer(400, {"message": "Continue wait"}), json_answer(400))
    answer = client.request("POST", "/load", json={}, accept_status={400, 404})

    assert (answer.where, answer.status, answer.json()) == ("augment POST /load", 400, {"message": "Continue wait"})
    assert type(failure(lambda: client.request("POST", "/load", json={}, accept_status={404}))) is Rejected


# Bodies


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (b"", "the body is empty"),
        (b"<html>busy</html>", "the body looks like an HTML page, not JSON"),
        (b'{"users": [', "not JSON: Expecting value (character 11 of 11)"),
    ],
)
def test_a_200_that_is_no_json_is_a_bad_payload(world: World, body: bytes, message: str) -> None:
    error = failure(lambda: world.answering(httpx.Response(200, content=body)).get_json(DAU))

    assert (type(error), str(error), world.statuses) == (BadPayload, f"{WHERE}: {message}", [200])


def test_gzip_is_unpacked_whole_with_all_its_members(world: World) -> None:
    packed = gzip.compress(b'{"users": ') + gzip.compress(b"[]}")
    with faulty_server.serve(faulty_server.body(packed, "Content-Encoding: gzip")) as server:
        assert world.client(base_url=server.url).get_json(DAU) == {"users": []}


@pytest.mark.parametrize(
    ("headers", "packed"),
    [
        (["Content-Encoding:"], False),
        (["Content-Encoding: identity"], False),
        (["Content-Encoding: None"], False),
        (["Content-Encoding: , identity,"], False),
        (["Content-Encoding: identity", "Content-Encoding: none"], False),
        (["Content-Encoding: GZip"], True),
        (["Content-Encoding: gzip, identity"], True),
        (["Content-Encoding:", "Content-Encoding: x-gzip"], True),
    ],
)
def test_an_encoding_without_a_name_is_none(world: World, headers: list[str], *, packed: bool) -> None:
    with faulty_server.serve(faulty_server.body(GZIP if packed else PLAIN, *headers)) as server:
        assert world.client(base_url=server.url).get_json(DAU) == {"users": []}


def test_an_empty_body_may_claim_to_be_gzip(world: World) -> None:
    with faulty_server.serve(faulty_server.body(b"", "Content-Encoding: gzip", status="204 No Content")) as server:
        assert world.client(base_url=server.url).request("GET", DAU).body == b""


@pytest.mark.parametrize(
    ("encoding", "message"),
    [
        ("gzip", "the body is not the gzip that it says it is"),
        ("br", 'the body has the encoding "br", and only gzip was asked for'),
        ("Deflate", 'the body has the encoding "Deflate", and only gzip was asked for'),
        ("gzip, zstd", 'the body has the encoding "gzip, zstd", and only gzip was asked for'),
        ("gzip, gzip", 'the body has the encoding "gzip, gzip", and only gzip was asked for'),
        (f"x-{TOKEN}", 'the body has the encoding "x-<token>", and only gzip was asked for'),
    ],
)
def test_a_body_in_another_encoding_is_a_bad_payload_that_names_it(world: World, encoding: str, message: str) -> None:
    with faulty_server.serve(faulty_server.body(b"{}", f"Content-Encoding: {encoding}")) as server:
        error = failure(lambda: world.client(base_url=server.url).get_json(DAU))

    assert (type(error), str(error)) == (BadPayload, f"{WHERE}: {message}")


@pytest.mark.parametrize(
    ("fault", "message", "status"),
    [
        (faulty_server.reset, f"{NO_ANSWER}: ReadError [Errno ", None),
        (
            faulty_server.raw(b""),
            f"{NO_ANSWER}: RemoteProtocolError Server disconnected without sending a response.",
            None,
        ),
        (faulty_server.raw(b"SSH-2.0-OpenSSH_9\r\n\r\n"), f"{NO_ANSWER}: RemoteProtocolError ", None),
        (faulty_server.cut(b"{}"), f"{CUT}: RemoteProtocolError peer closed connection ", 200),
        (faulty_server.cut_chunks(b"{}"), f"{CUT}: RemoteProtocolError peer closed connection ", 200),
        (faulty_server.body(GZIP[:-1], "Content-Encoding: gzip"), f"{CUT}: EOFError the gzip stream has no end", 200),
        (faulty_server.body(GZIP[:12], "Content-Encoding: gzip"), f"{CUT}: EOFError the gzip stream has no end", 200),
    ],
)
def test_a_broken_connection_or_body_is_unreachable_after_the_retries(
    world: World, fault: faulty_server.Answer, message: str, status: int | None
) -> None:
    with faulty_server.serve(fault) as server:
        error = failure(lambda: world.client(base_url=server.url).get_json(DAU))

    assert type(error) is Unreachable
    assert str(error).startswith(f"{WHERE}: {message}")
    assert world.statuses == [status] * 4
    assert len(server.heads) == 4


def test_the_first_good_answer_after_faults_counts(world: World) -> None:
    with faulty_server.serve(faulty_server.reset, faulty_server.cut(b"{}"), faulty_server.body(b"{}")) as server:
        assert world.client(base_url=server.url).get_json(DAU) == {}
    assert world.statuses == [None, 200, 200]


def test_a_silent_server_is_unreachable_after_the_timeout(world: World) -> None:
    with faulty_server.serve(faulty_server.silence) as server:
        error = failure(lambda: world.client(base_url=server.url, timeout=0.05).get_json(DAU))

    assert (type(error), str(error)) == (Unreachable, f"{WHERE}: {NO_ANSWER}: ReadTimeout timed out")


def test_a_closed_port_is_unreachable(world: World) -> None:
    with faulty_server.serve(faulty_server.reset) as server:
        pass
    error = failure(lambda: world.client(base_url=server.url).get_json(DAU))

    assert type(error) is Unreachable
    assert str(error).startswith(f"{WHERE}: {NO_ANSWER}: ConnectError [Errno ")


def test_a_body_that_only_drips_is_unreachable(world: World) -> None:
    ticks = iter(range(10_000))
    with faulty_server.serve(faulty_server.endless(b" ", pause=0.001)) as server:
        client = world.client(base_url=server.url, monotonic=lambda: float(next(ticks)))
        error = failure(lambda: client.get_json(DAU))

    assert (type(error), str(error)) == (
        Unreachable,
        f"{WHERE}: {CUT}: ReadTimeout less than 1024 bytes a second",
    )


def test_a_stop_ends_a_long_body(world: World) -> None:
    with faulty_server.serve(faulty_server.endless(b" " * 1024, pause=0.001)) as server:
        client = world.client(base_url=server.url)
        timer = threading.Timer(0.05, world.stop.set)
        timer.start()
        error = failure(lambda: client.get_json(DAU))
        timer.join()

    assert str(error) == f"{WHERE}: stopping"


@pytest.mark.parametrize(
    "fault",
    [
        faulty_server.endless(b" " * 2**16),
        faulty_server.endless(b" " * 2**16, f"Content-Length: {2 * 2**30}"),
        faulty_server.endless(BOMB * 64, "Content-Encoding: gzip"),
    ],
)
def test_an_endless_body_costs_no_more_memory_than_the_limit_allows(world: World, fault: faulty_server.Answer) -> None:
    limit = 8 * 2**20
    with faulty_server.serve(fault) as server:
        client = world.client(base_url=server.url, body_limit=limit)
        tracemalloc.start()
        error = failure(lambda: client.get_json(DAU))
        _, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()

    assert (type(error), str(error)) == (BadPayload, f"{WHERE}: the body is larger than {limit} bytes")
    assert world.statuses == [200]
    assert peak < 2 * limit


def test_a_body_of_exactly_the_limit_is_read(world: World) -> None:
    assert world.answering(httpx.Response(200, content=b"[1]"), body_limit=3).get_json(DAU) == [1]
    assert type(failure(lambda: world.answering(httpx.Response(200, content=b"[1]"), body_limit=2).get_json(DAU))) is (
        BadPayload
    )


# Downloads


def test_a_download_is_written_whole_and_reports_its_progress(world: World) -> None:
    report = b"Instance user ID,Searches\n" * 50_000
    packed = gzip.compress(report)
    heard: list[tuple[int, int | None]] = []
    with faulty_server.serve(faulty_server.body(packed, "Content-Encoding: gzip")) as server, TemporaryFile() as file:
        client = world.client(base_url=server.url)
        size = client.download("/report", {"granularity": "by_user"}, file, progress=lambda *now: heard.append(now))
        written = Path(f"/dev/fd/{file.fileno()}").read_bytes()

    assert size == len(report)
    assert written == report
    assert heard[-1] == (len(packed), len(packed))
    assert server.heads[0].startswith("GET /report?granularity=by_user HTTP/1.1\r\n")


def test_a_retried_download_starts_its_file_again(world: World) -> None:
    with (
        faulty_server.serve(faulty_server.cut(b"first,half\n"), faulty_server.body(b"a\n")) as server,
        TemporaryFile() as file,
    ):
        size = world.client(base_url=server.url).download("/report", None, file)
        written = Path(f"/dev/fd/{file.fileno()}").read_bytes()

    assert (size, written) == (2, b"a\n")


@pytest.mark.parametrize(
    ("fault", "kind"),
    [
        (faulty_server.cut(b"a,b\n"), Unreachable),
        (faulty_server.cut_chunks(b"a,b\n"), Unreachable),
        (faulty_server.body(gzip.compress(b"a,b\n")[:-9], "Content-Encoding: gzip"), Unreachable),
        (faulty_server.body(b"a,b\n" * 10), BadPayload),
        (faulty_server.body(b"", status="403 Forbidden"), Rejected),
    ],
)
def test_a_download_fails_as_any_request_does(
    world: World, fault: faulty_server.Answer, kind: type[VendorError]
) -> None:
    with faulty_server.serve(fault) as server, TemporaryFile() as file:
        client = world.client(base_url=server.url, download_limit=20)
        error = failure(lambda: client.download("/report", None, file))

    assert type(error) is kind


def test_a_body_is_used_as_it_comes_and_anew_after_one_that_was_cut_short(world: World) -> None:
    used: list[bytes] = []

    def use(pieces: Iterator[bytes]) -> int:
        used.append(b"")
        for piece in pieces:
            used[-1] += piece
        return len(used)

    packed = faulty_server.body(gzip.compress(b"a\n"), "Content-Encoding: gzip")
    with faulty_server.serve(faulty_server.cut(b"first,half\n"), packed) as server:
        found = world.client(base_url=server.url).stream("/report", {"granularity": "by_user"}, use)

    assert (found, used) == (2, [b"first,half\n", b"a\n"])
    assert server.heads[0].startswith("GET /report?granularity=by_user HTTP/1.1\r\n")


def test_bodies_and_downloads_are_bounded_by_default(world: World) -> None:
    client = world.client()

    assert (client.body_limit, client.download_limit) == (256 * 2**20, 16 * 2**30)


def test_a_large_download_is_not_held_in_memory(world: World, tmp_path: Path) -> None:
    size = 64 * 2**20
    with faulty_server.serve(faulty_server.body(b"x" * size)) as server:
        client = world.client(base_url=server.url)
        tracemalloc.start()
        with (tmp_path / "report.csv").open("wb") as file:
            got = client.download("/report", None, file)
        _, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()

    assert (got, (tmp_path / "report.csv").stat().st_size) == (size, size)
    assert peak < 4 * 2**20
