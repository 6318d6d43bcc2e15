"""A weekly report in words, for somebody who has never seen a metric. Pure."""

from collections.abc import Iterator, Sequence
from datetime import date, datetime
from decimal import Decimal

from exporter.commands.report_blocks import Block, Bullets, Heading, Paragraph, Table
from exporter.model import ALL
from exporter.publish.weekly import CompanyWeek, ScopeWeek, SourceWeek, WeeklyReport
from exporter.samples.verdicts import Workday

TITLE = "How the developer tools were used"

_BARS = "▁▂▃▄▅▆▇█"
_UNKNOWN = "–"
# Smaller changes are chance: a tenth, or two people.
_STEADY_SHARE = 0.1
_STEADY_PEOPLE = 2
_DROP = 0.5
_LEAST_USUAL = 5
_MOST_PAIRS = 10

_BASES = {
    "estimated": "at list price, which nobody is billed",
    "included": "covered by the plan",
    "charged": "on top of the plan",
}
_REASONS = {
    "unreachable": "the vendor could not be reached",
    "rate_limited": "the vendor asked to wait",
    "rejected": "the vendor refused: somebody has to look at the credential and its permissions",
    "payload": "the vendor's answer could not be right",
    "bug": "a mistake in adoption-exporter",
    "state": "the exporter's own database failed",
}
_READING = (
    "People are counted once, however often they used a tool; machine accounts are left out. A week is the seven days "
    "that end with the newest day that the tool's vendor has told, so tools may end on different days. New people were "
    "never seen before, people who came back were missing the week before, people who left were there the week before. "
    "Usual is the median of the same weekday in the weeks before, without holidays. Do not add tools together: one "
    "person may use several."
)


def blocks(report: WeeklyReport) -> list[Block]:
    """The report as a document."""
    made: list[Block] = [Heading(TITLE, 1), Paragraph(f"As of {_moment(report.now)}.")]
    made.append(Bullets([*_company_line(report.company), *_lines(report.sources)]))
    made += [Heading("Tools week by week"), _tools(report)]
    made += _together(report.company)
    made += _seats(report.sources)
    made += _money(report.sources)
    made += [Heading("Late, failed, revised"), Bullets([("", line) for line in _trouble(report.sources)])]
    made += [Heading("How to read this"), Paragraph(_READING)]
    return made


def sparkline(numbers: Sequence[int | None]) -> str:
    """Numbers as bars from 0 to the largest; a dot is an unknown one."""
    top = max((number for number in numbers if number is not None), default=0)
    last = len(_BARS) - 1
    return "".join("·" if number is None else _BARS[round(number / top * last) if top else 0] for number in numbers)


def verdict(week: ScopeWeek) -> str:
    """How a week went."""
    people, before = week.people.get("7d"), week.before.get("7d")
    if people is None:
        return f"no whole week is known up to {_day(week.data_day)}."
    told = [f"{_people(people)} in the week to {_day(week.data_day)}"]
    if before is None:
        told.append(", and no week before to compare with.")
    else:
        told.append(f", {_change(people, before)}{_workdays(week)}.")
    if week.workday is not None and _is_drop(week.workday):
        day = week.workday
        told.append(f" On {_day(day.day)} there were only {day.people}; {day.baseline:g} are usual.")
    month = week.people.get("28d")
    if month is not None and month == week.best and month > week.before.get("28d", month):
        told.append(f" The last four weeks are the best of half a year ({_people(month)}).")
    return "".join(told)


def _is_drop(workday: Workday) -> bool:
    usual = workday.baseline
    return usual is not None and usual >= _LEAST_USUAL and workday.people is not None and workday.people < _DROP * usual


def _change(people: int, before: int) -> str:
    difference = people - before
    if before == 0:
        return "after a week with nobody" if people else "as the week before"
    if difference == 0:
        return "as many as the week before"
    more = f"{abs(difference)} {'more' if difference > 0 else 'fewer'} than the week before"
    if abs(difference) <= max(_STEADY_PEOPLE, _STEADY_SHARE * before):
        return f"{more}: steady"
    return f"{more}: {'up' if difference > 0 else 'down'} by {abs(difference) / before:.0%}"


def _workdays(week: ScopeWeek) -> str:
    if week.workdays == week.workdays_before:
        return ""
    return f" ({_days(week.workdays)} of work, {week.workdays_before} the week before)"


def _company_line(company: CompanyWeek | None) -> Iterator[tuple[str, str]]:
    if company is None:
        return
    people, before = company.people.get("28d"), company.before.get("28d")
    if people is None:
        week = company.people.get("7d")
        if week is not None:
            yield "All tools together", f"{_people(week)} in the week to {_day(company.data_day)}."
        return
    more = "" if before is None else f", {_change(people, before).replace('the week before', 'the four weeks before')}"
    yield "All tools together", f"{_people(people)} in the four weeks to {_day(company.data_day)}{more}."


def _lines(sources: Sequence[SourceWeek]) -> Iterator[tuple[str, str]]:
    for source in sources:
        for week in source.scopes:
            late = f" The newest days are missing: {_days(week.days_late)} late." if week.days_late else ""
            yield _name(source, week.scope), f"{verdict(week)}{late}"
        for scope in source.silent or ([ALL] if not source.scopes else []):
            yield _name(source, scope), "nothing is known of it yet."


def _tools(report: WeeklyReport) -> Table:
    number = report.weeks
    columns = ("Tool", f"{number} weeks", "This week", "Week before", "New", "Came back", "Left", "Four weeks")
    rows = []
    if report.company is not None:
        company = report.company
        figures = [company.people.get("7d"), company.before.get("7d"), None, None, None, company.people.get("28d")]
        rows.append(["All together", sparkline(company.trend), *map(_figure, figures)])
    for source in report.sources:
        for week in source.scopes:
            figures = [week.people.get("7d"), week.before.get("7d"), week.new, week.returned, week.lapsed]
            rows.append(
                [_name(source, week.scope), sparkline(week.trend), *map(_figure, [*figures, week.people.get("28d")])]
            )
    return Table(columns, rows, frozenset(columns[2:]))


def _together(company: CompanyWeek | None) -> Iterator[Block]:
    if company is None or "28d" not in company.people:
        return
    yield Heading("Tools together")
    people = company.people["28d"]
    if company.tools:
        told = ", ".join(f"{number} used {_tools_used(tools)}" for tools, number in company.tools.items())
        small = "" if sum(company.tools.values()) == people else " Smaller groups are not shown."
        yield Paragraph(f"Of the {_people(people)} of the four weeks to {_day(company.data_day)}, {told}.{small}")
    pairs = sorted(company.shared, key=lambda pair: (-pair[2], pair[:2]))[:_MOST_PAIRS]
    if pairs:
        rows = [[f"{one} and {other}", str(people)] for one, other, people in pairs]
        yield Table(("Two tools", "People who used both"), rows, frozenset({"People who used both"}))
    unmatched = {source: number for source, number in company.unmatched.items() if number}
    if unmatched:
        told = ", ".join(f"{number} of {source}" for source, number in sorted(unmatched.items()))
        yield Paragraph(
            f"Accounts without an e-mail address count as people of their own: {told}. Whoever has several of them is "
            "counted several times; a file of identities joins them."
        )


def _seats(sources: Sequence[SourceWeek]) -> Iterator[Block]:
    columns = ("Tool", "Seats", "Used in four weeks", "Idle", "Never used", "A seat costs", "Idle seats cost")
    rows = []
    total: dict[str, Decimal] = {}
    for source in sources:
        price, currency = source.seat_price, source.currency
        a_month = _UNKNOWN if price is None else f"{price:,.2f} {currency}"
        for week in source.scopes:
            if week.seats is None:
                continue
            used = None if week.idle is None else week.seats - week.idle
            figures = [week.seats, used, week.idle, week.never_used]
            cost = _UNKNOWN
            if week.idle_cost is not None and currency is not None:
                cost = f"{week.idle_cost:,.2f} {currency}"
                total[currency] = total.get(currency, Decimal()) + week.idle_cost
            rows.append([_name(source, week.scope), *map(_figure, figures), a_month, cost])
        if source.seats is not None:
            rows.append([source.source, str(source.seats), *[_UNKNOWN] * 3, a_month, _UNKNOWN])
    if not rows:
        return
    yield Heading("Seats")
    yield Table(columns, rows, frozenset(columns[1:]))
    for currency, cost_of_all in sorted(total.items()):
        if cost_of_all:
            yield Paragraph(f"Seats that nobody used in four weeks cost {cost_of_all:,.2f} {currency} a month.")


def _money(sources: Sequence[SourceWeek]) -> Iterator[Block]:
    rows = [
        [_name(source, week.scope), f"{money.amount:,.2f} {money.currency}", _BASES.get(money.basis, money.basis)]
        for source in sources
        for week in source.scopes
        for money in week.spend
    ]
    if rows:
        yield Heading("Money for usage in four weeks")
        yield Table(("Tool", "Amount", "Which is"), rows, frozenset({"Amount"}))


def _trouble(sources: Sequence[SourceWeek]) -> Iterator[str]:
    told = [line for source in sources for line in _trouble_of(source)]
    yield from told or ["Nothing: every tool is up to date, and no day changed after it was first shown."]


def _trouble_of(source: SourceWeek) -> Iterator[str]:
    if source.last_poll is None:
        yield f"{source.source} was never asked."
    for scope, reason in source.failing.items():
        when = "" if source.last_poll is None else f" on {_moment(source.last_poll)}"
        yield f"{_name(source, scope or ALL)} could not be read{when}: {_REASONS.get(reason, reason)}."
    for week in source.scopes:
        name = _name(source, week.scope)
        if week.days_late:
            yield f"{name} is {_days(week.days_late)} late: its newest day is {_day(week.data_day)}."
        if week.revised:
            yield f"{name}: the vendor changed {_revised(week.revised)} after it was first shown."


def _revised(days: Sequence[date]) -> str:
    return _day(days[0]) if len(days) == 1 else f"{len(days)} days between {_day(days[0])} and {_day(days[-1])}"


def _tools_used(tools: str) -> str:
    return "one tool" if tools == "1" else f"{tools.replace('5+', 'five or more')} tools"


def _name(source: SourceWeek, scope: str) -> str:
    return source.source if scope == ALL else f"{source.source}, {scope}"


def _people(number: int) -> str:
    return f"{number} {'person' if number == 1 else 'people'}"


def _days(number: int) -> str:
    return f"{number} {'day' if number == 1 else 'days'}"


def _figure(number: int | None) -> str:
    return _UNKNOWN if number is None else str(number)


def _day(day: date) -> str:
    return f"{day:%A} {day.day} {day:%B}"


def _moment(moment: datetime) -> str:
    return f"{_day(moment.date())} {moment:%Y, %H:%M} UTC"
