"""GitHub Copilot: what each refusal and outage becomes, in which words, and what it leaves untouched."""

from datetime import date, timedelta
from typing import Any

import httpx
import pytest

from exporter.model import ONE_DAY
from exporter.poll.online_check import online_check
from tests.support.failures import failure_of, reason_and_message
from tests.support.github import ACME, GitHub, at, lines, recorded, refusal, row

NOW = at(2026, 9, 15)
DAY = date(2026, 9, 12)
DAYS = [DAY - back * ONE_DAY for back in range(3)]
USERS = "copilot GET /orgs/acme/copilot/metrics/reports/users-1-day"
POLICY = (
    "the policy 'Copilot usage metrics' is off: set it to Enabled everywhere, for an organization of an enterprise "
    "under the enterprise's AI Controls > Copilot > Billing & usage; the first report comes a day later"
)
METRICS = (
    "it takes Organization Copilot metrics: read; a classic token read:org, of an owner or a user with the role View "
    "Organization Copilot Metrics"
)
SSO = "the token must be authorized for single sign-on: Configure SSO beside it in its owner's settings"


def github(answer: httpx.Response) -> GitHub:
    """An organization that answers for every day alike."""
    made = GitHub()
    for day in DAYS:
        made.reports[f"{ACME}/users-1-day/{day}"] = answer
    return made


def polled(answer: httpx.Response) -> tuple[str, str]:
    return reason_and_message(github(answer).polls(NOW).poll())


def with_header(name: str, header: str, text: str) -> httpx.Response:
    answer = refusal(name)
    answer.headers[header] = text
    return answer


@pytest.mark.parametrize(
    ("answer", "reason", "words"),
    [
        (
            refusal("401-bad-credentials"),
            "rejected",
            "401, the token was refused; check token/token_file: Bad credentials",
        ),
        (
            refusal("403-policy"),
            "rejected",
            f"403: The 'Copilot usage metrics' policy must be enabled to use this API; {POLICY}",
        ),
        (
            with_header("403-integration", "x-accepted-github-permissions", "organization_copilot_metrics=read"),
            "rejected",
            (
                "403: Resource not accessible by integration; a permission is missing (GitHub names "
                f"organization_copilot_metrics=read): {METRICS}"
            ),
        ),
        (
            refusal("403-pat"),
            "rejected",
            f"403: Resource not accessible by personal access token; a permission is missing: {METRICS}",
        ),
        (
            refusal("403-saml"),
            "rejected",
            (
                "403: Resource protected by organization SAML enforcement. You must grant your Personal Access token "
                f"access to this organization.; {SSO}"
            ),
        ),
        (
            httpx.Response(403, json={"message": "the `acme` organization has an IP allow list enabled"}),
            "rejected",
            "403: the `acme` organization has an IP allow list enabled",
        ),
        (httpx.Response(422, json={"message": "Invalid day"}), "rejected", "422: Invalid day"),
        (
            httpx.Response(301, headers={"location": "https://elsewhere.example.com/x"}),
            "rejected",
            "301, redirected to elsewhere.example.com; the token is never sent elsewhere, check base_url",
        ),
        (refusal("429-secondary"), "rate_limited", None),
        (httpx.Response(502), "unreachable", "502 in 4 attempts"),
        (httpx.Response(200, content=b"[]"), "payload", "the body is an array, not an object"),
        (
            httpx.Response(200, json={"download_links": [7]}),
            "payload",
            "download_links holds something else than text",
        ),
    ],
)
def test_a_refusal_is_told_with_what_has_to_be_done(answer: httpx.Response, reason: str, words: str | None) -> None:
    found, message = polled(answer)

    assert found == reason
    assert message == f"acme: {USERS}: {words}" or words is None


def test_the_address_of_single_sign_on_is_not_told() -> None:
    assert "authorization_request" not in polled(refusal("403-saml"))[1]


def test_a_limit_that_lasts_longer_than_a_poll_may_wait_fails_it_and_delays_the_next() -> None:
    limited = refusal("403-primary")
    limited.headers["x-ratelimit-reset"] = str(int((NOW + timedelta(minutes=50)).timestamp()))
    bench = github(limited).polls(NOW)

    assert failure_of(bench.poll()).reason == "rate_limited"
    assert bench.poller().pause == timedelta(minutes=50)


# A day that fails, and others that do not


def working(*failing: tuple[date, httpx.Response]) -> GitHub:
    made = GitHub()
    for day in DAYS:
        made.put("users-1-day", day, lines(row(1, day, used_chat=True)))
    for day, answer in failing:
        made.reports[f"{ACME}/users-1-day/{day}"] = answer
    return made


def stored(made: GitHub, **settings: Any) -> tuple[set[date], str | None]:
    """The days that a poll of three stores, and why it failed."""
    bench = made.polls(NOW, history=timedelta(days=3), **settings)
    failure = bench.poll().failure
    return set(bench.store.days("tool", "acme")), None if failure is None else failure.reason


def test_a_5xx_in_place_of_the_newest_report_costs_that_day_alone() -> None:
    made = working((DAY, httpx.Response(502)))

    assert stored(made) == ({DAYS[1], DAYS[2]}, "unreachable")


def test_an_outage_is_not_tried_for_every_day() -> None:
    made = working(*((day, httpx.Response(503)) for day in DAYS))
    bench = made.polls(NOW, history=timedelta(days=3), requests_per_minute=100_000)

    assert failure_of(bench.poll()).reason == "unreachable"
    assert len([asked for asked in made.asked if "users-1-day" in asked]) == 3 * 4

    made.asked.clear()
    for back in range(3, 20):
        made.reports[f"{ACME}/users-1-day/{DAY - back * ONE_DAY}"] = httpx.Response(503)
    made.polls(NOW, history=timedelta(days=20), requests_per_minute=100_000).poll()
    assert len([asked for asked in made.asked if "users-1-day" in asked]) == 3 * 4


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b'{"day": ', "line 2: not JSON: Expecting value (character 8 of 8)"),
        (b"[]", "line 2: the body is an array, not an object"),
        (lines(row(2, DAYS[0])), "line 2: asked for day 2026-09-11, got 2026-09-12"),
        (lines(row(2, DAYS[1], used_cli="yes")), "line 2: used_cli is text, not a boolean"),
        (
            lines(row(2, DAYS[1], loc_added_sum=-1)),
            "line 2: loc_added_sum is the number -1, not a whole number from 0 to 2^63 - 1",
        ),
        (
            lines(row(2, DAYS[1], totals_by_ide=[{"ide": "vscode", "loc_added_sum": "many"}])),
            "line 2: totals_by_ide[0].loc_added_sum is text, not a whole number from 0 to 2^63 - 1",
        ),
        (lines(row(2, DAYS[1], ai_credits_used="a lot")), "line 2: ai_credits_used is text, not a decimal number"),
        (lines(row(2, DAYS[1], user_id=True)), "line 2: user_id is a boolean, not a whole number from 0 to 2^63 - 1"),
    ],
)
def test_a_wrong_line_costs_its_day_and_says_where_it_is(content: bytes, words: str) -> None:
    made = working()
    made.put("users-1-day", DAYS[1], lines(row(1, DAYS[1])), lines(row(3, DAYS[1])) + content)
    bench = made.polls(NOW, history=timedelta(days=3))

    assert reason_and_message(bench.poll()) == (
        "payload",
        f"acme: copilot users-1-day of 2026-09-11, file 2 of 2, {words}",
    )
    assert set(bench.store.days("tool", "acme")) == {DAYS[0], DAYS[2]}


def test_a_file_that_is_gone_twice_costs_its_day_which_is_not_stored_without_it() -> None:
    made = working()
    gone = f"{ACME}/users-1-day/{DAYS[1]}"
    made.put("users-1-day", DAYS[1], lines(row(1, DAYS[1])), lines(row(2, DAYS[1])))
    made.gone.add(f"{gone}/part-1")
    bench = made.polls(NOW, history=timedelta(days=3))
    failure = failure_of(bench.poll())

    assert (failure.reason, failure.status) == ("unreachable", 403)
    assert "sig" not in failure.message
    assert set(bench.store.days("tool", "acme")) == {DAYS[0], DAYS[2]}
    assert sum(asked.endswith(f"users-1-day {DAYS[1]}") for asked in made.asked) == 2


def test_a_link_to_another_host_is_refused_and_names_it() -> None:
    made = working()
    made.host = "https://reports.evil.example.net"

    assert reason_and_message(made.polls(NOW).poll()) == (
        "rejected",
        (
            "acme: copilot users-1-day of 2026-09-12, file 1 of 1: a download link leads to reports.evil.example.net, "
            "allowed is copilot-reports.github.com"
        ),
    )


def test_an_organization_that_is_refused_costs_no_other() -> None:
    made = working()
    made.reports[f"/orgs/other/users-1-day/{DAY}"] = refusal("403-policy")
    bench = made.polls(NOW, organizations=["other", "ACME"])
    status = bench.poll()

    assert status.success
    assert bench.values("adoption_active_users") == {("acme", "1d"): 1}
    assert [(scope, failure.reason) for scope, failure in bench.poller().failed.items()] == [("other", "rejected")]


# check-config --online


def problems(made: GitHub, **settings: Any) -> list[str]:
    return online_check(made.polls(NOW, **settings).poller().source, NOW).problems


def everything() -> tuple[GitHub, dict[str, Any]]:
    """An organization of which everything may be read, and the settings that read it."""
    made = working()
    made.put("user-teams-1-day", DAY, lines({"day": str(DAY), "user_id": 1, "team_id": 4, "slug": "web"}))
    made.pages[ACME] = [recorded("seats-page-1.json"), recorded("seats-page-2.json")]
    made.identities = [recorded("graphql-saml-page-1.json")]
    bill = recorded("ai-credit-usage-org-day.json")
    bill["timePeriod"] = {"year": DAY.year, "month": DAY.month, "day": DAY.day}
    made.bills[f"/organizations/acme/{DAY}"] = bill
    return made, {
        "teams": {"from": "vendor"},
        "identity": "saml",
        "spend": "billing",
        "billing": {"organizations": ["acme"]},
    }


def test_the_online_check_asks_once_for_each_thing_that_is_configured() -> None:
    made, settings = everything()

    assert problems(made, **settings) == []
    assert [asked.split("/copilot/")[-1].split("/metrics/reports/")[-1] for asked in made.asked] == [
        f"metrics/reports/users-1-day {DAY}",
        f"file {ACME}/users-1-day/{DAY}/part-0",
        f"metrics/reports/user-teams-1-day {DAY}",
        "billing/seats",
        "POST /graphql",
        "GET /organizations/acme/settings/billing/ai_credit/usage 12",
    ]
    assert problems(working(), seats=9) == []


def test_the_online_check_names_each_permission_that_is_missing() -> None:
    made, settings = everything()
    made.reports[f"{ACME}/users-1-day/{DAY}"] = refusal("403-pat")
    made.reports[f"{ACME}/user-teams-1-day/{DAY}"] = refusal("403-pat")
    made.pages[ACME] = [refusal("403-pat")]
    made.identities = [recorded("graphql-no-saml.json")]
    made.bills[f"/organizations/acme/{DAY}"] = refusal("404-not-found")

    pat = "403: Resource not accessible by personal access token; a permission is missing"
    assert problems(made, **settings) == [
        f"acme: {USERS}: {pat}: {METRICS}",
        f"acme: copilot GET /orgs/acme/copilot/metrics/reports/user-teams-1-day: {pat}: {METRICS}",
        (
            f"acme: copilot GET /orgs/acme/copilot/billing/seats: {pat}: it takes GitHub Copilot Business: read; a "
            "classic token manage_billing:copilot, of an owner"
        ),
        (
            "acme: copilot POST /graphql: the organization acme has no SAML identity provider: the enterprise may have "
            "it, or nobody has one"
        ),
        (
            "acme: copilot GET /organizations/acme/settings/billing/ai_credit/usage: 404: Not Found; either there is "
            "no such organization, or the token may not see it; it takes Administration of the organization: read; a "
            "classic token manage_billing:copilot or admin:org, of an owner"
        ),
    ]


def test_the_online_check_takes_one_404_for_a_late_report_and_two_for_a_refusal() -> None:
    made = working((DAY, refusal("404-not-found")))
    before = DAY - timedelta(days=7)
    made.put("users-1-day", before, lines(row(1, before)))
    assert problems(made) == []

    made.reports[f"{ACME}/users-1-day/{before}"] = refusal("404-not-found")
    (problem,) = problems(made)
    assert problem.startswith("acme: copilot GET /orgs/acme: 404 for users-1-day of 2026-09-12 and 2026-09-05; either")


def test_the_online_check_reads_the_files_since_a_firewall_may_stop_them() -> None:
    made = working()
    made.gone.add(f"{ACME}/users-1-day/{DAY}/part-0")
    (problem,) = problems(made)

    assert problem.startswith(
        "acme: copilot users-1-day of 2026-09-12, file 1 of 1 from copilot-reports.github.com: 403"
    )
