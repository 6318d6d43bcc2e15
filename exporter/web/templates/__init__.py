"""The pages' templates, and the one way to fill them in."""

from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup, escape


def _with_carriage_returns(value: object) -> object:
    """A browser takes a carriage return in a page for a line feed, unless it is written as a reference."""
    if isinstance(value, str) and "\r" in value:
        return escape(value).replace("\r", Markup("&#13;"))
    return value


_TEMPLATES = Environment(
    loader=FileSystemLoader(Path(__file__).parent),
    autoescape=True,
    undefined=StrictUndefined,
    finalize=_with_carriage_returns,
    trim_blocks=True,
    lstrip_blocks=True,
)


def render(name: str, **values: object) -> str:
    """A page as HTML; every value is text in it, never markup."""
    return _TEMPLATES.get_template(name).render(**values)
