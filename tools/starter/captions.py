"""Which pictures the starter model learns, and the words for each.

The pictures come from icon sets whose metadata groups them by category and names them in plain
words ("red-apple"). A caption is that name as words, or one of our own synonyms.
"""

from __future__ import annotations

import random
from pathlib import Path
from typing import Final

_FOLDER: Final = Path(__file__).parent / "words"


def _words(name: str) -> tuple[str, ...]:
    return tuple((_FOLDER / f"{name}.txt").read_text().split())


CATEGORIES: Final = (
    "Animals & Nature",
    "Food & Drink",
    "Smileys & Emotion",
    "Travel & Places",
    "Activities",
    "Objects",
)

EXTRA_NAMES: Final = frozenset(_words("extra"))
"""Pictures of other categories that are wanted."""

_UNWANTED_PARTS: Final = _words("unwanted")
"""Pictures with these in their names are left out: dull, alike, or not for everyone."""

_KEEP: Final = frozenset({"snowman-without-snow", "money-bag", "fog", "noodles"})

FAVOURITES: Final = frozenset(_words("favourites"))
"""What people ask for first; drawn three times as often in training."""

COLOURS: Final[dict[str, float]] = {
    "red": 0.0, "orange": 28.0, "yellow": 50.0, "green": 120.0, "cyan": 180.0, "blue": 215.0,
    "purple": 275.0, "pink": 330.0,
}  # fmt: skip
"""Colour words and their hue in degrees."""

BACKGROUNDS: Final[dict[str, tuple[int, int, int]]] = {
    "red": (214, 84, 84), "orange": (240, 168, 96), "yellow": (248, 224, 130),
    "green": (142, 200, 142), "blue": (128, 176, 232), "purple": (178, 148, 222),
    "pink": (246, 184, 208), "grey": (168, 172, 178), "black": (34, 36, 42),
}  # fmt: skip
"""Words for backgrounds and the colour, 0-255, that they mean; white is never named."""

STYLES: Final = ("3d", "flat")

_SYNONYMS: Final[dict[str, tuple[str, ...]]] = {
    name: tuple(others.split(", "))
    for name, others in (
        line.split(": ") for line in (_FOLDER / "synonyms.txt").read_text().splitlines()
    )
}


def wanted(name: str, category: str) -> bool:
    """Tell whether a picture is learned, by its name in the icon set and its category."""
    if name in EXTRA_NAMES or name in _KEEP:
        return True
    return category in CATEGORIES and not any(part in name for part in _UNWANTED_PARTS)


def captions(name: str) -> tuple[str, ...]:
    """Return the words for a picture, the name itself first."""
    words = name.replace("-", " ")
    return (words, *_SYNONYMS.get(words, ()))


def without_colours(caption: str) -> str:
    """Return a caption without its colour words."""
    return " ".join(word for word in caption.split() if word not in COLOURS)


def is_held_out(name: str, colour: str) -> bool:
    """Tell whether a picture is never shown in a colour, to test later what was not learned."""
    return random.Random(f"{name}/{colour}").random() < 0.08
