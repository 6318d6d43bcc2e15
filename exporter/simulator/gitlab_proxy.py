"""How GitLab changes Cube's responses: statuses of its own, and days filled with zeros."""

import re
from datetime import date, timedelta

from exporter.simulator.cube import Json

_NO_DATABASE = re.compile(r"Error: Code: (81|60)\..*(UNKNOWN_DATABASE|UNKNOWN_TABLE)")


def as_gitlab(body: Json, *, wait_is_400: bool = False) -> tuple[int, Json]:
    """GitLab's status and body for a body of Cube, whose HTTP status GitLab ignores."""
    error = body.get("error")
    if not error:
        return 200, body
    if _NO_DATABASE.search(error):
        return 404, {"message": "404 Clickhouse Database Not Found"}
    if error == "Continue wait" and not wait_is_400:
        return 200, body
    return 400, {"message": error}


def with_zeros(body: Json, query: Json) -> Json:
    """GitLab's filling of days: after the limit, unordered, without dimensions, averages too, for inDateRange alone."""
    for one in query.get("filters") or ():
        if one.get("operator") != "inDateRange":
            continue
        key = f"{one['member']}.day"
        first, last = (date.fromisoformat(value) for value in one["values"])
        for result in body["results"]:
            rows = result["data"]
            if not rows or key not in rows[0]:
                continue
            there = {row[key] for row in rows}
            for back in range((last - first).days + 1):
                moment = f"{first + timedelta(days=back)}T00:00:00.000"
                if moment not in there:
                    rows.append({key: moment, one["member"]: moment, **dict.fromkeys(query["measures"], "0")})
    return body
