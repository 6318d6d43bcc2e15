"""Checks that resolvers and HTTP libraries accept a host, so that a wrong one is a mistake of the configuration."""

import re
from ipaddress import IPv4Address, IPv6Address

import idna

# The characters that IDNA treats as a dot (RFC 3490, 3.1).
_DOT = re.compile("[.\u3002\uff0e\uff61]")
# DNS has no _, but Docker and Windows have host names with it.
_LABEL = re.compile(r"[A-Za-z0-9_-]+")
_FOUR_NUMBERS = re.compile(r"[0-9]+(?:\.[0-9]+){3}")
_PUNYCODE = "xn--"
_LONGEST_LABEL = 63
_LONGEST_NAME = 253


def check_host(host: str) -> str:
    """Returns the host, a name or an IP address without brackets; raises ValueError if it cannot be looked up."""
    if ":" in host:
        _check_address(IPv6Address, host, "must have an IPv6 address such as ::1 in its brackets")
    elif _FOUR_NUMBERS.fullmatch(host):
        _check_address(IPv4Address, host, "must have an IPv4 address such as 127.0.0.1, four numbers up to 255")
    else:
        # httpx checks every part of a host by IDNA as soon as one character is not ASCII, and otherwise none.
        idna_only = not host.isascii()
        name = host[:-1] if _DOT.fullmatch(host[-1:]) else host
        labels = [_ascii(label, idna_only=idna_only) for label in _DOT.split(name)]
        if len(".".join(labels)) > _LONGEST_NAME:
            raise ValueError(f"must have a host of at most {_LONGEST_NAME} characters")
    return host


def _check_address(kind: type[IPv4Address] | type[IPv6Address], host: str, words: str) -> None:
    try:
        kind(host)
    except ValueError:
        raise ValueError(words) from None


def _ascii(label: str, *, idna_only: bool) -> str:
    """A label in the form in which it is looked up."""
    if not label:
        raise ValueError("must have a host without an empty part before, between or after its dots")
    try:
        name = idna.alabel(label.lower()).decode() if idna_only else label
        if name.lower().startswith(_PUNYCODE):
            idna.ulabel(name)
    except UnicodeError:
        name = ""
    if len(label if label.isascii() else name) > _LONGEST_LABEL:
        raise ValueError(f"must have a host whose parts between dots have at most {_LONGEST_LABEL} characters")
    if label.lower().startswith(_PUNYCODE) and not name:
        raise ValueError(f"must have a host whose parts that begin with {_PUNYCODE} are in punycode")
    if not _LABEL.fullmatch(name):
        raise ValueError("must have a host of letters, digits and hyphens with dots between them")
    return name
