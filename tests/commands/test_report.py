"""`report`: the week for a reader who has never seen a metric, from the state alone."""

import json
from dataclasses import replace
from datetime import UTC, date, datetime
from decimal import Decimal
from html.parser import HTMLParser
from pathlib import Path

import pytest

from exporter.commands.report import _FORMS
from exporter.commands.report_words import sparkline, verdict
from exporter.publish.weekly import CompanyWeek, Money, ScopeWeek, SourceWeek, WeeklyReport
from exporter.samples.verdicts import Workday
from exporter.simulator.server import build, serve
from tests.support.command_line import cli
from tests.support.companies import busy, utc_now

SUNDAY = date(2026, 3, 8)
WEEK = ScopeWeek(
    scope="all",
    data_day=SUNDAY,
    days_late=0,
    people={"1d": 3, "7d": 31, "28d": 40},
    before={"7d": 30, "28d": 38},
    best=44,
    workdays=5,
    workdays_before=5,
    workday=Workday(date(2026, 3, 6), people=21, baseline=20.5, compared=4),
    trend=[25, None, 30, 31],
    new=2,
    returned=3,
    lapsed=4,
    seats=None,
    idle=None,
    never_used=None,
    idle_cost=None,
    spend=[],
    revised=[],
)
CHAT = SourceWeek(
    source="chat",
    vendor="augment",
    last_poll=datetime(2026, 3, 9, 6, tzinfo=UTC),
    failing={},
    silent=[],
    seats=50,
    seat_price=None,
    currency=None,
    scopes=[WEEK],
)
IDE = SourceWeek(
    source="ide",
    vendor="copilot",
    last_poll=datetime(2026, 3, 9, 5, 30, tzinfo=UTC),
    failing={"emea": "rejected"},
    silent=["new"],
    seats=None,
    seat_price=Decimal("19"),
    currency="USD",
    scopes=[
        replace(
            WEEK,
            scope="acme|<b>",
            days_late=2,
            seats=40,
            idle=9,
            never_used=None,
            idle_cost=Decimal(171),
            spend=[Money("USD", "estimated", 1234.5), Money("USD", "charged", 7.0)],
            revised=[date(2026, 3, 4), date(2026, 3, 6)],
        ),
        replace(WEEK, scope="emea", seats=10, idle=1, idle_cost=Decimal(19), revised=[SUNDAY]),
    ],
)
REPORT = WeeklyReport(
    now=datetime(2026, 3, 9, 7, tzinfo=UTC),
    weeks=4,
    company=CompanyWeek(
        data_day=SUNDAY,
        sources=["chat", "ide"],
        people={"1d": 5, "7d": 50, "28d": 70},
        before={"7d": 49, "28d": 60},
        trend=[40, 41, 49, 50],
        tools={"1": 60, "2": 10},
        shared=[("chat", "ide", 10)],
        unmatched={"chat": 0, "ide": 7},
    ),
    sources=[CHAT, IDE],
)

GOLDEN = Path(__file__).parents[1] / "golden" / "report.md"


def test_a_report_in_markdown() -> None:
    written = _FORMS["markdown"](REPORT)
    known, heading, explained = written.partition("## How to read this\n")

    assert known + heading == GOLDEN.read_text()
    assert explained.count("\n") == 2


def test_a_report_of_little_says_little() -> None:
    quiet = replace(CHAT, seats=None)
    empty = SourceWeek("ide", "copilot", None, {}, [], None, None, None, [])
    written = _FORMS["markdown"](replace(REPORT, company=None, sources=[quiet, empty]))

    assert [line for line in written.splitlines() if line.startswith(("## ", "* "))] == [
        "* **chat**: 31 people in the week to Sunday 8 March, 1 more than the week before: steady.",
        "* **ide**: nothing is known of it yet.",
        "## Tools week by week",
        "## Late, failed, revised",
        "* ide was never asked.",
        "## How to read this",
    ]
    fine = _FORMS["markdown"](replace(REPORT, sources=[quiet]))
    assert "* Nothing: every tool is up to date, and no day changed after it was first shown.\n" in fine


def test_a_report_says_that_small_groups_are_not_shown() -> None:
    assert REPORT.company is not None
    written = _FORMS["markdown"](replace(REPORT, company=replace(REPORT.company, tools={"1": 60}, shared=[])))

    assert (
        "\nOf the 70 people of the four weeks to Sunday 8 March, 60 used one tool. Smaller groups are not shown.\n"
        in written
    )
    assert "People who used both" not in written


class _Page(HTMLParser):
    """The text of a page, and its tags in order; an unclosed one stays open."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.text: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, _attributes: object) -> None:
        if tag != "meta":
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text.append(data)


def test_a_report_in_html_is_whole_and_shows_names_as_they_are() -> None:
    written = _FORMS["html"](REPORT)
    page = _Page(written)

    assert page.open == []
    assert "ide, acme|<b>" in page.text
    assert page.text.count("190.00 USD") == 0
    assert "Seats that nobody used in four weeks cost 190.00 USD a month." in page.text
    assert not any(word in written for word in ("http:", "https:", "<script", "src="))


def test_a_report_in_json_has_every_figure() -> None:
    document = json.loads(_FORMS["json"](REPORT))

    assert document["now"] == "2026-03-09T07:00:00+00:00"
    assert document["company"]["shared"] == [["chat", "ide", 10]]
    assert document["sources"][1]["seat_price"] == "19"
    assert document["sources"][1]["scopes"][0]["idle_cost"] == "171"
    assert document["sources"][1]["scopes"][0]["spend"][0] == {
        "currency": "USD",
        "basis": "estimated",
        "amount": 1234.5,
    }
    assert document["sources"][0]["scopes"][0]["workday"]["day"] == "2026-03-06"


TO_SUNDAY = " in the week to Sunday 8 March"
IN_WEEK = f"31 people{TO_SUNDAY}"
STEADY = f"{IN_WEEK}, 1 more than the week before: steady."


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({}, STEADY),
        ({"before": {}}, f"{IN_WEEK}, and no week before to compare with."),
        ({"before": {"7d": 31}}, f"{IN_WEEK}, as many as the week before."),
        ({"before": {"7d": 0}}, f"{IN_WEEK}, after a week with nobody."),
        ({"before": {"7d": 62}}, f"{IN_WEEK}, 31 fewer than the week before: down by 50%."),
        ({"before": {"7d": 20}}, f"{IN_WEEK}, 11 more than the week before: up by 55%."),
        (
            {"before": {"7d": 40}, "workdays": 4},
            f"{IN_WEEK}, 9 fewer than the week before: down by 22% (4 days of work, 5 the week before).",
        ),
        (
            {"people": {"7d": 1}, "before": {"7d": 0}},
            "1 person in the week to Sunday 8 March, after a week with nobody.",
        ),
        ({"people": {"7d": 0}, "before": {"7d": 0}}, "0 people in the week to Sunday 8 March, as the week before."),
        ({"people": {"1d": 3}}, "no whole week is known up to Sunday 8 March."),
        (
            {"workday": Workday(date(2026, 3, 6), people=9, baseline=20.5, compared=4)},
            f"{STEADY} On Friday 6 March there were only 9; 20.5 are usual.",
        ),
        (
            {"workday": Workday(date(2026, 3, 6), people=1, baseline=4.0, compared=4)},
            STEADY,
        ),
        ({"best": 40}, f"{STEADY} The last four weeks are the best of half a year (40 people)."),
        ({"best": 40, "before": {"7d": 31, "28d": 40}}, f"{IN_WEEK}, as many as the week before."),
    ],
)
def test_a_verdict_says_what_changed_and_whether_that_is_much(changed: dict[str, object], words: str) -> None:
    assert verdict(replace(WEEK, **changed)) == words  # type: ignore[arg-type]


def test_bars_go_from_zero_to_the_largest_number() -> None:
    assert sparkline([0, 7, 14, None, 4]) == "▁▅█·▃"
    assert sparkline([0, 0]) == "▁▁"
    assert sparkline([None]) == "·"
    assert sparkline([]) == ""


@pytest.mark.slow
def test_a_report_needs_no_vendor_and_names_nobody(tmp_path: Path) -> None:
    company = busy()
    config = tmp_path / "config.yaml"

    def write(url: str) -> None:
        config.write_text(
            f'state: {{url: "sqlite:///{tmp_path}/state.db"}}\n'
            "people: {per_user: plain}\n"
            "sources:\n"
            f'  chat: {{vendor: augment, base_url: "{url}/augment", token: demo-token, requests_per_minute: 100000}}\n'
            f'  ide: {{vendor: copilot, base_url: "{url}/copilot", token: demo-token, organizations: [acme], '
            "requests_per_minute: 100000}\n"
        )

    with serve(build(company, utc_now)) as vendors:
        write(vendors.url)
        assert cli("once", "--state", "--config.file", str(config), "--history", "40d").returncode == 0
    write("http://127.0.0.1:1")
    before = (tmp_path / "state.db").read_bytes()
    made = {form: cli("report", "--config.file", str(config), "--weeks", "3", "--format", form) for form in _FORMS}

    assert {form: (done.returncode, done.stderr) for form, done in made.items()} == dict.fromkeys(_FORMS, (0, ""))
    document = json.loads(made["json"].stdout)
    assert [source["source"] for source in document["sources"]] == ["chat", "ide"]
    assert all(len(scope["trend"]) == 3 for source in document["sources"] for scope in source["scopes"])
    assert "## Tools together" in made["markdown"].stdout
    names = {text for person in company.roster(utc_now().date()) for text in (person.email, person.username)}
    assert [name for name in names for done in made.values() if name in done.stdout] == []
    assert (tmp_path / "state.db").read_bytes() == before


@pytest.mark.slow
def test_without_a_state_there_is_nothing_to_report(tmp_path: Path) -> None:
    (tmp_path / "config.yaml").write_text(
        f'state: {{url: "sqlite:///{tmp_path}/state.db"}}\nsources: {{chat: {{vendor: augment, token: t0ken}}}}\n'
    )
    done = cli("report", "--config.file", str(tmp_path / "config.yaml"))

    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == f"there is no state yet: {tmp_path}/state.db is missing\n"
