"""The identities file: a table with the columns person and identity, which is read again when it changes."""

from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path

from exporter.config.followed_file import FollowedFile
from exporter.config.table_file import RowMistake, in_words, read_table

_COLUMNS = (("person",), ("identity",))


@dataclass(frozen=True)
class IdentityRow:
    """A name under which tools know a person, in lower case as the person is.

    `before_colon` is what stands before the first colon, as it is written: it may be a source's name.
    """

    line: int
    person: str
    name: str
    before_colon: str = ""

    def in_source(self, sources: Collection[str]) -> tuple[str, str]:
        """The one source that the row names ("" for all sources), and the name there."""
        if self.before_colon in sources:
            return self.before_colon, self.name
        return "", f"{self.before_colon.lower()}:{self.name}" if self.before_colon else self.name


@dataclass(frozen=True)
class Identities:
    """The rows of an identities file."""

    rows: tuple[IdentityRow, ...]

    @property
    def persons(self) -> int:
        """How many persons the file names."""
        return len({row.person for row in self.rows})


IdentitiesFile = FollowedFile[Identities]


def parse_identities(content: bytes) -> Identities:
    """Parses an identities file. Raises ValueError, whose message has the line of each mistake and no person."""
    rows, mistakes = read_table(content, _COLUMNS)
    found: dict[tuple[str, str], IdentityRow] = {}
    for line, (person, identity) in rows:
        before, colon, after = identity.partition(":")
        name = after.strip() if colon else before
        if not person:
            mistakes.append(RowMistake(line, "has no person"))
        if not name:
            mistakes.append(RowMistake(line, "has no identity"))
        row = IdentityRow(line, person.lower(), name.lower(), before.strip() if colon else "")
        first = found.setdefault((row.before_colon, row.name), row)
        if person and name and first.person != row.person:
            mistakes.append(RowMistake(line, f"has the identity of line {first.line} under another person"))
    if mistakes:
        raise ValueError(in_words(mistakes))
    return Identities(tuple(found.values()))


def read_identities(path: Path) -> Identities:
    """The identities in a file as it is now; raises OSError, or ValueError for what cannot be right."""
    return parse_identities(path.read_bytes())


def identities_file(path: Path) -> IdentitiesFile:
    """The identities of a file that is followed."""
    return FollowedFile(
        path, "identities", read_identities, lambda found: {"persons": found.persons, "identities": len(found.rows)}
    )
