"""Logs as logfmt or JSON: one line for each event, without secrets and e-mail addresses.

Every logger of the process is one of the standard library, and structlog's processors make the line of its record.
The logfmt is our own: structlog's (26.1) writes nothing for null and for an empty text, quotes only at a space, `=` or
`"`, and leaves carriage returns, tabs and other control characters as they are, some of which end a line for a reader.
"""

import json
import logging
import math
import re
import traceback
from collections.abc import Callable, Collection, Mapping
from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING, Literal, TextIO

from exporter.redaction import EMAIL, MADE_SECRET, SHORTEST_SECRET, SHOWN_SECRET

if TYPE_CHECKING:
    from structlog.typing import EventDict, Processor, WrappedLogger

Layout = Literal["logfmt", "json"]
Level = Literal["debug", "info", "warn", "error"]

LEVELS = {"debug": logging.DEBUG, "info": logging.INFO, "warn": logging.WARNING, "error": logging.ERROR}
_NAMES = {number: name for name, number in LEVELS.items()}
# Their lines repeat ours or come with every request or job.
_QUIET = {
    "apscheduler": logging.ERROR,
    "httpcore": logging.WARNING,
    "httpx": logging.WARNING,
    "uvicorn.access": logging.WARNING,
}
_BARE = re.compile(r"""[^\s="]+""")


def setup(level: Level, layout: Layout, stream: TextIO, secrets: Collection[str]) -> None:
    """Sends the records of every logger of the process to `stream`; replaces what an earlier call set up."""
    handler = logging.StreamHandler(stream)
    handler.setFormatter(line_formatter(layout, scrubber(secrets), tracebacks=level == "debug"))
    logging.basicConfig(level=LEVELS[level], handlers=[handler], force=True)
    for name, least in _QUIET.items():
        logging.getLogger(name).setLevel(max(LEVELS[level], least))
    # Otherwise a record that cannot be formatted is printed with its arguments, which may hold a secret.
    logging.raiseExceptions = False


def event(logger: logging.Logger, level: int, msg: str, /, **fields: object) -> None:
    """Logs an event with its fields in the given order; an exception as `exc_info` becomes `error` and `traceback`."""
    error = fields.pop("exc_info", None)
    logger.log(level, msg, extra={"fields": fields}, exc_info=error if isinstance(error, BaseException) else None)


def scrubber(secrets: Collection[str]) -> Callable[[str], str]:
    """Returns a function that replaces each of the secrets in a text by `<secret>` and e-mail addresses by `<email>`.

    Secrets of fewer than `SHORTEST_SECRET` characters are left alone; those that a vendor gives while we run are known
    by their form.
    """
    known = sorted((secret for secret in secrets if len(secret) >= SHORTEST_SECRET), key=len, reverse=True)
    pattern = re.compile("|".join(map(re.escape, known)) or "(?!)")
    return lambda text: EMAIL.sub("<email>", MADE_SECRET.sub(SHOWN_SECRET, pattern.sub(SHOWN_SECRET, text)))


def line_formatter(layout: Layout, scrub: Callable[[str], str], *, tracebacks: bool) -> logging.Formatter:
    """Formats a record as one line: ts, level, logger (a library's only), msg, the event's fields, error, traceback."""
    # Imported here: help and completion write no log, and structlog takes longer than they do.
    from structlog.processors import JSONRenderer
    from structlog.stdlib import ProcessorFormatter

    render = JSONRenderer(serializer=_json) if layout == "json" else _logfmt
    return ProcessorFormatter(processors=[_ordered, _exception(tracebacks=tracebacks), _redaction(scrub), render])


def _ordered(_logger: "WrappedLogger", _method: str, given: "EventDict") -> "EventDict":
    """The fields of a record in the order of the line, and `exc_info` if it has one."""
    record: logging.LogRecord = given["_record"]
    fields: EventDict = {
        "ts": _rfc3339(datetime.fromtimestamp(record.created, UTC)),
        "level": _NAMES.get(record.levelno, "error"),
    }
    if record.name.partition(".")[0] != "exporter":
        fields["logger"] = record.name
    fields["msg"] = given["event"]
    fields.update(getattr(record, "fields", {}))
    if "exc_info" in given:
        fields["exc_info"] = given["exc_info"]
    return fields


def _exception(*, tracebacks: bool) -> "Processor":
    """A processor that replaces `exc_info` by `error`, unless the event has that field, and maybe by `traceback`."""

    def describe(_logger: "WrappedLogger", _method: str, fields: "EventDict") -> "EventDict":
        _, error, _ = fields.pop("exc_info", (None, None, None))
        if error is not None:
            fields.setdefault("error", "".join(traceback.format_exception_only(error)).strip())
            if tracebacks:
                fields["traceback"] = "".join(traceback.format_exception(error)).strip()
        return fields

    return describe


def _redaction(scrub: Callable[[str], str]) -> "Processor":
    """A processor that leaves numbers, booleans and null as they are and makes scrubbed text of anything else."""

    def redact(_logger: "WrappedLogger", _method: str, fields: "EventDict") -> "EventDict":
        return {name: _presentable(value, scrub) for name, value in fields.items()}

    return redact


def _presentable(value: object, scrub: Callable[[str], str]) -> str | int | float | None:
    match value:
        case None | int():
            return value
        case float() if math.isfinite(value):
            return value
        case datetime():
            return _rfc3339(value.astimezone(UTC))
        case date():
            return value.isoformat()
        case timedelta():
            return value.total_seconds()
        case _:
            return scrub(str(value))


def _rfc3339(moment: datetime) -> str:
    return f"{moment.replace(tzinfo=None).isoformat(timespec='milliseconds')}Z"


def _json(fields: Mapping[str, object], **_options: object) -> str:
    line = json.dumps(fields, ensure_ascii=False)
    return line if line.isprintable() else json.dumps(fields)


def _logfmt(_logger: "WrappedLogger", _method: str, fields: "EventDict") -> str:
    return " ".join(f"{name}={_quoted_if_needed(value)}" for name, value in fields.items())


def _quoted_if_needed(value: object) -> str:
    if not isinstance(value, str):
        return json.dumps(value)
    if value.isprintable() and _BARE.fullmatch(value):
        return value
    return json.dumps(value, ensure_ascii=not value.isprintable())
