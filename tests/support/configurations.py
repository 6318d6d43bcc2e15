"""Loads configurations for tests, with one vendor and a fixed environment."""

from collections.abc import Mapping
from pathlib import Path

import pytest

from exporter.config.load import Config, load_config
from exporter.config.mistakes import ConfigError
from exporter.config.source import SourceSettings
from exporter.vendors import SETTINGS

# One vendor, so that the expected texts do not change with every new one.
ONE_VENDOR = {"augment": SETTINGS["augment"]}
ENVIRON = {
    "AUGMENT_TOKEN": "environment-token",
    "DB_PASSWORD": "p4ss%2Fword",
    "EMPTY": "",
    "HOST": "localhost",
    "OTLP_TOKEN": "otlp-token",
    "PORT": "8080",
    "SEATS": "250",
}


def load_text(folder: Path, text: str, models: Mapping[str, type[SourceSettings]] = ONE_VENDOR) -> Config:
    """Loads a text as `config.yaml` in a folder."""
    (folder / "config.yaml").write_text(text)
    return load_config(folder / "config.yaml", models, ENVIRON)


def mistakes_in(folder: Path, text: str, models: Mapping[str, type[SourceSettings]] = ONE_VENDOR) -> list[str]:
    """The mistakes of a text, without the file's name."""
    with pytest.raises(ConfigError) as raised:
        load_text(folder, text, models)
    return [mistake.removeprefix(f"{folder}/config.yaml: ") for mistake in raised.value.mistakes]
