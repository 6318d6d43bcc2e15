"""Colors of the dashboards, as people with and without color vision deficiencies see them."""

import colorsys
import json
import math
import re
import warnings
from collections.abc import Iterator, Mapping, Sequence
from itertools import combinations
from pathlib import Path

import pytest

from grafana import colors

with warnings.catch_warnings():
    warnings.simplefilter("ignore", DeprecationWarning)
    from grafana.vendors import VENDORS

FILES = sorted((Path(__file__).parents[2] / "grafana" / "dashboards").glob("*.json"))
GOLDEN = sorted(Path("tests/golden").glob("*.txt"))
# CIE 76: 2.3 is just noticeable, 10 at a glance.
FAR = 25.0

Triple = tuple[float, float, float]
Matrix = tuple[Triple, Triple, Triple]

# On linear sRGB, severity 1: Machado, Oliveira and Fernandes, "A Physiologically-based Model for Simulation of Color
# Vision Deficiency", 2009, table 1.
VISION: Mapping[str, Matrix] = {
    "all cones": ((1, 0, 0), (0, 1, 0), (0, 0, 1)),
    "protanopia": (
        (0.152286, 1.052583, -0.204868),
        (0.114503, 0.786281, 0.099216),
        (-0.003882, -0.048116, 1.051998),
    ),
    "deuteranopia": (
        (0.367322, 0.860646, -0.227968),
        (0.280085, 0.672501, 0.047413),
        (-0.011820, 0.042940, 0.968881),
    ),
}
# Of sRGB with the white of D65: IEC 61966-2-1.
XYZ: Matrix = ((0.4124, 0.3576, 0.1805), (0.2126, 0.7152, 0.0722), (0.0193, 0.1192, 0.9505))
WHITE = (0.9505, 1.0, 1.089)


@pytest.mark.parametrize("vision", VISION)
@pytest.mark.parametrize(
    "together", [colors.PALETTE, (colors.GOOD, colors.LOOK, colors.BAD)], ids=["palette", "verdicts"]
)
def test_colors_that_stand_together_are_far_apart(together: Sequence[str], vision: str) -> None:
    seen = {color: lab(color, VISION[vision]) for color in together}

    near = [(one, other) for one, other in combinations(together, 2) if math.dist(seen[one], seen[other]) < FAR]

    assert near == []


def test_no_color_of_the_palette_is_a_verdict() -> None:
    normal = VISION["all cones"]
    verdicts = (colors.GOOD, colors.LOOK, colors.BAD)

    assert (
        min(math.dist(lab(color, normal), lab(verdict, normal)) for color in colors.PALETTE for verdict in verdicts)
        > FAR
    )


def test_every_vendor_has_a_color_of_the_palette_for_itself() -> None:
    assert {vendor.color for vendor in VENDORS} <= {*colors.PALETTE}
    assert len({vendor.color for vendor in VENDORS}) == len(VENDORS)


@pytest.mark.parametrize("file", GOLDEN, ids=lambda file: file.stem)
def test_no_two_activities_of_a_vendor_look_alike(file: Path) -> None:
    shown = {*re.findall(r'activity="(\w+)"', file.read_text())}
    looks = [{*look.activities} & shown for look in colors.LOOKS]

    assert shown <= {activity for look in colors.LOOKS for activity in look.activities}
    assert [look for look in looks if len(look) > 1] == []


def test_an_activity_has_one_look() -> None:
    names = [activity for look in colors.LOOKS for activity in look.activities]

    assert len(names) == len({*names})


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_thresholds_are_verdicts_or_say_nothing(file: Path) -> None:
    found = {
        step["color"]
        for each in within(json.loads(file.read_text()))
        for step in each.get("steps", ())
        if isinstance(each.get("steps"), list)
    }

    # Of the last two Grafana draws nothing here: they are what its SDK puts where no threshold is said.
    assert found <= {colors.GOOD, colors.LOOK, colors.BAD, colors.BLUE, colors.GREY, "transparent", "green", "red"}


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_every_series_has_a_color_of_the_palette_or_one_that_its_value_gives(file: Path) -> None:
    """Grafana's own palettes have green, yellow and red for series that are neither good nor bad."""
    modes = {"fixed": [*colors.PALETTE, colors.BAD], "shades": [colors.BLUE], "thresholds": [], "continuous-blues": []}
    for panel in json.loads(file.read_text())["panels"]:
        if panel["type"] == "row":
            continue
        own = panel["fieldConfig"]["defaults"].get("color")
        painted = [
            setting["value"]
            for override in panel["fieldConfig"]["overrides"]
            for setting in override["properties"]
            if setting["id"] == "color"
        ]

        assert own or panel["type"] == "table", panel["title"]
        for color in [*painted, own or {"mode": "thresholds"}]:
            assert color["mode"] in modes, panel["title"]
            assert color.get("fixedColor") in [*modes[color["mode"]], None], panel["title"]


def test_no_shade_of_a_color_is_a_verdict() -> None:
    normal = VISION["all cones"]
    verdicts = (colors.GOOD, colors.LOOK, colors.BAD)

    assert (
        min(
            math.dist(lab(shade, normal), lab(verdict, normal)) for shade in shades(colors.BLUE) for verdict in verdicts
        )
        > FAR
    )


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_a_vendor_has_its_color_wherever_vendors_stand_together(file: Path) -> None:
    own = {vendor.name: vendor.color for vendor in VENDORS}
    for panel in json.loads(file.read_text())["panels"]:
        if panel["type"] != "timeseries" or len(panel["targets"]) < 2:
            continue
        vendors = {
            target["refId"]: found[1]
            for target in panel["targets"]
            if (found := re.search(r'vendor="([a-z-]+)"', target["expr"]))
        }
        if len({*vendors.values()}) < 2:
            continue
        painted = {
            override["matcher"]["options"]: setting["value"]["fixedColor"]
            for override in panel["fieldConfig"]["overrides"]
            for setting in override["properties"]
            if setting["id"] == "color"
        }
        assert painted == {ref: own[vendor] for ref, vendor in vendors.items()}, panel["title"]


def within(tree: object) -> Iterator[Mapping[str, list[dict[str, str]]]]:
    """Every mapping of a tree of JSON."""
    if isinstance(tree, dict):
        yield tree
    for each in tree.values() if isinstance(tree, dict) else tree if isinstance(tree, list) else ():
        yield from within(each)


def shades(color: str) -> Iterator[str]:
    """Those that Grafana makes of a color for the series of a panel: five lighter ones, and five darker ones."""
    parts = [int(color[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    hue, light, strong = colorsys.rgb_to_hls(*parts)
    yield color
    for number in range(1, 6):
        brighter = colorsys.hls_to_rgb((hue + number / 6 * 10 / 360) % 1, light, strong)
        yield written([part + number / 6 * 0.35 for part in brighter])
        yield written(
            colorsys.hls_to_rgb((hue - number / 6 * 10 / 360) % 1, max(0.0, light - number / 6 * 0.35), strong)
        )


def written(parts: Sequence[float]) -> str:
    return "#" + "".join(f"{round(255 * min(1.0, max(0.0, part))):02x}" for part in parts)


def lab(color: str, vision: Matrix) -> Triple:
    """A color as it is seen, in CIE L*a*b*."""
    red, green, blue = (linear(int(color[at : at + 2], 16) / 255) for at in (1, 3, 5))
    seen = [min(1.0, max(0.0, part)) for part in product(vision, (red, green, blue))]
    x, y, z = (
        curved(part / white) for part, white in zip(product(XYZ, (seen[0], seen[1], seen[2])), WHITE, strict=True)
    )
    return 116 * y - 16, 500 * (x - y), 200 * (y - z)


def product(matrix: Matrix, vector: Triple) -> Triple:
    one, two, three = (sum(a * b for a, b in zip(row, vector, strict=True)) for row in matrix)
    return one, two, three


def linear(part: float) -> float:
    return part / 12.92 if part <= 0.04045 else float(((part + 0.055) / 1.055) ** 2.4)


def curved(part: float) -> float:
    return float(part ** (1 / 3)) if part > 0.008856 else 7.787 * part + 16 / 116
