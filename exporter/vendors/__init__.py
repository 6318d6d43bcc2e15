"""The registry: a vendor is a file and a line here."""

from collections.abc import Mapping

from exporter.vendors.augment import AUGMENT
from exporter.vendors.base import Vendor

VENDORS: Mapping[str, Vendor] = {vendor.name: vendor for vendor in (AUGMENT,)}
