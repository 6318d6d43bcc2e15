"""Renders samples to exposition bytes, in Prometheus text and OpenMetrics, plain and gzipped."""

import struct
import zlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

from prometheus_client.core import Metric as Family
from prometheus_client.exposition import generate_latest
from prometheus_client.openmetrics.exposition import generate_latest as generate_openmetrics
from prometheus_client.registry import Collector

from exporter.metrics import CATALOGUE, Metric, Sample

Format = Literal["text", "openmetrics"]

CONTENT_TYPES: dict[Format, str] = {
    "text": "text/plain; version=0.0.4; charset=utf-8",
    "openmetrics": "application/openmetrics-text; version=1.0.0; charset=utf-8",
}
_EOF = b"# EOF\n"
_ESCAPED = str.maketrans({"\\": r"\\", "\n": r"\n", '"': r"\""})
_GZIP_HEADER = bytes([0x1F, 0x8B, 8, 0, 0, 0, 0, 0, 0, 0xFF])


@dataclass(frozen=True)
class Part:
    """The first part of a response body: plain, and deflated up to a flush after which another part can follow."""

    plain: bytes
    deflated: bytes
    crc: int


class _Families(Collector):
    def __init__(self, families: Sequence[Family]) -> None:
        self._families = families

    def collect(self) -> Iterable[Family]:
        return self._families


def render(samples: Iterable[Sample], form: Format) -> bytes:
    """The exposition of samples in the catalogue's order, without OpenMetrics' closing line."""
    return render_collector(_Families(_families(samples)), form)


def render_collector(collector: Collector, form: Format) -> bytes:
    """The exposition of a collector's families, without OpenMetrics' closing line."""
    if form == "text":
        return generate_latest(collector)
    document: bytes = generate_openmetrics(collector)
    return document.removesuffix(_EOF)


def heading(metric: str) -> str:
    """The HELP and TYPE lines of a metric, as OpenMetrics."""
    return render_collector(_Families([_family(CATALOGUE[metric])]), "openmetrics").decode()


def series(metric: str, labels: Sequence[str]) -> str:
    """The name and labels of one series, as OpenMetrics; `labels` in the order of the metric's row."""
    pairs = sorted(zip(CATALOGUE[metric].labels, labels, strict=True))
    spelled = ",".join([f'{name}="{text.translate(_ESCAPED)}"' for name, text in pairs])
    return f"{metric}{{{spelled}}}" if spelled else metric


def first_part(plain: bytes) -> Part:
    """Compresses the large, rarely changing part of a body once, so that a scrape does not have to."""
    deflater = zlib.compressobj(6, zlib.DEFLATED, -zlib.MAX_WBITS)
    return Part(plain, deflater.compress(plain) + deflater.flush(zlib.Z_FULL_FLUSH), zlib.crc32(plain))


def body(first: Part, rest: bytes, form: Format) -> bytes:
    """A whole plain body."""
    return b"".join(body_parts(first, rest, form))


def body_parts(first: Part, rest: bytes, form: Format) -> tuple[bytes, ...]:
    """A whole plain body in parts; the first one is not copied."""
    return first.plain, rest + (_EOF if form == "openmetrics" else b"")


def gzip_parts(first: Part, rest: bytes, form: Format) -> tuple[bytes, ...]:
    """A whole gzipped body in parts: one member whose first part is already compressed."""
    if form == "openmetrics":
        rest += _EOF
    deflater = zlib.compressobj(6, zlib.DEFLATED, -zlib.MAX_WBITS)
    deflated = deflater.compress(rest) + deflater.flush()
    size = len(first.plain) + len(rest)
    checks = struct.pack("<II", zlib.crc32(rest, first.crc), size & 0xFFFFFFFF)
    return _GZIP_HEADER, first.deflated, deflated + checks


def _families(samples: Iterable[Sample]) -> list[Family]:
    families: dict[str, Family] = {}
    for name, values, value in samples:
        row = CATALOGUE[name]
        if name not in families:
            families[name] = _family(row)
        families[name].add_sample(name, dict(zip(row.labels, values, strict=True)), value)
    return [families[name] for name in CATALOGUE if name in families]


def _family(row: Metric) -> Family:
    return Family(row.name.removesuffix("_total") if row.kind == "counter" else row.name, row.help, row.kind)
