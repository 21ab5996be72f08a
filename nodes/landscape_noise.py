"""Noise, gradients and brush marks for the landscape painter.

A ``field`` is ``(height, width)`` float32. Noise is laid out in cells across the picture, so
that it looks the same at every size.
"""

from __future__ import annotations

import numpy as np
from PIL import Image

from .landscape_scene import Color

Field = np.ndarray
"""``(height, width)`` float32."""


def smoothstep(low: float, high: float, values: np.ndarray) -> np.ndarray:
    """Rise smoothly from 0 at ``low`` to 1 at ``high``; the two may be in either order."""
    t = np.clip((values - low) / (high - low), 0, 1)
    return t * t * (3 - 2 * t)


def gradient(stops: tuple[Color, ...], position: np.ndarray) -> np.ndarray:
    """Return colours along evenly spaced stops, mixed as light mixes.

    Args:
        stops: At least two colours.
        position: ``(n,)``, 0 at the first stop and 1 at the last.

    Returns:
        ``(n, 3)`` float32.
    """
    light = np.array(stops, np.float32) ** 2.2
    places = np.linspace(0, 1, len(stops))
    mixed = np.stack([np.interp(position, places, light[:, i]) for i in range(3)], axis=-1)
    return (mixed ** (1 / 2.2)).astype(np.float32)


def fractal_field(
    rng: np.random.Generator,
    width: int,
    height: int,
    cells_x: float,
    cells_y: float,
    octaves: int,
) -> Field:
    """Return smooth noise of about -1..1, each octave twice as fine and half as strong."""
    total = np.zeros((height, width), np.float32)
    strength = 1.0
    for octave in range(octaves):
        columns = max(2, round(cells_x * 2**octave)) + 3
        rows = max(2, round(cells_y * 2**octave)) + 3
        grid = rng.uniform(-1, 1, (rows, columns)).astype(np.float32)
        if columns > 2 * width or rows > 2 * height:
            break
        layer = Image.fromarray(grid).resize((width, height), Image.Resampling.BICUBIC)
        total += strength * np.asarray(layer, dtype=np.float32)
        strength *= 0.5
    return total / 1.15


def fractal_line(
    rng: np.random.Generator, width: int, cells: float, octaves: int, roughness: float = 0.5
) -> np.ndarray:
    """Return ``(width,)`` smooth noise of about -1..1."""
    total = np.zeros(width, np.float32)
    strength = 1.0
    for octave in range(octaves):
        total += strength * _smooth_line(rng, width, cells * 2**octave)
        strength *= roughness
    return total


def ridged_line(rng: np.random.Generator, width: int, cells: float, octaves: int) -> np.ndarray:
    """Return ``(width,)`` noise with sharp peaks, about -1..1."""
    total = np.zeros(width, np.float32)
    strength = 1.0
    for octave in range(octaves):
        crest = 1 - 2 * np.abs(_smooth_line(rng, width, cells * 2**octave))
        total += strength * crest
        strength *= 0.48
    return total / 1.6


def _smooth_line(rng: np.random.Generator, width: int, cells: float) -> np.ndarray:
    """Return one octave: random values joined by curves without corners."""
    knots = rng.uniform(-1, 1, int(np.ceil(cells)) + 4).astype(np.float32)
    position = np.linspace(0, cells, width, dtype=np.float32) + float(rng.uniform(0, 1))
    index = position.astype(np.int32)
    t = position - index
    # Catmull-Rom splines pass through the knots with equal slopes on both sides.
    a, b, c, d = (knots[np.clip(index + k, 0, len(knots) - 1)] for k in range(4))
    return 0.5 * (
        2 * b + (c - a) * t + (2 * a - 5 * b + 4 * c - d) * t**2 + (3 * b - a - 3 * c + d) * t**3
    )


def follow_line(field: Field, line: np.ndarray, height: int) -> Field:
    """Slide each column of a field down to where a line begins, so that it follows the line."""
    rows = np.arange(height)[:, None] - (line * height).astype(np.int32)[None, :]
    return np.take_along_axis(field, rows % height, axis=0)


def smear(field: Field, angle: Field, steps: int) -> Field:
    """Drag a field along a direction field (line integral convolution).

    Source: Cabral and Leedom 1993, "Imaging Vector Fields Using Line Integral Convolution".

    Args:
        field: What to drag.
        angle: Direction at each pixel, in radians from the horizontal.
        steps: How far, in pixels to each side.
    """
    height, width = field.shape
    across, down = np.cos(angle), np.sin(angle)
    total = field.copy()
    for sign in (1.0, -1.0):
        x = np.broadcast_to(np.arange(width, dtype=np.float32)[None, :], field.shape).copy()
        y = np.broadcast_to(np.arange(height, dtype=np.float32)[:, None], field.shape).copy()
        for _ in range(steps):
            column, row = x.astype(np.int32) % width, y.astype(np.int32) % height
            x += sign * across[row, column]
            y += sign * down[row, column]
            total += field[y.astype(np.int32) % height, x.astype(np.int32) % width]
    return total / (2 * steps + 1)
