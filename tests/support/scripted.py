"""A company whose people are scripted: the simulated vendor shows them, and the real exporter reads it.

The clock is the test's. At every step what a scrape would find is recorded.
"""

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from typing import Any

import httpx
import yaml

from exporter.config.load import load_config
from exporter.config.teams_file import teams_file
from exporter.daemon.sources import Shared, build_poller, commit, connector, sample_options
from exporter.metrics import CATALOGUE, Sample
from exporter.poll.past_days import PastReader
from exporter.poll.poller import Poller
from exporter.poll.scheduler import next_poll
from exporter.publish.backfill import past_days
from exporter.publish.self_metrics import SelfMetrics
from exporter.publish.snapshot import ExpositionCache, Snapshot
from exporter.simulator import CREDENTIAL
from exporter.simulator.company import Company
from exporter.simulator.sourcegraph import Instances, sourcegraph_app
from exporter.simulator.sourcegraph_usage import Counts, Row
from exporter.state.store import Store
from exporter.vendors import SETTINGS
from exporter.vendors.registry import VENDORS
from tests.support import asgi
from tests.support.pauses import Pauses
from tests.support.sample_options import directory_of
from tests.support.stores import fresh_store

DAY = timedelta(days=1)
HOUR = timedelta(hours=1)
SOURCE = "search"

# The value of each series that a scrape found.
Frame = Mapping[str, float]
Spans = Sequence[tuple[datetime, datetime]]


def at(day: date, hour: float = 0) -> datetime:
    """A moment of a day, in UTC."""
    return datetime.combine(day, time(), UTC) + hour * HOUR


def all_of_them(_day: date, _now: datetime, people: int) -> int:
    """What a vendor shows that is never late."""
    return people


def nothing_wrong(_now: datetime) -> int | None:
    """The status of a vendor that answers."""
    return None


def one_chat(_day: date, _person: int) -> Counts:
    """What somebody did who did not do much."""
    return Counts(chats=1)


@dataclass(frozen=True)
class Instance:
    """An instance of Sourcegraph, which is a scope.

    `people` are the numbers of those active on a day, `shown` is how many of so many the vendor shows at a moment, and
    `refusal` the status with which it answers while something is wrong. `counts` is what a person did on a day.
    """

    people: Callable[[date], Collection[int]]
    shown: Callable[[date, datetime, int], int] = all_of_them
    refusal: Callable[[datetime], int | None] = nothing_wrong
    counts: Callable[[date, int], Counts] = one_chat


@dataclass
class Scripted:
    """One exporter with one source from `start` to `end`.

    `settings` are those of the source, `sections` those beside it. Meanwhile the exporter is not running in the spans
    of `down`, and starts no poll in those of `stuck`.
    """

    instances: Mapping[str, Instance]
    start: datetime
    end: datetime
    folder: Path
    settings: Mapping[str, Any]
    sections: Mapping[str, Any] = field(default_factory=dict)
    step: timedelta = HOUR
    down: Spans = ()
    stuck: Spans = ()
    now: datetime = field(init=False)
    _store: Store = field(default_factory=fresh_store)

    def polled(self) -> Iterator[Frame]:
        """What a scrape finds at each step of a running exporter, empty where it is down."""
        self.now = self.start
        process: _Process | None = None
        while self.now <= self.end:
            if _within(self.now, self.down):
                process = None
                yield {}
            else:
                process = process or _Process(self._poller())
                yield process.scrape(self.now, stuck=_within(self.now, self.stuck))
            self.now += self.step

    def backfilled(self) -> Iterator[Frame]:
        """What a scrape would have found of adoption: each day's samples as of when it was due, from `backfill`.

        It takes a tenth of the polls' time, and tells nothing of polls.
        """
        self.now = self.end
        poller = self._poller()
        first, last = self.start.date() - 2 * DAY, self.end.date()
        reader = PastReader(
            source=poller.source,
            store=self._store,
            accounts=poller.accounts,
            first=first,
            last=last,
            now=lambda: self.now,
            count=lambda _code: None,
            warn=lambda _remark: None,
        )
        failed = reader.read()
        assert failed == {}, failed
        most = poller.source.settings.max_series
        found = list(past_days(poller.publisher.sample_options, self._store, most, first, last, self.now))
        own = _own(poller.self_metrics.self_metrics)
        shown = [(one.moment, {**_adoption(one.samples), **own}) for one in found]
        moment = self.start
        while moment <= self.end:
            yield next((frame for since, frame in reversed(shown) if since <= moment), own)
            moment += self.step

    def _poller(self) -> Poller:
        """A poller as in a new process."""
        account = {"vendor": "sourcegraph", "base_url": "http://127.0.0.1", "token": CREDENTIAL}
        # Rules look neither at clients and languages nor at series of single days.
        less = {"granularity": "by_user_day", "day_series": "0d"}
        source = {**account, "instances": list(self.instances), **less, **self.settings}
        file = self.folder / "config.yaml"
        file.write_text(yaml.safe_dump({**self.sections, "sources": {SOURCE: source}}))
        config = load_config(file, SETTINGS, environ={})
        teams = None if config.teams is None else teams_file(config.teams.file)
        settings, vendor, stop = config.sources[SOURCE], VENDORS["sourcegraph"], Pauses()
        own = SelfMetrics(process=False)
        directory = directory_of(self._store, SOURCE, teams=teams)
        shared = Shared(self._store, ExpositionCache(), own, directory, lambda: self.now, lambda: self.now.timestamp())
        poller = build_poller(
            vendor,
            settings,
            sample_options(config, SOURCE, shared),
            shared,
            retention=config.state.retention,
            connect=connector(vendor, settings, stop, shared, httpx.MockTransport(self._vendor())),
            stop=stop,
        )
        commit(config, self._store)
        own.reloaded(ok=True, at=self.now)
        return poller

    def _vendor(self) -> Callable[[httpx.Request], httpx.Response]:
        instances = Instances(self._rows, lambda _host, _now: None, date(2000, 1, 1), list(self.instances))
        app = sourcegraph_app(Company(), lambda: self.now, instances=instances, compressed=False)

        def respond(request: httpx.Request) -> httpx.Response:
            status = self.instances[request.url.params["instanceURL"]].refusal(self.now)
            if status is not None:
                return httpx.Response(status)
            answer = asgi.request(app, request.method, str(request.url), headers=dict(request.headers))
            return httpx.Response(answer.status_code, content=answer.content, headers=answer.headers)

        return respond

    def _rows(self, host: str, day: date, now: datetime) -> list[Row]:
        instance = self.instances[host]
        people = sorted(instance.people(day)) if at(day + DAY) <= now else []
        return [
            Row(
                id=str(person),
                email=f"person-{person}@example.com",
                username=f"person-{person}",
                active=True,
                client="",
                day=day,
                language="",
                counts=instance.counts(day, person),
                arrives=now,
            )
            for person in people[: instance.shown(day, now, len(people))]
        ]


class _Process:
    """A running exporter, which polls its source when it starts and then whenever that is due."""

    def __init__(self, poller: Poller) -> None:
        self._poller = poller
        self._due = datetime.min.replace(tzinfo=UTC)
        self._snapshot = Snapshot()
        self._adoption: Frame = {}
        poller.self_metrics.seed()
        poller.restore()

    def scrape(self, now: datetime, *, stuck: bool) -> Frame:
        """What a scrape finds at a moment, after the poll that is due by then."""
        poller, settings = self._poller, self._poller.source.settings
        if now >= self._due and not stuck:
            poller.poll()
            # A cron's time that is now is not the next one.
            after = now if settings.cron is None else now + timedelta.resolution
            self._due = next_poll(settings.interval, settings.cron, after)
            poller.self_metrics.next_poll(self._due)
        else:
            poller.publisher.withdraw_stale()
        if poller.publisher.cache.snapshot is not self._snapshot:
            self._snapshot = poller.publisher.cache.snapshot
            self._adoption = _adoption(self._snapshot.all_samples())
        return {**self._adoption, **_own(poller.self_metrics.self_metrics)}


def _within(now: datetime, spans: Spans) -> bool:
    return any(begin <= now < end for begin, end in spans)


def _adoption(samples: Sequence[Sample]) -> Frame:
    return {
        _series(one.metric, dict(zip(CATALOGUE[one.metric].labels, one.labels, strict=True))): one.value
        for one in samples
    }


def _own(self_metrics: SelfMetrics) -> Frame:
    found = (one for family in self_metrics.registry.collect() for one in family.samples)
    return {_series(one.name, one.labels): one.value for one in found}


def _series(name: str, labels: Mapping[str, str]) -> str:
    told = ",".join(f'{label}="{value}"' for label, value in labels.items())
    return f"{name}{{{told}}}"
