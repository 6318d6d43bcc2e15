"""The types of settings, each with its own message for an invalid value."""

import os
import re
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Annotated
from urllib.parse import urlsplit

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    PlainSerializer,
    SecretStr,
    ValidationInfo,
)

from exporter.hosts import check_host
from exporter.redaction import SHOWN_SECRET

_WHOLE = re.compile(r"-?[0-9]{1,18}")
_MONEY = re.compile(r"[0-9]{1,9}(?:\.[0-9]{1,6})?")
_CURRENCY = re.compile(r"[A-Z]{3}")


class HiddenValueError(ValueError):
    """An invalid value that is, or may hold, a secret: it is not shown."""


class Settings(BaseModel):
    """The base of all settings: frozen, unknown keys are errors, defaults are validated too."""

    model_config = ConfigDict(extra="forbid", frozen=True, validate_default=True, hide_input_in_errors=True)


def check_secret(text: object) -> SecretStr:
    """Returns a secret that fits into an HTTP header; raises `HiddenValueError` for anything else."""
    if isinstance(text, SecretStr):
        return text
    if text is None or text == "":
        raise HiddenValueError("must not be empty")
    if not isinstance(text, str):
        raise HiddenValueError("must be text: put it in quotes")
    if not text.isascii() or not text.isprintable() or text != text.strip():
        raise HiddenValueError("must be one line of printable ASCII characters without spaces around it")
    return SecretStr(text)


def readable(path: Path) -> bool:
    """Whether a path can be read as a file."""
    return "\0" not in str(path) and os.access(path, os.R_OK) and not path.is_dir()


def _whole(number: object) -> int:
    # Text too, since ${ENV} gives text; pydantic itself would take true for 1.
    if isinstance(number, int) and not isinstance(number, bool):
        return number
    if isinstance(number, str) and _WHOLE.fullmatch(number):
        return int(number)
    raise ValueError("must be a whole number")


def base_url(text: str) -> str:
    """Returns a URL to which paths can be added, without trailing slash; raises ValueError for anything else."""
    wrong = "must be an address such as https://host.example.com:8443/path"
    # Checked first: an address that cannot be parsed may hold a password too.
    if "@" in text:
        raise HiddenValueError("must hold no @, no user name and no password")
    try:
        url = urlsplit(text)
        right = url.scheme in ("http", "https") and bool(url.hostname) and url.port != 0
    except ValueError as error:
        raise ValueError(wrong) from error
    if not right:
        raise ValueError(wrong)
    if url.query or url.fragment or not text.isprintable() or " " in text:
        raise ValueError(f"{wrong}, without spaces, ? or #")
    check_host(url.hostname or "")
    return text.rstrip("/")


def _link_host(text: str) -> str:
    wrong = "must be a host such as reports.example.com, or host:port"
    try:
        parts = urlsplit(f"//{text}")
        right = bool(parts.hostname) and parts.netloc == text and "@" not in text and parts.port != 0
    except ValueError as error:
        raise ValueError(wrong) from error
    if not right or not text.isprintable() or " " in text or "%" in text or text.endswith(":"):
        raise ValueError(wrong)
    check_host(parts.hostname or "")
    return text


def _existing_file(text: object, info: ValidationInfo) -> Path:
    if not isinstance(text, str | Path) or not str(text):
        raise ValueError("must be the name of a file")
    folder: Path = info.context["folder"] if info.context else Path()
    path = folder / text
    if not readable(path):
        raise ValueError(f"there is no file {path} that can be read")
    return path


def _moment(text: object) -> datetime:
    try:
        moment = text if isinstance(text, datetime) else datetime.fromisoformat(str(text))
    except ValueError as error:
        raise ValueError("must be a date or a time such as 2027-01-31 or 2027-01-31T12:00:00Z") from error
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def _money(amount: object) -> Decimal:
    # A number is shown with its digits as they are written, so its text is exact.
    if not isinstance(amount, bool) and _MONEY.fullmatch(str(amount)):
        return Decimal(str(amount))
    raise ValueError("must be an amount of money such as 39 or 19.50")


def _currency(code: str) -> str:
    if not _CURRENCY.fullmatch(code):
        raise ValueError("must be a currency code such as USD or EUR")
    return code


Whole = Annotated[int, BeforeValidator(_whole)]
Count = Annotated[Whole, Field(ge=1)]
Secret = Annotated[
    SecretStr, BeforeValidator(check_secret), PlainSerializer(lambda _: SHOWN_SECRET, return_type=str, when_used="json")
]
Money = Annotated[Decimal, BeforeValidator(_money), PlainSerializer(str, return_type=str, when_used="json")]
# ISO 4217.
Currency = Annotated[str, AfterValidator(_currency)]
BaseUrl = Annotated[str, AfterValidator(base_url)]
# A host, maybe with a port, that links in answers may lead to.
LinkHost = Annotated[str, AfterValidator(_link_host)]
ExistingFile = Annotated[Path, BeforeValidator(_existing_file)]
# In UTC unless a zone is given; a date alone is its midnight.
Moment = Annotated[datetime, BeforeValidator(_moment)]
