"""Sources of a company in one state, processes that publish it, and what brute force knows of it."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

from pyroaring import BitMap

from exporter.config.identities_file import identities_file
from exporter.config.teams_file import teams_file
from exporter.metrics import Sample
from exporter.model import EVERYBODY, DayFacts, Identity, Reading
from exporter.publish.company import Company, CompanyOptions
from exporter.publish.people_watch import PeopleWatch
from exporter.publish.publisher import Publisher, PublishPolicy
from exporter.publish.self_metrics import SelfMetrics
from exporter.publish.snapshot import COMPANY, ExpositionCache
from exporter.samples.directory import Directory
from exporter.state.accounts import AccountBook
from exporter.state.store import Store
from tests.support.brute_company import Days, brute_company
from tests.support.brute_persons import Account, BrutePersons, Row
from tests.support.sample_options import book_of, sample_options_of
from tests.support.stores import fresh_store

NOW = datetime(2026, 4, 8, 12, tzinfo=UTC)
TODAY = date(2026, 4, 8)
STALE_AFTER = timedelta(days=3)


def back(days: int) -> date:
    return TODAY - timedelta(days=days)


class Replica:
    """A process that publishes what a state holds."""

    def __init__(self, world: "World") -> None:
        self.cache = ExpositionCache(monotonic=lambda: 0.0)
        self.directory = Directory(world.store)
        files = (identities_file(world.folder / "identities.csv"), teams_file(world.folder / "teams.csv"))
        self.directory.become(world.sources, files[0], files[1] if world.has_teams else None)
        self.company = Company(world.store, self.cache, world.options())
        self.watch = PeopleWatch(self.directory, self.cache, self.company, lambda: 0.0)
        own = SelfMetrics()
        self.publishers = {
            source: Publisher(
                sample_options=sample_options_of(
                    source, "augment", AccountBook(world.store, source), directory=self.directory
                ),
                policy=PublishPolicy(STALE_AFTER, 10_000, 0, lambda read: read),
                store=world.store,
                cache=self.cache,
                self_metrics=own.source(source, "augment"),
                now=lambda: world.now,
                monotonic=lambda: world.now.timestamp(),
            )
            for source in world.sources
        }

    def publish(self, *sources: str) -> None:
        """As polls of these sources do, and then the daemon's upkeep."""
        for source in sources:
            self.publishers[source].publish_all()
        self.look()

    def look(self) -> None:
        for publisher in self.publishers.values():
            publisher.withdraw_stale()
        self.watch.look(list(self.publishers.values()), tried=True)

    def company_samples(self) -> list[Sample]:
        return list(self.cache.snapshot.samples.get(COMPANY, []))

    def values(self, metric: str) -> dict[tuple[str, ...], float]:
        return {one.labels: one.value for one in self.company_samples() if one.metric == f"adoption_company_{metric}"}


@dataclass
class World:
    """Sources that list people in one state, and what brute force knows of them."""

    folder: Path
    store: Store = field(default_factory=fresh_store)
    sources: Sequence[str] = ("chat", "ide", "search")
    scopes: Sequence[str] = ("all",)
    has_teams: bool = False
    least: int = 1
    now: datetime = NOW
    seen: dict[Account, list[Identity]] = field(default_factory=dict)
    days: dict[str, dict[str, dict[date, list[int]]]] = field(default_factory=dict)
    rows: Sequence[Row] = ()
    teams: Sequence[Row] = ()
    times: int = 0

    def __post_init__(self) -> None:
        self.write()
        for source in self.sources:
            book_of(self.store, source, joins=True)
            self.store.list_scopes(source, self.scopes)
            self.days[source] = {scope: {} for scope in self.scopes}

    def options(self) -> CompanyOptions:
        return CompanyOptions(self.sources, self.least, 10_000)

    def write(self, rows: Sequence[Row] = (), teams: Sequence[Row] = ()) -> None:
        self.rows, self.teams = rows, teams
        self.times += 1
        for name, header, lines in (("identities", "person,identity", rows), ("teams", "user,team", teams)):
            # A longer file each time is another one, whatever the clock says.
            blank = "\n" * self.times
            (self.folder / f"{name}.csv").write_text("\n".join([header, *(",".join(line) for line in lines)]) + blank)

    def put(self, source: str, day: date, *people: Identity, scope: str = "all", service: Sequence[int] = ()) -> None:
        """Reads a day on which these people were active, as a poll does."""
        numbers = AccountBook(self.store, source, joins=True).number(people)
        for number, identity in zip(numbers, people, strict=True):
            self.seen.setdefault((source, number), []).append(identity)
        facts = DayFacts(people={EVERYBODY: BitMap(numbers)}, service=BitMap(service))
        self.store.replace(source, scope, Reading(day, facts), now=self.now, requests=1)
        self.store.scope_read(source, scope, now=self.now)
        self.days[source][scope][day] = [number for number in numbers if number not in service]

    def month(self, source: str, *people: Identity, newest: int = 1) -> None:
        """Four weeks on whose last day these people were active, and nobody before."""
        for day in range(27, 0, -1):
            self.put(source, back(newest + day))
        self.put(source, back(newest), *people)

    def expected(self, days: Days | None = None) -> set[Sample]:
        persons = BrutePersons(self.seen, self.rows, self.teams, self.sources)
        return brute_company(self.days if days is None else days, persons, self.least, teams=self.has_teams)


def someone(name: str, *, email: bool = True) -> Identity:
    return Identity(f"key of {name}", email=f"{name}@example.com" if email else "", username=name)


ALICE, BOB, CAROL = map(someone, ("alice", "bob", "carol"))
