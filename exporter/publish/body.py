"""The large, rarely changing part of a scrape's body: its text in pieces, compressed before anybody asks for it."""

import struct
import zlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

# Chunks that are compressed apart from each other make a body longer: at 20 KiB by a tenth. They cost a publication
# less the smaller they are, because a source that changes changes whole chunks.
_SMALLEST = 16 * 2**10
_LARGEST = 64 * 2**10
_GZIP_HEADER = bytes([0x1F, 0x8B, 8, 0, 0, 0, 0, 0, 0, 0xFF])


class Piece(NamedTuple):
    """A piece of a body. A chunk of at least the smallest size ends after a piece that `ends` one.

    That depends on the piece's name alone, so that a new piece in the middle moves the borders of few chunks.
    """

    text: bytes
    ends: bool


def piece(name: str, text: bytes) -> Piece:
    """A piece; the same name always gives the same `ends`."""
    return Piece(text, zlib.crc32(name.encode()) % 2 == 0)


@dataclass(frozen=True)
class Chunk:
    """Pieces that follow each other, deflated together up to a flush after which anything can follow."""

    pieces: tuple[Piece, ...]
    deflated: bytes


# By the identities of their pieces. A chunk holds its pieces, so an identity in use here is of no other object.
Chunks = Mapping[tuple[int, ...], Chunk]
NO_CHUNKS: Chunks = {}


@dataclass(frozen=True)
class FirstPart:
    """The first part of a body: plain in pieces, and deflated."""

    pieces: tuple[bytes, ...]
    deflated: bytes
    size: int

    # Not made by the publication: sources that are published one after the other would make it for nothing.
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


def first_part(pieces: Sequence[Piece], known: Chunks = NO_CHUNKS) -> tuple[FirstPart, Chunks]:
    """The first part of a body and its chunks; chunks that are `known` are not compressed again."""
    chunks: dict[tuple[int, ...], Chunk] = {}
    deflated = []
    for some in _chunked(pieces):
        key = tuple([id(part) for part in some])
        chunk = known.get(key) or chunks.get(key) or Chunk(tuple(some), _deflate([piece.text for piece in some]))
        chunks[key] = chunk
        deflated.append(chunk.deflated)
    texts = tuple([part.text for part in pieces])
    return FirstPart(texts, b"".join(deflated), sum(map(len, texts))), chunks


def gzipped(first: FirstPart, rest: bytes) -> tuple[bytes, ...]:
    """A whole gzipped body in parts: one member whose first part is already compressed."""
    deflater = zlib.compressobj(6, zlib.DEFLATED, -zlib.MAX_WBITS)
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
    deflater = zlib.compressobj(6, zlib.DEFLATED, -zlib.MAX_WBITS)
    return b"".join([deflater.compress(text) for text in texts]) + deflater.flush(zlib.Z_FULL_FLUSH)
