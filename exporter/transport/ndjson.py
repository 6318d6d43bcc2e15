"""Strict reading of NDJSON: a JSON object on each line, one at a time, however long the file is."""

from collections.abc import Iterator
from io import BufferedRandom
from tempfile import TemporaryFile
from typing import BinaryIO

from exporter.errors import BadPayload
from exporter.transport import json_object
from exporter.transport.json_object import JsonObject

# A row is some 3 kB, clients of Copilot expect up to 16 MB (2026-11).
LINE_LIMIT = 16 * 2**20
# Each read of a file gives the interpreter up for a moment that is too short for a thread that waits for it, and lets
# its wait begin anew. With reads of 8 kB, a few for each switch interval, a scrape waited up to 0.3 s (Python 3.11).
_BUFFER = 2**20


def temporary_file() -> BufferedRandom:
    """A file without a name for rows, which is read in few large steps, so that other threads are not kept waiting."""
    return BufferedRandom(TemporaryFile("w+b", buffering=0), _BUFFER)


def rows(file: BinaryIO, size: int, where: str, *, line_limit: int = LINE_LIMIT) -> Iterator[JsonObject]:
    """The objects in the next `size` bytes of a file. A blank line is none, and the last line may lack its end.

    BadPayload names the line, counted from 1, and what is wrong with it, but nothing that it holds; so does each error
    of a row's own readers: `copilot users-1-day of 2026-11-20, file 1 of 2, line 17: day is missing`.
    """
    left, number = size, 0
    while left > 0:
        number += 1
        line = file.readline(min(left, line_limit + 1))
        at = f"{where}, line {number}"
        if not line:
            raise BadPayload(f"{at}: the file is {left} bytes shorter than it was")
        if len(line.rstrip(b"\r\n")) > line_limit:
            raise BadPayload(f"{at} is longer than {line_limit} bytes")
        left -= len(line)
        if line.strip():
            yield json_object.json_object(json_object.loads(line, at), at)
