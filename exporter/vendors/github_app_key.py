"""The key of a GitHub App; imported only where there is one, since its libraries are an extra of the package."""

from collections.abc import Mapping
from pathlib import Path

import jwt
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.serialization import load_pem_private_key


def private_key(path: Path) -> RSAPrivateKey:
    """The key in a PEM file, PKCS #1 or #8. Raises OSError, or ValueError whose message holds no part of the file."""
    # Where a secret passes through a variable, its line ends are often written out.
    content = path.read_bytes().replace(b"\\n", b"\n")
    try:
        key = load_pem_private_key(content, password=None)
    except (ValueError, TypeError, UnsupportedAlgorithm):
        raise ValueError("must hold a private key in PEM form without a passphrase, as GitHub gives it") from None
    if isinstance(key, RSAPrivateKey):
        return key
    raise ValueError("must hold an RSA key, as GitHub gives it")


def signed(claims: Mapping[str, object], path: Path) -> str:
    """The claims as a signed token. Raises as `private_key` does."""
    return jwt.encode(dict(claims), private_key(path), algorithm="RS256")
