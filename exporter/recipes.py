"""From the configuration to the recipe by which a source's facts become samples."""

from exporter.accounts import AccountBook, Label, plain, pseudonym, sources
from exporter.config import Config
from exporter.database import StateError
from exporter.scope_samples import Recipe
from exporter.store import Store
from exporter.teams_file import TeamsFile
from exporter.workdays import workdays


def recipe(config: Config, name: str, store: Store, teams: TeamsFile | None) -> Recipe:
    """The recipe of a configured source. What the state knows of people's names follows `people.per_user` at once.

    Raises StateError where the state holds another vendor's days: windows would mix the two, and a change would look
    like a drop.
    """
    settings, people = config.sources[name], config.people
    held = store.adopt(name, settings.vendor)
    if held != settings.vendor:
        raise StateError(
            f"sources.{name}.vendor: the state holds days of {held} under this name: "
            "choose another name for the new source"
        )
    return Recipe(
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


def forget_names(config: Config, store: Store) -> None:
    """Removes what `people.per_user` does not want of sources that are not, or no longer, configured too."""
    for source in sources(store):
        AccountBook(store, source, label(config))


def label(config: Config) -> Label | None:
    """How people are named in labels; None where they are not."""
    if config.people.per_user == "pseudonym":
        assert config.pseudonym_key is not None
        return pseudonym(config.pseudonym_key)
    return plain if config.people.per_user == "plain" else None
