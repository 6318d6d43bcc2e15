"""The daemon while its machine's clock is set, forwards and back."""

from pathlib import Path

import bcrypt
import pytest

from tests.support import faulty_server
from tests.support.daemons import Daemon, daemon, wait_until
from tests.support.service_manager import service_manager
from tests.support.wrong_clock import WrongClock

HASH = bcrypt.hashpw(b"s3cret", bcrypt.gensalt(4)).decode()


def polls(running: Daemon) -> float:
    """How often the daemon has polled."""
    return sum(running.values("adoption_exporter_polls_total").values())


@pytest.mark.servers("libfaketime")
@pytest.mark.parametrize("offset", ["-400d", "+905d"])
def test_polls_passwords_and_signs_of_life_go_on_when_the_clock_is_set(offset: str, tmp_path: Path) -> None:
    clock = WrongClock(tmp_path)
    config, web = tmp_path / "config.yaml", tmp_path / "web.yml"
    web.write_text("{}")
    with faulty_server.serve(faulty_server.body(b"{}", status="401 Unauthorized")) as vendor:
        config.write_text(
            'state: {url: "sqlite://"}\n'
            "sources:\n"
            f'  one: {{vendor: augment, token: a-token, base_url: "{vendor.url}", interval: 1s}}\n'
        )
        arguments = ("run", "--config.file", str(config), "--web.config.file", str(web))
        manager = {"NOTIFY_SOCKET": str(tmp_path / "notify"), "WATCHDOG_USEC": "2000000"}
        with (
            service_manager(tmp_path / "notify") as heard,
            daemon(tmp_path, *arguments, **clock.environ, **manager) as running,
        ):
            wait_until(lambda: polls(running) > 0)
            clock.set(offset)
            before = polls(running)
            # One or two may have been on their way when the clock was set.
            wait_until(lambda: polls(running) >= before + 5)
            healthy = running.get("/-/healthy").status_code
            petted = [message for message, _ in zip(heard, range(6), strict=False)][1:]
            web.write_text(f"basic_auth_users: {{alice: {HASH}}}\n")
            wait_until(lambda: running.get("/-/healthy").status_code == 401)

    assert (healthy, petted) == (200, ["WATCHDOG=1"] * 5)


@pytest.mark.servers("libfaketime")
@pytest.mark.parametrize("protocol", ["http/protobuf", "grpc"])
def test_a_push_that_waits_while_the_clock_goes_back_ends_with_its_timeout(protocol: str, tmp_path: Path) -> None:
    clock = WrongClock(tmp_path)
    config = tmp_path / "config.yaml"
    with faulty_server.serve(faulty_server.silence) as silent:
        config.write_text(
            'state: {url: "sqlite://"}\n'
            f'otlp: {{endpoint: "{silent.url}", protocol: {protocol}, interval: 1s, timeout: 1s}}\n'
            f'sources: {{one: {{vendor: augment, token: a-token, base_url: "{silent.url}"}}}}\n'
        )
        with daemon(tmp_path, "run", "--config.file", str(config), **clock.environ) as running:

            def failures() -> float:
                return sum(running.values("adoption_exporter_otlp_export_failures_total").values())

            wait_until(lambda: failures() >= 1)
            clock.set("-400d")
            before = failures()
            wait_until(lambda: failures() >= before + 3)
