from pathlib import Path

import pytest

from exporter.config.mistakes import ConfigError
from exporter.web.config_file import read
from tests.support.certificates import certificate

HASH = "$2y$10$X0h1gDsPszWURQaxFh.zoubFi6DXncSjhoQNJgRrnGs7EsimhC7zG"


def mistakes(folder: Path, text: str) -> list[str]:
    """The mistakes in a text, without the folder's name."""
    file = folder / "web.yml"
    file.write_text(text)
    with pytest.raises(ConfigError) as raised:
        read(file, {})
    return [mistake.replace(f"{folder}/", "") for mistake in raised.value.mistakes]


def test_an_empty_file_asks_for_nothing(tmp_path: Path) -> None:
    file = tmp_path / "web.yml"
    file.write_text("")

    config = read(file, {})

    assert (config.tls, config.headers, config.users, config.files) == (None, {}, {}, (file,))


def test_a_whole_file_is_read_with_files_beside_it(tmp_path: Path) -> None:
    certificate(tmp_path)
    file = tmp_path / "web.yml"
    file.write_text(
        "tls_server_config: {cert_file: server.pem, key_file: server.key, client_ca_file: server.pem,\n"
        "  client_auth_type: RequireAndVerifyClientCert, min_version: TLS13}\n"
        "http_server_config: {http2: false, headers: {X-Frame-Options: deny, Strict-Transport-Security: ''}}\n"
        f"basic_auth_users: {{prometheus: {HASH}}}\n"
    )

    config = read(file, {})

    assert config.tls is not None
    assert (config.tls.minimum_version.name, config.tls.verify_mode.name) == ("TLSv1_3", "CERT_REQUIRED")
    assert config.headers == {"X-Frame-Options": "deny"}
    assert config.users == {"prometheus": HASH.encode()}
    assert [path.name for path in config.files] == ["web.yml", "server.pem", "server.key", "server.pem"]
    assert HASH not in repr(config)


UNSUPPORTED = """
tls_server_config:
  cert_file: server.pem
  key_file: server.key
  cert: "-----BEGIN CERTIFICATE-----"
  key: "-----BEGIN PRIVATE KEY-----"
  client_ca: "-----BEGIN CERTIFICATE-----"
  client_allowed_sans: [prometheus.example.com]
  client_auth_type: RequestClientCert
  min_version: TLS10
  cipher_suites: [TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256]
  curve_preferences: [X25519]
  prefer_server_cipher_suites: false
http_server_config: {http2: true, headers: {X-Powered-By: people}}
rate_limit: {interval: 1s, burst: 20}
"""


def test_every_key_of_the_format_that_is_not_supported_is_named(tmp_path: Path) -> None:
    certificate(tmp_path)
    found = dict(mistake.removeprefix("web.yml: ").split(": ", 1) for mistake in mistakes(tmp_path, UNSUPPORTED))

    headers = found.pop("http_server_config.headers.X-Powered-By")
    policies = found.pop("tls_server_config.client_auth_type")

    assert headers.endswith('X-Frame-Options or X-XSS-Protection, not "X-Powered-By"')
    assert policies.endswith('VerifyClientCertIfGiven or RequireAndVerifyClientCert, not "RequestClientCert"')
    assert found == {
        "rate_limit": "is not supported: connections are limited, and a scrape is cheap",
        "http_server_config.http2": ("is not supported: this server speaks HTTP/1.1, set it to false or leave it out"),
        "tls_server_config.cert": "is not supported: put the certificate into a file and name it in cert_file",
        "tls_server_config.cipher_suites": "is not supported: set min_version to TLS13 to rule out older ciphers",
        "tls_server_config.client_allowed_sans": "is not supported: use a certificate authority of its own",
        "tls_server_config.client_ca": ("is not supported: put the certificates into a file named in client_ca_file"),
        "tls_server_config.curve_preferences": "is not supported: leave it to OpenSSL",
        "tls_server_config.key": "is not supported: put the key into a file and name it in key_file",
        "tls_server_config.min_version": 'must be TLS12 or TLS13, not "TLS10"',
        "tls_server_config.prefer_server_cipher_suites": (
            "is not supported: the server's order counts, set it to true or leave it out"
        ),
    }


@pytest.mark.parametrize(
    ("text", "mistake"),
    [
        ("- a", "must be a mapping, not a list"),
        ("a: [", "line 1, column 5: not valid YAML: while parsing a flow node, expected the node content, but found"),
        ("tls: {}", "tls: unknown key, known are tls_server_config, http_server_config, basic_auth_users"),
        ("tls_server_config: {key_file: web.yml}", "tls_server_config.cert_file: is missing"),
        (
            "basic_auth_users: {alice: secret}",
            "basic_auth_users.alice: must be a bcrypt hash of a cost from 4 to 16, such",
        ),
        (f"basic_auth_users: {{alice: {HASH[:-1]}}}", "basic_auth_users.alice: must be a bcrypt hash of a"),
        (f"basic_auth_users: {{alice: {HASH.replace('10', '17')}}}", "basic_auth_users.alice: must be a bcrypt hash"),
        (
            f"basic_auth_users: {{'a:b': {HASH}}}",
            "basic_auth_users.a:b: a user's name must not be empty and must",
        ),
        (
            'http_server_config: {headers: {X-Frame-Options: "a\\nb"}}',
            "http_server_config.headers.X-Frame-Options: must be one line of printable ASCII characters",
        ),
        (
            "tls_server_config: {cert_file: web.yml, key_file: web.yml}",
            "tls_server_config.cert_file: no certificate with",
        ),
        (
            "tls_server_config: {cert_file: web.yml, key_file: web.yml, client_ca_file: web.yml}",
            "tls_server_config.client_ca_file: needs a client_auth_type",
        ),
        (
            "tls_server_config: {cert_file: web.yml, key_file: web.yml, client_auth_type: RequireAndVerifyClientCert}",
            "tls_server_config.client_ca_file: is missing beside client_auth_type",
        ),
        (
            "tls_server_config: {cert_file: web.yml, key_file: web.yml, min_version: TLS13, max_version: TLS12}",
            "tls_server_config.max_version: must not be below min_version",
        ),
    ],
)
def test_a_mistake_is_said_with_its_key(text: str, mistake: str, tmp_path: Path) -> None:
    assert any(found.startswith(f"web.yml: {mistake}") for found in mistakes(tmp_path, text))


def test_a_hash_that_is_none_is_not_shown(tmp_path: Path) -> None:
    assert "hunter2" not in "".join(mistakes(tmp_path, "basic_auth_users: {alice: hunter2}"))


def test_an_encrypted_key_is_a_mistake_and_nobody_is_asked_for_its_password(tmp_path: Path) -> None:
    certificate(tmp_path, "server", "-passout", "pass:hunter2")

    found = mistakes(tmp_path, "tls_server_config: {cert_file: server.pem, key_file: server.key}")

    assert len(found) == 1
    assert found[0].startswith(
        "web.yml: tls_server_config.cert_file: no certificate with its key in PEM form can be read"
    )


def test_a_key_of_another_certificate_is_a_mistake(tmp_path: Path) -> None:
    certificate(tmp_path, "one")
    certificate(tmp_path, "two")

    (found,) = mistakes(tmp_path, "tls_server_config: {cert_file: one.pem, key_file: two.key}")

    assert "KEY_VALUES_MISMATCH" in found


def test_a_file_that_is_not_there_is_a_mistake(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"web.yml: cannot be read: No such file or directory"):
        read(tmp_path / "web.yml", {})
