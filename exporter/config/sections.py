"""The sections of the configuration other than sources: web, state, people, teams, otlp."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from ipaddress import ip_address
from pathlib import Path
from typing import Annotated, Literal
from urllib.parse import urlsplit

from pydantic import AfterValidator, BeforeValidator, Field, PlainSerializer, ValidationInfo, field_validator

from exporter.config.durations import Days, Duration
from exporter.config.extras import check_extra
from exporter.config.identities_file import read_identities
from exporter.config.state_url import StateUrl
from exporter.config.teams_file import read_teams
from exporter.config.types import BaseUrl, Count, ExistingFile, Secret, Settings, Whole
from exporter.hosts import check_host

NO_PATH = "must have no path with protocol grpc"

_ADDRESS = re.compile(r"(?P<host>\[[0-9A-Fa-f:.%]+\]|[^\s:/\[\]]*):(?P<port>[0-9]{1,5})")
_HEADER = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_HOST_NAME = re.compile(r"[0-9a-z_-]{1,63}(?:\.[0-9a-z_-]{1,63})*")


@dataclass(frozen=True)
class Address:
    """Where to listen; `host` is "" for every interface and has no brackets."""

    host: str
    port: int

    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


def parse_address(text: object) -> Address:
    """Parses `127.0.0.1:10723`, `[::1]:10723` or `:10723`; raises ValueError for anything else."""
    if isinstance(text, Address):
        return text
    match = _ADDRESS.fullmatch(text) if isinstance(text, str) else None
    if not match or int(match["port"]) > 65_535:
        raise ValueError("must be an address such as 127.0.0.1:10723, [::1]:10723 or :10723")
    host = match["host"].strip("[]")
    return Address(check_host(host) if host else "", int(match["port"]))


def _host_name(text: str) -> str:
    """Normalizes a host for comparison: lower case, an IP address in its short form."""
    try:
        return str(ip_address(text[1:-1] if text.startswith("[") and text.endswith("]") else text))
    except ValueError:
        name = text.lower()
    if not _HOST_NAME.fullmatch(name):
        raise ValueError("must be a host name such as adoption.example.com, or an IP address, without a port")
    return name


def _header(name: str) -> str:
    if not _HEADER.fullmatch(name):
        raise ValueError("is no header name")
    return name


def _company(value: object) -> bool | tuple[str, ...]:
    # Text, since ${ENV} gives text.
    if isinstance(value, bool) or value in ("true", "false"):
        return value in (True, "true")
    if isinstance(value, list | tuple) and value:
        names = tuple(name for name in value if isinstance(name, str))
        if len(names) == len(value):
            return names
    raise ValueError("must be true, false or the names of sources")


ListenAddress = Annotated[
    Address, BeforeValidator(parse_address), PlainSerializer(str, return_type=str, when_used="json")
]
Header = Annotated[str, AfterValidator(_header)]
HostName = Annotated[str, AfterValidator(_host_name)]


class WebSettings(Settings):
    """Where to serve; `config_file` is in exporter-toolkit's format.

    `allowed_hosts` are the names that clients may use for the exporter, beside `localhost`, loopback addresses and the
    host of `listen_address`. Where it is None and the exporter listens beyond loopback, any name is allowed.
    """

    listen_address: ListenAddress = Address("127.0.0.1", 10723)
    config_file: ExistingFile | None = None
    allowed_hosts: tuple[HostName, ...] | None = None


class StateSettings(Settings):
    """Where and for how long facts are kept. A relative path in the URL starts at the daemon's working directory."""

    url: StateUrl = "sqlite:///adoption.db"
    retention: Days = timedelta(days=800)


class IdentitiesSettings(Settings):
    """A table with the columns person and identity."""

    file: ExistingFile

    @field_validator("file")
    @classmethod
    def _with_identities(cls, file: Path) -> Path:
        try:
            read_identities(file)
        except ValueError as error:
            raise ValueError(f"the file cannot be used: {error}") from None
        return file


class PeopleSettings(Settings):
    """What may be published about people and small groups; `frequent_days` of 28 make a frequent user.

    `company` says whether people are counted over all sources together, or over which of them.
    """

    per_user: Literal["none", "pseudonym", "plain"] = "none"
    min_group_size: Count = 1
    pseudonym_key_file: ExistingFile | None = None
    frequent_days: Annotated[Whole, Field(ge=1, le=28)] = 8
    identities: IdentitiesSettings | None = None
    company: Annotated[bool | tuple[str, ...], BeforeValidator(_company)] = True

    @field_validator("pseudonym_key_file")
    @classmethod
    def _needed_for_pseudonyms(cls, file: Path | None, info: ValidationInfo) -> Path | None:
        if file is None and info.data.get("per_user") == "pseudonym":
            raise ValueError("is missing: per_user: pseudonym needs a key")
        return file


class TeamsSettings(Settings):
    """A table with the columns user and team."""

    file: ExistingFile

    @field_validator("file")
    @classmethod
    def _with_teams(cls, file: Path) -> Path:
        try:
            read_teams(file)
        except ValueError as error:
            raise ValueError(f"the file cannot be used: {error}") from None
        return file


class OtlpSettings(Settings):
    """Where to push metrics. None means the OTEL_EXPORTER_OTLP_* variable, and then its default."""

    # Stands before the endpoint, whose check reads it.
    protocol: Literal["http/protobuf", "grpc"] | None = None
    endpoint: BaseUrl | None = None
    headers: Mapping[Header, Secret] = {}
    interval: Duration = timedelta(seconds=60)
    timeout: Duration | None = None
    compression: Literal["none", "gzip"] | None = None
    ca_file: ExistingFile | None = None
    client_certificate_file: ExistingFile | None = None
    client_key_file: ExistingFile | None = None
    timestamp: Literal["now", "published"] = "now"
    traces: bool = False

    @field_validator("protocol")
    @classmethod
    def _with_its_libraries(cls, protocol: str | None) -> str | None:
        if protocol == "grpc":
            check_extra("grpc")
        return protocol

    @field_validator("endpoint")
    @classmethod
    def _fit_for_its_protocol(cls, endpoint: str | None, info: ValidationInfo) -> str | None:
        if endpoint is not None and info.data.get("protocol") == "grpc" and urlsplit(endpoint).path:
            raise ValueError(NO_PATH)
        return endpoint

    @field_validator("client_key_file")
    @classmethod
    def _beside_its_certificate(cls, key: Path | None, info: ValidationInfo) -> Path | None:
        certificate = info.data.get("client_certificate_file", key)
        if (key is None) != (certificate is None):
            raise ValueError(
                "is missing beside client_certificate_file" if certificate else "needs client_certificate_file"
            )
        return key
