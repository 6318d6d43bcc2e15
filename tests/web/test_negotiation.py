import pytest

from exporter.web.negotiation import accepts_gzip, negotiate

PROMETHEUS_2 = (
    "application/openmetrics-text;version=1.0.0,application/openmetrics-text;version=0.0.1;q=0.75,"
    "text/plain;version=0.0.4;q=0.5,*/*;q=0.1"
)
PROMETHEUS_3 = (
    "application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.5,"
    "text/plain;version=1.0.0;escaping=allow-utf-8;q=0.4,text/plain;version=0.0.4;q=0.3,*/*;q=0.2"
)


@pytest.mark.parametrize(
    ("accept", "form"),
    [
        ("", "text"),
        ("*/*", "text"),
        ("text/html,application/xhtml+xml,*/*;q=0.8", "text"),
        (PROMETHEUS_2, "openmetrics"),
        (PROMETHEUS_3, "openmetrics"),
        ("application/openmetrics-text", "openmetrics"),
        ("APPLICATION/OpenMetrics-Text ; Q=0.5", "openmetrics"),
        ("text/plain;q=0.5,application/openmetrics-text;q=0.5", "openmetrics"),
        ("text/plain,application/openmetrics-text;q=0.9", "text"),
        ("application/openmetrics-text;q=0", "text"),
        ("application/openmetrics-text;q=much", "text"),
        ("application/openmetrics-text;q=nan", "text"),
    ],
)
def test_openmetrics_is_sent_to_whom_names_it_first(accept: str, form: str) -> None:
    assert negotiate(accept) == form


@pytest.mark.parametrize(
    ("accept_encoding", "accepted"),
    [
        ("", False),
        ("gzip", True),
        ("deflate, GZip;q=0.5", True),
        ("*", True),
        ("gzip;q=0", False),
        ("*, gzip;q=0", False),
        ("identity", False),
        ("gzip;q=0.0.1", False),
    ],
)
def test_gzip_is_sent_to_whom_takes_it(accept_encoding: str, accepted: bool) -> None:
    assert accepts_gzip(accept_encoding) is accepted
