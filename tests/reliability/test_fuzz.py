"""Whatever a file or a vendor holds, nothing is raised but the declared errors, and no poll ends in a bug.

A long search: `pytest tests/reliability/test_fuzz.py --hypothesis-profile long`.
"""

import json
import logging
import random
from collections.abc import Callable, Sequence
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from exporter.config.cron import cron_trigger
from exporter.config.durations import parse_duration
from exporter.config.identities_file import parse_identities
from exporter.config.mistakes import ConfigError
from exporter.config.teams_file import parse_teams
from exporter.web import config_file
from tests.reliability.script import Script
from tests.reliability.vendors import SCOPES, SETTINGS, Vendors
from tests.support.vendor_polls import VendorPolls

assert settings.default is not None
EXAMPLES = settings.default.max_examples
# What is never due takes a tenth of a second to find out.
CRON = settings(max_examples=max(5, EXAMPLES // 5))
# A poll is some hundred times as much work as a parser.
POLLS = settings(max_examples=max(5, EXAMPLES // 20))
HERE = settings(suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])

# Polls ask from threads of their own, where hypothesis draws nothing.
CHANCES = st.integers(0, 2**32).map(random.Random)
NOW = datetime.combine(date(2026, 3, 20), time(12), UTC)
WEB = """
tls_server_config: {cert_file: a.pem, key_file: a.key, min_version: TLS12, client_auth_type: NoClientCert}
http_server_config: {http2: true, headers: {X-Frame-Options: deny}}
basic_auth_users: {alice: $2y$10$abcdefghijklmnopqrstuuabcdefghijklmnopqrstuabcdefghijkl}
"""
TABLES = {
    parse_teams: "user,team\nann@example.com,web\nbob,data\n",
    parse_identities: "person,identity\nann,ann@example.com\nann,search:7\n",
}
JUNK: Sequence[Any] = (
    *(None, True, False, 0, -1, 1, 0.5, -(2**70), 2**63, 2**70, 1e300, float("nan"), float("inf")),
    *("", " ", "x", "2026-03-19", "2026-03-19T00:00:00Z", "9" * 400, "1e999", "\0", "\ud800", "é" * 300),
    *([], {}, [[]], [None], {"": None}, {"x": [1]}),
)
PIECES = (
    *(b"", b",", b'"', b"\n", b"\r", b"\0", b"\xff", b"\n\n", b",,,,,,,,", b'"\n', b"9" * 80, b"\xef\xbb\xbf"),
    *(b"{", b"}", b"[", b": ", b"&a ", b"*a", b"- ", b"\t", b"-1", b"x"),
)


def damaged(chance: random.Random, content: bytes) -> bytes:
    """Bytes of which a stretch is replaced by something else."""
    start = chance.randint(0, len(content))
    piece = chance.choice((chance.choice(PIECES), chance.randbytes(3)))
    return content[:start] + piece + content[start + chance.choice((0, 0, 1, 2, 40)) :]


def changed(chance: random.Random, document: Any) -> Any:
    """A JSON document of which one value is another, is missing, or is there twice."""
    places = list(_places(document))
    if not places:
        return chance.choice(JUNK)
    holder, key = chance.choice(places)
    match chance.choice(["other", "other", "missing", "twice"]):
        case "other":
            holder[key] = chance.choice(JUNK)
        case "missing":
            del holder[key]
        case _ if isinstance(holder, list):
            holder.append(holder[key])
        case _:
            holder[f"{key}2"] = holder[key]
    return document


def _places(value: Any) -> Any:
    if isinstance(value, dict | list):
        for key in list(value) if isinstance(value, dict) else range(len(value)):
            yield value, key
            yield from _places(value[key])


def refused(call: Callable[[], object], error: type[Exception]) -> str:
    """The words of the declared error, "" where there is none; any other error goes on."""
    try:
        call()
    except error as raised:
        return str(raised)
    return ""


@CRON
@given(line=st.text(max_size=30) | st.from_regex(r"[0-9*/,a-z-]{1,6}( [0-9*/,a-zL#-]{1,6}){4}", fullmatch=True))
def test_any_crontab_line_is_read_or_refused(line: str) -> None:
    refused(lambda: cron_trigger(line), ValueError)


@given(text=st.text(max_size=30) | st.from_regex(r"([0-9.]{1,30}[smhdwy]? ?){1,4}", fullmatch=True))
def test_any_duration_is_read_or_refused(text: str) -> None:
    assert "\n" not in refused(lambda: parse_duration(text), ValueError)


@pytest.mark.parametrize("parse", TABLES)
@given(chance=CHANCES, encoding=st.sampled_from(["utf-8", "utf-16", "utf-16-le"]))
def test_any_table_of_people_is_read_or_refused_without_a_name(
    parse: Any, chance: random.Random, encoding: str
) -> None:
    content = damaged(chance, damaged(chance, TABLES[parse].encode(encoding)))

    assert "ann@" not in refused(lambda: parse(content), ValueError)


@HERE
@given(chance=CHANCES)
def test_any_web_configuration_is_read_or_refused(chance: random.Random, tmp_path: Path) -> None:
    (tmp_path / "web.yml").write_bytes(damaged(chance, WEB.encode()))
    refused(lambda: config_file.read(tmp_path / "web.yml", {}), ConfigError)


@pytest.mark.slow
@pytest.mark.parametrize("source", SCOPES)
@POLLS
@given(chance=CHANCES, which=st.integers(-1, 12))
def test_any_damage_to_an_answer_of_a_vendor_is_a_failure_with_a_reason(
    source: str, chance: random.Random, which: int
) -> None:
    """The n-th answer is damaged, or each of them."""
    script = Script(1, {name: timedelta(hours=1) for name in SCOPES})
    vendors = Vendors(script, lambda: NOW)
    asked = 0

    def answer(request: httpx.Request) -> httpx.Response:
        nonlocal asked
        asked += 1
        response = vendors.answer(source, request)
        if not response.is_success or which not in (-1, asked - 1):
            return response
        content = response.read()
        try:
            body = json.dumps(changed(chance, json.loads(content))).encode()
        except ValueError:
            body = damaged(chance, content)
        headers = {"content-type": response.headers.get("content-type", "application/json")}
        return httpx.Response(response.status_code, headers=headers, content=body)

    given_settings = {"history": timedelta(days=3), "lookback": timedelta(days=1), **SETTINGS[source]}
    bugs = _Bugs()
    logging.getLogger("exporter").addHandler(bugs)
    try:
        made = VendorPolls(source, given_settings, NOW, httpx.MockTransport(answer))
        status = made.poll()
    finally:
        logging.getLogger("exporter").removeHandler(bugs)

    assert bugs.lines == []
    assert status.failure is None or status.failure.reason in {"payload", "unreachable", "rejected", "rate_limited"}
    assert status.failure is None or "\n" not in status.failure.message


class _Bugs(logging.Handler):
    def __init__(self) -> None:
        super().__init__()
        self.lines: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        if record.exc_info:
            self.lines.append(logging.Formatter().format(record))
