"""A small Cube: queries over rows by day, with the answers and errors of Cube 0.35 (observed 2026-11)."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from decimal import Context, Decimal
from typing import Any, Literal, NamedTuple

_MOST = 50_000
_PRECISE = Context(prec=60)
_TWENTY_DECIMALS = Decimal("1e-20")
# Every key that a query may have, with its default.
_DEFAULTS: Mapping[str, Any] = {
    "measures": (),
    "dimensions": (),
    "segments": (),
    "filters": (),
    "timeDimensions": (),
    "order": (),
    "timezone": "UTC",
    "limit": 10_000,
    "offset": 0,
    "total": False,
    "renewQuery": False,
    "ungrouped": False,
    "responseFormat": "default",
}

Json = dict[str, Any]
Value = int | Decimal | str | None


class CubeError(Exception):
    """An error response: the text of its body, the only part that GitLab reads."""


@dataclass(frozen=True, slots=True)
class Row:
    """Events or sessions of one user on one day with the same `traits`; `minutes` is their total."""

    day: date
    user: str
    number: int = 1
    minutes: Decimal = Decimal(0)
    traits: Mapping[str, str | None] = field(default_factory=dict)


class Measure(NamedTuple):
    """How rows become a number, perhaps only rows of one `event`."""

    kind: Literal["count", "countDistinct", "avg"]
    event: str | None = None

    def of(self, rows: Iterable[Row]) -> int | Decimal | None:
        """The number; None for an average over nothing."""
        wanted = [row for row in rows if self.event is None or row.traits["event"] == self.event]
        if self.kind == "countDistinct":
            return len({row.user for row in wanted})
        number = sum(row.number for row in wanted)
        if self.kind == "count":
            return number
        if not number:
            return None
        minutes = sum((row.minutes for row in wanted), Decimal())
        return _PRECISE.quantize(_PRECISE.divide(minutes, number), _TWENTY_DECIMALS)


@dataclass(frozen=True)
class Cube:
    """A cube: its time, measures and dimensions (traits of its rows), all without the cube's name."""

    name: str
    time: str
    measures: Mapping[str, Measure]
    dimensions: Sequence[str]
    rows: Callable[[date, date], Iterable[Row]]


@dataclass(frozen=True)
class _Query:
    """A valid query. Members are without the cube's name."""

    cube: Cube
    measures: Sequence[str]
    keys: Sequence[str]
    start: date
    end: date
    filters: Sequence[tuple[str, str, Sequence[str]]]
    order: Mapping[str, str]
    limit: int
    offset: int


def load(cubes: Sequence[Cube], query: Json, refreshed: str, *, json_numbers: bool = False) -> Json:
    """A response body; raises CubeError. Numbers are text as with ClickHouse, or JSON numbers as with SQLite."""
    asked = _parse(cubes, query)
    rows = _answer(asked)
    page = [_shown(asked, row, json_numbers) for row in rows[asked.offset : asked.offset + asked.limit]]
    result = {
        "query": _normalized(asked, query),
        "data": page,
        "lastRefreshTime": refreshed,
        "refreshKeyValues": [],
        "usedPreAggregations": {},
        "dataSource": "default",
        "dbType": "clickhouse",
        "external": False,
        "slowQuery": False,
        "total": len(rows) if query.get("total") is True else None,
    }
    return {"queryType": "regularQuery", "results": [result], "slowQuery": False}


def dry_run(cubes: Sequence[Cube], query: Json) -> Json:
    """The response body for a query that is checked but not run; raises CubeError."""
    asked = _parse(cubes, query)
    order = [{_full(asked, name): direction} for name, direction in asked.order.items()]
    normalized = [_normalized(asked, query)]
    return {"queryType": "regularQuery", "normalizedQueries": normalized, "queryOrder": order, "transformedQueries": []}


def meta(cubes: Sequence[Cube]) -> Json:
    """The body that lists every member."""
    return {
        "cubes": [
            {
                "name": cube.name,
                "type": "cube",
                "title": cube.name,
                "measures": [
                    {"name": f"{cube.name}.{name}", "type": "number", "aggType": measure.kind}
                    for name, measure in cube.measures.items()
                ],
                "dimensions": [
                    {"name": f"{cube.name}.{name}", "type": "time" if name == cube.time else "string"}
                    for name in (cube.time, *cube.dimensions)
                ],
                "segments": [],
            }
            for cube in cubes
        ]
    }


def _parse(cubes: Sequence[Cube], given: Json) -> _Query:
    for key in given:
        if key not in _DEFAULTS:
            raise CubeError(f'Invalid query format: "{key}" is not allowed')
    query = {**_DEFAULTS, **given}
    times = query["timeDimensions"]
    granularities = [time["granularity"] for time in times if time.get("granularity") is not None]
    if not query["measures"] and not query["dimensions"] and not granularities:
        wanted = "either measures, dimensions or timeDimensions with granularities"
        raise CubeError(f"Query should contain {wanted} in order to be valid")
    if len(times) > 1 or any(granularity != "day" for granularity in granularities):
        raise CubeError("Invalid query format: only one time dimension by day is simulated")
    members = [*query["measures"], *query["dimensions"], *(time["dimension"] for time in times)]
    cube = _cube(cubes, [*members, *map(_member, query["filters"])])
    if query["limit"] > _MOST:
        raise CubeError("Error: The query limit has been exceeded.")
    if query["timezone"] != "UTC":
        raise CubeError(f"Error: Unknown timezone: {query['timezone']}")
    measures = [_short(name) for name in query["measures"]]
    keys = [cube.time] * len(granularities) + [_short(name) for name in query["dimensions"]]
    start, end = _range(times[0]["dateRange"]) if times and "dateRange" in times[0] else (date.min, date.max)
    order = {_short(name): direction for name, direction in dict(query["order"]).items()}
    return _Query(
        cube=cube,
        measures=measures,
        keys=keys,
        start=start,
        end=end,
        filters=[(_short(_member(one)), one["operator"], one.get("values") or ()) for one in query["filters"]],
        # An order by a member outside the query is no error and has no effect.
        order={name: direction for name, direction in order.items() if name in (*keys, *measures)},
        limit=query["limit"],
        offset=query["offset"],
    )


def _answer(asked: _Query) -> list[dict[str, Value]]:
    groups: dict[tuple[str | None, ...], list[Row]] = {} if asked.keys else {(): []}
    for row in asked.cube.rows(asked.start, asked.end):
        if all(_passes(asked.cube, row, *one) for one in asked.filters):
            groups.setdefault(tuple(_trait(asked.cube, row, name) for name in asked.keys), []).append(row)
    made: list[dict[str, Value]] = [
        {
            **dict(zip(asked.keys, key, strict=True)),
            **{name: asked.cube.measures[name].of(rows) for name in asked.measures},
        }
        for key, rows in groups.items()
    ]
    for name, direction in reversed(list(asked.order.items())):
        made.sort(key=_sort_key(name), reverse=direction == "desc")
    return made


def _sort_key(name: str) -> Callable[[Mapping[str, Value]], Any]:
    return lambda row: (row[name] is not None, row[name])


def _passes(cube: Cube, row: Row, name: str, operator: str, values: Sequence[str]) -> bool:
    value = _trait(cube, row, name)
    match operator:
        case "equals":
            return value in values
        case "notEquals":
            return value not in values
        case "set":
            return value is not None
        case "notSet":
            return value is None
        case "inDateRange" if name == cube.time:
            return values[0] <= str(value) <= values[-1]
        case _:
            raise CubeError(f"Invalid query format: the operator {operator} is not simulated")


def _trait(cube: Cube, row: Row, name: str) -> str | None:
    return row.day.isoformat() if name == cube.time else row.user if name == "userId" else row.traits[name]


def _shown(asked: _Query, row: Mapping[str, Value], json_numbers: bool) -> Json:
    shown: Json = {}
    for name, value in row.items():
        full = _full(asked, name)
        if name == asked.cube.time:
            shown[f"{full}.day"] = shown[full] = f"{value}T00:00:00.000"
        elif isinstance(value, Decimal) and json_numbers:
            shown[full] = float(value)
        elif isinstance(value, int | Decimal) and not json_numbers:
            shown[full] = str(value)
        else:
            shown[full] = value
    return shown


def _cube(cubes: Sequence[Cube], members: Sequence[str]) -> Cube:
    """The cube to which all members belong."""
    by_name = {cube.name: cube for cube in cubes}
    for member in members:
        name, _, short = member.partition(".")
        if name not in by_name:
            raise CubeError(f"Cube '{name}' not found for path '{member}'")
        cube = by_name[name]
        if short not in (cube.time, *cube.measures, *cube.dimensions):
            raise CubeError(f"'{short}' not found for path '{member}'")
    names = list(dict.fromkeys(member.partition(".")[0] for member in members))
    if len(names) > 1:
        raise CubeError("Can't find join path to join " + ", ".join(f"'{name}'" for name in names))
    return by_name[names[0]]


def _range(given: str | Sequence[str]) -> tuple[date, date]:
    texts = [given] if isinstance(given, str) else given
    try:
        return date.fromisoformat(texts[0]), date.fromisoformat(texts[-1])
    except ValueError:
        raise CubeError(f"Can't parse date: '{given}'") from None


def _normalized(asked: _Query, query: Json) -> Json:
    """The query as Cube repeats it in its response."""
    order = [{"id": _full(asked, name), "desc": direction == "desc"} for name, direction in asked.order.items()]
    times = [
        {**time, "dateRange": [f"{asked.start}T00:00:00.000", f"{asked.end}T23:59:59.999"]}
        if "dateRange" in time
        else time
        for time in query.get("timeDimensions") or ()
    ]
    return {
        "timezone": "UTC",
        "filters": [],
        "dimensions": [],
        **query,
        "timeDimensions": times,
        "order": order,
        "limit": asked.limit,
        "rowLimit": asked.limit,
        "queryType": "regularQuery",
    }


def _full(asked: _Query, name: str) -> str:
    return f"{asked.cube.name}.{name}"


def _short(member: str) -> str:
    return member.partition(".")[2]


def _member(one: Json) -> str:
    return str(one["member"] if "member" in one else one["dimension"])
