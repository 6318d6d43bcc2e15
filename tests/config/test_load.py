import json
import re
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydantic import SecretStr

from exporter.config.calendar import Calendar, DayRange
from exporter.config.load import Config, config_secrets, load_config, read_token, redacted
from exporter.config.mistakes import ConfigError, Place
from exporter.vendors.registry import VENDORS
from tests.support.command_line import cli, process
from tests.support.configurations import ENVIRON, ONE_VENDOR, load_text
from tests.support.examples import examples

_CONFIGS = Path(__file__).parents[1] / "configs"
_SECRETS = ("environment-token", "file-token", "t0ken-in", "passw0rd", "header-secret", "0123456789", "123456789")


def _load(name: str) -> Config:
    return load_config(_CONFIGS / name, ONE_VENDOR, ENVIRON)


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

    assert redacted(load_text(tmp_path, yaml.safe_dump(shown, sort_keys=False))) == shown


@pytest.mark.parametrize("name", _names("ok"))
def test_nothing_that_is_shown_holds_a_secret(name: str) -> None:
    config = _load(f"{name}.ok.yaml")

    shown = [json.dumps(redacted(config)), repr(config), str(config), repr(redacted(config))]

    assert [secret for secret in config_secrets(config) for text in shown if secret in text] == []


def test_the_secrets_of_a_configuration_are_known_in_every_form() -> None:
    assert config_secrets(_load("everything.ok.yaml")) == {
        "file-token-1234",
        "Bearer otlp-token",
        "otlp-token",
        "acme",
        "p4ss%2Fword",
        "p4ss%252Fword",
        "0123456789abcdef",
    }


def test_a_file_without_secrets_of_its_own_has_only_its_tokens() -> None:
    assert config_secrets(_load("minimal.ok.yaml")) == {"environment-token"}


def test_a_configuration_is_typed_values() -> None:
    config = _load("everything.ok.yaml")
    one_day = date(2026, 11, 27)

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
            day_series=timedelta(days=30),
            ready_at=timedelta(hours=4, minutes=15),
            late_grace=timedelta(hours=48),
            seats=250,
            calendar=Calendar(
                country="DE",
                subdivision="BY",
                closed=(DayRange(date(2026, 12, 24), date(2027, 1, 3)), DayRange(one_day, one_day)),
                half=(date(2026, 12, 23),),
            ),
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


@pytest.mark.slow
@pytest.mark.parametrize("command", ["run", "once"])
@pytest.mark.parametrize("url", ["postgresql://${USER}:${PASSWORD}@${SERVER}/${BASE}", "${WHOLE}"])
def test_an_unreachable_state_is_one_sentence_without_the_value_of_a_variable(
    command: str, url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    environ = {
        "USER": "a1b2@c3d4",
        "PASSWORD": "e5f6/g7h8#i9j0?k1l2:m3n4%25o5p6&q7r8",
        "SERVER": "127.0.0.1:1",
        "BASE": "s9t0/u1v2",
        "WHOLE": "postgresql://a1b2:e5f6%40g7h8%2Fi9j0@127.0.0.1:1/s9t0",
    }
    file = tmp_path / "config.yaml"
    file.write_text(f'state: {{url: "{url}"}}\nsources: {{tool: {{vendor: augment, token: t0ken-in-the-file}}}}\n')
    arguments = [command, "--config.file", str(file), *(["--state"] if command == "once" else [])]
    flags = ["--web.listen-address", "127.0.0.1:0"] if command == "run" else []

    for name, value in environ.items():
        monkeypatch.setenv(name, value)
    done = (process if command == "run" else cli)(*arguments, *flags)
    parts = re.findall(r"\w{4}", " ".join(environ.values()).replace("postgresql", ""))

    assert (done.returncode, done.stdout) == (2, "")
    assert len(done.stderr.splitlines()) == 1
    assert done.stderr.startswith("the state cannot be used: ")
    assert [part for part in parts if part in done.stderr] == []


_PARTS = ("s3cret-a1b2", "x9y8", "z7w6", "k5j4", "h3g2", "f1e0", "c8b7")


@pytest.mark.parametrize("value", ["{0}://{1}:{2}@{3}/{4}?{5}#{6}", "{0} {1} {2}, {3} {4} {5}", "{0}"])
def test_no_part_of_a_variable_is_shown_wherever_it_stands(value: str, tmp_path: Path) -> None:
    environ = {"LEAK": value.format(*_PARTS)}
    everything = yaml.safe_load((_CONFIGS / "everything.ok.yaml").read_text())
    for number, place in enumerate(_scalars(everything)):
        file = tmp_path / f"{number}.yaml"
        file.write_text(yaml.safe_dump(_with_variable(everything, place)))
        try:
            load_config(file, ONE_VENDOR, environ)
        except ConfigError as error:
            assert [part for part in _PARTS if part in str(error)] == [], str(error)  # noqa: PT017 - it may be right


def _scalars(value: object, place: Place = ()) -> Iterator[Place]:
    if isinstance(value, dict):
        for key, inner in value.items():
            yield from _scalars(inner, (*place, key))
    elif isinstance(value, list):
        for index, inner in enumerate(value):
            yield from _scalars(inner, (*place, index))
    else:
        yield place


def _with_variable(value: Any, place: Place) -> Any:
    if not place:
        return "${LEAK}"
    copy: Any = dict(value) if isinstance(value, dict) else list(value)
    copy[place[0]] = _with_variable(value[place[0]], place[1:])
    return copy


def test_a_token_file_is_read_again_when_it_was_rotated(tmp_path: Path) -> None:
    token = tmp_path / "token"
    token.write_text("first-token\r\n")
    text = "sources: {cody: {vendor: augment, token_file: token}, other: {vendor: augment, token: fixed-token}}\n"
    sources = load_text(tmp_path, text).sources

    token.write_text("second-token")

    assert sources["cody"].token.get_secret_value() == "first-token"
    assert [read_token(source) for source in sources.values()] == ["second-token", "fixed-token"]


@pytest.mark.parametrize("written", ["utf-8", "utf-8-sig"])
def test_a_token_file_may_begin_with_a_byte_order_mark(written: str, tmp_path: Path) -> None:
    (tmp_path / "token").write_text("only-token\r\n", encoding=written)
    source = load_text(tmp_path, "sources: {cody: {vendor: augment, token_file: token}}\n").sources["cody"]

    assert (source.token.get_secret_value(), read_token(source)) == ("only-token", "only-token")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "must not be empty"),
        (b"one\ntwo\n", "must be one line of printable ASCII characters without spaces around it"),
        (b"\xe9", "is not UTF-8 text"),
        (b"\xef\xbb\xbf\r\n", "must not be empty"),
        ("token".encode("utf-16"), "is UTF-16 or UTF-32 text: save it as UTF-8"),
        ("token".encode("utf-32"), "is UTF-16 or UTF-32 text: save it as UTF-8"),
        (b"\0\0\xfe\xff", "is UTF-16 or UTF-32 text: save it as UTF-8"),
        ("token".encode("utf-16-be"), "holds NUL characters: save it as UTF-8 text"),
        (b"token\0", "holds NUL characters: save it as UTF-8 text"),
    ],
)
def test_a_rotated_token_file_without_a_token_is_an_error(content: bytes, message: str, tmp_path: Path) -> None:
    (tmp_path / "token").write_text("first-token\n")
    source = load_text(tmp_path, "sources: {cody: {vendor: augment, token_file: token}}\n").sources["cody"]

    (tmp_path / "token").write_bytes(content)

    with pytest.raises(ValueError, match=f"^{message}$"):
        read_token(source)


def test_a_file_that_is_not_there_is_one_mistake(tmp_path: Path) -> None:
    with pytest.raises(ConfigError) as raised:
        load_config(tmp_path / "none.yaml", ONE_VENDOR, {})

    assert raised.value.mistakes == (f"{tmp_path}/none.yaml: cannot be read: No such file or directory",)


@settings(examples(100), suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(data=st.data())
def test_any_damage_to_a_file_gives_settings_or_mistakes_of_one_line_each(data: st.DataObject, tmp_path: Path) -> None:
    good = data.draw(st.sampled_from([path.read_text() for path in sorted(_CONFIGS.glob("*.ok.yaml"))]))
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
        load_config(path, ONE_VENDOR, ENVIRON)
    except ConfigError as error:
        return error
    return None
