"""The settings of a source at Augment Code."""

from datetime import timedelta

from exporter.config.source import BaseUrl, ReadyAt, RequestsPerMinute, SourceSettings


class AugmentSettings(SourceSettings):
    """A source at Augment Code. The token selects the organisation."""

    base_url: BaseUrl = "https://api.augmentcode.com"
    requests_per_minute: RequestsPerMinute = 10
    ready_at: ReadyAt = timedelta(hours=3)
