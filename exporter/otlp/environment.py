"""Checks the proxies and certificates of a collector before a client is made."""

import ssl
from collections.abc import Mapping
from pathlib import Path

from exporter.config.mistakes import ConfigError, Mistake
from exporter.otlp.target import Target
from exporter.transport.http_environment import check_key_log, check_proxies, trusting

# The variables that requests reads, in this order.
_BUNDLES = ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE")


def check_connection(target: Target, environ: Mapping[str, str]) -> None:
    """Raises ConfigError for proxies and certificates that cannot be used; it names the setting and shows no value."""
    try:
        check_proxies(environ, socks="socks")
        if target.endpoint.startswith("https://"):
            _check_tls(target, environ)
    except ValueError as error:
        raise ConfigError("otlp", [Mistake((), str(error))]) from error


def _check_tls(target: Target, environ: Mapping[str, str]) -> None:
    check_key_log(environ)
    if target.ca_file is not None:
        trusting("ca_file or OTEL_EXPORTER_OTLP_CERTIFICATE", target.ca_file)
    elif target.protocol == "http/protobuf":
        for name in _BUNDLES:
            if environ.get(name) and not Path(environ[name]).is_dir():
                trusting(name, Path(environ[name]))
    if target.client_certificate_file is None:
        return
    try:
        # Without a password OpenSSL would ask on the terminal for that of an encrypted key.
        ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).load_cert_chain(
            target.client_certificate_file, target.client_key_file, password=""
        )
    except (OSError, ValueError):
        raise ValueError(
            "client_certificate_file and client_key_file, or their variables, "
            "hold no certificate with its key in PEM form"
        ) from None
