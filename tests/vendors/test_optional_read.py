from collections.abc import Callable
from typing import cast

import pytest

from exporter.errors import BadPayload, LinkExpired, RateLimited, Rejected, Unreachable, VendorError
from exporter.poll.remarks import once_per_kind
from exporter.transport.client import Client
from exporter.vendors.base import Accounts, PollContext
from exporter.vendors.example import EXAMPLE
from exporter.vendors.optional_read import optional
from tests.support.made_up_vendor import NOON


def context_with(warn: Callable[[str, str], None]) -> PollContext:
    return PollContext(cast("Client", None), None, cast("Accounts", None), NOON, EXAMPLE.open_session(), warn)


def refusing(error: VendorError) -> Callable[[], int]:
    def read() -> int:
        raise error

    return read


def test_what_is_allowed_is_read() -> None:
    assert optional(context_with(lambda *_: pytest.fail("warned")), "seats", lambda: 7) == 7


@pytest.mark.parametrize("status", [401, 403, 404, 410])
def test_what_is_refused_is_nothing_and_is_said_once(status: int) -> None:
    remarks: list[str] = []
    context = context_with(once_per_kind(remarks.append))
    refusal = Rejected(f"cursor GET /teams/groups: {status}: Enterprise access required", status=status)

    assert [optional(context, "teams", refusing(refusal)) for _ in range(3)] == [None] * 3
    assert optional(context, "money", refusing(refusal)) is None
    assert remarks == [f"there is nothing of {what}: {refusal}" for what in ("teams", "money")]


@pytest.mark.parametrize(
    "error",
    [
        Unreachable("down", status=503),
        LinkExpired("gone", status=403),
        RateLimited("slow", status=403),
        BadPayload("wrong"),
        Rejected("bad query", status=400),
        Rejected("moved", status=302),
        Rejected("no such instance"),
    ],
)
def test_what_no_plan_or_permission_explains_is_raised(error: VendorError) -> None:
    with pytest.raises(type(error)) as raised:
        optional(context_with(lambda *_: pytest.fail("warned")), "seats", refusing(error))

    assert raised.value is error
