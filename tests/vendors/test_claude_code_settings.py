"""The configuration of a source at Claude Code: which keys and which credential belong to which API."""

from datetime import timedelta
from pathlib import Path

import pytest

from exporter.vendors import SETTINGS
from exporter.vendors.claude_code.settings import WHERE, ClaudeCodeSettings
from tests.support.configurations import load_text, mistakes_in

MODELS = {"claude-code": SETTINGS["claude-code"]}


def source(*lines: str, token: str = "a-token", top: str = "") -> str:
    text = "\n".join(f"    {line}" for line in (f"token: {token}", *lines))
    return f"{top}\nsources:\n  claude:\n    vendor: claude-code\n{text}\n"


def settings(folder: Path, *lines: str, top: str = "") -> ClaudeCodeSettings:
    found = load_text(folder, source(*lines, top=top), MODELS).sources["claude"]
    assert isinstance(found, ClaudeCodeSettings)
    return found


def test_defaults_depend_on_the_api(tmp_path: Path) -> None:
    console, enterprise = settings(tmp_path, "api: console"), settings(tmp_path, "api: enterprise")

    assert (console.ready_at, console.timeout) == (timedelta(hours=2), timedelta(seconds=30))
    assert (enterprise.ready_at, enterprise.timeout) == (timedelta(hours=12), timedelta(seconds=60))
    for found in (console, enterprise):
        assert (found.requests_per_minute, found.lookback, found.history) == (30, timedelta(days=7), timedelta(days=60))
    assert console.seat_roles == ("claude_code_user", "developer")


def test_what_is_configured_wins_over_the_defaults_of_an_api(tmp_path: Path) -> None:
    found = settings(tmp_path, "api: enterprise", "ready_at: 3d12h", top="poll: {timeout: 20s}")

    assert (found.ready_at, found.timeout) == (timedelta(days=3, hours=12), timedelta(seconds=20))


@pytest.mark.parametrize(
    ("lines", "words"),
    [
        ([], "sources.claude.api: is missing"),
        (["api: admin"], 'sources.claude.api: must be console or enterprise, not "admin"'),
        (["api: console", "billing: usage"], "sources.claude: billing cannot be set beside api: console"),
        (["api: console", "teams: {from: vendor}"], "sources.claude: teams cannot be set beside api: console"),
        (["api: enterprise", "api_keys: owner"], "sources.claude: api_keys cannot be set beside api: enterprise"),
        (["api: enterprise", "seat_roles: [x]"], "sources.claude: seat_roles cannot be set beside api: enterprise"),
        (
            ["api: console", "seat_price: {amount: 20, currency: USD}"],
            "sources.claude: seat_price cannot be set beside api: console, where seats are free",
        ),
    ],
)
def test_a_key_of_the_other_api_is_a_mistake(lines: list[str], words: str, tmp_path: Path) -> None:
    assert mistakes_in(tmp_path, source(*lines), MODELS) == [words]


@pytest.mark.parametrize(
    ("api", "token", "words"),
    [
        (
            "console",
            "sk-ant-api01-secret",
            f"needs {WHERE['console']}",
        ),
        (
            "enterprise",
            "sk-ant-admin01-secret",
            f"needs {WHERE['enterprise']}",
        ),
    ],
)
def test_a_credential_of_the_other_api_is_a_mistake_that_says_where_to_make_the_right_one(
    api: str, token: str, words: str, tmp_path: Path
) -> None:
    found = mistakes_in(tmp_path, source(f"api: {api}", token=token), MODELS)

    assert found == [f"sources.claude: has a key of the other API: api: {api} {words}"]


@pytest.mark.parametrize(
    ("api", "token"),
    [
        ("console", "sk-ant-admin01-secret"),
        ("enterprise", "sk-ant-api01-secret"),
        ("console", "made-up"),
        ("enterprise", "made-up"),
    ],
)
def test_other_credentials_pass(api: str, token: str, tmp_path: Path) -> None:
    load_text(tmp_path, source(f"api: {api}", token=token), MODELS)
