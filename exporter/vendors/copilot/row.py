"""Reads a row of users-1-day: what one account did on one day. Pure."""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import NamedTuple

from exporter.errors import BadPayload
from exporter.model import Amount
from exporter.transport.json_object import JsonObject
from exporter.vendors.copilot import words
from exporter.vendors.rollup import UNKNOWN

# What the top of a row has beyond its clients.
UNATTRIBUTED = "unattributed"

# The amounts that are told by client and by model, and those by language, which have no messages.
PLACED: Mapping[Amount, str] = {
    words.MESSAGES: words.INTERACTIONS,
    words.CODE_GENERATIONS: words.GENERATIONS,
    words.CODE_ACCEPTANCES: words.ACCEPTANCES,
}
SPOKEN = (words.COMPLETIONS_SUGGESTED, words.COMPLETIONS_ACCEPTED, words.CODE_GENERATIONS, words.CODE_ACCEPTANCES)

Counts = Mapping[str, int | None]


class Part(NamedTuple):
    """What was done in one client, language or model: the amounts of PLACED or SPOKEN in their order."""

    name: str
    amounts: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Row:
    """What one account did on one day; `user_id` is "" where the row has none.

    `counts` has the amounts of `words.COUNTED`, None where the row does not tell one; `flags` has what it says of
    activities without a count. `clients` add up to the row as a whole, unless they have more (`overfull`).
    """

    user_id: str
    login: str
    active: bool
    counts: Mapping[Amount, int | None]
    credits: Decimal | None
    flags: Mapping[Amount, bool | None]
    clients: Collection[Part]
    languages: Collection[Part]
    models: Collection[Part]
    overfull: bool


def parse_row(row: JsonObject, day: date) -> Row:
    """A row of a day. Raises BadPayload for a value that cannot be right, or a row of another day."""
    check_day(row, day)
    top = _counts(row)
    flags = dict(_flags(row))
    surfaces = {key: row.json_object(key) for key in (words.CLI, words.APP, words.AGENTS_WINDOW) if row.given(key)}
    features = _features(row) if row.given("totals_by_feature") else None
    jobs = _jobs(row) if row.given(words.THIRD_PARTY) else None
    credits_used = row.decimal(words.CREDITS) if row.given(words.CREDITS) else None
    works = any(top.values())
    reduced = not works and not flags and not any(row.fields[key] for key in row.fields if key.startswith("totals_by_"))
    if reduced:
        top = {key: 0 if count is None else count for key, count in top.items()}
    used = {one: _is_used(one, flags, surfaces, features) for one in words.SURFACES}
    clients = [*_editors(row), *(_surface(one, features) for one, is_used in used.items() if is_used)]
    rest = _rest(top, clients)
    return Row(
        user_id=identifier(row, "user_id"),
        login=row.text("user_login").strip() if row.given("user_login") else "",
        active=reduced
        or works
        or any(used.values())
        or any(flag for name, flag in flags.items() if name != words.PASSIVE)
        or bool(jobs)
        or (credits_used is not None and credits_used > 0 and not flags.get(words.PASSIVE, False)),
        counts={
            **{amount: top[counter] for amount, counter in words.OF_ROW.items()},
            **{amount: _of_features(features, *of, works=works) for amount, of in words.OF_FEATURES.items()},
            **{amount: _of_surface(surfaces, of) for amount, of in words.OF_SURFACES.items()},
            words.JOBS: jobs,
            **{amount: _tokens(surfaces, field) for amount, field in words.OF_TOKENS.items()},
        },
        credits=credits_used,
        flags={
            amount: next((flags[name] for name in names if name in flags), None)
            for amount, names in words.FLAGS.items()
        },
        clients=[*clients, *_unattributed(rest)],
        languages=list(_languages(row)),
        models=list(_models(row)),
        overfull=any(count < 0 for count in rest),
    )


def check_day(row: JsonObject, day: date) -> None:
    """Raises BadPayload for a row of another day."""
    if row.text("day") != day.isoformat():
        raise BadPayload(f"{row.where}: asked for day {day}, got {row.text('day')[:10]}")


def identifier(obj: JsonObject, key: str) -> str:
    """An id, which comes as a number or as text; "" where there is none."""
    if not obj.given(key):
        return ""
    return obj.text(key).strip() if isinstance(obj.require(key), str) else str(obj.whole(key))


def _objects(row: JsonObject, key: str) -> list[JsonObject]:
    return row.objects(key) if row.given(key) else []


def _counts(entry: JsonObject) -> Counts:
    """The seven counters of a row or of a part of it; None where it lacks one."""
    return {key: entry.whole(key) if entry.given(key) else None for key in words.COUNTERS}


def _flags(row: JsonObject) -> Iterator[tuple[str, bool]]:
    """Every flag that says yes or no, also new ones: null is no signal (2026-11)."""
    for key, value in row.fields.items():
        if key.startswith("used_") and value is not None and (isinstance(value, bool) or key in words.KNOWN_FLAGS):
            yield key, row.flag(key)


def _features(row: JsonObject) -> Mapping[str, list[Counts]]:
    found: dict[str, list[Counts]] = {}
    for entry in row.objects("totals_by_feature"):
        found.setdefault(entry.text("feature"), []).append(_counts(entry))
    return found


def _of_features(
    features: Mapping[str, list[Counts]] | None, counter: str, wanted: Collection[str], *, works: bool
) -> int | None:
    """A counter of some features; None where an entry lacks it, or where a row that counts something has no entries."""
    if features is None:
        return None if works else 0
    return _sum(entry[counter] for name in wanted if name in features for entry in features[name])


def _of_surface(surfaces: Mapping[str, JsonObject], of: words.OfSurface) -> int | None:
    found = surfaces.get(of.surface)
    return found.whole(of.field) if found is not None and found.given(of.field) else None


def _tokens(surfaces: Mapping[str, JsonObject], field: str) -> int | None:
    """The tokens of the CLI and of the app; None where neither tells any."""
    objects = [surfaces[key] for key in (words.CLI, words.APP) if key in surfaces]
    told = [one.json_object("token_usage") for one in objects if one.given("token_usage")]
    counts = [usage.whole(field) for usage in told if usage.given(field)]
    return sum(counts) if counts else None


def _jobs(row: JsonObject) -> int:
    entries = row.objects(words.THIRD_PARTY)
    return sum(entry.whole(words.INTERACTIONS) for entry in entries if entry.given(words.INTERACTIONS))


def _is_used(
    one: words.Surface,
    flags: Mapping[str, bool],
    surfaces: Mapping[str, JsonObject],
    features: Mapping[str, list[Counts]] | None,
) -> bool:
    if flags.get(one.flag, False):
        return True
    counts = (_of_surface(surfaces, of) for of in words.OF_SURFACES.values() if of.surface == one.surface)
    entries = features[one.feature] if features is not None and one.feature in features else []
    return any(counts) or any(any(entry.values()) for entry in entries)


def _surface(one: words.Surface, features: Mapping[str, list[Counts]] | None) -> Part:
    entries = features[one.feature] if features is not None and one.feature in features else []
    return Part(one.client, _added(_placed(entry) for entry in entries))


def _editors(row: JsonObject) -> Iterator[Part]:
    for entry in _objects(row, "totals_by_ide"):
        counts = _counts(entry)
        if any(counts.values()):
            yield Part(_spelt(entry.text("ide")), _placed(counts))


def _languages(row: JsonObject) -> Iterator[Part]:
    """Entries that count something: others/others with zeros stands for activity without a language (2026-11)."""
    for entry in _objects(row, "totals_by_language_feature"):
        counts = _counts(entry)
        if any(counts.values()):
            of_code = _known(counts[words.GENERATIONS], counts[words.ACCEPTANCES])
            completed = of_code if entry.text("feature") == words.COMPLETION else (0, 0)
            yield Part(_spelt(entry.text("language")), (*completed, *of_code))


def _models(row: JsonObject) -> Iterator[Part]:
    for entry in _objects(row, "totals_by_model_feature"):
        counts = _counts(entry)
        if any(counts.values()):
            yield Part(entry.text("model"), _placed(counts))


def _placed(counts: Counts) -> tuple[int, ...]:
    return _known(*(counts[counter] for counter in PLACED.values()))


def _known(*counts: int | None) -> tuple[int, ...]:
    """What a part tells; what it does not tell is left to the rest."""
    return tuple(0 if count is None else count for count in counts)


def _added(parts: Iterable[tuple[int, ...]]) -> tuple[int, ...]:
    return tuple(map(sum, zip((0,) * len(PLACED), *parts, strict=True)))


def _rest(top: Counts, clients: Iterable[Part]) -> tuple[int, ...]:
    """What the row as a whole has beyond its clients; below zero where they have more."""
    placed = _added(client.amounts for client in clients)
    wholes = (top[counter] for counter in PLACED.values())
    return tuple(0 if whole is None else whole - part for whole, part in zip(wholes, placed, strict=True))


def _unattributed(rest: Sequence[int]) -> Iterator[Part]:
    if any(count > 0 for count in rest):
        yield Part(UNATTRIBUTED, tuple(max(count, 0) for count in rest))


def _sum(counts: Iterable[int | None]) -> int | None:
    total = 0
    for count in counts:
        if count is None:
            return None
        total += count
    return total


def _spelt(name: str) -> str:
    """GitHub's own spelling; it writes both unknown and Unknown (2026-11)."""
    return UNKNOWN if name.strip().lower() in ("", UNKNOWN) else name
