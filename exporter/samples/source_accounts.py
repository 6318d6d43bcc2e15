"""The accounts of one source by the names that join them, and by those that the files of people have. Pure.

A node is a name that joins: an e-mail, an id that several sources have, or a person of the identities file.
"""

from array import array
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import polars as pl
from pyroaring import BitMap

from exporter.config.identities_file import Identities
from exporter.config.teams_file import Teams
from exporter.state.accounts import Names

# A choice of a team is the rank of the name that finds it (an e-mail comes first) and the line where it stands.
LINES = 2**32
CHOICES = {"node": pl.Int64, "choice": pl.Int64}


@dataclass(frozen=True)
class Files:
    """What the identities file and the teams file hold; None without the file."""

    identities: Identities | None = None
    teams: Teams | None = None

    def names(self, source: str, sources: Collection[str]) -> Mapping[str, Sequence[int]]:
        """The names of the identities file that hold in a source, each with the places of its rows."""
        everywhere: dict[str, list[int]] = {}
        here: dict[str, list[int]] = {}
        for place, row in enumerate(self.identities.rows if self.identities is not None else ()):
            only, name = row.in_source(sources)
            if only in ("", source):
                (here if only else everywhere).setdefault(name, []).append(place)
        # Who names the source means another account than who does not.
        return everywhere | here


@dataclass(frozen=True)
class SourceAccounts:
    """What joins the accounts of a source.

    `nodes` has a node for each account number, -1 for none; `pairs` are further nodes of the same account. `emails` are
    the nodes that are e-mails, `ids` the others. `fits` are the accounts that rows of the identities file name, by the
    row's place. `choices` are the teams of the accounts that the teams file names, and `lines` all lines that name one.
    """

    nodes: Sequence[int]
    pairs: Sequence[tuple[int, int]]
    emails: BitMap
    ids: BitMap
    fits: Mapping[int, Sequence[int]]
    choices: Mapping[int, int]
    lines: BitMap

    @cached_property
    def of_persons(self) -> pl.DataFrame:
        """The first choice of each node that has one."""
        found: dict[int, int] = {}
        for account, choice in self.choices.items():
            node = self.nodes[account]
            if node >= 0:
                found[node] = min(choice, found.get(node, choice))
        return pl.DataFrame({"node": list(found), "choice": list(found.values())}, schema=CHOICES)


def source_accounts(
    names: Names, files: Files, source: str, sources: Collection[str], node_of: Callable[[bytes], int]
) -> SourceAccounts:
    """The accounts of a source from their names, which were asked for those of the files."""
    rows = files.names(source, sources)
    fits: dict[int, list[int]] = {}
    choices: dict[int, int] = {}
    lines = BitMap()
    for name, rank, number in names.matches:
        for place in rows.get(name, ()):
            fits.setdefault(place, []).append(number)
        if files.teams is not None and name in files.teams.team_of:
            lines.add(files.teams.lines[name])
            choice = rank * LINES + files.teams.lines[name]
            choices[number] = min(choice, choices.get(number, choice))
    last = max((*(joint.number for joint in names.joints), *(match.number for match in names.matches)), default=-1)
    nodes = array("q", [-1]) * (last + 1)
    pairs: list[tuple[int, int]] = []
    emails, ids = BitMap(), BitMap()
    for number, digest, email in names.joints:
        node = node_of(digest)
        (emails if email else ids).add(node)
        if nodes[number] >= 0:
            pairs.append((nodes[number], node))
        else:
            nodes[number] = node
    return SourceAccounts(
        nodes=nodes,
        pairs=pairs,
        emails=emails,
        ids=ids,
        fits={place: sorted(set(some)) for place, some in fits.items()},
        choices=choices,
        lines=lines,
    )
