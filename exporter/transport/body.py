"""The body of a response, unpacked piece by piece in bounded memory."""

import zlib
from collections.abc import Callable, Iterable, Iterator
from itertools import chain

import httpx

from exporter.errors import BadPayload

# Called with the bytes received so far and the bytes in all, if the response says how many; both before unpacking.
OnProgress = Callable[[int, int | None], None]

_STEP = 2**20
# How a gzip file begins (RFC 1952); no JSON does.
_MAGIC = b"\x1f\x8b"
_GZIP = 16 + zlib.MAX_WBITS
# Names for no encoding. "none" is not in the standard, but some servers and proxies send it.
_NONE = ("", "identity", "none")


def decoded(
    response: httpx.Response,
    where: str,
    limit: int,
    on_progress: OnProgress,
    presentable: Callable[[str], str],
    *,
    packed_file: bool = False,
) -> Iterator[bytes]:
    """The decoded body of an open response; `presentable` makes the name of an encoding fit for a message.

    With `packed_file` the body may also be the content of a gzip file, which no header tells.

    BadPayload for more than `limit` decoded bytes, for an encoding other than gzip, and for a body that is not gzip
    though it says so; httpx.TransportError or EOFError if the body is cut short.
    """
    # httpx joins several lines of a header by commas.
    header = response.headers.get("content-encoding", "")
    encodings = [name for name in (part.strip().lower() for part in header.split(",")) if name not in _NONE]
    if encodings not in ([], ["gzip"], ["x-gzip"]):
        raise BadPayload(f'{where}: the body has the encoding "{presentable(header)}", and only gzip was asked for')
    sent = _as_sent(response, on_progress)
    packed = bool(encodings)
    if packed_file and not packed:
        packed, sent = _looks_packed(sent)
    size = 0
    try:
        for piece in gunzip(sent) if packed else sent:
            size += len(piece)
            if size > limit:
                raise BadPayload(f"{where}: the body is larger than {limit} bytes")
            yield piece
    except zlib.error:
        raise BadPayload(f"{where}: the body is not the gzip that it says it is") from None


def gunzip(chunks: Iterable[bytes]) -> Iterator[bytes]:
    """Unpacks gzip into pieces of at most 1 MiB, however far it expands; an empty body is taken for empty gzip.

    EOFError if the last member is incomplete, zlib.error if it is not gzip. The decoder of httpx 0.28 accepts a cut
    stream, drops all members but the first and unpacks each chunk at once.
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


def _looks_packed(sent: Iterator[bytes]) -> tuple[bool, Iterator[bytes]]:
    """Whether a body begins as a gzip file does, and the whole body."""
    start = b""
    for chunk in sent:
        start += chunk
        if len(start) >= len(_MAGIC):
            break
    return start.startswith(_MAGIC), chain((start,), sent)


def _as_sent(response: httpx.Response, on_progress: OnProgress) -> Iterator[bytes]:
    assert isinstance(response.stream, httpx.SyncByteStream)
    length = response.headers.get("content-length", "")
    total = int(length) if length.isdecimal() else None
    received = 0
    for chunk in response.stream:
        received += len(chunk)
        on_progress(received, total)
        yield chunk
