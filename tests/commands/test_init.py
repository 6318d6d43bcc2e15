"""`init`: a new configuration from flags, or from answers on a terminal."""

import os
import pty
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from exporter.cli import commands
from exporter.commands.keys import SECTIONS
from exporter.config.load import load_config, redacted
from exporter.config.mistakes import ConfigError
from exporter.vendors import SETTINGS
from tests.support.daemons import PATIENCE, wait_until

CHECKOUT = Path(__file__).parents[2]
# What each vendor needs beside its token.
NEEDED = {
    "augment": [],
    "claude-code": ["--set", "api=console"],
    "coder": ["--base-url", "https://coder.example.com"],
    "coder-classic": ["--base-url", "https://coder.example.com"],
    "copilot": ["--set", "organizations=[acme]"],
    "cursor": [],
    "gitlab": ["--set", "projects=[42, group/app]"],
    "sourcegraph": ["--set", "instances=[acme.sourcegraphcloud.com]"],
}
NEXT = "Next, once the token is there: adoption-exporter check-config config.yaml --online"
every_vendor = pytest.mark.parametrize("vendor", SETTINGS)


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A working directory with a file that holds a token."""
    (tmp_path / "vendor.token").write_text("a-secret\n")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def init(*arguments: str) -> Result:
    return CliRunner().invoke(commands, ["init", *arguments])


def flags(vendor: str) -> list[str]:
    return ["--vendor", vendor, "--token-file", "vendor.token", *NEEDED[vendor]]


@every_vendor
def test_the_flags_make_a_configuration_that_is_valid_for_every_vendor(vendor: str, folder: Path) -> None:
    done = init(*flags(vendor))

    assert (done.exit_code, done.stderr) == (0, f"config.yaml: written\n{NEXT}\n")
    assert done.stdout.startswith(f"config.yaml: ok, 1 source configured\n  {vendor} ({vendor})\n")
    source = load_config(folder / "config.yaml", SETTINGS).sources[vendor]
    assert source.token_file == folder / "vendor.token"


def test_what_the_flags_say_is_what_the_configuration_means(folder: Path) -> None:
    told = ["--state", "sqlite:////var/lib/a b/adoption.db", "--set", "seats=250"]
    done = init("--config.file", "new.yaml", *flags("copilot"), "--base-url", "https://api.acme.ghe.com", *told)

    shown = redacted(load_config(folder / "new.yaml", SETTINGS))
    source = shown["sources"]["copilot"]
    assert done.exit_code == 0
    assert shown["state"] == {"url": "sqlite:////var/lib/a b/adoption.db", "retention": "800d"}
    assert {key: source[key] for key in ("base_url", "organizations", "seats", "token_file")} == {
        "base_url": "https://api.acme.ghe.com",
        "organizations": ["acme"],
        "seats": 250,
        "token_file": str(folder / "vendor.token"),
    }


@every_vendor
def test_every_line_that_is_commented_out_can_be_put_in_force(vendor: str, folder: Path) -> None:
    init(*flags(vendor))
    text = (folder / "config.yaml").read_text()
    for file in re.findall(r"[\w-]+\.(?:yml|pem|key|csv|token)\b", text):
        (folder / file).write_text({"csv": "user,team,person,identity\n"}.get(file[-3:], "0123456789abcdef\n"))
    (folder / "config.yaml").write_text(re.sub(r"^( *)#(?=(?:  +)?-? ?[a-z_]+:)", r"\1", text, flags=re.MULTILINE))

    with pytest.raises(ConfigError) as wrong:
        load_config(folder / "config.yaml", SETTINGS, {"AUGMENT_TOKEN": "a", "BILLING_TOKEN": "b"})

    # Keys of which only one may stand, and a key that is no key.
    alternatives = (
        r"cannot be set|cannot have both|needs either|with protocol grpc|must hold a private key|\bnot nothing"
    )
    told = [line.removeprefix("config.yaml: ") for line in wrong.value.mistakes]
    assert [line for line in told if not re.search(alternatives, line)] == []


@every_vendor
def test_the_file_names_every_section_and_every_key_of_the_vendor(vendor: str, folder: Path) -> None:
    init(*flags(vendor))
    text = (folder / "config.yaml").read_text()

    own = SETTINGS[vendor].model_fields.keys() - SETTINGS["augment"].model_fields.keys()
    assert [name for name in SECTIONS if not re.search(rf"^#?{name}:$", text, re.MULTILINE)] == []
    assert [name for name in own if not re.search(rf"^    #?{name}:", text, re.MULTILINE)] == []


def test_a_configuration_with_a_mistake_is_written_and_the_mistake_is_told(folder: Path) -> None:
    done = init("--vendor", "augment", "--token-file", "later.token")

    assert (done.exit_code, done.stderr.splitlines()) == (
        2,
        [
            "config.yaml: written",
            NEXT,
            "config.yaml: sources.augment.token_file: there is no file later.token that can be read",
        ],
    )
    assert 'token_file: "later.token"' in (folder / "config.yaml").read_text()


def test_a_file_that_is_there_is_replaced_by_force_alone(folder: Path) -> None:
    (folder / "config.yaml").write_text("mine\n")

    kept = init(*flags("augment"))
    assert (kept.exit_code, (folder / "config.yaml").read_text()) == (2, "mine\n")
    assert kept.stderr.endswith("Error: config.yaml is there already; --force replaces it.\n")
    assert init(*flags("augment"), "--force").exit_code == 0
    assert "sources:\n  augment:\n" in (folder / "config.yaml").read_text()


@pytest.mark.parametrize(
    ("arguments", "missing"),
    [
        ([], "--vendor, --token-file"),
        (["--vendor", "augment"], "--token-file"),
        (["--vendor", "coder", "--token-file", "x"], "--base-url"),
        (["--vendor", "claude-code", "--token-file", "x"], "--set api=…"),
        (["--vendor", "gitlab", "--token-file", "x"], "--set projects=… or --set groups=…"),
        (["--vendor", "copilot", "--set", "app={}"], "--set organizations=… or --set enterprise=…"),
        (["--vendor", "sourcegraph"], "--token-file, --set instances=…"),
    ],
)
def test_without_a_terminal_one_sentence_says_which_flags_are_missing(
    arguments: list[str], missing: str, folder: Path
) -> None:
    done = init(*arguments)

    assert (done.exit_code, done.stdout) == (2, "")
    assert done.stderr.endswith(f"Error: There is no terminal to ask: {missing} must be given.\n")
    assert not (folder / "config.yaml").exists()


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--vendor", "github"], 'unknown vendor "github", did you mean "copilot" or "gitlab"?'),
        (["--base-url", "coder.example.com"], "must be an address such as https://host.example.com:8443/path"),
        (["--base-url", "https://user:hidden@coder.example.com"], "must hold no @, no user name and no password"),
        (["--state", "mysql://root:hidden@db/x"], "must begin with sqlite:// or postgresql://, not mysql://"),
        (["--set", "organizations"], "must be KEY=VALUE on one line, such as organizations=[acme]"),
        (["--config.file", "no/such/folder/config.yaml"], "there is no folder no/such/folder that can be written to"),
        (["--config.file", "vendor.token/config.yaml"], "there is no folder vendor.token that can be written to"),
        (["--config.file", "."], "File '.' is a directory."),
    ],
)
def test_a_flag_that_cannot_be_right_is_refused_in_one_sentence(arguments: list[str], words: str, folder: Path) -> None:
    done = init(*arguments)

    assert (done.exit_code, done.stdout) == (2, "")
    assert done.stderr.splitlines()[-1].endswith(f": {words}")
    assert "hidden" not in done.stderr
    assert sorted(path.name for path in folder.iterdir()) == ["vendor.token"]


@contextmanager
def on_a_terminal(folder: Path, *arguments: str) -> Iterator[tuple[subprocess.Popen[str], int]]:
    """`init` whose standard input is a terminal, and the other end of it."""
    ours, terminal = pty.openpty()
    command = [sys.executable, "-m", "exporter", "init", *arguments]
    environ = {**os.environ, "PYTHONPATH": str(CHECKOUT)}
    with subprocess.Popen(
        command, stdin=terminal, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=folder, env=environ
    ) as process:
        os.close(terminal)
        try:
            yield process, ours
        finally:
            process.kill()
            os.close(ours)


@pytest.mark.slow
def test_a_terminal_is_asked_four_questions_and_what_the_vendor_needs(folder: Path) -> None:
    answers = ["github", "copilot", "", "vendor.token", "", "acme", "sqlite:///mine.db"]
    with on_a_terminal(folder) as (process, ours):
        os.write(ours, "".join(f"{answer}\n" for answer in answers).encode())
        told, asked = process.communicate(timeout=PATIENCE)

    assert (process.returncode, told.splitlines()[0]) == (0, "config.yaml: ok, 1 source configured")
    assert asked == (
        f"Vendor ({', '.join(SETTINGS)}): "
        'Error: unknown vendor "github", did you mean "copilot" or "gitlab"?\n'
        f"Vendor ({', '.join(SETTINGS)}): "
        "Its address [https://api.github.com]: "
        "File with the token, which need not be there yet [copilot.token]: "
        "organizations, such as acme, acme-data (empty for enterprise): "
        "enterprise, such as acme: "
        "State, SQLite or postgresql:// [sqlite:///adoption.db]: "
        f"config.yaml: written\n{NEXT}\n"
    )
    shown = redacted(load_config(folder / "config.yaml", SETTINGS))
    assert (shown["state"]["url"], shown["sources"]["copilot"]["enterprise"]) == ("sqlite:///mine.db", "acme")


@pytest.mark.slow
def test_a_list_is_answered_with_commas(folder: Path) -> None:
    with on_a_terminal(folder, "--vendor", "gitlab", "--token-file", "vendor.token") as (process, ours):
        os.write(ours, b"\n42, group/app\n\n")
        process.communicate(timeout=PATIENCE)

    shown = redacted(load_config(folder / "config.yaml", SETTINGS))
    assert (process.returncode, shown["sources"]["gitlab"]["projects"]) == (0, [42, "group/app"])


@pytest.mark.slow
@pytest.mark.parametrize("how", ["end of file", "Ctrl-C"])
def test_who_leaves_between_the_questions_leaves_nothing(how: str, folder: Path) -> None:
    question = "Its address [https://api.augmentcode.com]:"
    with on_a_terminal(folder, "--vendor", "augment") as (process, ours):
        assert process.stderr is not None
        asked = process.stderr.read(len(question))
        # Python would notice a signal that comes between the question and the reading only after the reading.
        wait_until(lambda: sleeps(process.pid))
        if how == "Ctrl-C":
            process.send_signal(signal.SIGINT)
        else:
            os.write(ours, b"\x04")
        _, rest = process.communicate(timeout=PATIENCE)

    assert (process.returncode, asked, rest.lstrip(" ")) == (130, question, "\nNothing was written.\n")
    assert not (folder / "config.yaml").exists()


def sleeps(process: int) -> bool:
    """Whether the main thread of a process waits for something."""
    return Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0] == "S"
