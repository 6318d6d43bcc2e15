"""Parses a row of Augment's lists: the account that it is about, and its metrics. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass

from exporter.errors import BadPayload
from exporter.model import Amount, Identity
from exporter.transport.json_object import JsonObject

# Keys of `metrics`, the same in daily-usage, user-activity and the editor-language records; each is optional.
# completions_suggested_lines_of_code stands in every field table and in none of the published bodies (2026-11).
FIELDS: Mapping[str, Amount] = {
    "completions_count": Amount("usage", "completions_suggested"),
    "completions_accepted": Amount("usage", "completions_accepted"),
    "chat_messages": Amount("usage", "chat_messages"),
    "remote_agent_messages": Amount("usage", "remote_agent_messages"),
    "ide_agent_messages": Amount("usage", "ide_agent_messages"),
    "cli_agent_interactive_messages": Amount("usage", "cli_agent_interactive_messages"),
    "cli_agent_non_interactive_messages": Amount("usage", "cli_agent_non_interactive_messages"),
    "total_messages": Amount("usage", "messages"),
    "total_tool_calls": Amount("usage", "tool_calls"),
    "completions_lines_of_code": Amount("code_lines", "completions_accepted"),
    "completions_suggested_lines_of_code": Amount("code_lines", "completions_suggested"),
    "remote_agent_lines_of_code": Amount("code_lines", "remote_agent"),
    "ide_agent_lines_of_code": Amount("code_lines", "ide_agent"),
    "cli_agent_interactive_lines_of_code": Amount("code_lines", "cli_agent_interactive"),
    "cli_agent_non_interactive_lines_of_code": Amount("code_lines", "cli_agent_non_interactive"),
    "total_modified_lines_of_code": Amount("code_lines", "modified"),
}
# The one that a server may not have at all.
OPTIONAL = "completions_suggested_lines_of_code"

Metrics = Mapping[str, int]


@dataclass(frozen=True)
class Person:
    """The account that a row is about: a person by e-mail or a service account by name."""

    identity: Identity
    service: bool


@dataclass(frozen=True)
class Record:
    """What one person did in one editor and one language on one day."""

    person: Person
    editor: str
    language: str
    metrics: Metrics


def parse_person(row: JsonObject) -> Person:
    """The person or service account of a row, which has exactly one of `user_email` and `service_account_name`."""
    email = row.text("user_email").strip().lower() if _given(row, "user_email") else ""
    account = row.text("service_account_name").strip() if _given(row, "service_account_name") else ""
    if bool(email) == bool(account):
        count = "both" if email else "neither"
        raise BadPayload(f"{row.where}: {row.path} has {count} of user_email and service_account_name")
    if account:
        return Person(Identity(key=f"service:{account}", username=account), service=True)
    return Person(Identity(key=f"email:{email}", email=email), service=False)


def parse_metrics(metrics: JsonObject) -> Metrics:
    """The counts of the known fields that are present; other fields are ignored."""
    return {field: metrics.whole(field) for field in FIELDS if field in metrics}


def parse_record(row: JsonObject) -> Record:
    """A row of the editor-language list."""
    return Record(
        parse_person(row), row.text("editor"), row.text("language"), parse_metrics(row.json_object("metrics"))
    )


def _given(row: JsonObject, key: str) -> bool:
    return key in row and row.require(key) is not None
