"""What is remembered of a source at Claude Code from poll to poll."""

from dataclasses import dataclass, field
from datetime import date

from exporter.vendors.base import PollContext
from exporter.vendors.claude_code.settings import ClaudeCodeSettings


@dataclass
class ClaudeCodeSession:
    """What is remembered of both APIs.

    `silent` says that the whole history came without a row, `people` how many there were on each day that was read,
    and `forgotten` is the newest day that the vendor no longer has.
    """

    silent: bool = False
    people: dict[date, int] = field(default_factory=dict)
    forgotten: date = date.min


Context = PollContext[ClaudeCodeSettings, ClaudeCodeSession]
