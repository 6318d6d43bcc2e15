"""What `--help` says."""

from collections.abc import Iterator

import click
import pytest
from click.testing import CliRunner

from exporter.cli import commands


def every_command(group: click.Group, *above: str) -> Iterator[tuple[str, ...]]:
    context = click.Context(group)
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        yield (*above, name)
        if isinstance(command, click.Group):
            yield from every_command(command, *above, name)


@pytest.mark.parametrize("names", [(), *every_command(commands)], ids=" ".join)
def test_no_help_is_cut(names: tuple[str, ...]) -> None:
    answer = CliRunner().invoke(commands, [*names, "--help"], terminal_width=80)

    assert answer.exit_code == 0
    assert [line for line in answer.output.splitlines() if line.endswith("...") and "Usage:" not in line] == []
