from datetime import UTC, datetime, timedelta

import pytest

from exporter.web.relative_time import distance

NOW = datetime(2026, 3, 10, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (0, "now"),
        (-0.9, "now"),
        (-1, "1 s ago"),
        (-119, "119 s ago"),
        (-120, "2 min ago"),
        (60 * 119, "in 119 min"),
        (60 * 120, "in 2 h"),
        (-3600 * 47.9, "47 h ago"),
        (-3600 * 48, "2 days ago"),
        (86400 * 40, "in 40 days"),
    ],
)
def test_a_distance_is_told_in_the_largest_unit_of_which_there_are_two(seconds: float, words: str) -> None:
    assert distance(NOW + timedelta(seconds=seconds), NOW) == words
