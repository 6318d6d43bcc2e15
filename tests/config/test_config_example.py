import re
from pathlib import Path

from exporter.config.load import Config, load_config, redacted
from exporter.vendors import SETTINGS

_EXAMPLE = Path(__file__).parents[2] / "config.example.yaml"
_POLL = {
    "interval": "1h",
    "timeout": "30s",
    "history": "60d",
    "lookback": "7d",
    "stale_after": "3d",
    "max_series": 50_000,
    "day_series": "90d",
}
_CALENDAR = {"weekend": ["sat", "sun"], "closed": [], "half": []}


def test_the_example_runs_as_it_is(tmp_path: Path) -> None:
    shown = redacted(_load_example(tmp_path, _EXAMPLE.read_text()))

    assert {**shown, "sources": shown["sources"]["augment-prod"]} == {
        "web": {"listen_address": "127.0.0.1:10723"},
        "poll": _POLL,
        "calendar": _CALENDAR,
        "state": {"url": "sqlite:///adoption.db", "retention": "800d"},
        "people": {"per_user": "none", "min_group_size": 1, "frequent_days": 8, "company": True},
        "sources": {
            **_POLL,
            "vendor": "augment",
            "token": "<secret>",
            "base_url": "https://api.augmentcode.com",
            "ready_at": "03:00",
            "late_grace": "1d",
            "calendar": _CALENDAR,
            "requests_per_minute": 10,
        },
    }


def test_the_example_has_a_block_for_every_vendor(tmp_path: Path) -> None:
    config = _load_everything(tmp_path)

    assert {source.vendor for source in config.sources.values()} == set(SETTINGS)


def test_the_example_shows_every_setting_with_its_default_or_an_example(tmp_path: Path) -> None:
    plain, full = _load_example(tmp_path, _EXAMPLE.read_text()), _load_everything(tmp_path)

    defaults, shown = _flat(redacted(plain)), _flat(redacted(full))

    assert {
        place: str(value).removeprefix(f"{tmp_path}/")
        for place, value in shown.items()
        if defaults.get(place) != value
        and (place.startswith("sources.augment-prod.") or not place.startswith("sources."))
    } == {
        "web.config_file": "web-config.yml",
        "web.allowed_hosts": "['adoption.example.com']",
        "calendar.country": "DE",
        "calendar.subdivision": "BY",
        "calendar.closed": "['2026-12-24..2027-01-03', '2026-11-27']",
        "calendar.half": "['2026-12-23']",
        "people.pseudonym_key_file": "pseudonym.key",
        "people.identities.file": "identities.csv",
        "teams.file": "teams.csv",
        "otlp.endpoint": "http://localhost:4318",
        "otlp.protocol": "http/protobuf",
        "otlp.headers.authorization": "<secret>",
        "otlp.interval": "1m",
        "otlp.timeout": "10s",
        "otlp.compression": "none",
        "otlp.ca_file": "otlp-ca.pem",
        "otlp.client_certificate_file": "otlp-client.pem",
        "otlp.client_key_file": "otlp-client.key",
        "otlp.timestamp": "now",
        "otlp.traces": "False",
        "sources.augment-prod.seats": "250",
        "sources.augment-prod.seat_price.amount": "39",
        "sources.augment-prod.seat_price.currency": "USD",
        "sources.augment-prod.calendar.country": "US",
        "sources.augment-prod.calendar.subdivision": "CA",
        "sources.augment-prod.calendar.closed": "['2026-11-27']",
        "sources.augment-prod.calendar.half": "['2026-12-24']",
        "sources.augment-prod.token_expires_at": "2027-12-31T00:00:00Z",
        "sources.augment-prod.ca_file": "company-ca.pem",
    }
    sections = ("web", "poll", "calendar", "state", "people", "teams", "otlp")
    known = {f"{name}.{key}" for name in sections for key in type(getattr(full, name)).model_fields}
    assert known - {".".join(place.split(".")[:2]) for place in shown} == {"poll.cron"}


def _load_everything(folder: Path) -> Config:
    """The example with every line that is commented out in force, and with the files that it names."""
    everything = re.sub(r"^( *)#(?=(?:  )?[a-z])", r"\1", _EXAMPLE.read_text(), flags=re.MULTILINE)
    tables = {"teams.csv": "user,team\n", "identities.csv": "person,identity\n"}
    for file in re.findall(r"(?<=file: )[a-z-]+\.[a-z]+", everything):
        (folder / file).write_text(tables.get(file, "0123456789abcdef\n"))
    return _load_example(folder, everything)


def _load_example(folder: Path, text: str) -> Config:
    (folder / "config.yaml").write_text(text)
    return load_config(
        folder / "config.yaml", SETTINGS, dict.fromkeys(re.findall(r"\$\{([A-Z_]+)\}", text), "a-secret")
    )


def _flat(value: object, place: str = "") -> dict[str, object]:
    """A mapping of mappings as one mapping, keys joined with dots."""
    if not isinstance(value, dict):
        return {place: value}
    return {
        inner: leaf for key, below in value.items() for inner, leaf in _flat(below, f"{place}.{key}".strip(".")).items()
    }
