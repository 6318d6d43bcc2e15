"""Holds uvicorn to the code that `web/server.py` was written against: it extends classes with no promise to stay."""

import hashlib
import inspect
import tomllib
from pathlib import Path

import pytest
import uvicorn
from uvicorn.protocols.http.flow_control import FlowControl
from uvicorn.protocols.http.h11_impl import H11Protocol, RequestResponseCycle
from uvicorn.server import ServerState

CHECKOUT = Path(__file__).parents[2]
READ_BEFORE_CHANGING = (
    "uvicorn's {name} has changed: compare it with the version before, adapt exporter/web/server.py, and only then "
    "write the new digest here"
)


@pytest.mark.parametrize(
    ("private", "digest"),
    [
        (uvicorn.Server, "06e799f7c58f8be6"),
        (ServerState, "f2260fbf10154746"),
        (H11Protocol, "c2573d455fed4ec2"),
        (RequestResponseCycle, "b9327fce724d5252"),
        (FlowControl, "126debcdaa894c83"),
    ],
)
def test_the_private_classes_that_the_server_extends_are_as_they_were(private: type, digest: str) -> None:
    source = hashlib.sha256(inspect.getsource(private).encode()).hexdigest()[:16]

    assert source == digest, READ_BEFORE_CHANGING.format(name=private.__name__)


def test_uvicorn_is_pinned_to_one_minor_version() -> None:
    project = tomllib.loads((CHECKOUT / "pyproject.toml").read_text())["project"]
    (pinned,) = (entry for entry in project["dependencies"] if entry.startswith("uvicorn"))
    minor = int(uvicorn.__version__.split(".")[1])

    assert pinned == f"uvicorn>=0.{minor},<0.{minor + 1}"
