"""The identities file: rows of person and identity, mistakes by line, read again when it changes."""

import os
import re
from pathlib import Path

import pytest

from exporter.config.identities_file import Identities, IdentityRow, identities_file, parse_identities
from exporter.vendors import SETTINGS
from tests.support.configurations import load_text, mistakes_in


def write(path: Path, text: str, *, at: int) -> None:
    path.write_text(text)
    os.utime(path, ns=(at, at))


def test_rows_name_a_person_and_their_names_in_any_case_and_layout() -> None:
    lines = [
        "Identity;Team;PERSON",
        " Alice-GH ;x;Alice@Example.com",
        "",
        "search:42;;Alice@Example.com",
        "alice-gh;;ALICE@example.com",
    ]
    text = "\r\n".join(lines)

    assert parse_identities(text.encode("utf-16")) == Identities(
        (
            IdentityRow(2, "alice@example.com", "alice-gh"),
            IdentityRow(4, "alice@example.com", "42", "search"),
        )
    )
    assert parse_identities(text.encode()).persons == 1


def test_what_stands_before_a_colon_names_a_source_where_there_is_one_of_that_name() -> None:
    one, other, third = parse_identities(b"person,identity\na,Search:B\na,urn:ID:7\na,c\n").rows

    assert one.in_source({"Search"}) == ("Search", "b")
    assert one.in_source({"search"}) == ("", "search:b")
    assert other.in_source({"Search", "ID"}) == ("", "urn:id:7")
    assert third.in_source({"c"}) == ("", "c")


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("", "is empty: it needs the columns person and identity"),
        ("person\n", "line 1 must be a header with the columns person and identity, each once"),
        ("person,identity\nalice,\n,bob\n", "line 2 has no identity; line 3 has no person"),
        ("person,identity\nalice,search:\n", "line 2 has no identity"),
        ("person,identity\na,x\nb,X\n", "line 3 has the identity of line 2 under another person"),
        ("person,identity\na,x\nb,s:x\nc,s:x\n", "line 4 has the identity of line 3 under another person"),
        ("person,identity\nalice,al,x\n", "line 2 has 3 columns and the header 2"),
    ],
)
def test_each_mistake_is_told_by_its_line_and_names_no_person(text: str, complaint: str) -> None:
    with pytest.raises(ValueError, match=f"^{re.escape(complaint)}$"):
        parse_identities(text.encode())


def test_a_changed_file_counts_at_once_and_a_wrong_one_changes_nothing(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO")
    path = tmp_path / "identities.csv"
    write(path, "person,identity\nalice,al\nalice,search:7\n", at=1)
    file = identities_file(path)
    first = file.content()
    write(path, "person,identity\nalice\n", at=2)
    kept = file.content()
    write(path, "person,identity\nbob,al\n", at=3)
    changed = file.content()

    assert first is not None
    assert kept is first
    assert changed == Identities((IdentityRow(2, "bob", "al"),))
    assert [(record.levelname, record.message, vars(record)["fields"]) for record in caplog.records] == [
        ("INFO", "identities file read", {"file": path, "persons": 1, "identities": 2}),
        (
            "ERROR",
            "identities file refused, identities stay as they are",
            {"file": path, "error": "line 2 has 1 column and the header 2"},
        ),
        ("INFO", "identities file read", {"file": path, "persons": 1, "identities": 1}),
    ]


def test_a_source_that_lists_no_people_cannot_be_part_of_the_company(tmp_path: Path) -> None:
    text = (
        "people: {company: [product, chat]}\n"
        "sources:\n"
        "  product: {vendor: gitlab, token: t0ken, projects: [1]}\n"
        "  chat: {vendor: augment, token: t0ken}\n"
    )

    assert mistakes_in(tmp_path, text, SETTINGS) == [
        "people.company[0]: cannot be part of the company: product counts people and lists none"
    ]


@pytest.mark.parametrize(("written", "meant"), [("true", True), ('"false"', False), ("[one]", ("one",))])
def test_the_company_is_all_sources_none_or_some(tmp_path: Path, written: str, meant: object) -> None:
    config = load_text(
        tmp_path, f"people: {{company: {written}}}\nsources: {{one: {{vendor: augment, token: t0ken}}}}\n"
    )

    assert config.people.company == meant
