"""Design tokens: the colours and sizes that the whole window is built from. No Qt."""

from dataclasses import dataclass, fields


@dataclass(frozen=True, kw_only=True, slots=True)
class Tokens:
    """One palette. Colours are `#rrggbb`; everything near a photo is neutral grey."""

    name: str
    """`dark` or `light`."""
    surround: str
    """Around photos: neutral, 18 to 25 % lightness in the dark theme (product.md, section 5)."""
    window: str
    """Bars and panels."""
    raised: str
    """Fields, buttons and tiles."""
    hover: str
    """A raised thing under the pointer, or pressed."""
    line: str
    """Hairlines between regions; decoration only."""
    text: str
    """Ordinary text; at least 7:1 on `window` and `surround`."""
    quiet: str
    """Secondary text; at least 4.5:1 on `window`, `raised` and `surround`."""
    accent: str
    """Focus, the frame of the photo that a key acts on, links; at least 3:1 on `surround`."""
    on_accent: str
    """Text on `accent`."""
    selected: str
    """Tiles of the selection."""
    pick: str
    """The pick mark."""
    reject: str
    """The reject mark."""
    star: str
    """Filled stars."""
    warn: str
    """Problem marks."""
    red: str
    yellow: str
    green: str
    blue: str
    purple: str


DARK = Tokens(
    name="dark", surround="#303030", window="#262626", raised="#363636", hover="#434343",
    line="#1b1b1b", text="#eeeeee", quiet="#b9b9b9", accent="#8fbbe8", on_accent="#15202b",
    selected="#454545", pick="#8fd19e", reject="#f2938c", star="#e9c46a", warn="#f0b35c",
    red="#f0827a", yellow="#ecc94b", green="#7fcf8f", blue="#82b1f0", purple="#c79bea",
)  # fmt: skip
LIGHT = Tokens(
    name="light", surround="#d6d6d6", window="#f1f1f1", raised="#ffffff", hover="#e3e3e3",
    line="#c2c2c2", text="#1d1d1d", quiet="#484848", accent="#1f5f99", on_accent="#ffffff",
    selected="#bdbdbd", pick="#14632c", reject="#9d1f17", star="#6f5200", warn="#7d4700",
    red="#9d1f17", yellow="#6f5200", green="#14632c", blue="#174f92", purple="#652a94",
)  # fmt: skip
PALETTES = {"dark": DARK, "light": LIGHT}

PEAKING = "#ff2bd6"
"""Painted over what is in focus, in both themes: it lies on photos. Rare in nature, and at least
3:1 against black and against white."""
SPACE = 8
"""The unit of all distances, in device-independent pixels."""
RADIUS = 5
"""Corner radius of buttons and tiles."""


def contrast(first: str, second: str) -> float:
    """Contrast ratio of two `#rrggbb` colours, 1 to 21 (WCAG 2.2, relative luminance)."""
    lighter, darker = sorted((_luminance(first), _luminance(second)), reverse=True)
    return (lighter + 0.05) / (darker + 0.05)


def colour_names() -> list[str]:
    """Names of the fields of `Tokens` that are colours."""
    return [field.name for field in fields(Tokens) if field.name != "name"]


def _luminance(colour: str) -> float:
    """Relative luminance of `#rrggbb`, 0 to 1 (WCAG 2.2)."""
    channels = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    red, green, blue = (
        value / 12.92 if value <= 0.04045 else ((value + 0.055) / 1.055) ** 2.4
        for value in channels
    )
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue
