import json
import re
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydantic import Field, SecretStr, model_validator

from exporter.config import Config, ConfigError, load, read_token, redacted, secrets
from exporter.fields import Settings
from exporter.vendors import VENDORS
from exporter.vendors.base import Vendor
from exporter.vendors.settings import BaseUrl, Calendar, RequestsPerMinute, Secret, SourceSettings, TimeOfDay, Whole

_CONFIGS = Path(__file__).parent / "configs"
# One vendor, so that the expected texts do not change with every new one.
_VENDORS = {"augment": VENDORS["augment"]}
_ENVIRON = {
    "AUGMENT_TOKEN": "environment-token",
    "DB_PASSWORD": "p4ss%2Fword",
    "EMPTY": "",
    "HOST": "localhost",
    "OTLP_TOKEN": "otlp-token",
    "PORT": "8080",
    "SEATS": "250",
}
_SECRETS = ("environment-token", "file-token", "t0ken-in", "passw0rd", "header-secret", "0123456789", "123456789")
_EXAMPLE = Path(__file__).parents[1] / "config.example.yaml"
_POLL = {
    "interval": "1h",
    "timeout": "30s",
    "history": "60d",
    "lookback": "7d",
    "stale_after": "3d",
    "max_series": 50_000,
}
_SOURCE = "sources: {cody: {vendor: augment, token: t0ken-in-the-file}}\n"


class _Measure(Settings):
    activity: str


class _WikiSettings(SourceSettings):
    """A vendor with keys of every kind."""

    requests_per_minute: RequestsPerMinute = 300
    ready_at: TimeOfDay = timedelta(hours=2)
    spaces: tuple[Whole | str, ...] = Field(min_length=1)
    custom: Mapping[str, _Measure] = {}
    mirror: BaseUrl | None = None
    session: Secret | None = None

    @model_validator(mode="after")
    def _history_is_short(self) -> "_WikiSettings":
        if self.history > timedelta(days=90):
            raise ValueError("history must be at most 90d here")
        return self


_TWO_VENDORS = {
    "augment": VENDORS["augment"],
    "wiki": replace(VENDORS["augment"], name="wiki", settings=_WikiSettings),
}


def _load(name: str) -> Config:
    return load(_CONFIGS / name, _ENVIRON, _VENDORS)


def _load_text(folder: Path, text: str, vendors: Mapping[str, Vendor] = _VENDORS) -> Config:
    (folder / "config.yaml").write_text(text)
    return load(folder / "config.yaml", _ENVIRON, vendors)


def _mistakes(folder: Path, text: str, vendors: Mapping[str, Vendor] = _VENDORS) -> list[str]:
    with pytest.raises(ConfigError) as raised:
        _load_text(folder, text, vendors)
    return [mistake.removeprefix(f"{folder}/config.yaml: ") for mistake in raised.value.mistakes]


def _without_folder(text: str) -> str:
    return text.replace(f"{_CONFIGS}/", "")


def _names(kind: str) -> list[str]:
    return sorted(path.name.removesuffix(f".{kind}.yaml") for path in _CONFIGS.glob(f"*.{kind}.yaml"))


@pytest.mark.parametrize("name", _names("ok"))
def test_a_good_file_gives_these_settings(name: str) -> None:
    shown = json.loads(_without_folder(json.dumps(redacted(_load(f"{name}.ok.yaml")))))

    assert shown == json.loads((_CONFIGS / f"{name}.ok.json").read_text())


@pytest.mark.parametrize("name", _names("bad"))
def test_a_bad_file_gives_these_mistakes(name: str) -> None:
    with pytest.raises(ConfigError) as raised:
        _load(f"{name}.bad.yaml")

    assert f"{_without_folder(str(raised.value))}\n" == (_CONFIGS / f"{name}.bad.txt").read_text()
    assert [secret for secret in _SECRETS if secret in str(raised.value)] == []


@pytest.mark.parametrize("name", _names("ok"))
def test_what_config_shows_is_a_configuration_again(name: str, tmp_path: Path) -> None:
    shown = redacted(_load(f"{name}.ok.yaml"))

    assert redacted(_load_text(tmp_path, yaml.safe_dump(shown, sort_keys=False))) == shown


@pytest.mark.parametrize("name", _names("ok"))
def test_nothing_that_is_shown_holds_a_secret(name: str) -> None:
    config = _load(f"{name}.ok.yaml")

    shown = [json.dumps(redacted(config)), repr(config), str(config), repr(redacted(config))]

    assert [secret for secret in secrets(config) for text in shown if secret in text] == []


def test_the_secrets_of_a_configuration_are_known_in_every_form() -> None:
    assert secrets(_load("everything.ok.yaml")) == {
        "file-token-1234",
        "Bearer otlp-token",
        "otlp-token",
        "acme",
        "p4ss/word",
        "p4ss%2Fword",
        "0123456789abcdef",
    }


def test_a_file_without_secrets_of_its_own_has_only_its_tokens() -> None:
    assert secrets(_load("minimal.ok.yaml")) == {"environment-token"}


def test_a_configuration_is_typed_values() -> None:
    config = _load("everything.ok.yaml")

    assert config.sources == {
        "augment-prod": VENDORS["augment"].settings(
            vendor="augment",
            token=SecretStr("file-token-1234"),
            token_file=_CONFIGS / "files/augment-token",
            base_url="https://proxy.example.com:8443/augment",
            interval=timedelta(hours=2),
            timeout=timedelta(seconds=90),
            history=timedelta(days=30),
            lookback=timedelta(days=3),
            stale_after=timedelta(hours=36),
            max_series=200,
            ready_at=timedelta(hours=4, minutes=15),
            late_grace=timedelta(hours=48),
            seats=250,
            calendar=Calendar(country="DE", subdivision="BY"),
            requests_per_minute=5,
            token_expires_at=datetime(2027, 1, 31, tzinfo=UTC),
            ca_file=_CONFIGS / "files/ca.pem",
        )
    }
    assert config.pseudonym_key == b"0123456789abcdef"


def test_unquoted_times_dates_and_words_mean_what_they_look_like() -> None:
    sources = _load("yaml-traps.ok.yaml").sources

    assert {name: (source.token.get_secret_value(), source.ready_at) for name, source in sources.items()} == {
        "no": ("0123456789", timedelta(hours=12, minutes=30)),
        "on": ("010-0x1f", timedelta(hours=3, minutes=10)),
        "off_1": ("1_000", timedelta(hours=3, minutes=10)),
    }
    assert sources["on"].token_expires_at == datetime(2027, 1, 31, 12, 30, tzinfo=timezone(timedelta(hours=2)))


def test_variables_stand_in_any_string_and_can_be_escaped() -> None:
    config = _load("variables.ok.yaml")

    source = config.sources["augment-prod"]

    assert (source.token.get_secret_value(), source.base_url, source.seats, str(config.web.listen_address)) == (
        "${not-a-variable}-environment-token-$$-$HOME",
        "https://localhost/augment",
        250,
        "localhost:8080",
    )


def test_a_token_file_is_read_again_when_it_was_rotated(tmp_path: Path) -> None:
    token = tmp_path / "token"
    token.write_text("first-token\r\n")
    text = "sources: {cody: {vendor: augment, token_file: token}, other: {vendor: augment, token: fixed-token}}\n"
    sources = _load_text(tmp_path, text).sources

    token.write_text("second-token")

    assert sources["cody"].token.get_secret_value() == "first-token"
    assert [read_token(source) for source in sources.values()] == ["second-token", "fixed-token"]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "must not be empty"),
        (b"one\ntwo\n", "must be one line of printable ASCII characters without spaces around it"),
        (b"\xff\xfe", "is not UTF-8 text"),
    ],
)
def test_a_rotated_token_file_without_a_token_is_an_error(content: bytes, message: str, tmp_path: Path) -> None:
    (tmp_path / "token").write_text("first-token\n")
    source = _load_text(tmp_path, "sources: {cody: {vendor: augment, token_file: token}}\n").sources["cody"]

    (tmp_path / "token").write_bytes(content)

    with pytest.raises(ValueError, match=f"^{message}$"):
        read_token(source)


def test_a_file_that_is_not_there_is_one_mistake(tmp_path: Path) -> None:
    with pytest.raises(ConfigError) as raised:
        load(tmp_path / "none.yaml", {}, _VENDORS)

    assert raised.value.mistakes == (f"{tmp_path}/none.yaml: cannot be read: No such file or directory",)


def test_an_unknown_vendor_like_no_other_is_told_all_vendors(tmp_path: Path) -> None:
    mistakes = _mistakes(
        tmp_path, "sources: {cody: {vendor: 42, token: t}, other: {vendor: [], token: t}}", _TWO_VENDORS
    )

    assert mistakes == [
        'sources.cody.vendor: unknown vendor "42", known are augment, wiki',
        'sources.other.vendor: unknown vendor "", known are augment, wiki',
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
    config = _load_text(tmp_path, text, _TWO_VENDORS)

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
    assert secrets(config) == {"t0ken-in-the-file", "s3ssion-cookie"}


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
    assert _mistakes(tmp_path, text, _TWO_VENDORS) == [
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

    assert _mistakes(tmp_path, text) == [
        'web."a\\nb": unknown key, known are listen_address, config_file',
        'web.listen_address: must be an address such as 127.0.0.1:10723, [::1]:10723 or :10723, not "one\\ntwo"',
        '"": unknown key, known are web, poll, state, people, teams, otlp, sources',
    ]


@pytest.mark.parametrize("key", ["token_file", "ca_file"])
def test_a_file_name_that_no_file_can_have_is_a_mistake(key: str, tmp_path: Path) -> None:
    token = "" if key == "token_file" else "token: t0ken-in-the-file, "

    mistakes = _mistakes(tmp_path, f'sources: {{cody: {{vendor: augment, {token}{key}: "a\\0\\nb"}}}}')

    assert mistakes == [f"sources.cody.{key}: there is no file {tmp_path}/a\\x00\\nb that can be read"]


def test_a_long_value_is_cut_short(tmp_path: Path) -> None:
    assert _mistakes(tmp_path, f"state: {{retention: {'9' * 1_000}}}\n" + _SOURCE) == [
        f'state.retention: must be a duration such as 90s, 30m, 1h30m or 7d, not "{"9" * 60}…"'
    ]


def test_the_example_runs_as_it_is(tmp_path: Path) -> None:
    shown = redacted(_load_example(tmp_path, _EXAMPLE.read_text()))

    assert {**shown, "sources": shown["sources"]["augment-prod"]} == {
        "web": {"listen_address": "127.0.0.1:10723"},
        "poll": _POLL,
        "state": {"url": "sqlite:///adoption.db", "retention": "800d"},
        "people": {"per_user": "none", "min_group_size": 1, "frequent_days": 8},
        "sources": {
            **_POLL,
            "vendor": "augment",
            "token": "<secret>",
            "base_url": "https://api.augmentcode.com",
            "ready_at": "03:00",
            "late_grace": "1d",
            "calendar": {"weekend": ["sat", "sun"]},
            "requests_per_minute": 10,
        },
    }


def test_the_example_shows_every_setting_with_its_default_or_an_example(tmp_path: Path) -> None:
    everything = re.sub(r"^( *)#(?=(?:  )?[a-z])", r"\1", _EXAMPLE.read_text(), flags=re.MULTILINE)
    for file in re.findall(r"(?<=file: )[a-z-]+\.[a-z]+", everything):
        (tmp_path / file).write_text("0123456789abcdef\n")
    plain, full = _load_example(tmp_path, _EXAMPLE.read_text()), _load_example(tmp_path, everything)

    defaults, shown = _flat(redacted(plain)), _flat(redacted(full))

    assert {
        place: str(value).removeprefix(f"{tmp_path}/")
        for place, value in shown.items()
        if defaults.get(place) != value
        and (place.startswith("sources.augment-prod.") or not place.startswith("sources."))
    } == {
        "web.config_file": "web-config.yml",
        "people.pseudonym_key_file": "pseudonym.key",
        "teams.file": "teams.csv",
        "otlp.endpoint": "http://localhost:4318",
        "otlp.protocol": "http/protobuf",
        "otlp.headers.authorization": "<secret>",
        "otlp.interval": "1m",
        "otlp.timeout": "10s",
        "otlp.compression": "none",
        "otlp.ca_file": "otlp-ca.pem",
        "otlp.client_certificate_file": "otlp-client.pem",
        "otlp.client_key_file": "otlp-client.key",
        "otlp.timestamp": "now",
        "otlp.traces": "False",
        "sources.augment-prod.seats": "250",
        "sources.augment-prod.calendar.country": "DE",
        "sources.augment-prod.calendar.subdivision": "BY",
        "sources.augment-prod.token_expires_at": "2027-12-31T00:00:00Z",
        "sources.augment-prod.ca_file": "company-ca.pem",
    }
    sections = ("web", "poll", "state", "people", "teams", "otlp")
    known = {f"{name}.{key}" for name in sections for key in type(getattr(full, name)).model_fields}
    assert known - {".".join(place.split(".")[:2]) for place in shown} == {"poll.cron"}


def _load_example(folder: Path, text: str) -> Config:
    (folder / "config.yaml").write_text(text)
    return load(folder / "config.yaml", dict.fromkeys(re.findall(r"\$\{([A-Z_]+)\}", text), "a-secret"))


def _flat(value: object, place: str = "") -> dict[str, object]:
    """A mapping of mappings as one mapping, keys joined with dots."""
    if not isinstance(value, dict):
        return {place: value}
    return {
        inner: leaf for key, below in value.items() for inner, leaf in _flat(below, f"{place}.{key}".strip(".")).items()
    }


@settings(max_examples=300, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(data=st.data())
def test_any_damage_to_a_file_gives_settings_or_mistakes_of_one_line_each(data: st.DataObject, tmp_path: Path) -> None:
    good = (_CONFIGS / "contract.ok.yaml").read_text() + (_CONFIGS / "variables.ok.yaml").read_text()
    start = data.draw(st.integers(0, len(good)))
    end = data.draw(st.integers(start, min(start + 20, len(good))))
    inserted = data.draw(
        st.text(max_size=8) | st.sampled_from(["${", "{", "[", ": ", "\n", "&a ", "*a", "!!x ", "'", "- ", "~", "0"])
    )

    (tmp_path / "config.yaml").write_text(good[:start] + inserted + good[end:], encoding="utf-8", errors="replace")
    error = _error(tmp_path / "config.yaml")

    assert error is None or (error.mistakes and str(error).splitlines() == list(error.mistakes))


def _error(path: Path) -> ConfigError | None:
    try:
        load(path, _ENVIRON, _VENDORS)
    except ConfigError as error:
        return error
    return None
