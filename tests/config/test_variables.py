"""Variables in texts: what they become, and what no message shows of them."""

from urllib.parse import urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import make_url

from exporter.config.variables import expanded
from exporter.redaction import without_values

ENVIRON = {"USER": "al@ice", "PASSWORD": "p@ss/w#r?d:%25&x", "HOST": "db:5432", "DIR": "/var/lib/a?b", "EMPTY": ""}


@pytest.mark.parametrize(
    ("text", "becomes"),
    [
        (
            "postgresql://${USER}:${PASSWORD}@${HOST}/db?application_name=${USER}",
            "postgresql://al%40ice:p%40ss%2Fw%23r%3Fd%3A%2525%26x@db:5432/db?application_name=al%40ice",
        ),
        ("postgresql://x:a${PASSWORD}b@h/db", "postgresql://x:ap%40ss%2Fw%23r%3Fd%3A%2525%26xb@h/db"),
        ("postgresql://${HOST}/${USER}", "postgresql://db:5432/al%40ice"),
        ("postgresql://${HOST}", "postgresql://db:5432"),
        ("sqlite:///${DIR}/a@b.db", "sqlite:////var/lib/a%3Fb/a@b.db"),
        ("${USER}://${USER}?${USER}", "al%40ice://al@ice?al%40ice"),
        ("${PASSWORD}", "p@ss/w#r?d:%25&x"),
        ("x:$${PASSWORD}@${EMPTY}", "x:${PASSWORD}@"),
    ],
)
def test_in_a_url_a_value_is_encoded_where_it_stands(text: str, becomes: str) -> None:
    made = expanded(text, ENVIRON, url=True)

    assert (made.text, made.mistakes) == (becomes, [])


@given(password=st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0")))
def test_any_password_arrives_as_it_is(password: str) -> None:
    made = expanded("postgresql://exporter:${PASSWORD}@db.example.com:5432/adoption", {"PASSWORD": password}, url=True)
    url = make_url(made.text)

    assert (url.password, url.username, url.host, url.port, url.database) == (
        password,
        "exporter",
        "db.example.com",
        5432,
        "adoption",
    )
    assert urlsplit(made.text).hostname == "db.example.com"


@given(folder=st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0")))
def test_any_folder_arrives_as_it_is(folder: str) -> None:
    made = expanded("sqlite:////${FOLDER}/adoption.db", {"FOLDER": folder}, url=True)

    assert make_url(made.text).database == f"/{folder}/adoption.db"


@pytest.mark.parametrize(
    ("environ", "mistakes"),
    [
        ({}, ["environment variable NAME is not set"]),
        ({"NAME": "\udcff"}, ["environment variable NAME is not Unicode text"]),
    ],
)
@pytest.mark.parametrize("url", [False, True])
def test_a_variable_without_text_is_a_mistake(environ: dict[str, str], mistakes: list[str], url: bool) -> None:
    made = expanded("postgresql://a:${NAME}@h/d", environ, url=url)

    assert (made.text, made.mistakes) == ("postgresql://a:@h/d", mistakes)


@pytest.mark.parametrize(
    ("words", "values", "shown"),
    [
        ('host "w0rd@db"', {"P": "p@ss/w0rd"}, 'host "${P}@db"'),
        ('user "al@ice" failed', {"U": "al%40ice"}, 'user "${U}" failed'),
        ('server at "db.example.com", port 5432', {"URL": "postgresql://u:s3cret@db.example.com:5432/x"}, None),
        ("there is no file /run/token that can be read", {"D": "/run"}, "there is no file ${D}/token that can be read"),
        ("must be at most 250", {"N": "50"}, "must be at most 250"),
        ("must be at most 250", {"N": "250"}, "must be at most ${N}"),
        ("it is empty", {"N": ""}, "it is empty"),
        ("one two", {"A": "one", "B": "A two"}, "${A} ${B}"),
    ],
)
def test_words_name_a_variable_in_place_of_its_value(words: str, values: dict[str, str], shown: str | None) -> None:
    assert without_values(words, values) == (shown or 'server at "${URL}", port ${URL}')


@given(value=st.text("ab@/#?:% .-", min_size=3, max_size=12), before=st.sampled_from(["", '"', " ", "("]))
def test_a_value_is_never_shown_as_it_is(value: str, before: str) -> None:
    assert value not in without_values(f"words {before}{value}{before} words", {"NAME": value}).replace("words", "")


def test_the_variable_that_systemd_sets_is_said_to_be_its_own() -> None:
    (mistake,) = expanded("${CREDENTIALS_DIRECTORY}/token_augment", {}).mistakes

    assert mistake == (
        "environment variable CREDENTIALS_DIRECTORY is not set: systemd sets it for a service; "
        "docs/operations.md says how to check a configuration as one"
    )
