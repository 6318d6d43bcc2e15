"""The daemon's web flags and files, as a process."""

import ssl
from collections.abc import Iterator
from pathlib import Path

import bcrypt
import httpx
import pytest

from exporter.config.sections import Address, WebSettings
from exporter.daemon.run import Web, listen
from exporter.web.access import WebAccess
from exporter.web.config_file import WebConfig
from tests.support import faulty_server
from tests.support.certificates import certificate
from tests.support.command_line import cli
from tests.support.daemons import PATIENCE, Daemon, daemon, wait_until

pytestmark = pytest.mark.slow

HASH = bcrypt.hashpw(b"s3cret", bcrypt.gensalt(4)).decode()


@pytest.fixture
def config(tmp_path: Path) -> Iterator[str]:
    """A configuration whose vendor refuses everything."""
    with faulty_server.serve(faulty_server.body(b"{}", status="401 Unauthorized")) as vendor:
        file = tmp_path / "config.yaml"
        file.write_text(
            'state: {url: "sqlite://"}\n'
            f'sources: {{one: {{vendor: augment, token: a-token, base_url: "{vendor.url}"}}}}\n'
        )
        yield str(file)


def asking(folder: Path) -> httpx.Client:
    """A client with the password that trusts the certificate as it is now."""
    return httpx.Client(
        verify=ssl.create_default_context(cafile=folder / "server.pem"), auth=("alice", "s3cret"), timeout=PATIENCE
    )


def test_it_serves_tls_with_a_password_and_follows_the_file(config: str, tmp_path: Path) -> None:
    certificate(tmp_path)
    web = tmp_path / "web.yml"
    web.write_text(
        f"tls_server_config: {{cert_file: server.pem, key_file: server.key}}\nbasic_auth_users: {{alice: {HASH}}}\n"
    )
    with daemon(tmp_path, "run", "--config.file", config, "--web.config.file", str(web)) as running:
        assert running.url.startswith("https://127.0.0.1:")
        with asking(tmp_path) as client:
            assert client.get(f"{running.url}/-/healthy").status_code == 200
            assert client.get(f"{running.url}/-/healthy", auth=("alice", "wrong")).status_code == 401
        before = (tmp_path / "server.pem").read_bytes()
        certificate(tmp_path)
        assert (tmp_path / "server.pem").read_bytes() != before

        def renewed() -> bool:
            try:
                with asking(tmp_path) as client:
                    return client.get(f"{running.url}/-/healthy").status_code == 200
            except httpx.ConnectError:
                return False

        wait_until(renewed)
        assert running.log.read_text().count('msg="web configuration read again"') == 1
        assert "s3cret" not in running.log.read_text()


def asked(running: Daemon, host: str, path: str = "/config") -> int:
    return running.get(path, host=host).status_code


def test_behind_loopback_it_answers_to_its_own_names_alone(config: str, tmp_path: Path) -> None:
    file = Path(config)
    text = file.read_text()
    file.write_text("web: {allowed_hosts: [adoption.example.com]}\n" + text)
    flags = ("--web.external-url", "https://Tools.example.com:8443")
    with daemon(tmp_path, "run", "--config.file", config, *flags) as running:
        hosts = ["evil.example", "localhost:1", "127.0.0.1", "[::1]:80", "adoption.example.com", "tools.example.com:1"]
        assert [asked(running, host) for host in hosts] == [421, 200, 200, 200, 200, 200]
        assert [asked(running, "evil.example", path) for path in ("/", "/metrics", "/-/healthy")] == [421] * 3
        file.write_text("web: {allowed_hosts: [other.example.com]}\n" + text)
        assert httpx.post(f"{running.url}/-/reload").status_code == 200
        assert [asked(running, host) for host in ("adoption.example.com", "other.example.com")] == [421, 200]
        answer = running.get("/config", host="evil.example")

    assert answer.headers["content-type"] == "text/plain; charset=utf-8"
    assert answer.text == (
        "This exporter is not known as that host. If it is right, name it in web.allowed_hosts or --web.external-url.\n"
    )


@pytest.mark.parametrize(
    ("host", "allowed", "names"),
    [
        ("", None, None),
        ("0.0.0.0", None, None),
        ("", (), {"localhost", "::"}),
        ("0.0.0.0", ("adoption.example.com",), {"localhost", "0.0.0.0", "adoption.example.com"}),
        ("127.0.0.1", None, {"localhost", "127.0.0.1"}),
        ("::1", None, {"localhost", "::1"}),
        ("localhost", ("adoption.example.com",), {"localhost", "127.0.0.1", "adoption.example.com"}),
    ],
)
def test_beyond_loopback_it_answers_to_every_name_unless_some_are_allowed(
    host: str, allowed: tuple[str, ...] | None, names: set[str] | None
) -> None:
    address = Address(host, 0)
    with listen(address) as listener:
        web = Web(listener, WebAccess(WebConfig()))
        found = web.names(WebSettings(listen_address=address, allowed_hosts=allowed))

    assert found == names


def test_a_page_of_another_site_cannot_have_it_reload(config: str, tmp_path: Path) -> None:
    with daemon(tmp_path, "run", "--config.file", config) as running:
        before = running.log.read_text().count("configuration read again")
        foreign = [{"Origin": "https://evil.example"}, {"Sec-Fetch-Site": "cross-site"}, {"Origin": "null"}]
        answers = [httpx.post(f"{running.url}/-/reload", headers=headers) for headers in foreign]
        assert [(answer.status_code, answer.text) for answer in answers] == [
            (403, "A page of another site may not do this.\n")
        ] * 3
        assert running.log.read_text().count("configuration read again") == before
        own = {"Origin": running.url, "Sec-Fetch-Site": "same-origin"}
        assert httpx.post(f"{running.url}/-/reload", headers=own).status_code == 200


def test_a_prefix_is_that_of_every_path(config: str, tmp_path: Path) -> None:
    flags = ("--web.external-url", "https://example.com/tools/adoption/")
    with daemon(tmp_path, "run", "--config.file", config, *flags) as running:
        root = running.url.removesuffix("/tools/adoption")

        assert running.get("/-/healthy").status_code == 200
        assert "adoption_exporter_build_info" in running.get("/metrics").text
        assert httpx.get(f"{root}/metrics", timeout=PATIENCE).status_code == 404
        assert httpx.get(root, timeout=PATIENCE).headers["location"] == "/tools/adoption/"


def test_a_route_prefix_wins_over_the_external_urls_path(config: str, tmp_path: Path) -> None:
    flags = ("--web.external-url", "https://example.com/tools", "--web.route-prefix", "/")
    with daemon(tmp_path, "run", "--config.file", config, *flags) as running:
        assert running.url.count("/") == 2
        assert running.get("/-/healthy").status_code == 200


def test_a_configuration_file_of_the_web_is_checked_before_anything_starts(config: str, tmp_path: Path) -> None:
    web = tmp_path / "web.yml"
    web.write_text("rate_limit: {burst: 1}\nbasic_auth_users: {alice: hunter2}")
    run = cli("run", "--config.file", config, "--web.config.file", str(web))

    assert run.returncode == 2
    assert sorted(line.partition(": ")[2][:60] for line in run.stderr.splitlines()) == [
        "basic_auth_users.alice: must be a bcrypt hash of a cost from",
        "rate_limit: is not supported: connections are limited, and a",
    ]
    assert "hunter2" not in run.stderr


def test_check_config_checks_the_web_configuration_too(config: str, tmp_path: Path) -> None:
    file = Path(config)
    file.write_text("web: {config_file: web.yml}\n" + file.read_text())
    (tmp_path / "web.yml").write_text("rate_limit: {burst: 1}")

    run = cli("check-config", config)

    assert (run.returncode, run.stdout) == (2, "")
    assert (
        run.stderr
        == f"{tmp_path}/web.yml: rate_limit: is not supported: connections are limited, and a scrape is cheap\n"
    )


@pytest.mark.parametrize(
    ("flags", "said"),
    [
        (("--web.route-prefix", "adoption"), "must be a path such as /adoption, of letters, digits and . _ ~ -"),
        (("--web.route-prefix", "/{x}"), "must be a path such as /adoption"),
        (("--web.external-url", "example.com/x"), "must be an address such as https://host.example.com:8443/path"),
        (("--web.external-url", "ftp://example.com"), "must be an address such as https://host.example.com:8443/path"),
        (("--web.external-url", "https://a..b/"), "must have a host without an empty part before, between or after"),
        (("--web.listen-address", f"{'a' * 70}:80"), "must have a host whose parts between dots have at most 63"),
        (("--web.listen-address", "nowhere"), "must be an address such as 127.0.0.1:10723, [::1]:10723 or :10723"),
    ],
)
def test_a_wrong_flag_is_a_usage_error(config: str, flags: tuple[str, str], said: str) -> None:
    run = cli("run", "--config.file", config, *flags)

    assert run.returncode == 2
    assert said in run.stderr
    assert len(run.stderr.splitlines()) == 1
