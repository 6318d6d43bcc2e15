"""What prometheus_client makes of samples: the exporter's own text has to be the same, byte for byte."""

from collections.abc import Iterable, Sequence

from prometheus_client.core import Metric as Family
from prometheus_client.registry import Collector

from exporter.metrics import CATALOGUE, Sample
from exporter.publish.prometheus import END, Format, render_collector
from exporter.publish.snapshot import ExpositionCache


class _Families(Collector):
    def __init__(self, families: Iterable[Family]) -> None:
        self._families = families

    def collect(self) -> Iterable[Family]:
        return self._families


def render(samples: Iterable[Sample], form: Format) -> bytes:
    """The exposition of samples in the catalogue's order, without OpenMetrics' closing line."""
    families: dict[str, Family] = {}
    for name, values, value in samples:
        row = CATALOGUE[name]
        if name not in families:
            family = row.name.removesuffix("_total") if row.kind == "counter" else row.name
            families[name] = Family(family, row.help, row.kind)
        families[name].add_sample(name, dict(zip(row.labels, values, strict=True)), value)
    return render_collector(_Families([families[name] for name in CATALOGUE if name in families]), form)


def published(samples: Sequence[Sample], form: Format) -> bytes:
    """The whole exposition of samples as the exporter publishes them."""
    cache = ExpositionCache()
    cache.publish("source", samples)
    return cache.snapshot.parts[form].plain + END[form]
