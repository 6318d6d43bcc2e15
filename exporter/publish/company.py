"""Publishes the company: made anew when one of its sources has published, and absent while one of them is."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from exporter.metrics import Sample
from exporter.publish.publisher import Publisher
from exporter.publish.snapshot import COMPANY, ExpositionCache
from exporter.samples.company import data_day
from exporter.samples.company_days import NOTHING_LISTED, CompanyDays, ListedDays, listed_days
from exporter.samples.filters import limit
from exporter.samples.persons import Persons
from exporter.state.database import StateError
from exporter.state.store import Store


@dataclass(frozen=True)
class CompanyOptions:
    """The sources that make the company, which list people, and what may be published of it."""

    sources: Sequence[str]
    min_group_size: int
    max_series: int


class Company:
    """What is published of the company. `options` is None where nothing is said of it."""

    def __init__(self, store: Store, cache: ExpositionCache, options: CompanyOptions | None = None) -> None:
        self._store = store
        self._cache = cache
        self._options = options
        self._days = CompanyDays(store)
        self._listed: dict[str, ListedDays] = {}
        # The publications that were looked at; none after an error, so that every source is looked at again.
        self._seen: Mapping[str, int] = {}
        self._made_of: tuple[CompanyOptions | None, Persons, Mapping[str, int]] | None = None

    def become(self, options: CompanyOptions | None) -> None:
        """Takes another configuration; what is published changes with `publish`."""
        self._options = options

    def publish(self, publishers: Sequence[Publisher], persons: Persons) -> None:
        """Publishes the company where its sources or the persons have changed since.

        Raises StateError, after which the next call tries again. After another error one waits for a change.
        """
        options = self._options
        wanted = () if options is None else options.sources
        of_company = {one.sample_options.source: one for one in publishers if one.sample_options.source in wanted}
        seen = {source: publisher.publication for source, publisher in of_company.items()}
        if self._made_of == (options, persons, seen):
            return
        changed = [source for source, number in seen.items() if self._seen.get(source) != number]
        self._seen, self._made_of = {}, (options, persons, seen)
        try:
            samples = self._samples(options, of_company, changed, persons)
        except StateError:
            self._made_of = None
            raise
        if self._cache.snapshot.samples.get(COMPANY, []) != samples:
            self._cache.publish(COMPANY, samples)
        self._seen = seen

    def _samples(
        self,
        options: CompanyOptions | None,
        publishers: Mapping[str, Publisher],
        changed: Sequence[str],
        persons: Persons,
    ) -> list[Sample]:
        for source in changed:
            self._days.forget(source)
            self._listed[source] = self._listed_now(publishers[source])
        if options is None:
            return []
        # One that is not there yet knows nothing.
        known = {
            source: self._listed[source] if source in publishers else NOTHING_LISTED
            for source in sorted(options.sources)
        }
        day = data_day([about.days for about in known.values()])
        if day is None:
            return []
        samples, _ = limit(self._days.samples(day, known, persons, options.min_group_size), options.max_series)
        return samples

    def _listed_now(self, publisher: Publisher) -> ListedDays:
        """The days of a source as it is published; none where one of its scopes is not."""
        found = self._store.scopes(publisher.sample_options.source)
        scopes = [scope for scope, status in found.items() if status.listed]
        published = publisher.state()
        made = {scope: published[scope][1] for scope in scopes if scope in published}
        if len(made) < len(scopes) or any(one is None for one in made.values()):
            return NOTHING_LISTED
        return listed_days({scope: one.listed for scope, one in made.items() if one is not None})
