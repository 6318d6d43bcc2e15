"""Files that are good for Prometheus' exporter-toolkit: what its own tests hold, and what Go's YAML takes for text."""

import ssl
from pathlib import Path

import bcrypt
import httpx
import pytest
from starlette.responses import PlainTextResponse

from exporter.config.mistakes import ConfigError
from exporter.web.access import Guard, WebAccess
from exporter.web.config_file import WebConfig, read
from tests.support.asgi import Pages
from tests.support.certificates import certificate
from tests.support.web_server import serving

DOCS = Path(__file__).parents[2] / "docs" / "web.md"
HASH = bcrypt.hashpw(b"s3cret", bcrypt.gensalt(4)).decode()
OF = {cost: f"$2y${cost}${'a' * 53}" for cost in (10, 12, 14, 18)}
TLS = 'tls_server_config:\n  cert_file: "server.pem"\n  key_file: "server.key"\n'
GIVEN = TLS + '  client_auth_type: "VerifyClientCertIfGiven"\n'


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("toolkit")
    for name in ("server", "client"):
        certificate(made, name)
    for name in ("123", "true", "2026-01-31", "1.5", "off"):
        (made / name).write_bytes((made / "server.pem").read_bytes())
    return made


def taken(folder: Path, text: str) -> WebConfig:
    (folder / "web.yml").write_text(text)
    return read(folder / "web.yml", {})


def mistakes(folder: Path, text: str) -> list[str]:
    """The mistakes of a text, without the names of the file and its folder."""
    with pytest.raises(ConfigError) as raised:
        taken(folder, text)
    return [line.removeprefix(f"{folder}/web.yml: ").replace(f"{folder}/", "") for line in raised.value.mistakes]


# By the names of the files in exporter-toolkit's web/testdata, with certificates of our own.
GOOD = {
    "web_config_empty": "",
    "web_config_noAuth.good": GIVEN,
    "tls_config_noAuth.good": GIVEN.replace(":", " :") + "  client_ca_file : client.pem\n",
    "tls_config_noAuth.requireandverifyclientcert.good": (
        TLS + '  client_auth_type: "RequireAndVerifyClientCert"\n  client_ca_file: "client.pem"\n'
    ),
    "web_config_noAuth_noHTTP2.good, its ciphers left out": GIVEN
    + "  max_version: TLS12\nhttp_server_config:\n  http2: false\n",
    "web_config_headers.good": (
        "http_server_config:\n  headers:\n    X-Frame-Options: deny\n"
        "    Strict-Transport-Security: max-age=31536000; includeSubDomains\n    X-Content-Type-Options: nosniff\n"
        "    X-XSS-Protection: 1\n    Content-Security-Policy: \"default-src 'self' *.test.example.net\"\n"
    ),
    "web_config_users_noTLS.good": (
        f"basic_auth_users:\n  alice: {OF[12]}\n  bob: {OF[14]}\n  carol: {OF[10]}\n  dave: {OF[10]}\n"
    ),
    "web_config_users.good, one cost lowered": TLS + f"basic_auth_users:\n  alice: {OF[12]}\n  bob: {OF[14]}\n",
    "docs/web-config": TLS + f"basic_auth_users:\n  alice: {OF[10]}\n  bob: {OF[10]}\n",
    "nothing behind a key": "tls_server_config:\nhttp_server_config:\nbasic_auth_users:\n",
    "nothing in a section": "tls_server_config: {}\nhttp_server_config: {}\nbasic_auth_users: {}\n",
    "the defaults of the format": GIVEN
    + "  prefer_server_cipher_suites: true\n  min_version: TLS12\n  max_version: TLS13\n",
    "what is blank in a template": TLS
    + '  cert: ""\n  key:\n  client_ca: ""\n  client_auth_type: ""\n  client_ca_file: ""\n  cipher_suites: []\n'
    "  curve_preferences:\n  client_allowed_sans: []\n  min_version:\n  prefer_server_cipher_suites:\n"
    "http_server_config: {http2: , headers: }\n",
}


@pytest.mark.parametrize("text", GOOD.values(), ids=GOOD)
def test_a_good_file_of_exporter_toolkit_is_taken(folder: Path, text: str) -> None:
    config = taken(folder, text)

    assert (config.tls is not None) == ("cert_file" in text)
    assert len(config.users) == text.count("$2y$")


SCALARS = ["1", "0", "-1", "007", "0x1F", "0b1", "1_000", "1.5", "1e3", ".5", "12345678901234567890", ".inf", ".NaN"]
SCALARS += ["true", "True", "FALSE", "yes", "No", "on", "OFF", "y", "N", "2026-01-31", "2026-01-31T12:00:00Z", "12:30"]


@pytest.mark.parametrize("scalar", SCALARS)
def test_a_plain_scalar_is_the_text_that_is_written(folder: Path, scalar: str) -> None:
    config = taken(
        folder,
        f"http_server_config: {{headers: {{X-XSS-Protection: {scalar}}}}}\n"
        f"basic_auth_users:\n  {scalar.replace(':', '.')}: {HASH}\n",
    )

    assert config.headers == {"X-XSS-Protection": scalar}
    assert config.users == {scalar.replace(":", "."): HASH.encode()}


@pytest.mark.parametrize("user", ["123", "true", "off", "2026-01-31", "null"])
def test_a_user_whose_name_looks_like_something_else_can_log_in(folder: Path, user: str) -> None:
    guard = Guard(PlainTextResponse("page"), WebAccess(taken(folder, f"basic_auth_users:\n  {user}: {HASH}\n")))

    assert Pages(guard).get("/", auth=(user, "s3cret")).text == "page"
    assert Pages(guard).get("/", auth=(user, "wrong")).status_code == 401


@pytest.mark.parametrize("nothing", ["", "~", "null", '""'])
def test_a_header_of_nothing_is_not_set(folder: Path, nothing: str) -> None:
    text = f"http_server_config:\n  headers:\n    X-XSS-Protection: {nothing}\n    X-Frame-Options: deny\n"

    assert taken(folder, text).headers == {"X-Frame-Options": "deny"}


@pytest.mark.parametrize("name", ["123", "true", "2026-01-31", "1.5", "off"])
def test_a_file_may_have_a_name_that_looks_like_something_else(folder: Path, name: str) -> None:
    text = f"tls_server_config: {{cert_file: {name}, key_file: server.key}}"

    assert taken(folder, text).files == tuple(folder / file for file in ("web.yml", name, "server.key"))


@pytest.mark.parametrize("section", ["tls_server_config", "http_server_config", "basic_auth_users"])
@pytest.mark.parametrize("text", ['""', "0", "false", "x"])
def test_text_in_place_of_a_section_is_no_empty_section(folder: Path, section: str, text: str) -> None:
    assert mistakes(folder, f"{section}: {text}") == [f"{section}: must be a mapping, not text"]


@pytest.mark.parametrize("flag", ["false", "False", "no", "off", "n"])
def test_a_flag_may_be_written_as_in_go(folder: Path, flag: str) -> None:
    assert taken(folder, f"http_server_config: {{http2: {flag}}}").tls is None


@pytest.mark.parametrize("flag", ["true", "yes", "on", "Y"])
def test_http2_is_refused_however_it_is_written(folder: Path, flag: str) -> None:
    assert mistakes(folder, f"http_server_config: {{http2: {flag}}}") == [
        "http_server_config.http2: is not supported: this server speaks HTTP/1.1, set it to false or leave it out"
    ]


def test_without_certificate_authorities_those_of_the_system_vouch_for_a_certificate_that_is_given(
    folder: Path,
) -> None:
    tls = taken(folder, GIVEN).tls
    with serving(PlainTextResponse("page"), tls=lambda: tls) as address:
        answers = []
        for own in (None, "client"):
            context = ssl.create_default_context(cafile=folder / "server.pem")
            if own is not None:
                context.load_cert_chain(folder / f"{own}.pem", folder / f"{own}.key")
            with httpx.Client(verify=context) as client:
                try:
                    answers.append(client.get(f"https://{address}/").text)
                except httpx.TransportError:
                    answers.append("refused")

    assert answers == ["page", "refused"]


# What is refused, with the words of the list in docs/web.md that tell of it.
REFUSED = [
    (TLS + "  cipher_suites:\n  - TLS_AES_128_GCM_SHA256\n", "tls_server_config.cipher_suites", "`cipher_suites`"),
    (TLS + "  curve_preferences: [CurveP521]\n", "tls_server_config.curve_preferences", "`curve_preferences`"),
    (
        TLS + "  prefer_server_cipher_suites: false\n",
        "tls_server_config.prefer_server_cipher_suites",
        "`prefer_server_cipher_suites: false`",
    ),
    (TLS + "  cert: |\n    -----BEGIN CERTIFICATE-----\n", "tls_server_config.cert", "`cert`"),
    (TLS + "  key: |\n    -----BEGIN PRIVATE KEY-----\n", "tls_server_config.key", "`key`"),
    (TLS + "  client_ca: |\n    -----BEGIN CERTIFICATE-----\n", "tls_server_config.client_ca", "`client_ca`"),
    (TLS + "  client_allowed_sans: [one]\n", "tls_server_config.client_allowed_sans", "`client_allowed_sans`"),
    (TLS + "  client_auth_type: RequestClientCert\n", "tls_server_config.client_auth_type", "`RequestClientCert`"),
    (
        TLS + "  client_auth_type: RequireAnyClientCert\n",
        "tls_server_config.client_auth_type",
        "`RequireAnyClientCert`",
    ),
    (TLS + "  client_auth_type: RequireClientCert\n", "tls_server_config.client_auth_type", "`RequireClientCert`"),
    (
        TLS + "  client_auth_type: RequireAndVerifyClientCert\n",
        "tls_server_config.client_ca_file",
        "`RequireAndVerifyClientCert` without `client_ca_file`",
    ),
    (TLS + "  min_version: TLS10\n", "tls_server_config.min_version", "`TLS10`"),
    (TLS + "  max_version: TLS11\n", "tls_server_config.max_version", "`TLS11`"),
    (
        TLS + "  min_version: TLS13\n  max_version: TLS12\n",
        "tls_server_config.max_version",
        "`max_version` below `min_version`",
    ),
    ("tls_server_config: {key_file: server.key}\n", "tls_server_config.cert_file", "without `cert_file`"),
    ("tls_server_config: {cert_file: server.pem}\n", "tls_server_config.key_file", "and `key_file`"),
    ("http_server_config: {http2: true}\n", "http_server_config.http2", "`http2: true`"),
    (
        'http_server_config: {headers: {X-Frame-Options: "a\\tb"}}\n',
        "http_server_config.headers.X-Frame-Options",
        "printable ASCII",
    ),
    ("rate_limit: {interval: 0, burst: 0}\n", "rate_limit", "`rate_limit`"),
    ('rate_limit: {interval: "1s", burst: 0}\n', "rate_limit", "`rate_limit`"),
    (f"basic_auth_users: {{bob: {OF[18]}}}\n", "basic_auth_users.bob", "cost above 16"),
    (f"basic_auth_users: {{bob: {OF[10][:-1]}}}\n", "basic_auth_users.bob", "`$2a$`, `$2b$` or `$2y$`"),
    (f"basic_auth_users: {{bob: {OF[10].replace('y', 'x')}}}\n", "basic_auth_users.bob", "`$2a$`, `$2b$` or `$2y$`"),
    (f'basic_auth_users: {{"": {OF[10]}}}\n', 'basic_auth_users.""', "empty"),
    (f'basic_auth_users: {{"a:b": {OF[10]}}}\n', "basic_auth_users.a:b", "colon"),
    (
        "http_server_config: {headers: {X-XSS-Protection: !!int 1}}\n",
        "http_server_config.headers.X-XSS-Protection",
        "tags",
    ),
    (
        "http_server_config: {headers: {X-XSS-Protection: '${X}'}}\n",
        "http_server_config.headers.X-XSS-Protection",
        "`${`",
    ),
]


@pytest.mark.parametrize(("text", "place", "listed"), REFUSED, ids=[place for _, place, _ in REFUSED])
def test_what_is_refused_by_design_is_named_and_listed_in_the_docs(
    folder: Path, text: str, place: str, listed: str
) -> None:
    _, _, refused = DOCS.read_text().partition("### What is refused")

    assert [line.partition(": ")[0] for line in mistakes(folder, text)] == [place]
    assert listed in refused.partition("\n#")[0]
