"""Money as both APIs write it: in cents, the Console as a number and Claude Enterprise as text, with fractions."""

import re
from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import NamedTuple

import polars as pl

from exporter.model import Amount, Basis, column, exact_product, spend
from exporter.transport.json_object import JsonObject
from exporter.vendors.rollup import money_column

_CURRENCY = re.compile(r"[A-Z]{3}")
# One day's estimates were 9.32 USD beside 9.38 USD on the bill, so they are cents and no dollars (2025-10).
_CENT = Decimal("0.01")


class Price(NamedTuple):
    """An amount of money in the main unit of its currency; a credit is negative."""

    currency: str
    value: Decimal


def price(of: JsonObject) -> Price:
    """The price in the fields `currency` and `amount`."""
    currency = of.text("currency").strip().upper()
    if not _CURRENCY.fullmatch(currency):
        of.refuse("currency", "a code of three letters")
    return Price(currency, Decimal(exact_product(of.decimal("amount"), _CENT)))


def money_columns(prices: Sequence[Price], basis: Basis, where: str) -> Mapping[Amount, pl.Series]:
    """A column for dollars, and one for each other currency in which there is anything."""
    currencies = {"USD", *(one.currency for one in prices if one.value)}
    amounts = {currency: spend(currency, basis) for currency in sorted(currencies)}
    return {
        amount: money_column(
            column(amount), [one.value if one.currency == currency else Decimal(0) for one in prices], where
        )
        for currency, amount in amounts.items()
    }
