"""The registry of vendors."""

from collections.abc import Mapping, Sequence

from exporter.vendors.augment.vendor import AUGMENT
from exporter.vendors.base import Vendor
from exporter.vendors.claude_code.vendor import CLAUDE_CODE
from exporter.vendors.coder.vendor import CODER
from exporter.vendors.coder_classic.vendor import CODER_CLASSIC
from exporter.vendors.copilot.vendor import COPILOT
from exporter.vendors.cursor.vendor import CURSOR
from exporter.vendors.gitlab.vendor import GITLAB
from exporter.vendors.sourcegraph.vendor import SOURCEGRAPH

_REGISTERED: Sequence[Vendor] = (AUGMENT, CLAUDE_CODE, CODER, CODER_CLASSIC, COPILOT, CURSOR, GITLAB, SOURCEGRAPH)
VENDORS: Mapping[str, Vendor] = {vendor.name: vendor for vendor in _REGISTERED}
