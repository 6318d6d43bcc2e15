"""Proxies and certificates in the environment, checked before an HTTP client is made.

An error names the variable and hides its value, which may hold a password.
"""

import importlib.util
import os
import re
import ssl
from collections.abc import Iterator, Mapping
from functools import lru_cache
from ipaddress import IPv4Address, IPv6Address
from pathlib import Path

import httpx

from exporter.hosts import check_host

_PROXIES = ("http_proxy", "https_proxy", "all_proxy")
_PROXY = re.compile(
    r"(?:(?P<scheme>https?|socks5h?)://)?(?:[^/?#@\x00-\x20\x7f]*@)?"
    r"(?P<host>\[[^][]*\]|[^][/?#@:]+)(?::(?P<port>[0-9]{1,5}))?/?",
    re.IGNORECASE,
)
_LAST_PORT = 65_535


def check_proxies(environ: Mapping[str, str], socks: str) -> None:
    """Raises ValueError for proxy variables that a client cannot use.

    `socks` is the package that the client needs for SOCKS proxies.
    """
    names = dict(_in_force(environ))
    exceptions = names.pop("no_proxy", None)
    entries = [entry.strip() for entry in environ[exceptions].split(",")] if exceptions else []
    if "*" in entries:
        # No proxy is used.
        return
    if not all(_is_exception(entry) for entry in entries if entry):
        raise ValueError(
            f"{exceptions} cannot be read: it must be hosts, domains and addresses with commas between them, "
            "an IPv6 address without brackets and without a prefix length such as /64"
        )
    for name in names.values():
        _check_proxy(name, environ[name], socks)


def tls_context(ca_file: Path | None, environ: Mapping[str, str]) -> ssl.SSLContext:
    """TLS that trusts the authorities of `ca_file`, else of SSL_CERT_FILE, else of SSL_CERT_DIR, else of httpx.

    Raises ValueError if they cannot be read.
    """
    check_key_log(environ)
    file, folder = environ.get("SSL_CERT_FILE"), environ.get("SSL_CERT_DIR")
    if ca_file is not None:
        return trusting("ca_file", ca_file)
    if file:
        return trusting("SSL_CERT_FILE", Path(file))
    if folder:
        # OpenSSL would trust no certificate, without an error.
        if not any(Path(part).is_dir() for part in folder.split(":")):
            raise ValueError("SSL_CERT_DIR cannot be used: it names no folder")
        return ssl.create_default_context(capath=folder)
    return _trusting_httpx(environ.get("SSLKEYLOGFILE"))


def check_key_log(environ: Mapping[str, str]) -> None:
    """Raises ValueError if SSLKEYLOGFILE, into which OpenSSL writes the keys of connections, cannot be written."""
    try:
        if environ.get("SSLKEYLOGFILE"):
            ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).keylog_filename = environ["SSLKEYLOGFILE"]
    except (OSError, ValueError) as error:
        raise _unusable("SSLKEYLOGFILE", error) from None


def trusting(name: str, file: Path) -> ssl.SSLContext:
    """TLS that trusts only the authorities in `file`; raises ValueError with `name`, the setting, if there are none."""
    try:
        found = file.stat()
        return _trusting(file, (found.st_ino, found.st_size, found.st_ctime_ns), os.environ.get("SSLKEYLOGFILE"))
    except (OSError, ValueError) as error:
        raise _unusable(name, error) from None


@lru_cache(maxsize=8)
def _trusting(file: Path, _version: tuple[int, ...], _key_log: str | None) -> ssl.SSLContext:
    """Loaded once: that takes longer than the rest of a short poll."""
    return ssl.create_default_context(cafile=file)


@lru_cache(maxsize=8)
def _trusting_httpx(_key_log: str | None) -> ssl.SSLContext:
    return httpx.create_ssl_context(trust_env=False)


def _in_force(environ: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    """Lower-case and actual name of each variable that is set; of two spellings the lower-case one comes last."""
    for name in sorted(environ):
        if name.lower() in (*_PROXIES, "no_proxy") and environ[name]:
            yield name.lower(), name


def _check_proxy(name: str, value: str, socks: str) -> None:
    match = _PROXY.fullmatch(value)
    if match is None or int(match["port"] or "1") > _LAST_PORT:
        raise ValueError(
            f"{name} is no address of a proxy such as http://proxy.example.com:3128, with user:password@ before the "
            "host; in these / ? # @ and % are written %2F %3F %23 %40 and %25"
        )
    try:
        check_host(match["host"].strip("[]"))
    except ValueError as error:
        raise ValueError(f"{name} {error}") from None
    if (match["scheme"] or "").lower().startswith("socks") and importlib.util.find_spec(socks) is None:
        raise ValueError(
            f"{name} names a SOCKS proxy, for which the package {socks} is missing: name an HTTP proxy, or install it"
        )


def _is_exception(entry: str) -> bool:
    """Whether httpx (0.28) accepts an entry of NO_PROXY."""
    host = entry.split("/")[0]
    if "://" in entry:
        pattern = entry
    elif _is_address(IPv6Address, host):
        pattern = f"all://[{entry}]"
    else:
        pattern = f"all://{'' if _is_address(IPv4Address, host) else '*'}{entry}"
    try:
        return httpx.URL(pattern).host is not None
    except (httpx.InvalidURL, ValueError):
        return False


def _is_address(kind: type[IPv4Address] | type[IPv6Address], text: str) -> bool:
    try:
        kind(text)
    except ValueError:
        return False
    return True


def _unusable(name: str, error: Exception) -> ValueError:
    """The error for a file that a variable or a setting names; bad PEM is an SSLError, which is an OSError."""
    if isinstance(error, OSError) and not isinstance(error, ssl.SSLError):
        return ValueError(f"{name} cannot be used: {error.strerror}")
    return ValueError(f"{name} cannot be used: it holds no certificates in PEM form")
