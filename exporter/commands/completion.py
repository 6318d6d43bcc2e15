"""`completion`: prints a shell's completion script for commands and options."""

import click
from click.shell_completion import get_completion_class

_PROGRAM = "adoption-exporter"


@click.command()
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
@click.pass_context
def completion(context: click.Context, shell: str) -> None:
    """Print a completion script, as for: source <(adoption-exporter completion bash)."""
    script = get_completion_class(shell)
    assert script is not None
    variable = f"_{_PROGRAM}_COMPLETE".replace("-", "_").upper()
    click.echo(script(context.find_root().command, {}, _PROGRAM, variable).source())
