"""Where to push: the `otlp` section of the configuration, filled from the OTEL_EXPORTER_OTLP_* variables; pure."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Literal
from urllib.parse import unquote, urlsplit

from pydantic import ValidationError

from exporter.config.mistakes import ConfigError, Mistake, model_mistakes, quoted
from exporter.config.sections import NO_PATH, OtlpSettings
from exporter.config.types import HiddenValueError

Protocol = Literal["http/protobuf", "grpc"]
Signal = Literal["metrics", "traces"]

_DEFAULT_PROTOCOL: Protocol = "http/protobuf"
_DEFAULT_ENDPOINTS: Mapping[Protocol, str] = {"http/protobuf": "http://localhost:4318", "grpc": "http://localhost:4317"}
_DEFAULT_TIMEOUT = timedelta(seconds=10)
_MOST_DIGITS = 12
# The end of the variables of each setting; OTEL_EXPORTER_OTLP_METRICS_X overrides OTEL_EXPORTER_OTLP_X.
_VARIABLES = {
    "endpoint": "ENDPOINT",
    "protocol": "PROTOCOL",
    "headers": "HEADERS",
    "timeout": "TIMEOUT",
    "compression": "COMPRESSION",
    "ca_file": "CERTIFICATE",
    "client_certificate_file": "CLIENT_CERTIFICATE",
    "client_key_file": "CLIENT_KEY",
}


@dataclass(frozen=True)
class Target:
    """Where one signal goes: `endpoint` is the whole URL to post to over HTTP, the server's URL over gRPC."""

    protocol: Protocol
    endpoint: str
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    timeout: float = _DEFAULT_TIMEOUT.total_seconds()
    gzip: bool = False
    ca_file: Path | None = None
    client_certificate_file: Path | None = None
    client_key_file: Path | None = None


def resolve(settings: OtlpSettings, environ: Mapping[str, str], signal: Signal) -> Target:
    """The target of a signal: settings of the section, else of the variables, else OpenTelemetry's defaults.

    Headers of both are sent; the section's override. Raises ConfigError for what cannot be used.
    """
    own = {name: getattr(settings, name) for name in _VARIABLES if name != "headers"}
    own = {name: value for name, value in own.items() if value is not None}
    variables = _variables(environ, signal, [name for name in _VARIABLES if name not in own])
    given = _read(variables, environ)
    filled = given.model_copy(update=own)
    protocol = filled.protocol or _DEFAULT_PROTOCOL
    return Target(
        protocol=protocol,
        endpoint=_endpoint(filled.endpoint or _DEFAULT_ENDPOINTS[protocol], protocol, signal, variables),
        headers={**_headers(given), **_headers(settings)},
        timeout=(filled.timeout or _DEFAULT_TIMEOUT).total_seconds(),
        gzip=filled.compression == "gzip",
        ca_file=filled.ca_file,
        client_certificate_file=filled.client_certificate_file,
        client_key_file=filled.client_key_file,
    )


def _variables(environ: Mapping[str, str], signal: Signal, wanted: Iterable[str]) -> dict[str, str]:
    """The variables that are set, by setting. An empty one counts as unset, as OpenTelemetry specifies."""
    names = {name: (_name(name, f"{signal.upper()}_"), _name(name)) for name in wanted}
    found = {name: [variable for variable in both if environ.get(variable)] for name, both in names.items()}
    return {name: variables[0] for name, variables in found.items() if variables}


def _name(setting: str, signal: str = "") -> str:
    return f"OTEL_EXPORTER_OTLP_{signal}{_VARIABLES[setting]}"


def _read(variables: Mapping[str, str], environ: Mapping[str, str]) -> OtlpSettings:
    """The settings of the variables, validated like those of the file."""
    values: dict[str, object] = {}
    mistakes = []
    for setting, variable in variables.items():
        try:
            values[setting] = _PARSERS.get(setting, str)(environ[variable])
        except ValueError as error:
            mistakes.append(Mistake((variable,), str(error)))
    try:
        settings = OtlpSettings.model_validate(values)
    except ValidationError as error:
        for mistake in model_mistakes(error, OtlpSettings, (), {}):
            setting = str(mistake.place[0])
            mistakes.append(Mistake((variables.get(setting, _name(setting)),), mistake.words))
    if mistakes:
        raise ConfigError("environment", mistakes)
    return settings


def _endpoint(endpoint: str, protocol: Protocol, signal: Signal, variables: Mapping[str, str]) -> str:
    """The endpoint with the path of the signal; the variable of a single signal is used as it is."""
    if protocol == "grpc":
        if urlsplit(endpoint).path:
            # Endpoint and protocol are each valid, but not together.
            words = f"{NO_PATH}, not {quoted(endpoint)}"
            if "endpoint" in variables:
                raise ConfigError("environment", [Mistake((variables["endpoint"],), words)])
            raise ConfigError("configuration", [Mistake(("otlp", "endpoint"), words)])
        return endpoint
    if variables.get("endpoint") == _name("endpoint", f"{signal.upper()}_"):
        return endpoint
    path = f"/v1/{signal}"
    return endpoint.removesuffix("/v1/metrics").removesuffix(path) + path


def _headers(settings: OtlpSettings) -> dict[str, str]:
    # gRPC accepts no capitals, and HTTP ignores case.
    return {name.lower(): secret.get_secret_value() for name, secret in settings.headers.items()}


def _milliseconds(text: str) -> timedelta:
    # Milliseconds as specified; OpenTelemetry's SDK for Python reads seconds (1.45).
    if not text.isdecimal() or len(text) > _MOST_DIGITS:
        raise ValueError(f"must be a number of milliseconds such as 10000, not {quoted(text)}")
    return timedelta(milliseconds=int(text))


def _pairs(text: str) -> dict[str, str]:
    pairs = [pair.partition("=") for pair in text.split(",") if pair.strip()]
    if not all(equals for _, equals, _ in pairs):
        raise HiddenValueError("must be pairs such as api-key=secret with commas between them")
    return {unquote(name.strip()): unquote(value.strip()) for name, _, value in pairs}


_PARSERS: Mapping[str, Callable[[str], object]] = {"timeout": _milliseconds, "headers": _pairs}
