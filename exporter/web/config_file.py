"""Reads `--web.config.file`, in the format of Prometheus' exporter-toolkit, into a web configuration."""

import os
import re
import ssl
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import (
    AfterValidator,
    BeforeValidator,
    Field,
    SecretStr,
    ValidationError,
    ValidationInfo,
    field_validator,
    model_validator,
)

from exporter.config.mistakes import ConfigError, Mistake, Place, model_mistakes, unreadable
from exporter.config.types import ExistingFile, HiddenValueError, Settings
from exporter.config.yaml_document import Document, read_document

_VERSIONS = {"TLS12": ssl.TLSVersion.TLSv1_2, "TLS13": ssl.TLSVersion.TLSv1_3}
# The format's two other policies request a certificate without checking it, which Python's ssl cannot do.
_POLICIES = {
    "NoClientCert": ssl.CERT_NONE,
    "VerifyClientCertIfGiven": ssl.CERT_OPTIONAL,
    "RequireAndVerifyClientCert": ssl.CERT_REQUIRED,
}
_UNSUPPORTED: Mapping[Place, str] = {
    ("rate_limit",): "is not supported: connections are limited, and a scrape is cheap",
    ("tls_server_config", "cert"): "is not supported: put the certificate into a file and name it in cert_file",
    ("tls_server_config", "key"): "is not supported: put the key into a file and name it in key_file",
    ("tls_server_config", "client_ca"): "is not supported: put the certificates into a file named in client_ca_file",
    ("tls_server_config", "client_allowed_sans"): "is not supported: use a certificate authority of its own",
    ("tls_server_config", "cipher_suites"): "is not supported: set min_version to TLS13 to rule out older ciphers",
    ("tls_server_config", "curve_preferences"): "is not supported: leave it to OpenSSL",
}
# A cost of 16 takes some seconds; each further step doubles the time.
_BCRYPT = re.compile(r"\$2[aby]\$(0[4-9]|1[0-6])\$[./A-Za-z0-9]{53}")


def _user(name: str) -> str:
    if not name or ":" in name:
        raise ValueError("a user's name must not be empty and must hold no colon")
    return name


def _hashed(value: SecretStr) -> SecretStr:
    if not _BCRYPT.fullmatch(value.get_secret_value()):
        raise HiddenValueError(
            'must be a bcrypt hash of a cost from 4 to 16, such as `htpasswd -nBC 10 "" | tr -d ":\\n"` prints'
        )
    return value


def _without(values: object, blanks: Collection[object], keys: Collection[str | int]) -> object:
    """A mapping without those of the keys whose value is blank; unknown keys stay."""
    if not isinstance(values, dict):
        return values
    return {key: value for key, value in values.items() if value not in blanks or key not in keys}


def _not_empty(value: object) -> object:
    return None if value == {} else value


def _text(value: object) -> object:
    return "" if value is None else value


def _header_value(text: str) -> str:
    if not text.isascii() or not text.isprintable():
        raise ValueError("must be one line of printable ASCII characters")
    return text


HeaderName = Literal[
    "Content-Security-Policy",
    "Strict-Transport-Security",
    "X-Content-Type-Options",
    "X-Frame-Options",
    "X-XSS-Protection",
]
HeaderValue = Annotated[str, BeforeValidator(_text), AfterValidator(_header_value)]
User = Annotated[str, AfterValidator(_user)]
Hash = Annotated[SecretStr, AfterValidator(_hashed)]


class _Part(Settings):
    """A part of the file; as in Go, a key without a value counts as absent."""

    @model_validator(mode="before")
    @classmethod
    def _without_nothing(cls, values: object) -> object:
        return _without(values, (None,), cls.model_fields)


class TlsSettings(_Part):
    """The server's certificate and the policy for client certificates; defaults as in the format."""

    cert_file: ExistingFile
    key_file: ExistingFile
    client_auth_type: Literal["NoClientCert", "VerifyClientCertIfGiven", "RequireAndVerifyClientCert"] = "NoClientCert"
    client_ca_file: ExistingFile | None = None
    min_version: Literal["TLS12", "TLS13"] = "TLS12"
    max_version: Literal["TLS12", "TLS13"] = "TLS13"
    prefer_server_cipher_suites: bool = True

    @model_validator(mode="before")
    @classmethod
    def _without_blanks(cls, values: object) -> object:
        """Templates write an unwanted key as empty text or as an empty list."""
        return _without(values, (None, "", []), {*cls.model_fields, *(place[-1] for place in _UNSUPPORTED)})

    @field_validator("client_ca_file")
    @classmethod
    def _beside_its_policy(cls, file: Path | None, info: ValidationInfo) -> Path | None:
        policy = info.data.get("client_auth_type")
        if policy == "NoClientCert" and file is not None:
            raise ValueError("needs a client_auth_type")
        # The system's authorities would admit every holder of any public certificate.
        if policy == "RequireAndVerifyClientCert" and file is None:
            raise ValueError("is missing beside client_auth_type")
        return file

    @field_validator("prefer_server_cipher_suites")
    @classmethod
    def _the_servers_order(cls, wanted: bool) -> bool:
        if not wanted:
            raise ValueError("is not supported: the server's order counts, set it to true or leave it out")
        return wanted

    @field_validator("max_version")
    @classmethod
    def _not_below_min_version(cls, version: str, info: ValidationInfo) -> str:
        if version < info.data.get("min_version", version):
            raise ValueError("must not be below min_version")
        return version


class HttpSettings(_Part):
    """HTTP version and headers of responses."""

    http2: bool = False
    headers: Mapping[HeaderName, HeaderValue] = {}

    @field_validator("http2")
    @classmethod
    def _not_http2(cls, wanted: bool) -> bool:
        if wanted:
            raise ValueError("is not supported: this server speaks HTTP/1.1, set it to false or leave it out")
        return wanted


class WebFile(_Part):
    """The whole file; without any key there is neither TLS nor a password."""

    tls_server_config: Annotated[TlsSettings | None, BeforeValidator(_not_empty)] = None
    http_server_config: HttpSettings = HttpSettings()
    basic_auth_users: Annotated[Mapping[User, Hash], Field(repr=False)] = {}


@dataclass(frozen=True)
class WebConfig:
    """A web configuration. `users` maps names to bcrypt hashes; `files` are the files that it was read from."""

    tls: ssl.SSLContext | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    users: Mapping[str, bytes] = field(default_factory=dict, repr=False)
    files: tuple[Path, ...] = ()


def read(path: Path, environ: Mapping[str, str] = os.environ) -> WebConfig:
    """Reads a file and its certificates, whose paths are relative to its folder. Raises ConfigError."""
    try:
        document = read_document(path.read_text(encoding="utf-8"), environ)
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(str(path), [Mistake((), unreadable(error))]) from error
    settings = _settings(document, path.parent)
    tls = settings.tls_server_config
    context = None if tls is None or document.mistakes else _context(tls, document)
    if document.mistakes:
        raise ConfigError(str(path), document.in_order())
    named = () if tls is None else (tls.cert_file, tls.key_file, tls.client_ca_file)
    return WebConfig(
        tls=context,
        headers={name: value for name, value in settings.http_server_config.headers.items() if value},
        users={name: hashed.get_secret_value().encode() for name, hashed in settings.basic_auth_users.items()},
        files=(path, *(file for file in named if file is not None)),
    )


def _settings(document: Document, folder: Path) -> WebFile:
    """The file's settings; invalid if the document has mistakes."""
    value = {} if document.value is None else _as_text(document.value, (), document.written)
    if not document.mistakes:
        try:
            return WebFile.model_validate(value, context={"folder": folder})
        except ValidationError as error:
            for mistake in model_mistakes(error, WebFile, (), document.written):
                document.mistake(mistake.place, _UNSUPPORTED.get(mistake.place, mistake.words))
    return WebFile()


def _as_text(value: Any, place: Place, written: Mapping[Place, str]) -> Any:
    """A value with its numbers and booleans as written in the file: Go reads them so if text is expected."""
    if isinstance(value, dict):
        return {key: _as_text(inner, (*place, key), written) for key, inner in value.items()}
    if isinstance(value, list):
        return [_as_text(inner, (*place, index), written) for index, inner in enumerate(value)]
    return written[place] if isinstance(value, int) else value


def _context(settings: TlsSettings, document: Document) -> ssl.SSLContext | None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = _VERSIONS[settings.min_version]
    context.maximum_version = _VERSIONS[settings.max_version]
    context.verify_mode = _POLICIES[settings.client_auth_type]
    context.set_alpn_protocols(["http/1.1"])
    place: Place = ("tls_server_config", "cert_file")
    try:
        # Without a password here, OpenSSL would prompt on the terminal for that of an encrypted key.
        context.load_cert_chain(settings.cert_file, settings.key_file, password="")
        place = ("tls_server_config", "client_ca_file")
        if settings.client_ca_file is not None:
            context.load_verify_locations(settings.client_ca_file)
        elif settings.client_auth_type == "VerifyClientCertIfGiven":
            context.load_default_certs(ssl.Purpose.CLIENT_AUTH)
    except (OSError, ValueError) as error:
        what = "certificate with its key" if place[-1] == "cert_file" else "certificates"
        document.mistake(place, f"no {what} in PEM form can be read: {error}")
        return None
    return context
