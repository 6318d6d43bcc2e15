import logging
import os
from pathlib import Path

import bcrypt
import httpx
import pytest
from starlette.responses import PlainTextResponse

from exporter.config.mistakes import ConfigError
from exporter.web.access import Guard, WebAccess
from exporter.web.config_file import WebConfig
from tests.support.asgi import Pages
from tests.support.certificates import certificate

HASH = bcrypt.hashpw(b"s3cret", bcrypt.gensalt(4)).decode()
USERS = f"basic_auth_users: {{alice: {HASH}}}\n"


def put(file: Path, text: str) -> None:
    """Writes a file so that its time is another one, however coarse the file system's clock is."""
    moment = file.stat().st_mtime_ns + 1_000_000 if file.exists() else 0
    file.write_text(text)
    os.utime(file, ns=(moment, moment))


def opened(folder: Path, text: str) -> WebAccess:
    put(folder / "web.yml", text)
    return WebAccess.open(folder / "web.yml")


def client(access: WebAccess) -> Pages:
    return Pages(Guard(PlainTextResponse("page"), access))


def test_without_a_file_everybody_sees_everything(tmp_path: Path) -> None:
    answer = client(WebAccess.open(None)).get("/")

    assert (answer.status_code, answer.text) == (200, "page")


def test_a_user_needs_the_password(tmp_path: Path) -> None:
    pages = client(opened(tmp_path, USERS))

    assert pages.get("/").status_code == 401
    assert pages.get("/").headers["www-authenticate"] == 'Basic realm="adoption-exporter"'
    assert pages.get("/", auth=("alice", "wrong")).text == "Unauthorized\n"
    assert pages.get("/", auth=("alice", "s3cret")).text == "page"


def test_every_answer_has_headers_that_the_file_may_change(tmp_path: Path) -> None:
    headers = "http_server_config: {headers: {Content-Security-Policy: none, X-Frame-Options: deny}}\n"
    pages = client(opened(tmp_path, USERS + headers))

    def seen(answer: httpx.Response) -> list[str | None]:
        names = ("content-security-policy", "x-frame-options", "x-content-type-options", "referrer-policy")
        return [answer.headers.get(name) for name in names]

    assert seen(pages.get("/")) == ["none", "deny", "nosniff", "no-referrer"]
    assert seen(pages.get("/", auth=("alice", "s3cret"))) == ["none", "deny", "nosniff", "no-referrer"]
    assert seen(client(WebAccess(WebConfig())).get("/"))[0] == (
        "default-src 'none'; style-src 'self'; img-src 'self'; base-uri 'none'; form-action 'none'; "
        "frame-ancestors 'none'"
    )


def test_a_changed_file_counts_after_a_look_at_it(tmp_path: Path) -> None:
    access = opened(tmp_path, USERS)
    put(tmp_path / "web.yml", "")

    assert client(access).get("/").status_code == 401
    access.refresh()
    assert client(access).get("/").status_code == 200


def test_a_file_that_has_not_changed_is_not_read(tmp_path: Path) -> None:
    access = opened(tmp_path, USERS)
    before = access.config
    access.refresh()

    assert access.config is before


def test_a_broken_change_keeps_what_was_and_is_logged_once(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    access = opened(tmp_path, USERS)
    put(tmp_path / "web.yml", "basic_auth_users: {alice: hunter2}")
    with caplog.at_level(logging.INFO):
        for _ in range(3):
            access.refresh()
        assert client(access).get("/").status_code == 401
        put(tmp_path / "web.yml", "")
        access.refresh()

    assert client(access).get("/").status_code == 200
    assert [record.getMessage() for record in caplog.records if record.name == "exporter.web.access"] == [
        "web configuration kept as it was",
        "web configuration read again",
    ]
    assert "hunter2" not in caplog.text


def test_a_removed_file_keeps_what_was(tmp_path: Path) -> None:
    access = opened(tmp_path, USERS)
    (tmp_path / "web.yml").unlink()
    access.refresh()

    assert client(access).get("/").status_code == 401


def test_a_renewed_certificate_makes_another_context_even_where_its_key_comes_later(tmp_path: Path) -> None:
    certificate(tmp_path)
    access = opened(tmp_path, "tls_server_config: {cert_file: server.pem, key_file: server.key}")
    before = access.config.tls
    certificate(tmp_path, "other")
    put(tmp_path / "server.pem", (tmp_path / "other.pem").read_text())
    access.refresh()
    assert access.config.tls is before
    put(tmp_path / "server.key", (tmp_path / "other.key").read_text())
    access.refresh()

    assert access.config.tls is not None
    assert access.config.tls is not before


def test_another_file_takes_over(tmp_path: Path) -> None:
    access = WebAccess.open(None)
    access.become(opened(tmp_path, USERS))

    assert client(access).get("/").status_code == 401
    put(tmp_path / "web.yml", "")
    access.refresh()
    assert client(access).get("/").status_code == 200


def test_a_broken_file_cannot_be_opened(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="rate_limit: is not supported"):
        opened(tmp_path, "rate_limit: {burst: 1}")
