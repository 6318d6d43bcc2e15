"""The command line. Exit codes: 0 success, 1 a source failed, 2 a usage or configuration error, one line each."""

import sys
from collections.abc import Mapping
from importlib import import_module

import click
from click.shell_completion import CompletionItem

from exporter import __version__
from exporter.errors import OperatorError

# The module of each command, and what `--help` says of it. A command's module is imported when the command is used.
_COMMANDS: Mapping[str, tuple[str, str]] = {
    "backfill": ("backfill", "Read past days and write them as OpenMetrics, or send them over OTLP."),
    "check-config": ("check_config", "Say what is wrong with configuration files, and what they mean."),
    "completion": ("completion", "Print a completion script for bash, zsh or fish."),
    "dashboards": ("dashboards", "Write the Grafana dashboards and the Prometheus rules."),
    "demo": ("demo", "Run the daemon over built-in vendor simulators: no credentials, no network."),
    "healthcheck": ("healthcheck", "Exit 0 if a running exporter answers /-/healthy, else 1."),
    "init": ("init", "Ask for a vendor and its token, and write a commented configuration."),
    "metrics": ("catalogue", "Print every metric with its type, labels, unit and meaning, by question."),
    "once": ("once", "Poll each source once and print what /metrics would show."),
    "report": ("report", "Print how the tools were used, in words, from the state alone."),
    "run": ("run", "Poll the configured sources and serve /metrics until SIGTERM."),
    "seats": ("seats", "Print who holds a seat and does not use it, by name."),
    "simulate": ("demo", "Run the vendor simulators alone."),
    "sourcegraph-report": ("sourcegraph_report", "Download a report of Sourcegraph Analytics as CSV."),
    "sourcegraph-tokens": ("sourcegraph_tokens", "Create, list and revoke access tokens of Sourcegraph Analytics."),
    "status": ("status", "Print the sources and scopes of a running exporter, as a table or JSON."),
}


class _Commands(click.Group):
    """Knows its commands by name, and imports the one that is used."""

    def list_commands(self, _context: click.Context) -> list[str]:
        return list(_COMMANDS)

    def get_command(self, _context: click.Context, name: str) -> click.Command | None:
        if name not in _COMMANDS:
            return None
        module, _ = _COMMANDS[name]
        command: click.Command = getattr(import_module(f"exporter.commands.{module}"), name.replace("-", "_"))
        return command

    def format_commands(self, _context: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl([(name, words) for name, (_, words) in _COMMANDS.items()])

    def shell_complete(self, context: click.Context, incomplete: str) -> list[CompletionItem]:
        found = [
            CompletionItem(name, help=words) for name, (_, words) in _COMMANDS.items() if name.startswith(incomplete)
        ]
        # Those of the options.
        return found + click.Command.shell_complete(self, context, incomplete)


@click.group(cls=_Commands, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(__version__, "--version", prog_name="adoption-exporter", message="%(prog)s %(version)s")
def commands() -> None:
    """Do people use the developer tools you pay for? A Prometheus and OpenTelemetry exporter."""


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
    except (OperatorError, OSError) as error:
        _fail(str(error))
    sys.exit(code if isinstance(code, int) else 0)


def _fail(message: str) -> None:
    click.echo(message, err=True)
    sys.exit(2)
