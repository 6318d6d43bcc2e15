"""The command line. Exit codes: 0 success, 1 a source failed, 2 a usage or configuration error, one line each."""

import sys

import click

from exporter import __version__
from exporter.commands.backfill import backfill
from exporter.commands.catalogue import metrics
from exporter.commands.check_config import check_config
from exporter.commands.completion import completion
from exporter.commands.dashboards import dashboards
from exporter.commands.demo import demo, simulate
from exporter.commands.healthcheck import healthcheck
from exporter.commands.once import once
from exporter.commands.run import run
from exporter.commands.sourcegraph_report import sourcegraph_report
from exporter.commands.sourcegraph_tokens import sourcegraph_tokens
from exporter.commands.status import status
from exporter.config.mistakes import ConfigError
from exporter.state.database import StateError


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(__version__, "--version", prog_name="adoption-exporter", message="%(prog)s %(version)s")
def commands() -> None:
    """Do people use the developer tools you pay for? A Prometheus and OpenTelemetry exporter."""


for command in (
    run,
    once,
    backfill,
    demo,
    simulate,
    check_config,
    status,
    healthcheck,
    metrics,
    dashboards,
    sourcegraph_tokens,
    sourcegraph_report,
    completion,
):
    commands.add_command(command)


def main() -> None:
    """Runs the command line and exits."""
    try:
        code = commands.main(prog_name="adoption-exporter", standalone_mode=False)
    except click.exceptions.NoArgsIsHelpError as error:
        error.show()
        sys.exit(error.exit_code)
    except click.ClickException as error:
        # click puts choices on lines of their own.
        _fail(" ".join(error.format_message().split()))
    except click.Abort:
        sys.exit(130)
    except (ConfigError, StateError, OSError) as error:
        _fail(str(error))
    sys.exit(code if isinstance(code, int) else 0)


def _fail(message: str) -> None:
    click.echo(message, err=True)
    sys.exit(2)
