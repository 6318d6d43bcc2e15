"""Bodies of vendors with one value changed."""

from typing import Any


def change(body: Any, path: tuple[Any, ...], value: Any) -> None:
    """Changes the value at a path of keys and indexes in place; `...` removes it."""
    for step in path[:-1]:
        body = body[step]
    if value is ...:
        del body[path[-1]]
    else:
        body[path[-1]] = value
