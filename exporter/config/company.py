"""Which sources make up the company."""

from collections.abc import Sequence

from exporter.config.load import Config


def company_sources(config: Config) -> Sequence[str]:
    """The sources whose people are counted together; none where it is switched off, has one source, or one is alone."""
    company = config.people.company
    listing = [name for name, settings in config.sources.items() if settings.lists_people]
    sources = listing if company is True else [name for name in company or () if name in listing]
    return sources if config.whole and len(sources) > 1 else []
