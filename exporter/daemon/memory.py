"""Memory that the allocator of glibc keeps for itself; elsewhere nothing of it is done."""

import ctypes
from functools import cache

# Of malloc.h: which parameter `mallopt` sets, and how many pools of memory threads may have. By default they are eight
# a processor, and what a poll leaves in one is of no use to the next poll in another thread.
_M_ARENA_MAX = -8
_ARENAS = 2


@cache
def _libc() -> ctypes.CDLL | None:
    try:
        libc = ctypes.CDLL(None)
    except (OSError, TypeError):
        return None
    return libc if hasattr(libc, "malloc_trim") and hasattr(libc, "mallopt") else None


def share_arenas() -> None:
    """Has threads that start from now on share a few arenas."""
    libc = _libc()
    if libc is not None:
        libc.mallopt(_M_ARENA_MAX, _ARENAS)


def give_back() -> None:
    """Gives pages that hold nothing any more back to the system; a few milliseconds, without the interpreter's lock."""
    libc = _libc()
    if libc is not None:
        libc.malloc_trim(0)
