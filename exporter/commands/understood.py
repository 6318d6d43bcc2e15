"""What a configuration means, in lines for its reader: days off, seats, and whom the teams file knows."""

from collections.abc import Collection, Iterator, Mapping
from datetime import date, timedelta
from typing import TYPE_CHECKING

from exporter.config.calendar import WEEKDAYS, Calendar
from exporter.config.company import company_sources
from exporter.config.identities_file import Identities, read_identities
from exporter.config.load import Config
from exporter.config.source import SourceSettings
from exporter.config.teams_file import Teams, read_teams
from exporter.samples.calendar import workdays

if TYPE_CHECKING:
    from exporter.poll.online_check import OnlineCheck

_DAYS_SHOWN = 10
# A calendar without a weekend may have no day off at all.
_DAYS_SEARCHED = 800


def understood(config: Config, today: date, checks: "Mapping[str, OnlineCheck]") -> Iterator[str]:
    """Yields the lines; `checks` holds the sources that were asked."""
    teams = None if config.teams is None else read_teams(config.teams.file)
    if config.teams is not None and teams is not None:
        yield f"  teams file {config.teams.file}: {_teams_in_words(teams)}"
    identities = None if config.people.identities is None else read_identities(config.people.identities.file)
    if config.people.identities is not None and identities is not None:
        yield f"  identities file {config.people.identities.file}: {_identities_in_words(identities)}"
    for name, settings in config.sources.items():
        yield f"  {name} ({settings.vendor})"
        yield f"    seats: {_seats(settings)}"
        check = checks.get(name)
        if check is not None:
            yield from (f"    remark: {remark}" for remark in check.remarks)
        if settings.teams is not None:
            yield "    teams: the vendor's own, not those of the teams file"
        elif check is not None and teams is not None:
            yield f"    teams file: {_match(check, _users(teams, identities, name, config.sources))}"
        yield from _days_off(settings.calendar, today)
    company = company_sources(config)
    if company:
        yield f"  company: the people of {', '.join(company)} together"


def _teams_in_words(teams: Teams) -> str:
    users = _counted(len(teams.team_of), "user")
    return (
        f"{users} in {_counted(len(teams.members), 'team')}, {_on_lines(teams.lines.values())}"
        if teams.lines
        else users
    )


def _identities_in_words(identities: Identities) -> str:
    names = _counted(len(identities.rows), "name")
    if not identities.rows:
        return names
    lines = [row.line for row in identities.rows]
    return f"{names} of {_counted(identities.persons, 'person', 'people')}, {_on_lines(lines)}"


def _on_lines(lines: Collection[int]) -> str:
    first, last = min(lines), max(lines)
    return f"on line {first}" if first == last else f"on lines {first} to {last}"


def _users(teams: Teams, identities: Identities | None, source: str, sources: Collection[str]) -> frozenset[str]:
    """The users of the teams file, under every name that the identities file has for them in a source."""
    groups: dict[str, set[str]] = {}
    for row in identities.rows if identities is not None else ():
        only, name = row.in_source(sources)
        if only in ("", source):
            groups.setdefault(row.person, {row.person}).add(name)
    users, before = set(teams.team_of), -1
    while len(users) > before:
        before = len(users)
        users.update(name for names in groups.values() if not names.isdisjoint(users) for name in names)
    return frozenset(users)


def _seats(settings: SourceSettings) -> str:
    if settings.seats is not None:
        seats = f"{settings.seats}"
    else:
        seats = "those that the vendor registers" if settings.registers_seats else "not known: set seats"
    price = settings.seat_price
    return seats if price is None else f"{seats}, each for {price.amount} {price.currency} a month"


def _match(check: "OnlineCheck", users: Collection[str]) -> str:
    if check.people is None:
        return "the vendor names no people, so that it has no teams"
    if not check.people:
        return f"nobody was active on {check.day}"
    return f"knows {check.known(users)} of {_counted(len(check.people), 'person', 'people')} of {check.day}"


def _days_off(calendar: Calendar, today: date) -> Iterator[str]:
    is_workday = workdays(calendar)
    days = (today + timedelta(days=ahead) for ahead in range(_DAYS_SEARCHED))
    off = [day for day in days if not is_workday(day)][:_DAYS_SHOWN]
    yield "    next days that are not working days:" if off else "    every day is a working day"
    for day in off:
        yield f"      {day:%a %Y-%m-%d}  {_reason(calendar, day)}"


def _reason(calendar: Calendar, day: date) -> str:
    """Why a day is no working day."""
    if any(days.holds(day) for days in calendar.closed):
        return "closed"
    if day in calendar.half:
        return "half day"
    if WEEKDAYS[day.weekday()] in calendar.weekend or calendar.country is None:
        return "weekend"
    # Imported here: see config/calendar.py.
    import holidays

    names = holidays.country_holidays(calendar.country, subdiv=calendar.subdivision, years=day.year, language="en_US")
    return str(names[day])


def _counted(number: int, word: str, words: str = "") -> str:
    return f"{number} {word if number == 1 else words or f'{word}s'}"
