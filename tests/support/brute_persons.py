"""Who is who by brute force: every name that an account ever had, compared with every other and every row."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from exporter.model import Identity

Account = tuple[str, int]
Row = tuple[str, str]


@dataclass
class BrutePersons:
    """`seen` are the identities of each account, by source and number; rows are (person, identity) and (user, team)."""

    seen: Mapping[Account, Sequence[Identity]]
    rows: Sequence[Row] = ()
    teams: Sequence[Row] = ()
    sources: Sequence[str] = ()
    refused: list[int] = field(default_factory=list)
    strangers: list[int] = field(default_factory=list)

    def __post_init__(self) -> None:
        groups: list[set[object]] = [set(self._joints(account)) | {account} for account in self.seen]
        emails = set().union(*groups)
        self.names: list[tuple[object, str]] = []
        self.given: set[Account] = set()
        for number, (person, identity) in enumerate(self.rows, start=2):
            source, _, name = identity.rpartition(":")
            fits = [account for account in self.seen if self._fits(account, source, name)]
            is_email = not source and "@" in name
            if not fits and not (is_email and ("email", name) in emails):
                self.strangers.append(number)
            if not source and not is_email and len(fits) > 1:
                self.refused.append(number)
                continue
            self.given.update(fits)
            joined: set[object] = {("email", person), *fits}
            groups.append(joined | ({("email", name)} if is_email else set()))
            self.names += [(("email", person), person), *([] if source else [(("email", person), name)])]
        self.groups = _merged(groups)

    def person(self, account: Account) -> frozenset[Account]:
        """The accounts of the person of an account."""
        [group] = [group for group in self.groups if account in group]
        return frozenset(one for one in group if one in self.seen)  # type: ignore[misc]

    def is_matched(self, account: Account) -> bool:
        """Whether the person of an account has an e-mail or a row."""
        [group] = [group for group in self.groups if account in group]
        return any(isinstance(one, tuple) and one[0] == "email" for one in group)

    def team(self, account: Account) -> str | None:
        """The team of an account, by its own names or else by those of its person."""
        own = list(self._choices(account))
        return self._first(own) if own else self.team_of_person(account)

    def team_of_person(self, account: Account) -> str | None:
        """The team of the person of an account."""
        [group] = [group for group in self.groups if account in group]
        found = [choice for one in self.person(account) for choice in self._choices(one)]
        for node, name in self.names:
            if node in group:
                found += [("@" not in name, line) for line, (user, _) in enumerate(self.teams, 2) if user == name]
        return self._first(found) if found else None

    def _first(self, choices: Sequence[tuple[int, int]]) -> str:
        return self.teams[min(choices)[1] - 2][1]

    def _choices(self, account: Account) -> Iterator[tuple[int, int]]:
        for identity in self.seen[account]:
            for rank, name in enumerate((identity.email, identity.username, identity.vendor_id)):
                for line, (user, _) in enumerate(self.teams, start=2):
                    if name and user == name.lower():
                        yield rank, line

    def _joints(self, account: Account) -> Iterator[object]:
        for identity in self.seen[account]:
            if identity.email:
                yield "email", identity.email.lower()
            if identity.joint_id:
                yield "id", identity.joint_id

    def _fits(self, account: Account, source: str, name: str) -> bool:
        if source not in ("", account[0]):
            return False
        if not source and any(identity == f"{account[0]}:{name}" for _, identity in self.rows):
            return False
        names = {text.lower() for one in self.seen[account] for text in (one.email, one.username, one.vendor_id)}
        return name in names


def _merged(groups: Sequence[set[object]]) -> list[set[object]]:
    merged: list[set[object]] = []
    for group in groups:
        touching = [other for other in merged if other & group]
        merged = [other for other in merged if not other & group] + [set(group).union(*touching)]
    return merged
