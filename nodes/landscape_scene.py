"""From words to the plan of a landscape: palette, features, and where things stand.

Nothing is painted here. A :class:`Scene` holds all decisions, so that the same words and the
same seed always make the same picture, at every size of the same shape.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace

import numpy as np

Color = tuple[float, float, float]
"""Red, green and blue from 0 to 1, as the screen shows them."""


def color(code: str) -> Color:
    """Read ``rrggbb``."""
    red, green, blue = (int(code[i : i + 2], 16) / 255 for i in (0, 2, 4))
    return red, green, blue


def mix(first: Color, second: Color, share: float) -> Color:
    """Return ``share`` of the second colour and the rest of the first."""
    red, green, blue = (a + (b - a) * share for a, b in zip(first, second, strict=True))
    return red, green, blue


@dataclass(frozen=True, slots=True)
class Palette:
    """The colours of a mood.

    Attributes:
        sky: From the top down to the horizon.
        light: Colour of the sun or moon.
        glow: Colour of the air around it.
        far: Colour of the farthest hills.
        near: Colour of the nearest hills.
        mist: Colour of the air between hills.
        stars: Share of the sky's stars that can be seen, 0..1.
        sun_height: Usual height of the sun above the horizon, in picture heights.
        is_moon: Whether the light in the sky is the moon.
    """

    sky: tuple[Color, ...]
    light: Color
    glow: Color
    far: Color
    near: Color
    mist: Color
    stars: float = 0.0
    sun_height: float = 0.12
    is_moon: bool = False


def _palette(sky: str, light: str, glow: str, far: str, near: str, mist: str) -> Palette:
    stops = tuple(color(code) for code in sky.split())
    return Palette(stops, color(light), color(glow), color(far), color(near), color(mist))


PALETTES: dict[str, Palette] = {
    "dusk": replace(
        _palette(
            "2b2c55 4a4376 7e6590 c38b92 f2b48c", "ffe3a6", "ffb27a", "9c86ae", "271f45", "c9a3b0"
        ),
        stars=0.35,
        sun_height=0.13,
    ),
    "dawn": replace(
        _palette(
            "7fa3c7 a9bfd6 d9ccd6 f4d3c3 fde6c8", "fff4d6", "ffd9a8", "b6b4cc", "3f4f6e", "f0dcd6"
        ),
        sun_height=0.07,
    ),
    "noon": replace(
        _palette(
            "3f82c4 6aa5d8 9cc7e6 c9e2ef e8f2f2", "fffbe8", "fff3c9", "a9c3d4", "2d5560", "dfecf0"
        ),
        sun_height=0.28,
    ),
    "night": replace(
        _palette(
            "0a1030 131b45 1f2c5f 33457d 5468a0", "f3f1dc", "9fb2e8", "45578f", "070b1f", "5a6da3"
        ),
        stars=1.0,
        sun_height=0.27,
        is_moon=True,
    ),
    "forest": replace(
        _palette(
            "b9d3cf cfe0d2 e3ead6 f3f0d8 faf3dc", "fffdf0", "fbf0c4", "a9c6b4", "123227", "e6eeda"
        ),
        sun_height=0.2,
    ),
    "desert": replace(
        _palette(
            "e8c9a0 efd3ab f5ddb8 f8e3c4 fbe9cd", "fffaf0", "ffe0ad", "dba87e", "6b2b1f", "f3d3b0"
        ),
        sun_height=0.2,
    ),
}

MOODS = tuple(PALETTES)

_MOOD_WORDS = {
    "dusk": "dusk sunset evening twilight",
    "dawn": "dawn sunrise morning spring",
    "noon": "noon day daylight summer midday",
    "night": "night midnight moonlit nocturne",
    "forest": "forest woods woodland jungle green",
    "desert": "desert dunes sahara canyon sand",
}

_FEATURE_WORDS = {
    "water": "sea lake ocean water harbour harbor bay river fjord coast",
    "mist": "mist misty fog foggy haze hazy",
    "clouds": "cloud clouds cloudy overcast",
    "stars": "star stars starry milky",
    "moon": "moon moonlight moonlit crescent",
    "sun": "sun sunny sunlight",
    "mountains": "mountain mountains peak peaks alps alpine cliffs",
    "trees": "tree trees pine pines fir firs forest woods woodland spruce",
    "birds": "bird birds gulls swallows geese",
    "lights": "lantern lanterns lights village town houses lamp lamps windows",
    "snow": "snow snowy winter snowfall",
    "rain": "rain rainy drizzle",
    "aurora": "aurora borealis northern",
}

_COLOR_WORDS = {
    "violet purple lilac lavender mauve": color("8a6bd0"),
    "apricot orange amber tangerine": color("ff9d57"),
    "gold golden yellow": color("ffc84a"),
    "rose pink blush coral": color("ff86a0"),
    "red crimson scarlet": color("d8433c"),
    "teal turquoise cyan": color("35b5b0"),
    "blue azure indigo": color("3f6fe0"),
    "green emerald mint sage": color("57b27a"),
    "grey gray silver pale": color("b5b9c2"),
}

_STRONG_WORDS = {"very", "deep", "thick", "dense", "heavy", "bright", "vivid", "many", "huge"}
_SOFT_WORDS = {"soft", "thin", "light", "low", "muted", "faint", "gentle", "few", "little", "first"}
_NEGATIONS = {"no", "without", "not"}


def vocabulary() -> str:
    """Return the words that steer a landscape, as one sentence for artists."""
    moods = ", ".join(MOODS)
    features = ", ".join(words.split()[0] for words in _FEATURE_WORDS.values())
    colors = ", ".join(words.split()[0] for words in _COLOR_WORDS)
    return (
        f"Moods: {moods}. Things: {features}. Colours: {colors}. "
        'Words such as "deep" or "soft" make the next one stronger or weaker, "no" takes it '
        "away. Other words are welcome and change nothing."
    )


@dataclass(frozen=True, slots=True)
class Scene:
    """Everything a painter needs to know.

    Positions and sizes are in parts of the picture's height or width, 0..1 from the top left.
    Amounts of features run from 0 (not there) to about 1.5.

    Attributes:
        seed: Seed of everything random in the painting.
        layers: Number of hill layers.
        palette: The colours, after colour words.
        horizon: Height of the horizon.
        sun_x: Place of the sun or moon.
        sun_y: Its height.
        sun_radius: Its radius in picture heights.
        features: Amount by feature name.
    """

    seed: int
    layers: int
    palette: Palette
    horizon: float
    sun_x: float
    sun_y: float
    sun_radius: float
    features: dict[str, float]

    @property
    def hills_behind(self) -> int:
        """Number of hill layers behind the water; all of them without water."""
        if self.amount("water") == 0:
            return self.layers
        return max(1, round(self.layers * 0.65))

    @property
    def shore(self) -> float:
        """Height of the far edge of the water."""
        return min(self.horizon + 0.15, 0.8)

    @property
    def has_light(self) -> bool:
        """Whether the sun or the moon is in the sky."""
        return self.amount("sun") > 0 or self.amount("moon") > 0

    def amount(self, feature: str) -> float:
        """Return how much of a feature there is; 0 for none."""
        return self.features.get(feature, 0.0)


def plan_scene(words: str, mood: str, seed: int, layers: int) -> Scene:
    """Decide what a landscape looks like.

    Args:
        words: What the artist has written; see :func:`vocabulary`.
        mood: One of :data:`MOODS`, or anything else to let the words choose.
        seed: 0 to 2**64 - 1.
        layers: Number of hill layers, at least 1.
    """
    amounts = _read_words(words)
    rng = np.random.default_rng([seed, 1])
    chosen = mood if mood in PALETTES else _mood_of(words, rng)
    palette = _tinted(PALETTES[chosen], words)
    features = _features(amounts, chosen, palette)
    if features["moon"] > 0:
        moonlight = mix(palette.light, color("f3f1dc"), 0.7)
        palette = replace(palette, is_moon=True, light=moonlight)
    horizon = float(rng.uniform(0.44, 0.52)) + (0.03 if features["water"] > 0 else 0.0)
    height = palette.sun_height * float(rng.uniform(0.75, 1.25))
    side = float(rng.choice([-1.0, 1.0]))
    return Scene(
        seed=seed,
        layers=max(1, layers),
        palette=palette,
        horizon=horizon,
        sun_x=0.5 + side * float(rng.uniform(0.04, 0.2)),
        sun_y=horizon - height,
        sun_radius=float(rng.uniform(0.043, 0.062)) * (0.8 if palette.is_moon else 1.0),
        features=features,
    )


def _tokens(words: str) -> list[str]:
    return re.findall(r"[a-z]+", words.lower())


def _mood_of(words: str, rng: np.random.Generator) -> str:
    for token in _tokens(words):
        for mood, names in _MOOD_WORDS.items():
            if token in names.split():
                return mood
    return str(rng.choice(MOODS))


def _read_words(words: str) -> dict[str, float]:
    """Return an amount for each feature that is named; negated ones are 0."""
    amounts: dict[str, float] = {}
    tokens = _tokens(words)
    for index, token in enumerate(tokens):
        before = tokens[max(index - 2, 0) : index]
        strength = 1.0
        if any(word in _STRONG_WORDS for word in before):
            strength = 1.5
        elif any(word in _SOFT_WORDS for word in before):
            strength = 0.6
        if any(word in _NEGATIONS for word in before):
            strength = 0.0
        for feature, names in _FEATURE_WORDS.items():
            if token in names.split():
                amounts[feature] = strength
    return amounts


def _features(amounts: dict[str, float], mood: str, palette: Palette) -> dict[str, float]:
    """Add what a mood brings along to what the words have asked for."""
    usual = dict.fromkeys(_FEATURE_WORDS, 0.0)
    usual |= {"mist": 0.55, "sun": 1.0, "stars": palette.stars, "clouds": 0.35}
    if palette.is_moon:
        usual |= {"moon": 1.0, "sun": 0.0}
    if mood == "forest":
        usual["trees"] = 1.0
    if mood == "desert":
        usual |= {"clouds": 0.15, "mist": 0.35}
    chosen = usual | amounts
    if "sun" in amounts and amounts["sun"] > 0 and "moon" not in amounts:
        chosen["moon"] = 0.0
    return chosen


def _tinted(palette: Palette, words: str) -> Palette:
    """Lean the palette towards the colours that are named, the first one most."""
    tokens = set(_tokens(words))
    share = 0.34
    for names, tint in _COLOR_WORDS.items():
        if not tokens & set(names.split()):
            continue
        warm = tint[0] > tint[2]
        # Warm colours light the horizon, cool ones fill the upper sky and the hills.
        count = len(palette.sky) - 1
        sky = tuple(
            mix(stop, tint, share * (i / count if warm else 1 - i / count))
            for i, stop in enumerate(palette.sky)
        )
        palette = replace(
            palette,
            sky=sky,
            glow=mix(palette.glow, tint, share if warm else 0.0),
            far=mix(palette.far, tint, share * 0.6),
            near=mix(palette.near, tint, share * 0.15),
            mist=mix(palette.mist, tint, share * 0.45),
        )
        share *= 0.8
    return palette
