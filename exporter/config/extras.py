"""Libraries that only some configurations need: each group is an extra of the package."""

from importlib import import_module
from typing import Literal

Extra = Literal["github-app", "grpc", "postgres"]

# An extra's libraries by the modules that are imported of them.
_MODULES: dict[Extra, tuple[str, ...]] = {
    "github-app": ("jwt", "cryptography.hazmat.primitives.serialization"),
    "grpc": ("grpc", "opentelemetry.exporter.otlp.proto.grpc"),
    "postgres": ("psycopg.pq",),
}


def check_extra(extra: Extra) -> None:
    """Raises ValueError where a library of an extra is missing or cannot be loaded."""
    # Imported and not only looked for: psycopg is there without the library of PostgreSQL too.
    try:
        for name in _MODULES[extra]:
            import_module(name)
    except ImportError:
        raise ValueError(f"needs libraries that are not installed: pip install 'adoption-exporter[{extra}]'") from None
