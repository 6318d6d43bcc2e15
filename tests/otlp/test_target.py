from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from exporter.config.mistakes import ConfigError
from exporter.config.sections import OtlpSettings
from exporter.otlp.target import Signal, Target, resolve

CA = Path(__file__).parents[1] / "configs" / "files" / "ca.pem"


def resolved(environ: Mapping[str, str], signal: Signal = "metrics", **section: Any) -> Target:
    return resolve(OtlpSettings(**section), environ, signal)


def variables(**values: str) -> dict[str, str]:
    return {f"OTEL_EXPORTER_OTLP_{name}": value for name, value in values.items()}


def test_an_empty_section_pushes_to_the_default_collector_over_http() -> None:
    assert resolved({}) == Target("http/protobuf", "http://localhost:4318/v1/metrics", {}, 10.0, gzip=False)


def test_grpc_has_its_own_default_port() -> None:
    assert resolved({}, protocol="grpc") == Target("grpc", "http://localhost:4317", {}, 10.0, gzip=False)


def test_everything_can_stand_in_the_section() -> None:
    target = resolved(
        {},
        endpoint="https://otlp.example.com:4317/",
        protocol="grpc",
        headers={"Authorization": "Bearer secret"},
        timeout="20s",
        compression="gzip",
        ca_file=CA,
        client_certificate_file=CA,
        client_key_file=CA,
    )

    headers = {"authorization": "Bearer secret"}
    assert target == Target("grpc", "https://otlp.example.com:4317", headers, 20.0, True, CA, CA, CA)
    assert "secret" not in repr(target)


def test_everything_can_stand_in_variables() -> None:
    environ = variables(
        ENDPOINT="https://otlp.example.com",
        PROTOCOL="http/protobuf",
        HEADERS="authorization=Bearer%20secret, x-scope-orgid = acme,",
        TIMEOUT="1500",
        COMPRESSION="gzip",
        CERTIFICATE=str(CA),
        CLIENT_CERTIFICATE=str(CA),
        CLIENT_KEY=str(CA),
    )

    headers = {"authorization": "Bearer secret", "x-scope-orgid": "acme"}
    endpoint = "https://otlp.example.com/v1/metrics"
    assert resolved(environ) == Target("http/protobuf", endpoint, headers, 1.5, True, CA, CA, CA)


def test_the_section_wins_over_variables_even_over_wrong_ones() -> None:
    environ = variables(
        ENDPOINT="nonsense",
        METRICS_ENDPOINT="http://other.example.com/v1/metrics",
        PROTOCOL="http/json",
        HEADERS="x-scope-orgid=other,x-more=1",
        TIMEOUT="soon",
        COMPRESSION="zip",
    )

    target = resolved(
        environ,
        endpoint="http://here.example.com",
        protocol="http/protobuf",
        headers={"X-Scope-OrgID": "acme"},
        timeout="3s",
        compression="none",
    )

    headers = {"x-scope-orgid": "acme", "x-more": "1"}
    assert target == Target("http/protobuf", "http://here.example.com/v1/metrics", headers, 3.0, gzip=False)


@pytest.mark.parametrize(
    ("endpoint", "posted"),
    [
        ("http://localhost:4318", "http://localhost:4318/v1/metrics"),
        ("http://localhost:9090/api/v1/otlp", "http://localhost:9090/api/v1/otlp/v1/metrics"),
        ("http://localhost:8428/opentelemetry/v1/metrics", "http://localhost:8428/opentelemetry/v1/metrics"),
    ],
)
def test_the_path_of_the_signal_is_added_once(endpoint: str, posted: str) -> None:
    assert resolved({}, endpoint=endpoint).endpoint == posted
    assert resolved({}, "traces", endpoint=endpoint).endpoint == posted.replace("metrics", "traces")


def test_a_variable_of_one_signal_goes_before_the_common_one_and_is_the_whole_url() -> None:
    environ = variables(
        ENDPOINT="http://common.example.com",
        METRICS_ENDPOINT="http://metrics.example.com/ingest",
        TIMEOUT="1000",
        METRICS_TIMEOUT="2000",
    )

    assert resolved(environ) == Target("http/protobuf", "http://metrics.example.com/ingest", {}, 2.0)
    assert resolved(environ, "traces") == Target("http/protobuf", "http://common.example.com/v1/traces", {}, 1.0)


def test_an_empty_variable_counts_as_unset() -> None:
    assert resolved(variables(ENDPOINT="", METRICS_TIMEOUT="", TIMEOUT="1000")).timeout == 1.0


@pytest.mark.parametrize(
    ("environ", "line"),
    [
        (variables(PROTOCOL="http/json"), 'PROTOCOL: must be http/protobuf or grpc, not "http/json"'),
        (
            variables(ENDPOINT="localhost:4318"),
            'ENDPOINT: must be an address such as https://host.example.com:8443/path, not "localhost:4318"',
        ),
        (variables(TIMEOUT="10s"), 'TIMEOUT: must be a number of milliseconds such as 10000, not "10s"'),
        (variables(TIMEOUT="0"), "TIMEOUT: must be longer than 0s, not 0s"),
        (variables(TIMEOUT="9" * 400), f'TIMEOUT: must be a number of milliseconds such as 10000, not "{"9" * 60}…"'),
        (variables(METRICS_COMPRESSION="deflate"), 'METRICS_COMPRESSION: must be none or gzip, not "deflate"'),
        (variables(HEADERS="secret"), "HEADERS: must be pairs such as api-key=secret with commas between them"),
        (
            variables(HEADERS="api-key=s%0Acret"),
            "HEADERS: must be one line of printable ASCII characters without spaces around it",
        ),
        (variables(CERTIFICATE="absent.pem"), "CERTIFICATE: there is no file absent.pem that can be read"),
        (variables(CLIENT_CERTIFICATE=str(CA)), "CLIENT_KEY: is missing beside client_certificate_file"),
    ],
)
def test_a_wrong_variable_is_named_in_one_line(environ: Mapping[str, str], line: str) -> None:
    with pytest.raises(ConfigError) as raised:
        resolved(environ)

    assert raised.value.mistakes == (f"environment: OTEL_EXPORTER_OTLP_{line}",)


def test_all_wrong_variables_are_reported_at_once() -> None:
    with pytest.raises(ConfigError) as raised:
        resolved(variables(PROTOCOL="udp", TIMEOUT="soon"))

    assert len(raised.value.mistakes) == 2


def test_grpc_takes_no_path() -> None:
    with pytest.raises(ConfigError) as of_section:
        resolved(variables(PROTOCOL="grpc"), endpoint="http://localhost:4317/v1/metrics")
    with pytest.raises(ConfigError) as of_variable:
        resolved(variables(ENDPOINT="http://localhost:4317/otlp"), protocol="grpc")
    with pytest.raises(ConfigError) as of_variables:
        resolved(variables(PROTOCOL="grpc", ENDPOINT="http://localhost:4317/otlp"))

    assert of_section.value.mistakes == (
        'configuration: otlp.endpoint: must have no path with protocol grpc, not "http://localhost:4317/v1/metrics"',
    )
    in_variable = 'environment: OTEL_EXPORTER_OTLP_ENDPOINT: must have no path with protocol grpc, not "http://localhost:4317/otlp"'
    assert (of_variable.value.mistakes, of_variables.value.mistakes) == ((in_variable,), (in_variable,))
