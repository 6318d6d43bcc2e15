from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path

import pytest
from pydantic import Field, SecretStr, model_validator

from exporter.config.durations import ReadyAt
from exporter.config.load import config_secrets
from exporter.config.source import RequestsPerMinute, SourceSettings
from exporter.config.types import BaseUrl, Secret, Settings, Whole
from exporter.vendors import SETTINGS
from tests.support.configurations import ONE_VENDOR, load_text, mistakes_in

_SOURCE = "sources: {cody: {vendor: augment, token: t0ken-in-the-file}}\n"


class _Measure(Settings):
    activity: str


class _WikiSettings(SourceSettings):
    """A vendor with keys of every kind."""

    requests_per_minute: RequestsPerMinute = 300
    ready_at: ReadyAt = timedelta(hours=2)
    spaces: tuple[Whole | str, ...] = Field(min_length=1)
    custom: Mapping[str, _Measure] = {}
    mirror: BaseUrl | None = None
    session: Secret | None = None

    @model_validator(mode="after")
    def _history_is_short(self) -> "_WikiSettings":
        if self.history > timedelta(days=90):
            raise ValueError("history must be at most 90d here")
        return self


_TWO_VENDORS: Mapping[str, type[SourceSettings]] = {**ONE_VENDOR, "wiki": _WikiSettings}


def test_an_unknown_vendor_like_no_other_is_told_all_vendors(tmp_path: Path) -> None:
    mistakes = mistakes_in(
        tmp_path, "sources: {cody: {vendor: 42, token: t}, other: {vendor: [], token: t}}", _TWO_VENDORS
    )

    assert mistakes == [
        'sources.cody.vendor: unknown vendor "42", known are augment, wiki',
        'sources.other.vendor: unknown vendor "", known are augment, wiki',
    ]


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("github", '"copilot" or "gitlab"'),
        ("GitHub-Copilot", '"copilot"'),
        ("cody", '"sourcegraph" or "coder"'),
        ("anthropic", '"claude-code"'),
    ],
)
def test_an_other_word_for_a_vendor_is_told_its_name(tmp_path: Path, written: str, meant: str) -> None:
    mistakes = mistakes_in(tmp_path, f"sources: {{tool: {{vendor: {written}, token: t}}}}", SETTINGS)

    assert f'sources.tool.vendor: unknown vendor "{written}", did you mean {meant}?' in mistakes


def test_where_two_vendors_may_be_meant_the_keys_of_neither_are_asked_for(tmp_path: Path) -> None:
    assert mistakes_in(tmp_path, "sources: {tool: {vendor: github, token: t}}", SETTINGS) == [
        'sources.tool.vendor: unknown vendor "github", did you mean "copilot" or "gitlab"?'
    ]


def test_a_vendor_adds_keys_and_defaults_in_a_few_lines(tmp_path: Path) -> None:
    text = """
sources:
  docs:
    vendor: wiki
    token: t0ken-in-the-file
    base_url: https://wiki.example.com/
    spaces: [42, team/handbook]
    custom: {reads: {activity: page_views}}
    session: s3ssion-cookie
"""
    config = load_text(tmp_path, text, _TWO_VENDORS)

    assert config.sources == {
        "docs": _WikiSettings(
            vendor="wiki",
            token=SecretStr("t0ken-in-the-file"),
            base_url="https://wiki.example.com",
            spaces=(42, "team/handbook"),
            custom={"reads": _Measure(activity="page_views")},
            session=SecretStr("s3ssion-cookie"),
        )
    }
    assert config.sources["docs"].requests_per_minute == 300
    assert config_secrets(config) == {"t0ken-in-the-file", "s3ssion-cookie"}


def test_mistakes_in_a_vendors_own_keys_are_told_the_same_way(tmp_path: Path) -> None:
    text = """
sources:
  docs:
    vendor: wiki
    token: t0ken-in-the-file
    spaces: [{}, 42, ~]
    custom: {reads: {activty: page_views}, writes: {activity: 5}, other: page_views}
    session: 5
  long: {vendor: wiki, token: t0ken-in-the-file, base_url: "https://wiki.example.com", spaces: [a], history: 91d}
  none: {vendor: wiki, token: t0ken-in-the-file, base_url: "https://wiki.example.com", spaces: []}
"""
    assert mistakes_in(tmp_path, text, _TWO_VENDORS) == [
        "sources.docs.base_url: is missing",
        "sources.docs.spaces[0]: must be a whole number or text, not a mapping",
        "sources.docs.spaces[2]: must be a whole number or text, not nothing",
        "sources.docs.custom.reads.activity: is missing",
        'sources.docs.custom.reads.activty: unknown key, did you mean "activity"?',
        "sources.docs.custom.writes.activity: must be text, not 5: put it in quotes",
        "sources.docs.custom.other: must be a mapping, not text",
        "sources.docs.session: must be text: put it in quotes",
        "sources.long: history must be at most 90d here",
        "sources.none.spaces: must have at least 1 entries, not a list",
    ]


def test_a_key_or_value_over_several_lines_stays_on_one(tmp_path: Path) -> None:
    text = 'web: {"a\\nb": 1, listen_address: "one\\ntwo"}\n"": {}\n' + _SOURCE

    assert mistakes_in(tmp_path, text) == [
        'web."a\\nb": unknown key, known are listen_address, config_file, allowed_hosts',
        'web.listen_address: must be an address such as 127.0.0.1:10723, [::1]:10723 or :10723, not "one\\ntwo"',
        '"": unknown key, known are web, poll, calendar, state, people, teams, otlp, sources',
    ]


@pytest.mark.parametrize("key", ["token_file", "ca_file"])
def test_a_file_name_that_no_file_can_have_is_a_mistake(key: str, tmp_path: Path) -> None:
    token = "" if key == "token_file" else "token: t0ken-in-the-file, "

    mistakes = mistakes_in(tmp_path, f'sources: {{cody: {{vendor: augment, {token}{key}: "a\\0\\nb"}}}}')

    assert mistakes == [f"sources.cody.{key}: there is no file {tmp_path}/a\\x00\\nb that can be read"]


def test_a_long_value_is_cut_short(tmp_path: Path) -> None:
    assert mistakes_in(tmp_path, f"state: {{retention: {'9' * 1_000}}}\n" + _SOURCE) == [
        f'state.retention: must be a duration such as 90s, 30m, 1h30m or 7d, not "{"9" * 60}…"'
    ]
