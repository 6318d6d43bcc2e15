"""`init`: asks for a source, writes a commented configuration and checks it."""

import sys
import typing
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import NoReturn

import click
from pydantic import ValidationError

from exporter.commands import options
from exporter.commands.check_config import check_config
from exporter.commands.keys import keys_of_vendor, shown
from exporter.commands.new_config import new_config, quoted
from exporter.commands.prompt import prompt
from exporter.config.mistakes import model_mistakes, unknown
from exporter.config.sections import StateSettings
from exporter.config.source import SourceSettings
from exporter.config.types import base_url
from exporter.vendors import SETTINGS

# What an address and a state may hold, whose value is known only where the exporter runs.
_VARIABLE = "${"


def _vendor(name: str) -> str:
    if name not in SETTINGS:
        called = [known for known, model in SETTINGS.items() if name.lower() in model.also_called]
        raise click.BadParameter(unknown(f'vendor "{name}"', name, SETTINGS, called))
    return name


def _address(text: str) -> str:
    try:
        return text if _VARIABLE in text else base_url(text)
    except ValueError as error:
        raise click.BadParameter(str(error)) from None


def _state(text: str) -> str:
    try:
        if _VARIABLE not in text:
            StateSettings.model_validate({"url": text})
    except ValidationError as error:
        raise click.BadParameter(next(model_mistakes(error, StateSettings, (), {})).words) from None
    return text


def _checked(check: Callable[[str], str]) -> Callable[[click.Context, click.Parameter, str | None], str | None]:
    return lambda _context, _parameter, text: None if text is None else check(text)


def _keys(_context: click.Context, _parameter: click.Parameter, pairs: Sequence[str]) -> Mapping[str, str]:
    given = dict[str, str]()
    for pair in pairs:
        key, equals, value = pair.partition("=")
        if not key or not equals or not value.isprintable() or not key.isidentifier():
            raise click.BadParameter("must be KEY=VALUE on one line, such as organizations=[acme]")
        given[key] = value
    return given


@click.command()
@click.option(
    "--config.file",
    "config_file",
    default="config.yaml",
    show_default=True,
    type=click.Path(path_type=Path, dir_okay=False),
    callback=options.in_a_folder_to_write_to,
    metavar="FILE",
    help="The configuration to write.",
)
@click.option("--vendor", callback=_checked(_vendor), metavar="NAME", help=f"One of {', '.join(SETTINGS)}.")
@click.option("--base-url", callback=_checked(_address), metavar="URL", help="Where the vendor is.")
@click.option(
    "--token-file",
    metavar="FILE",
    help="The file with the token, which need not be there yet; beside the configuration unless its path is full.",
)
@click.option(
    "--state",
    callback=_checked(_state),
    metavar="URL",
    help="Where facts are kept: SQLite or PostgreSQL, a password as ${NAME} of an environment variable.",
)
@click.option(
    "--set",
    "keys",
    multiple=True,
    callback=_keys,
    metavar="KEY=VALUE",
    help="Any other key of the source, its value in YAML: --set 'organizations=[acme]'. May be given several times.",
)
@click.option("--force", is_flag=True, help="Replace a file that is there already.")
@click.pass_context
def init(
    context: click.Context,
    config_file: Path,
    vendor: str | None,
    base_url: str | None,
    token_file: str | None,
    state: str | None,
    keys: Mapping[str, str],
    force: bool,
) -> None:
    """Ask for a vendor, its address, the token's file and the state, and write a configuration.

    What a flag tells is not asked. Without a terminal the flags must tell what has no default. check-config then says
    what the file means, or what is still wrong with it.
    """
    if config_file.exists() and not force:
        _there_already(config_file)
    asks = sys.stdin.isatty()
    if not asks:
        _need_flags(vendor, base_url, token_file, keys)
    try:
        name = vendor or _ask(f"Vendor ({', '.join(SETTINGS)})", check=_vendor)
        text = new_config(name, *_answers(name, base_url, token_file, state, keys, asks=asks))
    except click.Abort:
        click.echo("\nNothing was written.", err=True)
        raise
    try:
        with config_file.open("w" if force else "x", encoding="utf-8") as file:
            file.write(text)
    except FileExistsError:
        _there_already(config_file)
    click.echo(f"{config_file}: written", err=True)
    click.echo(f"Next, once the token is there: adoption-exporter check-config {config_file} --online", err=True)
    context.invoke(check_config, files=[config_file], online=False)


def _need_flags(vendor: str | None, address: str | None, token_file: str | None, keys: Mapping[str, str]) -> None:
    """Refuses to go on where the flags do not tell what must be known."""
    missing = [] if vendor else ["--vendor"]
    model = SETTINGS[vendor] if vendor else SourceSettings
    if not address and vendor and model.model_fields["base_url"].is_required():
        missing.append("--base-url")
    if not token_file and not _has_token(model, keys):
        missing.append("--token-file")
    for names in _needs(model, keys) if vendor else ():
        missing.append(" or ".join(f"--set {name}=…" for name in names))
    if missing:
        raise click.UsageError(f"There is no terminal to ask: {', '.join(missing)} must be given.")


def _answers(
    vendor: str, address: str | None, token_file: str | None, state: str | None, keys: Mapping[str, str], *, asks: bool
) -> tuple[Mapping[str, str], Mapping[str, str]]:
    """The keys of the source and of the state, in YAML; what is not given is asked, or has its default."""
    model = SETTINGS[vendor]
    usual = model.model_fields["base_url"].get_default()
    if address is None:
        address = _ask("Its address", default=usual, check=_address) if asks else usual
    source = {"vendor": vendor, "base_url": quoted(address or "")}
    if token_file is None and not _has_token(model, keys):
        token_file = _ask("File with the token, which need not be there yet", default=f"{vendor}.token")
    if token_file is not None:
        source["token_file"] = quoted(token_file)
    for names in _needs(model, keys):
        source.update(_asked_keys(vendor, names))
    where = StateSettings.model_fields["url"].get_default()
    if state is None:
        state = _ask("State, SQLite or postgresql://", default=where, check=_state) if asks else where
    return {**source, **keys}, {"url": quoted(state or "")}


def _needs(model: type[SourceSettings], keys: Mapping[str, str]) -> Iterator[Sequence[str]]:
    """Keys of the vendor's own, beside its address, of which a source needs one."""
    own = model.model_fields.keys() - SourceSettings.model_fields.keys()
    needs = [(name,) for name in model.model_fields if name in own and model.model_fields[name].is_required()]
    for names in (*needs, *([model.one_needed] if model.one_needed else [])):
        if not any(name in keys for name in names):
            yield names


def _has_token(model: type[SourceSettings], keys: Mapping[str, str]) -> bool:
    return any(name in keys for name in ("token", *model.instead_of_token))


def _asked_keys(vendor: str, names: Sequence[str]) -> Mapping[str, str]:
    """Asks for one of some keys: an empty answer leads to the next."""
    known = {key.name: key for key in keys_of_vendor(vendor)}
    for name in names:
        key = known[name]
        words = f"{name}, such as {shown(key.example).strip('[]')}"
        last = name == names[-1]
        text = _ask(words if last else f"{words} (empty for {names[-1]})", default=None if last else "")
        if text and typing.get_origin(key.field.annotation) is tuple:
            return {name: f"[{', '.join(quoted(part.strip()) for part in text.split(','))}]"}
        if text:
            return {name: quoted(text)}
    return {}


def _ask(words: str, *, default: str | None = None, check: Callable[[str], str] = str) -> str:
    return prompt(words, default=default, value_proc=check, show_default=bool(default))


def _there_already(file: Path) -> NoReturn:
    raise click.UsageError(f"{file} is there already; --force replaces it.")
