from dataclasses import replace
from pathlib import Path

from exporter.config.diff import Changes, changes, in_words, without_restart
from exporter.config.load import Config
from tests.support.configurations import load_text

BASE = """
sources:
  one: {vendor: augment, token: first-token}
  two: {vendor: augment, token: second-token, seats: 5}
"""


def config(folder: Path, text: str = BASE) -> Config:
    return load_text(folder, text)


def test_the_same_configuration_changes_nothing(tmp_path: Path) -> None:
    assert changes(config(tmp_path), config(tmp_path)) == Changes()


def test_sources_are_added_removed_and_changed(tmp_path: Path) -> None:
    text = BASE.replace("seats: 5", "seats: 6").replace("one:", "three:")

    assert changes(config(tmp_path), config(tmp_path, text)) == Changes(("three",), ("one",), ("two",))


def test_a_common_setting_changes_the_sources_that_follow_it(tmp_path: Path) -> None:
    before = BASE.replace("seats: 5", "interval: 2h")
    after = "poll: {interval: 30m}\n" + before

    assert changes(config(tmp_path, before), config(tmp_path, after)).changed == ("one",)


def test_another_token_in_the_same_file_is_a_change(tmp_path: Path) -> None:
    token = tmp_path / "token"
    text = BASE.replace("token: first-token", f"token_file: {token}")
    token.write_text("old-token")
    before = config(tmp_path, text)
    token.write_text("new-token")

    assert changes(before, config(tmp_path, text)).changed == ("one",)


def test_settings_about_people_teams_and_retention_remake_the_samples_of_every_source(tmp_path: Path) -> None:
    teams = tmp_path / "teams.csv"
    teams.write_text("user,team\n")
    everybody = [
        "people: {min_group_size: 5}",
        "people: {per_user: plain}",
        f"teams: {{file: {teams}}}",
        "state: {retention: 100d}",
    ]

    found = [changes(config(tmp_path), config(tmp_path, f"{text}\n{BASE}")) for text in everybody]

    assert found == [Changes(remade=("one", "two"))] * len(everybody)


def test_a_source_whose_own_settings_change_too_is_changed_and_not_only_remade(tmp_path: Path) -> None:
    text = "people: {min_group_size: 5}\n" + BASE.replace("seats: 5", "seats: 6")

    assert changes(config(tmp_path), config(tmp_path, text)) == Changes(changed=("two",), remade=("one",))


def test_another_key_for_pseudonyms_remakes_the_samples_of_every_source(tmp_path: Path) -> None:
    before = config(tmp_path)

    assert changes(before, replace(before, pseudonym_key=b"another")) == Changes(remade=("one", "two"))


def test_what_needs_a_restart_is_named_and_stays_as_it_was(tmp_path: Path) -> None:
    extra = (
        "web: {listen_address: '127.0.0.1:1'}\n"
        "state: {url: 'sqlite:///other.db', retention: 100d}\n"
        "otlp: {endpoint: 'http://localhost:4318'}\n"
    )
    old, new = config(tmp_path), config(tmp_path, extra + BASE)
    found = changes(old, new)
    taken = without_restart(old, new)

    assert found.restart == ("web.listen_address", "state.url", "otlp")
    assert (taken.web, taken.state.url, taken.otlp) == (old.web, old.state.url, None)
    assert taken.state.retention == new.state.retention


def test_changes_are_reported_in_lines() -> None:
    assert list(in_words(Changes(("a", "b"), ("c",), ("d",), ("e", "f"), ("state.url",)))) == [
        "added: a, b",
        "removed: c",
        "changed: d",
        "samples made anew: e, f",
        "state.url has changed, which needs a restart",
    ]
    assert list(in_words(Changes())) == ["no source has changed"]
