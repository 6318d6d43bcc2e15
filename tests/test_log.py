import io
import json
import logging
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exporter.log import LEVELS, Layout, event, line_formatter, scrubber, setup
from exporter.redaction import presentable, secrets

_AT = datetime(2026, 11, 21, 5, 30, 0, 123_000, tzinfo=UTC)


@pytest.fixture
def _restored() -> Iterator[None]:
    """Restores the loggers of the process after a test."""
    root, names = logging.getLogger(), ("httpcore", "httpx", "uvicorn.access")
    handlers, level, raises = root.handlers[:], root.level, logging.raiseExceptions
    levels = {name: logging.getLogger(name).level for name in names}
    root.handlers = []
    yield
    root.handlers, logging.raiseExceptions = handlers, raises
    root.setLevel(level)
    for name, before in levels.items():
        logging.getLogger(name).setLevel(before)


def _record(
    msg: str, *args: object, name: str = "exporter.poll.poller", level: int = logging.INFO, **rest: object
) -> logging.LogRecord:
    attributes = {"name": name, "levelno": level, "msg": msg, "args": args, "created": _AT.timestamp(), **rest}
    return logging.makeLogRecord(attributes)


def _line(layout: Layout, record: logging.LogRecord, *secrets: str, tracebacks: bool = False) -> str:
    return line_formatter(layout, scrubber(secrets), tracebacks=tracebacks).format(record)


def _raised(message: str) -> ValueError:
    with pytest.raises(ValueError) as raised:  # noqa: PT011 - raised here, to have a traceback
        raise ValueError(message)
    return raised.value


def test_a_logfmt_line_has_time_level_message_and_fields_in_order() -> None:
    record = _record(
        "poll finished", fields={"source": "augment-prod", "new_days": 2, "seconds": 1.5, "ok": True, "scope": None}
    )

    assert _line("logfmt", record) == (
        'ts=2026-11-21T05:30:00.123Z level=info msg="poll finished" source=augment-prod new_days=2'
        " seconds=1.5 ok=true scope=null"
    )


def test_a_json_line_is_one_object() -> None:
    record = _record(
        "poll finished", fields={"source": "augment-prod", "new_days": 2, "seconds": 1.5, "ok": True, "scope": None}
    )

    assert _line("json", record) == (
        '{"ts": "2026-11-21T05:30:00.123Z", "level": "info", "msg": "poll finished", "source": "augment-prod",'
        ' "new_days": 2, "seconds": 1.5, "ok": true, "scope": null}'
    )


@pytest.mark.parametrize(
    ("value", "written"),
    [
        ("plain-text/1.2:3", "plain-text/1.2:3"),
        ("grün", "grün"),
        ("back\\slash", "back\\slash"),
        ("", '""'),
        ("two words", '"two words"'),
        ("a=b", '"a=b"'),
        ('say "hi"', r'"say \"hi\""'),
        ("one\ntwo\r\n", r'"one\ntwo\r\n"'),
        ("tab\there", r'"tab\there"'),
        ("bell\x07", r'"bell\u0007"'),
        ("nel\x85 ls\u2028", r'"nel\u0085 ls\u2028"'),
        (date(2026, 11, 20), "2026-11-20"),
        (datetime(2026, 11, 21, 6, 0, tzinfo=timezone(timedelta(hours=1))), "2026-11-21T05:00:00.000Z"),
        (timedelta(milliseconds=1_500), "1.5"),
        (float("nan"), "nan"),
        (["a", "b"], "\"['a', 'b']\""),
    ],
)
def test_logfmt_quotes_what_would_break_the_line(value: object, written: str) -> None:
    assert _line("logfmt", _record("x", fields={"field": value})) == (
        f"ts=2026-11-21T05:30:00.123Z level=info msg=x field={written}"
    )


@given(st.text())
def test_every_text_stays_on_one_line_and_can_be_read_back(text: str) -> None:
    record = _record("x", fields={"field": text})
    formatter = {layout: line_formatter(layout, lambda kept: kept, tracebacks=False) for layout in ("logfmt", "json")}

    json_line, written = formatter["json"].format(record), formatter["logfmt"].format(record).partition(" field=")[2]

    assert len(json_line.splitlines()) == 1
    assert json.loads(json_line)["field"] == text
    assert len(f"{written}.".splitlines()) == 1
    assert (json.loads(written) if written.startswith('"') else written) == text


def test_levels_are_named_as_on_the_command_line_and_critical_is_an_error() -> None:
    numbers = [*LEVELS.values(), logging.CRITICAL]

    assert [_line("logfmt", _record("x", level=number)) for number in numbers] == [
        f"ts=2026-11-21T05:30:00.123Z level={level} msg=x" for level in ("debug", "info", "warn", "error", "error")
    ]


def test_a_librarys_logger_is_named_and_their_arguments_filled_in() -> None:
    assert _line("logfmt", _record("Started on %s", "[::1]:10723", name="uvicorn.error")) == (
        'ts=2026-11-21T05:30:00.123Z level=info logger=uvicorn.error msg="Started on [::1]:10723"'
    )


def test_a_record_is_left_as_it_is_for_other_handlers() -> None:
    error = _raised("busy")
    given = (type(error), error, error.__traceback__)
    record = _record("%s failed", "poll", exc_info=given, stack_info="Stack (most recent call last):\n  here")

    assert (
        _line("logfmt", record) == 'ts=2026-11-21T05:30:00.123Z level=info msg="poll failed" error="ValueError: busy"'
    )
    assert (record.msg, record.args, record.exc_info, record.exc_text) == ("%s failed", ("poll",), given, None)


def test_an_error_that_an_event_names_itself_stays() -> None:
    error = _raised("busy")
    record = _record(
        "poll failed", exc_info=(type(error), error, error.__traceback__), fields={"error": "augment: busy"}
    )

    assert _line("logfmt", record) == ('ts=2026-11-21T05:30:00.123Z level=info msg="poll failed" error="augment: busy"')


def test_an_exception_is_one_field() -> None:
    error = _raised("first\nsecond")
    record = _record("poll failed", level=logging.ERROR, exc_info=(type(error), error, error.__traceback__))

    assert _line("logfmt", record) == (
        r'ts=2026-11-21T05:30:00.123Z level=error msg="poll failed" error="ValueError: first\nsecond"'
    )


def test_a_traceback_is_one_more_field_when_debugging() -> None:
    error = _raised("wrong token s3cret-token of alice@example.com")
    record = _record("poll failed", level=logging.ERROR, exc_info=(type(error), error, error.__traceback__))

    lines = json.loads(_line("json", record, "s3cret-token", tracebacks=True))["traceback"].splitlines()

    assert lines[0] == "Traceback (most recent call last):"
    assert lines[-1] == "ValueError: wrong token <secret> of <email>"


@pytest.mark.parametrize(
    ("text", "scrubbed"),
    [
        ("token s3cret-token refused", "token <secret> refused"),
        ("https://api.example.com/?key=s3cret-token&x=1", "https://api.example.com/?key=<secret>&x=1"),
        ("s3cret-token-2 and s3cret-token", "<secret> and <secret>"),
        ('quoted"pass', "<secret>"),
        ("prod", "prod"),
        ("alice@example.com", "<email>"),
        ("<Alice.B+x@mail.example.com>, bob@example.org.", "<<email>>, <email>."),
        ("/users/alice%40example.com/usage", "/users/<email>/usage"),
        ("grün@exämple.com", "<email>"),
        ("alice@localhost", "<email>"),
        ("Bearer ghs_16C7e42F292c6912E7710c838347Ae178B4a.", "Bearer <secret>."),
        ("eyJhbGciOiJSUzI1NiJ9.eyJpc3MiOiJJdjIzIn0.c2ln-bmF0dXJl_", "<secret>"),
        (
            "GET https://reports.example.com/part?se=1&sig=c2ln%3D&st=2'",
            "GET https://reports.example.com/part?se=1&sig=<secret>&st=2'",
        ),
        ("ghs_short sig=no eyJ", "ghs_short sig=no eyJ"),
        ("at @ all", "at @ all"),
        ("@scope/package", "@scope/package"),
    ],
)
def test_secrets_and_addresses_are_replaced(text: str, scrubbed: str) -> None:
    scrub = scrubber(["s3cret-token", "s3cret-token-2", 'quoted"pass', "", "od"])

    assert scrub(text) == scrubbed


@pytest.mark.parametrize(
    ("text", "said", "logged"),
    [
        ("ask alice@example.com.", "ask <email>.", "ask <email>."),
        ("token abcd refused", "token <token> refused", "token <secret> refused"),
        ("token abc refused", "token abc refused", "token abc refused"),
    ],
)
def test_a_vendors_message_hides_the_same_as_the_log(text: str, said: str, logged: str) -> None:
    tokens = ["abcd", "abc"]
    hidden = secrets({"Authorization": f"Bearer {tokens[0]}", "Cookie": f"session={tokens[1]}"})

    assert (presentable(text, hidden), scrubber(tokens)(text)) == (said, logged)


def test_scrubbing_takes_no_longer_than_reading() -> None:
    text = "a" * 1_000_000

    assert scrubber(["s3cret-token"])(text) == text


@pytest.mark.usefixtures("_restored")
def test_setup_serves_every_logger_of_the_process() -> None:
    stream = io.StringIO()
    setup("info", "logfmt", stream, frozenset({"s3cret-token"}))

    event(
        logging.getLogger("exporter.poll.poller"),
        logging.INFO,
        "poll finished",
        source="augment-prod",
        who="alice@example.com",
    )
    event(logging.getLogger("exporter.poll.poller"), logging.DEBUG, "request", url="https://example.com")
    event(
        logging.getLogger("exporter.poll.poller"), logging.ERROR, "poll failed", exc_info=_raised("token s3cret-token")
    )
    logging.getLogger("sqlalchemy.pool").warning("token %s", "s3cret-token")
    for quiet in ("httpcore.http11", "httpx", "uvicorn.access"):
        logging.getLogger(quiet).info("noise")

    assert [line.partition(" ")[2] for line in stream.getvalue().splitlines()] == [
        'level=info msg="poll finished" source=augment-prod who=<email>',
        'level=error msg="poll failed" error="ValueError: token <secret>"',
        'level=warn logger=sqlalchemy.pool msg="token <secret>"',
    ]


@pytest.mark.usefixtures("_restored")
@pytest.mark.parametrize("name", ["apscheduler.scheduler", "sqlalchemy.engine", "uvicorn.error"])
def test_a_librarys_logger_writes_the_same_lines_as_ours(name: str) -> None:
    stream = io.StringIO()
    setup("info", "json", stream, frozenset({"s3cret-token"}))
    logger = logging.getLogger(name)
    error = _raised("token s3cret-token of alice@example.com")

    exception = (type(error), error, error.__traceback__)
    logger.handle(_record("%s\nfailed", "s3cret-token", name=name, level=logging.ERROR, exc_info=exception))

    assert json.loads(stream.getvalue()) == {
        "ts": "2026-11-21T05:30:00.123Z",
        "level": "error",
        "logger": name,
        "msg": "<secret>\nfailed",
        "error": "ValueError: token <secret> of <email>",
    }


@pytest.mark.usefixtures("_restored")
def test_setup_a_second_time_replaces_the_first() -> None:
    first, second = io.StringIO(), io.StringIO()
    setup("debug", "logfmt", first, frozenset())
    setup("error", "json", second, frozenset({"rotated-token"}))

    logging.getLogger("exporter.daemon.run.exporter").warning("ignored")
    logging.getLogger("httpx").warning("ignored")
    logging.getLogger("exporter.daemon.run.exporter").error("reload failed: rotated-token")

    lines = [json.loads(line) for line in second.getvalue().splitlines()]
    assert first.getvalue() == ""
    assert [(line["level"], line["msg"]) for line in lines] == [("error", "reload failed: <secret>")]


@pytest.mark.usefixtures("_restored")
def test_a_record_that_cannot_be_formatted_shows_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    stream = io.StringIO()
    setup("info", "logfmt", stream, frozenset({"s3cret-token"}))

    logging.getLogger("somebody").info("%d", "s3cret-token")

    assert (stream.getvalue(), *capsys.readouterr()) == ("", "", "")
