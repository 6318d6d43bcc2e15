"""Teams of a day's facts: people, usage and time by team, which add up to the totals."""

from collections.abc import Mapping
from dataclasses import replace
from decimal import Decimal

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pyroaring import BitMap

from exporter.model import EVERYBODY, Amount, AmountKey, DayFacts, PeopleKey, spend, tokens
from exporter.samples.teams import membership, with_teams, with_vendor_teams
from exporter.state.codec import same
from tests.support.examples import examples
from tests.support.window_facts import ABOUT, CHATS, DATA_DAY, LINES, SEARCHES, TIME, VIM, back, scope, shown

WEB, APP, REST = (PeopleKey("team", name) for name in ("web", "app", "unassigned"))
TEAMS = {1: "web", 2: "web", 3: "app", 8: "app"}


def table(accounts: list[int], **columns: list[int]) -> pl.DataFrame:
    """Amounts by account, in the columns of activities or of time as a whole."""
    names = {"time": "active_time|", "written": "code_lines|written"}
    named = {names.get(name, f"usage|{name}"): values for name, values in columns.items()}
    return pl.DataFrame({"account": accounts, **named}, schema={"account": pl.UInt32, **dict.fromkeys(named, pl.Int64)})


def of(key: AmountKey, team: str) -> AmountKey:
    return key._replace(dimension="team", member=team)


DAY = DayFacts(
    amounts={SEARCHES: 100, LINES: 7, AmountKey(Amount("usage", "searches"), "client", "vim"): 60},
    people={EVERYBODY: BitMap([1, 2, 3, 4, 8]), VIM: BitMap([1])},
    service=BitMap([8]),
    by_account=table([1, 2, 3, 4, 8], searches=[5, 10, 20, 30, 3], written=[7, 0, 0, 0, 0]),
)


def test_service_accounts_people_in_no_team_and_the_rest_of_a_total_are_unassigned() -> None:
    facts = with_teams(DAY, membership(TEAMS))

    expected = replace(
        DAY,
        amounts={**DAY.amounts, of(SEARCHES, "web"): 15, of(SEARCHES, "app"): 20, of(SEARCHES, "unassigned"): 65},
        people={**DAY.people, WEB: BitMap([1, 2]), APP: BitMap([3, 8]), REST: BitMap([4])},
    )
    assert same(facts, expected)


def test_people_of_a_team_are_people() -> None:
    assert shown(scope({DATA_DAY: with_teams(DAY, membership(TEAMS))})) == {
        **ABOUT,
        "active_users{1d}": 4,
        "active_service_accounts{1d}": 1,
        "client_active_users{1d,vim}": 1,
        "team_active_users{1d,web}": 2,
        "team_active_users{1d,app}": 1,
        "team_active_users{1d,unassigned}": 1,
        "usage{1d,searches}": 100,
        "code_lines{1d,written}": 7,
        "client_usage{1d,searches,vim}": 60,
        "team_usage{1d,searches,web}": 15,
        "team_usage{1d,searches,app}": 20,
        "team_usage{1d,searches,unassigned}": 65,
    }


def test_a_team_in_the_file_called_unassigned_is_the_unassigned_one() -> None:
    facts = with_teams(DAY, membership({**TEAMS, 4: "unassigned", 3: "unassigned"}))

    assert {key: accounts for key, accounts in facts.people.items() if key.dimension == "team"} == {
        WEB: BitMap([1, 2]),
        APP: BitMap([8]),
        REST: BitMap([3, 4]),
    }
    assert facts.amounts[of(SEARCHES, "unassigned")] == 85


def test_without_a_single_match_everybody_is_unassigned() -> None:
    facts = with_teams(DAY, membership({}))

    assert facts.people[REST] == BitMap([1, 2, 3, 4, 8])
    assert {key: value for key, value in facts.amounts.items() if key.dimension == "team"} == {
        of(SEARCHES, "unassigned"): 100
    }


def test_time_is_exact_to_the_nanosecond() -> None:
    facts = DayFacts(
        amounts={TIME: Decimal("3.000000001"), AmountKey(Amount("active_time", "ide")): Decimal(1)},
        by_account=table([1, 3], time=[1_000_000_001, 500_000_000]),
    )

    assert {key: value for key, value in with_teams(facts, membership(TEAMS)).amounts.items() if key.member} == {
        of(TIME, "web"): Decimal("1.000000001"),
        of(TIME, "app"): Decimal("0.5"),
        of(TIME, "unassigned"): Decimal("1.5"),
    }


def test_sums_beyond_64_bits_are_exact() -> None:
    most = 2**63 - 1
    facts = DayFacts(amounts={CHATS: most}, by_account=table([1, 2], chat_messages=[most, most]))

    found = with_teams(facts, membership(TEAMS)).amounts

    assert found[of(CHATS, "web")] == 2 * most
    assert found[of(CHATS, "unassigned")] == -most


def test_a_vendor_without_accounts_has_no_teams() -> None:
    facts = DayFacts(amounts={SEARCHES: 5}, head_count=4)

    assert with_teams(facts, membership(TEAMS)) == facts


@pytest.mark.parametrize(
    "other",
    [
        replace(DAY, amounts={}),
        replace(DAY, by_account=None),
        replace(DAY, by_account=table([1], written=[7])),
        replace(DAY, missing=frozenset({Amount("usage", "searches")})),
    ],
    ids=["no total", "no accounts", "no column", "missing field"],
)
def test_a_day_without_an_amount_hides_the_teams_of_every_window_that_holds_it(other: DayFacts) -> None:
    members = membership(TEAMS)
    facts = {back(age): with_teams(other if age == 3 else DAY, members) for age in range(7)}

    assert {name for name in shown(scope(facts)) if name.startswith("team_usage")} == {
        "team_usage{1d,searches,web}",
        "team_usage{1d,searches,app}",
        "team_usage{1d,searches,unassigned}",
    }


def test_a_person_of_a_window_counts_in_the_team_of_now_on_every_day() -> None:
    members = membership({1: "web"})
    facts = {
        back(age): with_teams(DayFacts(people={EVERYBODY: BitMap([1, 2] if age else [2])}), members) for age in range(7)
    }

    found = {name: value for name, value in shown(scope(facts)).items() if name.startswith("team")}

    assert found == {
        "team_active_users{1d,unassigned}": 1,
        "team_active_users{7d,web}": 1,
        "team_active_users{7d,unassigned}": 1,
    }


ACCOUNTS = range(8)


@st.composite
def days(draw: st.DrawFn) -> DayFacts:
    used = draw(st.dictionaries(st.sampled_from(ACCOUNTS), st.tuples(st.integers(0, 9), st.integers(0, 10**9))))
    blank_usage, blank_time = draw(st.tuples(st.integers(0, 5), st.integers(0, 10**9)))
    rows = sorted(used.items())
    return DayFacts(
        amounts={
            SEARCHES: sum(usage for usage, _ in used.values()) + blank_usage,
            TIME: Decimal(sum(time for _, time in used.values()) + blank_time).scaleb(-9),
        },
        people={EVERYBODY: BitMap(draw(st.sets(st.sampled_from(ACCOUNTS))))},
        service=draw(st.none() | st.builds(BitMap, st.sets(st.sampled_from(ACCOUNTS)))),
        by_account=table(
            [account for account, _ in rows],
            searches=[usage for _, (usage, _) in rows],
            time=[time for _, (_, time) in rows],
        ),
    )


@examples(50)
@given(
    known=st.lists(days(), min_size=7, max_size=7),
    team_of=st.dictionaries(st.sampled_from(ACCOUNTS), st.sampled_from(["web", "app", "unassigned"])),
)
def test_teams_are_what_counting_by_hand_gives_and_add_up(known: list[DayFacts], team_of: Mapping[int, str]) -> None:
    members = membership(team_of)
    found = shown(scope({back(age): with_teams(facts, members) for age, facts in enumerate(known)}))

    people: dict[str, set[int]] = {}
    usage: dict[str, int] = {"unassigned": 0}
    time: dict[str, int] = {"unassigned": 0}
    for facts in known:
        service = facts.service or BitMap()
        for account in facts.people[EVERYBODY] - service:
            people.setdefault(team_of.get(account, "unassigned"), set()).add(account)
        assert facts.by_account is not None
        left_usage, left_time = int(facts.amounts[SEARCHES]), int(facts.amounts[TIME] * 10**9)
        for account, used, spent in facts.by_account.iter_rows():
            if account not in service:
                team = team_of.get(account, "unassigned")
                usage[team] = usage.get(team, 0) + used
                time[team] = time.get(team, 0) + spent
                left_usage -= used
                left_time -= spent
        usage["unassigned"] += left_usage
        time["unassigned"] += left_time

    def named(metric: str) -> dict[str, float]:
        return {name: value for name, value in found.items() if name.startswith(f"{metric}{{7d")}

    assert named("team_active_users") == {f"team_active_users{{7d,{team}}}": len(who) for team, who in people.items()}
    assert named("team_usage") == {f"team_usage{{7d,searches,{team}}}": sum_ for team, sum_ in usage.items() if sum_}
    assert named("team_active_time_seconds") == {
        f"team_active_time_seconds{{7d,{team}}}": float(Decimal(sum_).scaleb(-9)) for team, sum_ in time.items() if sum_
    }
    assert sum(named("team_usage").values()) == found["usage{7d,searches}"]
    assert sum(usage.values()) == found["usage{7d,searches}"]


CHARGED, READ = AmountKey(spend("USD", "charged")), AmountKey(tokens("cache_read"))
COSTS = DayFacts(
    amounts={SEARCHES: 10, CHARGED: Decimal("1.07"), READ: 9},
    people={EVERYBODY: BitMap([1, 2, 3, 8])},
    service=BitMap([8]),
    by_account=pl.DataFrame(
        [
            (1, 5, Decimal("0.10"), 4),
            (2, 1, Decimal("-0.05"), 0),
            (3, 0, Decimal("0.01"), 1),
            (8, 2, Decimal("1.01"), 4),
        ],
        schema={
            "account": pl.UInt32,
            "usage|searches": pl.Int64,
            "spend|USD|charged": pl.Decimal(38, 2),
            "tokens|cache_read": pl.Int64,
        },
        orient="row",
    ),
)


def test_tokens_and_money_by_team_are_exact_and_add_up_to_the_total() -> None:
    found = with_teams(COSTS, membership({1: "web", 2: "web", 8: "web"})).amounts

    assert {key.member: value for key, value in found.items() if key == of(CHARGED, key.member)} == {
        "web": Decimal("0.05"),
        "unassigned": Decimal("1.02"),
    }
    assert {key.member: value for key, value in found.items() if key == of(READ, key.member)} == {
        "web": 4,
        "unassigned": 5,
    }


def test_who_is_in_several_teams_of_the_vendor_counts_in_each_and_not_among_the_unassigned() -> None:
    teams = {"t1": BitMap([1, 2]), "t2": BitMap([1, 8]), "t3": BitMap([3]), "t4": BitMap([2])}
    names = {"t1": "web", "t2": "app", "t3": "unassigned", "t4": "web"}

    facts = with_vendor_teams(replace(COSTS, teams=teams), names)

    assert {key.member: set(found) for key, found in facts.people.items() if key.dimension == "team"} == {
        "web": {1, 2},
        "app": {1, 8},
        "unassigned": {3},
    }
    assert {(key.amount, key.member): value for key, value in facts.amounts.items() if key.dimension == "team"} == {
        (SEARCHES.amount, "web"): 6,
        (SEARCHES.amount, "app"): 5,
        (SEARCHES.amount, "unassigned"): 4,
        (CHARGED.amount, "web"): Decimal("0.05"),
        (CHARGED.amount, "app"): Decimal("0.10"),
        (CHARGED.amount, "unassigned"): Decimal("1.02"),
        (READ.amount, "web"): 4,
        (READ.amount, "app"): 4,
        (READ.amount, "unassigned"): 5,
    }


def test_a_day_of_which_the_vendors_teams_are_not_known_has_none() -> None:
    facts = with_vendor_teams(COSTS, {})

    assert facts.missing == {"team"}
    assert same(replace(facts, missing=frozenset()), COSTS)
