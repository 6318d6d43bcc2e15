"""The templates of the pages, and `render`."""

from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup, escape


def _with_carriage_returns(value: object) -> object:
    """Escapes carriage returns: a browser reads a bare one in a page as a line feed."""
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
    """A page as HTML; every value is escaped, never markup."""
    return _TEMPLATES.get_template(name).render(**values)
