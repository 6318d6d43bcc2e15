"""A simulated year over all vendors, with faults, kills, a failing state, revised and late days, and a wrong clock.

    python -m tests.reliability.year [--seed 1] [--days 365] [--jobs 2]

Each job is an exporter with its share of the vendors, on a clock of its own, with a state in a file; the vendors answer
what a script shows. After every day each published sample is compared with a count of the scripted people, and what is
absent must have a reason that is told. Prints the figures, and each wrong sample; exits with 1 where there is one.
"""

import argparse
import logging
import multiprocessing
import random
import resource
import sys
import tempfile
from collections import Counter
from collections.abc import Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from itertools import zip_longest
from pathlib import Path
from time import process_time

import yaml

from exporter.config.load import Config, load_config
from exporter.daemon.sources import Shared, build_poller, commit, company_options, connector, sample_options
from exporter.log import line_formatter, scrubber
from exporter.metrics import Sample
from exporter.model import AmountKey, DayFacts, amount_of
from exporter.poll.poller import Poller
from exporter.poll.replicas import poll_if_leader
from exporter.publish.company import Company
from exporter.publish.people_watch import PeopleWatch
from exporter.publish.self_metrics import SelfMetrics
from exporter.publish.snapshot import COMPANY, ExpositionCache
from exporter.samples.directory import Directory
from exporter.state.store import Store
from exporter.vendors import SETTINGS as VENDOR_SETTINGS
from exporter.vendors.registry import VENDORS
from tests.reliability.expected import COUNTING, LENGTHS, Frame, Known, company, frame, midnight, people_of, window
from tests.reliability.faults import Ends, FaultyTransport, KilledError, MortalState, Plan
from tests.reliability.script import DAY, NAME, Place, Script, at
from tests.reliability.vendors import MEASURES, SCOPES, SETTINGS, Vendors
from tests.support.certificates import certificate
from tests.support.pauses import Pauses

logger = logging.getLogger(__name__)

START = date(2026, 3, 2)
# In the first round of a day every source is polled, in the second some.
ROUNDS = (7.0, 19.0)
SOME = 0.1
INTERVAL = timedelta(hours=12)
HISTORY, LOOKBACK, SERIES = 30, 6, 30
# A year's end without faults, in which everything must catch up.
CALM = 10
# How long a version may have been there before the exporter must have it, in polls without any fault.
SETTLED = timedelta(hours=48)
_COMPARED = {
    "adoption_data_day_timestamp_seconds",
    "adoption_active_users",
    "adoption_active_users_depth",
    "adoption_day_active_users",
}


@dataclass
class Figures:
    """What a run has done and found; `wrong` and `leaks` must stay empty. Sizes are those of each fifth day."""

    polls: Counter[str] = field(default_factory=Counter)
    faults: Counter[str] = field(default_factory=Counter)
    kills: int = 0
    full_disks: int = 0
    compared: int = 0
    wrong: list[str] = field(default_factory=list)
    leaks: list[str] = field(default_factory=list)
    absent: Counter[str] = field(default_factory=Counter)
    scope_rounds: int = 0
    catch_up: dict[str, timedelta] = field(default_factory=dict)
    state_bytes: list[int] = field(default_factory=list)
    memory: list[int] = field(default_factory=list)
    seconds: float = 0.0

    def add(self, other: "Figures") -> None:
        """Adds the figures of another job; its state and its memory are beside ours."""
        for ours, theirs in ((self.polls, other.polls), (self.faults, other.faults), (self.absent, other.absent)):
            ours.update(theirs)
        self.kills += other.kills
        self.full_disks += other.full_disks
        self.compared += other.compared
        self.scope_rounds += other.scope_rounds
        self.wrong += other.wrong
        self.leaks += other.leaks
        self.catch_up |= other.catch_up
        self.state_bytes = _sums(self.state_bytes, other.state_bytes)
        self.memory = _sums(self.memory, other.memory)
        self.seconds += other.seconds

    def lines(self) -> list[str]:
        """The figures in words."""
        longest = max(self.catch_up, key=lambda source: self.catch_up[source], default="")
        return [
            f"polls: {self.polls.total()} ({_listed(self.polls)})",
            f"faulty answers: {self.faults.total()} ({_listed(self.faults)})",
            f"kills within a poll: {self.kills}; polls with a state that fails: {self.full_disks}",
            f"samples compared: {self.compared}; wrong: {len(self.wrong)}; names that leaked: {len(self.leaks)}",
            f"scopes looked at: {self.scope_rounds}; without the newest day: {_listed(self.absent)}",
            f"longest catch-up: {self.catch_up.get(longest, timedelta())} ({longest})",
            f"state: {_kilobytes(self.state_bytes)}; memory: {_kilobytes(self.memory)}",
        ]


class Process:
    """One life of the exporter: everything that a kill takes away."""

    def __init__(self, year: "Year", file: Path) -> None:
        self.store = Store(MortalState.open(f"sqlite:///{file}"))
        self.cache = ExpositionCache(monotonic=year.monotonic)
        self.own = SelfMetrics(process=False)
        self.directory = Directory(self.store)
        self.directory.become(list(year.scopes), None, None)
        commit(year.config, self.store)
        shared = Shared(self.store, self.cache, self.own, self.directory, year.ours, year.monotonic)
        self.pollers = {source: self._poller(year, source, shared) for source in year.scopes}
        self.company = Company(self.store, self.cache, company_options(year.config))
        self.watch = PeopleWatch(self.directory, self.cache, self.company, year.monotonic)
        for poller in self.pollers.values():
            poller.self_metrics.seed()
            poller.restore()

    def _poller(self, year: "Year", source: str, shared: Shared) -> Poller:
        settings, stop = year.config.sources[source], Pauses()
        # Scopes one after the other, so that a seed tells which call is the last one.
        vendor = replace(VENDORS[source], concurrency=1)
        return build_poller(
            vendor,
            settings,
            sample_options(year.config, source, shared),
            shared,
            retention=year.config.state.retention,
            connect=connector(vendor, settings, stop, shared, year.transports[source]),
            stop=stop,
        )

    def look(self) -> None:
        """As the daemon's upkeep does."""
        publishers = [poller.publisher for poller in self.pollers.values()]
        for publisher in publishers:
            publisher.withdraw_stale()
        self.watch.look(publishers, tried=True, at_once=True)

    def told(self, metric: str, source: str, **labels: str) -> float | None:
        """A metric of the exporter about a source."""
        every = {"source": source, "vendor": source, **labels}
        return self.own.registry.get_sample_value(f"adoption_exporter_{metric}", every)

    @property
    def state(self) -> MortalState:
        """The database of the state."""
        assert isinstance(self.store.database, MortalState)
        return self.store.database


@dataclass
class Memory:
    """What was seen of a source: its newest versions by place and day, its polls, and since when nothing was wrong."""

    versions: dict[tuple[Place, date], tuple[float, int]] = field(default_factory=dict)
    polls: dict[str, list[datetime]] = field(default_factory=dict)
    calm_since: dict[str, datetime | None] = field(default_factory=dict)
    waits_since: dict[str, datetime] = field(default_factory=dict)
    pause_until: dict[str, datetime] = field(default_factory=dict)
    state_failed: dict[str, list[Mapping[str, Known]]] = field(default_factory=dict)


class Year:
    """A run of so many days from a seed over some sources, in a folder of its own."""

    def __init__(self, seed: int, days: int, folder: Path, sources: Sequence[str], calm: int = CALM) -> None:
        self.seed, self.days, self.folder, self.calm = seed, days, folder, calm
        self.scopes = {source: SCOPES[source] for source in sources}
        self.now = at(START + DAY, ROUNDS[0])
        self.figures, self.seen = Figures(), Memory()
        self.config = self._config()
        self.script = Script(seed, {source: one.ready_at for source, one in self.config.sources.items()})
        self.vendors = Vendors(self.script, lambda: self.now)
        self.plan = Plan.of(seed, self.now, self.now + (days - calm) * DAY, self.scopes)
        self.chance = random.Random(f"{seed} polls")
        self.ends = Ends(folder / "state.db")
        self.transports = {source: self._transport(source) for source in self.scopes}

    def ours(self) -> datetime:
        """The clock of the machine, which may be wrong."""
        return self.now + self.plan.wrong(self.now)

    def monotonic(self) -> float:
        """The clock that is never set."""
        return self.now.timestamp()

    def run(self) -> Figures:
        """Every round of every day."""
        with _LogWatch(self.figures.leaks):
            process = Process(self, self.ends.state)
            for number in range(self.days):
                for hour in ROUNDS:
                    self.now = at(START + (1 + number) * DAY, hour + self.chance.uniform(-4, 4))
                    process = self._round(process, [*self.scopes] if hour == ROUNDS[0] else self._some())
                self._check(process)
                if number % 5 == 4:
                    self._measure(process)
                    told = f"{self.figures.polls.total()} polls, {self.figures.compared} samples compared"
                    logger.warning("%s, day %d: %s", " ".join(self.scopes), number + 1, told)
            process.store.close()
        return self.figures

    def _some(self) -> list[str]:
        return [source for source in self.scopes if self.chance.random() < SOME]

    def _round(self, process: Process, sources: Sequence[str]) -> Process:
        self.vendors.vanished = {SCOPES["gitlab"][-1]} if self.plan.gone(self.now) else set()
        calm = self._days_left() <= self.calm
        full = not calm and self.chance.random() < 0.02
        for source in sources:
            killed = not calm and self.chance.random() < 0.03
            self.ends.left = self.chance.randint(1, 60) if killed else None
            fails_from = self.chance.randint(1, 40) if full else None
            process = self._poll(process, source, fails_from)
        process.look()
        return process

    def _days_left(self) -> int:
        return self.days - (self.now.date() - START).days + 1

    def _poll(self, process: Process, source: str, fails_from: int | None) -> Process:
        if self.now < self.seen.pause_until.get(source, self.now):
            self.figures.polls["left out for a rate limit"] += 1
            self._upset(source)
            return process
        poller, state = process.pollers[source], process.state
        state.called, state.calls = self.ends.count, 0
        between: list[Mapping[str, Known]] = []
        if fails_from is not None:
            self.figures.full_disks += 1
            state.fails = lambda call: call >= fails_from
            between.append(self._known(process.store, source))
            state.committed = lambda: between.append(self._undisturbed(process, source))
        try:
            status = poll_if_leader(process.store, poller, poller.poll, interval=INTERVAL, cron=None, now=self.ours)
        except KilledError:
            self.figures.kills += 1
            self.figures.polls["killed"] += 1
            return self._restarted(process, source)
        finally:
            state.fails = lambda _call: False
            state.called = state.committed = lambda: None
            self.ends.left = None
        assert status is not None
        self.figures.polls["succeeded" if status.success else "failed"] += 1
        self.seen.polls.setdefault(source, []).append(self.now)
        del self.seen.polls[source][:-60]
        self.seen.pause_until[source] = self.now + poller.pause
        self.seen.state_failed.pop(source, None)
        if status.of_state:
            self.seen.state_failed[source] = between
        faulty = self.plan.fault(source, self.now) is not None or self.plan.wrong(self.now) or not status.success
        if faulty or status.of_state:
            self._upset(source)
        else:
            self.seen.calm_since[source] = self.seen.calm_since.get(source) or self.now
        return process

    def _undisturbed(self, process: Process, source: str) -> Mapping[str, Known]:
        """What is stored just now, read by a state that does not fail meanwhile."""
        state = process.state
        fails, calls, state.fails = state.fails, state.calls, lambda _call: False
        try:
            return self._known(process.store, source)
        finally:
            state.fails, state.calls = fails, calls

    def _restarted(self, process: Process, source: str) -> Process:
        """A new process over what the killed one has left."""
        process.store.close()
        before, self.ends.state = self.ends.state, self.ends.left_behind
        for file in self.folder.glob(f"{before.name}*"):
            file.unlink()
        self.ends = Ends(self.ends.state.with_name("state.db"), self.ends.copies)
        self.ends.state = self.folder / f"state-{self.ends.copies}.db"
        self._upset(source)
        self.seen.state_failed.clear()
        return Process(self, self.ends.state)

    def _upset(self, source: str) -> None:
        self.seen.calm_since[source] = None
        self.seen.waits_since[source] = self.now

    # What is published, beside what the script has

    def _check(self, process: Process) -> None:
        wrong_clock = self.plan.wrong(self.now) != timedelta()
        if wrong_clock:
            self.seen.versions = {key: (-1.0, index) for key, (_, index) in self.seen.versions.items()}
        shown = _by_scope(process.cache.snapshot.all_samples())
        every: dict[str, dict[str, Known]] = {}
        for source, scopes in self.scopes.items():
            known = self._known(process.store, source)
            listed = {name for name, status in process.store.scopes(source).items() if status.listed}
            current = True
            for scope in scopes:
                self.figures.scope_rounds += 1
                published = shown.get((source, scope), {})
                if not published:
                    self._absent(process, (source, scope), known[scope], scope in listed)
                else:
                    self._compare(source, scope, published, known[scope])
                    self._newest(process, (source, scope), published)
                current = current and self._is_current((source, scope), known[scope], settled=False)
                self._settled((source, scope), known[scope])
            if source not in COUNTING:
                there = all(shown.get((source, scope)) for scope in scopes if scope in listed)
                every[source] = {scope: known[scope] for scope in scopes if scope in listed} if there else {}
            self._catch_up(source, current)
        self._compare_company(process, every)
        for text in (process.cache.snapshot.parts["text"].plain, process.cache.snapshot.parts["openmetrics"].plain):
            if NAME.encode() in text:
                self.figures.leaks.append(f"{self.now}: the exposition names somebody")

    def _compare(self, source: str, scope: str, published: Frame, known: Known) -> None:
        # A state that failed within a poll may hold days that are not published yet.
        moments = [one.get(scope, {}) for one in self.seen.state_failed.get(source, ())] or [known]
        frames = [frame(source, one, SERIES) for one in moments if one]
        metric, labels, _ = MEASURES[source]
        compared = {
            key: value
            for key, value in published.items()
            if key[0] in _COMPARED or (key[0] == metric and key[1][1:] == labels)
        }
        counted = {key: compared.pop(key) for key in list(compared) if _is_of_vendor(source, key, known)}
        self.figures.compared += len(compared) + len(counted)
        if compared not in frames:
            expected = frames[-1] if frames else {}
            keys = [key for key in compared.keys() | expected.keys() if compared.get(key) != expected.get(key)]
            told = ", ".join(f"{key}: {compared.get(key)} for {expected.get(key)}" for key in sorted(keys)[:3])
            self._wrong(f"{source} {scope}: {told}")
        last = max(known)
        for (name, key), value in counted.items():
            days = window(date.fromisoformat(key[1]) if len(key) > 1 else last, LENGTHS[key[0]])
            if value not in self._counted_by_vendor((source, scope), days):
                self._wrong(f"{source} {scope}: {name} {key}: {value} was never right")

    def _counted_by_vendor(self, place: Place, days: Sequence[date]) -> set[int]:
        """The people of a window as the vendor would have counted them in each of the newest polls."""
        found = set()
        for moment in self.seen.polls.get(place[0], ()):
            versions = {day: self.script.shown(place, day, moment) for day in days}
            found.add(len(people_of({day: one for day, one in versions.items() if one}, [*filter(versions.get, days)])))
        return found

    def _compare_company(self, process: Process, every: Mapping[str, Mapping[str, Known]]) -> None:
        if any(source in self.seen.state_failed for source in every):
            return
        samples = process.cache.snapshot.samples.get(COMPANY, [])
        names = {"adoption_company_active_users", "adoption_company_data_day_timestamp_seconds"}
        published = {(one.metric, one.labels): one.value for one in samples if one.metric in names}
        self.figures.compared += len(published)
        expected = company(every)
        if published != expected:
            self._wrong(f"company: {published} for {expected}")
        if not published:
            self.figures.absent["company: a source is late or absent"] += 1

    def _absent(self, process: Process, place: Place, known: Known, listed: bool) -> None:
        """A scope of which nothing is published, which must be told."""
        source, scope = place
        if not listed:
            reason = "not listed by the vendor"
        elif self.plan.wrong(self.now):
            reason = "wrong clock"
        elif process.told("poll_success", source) != 1:
            reason = "withdrawn or never read, poll_success 0"
        elif process.told("scope_success", source, scope=scope) != 1:
            reason = "withdrawn or never read, scope_success 0"
        elif not known:
            reason = "read, and the vendor has no day yet"
        else:
            self._wrong(f"{source} {scope}: nothing is published, and nothing says why")
            return
        self.figures.absent[reason] += 1

    def _newest(self, process: Process, place: Place, published: Frame) -> None:
        """Whether the newest day is there; if not, that is told."""
        source, scope = place
        newest = (self.now - self.config.sources[source].ready_at).date() - DAY
        version = self.script.shown(place, newest, self.now)
        data_day = published["adoption_data_day_timestamp_seconds", ()]
        if data_day >= midnight(newest):
            return
        due = published["adoption_data_day_due_timestamp_seconds", ()]
        if process.told("poll_success", source) == 0:
            reason = "poll_success 0"
        elif process.told("scope_success", source, scope=scope) == 0:
            reason = "scope_success 0"
        elif due <= self.ours().timestamp():
            reason = "the vendor is late, data_day_due" if not version or not version.counts else "data_day_due"
        elif self.plan.wrong(self.now):
            reason = "wrong clock"
        else:
            self._wrong(f"{source} {scope}: a day is missing, and nothing says so")
            return
        self.figures.absent[reason] += 1

    def _is_current(self, place: Place, known: Known, *, settled: bool) -> bool:
        """Whether the days of the lookback are as the vendor shows them; with `settled`, those that are so for long."""
        newest = (self.now - self.config.sources[place[0]].ready_at).date() - DAY
        for day in window(newest, LOOKBACK):
            version = self.script.shown(place, day, self.now)
            young = SETTLED if settled else timedelta()
            if version is not None and not version.people:
                # A day that comes back empty stays as it was for the grace, from the poll on that found it so.
                young *= 2
            latest = self.now - young
            due = at(day + DAY) + self.config.sources[place[0]].ready_at
            if day < START or version is None or version.counts is None or max(version.since, due) > latest:
                continue
            if not version.counts and not settled:
                continue
            if day not in known or known[day].counts != version.counts:
                return False
        return True

    def _settled(self, place: Place, known: Known) -> None:
        since = self.seen.calm_since.get(place[0])
        if since is None or self.now - since < SETTLED or (place[1] in self.vendors.vanished):
            return
        if self.plan.gone(self.now - SETTLED) and place[0] == "gitlab":
            return
        if not self._is_current(place, known, settled=True):
            self._wrong(f"{place}: an old version is still there after {SETTLED} without a fault")

    def _catch_up(self, source: str, current: bool) -> None:
        if current and source in self.seen.waits_since and self.seen.calm_since.get(source):
            took = self.now - self.seen.waits_since.pop(source)
            self.figures.catch_up[source] = max(took, self.figures.catch_up.get(source, timedelta()))

    def _known(self, store: Store, source: str) -> dict[str, Known]:
        """The days that may be known by our clock, each as the version of the script that is stored."""
        ours = self.ours()
        newest = (ours + timedelta(minutes=5) - self.config.sources[source].ready_at).date() - DAY
        found: dict[str, Known] = {}
        for scope in SCOPES[source]:
            stored = store.days(source, scope)
            days = {
                day: one.read_at
                for day, one in stored.items()
                if day <= newest and one.read_at <= (ours + DAY).timestamp()
            }
            place = (source, scope)
            unseen = [day for day, read_at in days.items() if self._at(place, day)[0] != read_at]
            facts = store.facts(source, scope, unseen) if unseen else {}
            for day in unseen:
                index = self._version(place, day, facts[day])
                self.seen.versions[place, day] = (days[day], index)
            found[scope] = {day: self.script.versions(place, day)[self._at(place, day)[1]] for day in days}
        return found

    def _at(self, place: Place, day: date) -> tuple[float, int]:
        return self.seen.versions.get((place, day), (-1.0, -1))

    def _version(self, place: Place, day: date, facts: DayFacts) -> int:
        metric, labels, factor = MEASURES[place[0]]
        amount = amount_of("active_time" if metric == "adoption_active_time_seconds" else "usage", *labels)
        total = facts.amounts.get(AmountKey(amount)) or 0
        seen = facts.people_total(), total
        versions = self.script.versions(place, day)
        fits = [
            index
            for index, one in enumerate(versions)
            if one.since <= self.now and seen == (len(one.people), factor * one.total)
        ]
        before = self._at(place, day)[1]
        if not fits:
            self._wrong(f"{place} {day}: {seen} is stored, which the vendor never showed")
            return max(before, 0)
        if fits[-1] < before:
            self._wrong(f"{place} {day}: an older version has replaced a newer one")
        return fits[-1]

    def _wrong(self, what: str) -> None:
        self.figures.wrong.append(f"{self.now:%Y-%m-%d %H:%M}: {what}")
        logger.error("%s", self.figures.wrong[-1])

    def _measure(self, process: Process) -> None:
        files = [file for file in self.folder.glob(f"{self.ends.state.name}*") if file.is_file()]
        if any(NAME.encode() in file.read_bytes() for file in files):
            self.figures.leaks.append(f"{self.now}: the state names somebody")
        self.figures.state_bytes.append(sum(file.stat().st_size for file in files))
        self.figures.memory.append(_resident())

    def _transport(self, source: str) -> FaultyTransport:
        return FaultyTransport(
            lambda request: self.vendors.answer(source, request),
            lambda: self.plan.fault(source, self.now),
            lambda: self.now,
            random.Random(f"{self.seed} requests {source}"),
            lambda: self.ends.count(),
            self.figures.faults,
        )

    def _config(self) -> Config:
        # Loading the certificates of a whole system would cost more than a poll.
        common = {"token": "secret-token", "requests_per_minute": 10**6, "ca_file": str(certificate(self.folder))}
        sources = {source: {"vendor": source, **common, **SETTINGS[source]} for source in self.scopes}
        poll = {"interval": "12h", "history": f"{HISTORY}d", "lookback": f"{LOOKBACK}d", "day_series": f"{SERIES}d"}
        file = self.folder / "config.yaml"
        file.write_text(yaml.safe_dump({"poll": poll, "state": {"retention": "45d"}, "sources": sources}))
        return load_config(file, VENDOR_SETTINGS, environ={})


class _LogWatch(logging.Handler):
    """Formats every line of the exporter's log, and keeps those that name somebody."""

    def __init__(self, leaks: list[str]) -> None:
        super().__init__(logging.INFO)
        self.setFormatter(line_formatter("logfmt", scrubber([]), tracebacks=False))
        self._leaks = leaks

    def __enter__(self) -> "_LogWatch":
        self._logger = logging.getLogger("exporter")
        self._before = self._logger.level, self._logger.propagate
        self._logger.addHandler(self)
        self._logger.setLevel(logging.INFO)
        self._logger.propagate = False
        return self

    def __exit__(self, *_: object) -> None:
        self._logger.removeHandler(self)
        self._logger.level, self._logger.propagate = self._before

    def emit(self, record: logging.LogRecord) -> None:
        line = self.format(record)
        if NAME in line or "a bug" in line:
            self._leaks.append(line)


def _is_of_vendor(source: str, key: tuple[str, tuple[str, ...]], known: Known) -> bool:
    """Whether the vendor has counted these people: of a window, or, at Coder, of a day that is not stored."""
    metric, labels = key
    if metric == "adoption_day_active_users" and source == "coder":
        return labels[0] == "1d" and date.fromisoformat(labels[1]) not in known
    return source in COUNTING and metric in ("adoption_active_users", "adoption_day_active_users") and labels[0] != "1d"


def _by_scope(samples: Sequence[Sample]) -> dict[Place, Frame]:
    found: dict[Place, Frame] = {}
    for one in samples:
        if len(one.labels) >= 3:
            found.setdefault((one.labels[0], one.labels[2]), {})[one.metric, one.labels[3:]] = one.value
    return {place: shown for place, shown in found.items() if ("adoption_data_day_timestamp_seconds", ()) in shown}


def _resident() -> int:
    """The memory of this process in bytes."""
    pages = Path("/proc/self/statm")
    if pages.exists():
        return int(pages.read_text().split()[1]) * resource.getpagesize()
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss


def _listed(counted: Mapping[str, int]) -> str:
    return ", ".join(f"{name} {number}" for name, number in sorted(counted.items(), key=lambda one: -one[1]))


def _kilobytes(sizes: Sequence[int]) -> str:
    if not sizes:
        return "not measured"
    middle = sizes[len(sizes) // 3]
    return f"{middle // 1024} KiB after a third, {sizes[-1] // 1024} KiB at the end, {max(sizes) // 1024} KiB at most"


def _sums(one: Sequence[int], other: Sequence[int]) -> list[int]:
    return [sum(both) for both in zip_longest(one, other, fillvalue=0)]


def job(seed: int, days: int, sources: Sequence[str]) -> Figures:
    """One exporter over some of the vendors."""
    began = process_time()
    with tempfile.TemporaryDirectory() as folder:
        figures = Year(seed, days, Path(folder), sources).run()
    figures.seconds = process_time() - began
    return figures


def main(arguments: Sequence[str]) -> int:
    """Runs, prints, and gives 1 where something was wrong."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--days", type=int, default=365)
    parser.add_argument("--jobs", type=int, default=2)
    options = parser.parse_args(arguments)
    shares = [tuple(SCOPES)[number :: options.jobs] for number in range(options.jobs)]
    figures = Figures()
    with ProcessPoolExecutor(options.jobs, multiprocessing.get_context("spawn")) as pool:
        for one in [pool.submit(job, options.seed, options.days, share) for share in shares]:
            figures.add(one.result())
    for line in [*figures.wrong[:20], *figures.leaks[:20], *figures.lines()]:
        print(line)
    print(f"{figures.seconds:.0f} s CPU, seed {options.seed}, {options.days} days, {options.jobs} jobs")
    return 1 if figures.wrong or figures.leaks else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
