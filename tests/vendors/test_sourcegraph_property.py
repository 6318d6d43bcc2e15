"""For random users of two instances, Sourcegraph gives what a brute-force count of its rows gives."""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta

from hypothesis import given
from hypothesis import strategies as st

from exporter.simulator.company import Company
from exporter.simulator.server import serve
from exporter.simulator.sourcegraph import Instances, sourcegraph_app
from exporter.simulator.sourcegraph_usage import CLOUD, SELF_HOSTED, Account, Counts, Row
from tests.support.counted_elsewhere import COUNTED_ELSEWHERE
from tests.support.examples import examples
from tests.support.vendor_polls import VendorPolls

NEWEST = date(2026, 11, 19)
NOW = datetime.combine(NEWEST, time(12), UTC) + timedelta(days=1)
DAYS = [NEWEST - timedelta(days=back) for back in range(-1, 9)]
LENGTHS = {"1d": 1, "7d": 7}
# What each count of the simulator is in the exporter's words.
WORDS = {
    "searches": ("usage", "searches"),
    "code_navigation": ("usage", "code_navigation"),
    "code_insight_views": ("usage", "code_insight_views"),
    "chats": ("usage", "chat_messages"),
    "commands": ("usage", "commands"),
    "suggestions": ("usage", "completions_suggested"),
    "acceptances": ("usage", "completions_accepted"),
    "accepted_chars": ("code_characters", "completions_accepted"),
    "cody_chars": ("code_characters", "written_by_assistant"),
    "chars": ("code_characters", "written"),
    "auto_edits_suggested": ("usage", "auto_edits_suggested"),
    "auto_edits_accepted": ("usage", "auto_edits_accepted"),
    "lines_by_chats": ("code_lines", "chats_and_commands"),
    "lines_by_completions": ("code_lines", "completions_and_auto_edits"),
}

COUNTS = st.fixed_dictionaries({}, optional=dict.fromkeys(WORDS, st.integers(0, 5) | st.just(2**40))).map(
    lambda cells: Counts(**cells)
)
# One user has many rows; both instances know the ids 1 to 6; a blank id is nobody.
ROWS = st.builds(
    Row,
    id=st.sampled_from(["", "1", "2", "3", "4", "5", "6"]),
    email=st.just(""),
    username=st.sampled_from(["", 'a "b", c']),
    active=st.booleans(),
    client=st.sampled_from(["vscode.cody", "server.web", ""]),
    day=st.sampled_from(DAYS),
    language=st.sampled_from(["Go", "go", " "]),
    counts=st.just(Counts()) | COUNTS,
    arrives=st.just(NOW),
)


@dataclass(frozen=True)
class Users:
    """The rows of each instance, and which ids are service accounts on the one that has a registry."""

    rows: Mapping[str, Sequence[Row]]
    service: frozenset[str]

    def instances(self) -> Instances:
        """What the simulated server is made over."""
        return Instances(
            rows=lambda host, day, _now: [row for row in self.rows[host] if row.day == day],
            accounts=lambda host, _now: (
                [Account(user, user in self.service, admin=False) for user in "1234567"] if host == CLOUD else None
            ),
            first_day=DAYS[-1],
        )


USERS = st.builds(
    Users,
    rows=st.fixed_dictionaries({CLOUD: st.lists(ROWS, max_size=40), SELF_HOSTED: st.lists(ROWS, max_size=40)}),
    service=st.frozensets(st.sampled_from("1234567"), max_size=3),
)


def counted(users: Users, host: str) -> Iterator[tuple[str, tuple[str, ...], float]]:
    """Every sample of the windows of an instance, the slow and obvious way."""
    known = host == CLOUD
    for name, length in LENGTHS.items():
        rows = [row for row in users.rows[host] if NEWEST - timedelta(days=length) < row.day <= NEWEST]
        active = {(row.day, row.id) for row in rows if row.active and row.id}
        people = {(day, user) for day, user in active if not (known and user in users.service)}
        yield "adoption_active_users", (name,), len({user for _, user in people})
        if known:
            yield "adoption_active_service_accounts", (name,), len({user for _, user in active - people})
            yield "adoption_seats_idle", (name,), len(set("1234567") - users.service - {user for _, user in people})
        heads: dict[tuple[str, str], set[str]] = defaultdict(set)
        sums: dict[tuple[str, ...], int] = defaultdict(int)
        days: dict[tuple[date, str, str], int] = defaultdict(int)
        for row in rows:
            members = {"client": row.client.strip() or "unknown", "language": row.language.strip() or "unknown"}
            for dimension, member in members.items():
                if (row.day, row.id) in people:
                    heads[dimension, member].add(row.id)
            for field, (measure, activity) in WORDS.items():
                count = getattr(row.counts, field) or 0
                sums[measure, activity] += count
                if measure == "usage":
                    days[row.day, row.id, activity] += count
                    for dimension, member in members.items():
                        sums[dimension, activity, member] += count
        for (day, user, activity), count in days.items():
            if count and (day, user) in people:
                heads["activity", activity].add(user)
        for measure, activity in WORDS.values():
            yield f"adoption_{measure}", (name, activity), sums[measure, activity]
        for (dimension, member), found in heads.items():
            yield f"adoption_{dimension}_active_users", (name, member), len(found)
        for key, value in sums.items():
            if len(key) == 3 and value:
                yield f"adoption_{key[0]}_usage", (name, *key[1:]), value


def published(bench: VendorPolls, host: str) -> dict[tuple[str, tuple[str, ...]], float]:
    """Every sample of an instance that is about a window and that the vendor's answers alone give."""
    return {
        (sample.metric, sample.labels[3:]): sample.value
        for sample in bench.samples()
        if sample.labels[2] == host and len(sample.labels) > 3 and sample.metric not in COUNTED_ELSEWHERE
    }


@examples(15)
@given(users=USERS, inclusive=st.booleans(), compressed=st.booleans())
def test_what_is_published_equals_a_brute_force_count(users: Users, inclusive: bool, compressed: bool) -> None:
    app = sourcegraph_app(
        Company(), lambda: NOW, instances=users.instances(), inclusive_end=inclusive, compressed=compressed
    )
    with serve(app) as server:
        given = {
            "base_url": server.url,
            "token": "demo-token",
            "instances": [CLOUD, SELF_HOSTED],
            "history": timedelta(days=8),
            "late_grace": timedelta(),
        }
        bench = VendorPolls("sourcegraph", given, NOW)
        status = bench.poll()

    assert status.failure is None
    for host in (CLOUD, SELF_HOSTED):
        assert published(bench, host) == {(metric, labels): value for metric, labels, value in counted(users, host)}
    assert bench.values("adoption_seats") == {(CLOUD,): 7.0 - len(users.service)}
