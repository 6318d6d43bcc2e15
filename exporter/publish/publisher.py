"""Publishes the stored days of one source, scope by scope, without stale values and series over the limit."""

import logging
import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta
from itertools import count

from exporter.log import event
from exporter.metrics import Sample
from exporter.model import CLOCK_TOLERANCE
from exporter.publish.self_metrics import SourceMetrics
from exporter.publish.snapshot import ExpositionCache
from exporter.samples.build import SampleOptions, current_teams, scope_history, scope_samples, source_samples
from exporter.samples.company_days import listed
from exporter.samples.days import DayFigures, day_samples, newest_days
from exporter.samples.filters import limit, short_label
from exporter.samples.history import Roster
from exporter.samples.verdicts import Verdicts
from exporter.samples.windows import Figures
from exporter.state.database import StateError
from exporter.state.known_days import newest_known
from exporter.state.records import ScopeStatus
from exporter.state.store import PollStatus, Store

logger = logging.getLogger(__name__)

# How many days the status page shows.
HISTORY_DAYS = 60
_numbers = count(1)


@dataclass(frozen=True)
class PublishPolicy:
    """How long a source is published without a successful poll, and how many series and days of them it may have.

    `next_poll` returns when the poll after a moment is due: a source that is polled weekly is not stale before that.
    """

    stale_after: timedelta
    max_series: int
    day_series: int
    next_poll: Callable[[datetime], datetime]


@dataclass(frozen=True)
class Published:
    """The figures, verdicts and samples of a scope, how many samples are withheld and how many have a cut label.

    `withheld_teams` are the teams that are withheld for privacy, each with the windows. `roster` holds the people of
    the last four weeks and those whom the teams file lists, None without one.
    `days` are the newest days up to the data day, oldest first. `read_at` is when (Unix s) the scope was last read,
    `since` when this process first saw that reading, by the monotonic clock. `newest` is the newest day that could be
    known when the samples were made; `hides` is True where the state holds days that could not. `team_of` says which
    teams of the file accounts were in, None without the file or with teams of the vendor. `listed` are the days of
    which the company knows the people, None for a scope that lists nobody.
    """

    figures: Figures
    verdicts: Verdicts
    samples: list[Sample]
    withheld: int
    withheld_teams: Mapping[str, Sequence[str]]
    shortened: int
    read_at: float
    since: float
    days: Sequence[DayFigures]
    newest: date
    hides: bool
    roster: Roster | None = None
    team_of: Mapping[int, str] | None = None
    listed: frozenset[date] | None = frozenset()


@dataclass
class Publisher:
    """Publishes one source. Safe to call from the threads that read its scopes.

    A scope is withdrawn while its values are stale or of a day in the future; both depend on the clock, which may be
    set.

    Once `ended` is set, nothing more is published, and a running publication stops between two scopes. `last_poll` is
    kept here because the state may be unavailable when values become stale. `publication` is the number of the last
    one, which no other source has.
    """

    sample_options: SampleOptions
    policy: PublishPolicy
    store: Store
    cache: ExpositionCache
    self_metrics: SourceMetrics
    now: Callable[[], datetime]
    monotonic: Callable[[], float]
    ended: bool = False
    last_poll: PollStatus | None = None
    publication: int = 0
    _listed: dict[str, ScopeStatus] = field(default_factory=dict)
    _scopes: dict[str, Published] = field(default_factory=dict)
    _shown: set[str] = field(default_factory=set)
    _changed: set[str] = field(default_factory=set)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def publish_all(self) -> None:
        """Remakes the samples of every listed scope and publishes them at once."""
        with self._lock:
            self.last_poll = self.store.last_poll(self.sample_options.source)
            scopes = self.store.scopes(self.sample_options.source)
            self._listed = {name: status for name, status in scopes.items() if status.listed}
            self._scopes = self._make_all(self._listed)
            self._changed.clear()
            self._publish(at_once=True)

    def publish_scope(self, scope: str) -> None:
        """Remakes and publishes a scope's samples, and those of waiting scopes; waits itself until the cache is due."""
        with self._lock:
            self._changed.add(scope)
            # Joining the samples of thousands of scopes after each scope would take longer than reading them.
            if not self.cache.due():
                return
            waited, self._changed = self._changed, set()
            scopes = self.store.scopes(self.sample_options.source)
            changed = {name: scopes[name] for name in sorted(waited)}
            self._listed.update(changed)
            self._scopes.update(self._make_all(changed))
            self._publish(at_once=False)

    def withdraw_stale(self) -> None:
        """Withdraws scopes whose last successful reading is too old, and follows changes of the clock."""
        # Never wait for the lock: remaking hundreds of scopes takes seconds, and the caller serves every source.
        if not self._lock.acquire(blocking=False):
            return
        try:
            changed = False
            with suppress(StateError):
                changed = self._follow_clock()
            if changed or self._seen() != self._shown:
                self._publish(at_once=True)
        finally:
            self._lock.release()

    def state(self) -> dict[str, tuple[ScopeStatus, Published | None]]:
        """The status of each listed scope and what is published of it (None: nothing), sorted by name."""
        # Not under the lock, which is held while thousands of scopes are remade: copying a dict is atomic.
        listed, scopes, shown = dict(self._listed), dict(self._scopes), self._shown
        return {name: (listed[name], scopes.get(name) if name in shown else None) for name in sorted(listed)}

    def has_teams_of_now(self) -> bool:
        """Whether what is published has the teams that people are in now."""
        team_of = current_teams(self.sample_options)
        made = list(self._scopes.values())
        return self.sample_options.vendor_teams or all(one.team_of is team_of for one in made)

    def end(self) -> None:
        """Stops publishing for good; another publisher may publish the source from then on."""
        # Set before acquiring the lock, which a publication of thousands of scopes holds for seconds.
        self.ended = True
        with self._lock:
            # A publication that was running is complete now, and none follows.
            pass

    def _publish(self, *, at_once: bool) -> None:
        if self.ended:
            return
        self._shown = self._seen()
        samples = [sample for name in sorted(self._shown) for sample in self._scopes[name].samples]
        if samples:
            samples.extend(source_samples(self.sample_options))
        samples, over = limit(samples, self.policy.max_series)
        days, days_over = self._day_samples(self.policy.max_series - len(samples))
        samples.extend(days)
        data_days = {short_label(name): self._scopes[name].figures.data_day for name in self._shown}
        self.cache.publish(self.sample_options.source, samples, data_days, at_once=at_once)
        self.publication = next(_numbers)
        withheld = sum(self._scopes[name].withheld for name in self._shown)
        shortened = sum(self._scopes[name].shortened for name in self._shown)
        dropped = {"day_series": days_over, "max_series": over, "privacy": withheld}
        self.self_metrics.series(len(samples), dropped, shortened)

    def _day_samples(self, most: int) -> tuple[list[Sample], int]:
        """The samples of single days, at most `most`, and how many are dropped."""
        number, about = self.policy.day_series, self.sample_options
        scopes = {
            (about.source, about.vendor, short_label(name)): self._scopes[name].days[-number:] if number else ()
            for name in sorted(self._shown)
        }
        made = day_samples(scopes, most)
        return made, sum(figures.series() for days in scopes.values() for figures in days) - len(made)

    def _make_all(self, scopes: Mapping[str, ScopeStatus]) -> dict[str, Published]:
        made: dict[str, Published] = {}
        for name, status in scopes.items():
            if self.ended:
                break
            published = self._make(name, status)
            if published is not None:
                made[name] = published
        return made

    def _make(self, scope: str, status: ScopeStatus) -> Published | None:
        now = self.now()
        history = scope_history(self.sample_options, self.store, scope, now)
        data_day = max(history.days, default=None)
        if data_day is None:
            return None
        read_at = max(day.read_at for day in history.days.values())
        read_at = read_at if status.last_success is None else max(read_at, status.last_success)
        before = self._scopes.get(scope)
        since = self.monotonic() if before is None or before.read_at != read_at else before.since
        made = scope_samples(self.sample_options, history, data_day, status)
        newest = newest_known(now, self.sample_options.ready_at)
        return Published(
            figures=made.figures,
            verdicts=made.verdicts,
            samples=made.samples,
            withheld=made.withheld,
            withheld_teams=made.withheld_teams,
            shortened=made.shortened,
            read_at=read_at,
            since=since,
            days=newest_days(
                history.window_counts,
                {day: stored.revised_at for day, stored in history.days.items()},
                self.sample_options.workday,
                history.oldest,
                data_day,
                max(HISTORY_DAYS, self.policy.day_series),
            ),
            newest=newest,
            hides=history.hides,
            roster=history.roster(data_day),
            team_of=None if history.members is None else history.members.team_of,
            listed=listed(history.days),
        )

    def _follow_clock(self) -> bool:
        """Remakes the scopes whose known days have changed since they were made; returns whether there were any."""
        changed, newest = False, newest_known(self.now(), self.sample_options.ready_at)
        for name, made in list(self._scopes.items()):
            if made.newest == newest or not (made.hides or made.figures.data_day > newest):
                continue
            # Where no day is known now, the next check is due when the newest day changes.
            self._scopes[name] = self._make(name, self._listed[name]) or replace(made, newest=newest, hides=True)
            changed = True
        return changed

    def _seen(self) -> set[str]:
        """The scopes that may be published now."""
        newest = newest_known(self.now(), self.sample_options.ready_at)
        return {
            name for name, made in self._scopes.items() if made.figures.data_day <= newest and not self._is_stale(made)
        }

    def _is_stale(self, made: Published) -> bool:
        """Whether a reading is older than `stale_after`, and a later poll failed or should have ended by now.

        A clock that was ahead leaves moments in the future: such a reading is at least as old as the time since this
        process first saw it.
        """
        now = self.now().timestamp()
        oldest = now - self.policy.stale_after.total_seconds()
        first_seen = now - (self.monotonic() - made.since)
        read_at = made.read_at if made.read_at < first_seen + CLOCK_TOLERANCE.total_seconds() else first_seen
        if read_at >= oldest:
            return False
        poll = self.last_poll
        if poll is None or read_at < poll.ended - poll.duration <= now:
            return True
        return self.policy.next_poll(datetime.fromtimestamp(read_at, UTC)).timestamp() < oldest


def withdraw_stale(publishers: Iterable[Publisher]) -> None:
    """Withdraws stale values of every source; an error in one source does not affect the others."""
    for publisher in publishers:
        try:
            publisher.withdraw_stale()
        except Exception as error:
            source = publisher.sample_options.source
            event(logger, logging.ERROR, "a bug kept stale values from being withdrawn", source=source, exc_info=error)
