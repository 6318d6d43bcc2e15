"""What the daemon holds in memory, and what it gives back."""

import ctypes
import subprocess
import sys
from collections.abc import Iterator

import pytest

from exporter.daemon import memory

# Packages that only some configurations need, and that cost megabytes.
_NOT_YET = ("cryptography", "grpc", "holidays", "jwt", "opentelemetry.sdk", "psycopg", "requests")


class Musl:
    """A C library that has neither function."""


@pytest.fixture(autouse=True)
def _forgotten() -> Iterator[None]:
    memory._libc.cache_clear()
    yield
    memory._libc.cache_clear()


def test_the_daemon_imports_nothing_that_only_some_configurations_need() -> None:
    imports = "import sys, exporter.daemon.run, exporter.vendors"
    code = f"{imports}; print([name for name in {_NOT_YET!r} if name in sys.modules])"

    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert found.stdout == "[]\n"


def test_memory_is_given_back_by_the_allocator_of_glibc(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[tuple[str, tuple[int, ...]]] = []

    class Glibc:
        def malloc_trim(self, *given: int) -> None:
            asked.append(("malloc_trim", given))

        def mallopt(self, *given: int) -> None:
            asked.append(("mallopt", given))

    monkeypatch.setattr(ctypes, "CDLL", lambda _name: Glibc())

    memory.share_arenas()
    memory.give_back()

    assert asked == [("mallopt", (-8, 2)), ("malloc_trim", (0,))]


@pytest.mark.parametrize("error", [None, OSError, TypeError])
def test_nothing_happens_where_there_is_no_glibc(
    monkeypatch: pytest.MonkeyPatch, error: type[Exception] | None
) -> None:
    def library(_name: None) -> Musl:
        if error is not None:
            raise error
        return Musl()

    monkeypatch.setattr(ctypes, "CDLL", library)

    memory.share_arenas()
    memory.give_back()

    assert memory._libc() is None
