"""Content negotiation by the Accept and Accept-Encoding headers."""

from exporter.publish.prometheus import Format


def negotiate(accept: str) -> Format:
    """The exposition format that an Accept header prefers; text unless it names OpenMetrics."""
    qualities = _qualities(accept)
    openmetrics = qualities.get("application/openmetrics-text")
    text = qualities.get("text/plain")
    if openmetrics is None or not openmetrics > 0 or (text is not None and openmetrics < text):
        return "text"
    return "openmetrics"


def accepts_gzip(accept_encoding: str) -> bool:
    """Whether an Accept-Encoding header allows gzip."""
    qualities = _qualities(accept_encoding)
    quality = qualities.get("gzip", qualities.get("*"))
    return quality is not None and quality > 0


def _qualities(header: str) -> dict[str, float]:
    """The best quality of each item of an Accept header; parameters other than q are ignored."""
    best: dict[str, float] = {}
    for item in header.split(","):
        name, *parameters = (part.strip().lower() for part in item.split(";"))
        quality = 1.0
        for parameter in parameters:
            if parameter.startswith("q="):
                quality = _quality(parameter.removeprefix("q="))
        best[name] = max(quality, best.get(name, quality))
    return best


def _quality(text: str) -> float:
    """A quality; 0 if it is no number."""
    try:
        return float(text)
    except ValueError:
        return 0.0
