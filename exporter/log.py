"""Logs as logfmt or JSON: one line for each event, without secrets and e-mail addresses."""

import json
import logging
import math
import re
import traceback
from collections.abc import Callable, Collection
from datetime import UTC, date, datetime, timedelta
from typing import Literal, TextIO

from exporter.redaction import EMAIL, SHORTEST_SECRET, SHOWN_SECRET

Layout = Literal["logfmt", "json"]
Level = Literal["debug", "info", "warn", "error"]

LEVELS = {"debug": logging.DEBUG, "info": logging.INFO, "warn": logging.WARNING, "error": logging.ERROR}
_NAMES = {number: name for name, number in LEVELS.items()}
# Their lines say what ours say better, or come with every request.
_QUIET = {
    "httpcore": logging.WARNING,
    "httpx": logging.WARNING,
    "uvicorn.access": logging.WARNING,
}
_BARE = re.compile(r"""[^\s="]+""")


def setup(level: Level, layout: Layout, stream: TextIO, secrets: Collection[str]) -> None:
    """Sends every logger of the process to a stream, in place of what an earlier call set up."""
    handler = logging.StreamHandler(stream)
    handler.setFormatter(LineFormatter(layout, scrubber(secrets), tracebacks=level == "debug"))
    logging.basicConfig(level=LEVELS[level], handlers=[handler], force=True)
    for name, least in _QUIET.items():
        logging.getLogger(name).setLevel(max(LEVELS[level], least))
    # Otherwise a record that cannot be formatted is printed with its arguments, past the scrubber.
    logging.raiseExceptions = False


def event(logger: logging.Logger, level: int, msg: str, /, **fields: object) -> None:
    """Logs one event with its fields, in their order; an exception given as `exc_info` becomes error and traceback."""
    error = fields.pop("exc_info", None)
    logger.log(level, msg, extra={"fields": fields}, exc_info=error if isinstance(error, BaseException) else None)


def scrubber(secrets: Collection[str]) -> Callable[[str], str]:
    """A function that replaces every known secret in a text by `<secret>` and every e-mail address by `<email>`."""
    known = sorted((secret for secret in secrets if len(secret) >= SHORTEST_SECRET), key=len, reverse=True)
    pattern = re.compile("|".join(map(re.escape, known)) or "(?!)")
    return lambda text: EMAIL.sub("<email>", pattern.sub(SHOWN_SECRET, text))


class LineFormatter(logging.Formatter):
    """A record as one line: ts, level, logger (where it is not ours), msg, the event's fields, error, traceback."""

    def __init__(self, layout: Layout, scrub: Callable[[str], str], *, tracebacks: bool) -> None:
        super().__init__()
        self._line = _json if layout == "json" else _logfmt
        self._scrub = scrub
        self._tracebacks = tracebacks

    def format(self, record: logging.LogRecord) -> str:
        """The line, without its end."""
        fields: dict[str, object] = {
            "ts": _rfc3339(datetime.fromtimestamp(record.created, UTC)),
            "level": _NAMES.get(record.levelno, "error"),
        }
        if record.name.partition(".")[0] != "exporter":
            fields["logger"] = record.name
        fields["msg"] = record.getMessage()
        fields.update(getattr(record, "fields", {}))
        if record.exc_info and record.exc_info[1]:
            error = record.exc_info[1]
            fields.setdefault("error", "".join(traceback.format_exception_only(error)).strip())
            if self._tracebacks:
                fields["traceback"] = "".join(traceback.format_exception(error)).strip()
        return self._line({name: self._presentable(value) for name, value in fields.items()})

    def _presentable(self, value: object) -> str | int | float | None:
        """What JSON can hold: numbers, true, false and null as they are, anything else as text without secrets."""
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
                return self._scrub(str(value))


def _rfc3339(moment: datetime) -> str:
    return f"{moment.replace(tzinfo=None).isoformat(timespec='milliseconds')}Z"


def _json(fields: dict[str, str | int | float | None]) -> str:
    line = json.dumps(fields, ensure_ascii=False)
    return line if line.isprintable() else json.dumps(fields)


def _logfmt(fields: dict[str, str | int | float | None]) -> str:
    return " ".join(f"{name}={_quoted_if_needed(value)}" for name, value in fields.items())


def _quoted_if_needed(value: str | int | float | None) -> str:
    if not isinstance(value, str):
        return json.dumps(value)
    if value.isprintable() and _BARE.fullmatch(value):
        return value
    return json.dumps(value, ensure_ascii=not value.isprintable())
