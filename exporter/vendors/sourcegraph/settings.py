"""The settings of a source at Sourcegraph Analytics: instances, and the granularity of its report."""

import re
from datetime import timedelta
from typing import Annotated, ClassVar, Literal

from pydantic import AfterValidator, BeforeValidator

from exporter.config.source import BaseUrl, ReadyAt, SourceSettings
from exporter.hosts import check_host

_HOST = re.compile(r"[a-z0-9](?:[a-z0-9.-]*[a-z0-9])?(?::[0-9]{1,5})?")
_PASTED = re.compile(r"\s*(?:https?://)?([^\s/?#]*)\S*\s*")


def bare_host(text: str) -> str:
    """The host of an instance in lower case. Raises ValueError, which says what to write, for anything around it."""
    host = text.lower()
    if _HOST.fullmatch(host):
        check_host(host.partition(":")[0])
        return host
    pasted = _PASTED.fullmatch(host)
    better = pasted[1] if pasted and _HOST.fullmatch(pasted[1]) else "acme.sourcegraphcloud.com"
    raise ValueError(f"must be a bare host: write {better}")


def _every_host_once(hosts: tuple[str, ...]) -> tuple[str, ...]:
    if not hosts:
        raise ValueError("is empty: name at least one instance")
    if len(set(hosts)) < len(hosts):
        raise ValueError("names an instance twice")
    return hosts


def _daily(granularity: object) -> object:
    if granularity in ("by_user", "by_user_month"):
        sums = "whole months" if granularity == "by_user_month" else "all days"
        raise ValueError(
            f"cannot be {granularity}: its rows add up {sums} and gauges need each day; "
            "use by_user_day_client_language or by_user_day"
        )
    return granularity


class SourcegraphSettings(SourceSettings):
    """A source at Sourcegraph Analytics. Each instance is a scope."""

    also_called: ClassVar = ("cody",)
    registers_seats: ClassVar[bool] = True

    base_url: BaseUrl = "https://analytics.sourcegraph.com"
    ready_at: ReadyAt = timedelta(hours=2)
    instances: Annotated[tuple[Annotated[str, AfterValidator(bare_host)], ...], AfterValidator(_every_host_once)]
    granularity: Annotated[Literal["by_user_day_client_language", "by_user_day"], BeforeValidator(_daily)] = (
        "by_user_day_client_language"
    )
