"""What GitHub bills for Copilot's use on a day: at list price, and on top of the credits that the seats bring.

API: https://docs.github.com/en/rest/billing/usage (read 2026-11).
"""

from collections.abc import Mapping
from datetime import date
from decimal import Decimal

from exporter.config.load import read_token_file
from exporter.errors import BadPayload, Rejected
from exporter.model import Amount, AmountKey, exact_sum, spend
from exporter.transport.client import Client
from exporter.transport.credentials import Fixed, bearer
from exporter.transport.json_object import JsonObject, json_object
from exporter.vendors.copilot.api import Place
from exporter.vendors.copilot.refusals import explained
from exporter.vendors.copilot.session import Context, signed_in
from exporter.vendors.rollup import UNKNOWN

# Before discounts and the pool of the seats' credits, and after them (2026-11). GitHub states no currency; its list
# prices are in dollars.
_AMOUNTS: Mapping[Amount, str] = {spend("USD", "estimated"): "grossAmount", spend("USD", "charged"): "netAmount"}
_PRODUCT = "copilot"


def bill(context: Context, place: Place, day: date) -> dict[AmountKey, int | Decimal]:
    """The money of a day, in total and by model as the bill calls it: whatever unit is billed, all of it is Copilot's.

    Nobody is named, so there is none by team.
    """
    client = billing_client(context, place)
    path = f"/{place.billing_path}/settings/billing/ai_credit/usage"
    with explained("billing", place.kind):
        answer = client.request("GET", path, params={"year": day.year, "month": day.month, "day": day.day})
    body = json_object(answer.json(), answer.where)
    _check_day(body, day)
    items = [item for item in body.objects("usageItems") if item.text("product").strip().lower() == _PRODUCT]
    found: dict[AmountKey, int | Decimal] = {}
    for amount, field in _AMOUNTS.items():
        by_model: dict[str, list[Decimal]] = {}
        for item in items:
            by_model.setdefault(_model(item), []).append(item.decimal(field))
        sums = {model: exact_sum(values) for model, values in by_model.items()}
        found[AmountKey(amount)] = exact_sum((Decimal(), *sums.values()))
        found |= {AmountKey(amount, "model", model): value for model, value in sums.items() if value}
    return found


def billing_client(context: Context, place: Place) -> Client:
    """The client that may read bills: with the token of `billing`, else with the source's own."""
    billing = context.settings.billing
    if billing is None or (billing.token is None and billing.token_file is None):
        return signed_in(context, place)
    try:
        token = billing.token if billing.token_file is None else read_token_file(billing.token_file)
    except (OSError, ValueError) as error:
        raise Rejected(f"billing.token_file cannot be used: {error}") from error
    assert token is not None, "one of the two is there"
    return context.client.signed_in(Fixed(bearer(token.get_secret_value()), "check billing.token/token_file"))


def _check_day(body: JsonObject, day: date) -> None:
    period = body.json_object("timePeriod")
    told = tuple(period.whole(part) if part in period else None for part in ("year", "month", "day"))
    if told != (day.year, day.month, day.day):
        raise BadPayload(f"{body.where}: asked for day {day}, got the period {'-'.join(map(str, told))}")


def _model(item: JsonObject) -> str:
    name = item.text("model") if item.given("model") else ""
    return name if name.strip() else UNKNOWN
