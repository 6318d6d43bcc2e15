"""A recipe for tests, which give only what they are about."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

from exporter.accounts import AccountBook
from exporter.scope_samples import Recipe
from exporter.sections import PeopleSettings


def recipe_of(source: str, vendor: str, accounts: AccountBook, **more: Any) -> Recipe:
    """What the configuration's defaults make, without a calendar."""
    people = PeopleSettings()
    recipe = Recipe(
        source=source,
        vendor=vendor,
        accounts=accounts,
        ready_at=timedelta(hours=3),
        seats=None,
        workday=None,
        teams=None,
        per_user=False,
        min_group_size=people.min_group_size,
        frequent_days=people.frequent_days,
    )
    return replace(recipe, **more)
