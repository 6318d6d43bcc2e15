"""Certificates for tests, created with openssl."""

import subprocess
from pathlib import Path

_NEW = "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -days 2 -subj /CN=localhost"


def certificate(folder: Path, name: str = "server", *encrypted: str) -> Path:
    """A self-signed certificate `name`.pem for 127.0.0.1, beside its key `name`.key."""
    out = ["-keyout", str(folder / f"{name}.key"), "-out", str(folder / f"{name}.pem")]
    command = [*_NEW.split(), "-addext", "subjectAltName=IP:127.0.0.1", *out, *(encrypted or ("-nodes",))]
    subprocess.run(command, check=True, capture_output=True)
    return folder / f"{name}.pem"
