"""The large, rarely changing part of a scrape's body: its text in pieces, compressed once for all who ask for it."""

import struct
import threading
import zlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from hashlib import blake2b
from typing import NamedTuple

# Chunks that are compressed apart from each other make a body longer, by a tenth at this size and by a fifth at 16 KiB.
# The larger they are, the more is compressed again after a publication: a source that changes changes whole chunks.
_SMALLEST = 48 * 2**10
_LARGEST = 128 * 2**10
_LEVEL = 6
_GZIP_HEADER = bytes([0x1F, 0x8B, 8, 0, 0, 0, 0, 0, 0, 0xFF])


class Piece(NamedTuple):
    """A piece of a body in both formats: text, and OpenMetrics where that differs.

    A chunk of at least the smallest size ends after a piece that `ends` one. That depends on the piece's name alone, so
    that a new piece in the middle moves the borders of few chunks.
    """

    text: bytes
    ends: bool = False
    openmetrics: bytes | None = None


def piece(name: str, text: bytes) -> Piece:
    """A piece that is the same in both formats; the same name always gives the same `ends`."""
    # Not by a CRC, which is linear: of names that end in numbers, chunks might never end at the same pieces again.
    return Piece(text, blake2b(name.encode(), digest_size=1).digest() < b"\x80")


@dataclass(frozen=True)
class Chunk:
    """Pieces that follow each other, deflated together up to a flush after which anything can follow."""

    pieces: tuple[Piece, ...]
    text: bytes
    openmetrics: bytes


# By the identities of their pieces. A chunk holds its pieces, so an identity in use here is of no other object.
Chunks = Mapping[tuple[int, ...], Chunk]
NO_CHUNKS: Chunks = {}


@dataclass(frozen=True)
class FirstPart:
    """The first part of a body: plain in pieces, and deflated."""

    pieces: tuple[bytes, ...]
    deflated: bytes
    size: int

    # Not made before: a scrape without gzip does not need it.
    @cached_property
    def crc(self) -> int:
        """The checksum of the plain part, 3 ms for 12 MB."""
        crc = 0
        for text in self.pieces:
            crc = zlib.crc32(text, crc)
        return crc

    @property
    def plain(self) -> bytes:
        """The part in one piece."""
        return b"".join(self.pieces)


class Bodies(NamedTuple):
    """The first part of a body in both formats, and its chunks for the next one."""

    text: FirstPart
    openmetrics: FirstPart
    chunks: Chunks


def bodies(pieces: Sequence[Piece], known: Chunks = NO_CHUNKS) -> Bodies:
    """The first parts of the two bodies; chunks that are `known` are not compressed again."""
    chunks: dict[tuple[int, ...], Chunk] = {}
    for some in _chunked(pieces):
        key = tuple([id(part) for part in some])
        chunks[key] = known.get(key) or _chunk(some)
    text = [part.text for part in pieces]
    openmetrics = [part.text if part.openmetrics is None else part.openmetrics for part in pieces]
    return Bodies(
        _first_part(text, [chunk.text for chunk in chunks.values()]),
        _first_part(openmetrics, [chunk.openmetrics for chunk in chunks.values()]),
        chunks,
    )


class Deflater:
    """Makes bodies that follow each other; what two of them have in common is compressed once."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._chunks = NO_CHUNKS

    def bodies(self, pieces: Sequence[Piece]) -> Bodies:
        """The first parts of the two bodies."""
        with self._lock:
            made = bodies(pieces, self._chunks)
            self._chunks = made.chunks
        return made


class Body:
    """The first part of a body in both formats, made when it is first needed: many publications are never read."""

    def __init__(self, pieces: Sequence[Piece], deflater: Deflater) -> None:
        self._pieces = pieces
        self._deflater = deflater
        self._made: Bodies | None = None

    @property
    def is_made(self) -> bool:
        """Whether `make` returns at once."""
        return self._made is not None

    def make(self) -> Bodies:
        """The first parts; the first call takes a tenth of a second for 100,000 series. Safe to call from threads."""
        made = self._made
        if made is None:
            made = self._made = self._deflater.bodies(self._pieces)
        return made


def _first_part(pieces: Sequence[bytes], deflated: Sequence[bytes]) -> FirstPart:
    return FirstPart(tuple(pieces), b"".join(deflated), sum(map(len, pieces)))


def _chunk(pieces: Sequence[Piece]) -> Chunk:
    text = _deflate([part.text for part in pieces])
    if all(part.openmetrics is None for part in pieces):
        return Chunk(tuple(pieces), text, text)
    others = [part.text if part.openmetrics is None else part.openmetrics for part in pieces]
    return Chunk(tuple(pieces), text, _deflate(others))


def gzipped(first: FirstPart, rest: bytes) -> tuple[bytes, ...]:
    """A whole gzipped body in parts: one member whose first part is already compressed."""
    deflater = zlib.compressobj(_LEVEL, zlib.DEFLATED, -zlib.MAX_WBITS)
    deflated = deflater.compress(rest) + deflater.flush()
    size = first.size + len(rest)
    checks = struct.pack("<II", zlib.crc32(rest, first.crc), size & 0xFFFFFFFF)
    return _GZIP_HEADER, first.deflated, deflated + checks


def _chunked(pieces: Sequence[Piece]) -> Iterator[list[Piece]]:
    chunk: list[Piece] = []
    size = 0
    for part in pieces:
        chunk.append(part)
        size += len(part.text)
        if size >= _SMALLEST and (part.ends or size >= _LARGEST):
            yield chunk
            chunk, size = [], 0
    if chunk:
        yield chunk


def _deflate(texts: Sequence[bytes]) -> bytes:
    deflater = zlib.compressobj(_LEVEL, zlib.DEFLATED, -zlib.MAX_WBITS)
    return deflater.compress(b"".join(texts)) + deflater.flush(zlib.Z_FULL_FLUSH)
