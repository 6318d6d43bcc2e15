"""Log lines on what the teams file and the identities file match, without names."""

import logging
from collections.abc import Sequence
from pathlib import Path

from exporter.config.teams_file import Teams
from exporter.log import event
from exporter.publish.publisher import Publisher
from exporter.publish.team_match import team_match
from exporter.publish.team_members import MOST_TEAMS
from exporter.samples.persons import Persons

logger = logging.getLogger(__name__)

_LINES_SHOWN = 20


def report_users(file: Path, teams: Teams, persons: Persons) -> None:
    """Logs how many users of the teams file are unknown and in which lines."""
    lines = sorted(line for line in teams.lines.values() if line not in persons.lines)
    if lines:
        told = {"file": file, "users": len(lines), "lines": _shown(lines)}
        event(logger, logging.WARNING, "users of the teams file match nobody", **told)
    if len(teams.members) > MOST_TEAMS:
        numbers = {"file": file, "teams": len(teams.members), "published": MOST_TEAMS}
        event(logger, logging.WARNING, "the members of the smallest teams are not published", **numbers)


def report_matches(publishers: Sequence[Publisher]) -> None:
    """Logs for each source how many of its people the teams file knows."""
    for publisher in publishers:
        options = publisher.sample_options
        found = team_match((made for _, made in publisher.state().values() if made is not None), options.min_group_size)
        if found is not None:
            known = "withheld" if found.known is None else found.known
            told = {"source": options.source, "people": found.people, "known": known}
            event(logger, logging.INFO, "people of the source that the teams file knows", **told)


def report_identities(message: str, file: Path, lines: Sequence[int]) -> None:
    """Logs lines of the identities file, where there are any."""
    if lines:
        event(logger, logging.WARNING, message, file=file, identities=len(lines), lines=_shown(lines))


def _shown(lines: Sequence[int]) -> str:
    return ", ".join(map(str, lines[:_LINES_SHOWN])) + (", ..." if len(lines) > _LINES_SHOWN else "")
