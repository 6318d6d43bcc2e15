"""The registry: a vendor is a file and a line here."""

from collections.abc import Mapping

from exporter.vendors.augment import AUGMENT
from exporter.vendors.base import Vendor
from exporter.vendors.coder import CODER
from exporter.vendors.coder_classic import CODER_CLASSIC
from exporter.vendors.gitlab import GITLAB
from exporter.vendors.sourcegraph import SOURCEGRAPH

VENDORS: Mapping[str, Vendor] = {vendor.name: vendor for vendor in (AUGMENT, CODER, CODER_CLASSIC, GITLAB, SOURCEGRAPH)}
