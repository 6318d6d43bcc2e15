"""A metric and its labels, checked against the catalogue."""

from dataclasses import replace

import pytest
from pyroaring import BitMap

from exporter.labels import labelled
from exporter.metrics import CATALOGUE
from exporter.model import EVERYBODY, UNASSIGNED, AmountKey, DayFacts, PeopleKey
from exporter.windows import samples
from tests.window_facts import DATA_DAY, TIME, scope


def test_a_metric_with_the_labels_of_its_row_is_its_name() -> None:
    assert labelled("adoption_seats", "source", "vendor", "scope") == "adoption_seats"


@pytest.mark.parametrize("labels", [("source", "vendor"), ("vendor", "source", "scope"), ("source", "vendor", "team")])
def test_a_metric_with_other_labels_is_refused(labels: tuple[str, ...]) -> None:
    with pytest.raises(ValueError, match=r"^adoption_seats has labels \('source', 'vendor', 'scope'\), got \('"):
        labelled("adoption_seats", *labels)


def test_an_unknown_metric_is_refused() -> None:
    with pytest.raises(KeyError, match="adoption_moods"):
        labelled("adoption_moods", "source")


def test_every_label_of_a_window_holds_what_its_name_says() -> None:
    parts = [
        AmountKey("usage", "the activity", "client", "the client"),
        AmountKey("usage", "the activity", "language", "the language"),
        AmountKey("usage", "the activity", "team", "the team"),
        AmountKey("active_time", "", "team", "the team"),
        AmountKey("active_time", "the activity"),
    ]
    totals = [AmountKey("usage", "the activity"), AmountKey("code_lines", "the activity"), TIME]
    rest = {
        AmountKey("usage", "the activity", "team", UNASSIGNED): 0,
        AmountKey("active_time", "", "team", UNASSIGNED): 0,
    }
    groups = [PeopleKey(dimension, f"the {dimension}") for dimension in ("activity", "client", "language", "team")]
    facts = DayFacts(
        amounts={**dict.fromkeys([*parts, *totals, AmountKey("code_characters", "the activity")], 1), **rest},
        people=dict.fromkeys([EVERYBODY, *groups], BitMap([1])),
        service=BitMap(),
    )

    made = samples(replace(scope({DATA_DAY: facts}), source="the source", vendor="the vendor", name="the scope"))

    in_a_window = [one for one in made if "window" in CATALOGUE[one.metric].labels]
    assert len(in_a_window) == len({one.metric for one in in_a_window}) == 15
    for one in in_a_window:
        names = CATALOGUE[one.metric].labels
        assert one.labels == tuple("1d" if name == "window" else f"the {name}" for name in names)
