"""CHANGELOG.md and the version speak of the same release."""

import re
from pathlib import Path

from exporter import __version__

CHANGELOG = Path(__file__).parents[2] / "CHANGELOG.md"


def test_below_what_is_unreleased_the_newest_release_is_that_of_the_version() -> None:
    unreleased, newest, *_ = re.findall(r"^## (.+)$", CHANGELOG.read_text(), re.MULTILINE)

    assert unreleased == "Unreleased"
    assert re.fullmatch(rf"{re.escape(__version__)} - \d{{4}}-\d{{2}}-\d{{2}}", newest)


def test_the_changelog_tells_its_releases_from_the_newest_to_the_oldest() -> None:
    days = re.findall(r"^## \S+ - (\S+)$", CHANGELOG.read_text(), re.MULTILINE)

    assert days == sorted(days, reverse=True)
