"""Who is who over several sources: accounts of one person have a common e-mail, or stand in the identities file. Pure.

Names (nodes) that an account or a row of the file holds together are one person's, and so are those that each of them
holds together with others.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property

import polars as pl
from pyroaring import BitMap

from exporter.config.teams_file import Teams
from exporter.samples.source_accounts import CHOICES, LINES, Files, SourceAccounts

# An e-mail comes first.
_RANKS = {True: 0, False: 1}


@dataclass(frozen=True)
class Group:
    """Some accounts of a source as persons. Each of the accounts that are `alone` is a person of its own.

    `unmatched` is how many accounts have neither an e-mail nor a row of the identities file.
    """

    persons: BitMap = field(default_factory=BitMap)
    alone: BitMap = field(default_factory=BitMap)
    unmatched: int = 0


class _Joined:
    """Sets of nodes that are joined (union-find); a node that was never joined is its own root."""

    def __init__(self) -> None:
        self.parents: dict[int, int] = {}

    def root(self, node: int) -> int:
        parents = self.parents
        while (above := parents.get(node, node)) != node:
            parents[node] = parents.get(above, above)
            node = above
        return node

    def join(self, one: int, other: int) -> None:
        one, other = self.root(one), self.root(other)
        if one != other:
            self.parents[max(one, other)] = min(one, other)


@dataclass(frozen=True)
class Persons:
    """The persons of all sources together.

    `root_of` says which node stands for the person of a node, where that is another one. `given` are the accounts
    without a node of their own that the identities file gives to a person. `nameless` are persons of whom neither an
    e-mail is known nor a row of the file. `refused` are the lines of the identities file that fit several accounts, and
    `strangers` those that fit none.
    """

    files: Files
    sources: Mapping[str, SourceAccounts]
    root_of: Mapping[int, int]
    given: Mapping[str, Mapping[int, int]]
    nameless: BitMap
    refused: Sequence[int]
    strangers: Sequence[int]
    # The choices of a team that rows of the identities file find.
    of_rows: Mapping[int, Sequence[int]]

    def group(self, source: str, accounts: Iterable[int]) -> Group:
        """Accounts of a source as persons."""
        alone, persons, nameless = [], [], 0
        for account in accounts:
            root = self._root(source, account)
            if root < 0:
                alone.append(account)
                continue
            persons.append(root)
            nameless += root in self.nameless
        return Group(BitMap(persons), BitMap(alone), len(alone) + nameless)

    def _root(self, source: str, account: int) -> int:
        nodes = self.sources[source].nodes
        node = nodes[account] if account < len(nodes) else -1
        if node < 0:
            node = self.given[source].get(account, -1)
        return self.root_of.get(node, node)

    def members(self, source: str) -> dict[int, str]:
        """The team of each account of a source that the teams file knows by a name of its own, or of its person."""
        if self.files.teams is None:
            return {}
        own, persons = self.sources[source].choices, self._choices
        found: dict[int, str] = {}
        for account in range(len(self.sources[source].nodes)):
            choice = own.get(account)
            if choice is None:
                choice = persons.get(self._root(source, account))
            if choice is not None:
                found[account] = self._team(choice)
        return found

    def teams_of_accounts(self, source: str, accounts: Iterable[int]) -> Counter[str]:
        """How many of the accounts of a source are in each team, by names of their own."""
        own = self.sources[source].choices
        return Counter(self._team(own[account]) for account in accounts if account in own)

    @cached_property
    def teams(self) -> Mapping[str, BitMap]:
        """The persons of each team."""
        found: dict[str, list[int]] = {}
        for root, choice in self._choices.items():
            found.setdefault(self._team(choice), []).append(root)
        return {team: BitMap(roots) for team, roots in found.items()}

    @cached_property
    def _choices(self) -> Mapping[int, int]:
        """The team of each person whom the teams file knows by any name."""
        tables = [known.of_persons for known in self.sources.values()]
        rows = [(node, choice) for node, choices in self.of_rows.items() for choice in choices]
        for source, given in self.given.items():
            own = self.sources[source].choices
            rows += [(node, own[account]) for account, node in given.items() if account in own]
        moved = pl.DataFrame(
            {"node": list(self.root_of), "root": list(self.root_of.values())},
            schema={"node": pl.Int64, "root": pl.Int64},
        )
        first = (
            pl.concat([*tables, pl.DataFrame(rows, CHOICES, orient="row")])
            .join(moved, on="node", how="left")
            .group_by(pl.col("root").fill_null(pl.col("node")))
            .agg(pl.col("choice").min())
        )
        return dict(zip(first["root"].to_list(), first["choice"].to_list(), strict=True))

    @cached_property
    def lines(self) -> BitMap:
        """The lines of the teams file that name somebody."""
        nodes = (*(known.emails | known.ids for known in self.sources.values()), self._given)
        somebody = BitMap(self.root_of.get(node, node) for node in BitMap.union(BitMap(), *nodes))
        by_rows = BitMap(
            choice % LINES
            for node, choices in self.of_rows.items()
            for choice in choices
            if self.root_of.get(node, node) in somebody
        )
        return BitMap.union(by_rows, *(known.lines for known in self.sources.values()))

    @property
    def _given(self) -> BitMap:
        return BitMap(node for given in self.given.values() for node in given.values())

    def _team(self, choice: int) -> str:
        return self._team_of_line[choice % LINES]

    @cached_property
    def _team_of_line(self) -> Mapping[int, str]:
        teams = self.files.teams
        return {} if teams is None else {teams.lines[user]: team for user, team in teams.team_of.items()}


def joined(files: Files, sources: Mapping[str, SourceAccounts], node_of_name: Callable[[str], int]) -> Persons:
    """The persons of sources; `node_of_name` gives the node of an e-mail, and of a person of the identities file."""
    together = _Joined()
    emails = BitMap.union(BitMap(), *(known.emails for known in sources.values()))
    for known in sources.values():
        for one, other in known.pairs:
            together.join(one, other)
    given: dict[str, dict[int, int]] = {source: {} for source in sources}
    refused, strangers, named = [], [], BitMap()
    persons: list[tuple[int, str]] = []
    fitting: dict[int, list[tuple[str, int]]] = {}
    for source, known in sources.items():
        for place, accounts in known.fits.items():
            fitting.setdefault(place, []).extend((source, account) for account in accounts)
    for place, row in enumerate(files.identities.rows if files.identities is not None else ()):
        only, name = row.in_source(sources)
        fits = fitting.get(place, [])
        person = node_of_name(row.person)
        email = node_of_name(name) if not only and "@" in name else None
        if not fits and (email is None or email not in emails):
            strangers.append(row.line)
        # An e-mail is one person's, in however many tools; of a user name that is not known.
        if not only and email is None and len(fits) > 1:
            refused.append(row.line)
            continue
        named.add(person)
        if email is not None:
            together.join(person, email)
        for source, account in fits:
            node = sources[source].nodes[account]
            together.join(person, given[source].setdefault(account, person) if node < 0 else node)
        persons += [(person, row.person), *([] if only else [(person, name)])]
    root_of = {node: together.root(node) for node in list(together.parents)}
    ids = BitMap.union(BitMap(), *(known.ids for known in sources.values()))
    with_name = BitMap(root for node, root in root_of.items() if node in emails or node in named) | emails | named
    return Persons(
        files=files,
        sources=sources,
        root_of=root_of,
        given=given,
        nameless=BitMap(root_of.get(node, node) for node in ids) - with_name,
        refused=refused,
        strangers=strangers,
        of_rows=_choices_of_rows(files.teams, persons),
    )


def _choices_of_rows(teams: Teams | None, names: Iterable[tuple[int, str]]) -> dict[int, list[int]]:
    """The choices of a team for each node of the identities file, by the names that it has there."""
    found: dict[int, list[int]] = {}
    for node, name in names:
        if teams is not None and name in teams.team_of:
            found.setdefault(node, []).append(_RANKS["@" in name] * LINES + teams.lines[name])
    return found
