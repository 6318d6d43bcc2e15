"""Holds the import table: what each file of `exporter/` may import."""

import ast
import sys
from collections.abc import Iterator
from fnmatch import fnmatchcase
from pathlib import Path
from typing import NamedTuple

CHECKOUT = Path(__file__).parents[2]
PACKAGE = CHECKOUT / "exporter"

# From the ground up: a file may name rooms of earlier rows only, so no cycle can arise; `*` means all of those rooms.
# The row that fits a file most closely counts. The package itself (its version) is open to every file.
VENDOR = "errors fields hosts model client json_body json_items rollup vendors.base vendors.settings"
POLL = "errors log model database store outcome plan"
SCOPE = "accounts history limits metrics model store teams teams_file flow privacy users windows vendors.base"
PUSH = "fields mistakes sections log metrics model vendor_text snapshot health"
OTEL = "opentelemetry"
TABLE = f"""
file                 | rooms of the exporter                                              | libraries
__init__.py          |                                                                    |
errors.py            |                                                                    |
hosts.py             |                                                                    | idna
fields.py            | hosts                                                              | pydantic
vendor_text.py       |                                                                    |
log.py               | fields vendor_text                                                 |
model.py             |                                                                    | polars pyroaring
metrics.py           | model                                                              |

body.py              | errors                                                             | httpx
json_body.py         | errors                                                             |
json_items.py        | json_body                                                          |
vendor_clock.py      |                                                                    |
retries.py           | errors vendor_clock                                                | stamina
budget.py            |                                                                    |
client.py            | errors body json_body retries budget vendor_clock vendor_text      | httpx

ahead.py             |                                                                    |
durations.py         |                                                                    | pydantic
cron.py              |                                                                    | pydantic apscheduler
rollup.py            | errors model                                                       | polars pyroaring
vendors/base.py      | model client errors                                                |
vendors/settings.py  | fields durations cron                                              | pydantic holidays
vendors/*.py         | {VENDOR}                                                           | polars pyroaring pydantic
vendors/aug*.py      | {VENDOR} vendors.augment_*                                         | polars pyroaring pydantic
vendors/coder.py     | {VENDOR} log                                                       | polars pyroaring pydantic
vendors/coder_c*.py  | {VENDOR} vendors.coder_classic_*                                  | polars pyroaring pydantic
vendors/sourc*.py    | {VENDOR} ahead vendors.sourcegraph_*                                | polars pyroaring pydantic
vendors/gitlab*.py   | {VENDOR} retries vendor_text vendors.gitlab_*                      | pydantic
vendors/__init__.py  | vendors.*                                                          |

variables.py         |                                                                    |
facts.py             | model                                                              | polars pyroaring
schema.py            |                                                                    | sqlalchemy
engine.py            |                                                                    | sqlalchemy
locks.py             |                                                                    | sqlalchemy
database.py          | schema engine locks variables                                      | sqlalchemy
unreadable.py        | facts log                                                          |
store.py             | model facts schema engine database unreadable                      | sqlalchemy pyroaring
accounts.py          | model schema store                                                 | sqlalchemy pyroaring
retention.py         | facts log store accounts                                           | pyroaring
revisions.py         | model                                                              |
span.py              | model                                                              | pyroaring
windows.py           | model metrics span                                                 |
flow.py              | model metrics                                                      | pyroaring
teams.py             | model                                                              | polars pyroaring
teams_file.py        | log model                                                          |
users.py             | rollup metrics span                                                | polars
privacy.py           | metrics                                                            |
workdays.py          | vendors.settings                                                   | holidays
history.py           | model store span teams flow                                        | polars pyroaring
limits.py            | metrics                                                            |
scope_samples.py     | {SCOPE}                                                            |
expose/__init__.py   |                                                                    |
expose/prometheus.py | metrics                                                            | prometheus_client
expose/otlp.py       | metrics                                                            | prometheus_client {OTEL}
expose/backfill.py   | expose.prometheus limits metrics model scope_samples store         | prometheus_client
snapshot.py          | metrics expose.prometheus                                          |
health.py            | errors metrics store                                               | prometheus_client
publisher.py         | database known_days log metrics store scope_samples limits snapshot health vendor_clock |
team_watch.py        | database log publisher teams_file                                  |
plan.py              | model store                                                        |
remarks.py           |                                                                    |
emptied.py           | log model plan store vendors.base                                  |
outcome.py           | errors store                                                       |
poller.py            | {POLL} accounts client emptied health publisher remarks retention revisions vendors.base |
past_days.py         | accounts errors model plan poller remarks store vendors.base       |
turns.py             | errors log database store outcome poller                           |
online_check.py      | errors model poller vendors.base                                   |
scheduler.py         | cron log                                                           |
signals.py           |                                                                    |
leftovers.py         |                                                                    |

mistakes.py          | fields durations                                                   | pydantic pydantic_core
document.py          | mistakes variables                                                 | yaml
state_url.py         | fields hosts                                                       | pydantic sqlalchemy psycopg
sections.py          | fields durations hosts state_url teams_file                        | pydantic
advice.py            | errors                                                             |
distance.py          |                                                                    |
shipped.py           |                                                                    |
status.py            | advice errors model publisher store vendors.base windows           |
web/__init__.py      |                                                                    |
web/negotiation.py   | expose.prometheus                                                  |
web/exposition.py    | expose.prometheus snapshot health web.negotiation                  | starlette
web/passwords.py     |                                                                    | bcrypt
web/config_file.py   | fields mistakes document                                           | pydantic
web/refusals.py      |                                                                    | starlette
web/access.py        | log mistakes web.config_file web.passwords web.refusals            | starlette
web/server.py        |                                                                    | starlette uvicorn
web/sparkline.py     | status                                                             |
web/templates/__init__.py |                                                               | jinja2 markupsafe
web/status_page.py   | advice distance status web.sparkline web.templates                 |
web/application.py   | shipped snapshot health status web.exposition web.status_page web.templates | starlette yaml
sd_notify.py         |                                                                    |
config.py            | fields mistakes document sections vendors vendors.base vendors.settings | pydantic sqlalchemy
config_changes.py    | config                                                             |
expose/otlp_*.py     | {PUSH} expose.otlp expose.otlp_* | {OTEL} pydantic google requests grpc
expose/tracing.py    | sections store expose.otlp_*                                       | {OTEL}

recipes.py           | accounts config database scope_samples store teams_file workdays   |
connector.py         | budget client config errors vendors.base vendors.settings expose.tracing |
pushing.py           | config expose.otlp_* expose.tracing health snapshot                |
app.py               | *                                                                  |
reload.py            | app config config_changes database log status web.access           |
reporting.py         | app poller status                                                  |
daemon.py            | *                                                                  |
simulator/*.py       | simulator.*                                                        | starlette uvicorn
commands/asking.py   | fields http_environment                                            | click httpx
commands/*.py        | * commands.*                                                       | click rich
cli.py               | *                                                                  | click
__main__.py          | cli                                                                |
"""


class Row(NamedTuple):
    """One line of the table; `file` may be a pattern, and so may the names of rooms."""

    file: str
    rooms: list[str]
    libraries: list[str]

    @property
    def room(self) -> str:
        return self.file.removesuffix(".py").removesuffix("/__init__").replace("/", ".")


def test_every_file_has_a_row_and_every_row_a_file() -> None:
    files = {path.relative_to(PACKAGE).as_posix() for path in PACKAGE.rglob("*.py")}

    without_row = [file for file in sorted(files) if row_of(file) is None]
    without_file = [row.file for row in rows() if not any(fnmatchcase(file, row.file) for file in files)]

    assert not without_row, f"add a row to TABLE for: {', '.join(without_row)}"
    assert not without_file, f"remove from TABLE: {', '.join(without_file)}"


def test_no_file_imports_what_its_row_does_not_allow() -> None:
    forbidden = [
        f"{file} imports {name}"
        for file, row in files_with_rows()
        for name in sorted(set(imported(PACKAGE / file)))
        if not is_allowed(name, row)
    ]

    assert not forbidden, "not in TABLE:\n" + "\n".join(forbidden)


def test_a_row_names_rooms_of_earlier_rows_only() -> None:
    seen: set[str] = {"*"}
    for row in rows():
        among_themselves = {room for room in row.rooms if "*" in row.room and fnmatchcase(room, row.room)}
        assert set(row.rooms) <= seen | among_themselves, row.file
        seen.add(row.room)


def rows() -> list[Row]:
    lines = [line for line in TABLE.strip().splitlines()[1:] if line]
    cells = [[cell.strip() for cell in line.split("|")] for line in lines]
    return [Row(file, rooms.split(), libraries.split()) for file, rooms, libraries in cells]


def row_of(file: str) -> Row | None:
    fitting = [row for row in rows() if fnmatchcase(file, row.file)]
    return min(fitting, key=lambda row: ("*" in row.file, -len(row.file)), default=None)


def files_with_rows() -> Iterator[tuple[str, Row]]:
    for path in sorted(PACKAGE.rglob("*.py")):
        file = path.relative_to(PACKAGE).as_posix()
        row = row_of(file)
        if row is not None:
            yield file, row


def is_allowed(name: str, row: Row) -> bool:
    top, _, room = name.partition(".")
    if top != "exporter":
        return top in sys.stdlib_module_names or top in row.libraries
    allowed = [pattern for pattern in row.rooms if pattern != "*"]
    if "*" in row.rooms:
        allowed += [earlier.room for earlier in rows()[: rows().index(row)]]
    return room == "" or any(fnmatchcase(room, pattern) or f"{room}.*" == pattern for pattern in allowed)


def imported(path: Path) -> Iterator[str]:
    """Every module that a file imports, anywhere in it; a relative one begins with a dot, which no row allows."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            module = "." * node.level + (node.module or "")
            for alias in node.names:
                inner = f"{module}.{alias.name}"
                yield inner if is_module(inner) else module


def is_module(name: str) -> bool:
    path = CHECKOUT.joinpath(*name.split("."))
    return path.is_dir() or path.with_suffix(".py").is_file()
