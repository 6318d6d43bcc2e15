"""What comes of one poll: stored days, failed scopes, whether the rest is worth a try; its status and its log lines."""

import logging
import threading
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import timedelta
from decimal import Decimal
from typing import NamedTuple

from exporter.config.durations import format_duration
from exporter.errors import Failure
from exporter.log import event
from exporter.model import DayFacts
from exporter.state.records import Change
from exporter.state.scope_readings import Readings
from exporter.state.store import PollStatus
from exporter.transport.vendor_clock import Told, VendorClock

logger = logging.getLogger(__name__)

# A wrong header must not end a source for ever.
_LONGEST_PAUSE = timedelta(days=1)
# Scopes share token, quota and host: after so many in a row that fail for one of these the others are not tried. A
# single one may have reasons of its own.
_HOPELESS = {"token": 3, "quota": 3, "host": 10}
# Scopes by name in one line of the log.
_MOST_NAMED = 10


class Before(NamedTuple):
    """The poll before, and how it left each scope."""

    poll: PollStatus | None
    readings: Readings


@dataclass
class Outcome:
    """What came of a poll so far; the threads that read its scopes share it.

    `scopes` are those of the source, `done` those that were read, and `failed` has "" for the source as a whole;
    `answered` says whether any request has succeeded, and `clock` compares the vendor's clock with ours.
    """

    days: dict[str, int] = field(default_factory=lambda: {"new": 0, "same": 0, "completed": 0, "revised": 0})
    scopes: Sequence[str] = ()
    done: set[str] = field(default_factory=set)
    failed: dict[str, Failure] = field(default_factory=dict)
    in_a_row: Counter[str] = field(default_factory=Counter)
    answered: bool = False
    clock: VendorClock = field(default_factory=VendorClock)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def heard(self, status: int | None) -> None:
        """Notes the HTTP status of a request, None where there was no response."""
        if status is not None and 200 <= status < 300:
            self.answered = True

    def stored(self, change: Change) -> None:
        """Counts a stored day."""
        with self.lock:
            self.days[change] += 1

    def fail(self, scope: str, failure: Failure) -> None:
        """Notes a failed scope."""
        with self.lock:
            self.failed[scope] = failure
            shared = _shared_cause(failure)
            if shared is None:
                self.in_a_row.clear()
            else:
                self.in_a_row[shared] += 1

    def read(self, scope: str) -> None:
        """Notes that a scope was read."""
        with self.lock:
            self.done.add(scope)
            self.in_a_row.clear()

    def skip(self, scope: str) -> None:
        """Notes a scope that is not tried, since it would fail as the last ones did."""
        with self.lock:
            self.failed[scope] = list(self.failed.values())[-1]

    def hopeless(self) -> bool:
        """Whether the scopes that are left would fail too."""
        return any(self.in_a_row[cause] >= most for cause, most in _HOPELESS.items())

    def status(self, before: PollStatus | None, ended: float, duration: float) -> PollStatus:
        """How a poll went that ended at `ended` (Unix s) and took `duration` seconds, after the one `before`.

        It failed where every scope failed, or something outside of them, which gives the reason and the message; else
        the first failed scope does.
        """
        if not self.failed or ("" not in self.failed and not self.failed.keys() >= set(self.scopes)):
            return PollStatus(ended=ended, duration=duration, last_success=ended)
        succeeded = None if before is None else before.last_success
        scope = "" if "" in self.failed else next(iter(self.failed))
        failure = self.failed[scope]
        others = f" (and {len(self.failed) - 1} more scopes failed)" if len(self.failed) > 1 else ""
        return PollStatus(
            ended=ended,
            duration=duration,
            # A clock that was ahead left a moment that is still to come.
            last_success=None if succeeded is None else min(succeeded, ended),
            failure=replace(failure, message=f"{scope + ': ' if scope else ''}{failure.message}{others}"),
        )

    def pause(self) -> timedelta:
        """How long the vendor asked to wait because of its rate limit, a day at most."""
        asked = [failure.pause for failure in self.failed.values() if failure.reason == "rate_limited"]
        return min(timedelta(seconds=max((pause for pause in asked if pause is not None), default=0)), _LONGEST_PAUSE)

    def readings(self) -> Readings:
        """How the reading of each scope went. One that was not tried failed for what the source as a whole failed."""
        whole = self.failed.get("")
        return {scope: self.failed.get(scope, None if scope in self.done else whole) for scope in self.scopes}


def log_poll(source: str, vendor: str, before: PollStatus | None, status: PollStatus, outcome: Outcome) -> None:
    """Logs one line for each poll: a failure as an error the first time, at debug level while it lasts."""
    level, message, failure = logging.INFO, "poll finished", status.failure
    if failure is not None:
        lasts = before is not None and before.failure is not None and _kind(before.failure) == _kind(failure)
        level = logging.DEBUG if lasts else logging.ERROR
        message = "poll failed"
    elif before is not None and not before.success:
        message = "poll recovered"
    event(
        logger,
        level,
        message,
        source=source,
        vendor=vendor,
        duration=round(status.duration, 3),
        new_days=outcome.days["new"],
        revised_days=outcome.days["revised"],
        **_failed_scopes(status, outcome),
        **({} if failure is None else {"reason": failure.reason, "error": failure.message}),
    )


def log_scopes(source: str, vendor: str, before: Before, status: PollStatus, readings: Readings) -> None:
    """Logs when scopes of a source that is read begin to fail, a line for each failure, and when they end to.

    What every scope failed for is in the line of the poll.
    """
    if not status.success:
        return
    told: Readings = {} if before.poll is None or not before.poll.success else before.readings
    begun: dict[Failure, list[str]] = {}
    for scope, failure in readings.items():
        known = told.get(scope)
        if failure is not None and (known is None or _kind(known) != _kind(failure)):
            begun.setdefault(failure, []).append(scope)
    for failure, scopes in begun.items():
        about = {"reason": failure.reason, "error": failure.message}
        event(logger, logging.ERROR, "scope failed", source=source, vendor=vendor, scope=_named(scopes), **about)
    ended = [scope for scope, failure in told.items() if failure is not None and readings.get(scope, failure) is None]
    if ended:
        event(logger, logging.INFO, "scope recovered", source=source, vendor=vendor, scope=_named(ended))


def log_clock(source: str, vendor: str, before: Told | None, now: Told) -> None:
    """Logs when our clock and the vendor's begin to differ, and when they agree again."""
    agreed = before is None or before.agrees
    if agreed and not now.agrees:
        by = format_duration(timedelta(minutes=round(abs(now.ahead) / timedelta(minutes=1))))
        wrong = "ahead of" if now.ahead > timedelta() else "behind"
        message = f"the clock of this machine is {wrong} the vendor's"
        event(logger, logging.WARNING, message, source=source, vendor=vendor, by=by)
    elif now.agrees and not agreed:
        message = "the clock of this machine agrees with the vendor's again"
        event(logger, logging.INFO, message, source=source, vendor=vendor)


def describe_revision(before: DayFacts, after: DayFacts) -> str:
    """People and totals of a revised day that differ: `people 31 -> 33, usage messages 5 -> 9`."""
    return ", ".join(_differences(before, after)) or "only what clients, languages or single accounts have"


def _failed_scopes(status: PollStatus, outcome: Outcome) -> dict[str, int]:
    return {"failed_scopes": len(outcome.failed)} if status.success and outcome.failed else {}


def _named(scopes: Sequence[str]) -> str:
    more = f" and {len(scopes) - _MOST_NAMED} more" if len(scopes) > _MOST_NAMED else ""
    return ", ".join(scopes[:_MOST_NAMED]) + more


def _differences(before: DayFacts, after: DayFacts) -> Iterator[str]:
    people = before.people_total(), after.people_total()
    if people[0] != people[1]:
        yield f"people {_shown(people[0])} -> {_shown(people[1])}"
    for key in sorted({key for key in (*before.amounts, *after.amounts) if key.dimension == "total"}):
        was, now = before.amounts.get(key), after.amounts.get(key)
        if was != now:
            places = ".3f" if key.amount.measure == "active_time" else "f"
            yield f"{' '.join(key.amount.words()).strip()} {_shown(was, places)} -> {_shown(now, places)}"


def _shown(value: int | Decimal | None, places: str = "f") -> str:
    if value is None:
        return "unknown"
    return format(value, places) if isinstance(value, Decimal) else str(value)


def _kind(failure: Failure) -> tuple[object, ...]:
    """What makes a failure another one than before; its message may change from poll to poll."""
    return failure.reason, failure.status, failure.of_state


def _shared_cause(failure: Failure) -> str | None:
    """What other scopes would fail for too."""
    if failure.status == 401:
        return "token"
    if failure.reason == "rate_limited":
        return "quota"
    return "host" if failure.reason == "unreachable" and failure.status is None else None
