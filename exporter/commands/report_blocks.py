"""Blocks of a document, and how they are written as Markdown and as HTML that a mail program shows."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from html import escape

_SPECIAL = re.compile(r"([\\`*_{}\[\]<>#|~])")
_STYLE = "font-family: sans-serif; max-width: 60em"
_TABLE = "border-collapse: collapse"
_CELL = "border-bottom: 1px solid #ccc; padding: 0.3em 0.8em 0.3em 0; vertical-align: top"


@dataclass(frozen=True)
class Heading:
    """A heading of level 1 or 2."""

    text: str
    level: int = 2


@dataclass(frozen=True)
class Paragraph:
    """A paragraph."""

    text: str


@dataclass(frozen=True)
class Bullets:
    """A list; each line may begin with a name that stands out."""

    lines: Sequence[tuple[str, str]]


@dataclass(frozen=True)
class Table:
    """A table; the columns of `numbers` are aligned to the right."""

    columns: Sequence[str]
    rows: Sequence[Sequence[str]]
    numbers: frozenset[str] = frozenset()


Block = Heading | Paragraph | Bullets | Table


def markdown(blocks: Sequence[Block]) -> str:
    """The blocks as Markdown with tables (GitHub's)."""
    return "\n".join(f"{text}\n" for block in blocks for text in _markdown(block))


def html(title: str, blocks: Sequence[Block]) -> str:
    """The blocks as one page, without anything from elsewhere."""
    body = "\n".join(text for block in blocks for text in _html(block))
    return (
        f'<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n<title>{escape(title)}</title>\n</head>\n'
        f'<body style="{_STYLE}">\n{body}\n</body>\n</html>\n'
    )


def _markdown(block: Block) -> Iterator[str]:
    match block:
        case Heading(text, level):
            yield f"{'#' * level} {_plain(text)}"
        case Paragraph(text):
            yield _plain(text)
        case Bullets(items):
            yield "\n".join(f"* {f'**{_plain(name)}**: ' if name else ''}{_plain(text)}" for name, text in items)
        case Table(columns, rows, numbers):
            ruler = ["--:" if column in numbers else "---" for column in columns]
            cells = [columns, *rows]
            lines = [f"| {' | '.join(map(_plain, row))} |" for row in cells]
            yield "\n".join([lines[0], f"|{'|'.join(ruler)}|", *lines[1:]])


def _html(block: Block) -> Iterator[str]:
    match block:
        case Heading(text, level):
            yield f"<h{level}>{escape(text)}</h{level}>"
        case Paragraph(text):
            yield f"<p>{escape(text)}</p>"
        case Bullets(items):
            told = [f"<li>{f'<b>{escape(name)}</b>: ' if name else ''}{escape(text)}</li>" for name, text in items]
            yield "\n".join(["<ul>", *told, "</ul>"])
        case Table(columns, rows, numbers):
            aligned = ["right" if column in numbers else "left" for column in columns]
            lines = [_row("th", columns, aligned), *(_row("td", row, aligned) for row in rows)]
            yield "\n".join([f'<table style="{_TABLE}">', *lines, "</table>"])


def _row(tag: str, cells: Sequence[str], aligned: Sequence[str]) -> str:
    written = [
        f'<{tag} style="{_CELL}; text-align: {side}">{escape(cell)}</{tag}>'
        for cell, side in zip(cells, aligned, strict=True)
    ]
    return f"<tr>{''.join(written)}</tr>"


def _plain(text: str) -> str:
    """Text without any meaning to Markdown, on one line."""
    return _SPECIAL.sub(r"\\\1", " ".join(text.split()))
