"""The metrics that tests of vendors leave to tests of their own: who comes and goes, verdicts, single days."""

from exporter.metrics.days import DAYS
from exporter.metrics.verdicts import VERDICTS

SINGLE_DAYS = frozenset(row.name for row in DAYS)
COUNTED_ELSEWHERE = frozenset(
    {
        *SINGLE_DAYS,
        *(row.name for row in VERDICTS),
        *(f"adoption_{kind}_users" for kind in ("new", "returned", "retained", "lapsed", "frequent")),
        "adoption_active_users_depth",
    }
)
