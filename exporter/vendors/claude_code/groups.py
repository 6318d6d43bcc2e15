"""The groups of a Claude Enterprise organization on a day, as teams: everybody who held the group at any time of it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date

from pyroaring import BitMap

from exporter.vendors.claude_code.api import ANALYTICS, PAGE, walk
from exporter.vendors.claude_code.enterprise_rows import parse_rows
from exporter.vendors.claude_code.session import Context

# Each costs a request for each day.
MOST = 50


@dataclass(frozen=True)
class Groups:
    """The people of each group by its id, as numbers, and the names of the groups that have one."""

    people: Mapping[str, BitMap]
    names: Mapping[str, str]


def read_groups(context: Context, day: date, numbers: Mapping[str, int]) -> Groups | None:
    """The groups that are wanted, with those of the day's people (`numbers` by id) who are in each.

    None, with a warning, where there are too many.
    """
    names = listed(context, day)
    wanted = wanted_groups(context, names)
    if wanted is None:
        return None
    return Groups(
        {group: _people(context, day, group, numbers) for group in wanted},
        {group: name for group in wanted if (name := names[group]) is not None},
    )


def listed(context: Context, day: date) -> Mapping[str, str | None]:
    """The groups that anybody held on a day, by id, with their names; a deleted one has none."""
    pages = walk(context, f"{ANALYTICS}/users", {**_of(day), "group_by[]": "rbac_group_id"})
    rows = [row for page in pages for row in page.objects("data") if row.require("rbac_group_id") is not None]
    return {
        row.text("rbac_group_id"): row.text("rbac_group_name") if row.given("rbac_group_name") else None for row in rows
    }


def wanted_groups(context: Context, names: Mapping[str, str | None]) -> Sequence[str] | None:
    """The groups that the configuration names by id or name, or all; None, with a warning, where these are too many."""
    settings = context.settings.teams
    chosen = () if settings is None else settings.groups
    if chosen:
        return [group for group, name in names.items() if group in chosen or name in chosen]
    if len(names) > MOST:
        context.warn(
            "groups",
            f"there are no teams: {len(names)} groups, each a request a day; list up to {MOST} in teams.groups",
        )
        return None
    return list(names)


def _people(context: Context, day: date, group: str, numbers: Mapping[str, int]) -> BitMap:
    pages = walk(context, f"{ANALYTICS}/users", {**_of(day), "filter[]": f"rbac_group_id:{group}"})
    return BitMap(numbers[row.user_id] for row in parse_rows(pages) if row.user_id in numbers)


def _of(day: date) -> Mapping[str, str | int]:
    return {"date": day.isoformat(), "limit": PAGE}
