"""The activity of a person with an assistant in one editor and one language on one day."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import NamedTuple

from exporter.simulator.people import Person
from exporter.simulator.stream import Stream


class Metrics(NamedTuple):
    """The sixteen counts of an assistant, named and ordered as in Augment's bodies."""

    total_modified_lines_of_code: int = 0
    total_messages: int = 0
    total_tool_calls: int = 0
    completions_count: int = 0
    completions_accepted: int = 0
    completions_lines_of_code: int = 0
    completions_suggested_lines_of_code: int = 0
    chat_messages: int = 0
    remote_agent_messages: int = 0
    remote_agent_lines_of_code: int = 0
    ide_agent_messages: int = 0
    ide_agent_lines_of_code: int = 0
    cli_agent_interactive_messages: int = 0
    cli_agent_interactive_lines_of_code: int = 0
    cli_agent_non_interactive_messages: int = 0
    cli_agent_non_interactive_lines_of_code: int = 0


@dataclass(frozen=True, slots=True)
class Work:
    """The activity in one editor and one language; unique within a person's day."""

    editor: str
    language: str
    metrics: Metrics


def total(metrics: Iterable[Metrics]) -> Metrics:
    """The sums, field by field; all 0 for none."""
    return Metrics(*(sum(column) for column in zip(*metrics, strict=True)))


def works(stream: Stream, person: Person, volume: float) -> tuple[Work, ...]:
    """The activity of a person on an active day: one to five works, each with a count above zero."""
    if person.service:
        return (Work("CLI", "Unknown", _batch(stream, volume)),)
    editor, language = person.editors[0], stream.pick(person.languages)
    places = [(editor, language)]
    if stream.chance(0.4):
        places.append((editor, stream.pick(person.languages)))
    if stream.chance(0.4):
        places.append((person.editors[-1], language))
    # Augment writes Unknown if it does not know the language or the editor.
    if stream.chance(0.03):
        places.append((editor, "Unknown"))
    if stream.chance(0.01):
        places.append(("Unknown", language))
    return tuple(Work(editor, language, _make(stream, editor, volume)) for editor, language in dict.fromkeys(places))


def _make(stream: Stream, editor: str, volume: float) -> Metrics:
    if editor == "CLI":
        return _terminal(stream, volume)
    return _editing(stream, volume, agent=editor != "Vim")


def _editing(stream: Stream, volume: float, *, agent: bool) -> Metrics:
    count = _up_to(stream, 90 * volume) if stream.chance(0.85) else 0
    accepted = count * stream.whole(15, 60) // 100
    lines = accepted * stream.whole(100, 250) // 100
    chat = _up_to(stream, 12 * volume) if stream.chance(0.5) or not count else 0
    ide = _up_to(stream, 15 * volume) if agent and stream.chance(0.4) else 0
    # Few customers still use remote agents (2026-08), so nearly always 0.
    remote = _up_to(stream, 5 * volume) if agent and stream.chance(0.02) else 0
    return _summed(
        stream,
        completions_count=count,
        completions_accepted=accepted,
        completions_lines_of_code=lines,
        completions_suggested_lines_of_code=lines + (count - accepted) * stream.whole(100, 250) // 100,
        chat_messages=chat,
        remote_agent_messages=remote,
        remote_agent_lines_of_code=remote * stream.whole(0, 20),
        ide_agent_messages=ide,
        ide_agent_lines_of_code=ide * stream.whole(0, 15),
    )


def _terminal(stream: Stream, volume: float) -> Metrics:
    messages = _up_to(stream, 20 * volume)
    scripted = _up_to(stream, 4 * volume) if stream.chance(0.2) else 0
    return _summed(
        stream,
        cli_agent_interactive_messages=messages,
        cli_agent_interactive_lines_of_code=messages * stream.whole(0, 12),
        cli_agent_non_interactive_messages=scripted,
        cli_agent_non_interactive_lines_of_code=scripted * stream.whole(0, 30),
    )


def _batch(stream: Stream, volume: float) -> Metrics:
    runs = _up_to(stream, 60 * volume)
    return _summed(
        stream,
        cli_agent_non_interactive_messages=runs,
        cli_agent_non_interactive_lines_of_code=runs * stream.whole(0, 10),
    )


def _up_to(stream: Stream, most: float) -> int:
    return stream.whole(1, max(1, int(most)))


def _summed(stream: Stream, **counts: int) -> Metrics:
    parts = Metrics(**counts)
    messages = (
        parts.chat_messages
        + parts.remote_agent_messages
        + parts.ide_agent_messages
        + parts.cli_agent_interactive_messages
        + parts.cli_agent_non_interactive_messages
    )
    agents = messages - parts.chat_messages
    return parts._replace(
        total_modified_lines_of_code=parts.completions_lines_of_code
        + parts.remote_agent_lines_of_code
        + parts.ide_agent_lines_of_code
        + parts.cli_agent_interactive_lines_of_code
        + parts.cli_agent_non_interactive_lines_of_code,
        # One of Augment's published bodies (user-activity, 2025-10) has fewer messages than the sum of its parts.
        total_messages=messages - (messages // 6 if stream.chance(0.05) else 0),
        total_tool_calls=agents * stream.whole(1, 6),
    )
