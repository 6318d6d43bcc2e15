"""What is exposed on which address to whom: a test for each row of the table in docs/operations.md."""

import ssl
from dataclasses import dataclass
from pathlib import Path

import bcrypt
import httpx
import pytest

from exporter.publish.status import Reload
from exporter.web.access import Guard, WebAccess
from tests.support.asgi import Pages
from tests.support.certificates import certificate
from tests.support.daemons import PATIENCE
from tests.support.reports import NOW, Web
from tests.support.web_server import serving

ROWS = [
    ("GET", "/", 200, "text/html"),
    ("GET", "/static/style.css", 200, "text/css"),
    ("GET", "/metrics", 200, "text/plain"),
    ("GET", "/api/v1/status", 200, "application/json"),
    ("GET", "/dashboards", 200, "text/html"),
    ("GET", "/dashboards/prometheus/alerts.yaml", 200, "text/plain"),
    ("GET", "/config", 200, "text/plain"),
    ("GET", "/-/healthy", 200, "text/plain"),
    ("GET", "/-/ready", 200, "text/plain"),
    ("POST", "/-/reload", 200, "text/plain"),
    ("GET", "/-/reload", 405, "text/plain"),
    ("GET", "/anything/else", 404, "text/plain"),
]
PASSWORD = ("prometheus", "s3cret")
every_row = pytest.mark.parametrize(("method", "path", "status", "kind"), ROWS)


@dataclass
class Made:
    """An exporter and how often it was told to reload."""

    web: Web
    reloads: list[Reload]


@pytest.fixture
def made() -> Made:
    reloads: list[Reload] = []

    def reload() -> Reload:
        reloads.append(Reload(NOW, changes=("no source has changed",)))
        return reloads[-1]

    return Made(Web(reload=reload), reloads)


def guarded(made: Made, folder: Path, text: str) -> Guard:
    (folder / "web.yml").write_text(text)
    return Guard(made.web.application(), WebAccess.open(folder / "web.yml"))


def users() -> str:
    return f"basic_auth_users: {{{PASSWORD[0]}: {bcrypt.hashpw(PASSWORD[1].encode(), bcrypt.gensalt(4)).decode()}}}\n"


@every_row
def test_without_a_web_configuration_it_is_shown_to_everybody(
    made: Made, tmp_path: Path, method: str, path: str, status: int, kind: str
) -> None:
    answer = Pages(guarded(made, tmp_path, "")).request(method, path)

    assert (answer.status_code, answer.headers["content-type"].partition(";")[0]) == (status, kind)


@every_row
def test_with_users_it_is_shown_to_nobody_without_a_password(
    made: Made, tmp_path: Path, method: str, path: str, status: int, kind: str
) -> None:
    pages = Pages(guarded(made, tmp_path, users()))

    for wrong in (None, ("prometheus", "wrong"), ("nobody", "s3cret")):
        answer = pages.request(method, path, auth=wrong)
        assert (answer.status_code, answer.text) == (401, "Unauthorized\n")
    assert made.reloads == []


@every_row
def test_with_users_it_is_shown_to_whom_has_a_password(
    made: Made, tmp_path: Path, method: str, path: str, status: int, kind: str
) -> None:
    answer = Pages(guarded(made, tmp_path, users())).request(method, path, auth=PASSWORD)

    assert (answer.status_code, answer.headers["content-type"].partition(";")[0]) == (status, kind)


@pytest.fixture(scope="module")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("certificates")
    for name in ("server", "client", "stranger"):
        certificate(folder, name)
    return folder


@every_row
def test_with_client_certificates_it_is_shown_to_whom_has_one(
    made: Made, certificates: Path, method: str, path: str, status: int, kind: str
) -> None:
    guard = guarded(
        made,
        certificates,
        "tls_server_config: {cert_file: server.pem, key_file: server.key,\n"
        "  client_auth_type: RequireAndVerifyClientCert, client_ca_file: client.pem}",
    )
    tls = WebAccess.open(certificates / "web.yml").config.tls

    with serving(guard, tls=lambda: tls) as address:
        answers = {}
        for name in ("client", "stranger", ""):
            context = ssl.create_default_context(cafile=certificates / "server.pem")
            if name:
                context.load_cert_chain(certificates / f"{name}.pem", certificates / f"{name}.key")
            with httpx.Client(verify=context, timeout=PATIENCE) as client:
                try:
                    answers[name] = client.request(method, f"https://{address}{path}").status_code
                except httpx.TransportError:
                    answers[name] = 0

    assert answers == {"client": status, "stranger": 0, "": 0}


def test_no_request_makes_the_exporter_ask_anybody(made: Made) -> None:
    """Whatever an address says: nothing but the configuration names hosts, and nothing but the clock asks them."""
    pages = Pages(made.web.application())

    for path in ("/?source=http://example.com", "/metrics?target=http://example.com", "/api/v1/status?url=x"):
        assert pages.get(path).status_code == 200
    assert pages.get("/probe?target=http://example.com").status_code == 404
