import itertools
from collections.abc import Mapping, Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exporter.errors import BadPayload
from exporter.transport.pages import linked_page, pages


@given(st.lists(st.text(min_size=1), unique=True, max_size=6))
def test_every_page_is_asked_for_once_and_in_order(cursors: Sequence[str]) -> None:
    asked: list[str | None] = []

    def ask(cursor: str | None) -> str | None:
        asked.append(cursor)
        return None if len(asked) > len(cursors) else cursors[len(asked) - 1]

    def following(page: str | None) -> str | None:
        return page

    assert list(pages(ask, following, "x GET /list")) == [*cursors, None]
    assert asked == [None, *cursors]


def test_pages_may_be_numbered() -> None:
    total = 3
    found = list(pages(lambda number: number or 1, lambda page: page + 1 if page < total else None, "x GET /list"))

    assert found == [1, 2, 3]


def test_a_page_is_there_before_the_next_one_is_asked_for() -> None:
    walk = pages(lambda cursor: cursor or 0, lambda page: page + 1, "x GET /list")

    assert list(itertools.islice(walk, 3)) == [0, 1, 2]


def test_a_list_that_goes_round_is_a_bad_payload() -> None:
    following: Mapping[str | None, str] = {None: "a", "a": "b", "b": "a"}
    found: list[str | None] = []
    with pytest.raises(BadPayload, match=r"^x GET /list: page 3 names a next page that was there before$"):
        found.extend(pages(lambda cursor: cursor, lambda page: following[page], "x GET /list"))


def test_a_list_without_an_end_is_a_bad_payload() -> None:
    with pytest.raises(BadPayload, match=r"^x GET /list: more than 7 pages$"):
        list(pages(lambda cursor: cursor or 0, lambda page: page + 1, "x GET /list", most=7))


@pytest.mark.parametrize(
    ("link", "params"),
    [
        (
            '<https://h/organizations/7/seats?per_page=100&page=2>; rel="next", <https://h/seats?page=9>; rel="last"',
            {"per_page": "100", "page": "2"},
        ),
        ('<https://h/x?page=1>; rel="prev", <https://h/x?page=3>; rel=next', {"page": "3"}),
        ('<https://evil.example.net/x?after=a%2Bb>; title="x"; rel="next"', {"after": "a+b"}),
        ('<https://h/x?page=1>; rel="prev", <https://h/x?page=1>; rel="first"', None),
        ("", None),
        (None, None),
    ],
)
def test_a_link_to_the_next_page_gives_its_parameters_alone(link: str | None, params: Mapping[str, str] | None) -> None:
    assert linked_page({} if link is None else {"link": link}) == params
