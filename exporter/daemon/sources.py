"""From the configuration to the recipe by which a source's facts become samples."""

from contextlib import suppress

from exporter.config.load import Config
from exporter.config.teams_file import TeamsFile
from exporter.samples.build import SampleOptions
from exporter.samples.workdays import workdays
from exporter.state.accounts import AccountBook, Label, plain, pseudonym, sources
from exporter.state.database import StateError
from exporter.state.store import Store


def sample_options(config: Config, name: str, store: Store, teams: TeamsFile | None) -> SampleOptions:
    """The recipe of a configured source; what it is to change in the state is left to `settle`."""
    settings, people = config.sources[name], config.people
    return SampleOptions(
        source=name,
        vendor=settings.vendor,
        accounts=AccountBook(store, name, label(config)),
        ready_at=settings.ready_at,
        seats=settings.seats,
        workday=workdays(settings.calendar),
        teams=teams,
        per_user=people.per_user != "none",
        min_group_size=people.min_group_size,
        frequent_days=people.frequent_days,
    )


def settle(config: Config, store: Store) -> None:
    """Has the state go by a configuration, in one transaction; raises StateError, and then nothing has changed.

    The days of a source are one vendor's: windows over those of two would mix them, and a change would look like a
    drop. What `people.per_user` does not want is removed, of sources that are not, or no longer, configured too.
    """
    names = {*sources(store), *config.sources}
    with store.database.write() as connection:
        for name, settings in config.sources.items():
            held = store.adopt(connection, name, settings.vendor)
            if held != settings.vendor:
                raise StateError(
                    f"sources.{name}.vendor: the state holds days of {held} under this name: "
                    "choose another name for the new source"
                )
        erased = [AccountBook(store, name, label(config)).take_effect(connection) for name in sorted(names)]
    if any(erased):
        # It is tried again until it works, and what is erased is so in any case.
        with suppress(StateError):
            store.database.wipe()


def label(config: Config) -> Label | None:
    """How people are named in labels; None where they are not."""
    if config.people.per_user == "pseudonym":
        assert config.pseudonym_key is not None
        return pseudonym(config.pseudonym_key)
    return plain if config.people.per_user == "plain" else None
