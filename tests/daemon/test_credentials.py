"""New credentials are tried at once, side by side and within a bounded time, and it is said how that went."""

import logging
import threading
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import pytest

from exporter.daemon.credentials import renewed, try_credentials
from exporter.poll.poller import Poller
from tests.support.configurations import load_text
from tests.support.daemons import PATIENCE
from tests.support.vendor_polls import VendorPolls

NOW = datetime(2026, 3, 10, 12, tzinfo=UTC)
COUNTED: dict[str, object] = {"daily_active_user_counts": []}
IN_FORCE = "The configuration is in force all the same."


def poller(answer: Callable[[httpx.Request], httpx.Response], **settings: Any) -> Poller:
    """A source at Augment with an answer for each request."""
    return VendorPolls("augment", settings, NOW, httpx.MockTransport(answer)).poller()


def answering(status: int, asked: list[str] | None = None) -> Callable[[httpx.Request], httpx.Response]:
    """A server that answers with a status."""

    def answer(request: httpx.Request) -> httpx.Response:
        (asked if asked is not None else []).append(request.url.path)
        return httpx.Response(status, json=COUNTED)

    return answer


def logged(caplog: pytest.LogCaptureFixture) -> list[tuple[str, str, dict[str, object]]]:
    return [(record.levelname, record.message, record.__dict__["fields"]) for record in caplog.records]


def test_a_credential_that_is_taken_and_one_that_is_refused_are_told_for_each_source(
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.INFO)
    lines = try_credentials({"good": poller(answering(200)), "bad": poller(answering(401))}, NOW, lambda: False)
    refusal = "augment GET /analytics/v0/dau-count: 401, the token was refused; check token/token_file"

    assert lines == ["credential of good: the vendor takes it", f"credential of bad: {refusal}", IN_FORCE]
    assert logged(caplog) == [
        ("INFO", "the vendor takes the credential", {"source": "good", "vendor": "augment"}),
        (
            "WARNING",
            "the vendor does not take the credential so far",
            {"source": "bad", "vendor": "augment", "error": refusal},
        ),
    ]


def test_where_all_are_taken_nothing_more_is_said() -> None:
    assert try_credentials({"good": poller(answering(200))}, NOW, lambda: False) == [
        "credential of good: the vendor takes it"
    ]
    assert try_credentials({}, NOW, lambda: False) == []


def test_a_server_that_is_out_of_order_is_asked_once_and_told() -> None:
    asked: list[str] = []
    lines = try_credentials({"tool": poller(answering(503, asked))}, NOW, lambda: False)

    assert lines == ["credential of tool: augment GET /analytics/v0/dau-count: 503 in 1 attempt", IN_FORCE]
    assert asked == ["/analytics/v0/dau-count"]


def test_sources_are_tried_side_by_side() -> None:
    both = threading.Barrier(2)

    def answer(_request: httpx.Request) -> httpx.Response:
        both.wait(PATIENCE)
        return httpx.Response(200, json=COUNTED)

    lines = try_credentials({"a": poller(answer), "b": poller(answer)}, NOW, lambda: False)

    assert lines == ["credential of a: the vendor takes it", "credential of b: the vendor takes it"]


def test_what_is_still_open_when_it_is_given_up_is_told_as_open() -> None:
    asked, ended = threading.Event(), threading.Event()

    def answer(_request: httpx.Request) -> httpx.Response:
        asked.set()
        ended.wait(PATIENCE)
        return httpx.Response(200, json=COUNTED)

    lines = try_credentials({"tool": poller(answer)}, NOW, asked.is_set)
    ended.set()

    assert lines == ["credential of tool: no answer within 10 s, the first poll will tell", IN_FORCE]


def test_a_token_file_that_cannot_be_used_is_told(tmp_path: Path) -> None:
    file = tmp_path / "token"
    file.write_text("t0ken")
    made = poller(answering(200), token="-", token_file=file)
    file.unlink()

    lines = try_credentials({"tool": made}, NOW, lambda: False)

    assert lines[0].startswith("credential of tool: token_file cannot be used: ")


def test_a_bug_is_told_and_logged(caplog: pytest.LogCaptureFixture) -> None:
    def answer(_request: httpx.Request) -> httpx.Response:
        raise ZeroDivisionError

    lines = try_credentials({"tool": poller(answer)}, NOW, lambda: False)

    assert lines == ["credential of tool: ZeroDivisionError in adoption-exporter, see the log", IN_FORCE]
    assert [message for _, message, _ in logged(caplog)] == [
        "a bug kept a credential from being tried",
        "the vendor does not take the credential so far",
    ]


def test_the_requests_are_counted() -> None:
    made = VendorPolls("augment", {}, NOW, httpx.MockTransport(answering(401)))
    try_credentials({"tool": made.poller()}, NOW, lambda: False)

    assert made.own("vendor_requests_total", code="401") == 1


OLD = "sources: {one: {vendor: augment, token: t0ken}}"


@pytest.mark.parametrize(
    ("new", "names"),
    [
        (OLD, []),
        ("sources: {one: {vendor: augment, token: t0ken, seats: 9}}", []),
        ("sources: {one: {vendor: augment, token: an0ther}}", ["one"]),
        ('sources: {one: {vendor: augment, token: t0ken, base_url: "https://x.example.com"}}', ["one"]),
        ("sources: {one: {vendor: augment, token: t0ken}, two: {vendor: augment, token: t0ken}}", ["two"]),
        ("sources: {two: {vendor: augment, token: t0ken}}", ["two"]),
    ],
)
def test_credentials_of_new_sources_and_new_tokens_and_addresses_are_tried(
    tmp_path: Path, new: str, names: list[str]
) -> None:
    assert renewed(load_text(tmp_path, OLD), load_text(tmp_path, new)) == names


def test_a_token_file_with_another_token_is_a_new_credential(tmp_path: Path) -> None:
    (tmp_path / "token").write_text("t0ken")
    text = "sources: {one: {vendor: augment, token_file: token}}"
    old = load_text(tmp_path, text)
    (tmp_path / "token").write_text("an0ther")

    assert renewed(old, load_text(tmp_path, text)) == ["one"]
