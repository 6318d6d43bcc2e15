"""Remarks that are worth one line: the first of each kind is told, however days and numbers differ in the others."""

from collections.abc import Callable


def once_per_kind(tell: Callable[[str], None]) -> Callable[[str, str], None]:
    """A function of a kind and a remark that tells the first remark of each kind. Any thread may call it."""
    first: dict[str, object] = {}

    def remark(kind: str, words: str) -> None:
        mine = object()
        if first.setdefault(kind, mine) is mine:
            tell(words)

    return remark
