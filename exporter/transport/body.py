"""The body of an answer, unpacked piece by piece in bounded memory."""

import zlib
from collections.abc import Callable, Iterable, Iterator

import httpx

from exporter.errors import BadPayload

Heard = Callable[[int, int | None], None]

_STEP = 2**20
_GZIP = 16 + zlib.MAX_WBITS
# Names of no encoding at all. "none" is not in the standard, and some servers and proxies send it.
_NONE = ("", "identity", "none")


def pieces(
    answer: httpx.Response, where: str, limit: int, heard: Heard, shown: Callable[[str], str]
) -> Iterator[bytes]:
    """The decoded body of an open answer; `heard` is told the bytes received so far and in all, both as sent.

    BadPayload for more than `limit` decoded bytes, for a foreign encoding, which is named as `shown` makes it fit to be
    read, and for what is no gzip; httpx.TransportError or EOFError when the body is cut short.
    """
    # httpx joins several lines of a header by commas.
    said = answer.headers.get("content-encoding", "")
    encodings = [name for name in (part.strip().lower() for part in said.split(",")) if name not in _NONE]
    if encodings not in ([], ["gzip"], ["x-gzip"]):
        raise BadPayload(f'{where}: the body has the encoding "{shown(said)}", and only gzip was asked for')
    sent = _as_sent(answer, heard)
    size = 0
    try:
        for piece in gunzip(sent) if encodings else sent:
            size += len(piece)
            if size > limit:
                raise BadPayload(f"{where}: the body is larger than {limit} bytes")
            yield piece
    except zlib.error:
        raise BadPayload(f"{where}: the body is not the gzip that it says it is") from None


def gunzip(chunks: Iterable[bytes]) -> Iterator[bytes]:
    """Unpack gzip into pieces of at most 1 MiB, however far it expands; nothing unpacks to nothing.

    EOFError when the last member is incomplete, zlib.error when it is no gzip. The decoder of httpx 0.28 takes a cut
    stream for a whole one, drops all members but the first and unpacks each chunk in one go.
    """
    member = None
    for chunk in chunks:
        rest = chunk
        while rest:
            if member is None or member.eof:
                member = zlib.decompressobj(_GZIP)
            yield member.decompress(rest, _STEP)
            rest = member.unused_data if member.eof else member.unconsumed_tail
    if member is not None and not member.eof:
        raise EOFError("the gzip stream has no end")


def _as_sent(answer: httpx.Response, heard: Heard) -> Iterator[bytes]:
    assert isinstance(answer.stream, httpx.SyncByteStream)
    length = answer.headers.get("content-length", "")
    total = int(length) if length.isdecimal() else None
    received = 0
    for chunk in answer.stream:
        received += len(chunk)
        heard(received, total)
        yield chunk
