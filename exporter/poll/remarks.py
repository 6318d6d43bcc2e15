"""Remarks that are worth one line: the first of each kind, since later ones differ in days and numbers alone."""

from collections.abc import Callable


def once_per_kind(report: Callable[[str], None]) -> Callable[[str, str], None]:
    """Returns a function of a kind and a remark, for any thread, which reports the first remark of each kind."""
    first: dict[str, object] = {}

    def remark(kind: str, words: str) -> None:
        mine = object()
        if first.setdefault(kind, mine) is mine:
            report(words)

    return remark
