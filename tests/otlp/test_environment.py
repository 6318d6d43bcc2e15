"""What no link to a collector can be made of is a mistake before the first push."""

from pathlib import Path
from typing import Any

import pytest

from exporter.config.mistakes import ConfigError
from exporter.otlp.environment import check_connection
from exporter.otlp.target import Protocol, Target
from tests.support.certificates import certificate

NO_PEM = "it holds no certificates in PEM form"
NO_KEY = (
    "otlp: client_certificate_file and client_key_file, or their variables, "
    "hold no certificate with its key in PEM form"
)


def mistake(environ: dict[str, str], protocol: Protocol = "http/protobuf", **target: Any) -> str:
    with pytest.raises(ConfigError) as raised:
        check_connection(Target(protocol, "https://otlp.example.com:4318", **target), environ)
    return str(raised.value)


@pytest.mark.parametrize("protocol", ["http/protobuf", "grpc"])
def test_a_proxy_that_cannot_be_read_is_named_and_its_password_hidden(protocol: Protocol) -> None:
    words = mistake({"https_proxy": "http://alice:s3/cret@proxy:3128"}, protocol)

    assert words.startswith("otlp: https_proxy is no address of a proxy such as ")
    assert [part for part in ("alice", "s3", "cret") if part in words.replace("%23", "")] == []


@pytest.mark.parametrize("protocol", ["http/protobuf", "grpc"])
def test_a_file_without_certificates_is_named(protocol: Protocol, tmp_path: Path) -> None:
    text = tmp_path / "ca.pem"
    text.write_text("no certificate")
    own = certificate(tmp_path)

    assert mistake({}, protocol, ca_file=text) == (
        f"otlp: ca_file or OTEL_EXPORTER_OTLP_CERTIFICATE cannot be used: {NO_PEM}"
    )
    assert mistake({}, protocol, client_certificate_file=text, client_key_file=text) == NO_KEY
    assert mistake({}, protocol, client_certificate_file=own, client_key_file=text) == NO_KEY


def test_the_bundles_of_the_environment_are_named(tmp_path: Path) -> None:
    gone = str(tmp_path / "s3cret")

    assert mistake({"REQUESTS_CA_BUNDLE": gone}) == "otlp: REQUESTS_CA_BUNDLE cannot be used: No such file or directory"
    assert mistake({"CURL_CA_BUNDLE": gone}) == "otlp: CURL_CA_BUNDLE cannot be used: No such file or directory"
    assert mistake({"SSLKEYLOGFILE": f"{gone}/x"}) == "otlp: SSLKEYLOGFILE cannot be used: No such file or directory"


def test_what_is_not_used_is_not_looked_at(tmp_path: Path) -> None:
    gone = tmp_path / "none"
    bundles = {"REQUESTS_CA_BUNDLE": str(gone), "SSLKEYLOGFILE": f"{gone}/x"}

    check_connection(Target("http/protobuf", "http://otlp.example.com", ca_file=gone), bundles)
    check_connection(Target("grpc", "https://otlp.example.com"), {"REQUESTS_CA_BUNDLE": str(gone)})
    check_connection(Target("http/protobuf", "https://otlp.example.com"), {"REQUESTS_CA_BUNDLE": str(tmp_path)})


def test_a_certificate_with_its_key_is_taken(tmp_path: Path) -> None:
    own = certificate(tmp_path)

    check_connection(
        Target(
            "grpc",
            "https://otlp.example.com",
            ca_file=own,
            client_certificate_file=own,
            client_key_file=own.with_suffix(".key"),
        ),
        {},
    )
