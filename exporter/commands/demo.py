"""`demo` and `simulate`: the daemon over the built-in vendor simulators, and the simulators alone."""

import logging
import sys
from contextlib import closing
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import get_args

import click

from exporter import log
from exporter.commands import options
from exporter.commands.once import print_once
from exporter.commands.web_flags import WebFlags, web_options
from exporter.config.calendar import Calendar, DayRange
from exporter.config.load import Config, config_secrets, load_config
from exporter.config.sections import Address
from exporter.daemon.exporter import Exporter, utc_now
from exporter.daemon.run import ENDING, run_daemon
from exporter.daemon.signals import caught
from exporter.simulator.company import Company, Scenario
from exporter.simulator.server import VENDORS, build, serve
from exporter.state.store import Store
from exporter.vendors import SETTINGS

_CONFIG = Path(__file__).with_name("demo.yaml")
# Sources whose vendors know people by a username; one name fits several accounts, so each row names its source.
_BY_USERNAME = ("copilot", "search", "workspaces", "workspaces-classic")
_HISTORY_DAYS = 400
_RUN_DAYS = 100


@click.command()
@web_options
@click.option("--once", "just_once", is_flag=True, help="Poll once, print the exposition and end.")
@click.option(
    "--scenario",
    type=click.Choice(get_args(Scenario)),
    default="steady",
    show_default=True,
    help="What happens. drop: three people in five stop; slide: one in fifty leaves each week; holidays: in the newest "
    "days; late-data: every day comes two days late; revised: days change after they were published.",
)
@options.log_options
def demo(web: WebFlags, just_once: bool, scenario: Scenario, log_level: log.Level, log_format: log.Layout) -> None:
    """Run the daemon over built-in vendor simulators with months of history: no credentials, no network."""
    company = company_of(scenario, utc_now().date())
    with serve(build(company, utc_now)) as simulators, TemporaryDirectory() as folder:
        write_people(company, utc_now().date(), Path(folder))

        def load() -> Config:
            environ = {"SIMULATOR": simulators.url, "PEOPLE": folder}
            settings = web.over(load_config(_CONFIG, SETTINGS, environ=environ))
            return with_calendar(settings, company)

        settings = load()
        log.setup(log_level, log_format, sys.stderr, config_secrets(settings))
        if just_once:
            print_once(settings, settings.state.url, "text")
            return
        serving = web.open(settings)
        with serving.listener, closing(Store.open(settings.state.url, settings.state_values)) as store:
            run_daemon(Exporter.open(settings, store), serving, load, _started)


def _started(url: str) -> None:
    click.echo("Warnings are part of the demo: its vendors answer as oddly as real ones.", err=True)
    click.echo(f"The demo runs. Open {url}/", err=True)


def company_of(scenario: Scenario, today: date) -> Company:
    """The company of a demo that starts today."""
    # Weekends and holidays would hide these for days.
    rests = scenario not in ("late-data", "revised")
    return Company(first_day=today - timedelta(days=_HISTORY_DAYS), scenario=scenario, today=today, rests=rests)


def write_people(company: Company, today: date, folder: Path) -> None:
    """Writes the teams and other names of everybody who works there today, as teams.csv and identities.csv."""
    people = [person for person in company.roster(today) if not person.service]
    teams = ["user,team", *(f"{person.email},{person.team}" for person in people), ""]
    names = [
        "person,identity",
        *(f"{person.email},{source}:{person.username}" for person in people for source in _BY_USERNAME),
        "",
    ]
    (folder / "teams.csv").write_text("\n".join(teams))
    (folder / "identities.csv").write_text("\n".join(names))


def calendar_of(company: Company) -> Calendar:
    """The working days of a company, for some months after the demo starts too."""
    if not company.rests:
        return Calendar(weekend=())
    days = (company.first_day + timedelta(days=number) for number in range(_HISTORY_DAYS + _RUN_DAYS))
    return Calendar(closed=tuple(DayRange(day, day) for day in days if company.holiday(day)))


def with_calendar(settings: Config, company: Company) -> Config:
    """The configuration with the company's working days for every source."""
    changed = {"calendar": calendar_of(company)}
    sources = {name: source.model_copy(update=changed) for name, source in settings.sources.items()}
    return replace(settings, sources=sources)


@click.command()
@click.option(
    "--listen", callback=options.address, default="127.0.0.1:10724", show_default=True, metavar="H:P", help="Where."
)
@click.option("--seed", default=1, show_default=True, help="Which company.")
@click.option("--people", default=200, show_default=True, type=click.IntRange(min=1), help="How large it grows.")
@click.option(
    "--days", default=_HISTORY_DAYS, show_default=True, type=click.IntRange(1, 730), help="How much history it has."
)
def simulate(listen: Address, seed: int, people: int, days: int) -> None:
    """Run the vendor simulators alone, until Ctrl-C: a base_url for each vendor that has one, and the token of all."""
    logging.basicConfig(level=logging.WARNING)
    company = Company(seed=seed, people=people, first_day=utc_now().date() - timedelta(days=days))
    with serve(build(company, utc_now), listen.host, listen.port) as simulators:
        for vendor in VENDORS:
            click.echo(f"base_url: {simulators.url}/{vendor}", err=True)
        click.echo("token: demo-token", err=True)
        with caught(ENDING) as signals:
            signals.wait()
