import json

import pytest

from exporter.metrics import sample
from exporter.publish.prometheus import CONTENT_TYPES, Format
from exporter.publish.snapshot import ExpositionCache
from exporter.publish.status import Reload
from exporter.web.bundled import shipped
from exporter.web.status_json import as_json
from tests.support.asgi import Pages
from tests.support.reports import NOW, Web, everything

ALERTS = "/dashboards/prometheus/alerts.yaml"
PAGES = [
    "/",
    "/metrics",
    "/config",
    "/api/v1/status",
    "/dashboards",
    ALERTS,
    "/-/healthy",
    "/-/ready",
    "/static/style.css",
    "/static/icon.svg",
]


def cache(scopes: int) -> ExpositionCache:
    """A board with a series for each of so many scopes."""
    made = ExpositionCache()
    made.publish(
        "tool",
        [
            sample("adoption_seats", number, source="tool", vendor="augment", scope=f"project-{number}")
            for number in range(scopes)
        ],
    )
    return made


def test_a_scrape_is_the_cached_bytes_and_the_exporters_own_metrics() -> None:
    web = Web(cache=cache(3))
    answer = Pages(web.application()).get("/metrics", headers={"accept-encoding": "identity"})
    first = web.cache.snapshot.parts["text"].plain

    assert answer.headers["content-type"] == "text/plain; version=0.0.4; charset=utf-8"
    assert answer.headers["vary"] == "Accept, Accept-Encoding"
    assert answer.content.startswith(first)
    assert b"adoption_exporter_build_info" in answer.content[len(first) :]
    assert int(answer.headers["content-length"]) == len(answer.content)


@pytest.mark.parametrize(
    ("headers", "form", "encoding"),
    [
        ([("Accept", "text/html"), ("Accept", "application/openmetrics-text")], "openmetrics", None),
        ([("Accept", "text/plain;q=0.1"), ("Accept", "application/openmetrics-text;q=0.2")], "openmetrics", None),
        ([("Accept", "application/openmetrics-text;q=0.2"), ("Accept", "text/plain")], "text", None),
        ([("Accept-Encoding", "br"), ("Accept-Encoding", "gzip")], "text", "gzip"),
        ([("Accept-Encoding", ""), ("Accept-Encoding", "*")], "text", "gzip"),
        ([("Accept-Encoding", "br"), ("Accept-Encoding", "gzip;q=0")], "text", None),
    ],
)
def test_a_header_on_several_lines_is_one_list(
    headers: list[tuple[str, str]], form: Format, encoding: str | None
) -> None:
    both = [*headers, *(("Accept-Encoding", "identity") for _ in range(all(name == "Accept" for name, _ in headers)))]
    answer = Pages(Web().application()).get("/metrics", headers=both)

    assert (answer.headers["content-type"], answer.headers.get("content-encoding")) == (CONTENT_TYPES[form], encoding)


@pytest.mark.parametrize("encoding", ["", "gzip"])
@pytest.mark.parametrize("form", ["text/plain", "application/openmetrics-text"])
def test_a_large_scrape_arrives_whole_in_pieces(form: str, encoding: str) -> None:
    web = Web(cache=cache(5_000))
    answer = Pages(web.application()).get("/metrics", headers={"accept": form, "accept-encoding": encoding})
    plain = web.cache.snapshot.parts["openmetrics" if "openmetrics" in form else "text"].plain

    assert len(plain) > 300_000
    assert answer.content.startswith(plain)
    assert answer.text.endswith("# EOF\n") == ("openmetrics" in form)
    assert answer.headers.get("content-encoding", "") == encoding


@pytest.mark.parametrize("encoding", ["", "gzip"])
def test_a_scrape_right_after_publications_that_followed_each_other_fast_is_whole(encoding: str) -> None:
    moments = iter([0.0, 0.0, 5.0, 6.0])
    web = Web(cache=ExpositionCache(monotonic=lambda: next(moments)))
    for source in "ab":
        labels = {"source": source, "vendor": "augment", "scope": "all"}
        web.cache.publish(source, [sample("adoption_seats", 3, **labels)])
    assert not web.cache.snapshot.body.is_made

    answer = Pages(web.application()).get("/metrics", headers={"accept-encoding": encoding})

    series = [line for line in answer.text.splitlines() if line.startswith("adoption_seats")]
    assert series == [f'adoption_seats{{scope="all",source="{source}",vendor="augment"}} 3.0' for source in "ab"]


def test_a_head_request_gets_the_headers() -> None:
    answer = Pages(Web().application()).request("HEAD", "/metrics")

    assert (answer.status_code, answer.headers["content-type"][:10]) == (200, "text/plain")


def test_healthy_and_ready() -> None:
    ready, busy = Pages(Web().application()), Pages(Web(ready=False).application())

    assert (ready.get("/-/healthy").text, busy.get("/-/healthy").status_code) == (
        "adoption-exporter is healthy.\n",
        200,
    )
    assert (ready.get("/-/ready").status_code, ready.get("/-/ready").text) == (200, "adoption-exporter is ready.\n")
    assert (busy.get("/-/ready").status_code, busy.get("/-/ready").text) == (503, "Not every source was polled yet.\n")


def test_an_exporter_whose_scheduler_does_not_run_is_not_healthy() -> None:
    answer = Pages(Web(healthy=False).application()).get("/-/healthy")

    assert (answer.status_code, answer.text) == (
        503,
        "The scheduler does not run: nothing is polled, restart me.\n",
    )


def test_the_configuration_is_yaml_in_the_files_own_words() -> None:
    answer = Pages(Web().application()).get("/config")

    assert answer.text == "sources:\n  assistant:\n    token: <secret>\n"
    assert answer.headers["content-type"] == "text/plain; charset=utf-8"


def test_the_status_is_told_as_a_page_and_as_json() -> None:
    pages = Pages(Web().application())

    assert "2 of 6 sources need attention" in pages.get("/").text
    assert 'data-source="cody"' in pages.get("/?source=cody").text
    assert 'data-source="assistant"' not in pages.get("/?source=cody").text
    assert pages.get("/api/v1/status").json() == json.loads(json.dumps(as_json(everything())))


def test_a_reload_is_a_post() -> None:
    reloads: list[Reload] = []

    def reload() -> Reload:
        reloads.append(Reload(NOW, changes=("added: one", "state.url has changed, which needs a restart")))
        return reloads[-1]

    pages = Pages(Web(reload=reload).application())

    assert [pages.request(method, "/-/reload").status_code for method in ("GET", "HEAD", "PUT", "DELETE")] == [405] * 4
    assert reloads == []
    answer = pages.request("POST", "/-/reload")
    assert (answer.status_code, answer.text) == (200, "added: one\nstate.url has changed, which needs a restart\n")
    assert len(reloads) == 1


def test_a_reload_that_fails_says_every_mistake() -> None:
    answer = Pages(Web(reload=lambda: Reload(NOW, ("f: a: is missing", "f: b: is wrong"))).application()).request(
        "POST", "/-/reload"
    )

    assert answer.status_code == 500
    assert answer.headers["content-type"] == "text/plain; charset=utf-8"
    assert answer.text == "The configuration is kept as it was.\nf: a: is missing\nf: b: is wrong\n"


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "OPTIONS"])
def test_pages_are_only_read(method: str) -> None:
    pages = Pages(Web().application())

    assert {path: pages.request(method, path).status_code for path in PAGES} == dict.fromkeys(PAGES, 405)


@pytest.mark.parametrize(
    "path",
    [
        "/nothing",
        "/static/",
        "/static/../application.py",
        "/static/%2e%2e/server.py",
        "/dashboards/pyproject.toml",
        "/-/",
    ],
)
def test_what_is_not_there_is_not_found(path: str) -> None:
    assert Pages(Web().application()).get(path).status_code == 404


def test_every_page_may_be_under_a_prefix() -> None:
    pages = Pages(Web().application("/tools/adoption"))

    assert {path: pages.get(f"/tools/adoption{path}").status_code for path in PAGES} == dict.fromkeys(PAGES, 200)
    assert pages.request("POST", "/tools/adoption/-/reload").status_code == 200
    assert {path: pages.get(path).status_code for path in PAGES[1:]} == dict.fromkeys(PAGES[1:], 404)


@pytest.mark.parametrize("path", ["/", "/tools/adoption"])
def test_the_way_to_the_prefix_is_shown(path: str) -> None:
    answer = Pages(Web().application("/tools/adoption")).get(path)

    assert (answer.status_code, answer.headers["location"]) == (307, "/tools/adoption/")


def test_dashboards_and_rules_can_be_downloaded() -> None:
    pages = Pages(Web().application())

    assert f'<a href="{ALERTS.removeprefix("/")}">' in pages.get("/dashboards").text
    assert pages.get(ALERTS).text == shipped()["prometheus/alerts.yaml"].read_text()
