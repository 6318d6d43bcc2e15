"""For random GitLabs, what is published equals a brute-force count, through HTTP and the simulator."""

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, timedelta
from decimal import Decimal
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from exporter.simulator.gitlab_products import Project
from exporter.vendors.gitlab.vendor import GITLAB
from tests.support.examples import examples
from tests.support.gitlab_server import DAY, NOW, YESTERDAY, Served, Visit, gitlab, project

LENGTHS = {"1d": 1, "7d": 7, "28d": 28}
# What the contract calls the counts of events, written down a second time.
EVENTS: Mapping[str, Sequence[str]] = {
    "events": ("page_view", "link_click", "custom"),
    "page_views": ("page_view",),
    "link_clicks": ("link_click",),
}
REFUSALS: Sequence[tuple[int, dict[str, Any]]] = [
    (400, {"message": "'uniqueUsersCount' not found for path 'TrackedEvents.uniqueUsersCount'"}),
    (401, {"message": "Access Denied"}),
    (404, {"message": "Product Analytics is not enabled"}),
    (200, {"results": [{"data": [{"TrackedEvents.count": "NaN"}]}]}),
    (200, {"results": []}),
]

Values = dict[tuple[str, ...], float]


@dataclass
class Shop:
    """A project of the test: what happened in it, and what becomes of it between two polls."""

    number: int
    path: str
    visits: list[Visit]
    database: bool = True
    refusals: Sequence[tuple[int, dict[str, Any]] | None] = (None, None)
    new_path: str | None = None
    late_visits: list[Visit] = field(default_factory=list)

    def made(self, poll: int) -> Project:
        """The project as GitLab has it at the first (0) or second (1) poll."""
        visits = self.visits if poll == 0 else [*self.visits, *self.late_visits]
        made = project(self.number, self.path, visits, database=self.database, refusal=self.refusals[poll])
        return replace(made, path=self.new_path) if poll == 1 and self.new_path else made


def brute_force(visits: Sequence[Visit], scope: str, data_day: date, history: int) -> dict[str, Values]:
    """Every people, usage and time sample of a project, counted one visit after the other; none without any visit."""
    people: Values = {}
    usage: Values = {}
    time: Values = {}
    for window, length in LENGTHS.items() if visits else ():
        inside = [one for one in visits if data_day - length * DAY < one.day <= data_day]
        people[scope, window] = len({one.user for one in inside})
        if length > history:
            continue
        for activity, kinds in EVENTS.items():
            usage[scope, window, activity] = sum(one.events.get(kind, 0) for one in inside for kind in kinds)
        usage[scope, window, "sessions"] = sum(one.sessions for one in inside)
        time[scope, window] = float(sum(seconds(inside, day) for day in {one.day for one in inside}))
    return {"adoption_active_users": people, "adoption_usage": usage, "adoption_active_time_seconds": time}


def seconds(visits: Sequence[Visit], day: date) -> Fraction:
    """A day's average minutes with twenty decimals, as the vendor states it, times 60 times its sessions."""
    sessions = sum(one.sessions for one in visits if one.day == day)
    if not sessions:
        return Fraction(0)
    minutes = sum(Fraction(one.minutes) for one in visits if one.day == day and one.sessions)
    return Fraction(round(minutes / sessions * 10**20), 10**20) * 60 * sessions


def published(served: Served) -> dict[str, Values]:
    names = ("adoption_active_users", "adoption_usage", "adoption_active_time_seconds")
    return {name: served.polls.values(name) for name in names}


def together(parts: Sequence[dict[str, Values]]) -> dict[str, Values]:
    names = ("adoption_active_users", "adoption_usage", "adoption_active_time_seconds")
    return {name: {labels: value for part in parts for labels, value in part[name].items()} for name in names}


# A few projects in every detail


visit = st.builds(
    Visit,
    day=st.integers(0, 34).map(lambda back: YESTERDAY - back * DAY),
    user=st.sampled_from(["ada", "bo", "cy", "anonymous-1"]),
    events=st.dictionaries(
        st.sampled_from(["page_view", "link_click", "custom"]), st.integers(1, 2**40), min_size=1, max_size=3
    ),
    sessions=st.integers(0, 5),
    minutes=st.decimals(0, 10**6, places=3),
)


@pytest.mark.slow
@examples(15)
@given(st.lists(st.lists(visit, max_size=12), min_size=1, max_size=3))
def test_every_value_is_the_brute_force_count(shops: list[list[Visit]]) -> None:
    projects = [project(number, f"shop/app-{number}", visits) for number, visits in enumerate(shops, start=1)]
    with gitlab(projects, late_grace="0s") as served:
        assert served.polls.poll().success

        assert published(served) == together(
            [brute_force(visits, f"shop/app-{number}", YESTERDAY, 30) for number, visits in enumerate(shops, start=1)]
        )


# Three hundred projects, two polls


def some_visits(chance: random.Random) -> list[Visit]:
    return [
        Visit(
            day=YESTERDAY + DAY - chance.randint(0, 29) * DAY,
            user=chance.choice(["ada", "bo", "cy", "dee"]),
            events={kind: chance.randint(1, 9) for kind in chance.sample(["page_view", "link_click", "custom"], 2)},
            sessions=chance.randint(0, 3),
            minutes=Decimal(chance.randint(0, 10_000)) / 8,
        )
        for _ in range(chance.randint(1, 12))
    ]


def three_hundred_shops(seed: int) -> list[Shop]:
    """Of ten projects about one has no database, one no rows, two fail at a poll, one is renamed, two are revised."""
    chance = random.Random(seed)
    shops = []
    for number in range(1, 301):
        path = f"shop/{chance.choice(['web', 'deep/er', 'apps'])}/app-{number}"
        shop = Shop(number, path, some_visits(chance) if chance.random() > 0.1 else [])
        shop.database = chance.random() > 0.1
        shop.refusals = [chance.choice(REFUSALS) if chance.random() < 0.1 else None for _ in range(2)]
        shop.new_path = f"shop/renamed/app-{number}" if chance.random() < 0.1 else None
        if chance.random() < 0.2:
            shop.late_visits = [replace(one, day=YESTERDAY) for one in shop.visits]
        shops.append(shop)
    return shops


def expected(shops: Sequence[Shop], poll: int, history: int) -> dict[str, Values]:
    """What is to be seen after a poll: a failed project keeps what an earlier poll gave, unless its path is gone."""
    parts = []
    for shop in shops:
        if not shop.database:
            continue
        scope = shop.new_path if poll == 1 and shop.new_path else shop.path
        if shop.refusals[poll] is None:
            visits = shop.visits if poll == 0 else [*shop.visits, *shop.late_visits]
            parts.append(brute_force(visits, scope, YESTERDAY + poll * DAY, history))
        elif poll == 1 and shop.refusals[0] is None and scope == shop.path:
            parts.append(brute_force(shop.visits, scope, YESTERDAY, history))
    return together(parts)


@pytest.mark.slow
# Each of the projects is an example, and all together are 2,000 requests; a failing one is not made smaller.
@settings(examples(1), phases=[Phase.explicit, Phase.generate])
@given(seed=st.integers(0, 2**32))
def test_three_hundred_projects_fail_move_and_change_without_touching_each_other(seed: int) -> None:
    shops = three_hundred_shops(seed)
    with gitlab(
        [shop.made(0) for shop in shops], history=timedelta(days=2), lookback=timedelta(days=2), late_grace="0s"
    ) as served:
        for poll in (0, 1):
            served.projects[:] = [shop.made(poll) for shop in shops]
            served.at(NOW + poll * DAY)
            status = served.polls.poll()

            failed = [shop for shop in shops if shop.refusals[poll] is not None]
            assert status.success
            assert len(served.polls.poller().failed) == len(failed)
            assert published(served) == expected(shops, poll, 2)
        assert served.tokens_made == {}
    assert GITLAB.concurrency == 8
