"""Runs a command under a systemd unit's system call filters: `python -m tests.support.confined UNIT COMMAND...`."""

import errno
import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from mmap import PROT_EXEC, PROT_WRITE
from pathlib import Path

from pyseccomp import ALLOW, ERRNO, MASKED_EQ, Arg, SyscallFilter, resolve_syscall, system_arch

_UNKNOWN_CALL = -1


def settings(unit: Path) -> dict[str, list[str]]:
    """The keys of a unit file, each with its values in their order."""
    found: dict[str, list[str]] = {}
    for line in unit.read_text().splitlines():
        key, separator, value = line.partition("=")
        if separator and not line.startswith("#"):
            found.setdefault(key, []).append(value)
    return found


def allowed_calls(filters: list[str]) -> set[str]:
    """The system calls that the values of `SystemCallFilter=` leave; `~` takes away."""
    calls: set[str] = set()
    for line in filters:
        named = {call for name in line.lstrip("~").split() for call in _members(name)}
        calls = calls - named if line.startswith("~") else calls | named
    return calls


def confine(unit: dict[str, list[str]]) -> None:
    """Gives this process and its children the filters of a unit, as systemd does."""
    rules = SyscallFilter(ERRNO(errno.EPERM))
    families = [getattr(socket, name) for name in unit["RestrictAddressFamilies"][0].split()]
    conditions = {
        "socket": [Arg(0, MASKED_EQ, 0xFFFF, family) for family in families],
        # MemoryDenyWriteExecute: nothing is mapped writable and executable, nothing mapped becomes executable.
        "mmap": [Arg(2, MASKED_EQ, PROT_WRITE | PROT_EXEC, both) for both in (0, PROT_WRITE, PROT_EXEC)],
        "mprotect": [Arg(2, MASKED_EQ, PROT_EXEC, 0)],
        "pkey_mprotect": [Arg(2, MASKED_EQ, PROT_EXEC, 0)],
    }
    for call in allowed_calls(unit["SystemCallFilter"]) - conditions.keys():
        # systemd knows calls that this libseccomp does not.
        if resolve_syscall(system_arch(), call) != _UNKNOWN_CALL:
            rules.add_rule(ALLOW, call)
    for call, arguments in conditions.items():
        for argument in arguments:
            rules.add_rule(ALLOW, call, argument)
    rules.load()


def _members(name: str) -> Iterator[str]:
    if not name.startswith("@"):
        yield name
        return
    listed = subprocess.run(["systemd-analyze", "syscall-filter", name], capture_output=True, check=True, text=True)
    for line in listed.stdout.splitlines()[1:]:
        if line.strip() and "#" not in line:
            yield from _members(line.strip())


if __name__ == "__main__":
    confine(settings(Path(sys.argv[1])))
    os.execv(sys.argv[2], sys.argv[2:])
