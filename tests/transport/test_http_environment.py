"""Which proxies and certificates of the environment are accepted, and the errors for the others."""

import os
import ssl
from pathlib import Path

import certifi
import httpx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from exporter.transport.http_environment import check_proxies, tls_context
from tests.support.certificates import certificate

NO_ADDRESS = (
    "{} is no address of a proxy such as http://proxy.example.com:3128, with user:password@ before the host; "
    "in these / ? # @ and % are written %2F %3F %23 %40 and %25"
)
NO_EXCEPTION = (
    "{} cannot be read: it must be hosts, domains and addresses with commas between them, "
    "an IPv6 address without brackets and without a prefix length such as /64"
)
INSTALLED = "httpx"
MISSING = "no_such_package"


@pytest.mark.parametrize(
    "environ",
    [
        {},
        {"HTTP_PROXY": "", "NO_PROXY": ""},
        {"https_proxy": "proxy.example.com:3128"},
        {
            "HTTPS_PROXY": "http://alice:p%2Fw%40d@[::1]:3128/",
            "no_proxy": "localhost,.example.com, 10.0.0.0/8,::1,a.b:80",
        },
        {"ALL_PROXY": "socks5://127.0.0.1:1080"},
        {"HTTP_PROXY": "http://a..b", "http_proxy": "http://proxy"},
        {"HTTP_PROXY": "http://a..b", "NO_PROXY": "fd07::/64, *"},
        {"FTP_PROXY": "http://a..b", "NO_PROXYX": "fd07::/64"},
    ],
)
def test_what_a_client_can_use_is_accepted(environ: dict[str, str]) -> None:
    check_proxies(environ, socks=INSTALLED)


@pytest.mark.parametrize(
    ("environ", "words"),
    [
        ({"HTTPS_PROXY": "http://alice:s3/cret@proxy:3128"}, NO_ADDRESS.format("HTTPS_PROXY")),
        ({"HTTPS_PROXY": "http://alice:33/44@proxy:3128"}, NO_ADDRESS.format("HTTPS_PROXY")),
        ({"http_proxy": "http://alice:s3#cret@proxy:3128"}, NO_ADDRESS.format("http_proxy")),
        ({"http_proxy": "http://alice:s3@cret@proxy:3128"}, NO_ADDRESS.format("http_proxy")),
        ({"http_proxy": "alice:s3\ncret@proxy:3128"}, NO_ADDRESS.format("http_proxy")),
        ({"All_Proxy": "ftp://s3cret"}, NO_ADDRESS.format("All_Proxy")),
        ({"ALL_PROXY": "http://proxy:99999"}, NO_ADDRESS.format("ALL_PROXY")),
        ({"ALL_PROXY": "http://"}, NO_ADDRESS.format("ALL_PROXY")),
        (
            {"HTTP_PROXY": "http://alice@s3cret..example.com"},
            "HTTP_PROXY must have a host without an empty part before, between or after its dots",
        ),
        (
            {"HTTP_PROXY": "http://s3cret example"},
            "HTTP_PROXY must have a host of letters, digits and hyphens with dots between them",
        ),
        (
            {"ALL_PROXY": "SOCKS5h://alice:s3cret@127.0.0.1:1080"},
            (
                "ALL_PROXY names a SOCKS proxy, for which the package no_such_package is missing: "
                "name an HTTP proxy, or install it"
            ),
        ),
        ({"NO_PROXY": "localhost,fd07::/64"}, NO_EXCEPTION.format("NO_PROXY")),
        ({"no_proxy": "[::1]"}, NO_EXCEPTION.format("no_proxy")),
        ({"NO_PROXY": "host:port"}, NO_EXCEPTION.format("NO_PROXY")),
        ({"NO_PROXY": "http://xn--a"}, NO_EXCEPTION.format("NO_PROXY")),
    ],
)
def test_what_no_client_can_use_is_an_error_that_names_the_variable_and_hides_its_value(
    environ: dict[str, str], words: str
) -> None:
    with pytest.raises(ValueError, match=r"^\S+ ") as raised:
        check_proxies(environ, socks=MISSING)

    assert str(raised.value) == words


PROXIES = st.sampled_from(["", "http://", "https://", "socks5://", "ftp://", "//"]).flatmap(
    lambda scheme: st.text("ab1:@/#?%.[]é \n-", max_size=14).map(lambda rest: scheme + rest)
)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(
    name=st.sampled_from(["HTTP_PROXY", "https_proxy", "ALL_PROXY", "NO_PROXY"]),
    value=PROXIES | st.text("fd07:/1.,*[]-x ", max_size=12),
)
def test_of_any_variables_either_a_client_is_made_or_one_is_named(
    name: str, value: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for other in [one for one in os.environ if one.lower().endswith("_proxy")]:
        monkeypatch.delenv(other)
    monkeypatch.setenv(name, value)
    refused = ""
    try:
        check_proxies({name: value}, socks="socksio")
    except ValueError as error:
        refused = str(error)

    if not refused:
        httpx.Client(verify=ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)).close()
    assert refused == "" or refused.startswith(f"{name} ")


def test_ca_file_goes_before_the_environment(tmp_path: Path) -> None:
    own = tls_context(Path(certifi.where()), {"SSL_CERT_FILE": f"{tmp_path}/none", "SSL_CERT_DIR": f"{tmp_path}/none"})

    assert own.cert_store_stats() == tls_context(None, {}).cert_store_stats() != {"crl": 0, "x509": 0, "x509_ca": 0}


def test_the_environment_names_the_trusted_authorities(tmp_path: Path) -> None:
    file = tls_context(None, {"SSL_CERT_FILE": certifi.where(), "SSL_CERT_DIR": f"{tmp_path}/none"})
    folder = tls_context(None, {"SSL_CERT_DIR": f"{tmp_path}/none:{tmp_path}"})

    assert file.cert_store_stats() == tls_context(None, {}).cert_store_stats()
    assert folder.cert_store_stats()["x509"] == 0


def test_a_file_of_authorities_is_loaded_once_and_again_once_it_is_another(tmp_path: Path) -> None:
    file = certificate(tmp_path)
    first, again = tls_context(file, {}), tls_context(file, {})
    renewed = certificate(tmp_path, "renewed").rename(file)

    assert first is again
    assert tls_context(renewed, {}).get_ca_certs() != first.get_ca_certs()


@pytest.mark.parametrize(
    ("environ", "words"),
    [
        ({"SSL_CERT_FILE": "{folder}/s3cret"}, "SSL_CERT_FILE cannot be used: No such file or directory"),
        ({"SSL_CERT_FILE": "{folder}"}, "SSL_CERT_FILE cannot be used: Is a directory"),
        ({"SSL_CERT_FILE": "{folder}/empty"}, "SSL_CERT_FILE cannot be used: it holds no certificates in PEM form"),
        ({"SSL_CERT_DIR": "{folder}/s3cret"}, "SSL_CERT_DIR cannot be used: it names no folder"),
        ({"SSLKEYLOGFILE": "{folder}/s3cret/log"}, "SSLKEYLOGFILE cannot be used: No such file or directory"),
    ],
)
def test_a_variable_that_names_nothing_of_use_is_named(environ: dict[str, str], words: str, tmp_path: Path) -> None:
    (tmp_path / "empty").write_text("")
    with pytest.raises(ValueError, match=f"^{words}$"):
        tls_context(None, {name: value.format(folder=tmp_path) for name, value in environ.items()})


@pytest.mark.parametrize(
    ("content", "words"),
    [(b"", "it holds no certificates in PEM form"), (b"\x30\x82\0\xff", "it holds no certificates in PEM form")],
)
def test_a_file_without_certificates_is_an_error(content: bytes, words: str, tmp_path: Path) -> None:
    (tmp_path / "ca.pem").write_bytes(content)

    with pytest.raises(ValueError, match=f"^ca_file cannot be used: {words}$"):
        tls_context(tmp_path / "ca.pem", {})
