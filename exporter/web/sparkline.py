"""A scope's history as SVG paths: a bar for each day and a tick for its baseline. Pure."""

from dataclasses import dataclass

from exporter.publish.status import History

HEIGHT = 40
_STEP = 4
_BAR = 3
# A day without people is a flat dash; an unknown day is empty.
_GROUND = 0.6


@dataclass(frozen=True)
class Sparkline:
    """Values of `d` for the days before the data day, the data day and the baseline; `label` is for screen readers."""

    width: int
    days: str
    last: str
    usual: str
    label: str


def sparkline(history: History) -> Sparkline | None:
    """The picture of a history; None if no day of it is known."""
    known = [number for number in history.people if number is not None]
    if not known:
        return None
    usual = [number for number in history.baseline if number is not None]
    top = max(1.0, *known, *usual)
    bars = [_bar(index, number, top) for index, number in enumerate(history.people)]
    days = len(history.people)
    return Sparkline(
        width=days * _STEP,
        days="".join(bars[:-1]),
        last=bars[-1],
        usual="".join(_tick(index, number, top) for index, number in enumerate(history.baseline)),
        label=f"People on each of {days} days up to {history.last_day}: from {min(known)} to {max(known)}",
    )


def _bar(index: int, number: int | None, top: float) -> str:
    if number is None:
        return ""
    height = max(_GROUND, _scaled(number, top))
    return f"M{index * _STEP} {HEIGHT}v-{height:g}h{_BAR}v{height:g}z"


def _tick(index: int, number: float | None, top: float) -> str:
    return "" if number is None else f"M{index * _STEP} {HEIGHT - _scaled(number, top):g}h{_BAR}"


def _scaled(number: float, top: float) -> float:
    """A height that leaves space for the line width above."""
    return round(number / top * (HEIGHT - 2), 1)
