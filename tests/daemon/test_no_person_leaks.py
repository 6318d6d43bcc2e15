"""Dumps everything that a running daemon stores, logs, serves and pushes, and looks for people and secrets in it."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import cast

import pytest
from starlette.routing import Route

from exporter.simulator import CREDENTIAL
from exporter.simulator.server import build, serve
from exporter.web.application import Pages, application
from tests.support.collectors import Collector, http_collector
from tests.support.companies import busy, utc_now
from tests.support.daemons import Daemon, daemon, wait_until

pytestmark = pytest.mark.slow

COMPANY = busy()
SECRETS = (CREDENTIAL, "expired-credential", "collector-credential", "0123456789-pseudonym-key")
UNKNOWN = ("nobody.special", "someone.else@example.com")
# Every address that answers GET; a page that is added is looked at as well.
PAGES = ("/", "/metrics", "/config", "/api/v1/status", "/dashboards", "/-/healthy", "/-/ready")
# Files of the package, which know of no configuration.
FILES = {"/dashboards/{name:path}"}
EVERYWHERE = frozenset({"state", "log", "pushed metrics", "pushed spans", *PAGES})

CONFIG = """
state: {{url: "sqlite:///{folder}/state/adoption.db"}}
people:
  per_user: {per_user}
  pseudonym_key_file: pseudonym.key
  identities: {{file: identities.csv}}
  company: [assistant, search, workspaces, old]
teams: {{file: teams.csv}}
otlp: {{endpoint: "{collector}", interval: 1s, traces: true, headers: {{authorization: "Bearer ${{COLLECTOR}}"}}}}
poll: {{history: 9d}}
sources:
  assistant: {{vendor: augment, base_url: "{vendors}/augment", token_file: token, requests_per_minute: 1000000}}
  expired: {{vendor: augment, base_url: "{vendors}/augment", token: "${{EXPIRED}}", requests_per_minute: 1000000}}
  search:
    vendor: sourcegraph
    base_url: "{vendors}/sourcegraph"
    token: {token}
    requests_per_minute: 1000000
    instances: [acme.sourcegraphcloud.com]
  product:
    {{vendor: gitlab, base_url: "{vendors}/gitlab", token: {token}, requests_per_minute: 1000000, groups: [platform]}}
  workspaces: {{vendor: coder, base_url: "{vendors}/coder", token: {token}, requests_per_minute: 1000000}}
  copilot:
    vendor: copilot
    base_url: "{vendors}/copilot"
    token: {token}
    requests_per_minute: 1000000
    organizations: [acme]
    identity: saml
  old:
    {{vendor: coder-classic, base_url: "{vendors}/coder-classic", token: {token}, requests_per_minute: 1000000}}
"""


@contextmanager
def running(folder: Path, per_user: str) -> Iterator[tuple[Daemon, Collector]]:
    """The daemon over every simulated vendor, once it has polled all of them and pushed what it found."""
    people = COMPANY.roster(utc_now().date())
    (folder / "state").mkdir()
    (folder / "token").write_text(CREDENTIAL)
    (folder / "pseudonym.key").write_text(SECRETS[-1])
    users = [*UNKNOWN, *(person.email if person.number % 2 else person.username for person in people)]
    (folder / "teams.csv").write_text("user,team\n" + "".join(f"{user},web\n" for user in users))
    # Everybody under another name; then one whom no vendor knows, and a user name that fits several accounts.
    rows = [f"{person.email},workspaces:{person.username}" for person in people] + [f"{UNKNOWN[1]},{UNKNOWN[0]}"]
    (folder / "identities.csv").write_text("\n".join(["person,identity", *rows, f"{UNKNOWN[1]},{people[0].username}"]))
    with serve(build(COMPANY, utc_now)) as vendors, http_collector() as collector:
        config = folder / "config.yaml"
        config.write_text(
            CONFIG.format(
                folder=folder, per_user=per_user, collector=collector.url, vendors=vendors.url, token=CREDENTIAL
            )
        )
        arguments = ("run", "--config.file", str(config), "--log.level", "debug")
        with daemon(folder, *arguments, EXPIRED=SECRETS[1], COLLECTOR=SECRETS[2]) as started:
            wait_until(lambda: started.get("/-/ready").status_code == 200)
            for report in ("users of the teams file match nobody", "identities match nobody", "fit several accounts"):
                wait_until(lambda: report in started.log.read_text())  # noqa: B023 - waited for at once
            wait_until(lambda: bool(collector.spans))
            collector.wait_for(len(collector.sizes) + 2)
            yield started, collector


def dump(folder: Path, started: Daemon, collector: Collector) -> dict[str, bytes]:
    """Everything that left the process, by where it went."""
    pages = {page: started.get(page) for page in PAGES}
    assert {page: answer.status_code for page, answer in pages.items()} == dict.fromkeys(PAGES, 200)
    return {
        "state": b"".join(path.read_bytes() for path in sorted((folder / "state").iterdir())),
        "log": started.log.read_bytes(),
        "pushed metrics": b"".join(request.SerializeToString() for request in collector.metrics),
        "pushed spans": b"".join(request.SerializeToString() for request in collector.spans),
        **{page: answer.content for page, answer in pages.items()},
    }


def found(everything: Mapping[str, bytes], words: tuple[str, ...]) -> dict[str, list[str]]:
    """The words that stand somewhere, in whatever case, by where."""
    hits = {
        place: [word for word in words if word.lower().encode() in content.lower()]
        for place, content in everything.items()
    }
    return {place: words for place, words in hits.items() if words}


def names() -> tuple[str, ...]:
    """Whatever would name somebody: an e-mail address contains its user name, which is looked for by itself."""
    people = COMPANY.roster(utc_now().date())
    return (*UNKNOWN, "@example.com", *(person.username for person in people))


@pytest.mark.parametrize("per_user", ["none", "pseudonym"])
def test_no_e_mail_no_name_and_no_secret_leaves_the_process(tmp_path: Path, per_user: str) -> None:
    with running(tmp_path, per_user) as (started, collector):
        everything = dump(tmp_path, started, collector)

    assert everything.keys() == EVERYWHERE
    assert min(map(len, everything.values())) > 10
    assert found(everything, names()) == {}
    assert found(everything, SECRETS) == {}
    series = everything["/metrics"].decode().splitlines()
    assert any(line.startswith("adoption_user_usage{") for line in series) == (per_user == "pseudonym")
    assert any(line.startswith("adoption_team_usage{") and 'team="web"' in line for line in series)
    assert any(line.startswith("adoption_company_shared_users{") and "workspaces" in line for line in series)


def test_plain_names_stand_in_the_state_and_in_series_and_nowhere_else(tmp_path: Path) -> None:
    with running(tmp_path, "plain") as (started, collector):
        everything = dump(tmp_path, started, collector)

    assert found(everything, names()).keys() == {"state", "/metrics", "pushed metrics"}
    assert found(everything, UNKNOWN) == {}
    assert found(everything, SECRETS) == {}


def test_every_page_is_looked_at() -> None:
    nothing_is_asked_of_it = cast("Pages", None)
    routes = [route for route in application(nothing_is_asked_of_it).routes if isinstance(route, Route)]

    assert {route.path for route in routes if route.methods and "GET" in route.methods} == {*PAGES, *FILES}
