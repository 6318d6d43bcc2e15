from pathlib import Path

import httpx
import pytest

from tests.support import real_servers
from tests.support.daemons import get

pytest_plugins = ["pytester"]


@pytest.mark.servers("prometheus")
def test_a_real_prometheus_serves_the_configuration_it_was_given(tmp_path: Path) -> None:
    with real_servers.prometheus("global: {scrape_interval: 7s}", tmp_path) as url:
        shown = get(f"{url}/api/v1/status/config").json()["data"]["yaml"]

    assert "scrape_interval: 7s" in shown
    with pytest.raises(httpx.ConnectError):
        httpx.get(url)


@pytest.mark.servers("prometheus")
def test_a_prometheus_that_cannot_start_fails_with_its_own_words(tmp_path: Path) -> None:
    with (
        pytest.raises(AssertionError, match=r"(?s)exit status \d.*field scrape not found"),
        real_servers.prometheus("scrape: everything", tmp_path),
    ):
        pass


@pytest.mark.servers("alertmanager")
def test_a_real_alertmanager_becomes_ready(tmp_path: Path) -> None:
    with real_servers.alertmanager("{route: {receiver: nobody}, receivers: [{name: nobody}]}", tmp_path) as url:
        assert get(f"{url}/api/v2/receivers").json() == [{"name": "nobody"}]


@pytest.mark.servers("promtool")
def test_promtool_reads_metrics_from_standard_input() -> None:
    clean = "# HELP jobs Jobs.\n# TYPE jobs gauge\njobs 1\n"

    assert real_servers.promtool("check", "metrics", stdin=clean).returncode == 0
    assert real_servers.promtool("check", "metrics", stdin="jobs_total 1\n").returncode == 3


@pytest.mark.parametrize(("ci", "outcome"), [("", {"skipped": 1}), ("true", {"errors": 1})])
def test_a_missing_program_skips_a_test_at_home_and_fails_it_under_ci(
    ci: str, outcome: dict[str, int], pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytester.makeini("[pytest]\nmarkers = servers")
    pytester.makepyfile("import pytest\n\n@pytest.mark.servers('promtool')\ndef test_it():\n    pass\n")
    monkeypatch.setenv("PATH", "")
    monkeypatch.setenv("CI", ci)

    result = pytester.runpytest_inprocess("-p", "tests.conftest", "-rsE")

    result.assert_outcomes(**outcome)
    result.stdout.fnmatch_lines("*not installed: promtool (see .ci/run)*")
