"""Small groups from a vendor's rows to what is published, against a count of the rows without the exporter."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import polars as pl
from hypothesis import given
from hypothesis import strategies as st
from pyroaring import BitMap

from exporter.metrics import CATALOGUE, Sample
from exporter.model import EVERYBODY, Amount, DayFacts, column
from exporter.samples.filters import withhold
from exporter.samples.teams import membership, with_teams
from exporter.samples.windows import samples
from exporter.vendors.rollup import rollup
from tests.support.examples import examples
from tests.support.window_facts import back, scope

MESSAGES = Amount("usage", "messages")
COLUMN = column(MESSAGES)
LENGTHS = {"1d": 1, "7d": 7}
TEAM_OF = {0: "web", 1: "web", 2: "web", 3: "app", 4: "app", 5: "ops", 6: "web"}
SERVICE = BitMap([6, 7])
ACCOUNTS = range(9)
BREAKDOWNS = ("client", "model", "team")


@dataclass(frozen=True)
class Row:
    """What one account did on one of seven days with one client and one model."""

    back: int
    account: int
    client: str
    model: str
    messages: int

    def member(self, breakdown: str) -> str:
        """The group that the row is of; service accounts are in no team."""
        if breakdown == "team":
            return "unassigned" if self.account in SERVICE else TEAM_OF.get(self.account, "unassigned")
        return self.client if breakdown == "client" else self.model


ROWS = st.lists(
    st.builds(
        Row,
        st.integers(0, 6),
        st.sampled_from(ACCOUNTS),
        st.sampled_from("abc"),
        st.sampled_from("xy"),
        st.integers(1, 5),
    ),
    max_size=60,
)


def facts(rows: Sequence[Row]) -> DayFacts:
    schema = {"account": pl.UInt32, "client": pl.String, "model": pl.String, COLUMN: pl.Int64}
    table = pl.DataFrame([(row.account, row.client, row.model, row.messages) for row in rows], schema, orient="row")
    found = rollup(table, [MESSAGES], "rows")
    day = DayFacts(
        amounts={**found.totals, **found.breakdowns},
        people={**found.people, EVERYBODY: BitMap(row.account for row in rows)},
        service=SERVICE,
        by_account=found.by_account,
    )
    return with_teams(day, membership(TEAM_OF))


def scope_of(rows: Sequence[Row]) -> list[Sample]:
    return samples(scope({back(ago): facts([row for row in rows if row.back == ago]) for ago in range(7)}))


@dataclass(frozen=True)
class Count:
    """The people and the messages of each group in a window."""

    people: Mapping[str, int]
    messages: Mapping[str, int]


def counted(rows: Sequence[Row], window: str, breakdown: str) -> Count:
    people: dict[str, set[int]] = defaultdict(set)
    messages: dict[str, int] = defaultdict(int)
    for row in rows:
        if row.back < LENGTHS[window]:
            people[row.member(breakdown)] |= {row.account} - set(SERVICE)
            messages[row.member(breakdown)] += row.messages
    return Count({member: len(found) for member, found in people.items()}, messages)


def published(found: Sequence[Sample], metric: str, window: str, breakdown: str) -> dict[str, float]:
    """The values of a metric in a window by the member of a breakdown."""
    names = CATALOGUE[metric].labels
    return {
        sample.labels[names.index(breakdown)]: sample.value
        for sample in found
        if sample.metric == metric and sample.labels[names.index("window")] == window
    }


@examples(100)
@given(rows=ROWS, least=st.integers(2, 5))
def test_groups_of_too_few_people_and_what_they_did_are_published_nowhere(rows: list[Row], least: int) -> None:
    made = scope_of(rows)
    found = withhold(made, least)

    for window in LENGTHS:
        for breakdown in BREAKDOWNS:
            count = counted(rows, window, breakdown)
            people = published(found.samples, f"adoption_{breakdown}_active_users", window, breakdown)
            messages = published(found.samples, f"adoption_{breakdown}_usage", window, breakdown)
            hidden = {member: number for member, number in count.people.items() if member not in people}
            small = [member for member, number in count.people.items() if number < least]
            with_people = [member for member in small if count.people[member]]
            large = sorted(number for number in count.people.values() if number >= least)

            assert people == {member: number for member, number in count.people.items() if member not in hidden}
            assert messages == {member: number for member, number in count.messages.items() if member not in hidden}
            assert set(small) <= hidden.keys()
            # Where one group alone has people and is small, the smallest of the others goes with it, and nothing else.
            assert [hidden[member] for member in hidden if member not in small] == large[: len(with_people) == 1]
            assert breakdown != "team" or {team for team, at in found.teams.items() if window in at} == hidden.keys()
    totals = [sample for sample in made if CATALOGUE[sample.metric].breakdown is None]
    assert [sample for sample in found.samples if CATALOGUE[sample.metric].breakdown is None] == totals
