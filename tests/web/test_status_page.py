import re
from dataclasses import replace
from datetime import timedelta
from html import unescape

import pytest

from exporter.errors import Failure
from exporter.publish.status import Report
from exporter.publish.team_match import TeamMatch
from exporter.samples.verdicts import Workday
from exporter.web.status_json import as_json
from exporter.web.status_page import status_page
from tests.support.page_values import expected, shown
from tests.support.reports import MONDAY, NOW, everything, report, scope, source

FRIDAY = MONDAY - timedelta(days=3)


def test_every_value_on_the_page_is_that_of_the_api() -> None:
    assert shown(status_page(everything())) == expected(as_json(everything()))


@pytest.mark.parametrize(
    ("made", "headline"),
    [
        (report(source()), "1 source up to date"),
        (report(source("a"), source("b")), "2 sources up to date"),
        (report(source("a"), replace(source("b"), health="late")), "1 of 2 sources up to date"),
        (report(source("a"), replace(source("b"), health="failing")), "1 of 2 sources needs attention"),
        (report(source("a"), replace(source("b"), health="partial")), "1 of 2 sources needs attention"),
        (everything(), "2 of 6 sources need attention"),
    ],
)
def test_the_headline_says_how_it_stands(made: Report, headline: str) -> None:
    page = status_page(made)

    assert f"<h1>{headline}</h1>" in page
    assert f"<title>{headline} · adoption-exporter</title>" in page


def test_withheld_teams_are_named_with_the_windows_where_not_all() -> None:
    named = re.findall(r"Withheld, too few people:.*", status_page(everything()))
    many = {f"team-{number:02}": ("1d", "7d", "28d") for number in range(25)}
    page = status_page(report(source("assistant", replace(scope(), withheld_teams=many))))

    assert [unescape(re.sub("<[^>]*>", "", line)) for line in named] == [
        "Withheld, too few people: <b> (1d), web",
    ]
    assert re.findall('data-team="(.*?)"', page) == list(many)[:20]
    assert "and 5 more teams" in page
    assert "Withheld" not in status_page(report(source()))


@pytest.mark.parametrize(
    ("match", "said"),
    [
        (TeamMatch(42, 40), "In the teams file 40 of 42 people"),
        (TeamMatch(42, None), "In the teams file withheld, too few, of 42 people"),
    ],
)
def test_it_is_said_how_many_people_the_teams_file_knows(match: TeamMatch, said: str) -> None:
    assert said in words(status_page(report(replace(source(), teams=match))))


def test_a_failure_is_told_with_what_to_do() -> None:
    page = status_page(everything())

    assert "augment GET /dau: 401, the token was refused; check token/token_file" in page
    assert "The token is wrong, expired or revoked: put a new one in (token_file, or token and reload)." in page


def chips(page: str) -> list[str]:
    """What the page says of the health of each source and scope, in its order."""
    return re.findall(r'<(?:p|span) class="health [a-z_]+">(.*?)<', page)


@pytest.mark.parametrize(
    ("reason", "word"),
    [
        ("unreachable", "Unreachable"),
        ("rate_limited", "Rate limited"),
        ("rejected", "Refused"),
        ("payload", "Wrong data"),
        ("bug", "Stopped by a bug"),
        ("state", "State out of order"),
    ],
)
def test_each_scope_says_why_it_fails(reason: str, word: str) -> None:
    failure = Failure(reason, "no", of_state=reason == "state")
    failed = replace(scope("broken"), health="failing", failure=failure)
    stale = replace(failed, name="gone", health="withdrawn")
    some = replace(source("some", scope("fine"), failed, stale), health="partial")
    whole = replace(source("whole", failed), health="failing", failure=failure)

    assert chips(status_page(report(some, whole))) == ["Some scopes fail", word, "Values withdrawn", word, word]


def test_lateness_is_told_for_each_scope() -> None:
    late = replace(scope("group/late"), health="late", days_late=2)
    page = status_page(report(replace(source("product", scope("group/fine"), late), health="late")))

    assert chips(page) == ["Vendor is late", "Vendor is late"]
    assert shown(page)["product", "group/late", "days_late"] == 2.0
    assert ("product", "group/fine", "days_late") not in shown(page)


def test_the_page_refreshes_itself_without_a_script_wherever_it_stands() -> None:
    # Without an address the browser asks for the page that it shows, with its source.
    assert '<meta http-equiv="refresh" content="60">' in status_page(everything(), "product")


def words(html: str) -> str:
    """A part of the page without its markup."""
    return unescape(re.sub(r"\s+", " ", re.sub("<[^>]*>", " ", html))).strip()


@pytest.mark.parametrize(
    ("workday", "opening", "said"),
    [
        (Workday(MONDAY, 40, 41.5, 4), "Newest workday: Mon 2026-03-09", "workday 40 usual 41.5 of 4 days 1 day 12"),
        (Workday(FRIDAY, 40, None, 1), "Newest workday: Fri 2026-03-06", "workday 40 usual – of 1 day 1 day 12"),
        (Workday(MONDAY, None, 41.5, 2), "Newest workday: Mon 2026-03-09", "workday – usual 41.5 of 2 days 1 day 12"),
        (None, None, "workday – usual – 1 day 12"),
    ],
    ids=["known", "too few days to compare with", "its people are not known", "no working day"],
)
def test_the_page_opens_with_the_newest_working_day_and_says_what_is_usual_by_how_many_days(
    workday: Workday | None, opening: str | None, said: str
) -> None:
    people = {"1d": 12, "7d": 60, "28d": 70}
    page = status_page(report(source("assistant", replace(scope(), workday=workday, people=people))))
    openings = re.findall('<p class="workday">(.*?)</p>', page)

    assert [words(found) for found in openings] == ([] if opening is None else [opening])
    assert words(page[page.index('<dl class="people"') :]).startswith(said)
    # Polls are about the exporter: they come after the numbers.
    assert page.index('class="people"') < page.index('class="polls"')


def test_where_scopes_have_different_newest_working_days_the_page_names_both_ends() -> None:
    days = [
        replace(scope(f"s{number}"), workday=Workday(day, 1, 1.0, 2))
        for number, day in enumerate((MONDAY, FRIDAY, MONDAY))
    ]

    assert "Newest workdays: Fri 2026-03-06 to Mon 2026-03-09" in words(status_page(report(source("tool", *days))))


def test_a_configuration_that_was_not_taken_is_told_with_its_mistakes() -> None:
    page = status_page(everything())

    assert "The configuration was changed, but not taken" in page
    assert "config.yaml: sources.new.intervall: unknown key, did you mean &#34;interval&#34;?" in page
    assert "not taken" not in status_page(report(source()))


def test_names_and_messages_are_text_and_never_markup() -> None:
    page = status_page(everything())

    assert "<script" not in page
    assert "group/&lt;script&gt;alert(1)&lt;/script&gt;" in page


def test_nothing_on_the_page_needs_a_script_a_style_attribute_or_another_host() -> None:
    page = status_page(everything())

    assert [word for word in ("javascript:", "style=", " onclick", "http://", "https://", "//") if word in page] == []


def test_of_many_scopes_the_worst_and_largest_are_shown_and_the_page_says_so() -> None:
    scopes = [scope(f"project-{number:04}", number) for number in range(1000)]
    scopes[5] = replace(scopes[5], health="failing")
    scopes[7] = replace(scopes[7], health="late", days_late=1)
    made = report(source("product", *scopes), *[source(f"other-{number}") for number in range(3)])

    together = status_page(made)
    alone = status_page(made, "product")

    names = list(dict.fromkeys(name for of, name, _ in shown(together) if of == "product" and name))
    assert names == ["project-0005", "project-0007", *(f"project-{number:04}" for number in range(999, 981, -1))]
    assert "980 more scopes of 1,000" in together
    assert len({name for _, name, _ in shown(alone) if name}) == 500
    assert "500 more scopes of 1,000" in alone
    assert {of for of, _, _ in shown(alone)} == {"product"}
    assert len(together) < 100_000


def test_many_sources_share_the_room_of_a_page() -> None:
    sources = [source(f"s{number}", *[scope(f"p{index}") for index in range(20)]) for number in range(50)]

    scopes = {(of, name) for of, name, _ in shown(status_page(report(*sources))) if name}

    assert len(scopes) == 50 * 4


def test_a_source_that_is_not_there_leads_back() -> None:
    assert 'There is no source x. <a href="./">All sources</a>' in status_page(everything(), "x")


def test_moments_are_told_from_now() -> None:
    page = status_page(
        report(replace(source(), last_poll=NOW - timedelta(hours=26), next_poll=NOW + timedelta(days=3)))
    )

    assert ">26 h ago</time>" in page
    assert ">in 3 days</time>" in page
