"""GitHub Copilot: what stands beside the people of a day: seats, teams, bills, e-mails, and the App that asks."""

from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import httpx
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from pydantic import SecretStr

from exporter.config.teams_file import TeamsFile, teams_file
from exporter.model import ONE_DAY, AmountKey, spend
from exporter.state.accounts import plain
from tests.support.failures import failure_of
from tests.support.github import ACME, GitHub, at, file, lines, recorded, refusal, row
from tests.support.vendor_polls import VendorPolls

pytestmark = pytest.mark.slow

NOW = at(2026, 9, 15)
DAY = date(2026, 9, 12)
TEAMS = {"teams": {"from": "vendor"}}
BILLED = {"spend": "billing", "billing": {"organizations": ["acme"]}}


def github(*user_ids: int, days: int = 1) -> GitHub:
    """An organization where these people worked on each of the newest days."""
    made = GitHub()
    for day in (DAY - back * ONE_DAY for back in range(days)):
        made.put("users-1-day", day, lines(*(row(one, day, used_chat=True) for one in user_ids)))
    return made


def of_one_day(bench: VendorPolls, metric: str) -> dict[tuple[str, ...], float]:
    return {labels[2:]: value for labels, value in bench.values(metric).items() if labels[1] == "1d"}


def names(bench: VendorPolls, metric: str) -> set[tuple[str, ...]]:
    return {labels[1:] for labels in bench.values(metric)}


# Seats


def test_seats_are_people_whom_no_repeated_or_vacant_or_machine_seat_adds_to() -> None:
    made = GitHub()
    day = date(2026, 4, 20)
    made.put("users-1-day", day, file("users-1-day-normal-part-1.ndjson"), place="/enterprises/acme")
    pages = recorded("enterprise-seats-two-orgs.json")
    machine = {**pages["seats"][0], "assignee": {"id": 7, "login": "deploy-helper", "type": "User"}}
    robot = {**pages["seats"][0], "assignee": {"id": 8, "login": "dependabot[bot]", "type": "Bot"}}
    pages["seats"] += [machine, robot]
    made.pages["/enterprises/acme"] = [pages]
    bench = made.polls(at(2026, 4, 23), enterprise="acme", service_accounts=["Deploy-Helper"])
    bench.poll()

    assert bench.values("adoption_seats") == {("acme",): 2}
    # 1001 has a row; 1009 holds a seat since January and was not seen for 90 days.
    assert of_one_day(bench, "adoption_seats_idle") == {(): 1}


def test_nobody_is_idle_who_was_active_where_reports_do_not_look() -> None:
    made = github(1, days=28)
    seat = {"created_at": "2026-01-02T09:00:00Z", "last_activity_at": None}
    made.pages[ACME] = [
        {
            "total_seats": 5,
            "seats": [
                {**seat, "assignee": {"id": 1, "login": "dev-1", "type": "User"}},
                {**seat, "assignee": {"id": 2, "login": "dev-2", "type": "User"}},
                # On the day before the newest one, where its offset says the newest.
                {**seat, "last_activity_at": "2026-09-12T00:30:00+02:00", "assignee": {"id": 3, "login": "dev-3"}},
                {**seat, "last_activity_at": "2026-09-12T00:30:00Z", "assignee": {"id": 4, "login": "dev-4"}},
                {**seat, "created_at": "2026-08-20T23:30:00-06:00", "assignee": {"id": 5, "login": "dev-5"}},
            ],
        }
    ]
    bench = made.polls(NOW, history=timedelta(days=28))
    bench.poll()

    assert bench.values("adoption_seats") == {("acme",): 5}
    assert bench.values("adoption_seats_idle") == {("acme", "1d"): 3, ("acme", "7d"): 2, ("acme", "28d"): 2}
    # Of both who are idle, the older seat may have been used before the 90 days of which GitHub knows.
    assert bench.values("adoption_seats_never_used") == {("acme",): 1}


@pytest.mark.parametrize("name", ["403-integration", "404-not-found"])
def test_seats_that_are_refused_cost_themselves_alone(name: str) -> None:
    made = github(1)
    made.pages[ACME] = [refusal(name)]
    bench = made.polls(NOW)

    assert bench.poll().success
    assert bench.poller().failed == {}
    assert bench.values("adoption_seats") == {}
    assert bench.values("adoption_active_users") == {("acme", "1d"): 1}


def test_an_outage_of_seats_fails_the_poll_and_the_people_are_published() -> None:
    made = github(1)
    made.pages[ACME] = [httpx.Response(500)]
    bench = made.polls(NOW)

    assert failure_of(bench.poll()).reason == "unreachable"
    assert bench.values("adoption_active_users") == {("acme", "1d"): 1}


def test_a_configured_number_of_seats_asks_for_no_holders() -> None:
    made = github(1)
    bench = made.polls(NOW, seats=40)
    bench.poll()

    assert bench.values("adoption_seats") == {("all",): 40}
    assert [asked for asked in made.asked if "seats" in asked] == []


# Teams


def memberships(*rows: tuple[int, int, str], day: date = DAY) -> bytes:
    return lines(
        *({"day": str(day), "user_id": one, "team_id": team, "slug": slug} for one, team, slug in rows),
    )


def with_vendor_teams(made: GitHub, **settings: Any) -> VendorPolls:
    return made.polls(NOW, **TEAMS, **settings)


def test_a_person_counts_in_every_team_of_the_day_and_one_slug_is_one_team() -> None:
    made = github(1, 2, 3, 4)
    made.put(
        "user-teams-1-day",
        DAY,
        memberships((1, 42, "web"), (1, 43, "data"), (2, 42, "web"), (9, 43, "data")),
        memberships((3, 44, "web")),
    )
    bench = with_vendor_teams(made)
    bench.poll()

    assert of_one_day(bench, "adoption_team_active_users") == {("web",): 3, ("data",): 1, ("unassigned",): 1}
    assert [asked.rpartition("/")[2] for asked in made.asked[:5]] == [
        f"users-1-day {DAY}",
        "part-0",
        f"user-teams-1-day {DAY}",
        "part-0",
        "part-1",
    ]


def test_recorded_memberships_join_by_id() -> None:
    made = GitHub()
    day = date(2026, 4, 20)
    made.put("users-1-day", day, file("users-1-day-normal-part-1.ndjson"), file("users-1-day-normal-part-2.ndjson"))
    made.put("user-teams-1-day", day, file("user-teams-1-day.ndjson"))
    bench = made.polls(at(2026, 4, 23), **TEAMS)
    bench.poll()

    # GitHub has had memberships since the middle of May.
    assert bench.values("adoption_team_active_users") == {}
    assert [asked for asked in made.asked if "user-teams" in asked] == []


def test_a_renamed_team_has_its_newest_slug_on_every_day() -> None:
    made = github(1, days=7)
    for back in range(7):
        day = DAY - back * ONE_DAY
        made.put("user-teams-1-day", day, memberships((1, 42, "web" if back else "frontend"), day=day))
    bench = with_vendor_teams(made, history=timedelta(days=7))
    bench.poll()

    assert names(bench, "adoption_team_active_users") == {("1d", "frontend"), ("7d", "frontend")}


@pytest.mark.parametrize("answer", [httpx.Response(204), refusal("404-not-found"), (b"",), refusal("403-pat")])
def test_a_day_without_memberships_is_stored_without_teams_and_completed_later(answer: Any) -> None:
    made = github(1)
    made.reports[f"{ACME}/user-teams-1-day/{DAY}"] = answer
    bench = with_vendor_teams(made)
    bench.poll()

    assert bench.poller().failed == {}
    assert bench.values("adoption_active_users") == {("acme", "1d"): 1}
    assert bench.values("adoption_team_active_users") == {}

    made.put("user-teams-1-day", DAY, memberships((1, 42, "web")))
    bench.poll()
    assert of_one_day(bench, "adoption_team_active_users") == {("web",): 1}
    assert bench.values("adoption_data_revisions_total") == {("acme",): 0}


def test_an_outage_of_memberships_fails_the_poll_once_and_the_people_are_published() -> None:
    made = github(1, days=3)
    for back in range(3):
        made.reports[f"{ACME}/user-teams-1-day/{DAY - back * ONE_DAY}"] = httpx.Response(503)
    made.pages[ACME] = [{"total_seats": 0, "seats": []}]
    bench = with_vendor_teams(made, history=timedelta(days=3))
    failure = failure_of(bench.poll())

    assert (failure.reason, failure.status) == ("unreachable", 503)
    assert len([asked for asked in made.asked if "user-teams" in asked]) == 4
    assert len(bench.store.days("tool", "acme")) == 3
    assert bench.values("adoption_seats") == {("acme",): 0}


def test_a_day_beyond_the_lookback_is_not_read_again_for_its_teams() -> None:
    made = github(1, days=3)
    bench = with_vendor_teams(made, history=timedelta(days=3))
    bench.poll()

    assert [stored.pending for _, stored in sorted(bench.store.days("tool", "acme").items())] == [False, False, True]


# Bills


def bill_of(day: date, name: str = "ai-credit-usage-org-day.json") -> Any:
    return {**recorded(name), "timePeriod": {"year": day.year, "month": day.month, "day": day.day}}


def test_a_recorded_bill_is_added_up_exactly_in_total_and_by_model() -> None:
    made = github(1)
    made.bills[f"/organizations/acme/{DAY}"] = bill_of(DAY)
    bench = made.polls(NOW, **BILLED)
    bench.poll()
    amounts = bench.store.facts("tool", "acme", [DAY])[DAY].amounts
    gross, net = spend("USD", "estimated"), spend("USD", "charged")

    assert {key: value for key, value in amounts.items() if key.amount in (gross, net)} == {
        AmountKey(gross): Decimal("145.87781971"),
        AmountKey(gross, "model", "Auto: Claude Haiku 4.5"): Decimal("42.595525545"),
        AmountKey(gross, "model", "Auto: Claude Sonnet 4.6"): Decimal("94.986969165"),
        AmountKey(gross, "model", "Auto: Coding Agent model"): Decimal("0.544"),
        AmountKey(gross, "model", "Coding Agent model"): Decimal("7.751325"),
        AmountKey(net): Decimal("3.965167"),
        AmountKey(net, "model", "Auto: Claude Haiku 4.5"): Decimal("1.061804"),
        AmountKey(net, "model", "Auto: Coding Agent model"): Decimal("0.1904"),
        AmountKey(net, "model", "Coding Agent model"): Decimal("2.712963"),
    }
    assert made.requests[2].url.query == b"year=2026&month=9&day=12"


def test_an_empty_bill_is_zero_and_other_products_are_none_of_it() -> None:
    made = github(1)
    empty = bill_of(DAY, "ai-credit-usage-empty.json")
    other = {"product": "Actions", "model": None, "grossAmount": 3, "netAmount": 3}
    made.bills[f"/organizations/acme/{DAY}"] = {**empty, "usageItems": [other]}
    bench = made.polls(NOW, **BILLED)
    bench.poll()

    zero = {("acme", "1d", "USD", "estimated"): 0.0, ("acme", "1d", "USD", "charged"): 0.0}
    assert bench.values("adoption_spend") == zero
    assert bench.values("adoption_model_spend") == {}


def test_the_bill_of_an_enterprise_is_a_scope_of_its_own_with_its_own_token() -> None:
    made = github(1)
    made.bills[f"/enterprises/acme-inc/{DAY}"] = bill_of(DAY)
    made.tokens.add("billing-token")
    billing = {"enterprise": "Acme-Inc", "token": "billing-token"}
    bench = made.polls(NOW, spend="billing", billing=billing)
    bench.poll()

    assert bench.poller().failed == {}
    assert bench.values("adoption_active_users") == {("acme", "1d"): 1}
    assert names(bench, "adoption_spend") == {("1d", "USD", "estimated"), ("1d", "USD", "charged")}
    assert {scope for scope, *_ in bench.values("adoption_spend")} == {"acme-inc"}
    assert {scope for (scope,) in bench.values("adoption_seats")} == {"acme"}
    sent = {request.headers["authorization"] for request in made.requests if "/settings/billing/" in request.url.path}
    assert sent == {"Bearer billing-token"}


@pytest.mark.parametrize("name", ["403-integration", "404-not-found"])
@pytest.mark.parametrize("place", ["acme", "elsewhere"])
def test_bills_that_are_refused_cost_themselves_alone(name: str, place: str) -> None:
    made = github(1)
    made.bills[f"/organizations/{place}/{DAY}"] = refusal(name)
    bench = made.polls(NOW, spend="billing", billing={"organizations": [place]})

    assert bench.poll().success
    assert bench.poller().failed == {}
    assert bench.values("adoption_active_users") == {("acme", "1d"): 1}
    assert bench.values("adoption_spend") == {}


def test_an_outage_of_bills_fails_the_poll_and_the_money_comes_later_without_a_revision() -> None:
    made = github(1)
    made.bills[f"/organizations/acme/{DAY}"] = httpx.Response(503)
    bench = made.polls(NOW, **BILLED)

    assert failure_of(bench.poll()).reason == "unreachable"
    assert bench.values("adoption_active_users") == {("acme", "1d"): 1}
    assert bench.values("adoption_spend") == {}

    made.bills[f"/organizations/acme/{DAY}"] = bill_of(DAY)
    bench.poll()
    assert len(bench.values("adoption_spend")) == 2
    assert bench.values("adoption_data_revisions_total") == {("acme",): 0}


def test_the_bill_of_another_period_is_no_bill_of_the_day() -> None:
    made = github(1)
    made.bills[f"/organizations/acme/{DAY}"] = recorded("ai-credit-usage-enterprise-documented.json")
    failure = failure_of(made.polls(NOW, **BILLED).poll())

    assert failure.reason == "payload"
    assert failure.message.endswith("asked for day 2026-09-12, got the period 2025-None-None")


# Credits and tokens


def test_credits_and_tokens_that_no_row_has_are_missing_within_the_lookback_and_zero_after_it() -> None:
    made = github(1, days=3)
    bench = made.polls(NOW, history=timedelta(days=3), lookback=timedelta(days=2))
    bench.poll()
    known = bench.store.facts("tool", "acme", [DAY - back * ONE_DAY for back in range(3)])

    assert {day: sorted(map(str, facts.pending)) for day, facts in known.items()} == {
        DAY: ["spend", "tokens"],
        DAY - ONE_DAY: ["spend", "tokens"],
        DAY - 2 * ONE_DAY: [],
    }
    assert bench.values("adoption_spend")[("acme", "1d", "USD", "estimated")] == 0


def test_no_money_is_asked_for_without_spend() -> None:
    bench = github(1).polls(NOW, spend="none", lookback=timedelta(0))
    bench.poll()

    assert bench.values("adoption_spend") == {}
    assert bench.values("adoption_tokens") == {("acme", "1d", "input"): 0, ("acme", "1d", "output"): 0}


def test_credits_are_added_exactly_also_those_that_are_paid_back() -> None:
    made = GitHub()
    rows = [row(number, DAY, ai_credits_used=credit) for number, credit in enumerate([0.1, 0.2, -0.05, 1e-7], start=1)]
    made.put("users-1-day", DAY, lines(*rows))
    bench = made.polls(NOW)
    bench.poll()
    amounts = bench.store.facts("tool", "acme", [DAY])[DAY].amounts

    assert amounts[AmountKey(spend("USD", "estimated"))] == Decimal("0.002500001")


# E-mails


def teams(folder: Path, *lines_of_file: str) -> TeamsFile:
    path = folder / "teams.csv"
    path.write_text("\n".join(("user,team", *lines_of_file)))
    return teams_file(path)


def with_emails(made: GitHub, folder: Path) -> VendorPolls:
    bench = made.polls(NOW, identity="saml")
    bench.teams = teams(folder, "Dev1@example.com,web", "dev3@example.com,data", "dev-2,web")
    return bench


def only_page() -> Any:
    """The first recorded page, with nothing behind it."""
    page = recorded("graphql-saml-page-1.json")
    provider = page["data"]["organization"]["samlIdentityProvider"]
    provider["externalIdentities"]["pageInfo"] = {"hasNextPage": False, "endCursor": None}
    return page


def test_e_mails_of_the_identity_provider_find_people_in_the_teams_file(tmp_path: Path) -> None:
    made = github(1001, 1002, 1003)
    made.identities = [recorded("graphql-saml-page-1.json"), recorded("graphql-saml-page-2.json")]
    bench = with_emails(made, tmp_path)
    bench.poll()

    # 1002 has no e-mail, and its login is not dev-2 here.
    assert of_one_day(bench, "adoption_team_active_users") == {("web",): 1, ("data",): 1, ("unassigned",): 1}
    cursors = [request.read() for request in made.requests if request.url.path == "/graphql"]
    assert [b'"after":null' in cursors[0], b"Y3Vyc29yOnYyOpHOAMl1tg==" in cursors[1]] == [True, True]

    made.asked.clear()
    bench.poll()
    assert [asked for asked in made.asked if "graphql" in asked] == []


@pytest.mark.parametrize(
    "answer",
    [
        recorded("graphql-error.json"),
        recorded("graphql-no-saml.json"),
        {"data": {"organization": None}},
        refusal("403-pat"),
    ],
)
def test_without_any_e_mail_there_are_no_teams_and_with_the_last_known_ones_there_are(
    answer: Any, tmp_path: Path
) -> None:
    made = github(1001)
    made.identities = [answer]
    bench = with_emails(made, tmp_path)
    bench.poll()
    assert bench.poller().failed == {}
    assert bench.values("adoption_active_users") == {("acme", "1d"): 1}
    assert bench.values("adoption_team_active_users") == {}

    made.identities = [only_page(), answer]
    bench.poll()
    assert of_one_day(bench, "adoption_team_active_users") == {("web",): 1}
    assert bench.values("adoption_data_revisions_total") == {("acme",): 0}

    bench.now += ONE_DAY
    bench.made = None
    made.put("users-1-day", DAY + ONE_DAY, lines(row(1001, DAY + ONE_DAY, used_chat=True)))
    bench.poll()
    assert of_one_day(bench, "adoption_team_active_users") == {("web",): 1}


def test_an_outage_of_graphql_fails_the_poll_and_the_people_are_published(tmp_path: Path) -> None:
    made = github(1001)
    made.identities = [httpx.Response(502)] * 4
    bench = with_emails(made, tmp_path)

    assert failure_of(bench.poll()).reason == "unreachable"
    assert bench.values("adoption_active_users") == {("acme", "1d"): 1}


def test_an_enterprise_asks_for_the_identities_of_the_enterprise(tmp_path: Path) -> None:
    made = GitHub()
    made.put("users-1-day", DAY, lines(row(1001, DAY, used_chat=True)), place="/enterprises/acme")
    made.identities = [{"data": {"enterprise": {"ownerInfo": only_page()["data"]["organization"]}}}]
    bench = made.polls(NOW, enterprise="acme", identity="saml")
    bench.teams = teams(tmp_path, "dev1@example.com,web")
    bench.poll()

    assert of_one_day(bench, "adoption_team_active_users") == {("web",): 1}


# Names


def test_a_renamed_person_is_one_who_is_called_by_the_newest_login_and_found_by_any(tmp_path: Path) -> None:
    made = GitHub()
    for back, login in enumerate(["Anna-New", "anna-old", "anna-old"]):
        day = DAY - back * ONE_DAY
        messages = {"user_initiated_interaction_count": 2}
        made.put("users-1-day", day, lines({**row(1, day, **messages), "user_login": login}))
    bench = made.polls(NOW, history=timedelta(days=3))
    bench.teams, bench.label = teams(tmp_path, "anna-old,web"), plain
    bench.poll()

    assert {labels[-1] for labels in bench.values("adoption_user_usage")} == {"Anna-New"}
    assert of_one_day(bench, "adoption_team_active_users") == {("web",): 1}


# The App


def test_an_app_asks_with_the_token_of_each_installation(tmp_path: Path) -> None:
    key = rsa.generate_private_key(65537, 2048)
    form = serialization.PrivateFormat.PKCS8
    path = tmp_path / "app.pem"
    path.write_bytes(key.private_bytes(serialization.Encoding.PEM, form, serialization.NoEncryption()))
    made = github(1)
    made.put("users-1-day", DAY, lines(row(1, DAY, used_chat=True)), place="/orgs/acme-data")
    made.installations = {"/orgs/acme": 8001, "/orgs/acme-data": 8002}
    app = {"client_id": "Iv23client", "private_key_file": str(path)}
    bench = made.polls(NOW, organizations=["acme", "acme-data"], app=app, token=SecretStr(""))
    bench.poll()

    assert bench.poller().failed == {}
    assert bench.values("adoption_active_users") == {("acme", "1d"): 1, ("acme-data", "1d"): 1}
    sent = [
        (request.url.path.split("/")[2], request.headers["authorization"])
        for request in made.requests
        if request.url.path.endswith(("users-1-day", "seats"))
    ]
    assert sent == [
        ("acme", "Bearer ghs_8001"),
        ("acme", "Bearer ghs_8001"),
        ("acme-data", "Bearer ghs_8002"),
        ("acme-data", "Bearer ghs_8002"),
    ]


def test_an_app_that_is_not_installed_is_told_so(tmp_path: Path) -> None:
    key = rsa.generate_private_key(65537, 2048)
    form = serialization.PrivateFormat.PKCS8
    path = tmp_path / "app.pem"
    path.write_bytes(key.private_bytes(serialization.Encoding.PEM, form, serialization.NoEncryption()))
    made = github(1)
    bench = made.polls(NOW, app={"client_id": "Iv23client", "private_key_file": str(path)}, token=SecretStr(""))
    failure = failure_of(bench.poll())

    assert failure.reason == "rejected"
    assert "the GitHub App Iv23client is not installed at orgs/acme" in failure.message
