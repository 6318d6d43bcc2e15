"""What GitLab and the Cube behind it say instead of data, and what that means. Pure."""

from enum import Enum, auto


class Verdict(Enum):
    """What an answer without data means."""

    WAIT = auto()
    NO_DATABASE = auto()
    NO_PROJECT = auto()
    TRANSIENT = auto()
    REFUSED = auto()
    NO_ROUTE = auto()
    TOKEN = auto()


_QUERY = "check generation, members and custom"
# Statuses, words, their meaning, and what the operator can do; the first match counts. GitLab answers 400 for every
# error of Cube, even an outage of its database, so the words decide. A 200 may carry the same words (2026-11).
_SAYINGS: tuple[tuple[tuple[int, ...], str, Verdict, str], ...] = (
    ((200, 400), "Continue wait", Verdict.WAIT, ""),
    ((200, 400), "not found for path", Verdict.REFUSED, _QUERY),
    ((200, 400), "join path", Verdict.REFUSED, _QUERY),
    ((200, 400), "Invalid query format", Verdict.REFUSED, _QUERY),
    ((200, 400), "Query should contain", Verdict.REFUSED, _QUERY),
    ((200, 400), "Can't parse date", Verdict.REFUSED, ""),
    ((200, 400), "Unknown timezone", Verdict.REFUSED, ""),
    ((200, 400), "limit has been exceeded", Verdict.REFUSED, ""),
    ((200, 400), "query param is required", Verdict.REFUSED, ""),
    ((400,), "query is missing", Verdict.REFUSED, ""),
    ((400,), "query is invalid", Verdict.REFUSED, ""),
    ((400,), "project_id is invalid", Verdict.REFUSED, ""),
    ((200, 400), "", Verdict.TRANSIENT, ""),
    ((401,), "Access Denied", Verdict.REFUSED, "the token's user needs a higher role in the project"),
    ((401,), "restricted", Verdict.REFUSED, ""),
    ((401,), "", Verdict.TOKEN, "the token was refused; check token/token_file"),
    ((403,), "", Verdict.REFUSED, "the token needs the scope api"),
    ((404,), "Database Not Found", Verdict.NO_DATABASE, ""),
    ((404,), "Product Analytics is not enabled", Verdict.REFUSED, "switch it on for the project and its group"),
    ((404,), "Project Not Found", Verdict.NO_PROJECT, "there is none, or the token's user may not see it"),
    (
        (404, 405),
        "",
        Verdict.NO_ROUTE,
        "no Product Analytics API here: check base_url, and edition and version of GitLab",
    ),
)
EXPLAINED = frozenset(status for statuses, *_ in _SAYINGS for status in statuses if status != 200)


def judge(status: int, said: str) -> tuple[Verdict, str]:
    """The meaning of an error with these words, and what to do about it. `status` is 200 or one of EXPLAINED."""
    return next(
        (verdict, advice) for statuses, words, verdict, advice in _SAYINGS if status in statuses and words in said
    )
