"""The registry: a vendor is a file and a line here."""

from collections.abc import Mapping

from exporter.config.source import SourceSettings
from exporter.vendors.augment.vendor import AUGMENT
from exporter.vendors.base import Vendor
from exporter.vendors.coder import CODER
from exporter.vendors.coder_classic.vendor import CODER_CLASSIC
from exporter.vendors.gitlab.vendor import GITLAB
from exporter.vendors.sourcegraph.vendor import SOURCEGRAPH

VENDORS: Mapping[str, Vendor] = {vendor.name: vendor for vendor in (AUGMENT, CODER, CODER_CLASSIC, GITLAB, SOURCEGRAPH)}

# What a configuration's sources are read with.
SETTINGS: Mapping[str, type[SourceSettings]] = {name: vendor.settings for name, vendor in VENDORS.items()}
