"""For random companies, what is published equals a brute-force count, through HTTP and the simulator."""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exporter.simulator.augment import augment_app
from exporter.simulator.company import PersonDay
from exporter.simulator.server import serve
from exporter.simulator.work import Metrics, Work
from tests.support.augment_days import Days
from tests.support.counted_elsewhere import COUNTED_ELSEWHERE
from tests.support.examples import examples
from tests.support.simulated_people import somebody
from tests.support.vendor_polls import VendorPolls

NEWEST = date(2025, 10, 20)
NOW = datetime.combine(NEWEST, time(12), UTC) + timedelta(days=1)
LENGTHS = {"1d": 1, "7d": 7, "28d": 28}
# What the contract calls the fields, written down a second time so that the two can disagree.
USAGE = {
    "completions_count": "completions_suggested",
    "completions_accepted": "completions_accepted",
    "chat_messages": "chat_messages",
    "remote_agent_messages": "remote_agent_messages",
    "ide_agent_messages": "ide_agent_messages",
    "cli_agent_interactive_messages": "cli_agent_interactive_messages",
    "cli_agent_non_interactive_messages": "cli_agent_non_interactive_messages",
    "total_messages": "messages",
    "total_tool_calls": "tool_calls",
}
LINES = {
    "completions_lines_of_code": "completions_accepted",
    "remote_agent_lines_of_code": "remote_agent",
    "ide_agent_lines_of_code": "ide_agent",
    "cli_agent_interactive_lines_of_code": "cli_agent_interactive",
    "cli_agent_non_interactive_lines_of_code": "cli_agent_non_interactive",
    "total_modified_lines_of_code": "modified",
}

people = [somebody(name) for name in ("ada", "bo", "cy", "dee", "eli")] + [
    somebody(name, service=True) for name in ("ci-bot", "release-bot")
]
metrics = st.builds(Metrics, **dict.fromkeys(Metrics._fields, st.one_of(st.just(0), st.integers(0, 2**40))))
works = st.dictionaries(
    st.tuples(st.sampled_from(["VSCode", "vscode", "CLI", " "]), st.sampled_from(["Go", "Python", ""])),
    metrics,
    min_size=1,
    max_size=3,
)


@st.composite
def companies(draw: st.DrawFn) -> Days:
    """Up to 29 days; on some of them nobody did anything, service accounts included."""
    days: dict[date, Sequence[PersonDay]] = {}
    for back in range(draw(st.integers(1, 29))):
        day = NEWEST - timedelta(days=back)
        active = draw(st.lists(st.sampled_from(people), unique=True, max_size=4))
        days[day] = [
            PersonDay(person, day, tuple(Work(*place, did) for place, did in draw(works).items())) for person in active
        ]
    return Days(days)


def counted(company: Days) -> Iterator[tuple[str, tuple[str, ...], float]]:
    """Every head-count, sum of usage and sum of lines of the three windows, the slow and obvious way."""
    for window, length in LENGTHS.items():
        active: dict[tuple[str, ...], set[str]] = defaultdict(set)
        sums: dict[tuple[str, ...], int] = defaultdict(int)
        active["adoption_active_users",] = set()
        active["adoption_active_service_accounts",] = set()
        for activity in USAGE.values():
            sums["adoption_usage", activity] = 0
        for activity in LINES.values():
            sums["adoption_code_lines", activity] = 0
        for entry in (entry for back in range(length) for entry in company.days.get(NEWEST - timedelta(days=back), ())):
            name = entry.person.username
            active["adoption_active_service_accounts" if entry.person.service else "adoption_active_users",].add(name)
            for work in entry.works:
                editor, language = work.editor.strip() or "unknown", work.language.strip() or "unknown"
                if not entry.person.service:
                    active["adoption_client_active_users", editor].add(name)
                    active["adoption_language_active_users", language].add(name)
                for field, activity in USAGE.items():
                    value = getattr(work.metrics, field)
                    sums["adoption_usage", activity] += value
                    if value > 0:
                        sums["adoption_client_usage", activity, editor] += value
                        sums["adoption_language_usage", activity, language] += value
                        if not entry.person.service:
                            active["adoption_activity_active_users", activity].add(name)
                for field, activity in LINES.items():
                    sums["adoption_code_lines", activity] += getattr(work.metrics, field)
        for (metric, *labels), names in active.items():
            yield metric, (window, *labels), float(len(names))
        for (metric, *labels), value in sums.items():
            yield metric, (window, *labels), float(value)


@pytest.mark.slow
@examples(15)
@given(company=companies())
def test_what_is_published_equals_a_brute_force_count(company: Days) -> None:
    with serve(augment_app(company, lambda: NOW)) as server:
        bench = VendorPolls(
            "augment",
            {"base_url": server.url, "token": "demo-token", "history": timedelta(days=32), "late_grace": timedelta()},
            NOW,
        )
        status = bench.poll()
    published = {
        (sample.metric, sample.labels[3:]): sample.value
        for sample in bench.samples()
        if len(sample.labels) > 3 and sample.metric not in COUNTED_ELSEWHERE
    }

    assert status.failure is None
    assert published == {(metric, labels): value for metric, labels, value in counted(company)}


def test_a_day_that_is_revised_by_the_vendor_is_published_as_it_is_now() -> None:
    did = Metrics(total_messages=3, chat_messages=3)
    before = PersonDay(people[0], NEWEST, (Work("VSCode", "Go", did),))
    after = replace(before, person=people[1])
    days = {NEWEST: [before]}
    with serve(augment_app(Days(days), lambda: NOW)) as server:
        bench = VendorPolls(
            "augment", {"base_url": server.url, "token": "demo-token", "history": timedelta(days=7)}, NOW
        )
        bench.poll()
        days[NEWEST] = [before, after]
        bench.poll()

    assert bench.values("adoption_active_users")["all", "7d"] == 2.0
    assert bench.values("adoption_usage")["all", "1d", "chat_messages"] == 6.0
    assert bench.values("adoption_data_revisions_total") == {("all",): 1.0}
