"""Paint a planned landscape, layer by layer from back to front.

All arrays are float32. ``canvas`` is ``(height, width, 3)`` in screen values 0..1; a ``field``
is ``(height, width)``. Everything random comes from the scene's seed, and noise is laid out in
parts of the picture, so a larger picture of the same shape shows the same landscape.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial

import numpy as np
from PIL import Image, ImageDraw

from .landscape_noise import (
    Field,
    follow_line,
    fractal_field,
    fractal_line,
    gradient,
    ridged_line,
    smear,
    smoothstep,
)
from .landscape_scene import Color, Scene, mix


@dataclass(frozen=True, slots=True)
class Stage:
    """The painting after one more layer.

    Attributes:
        name: What was painted, in a word or two.
        canvas: The painting so far; the painter goes on using it, so copy what you keep.
    """

    name: str
    canvas: np.ndarray


class LandscapePainter:
    """Paints one scene.

    Attributes:
        sky_mask: ``(height, width)``, 1 where only sky can be seen; complete when all stages
            are painted.
    """

    def __init__(self, scene: Scene, width: int, height: int) -> None:
        self.scene = scene
        self.width = width
        self.height = height
        self.sky_mask: Field = np.ones((height, width), np.float32)
        self._canvas = np.zeros((height, width, 3), np.float32)
        self._y = (np.arange(height, dtype=np.float32)[:, None] + 0.5) / height
        self._x = (np.arange(width, dtype=np.float32)[None, :] + 0.5) / width
        self._aspect = width / height

    def stages(self) -> list[tuple[str, Callable[[], None]]]:
        """Return what will be painted, in order, as a name and the work itself."""
        scene = self.scene
        plan: list[tuple[str, Callable[[], None]]] = [("sky", self._paint_sky)]
        if scene.amount("stars") > 0:
            plan.append(("stars", self._paint_stars))
        if scene.amount("aurora") > 0:
            plan.append(("aurora", self._paint_aurora))
        if scene.has_light:
            plan.append(("light", self._paint_light))
        if scene.amount("clouds") > 0:
            plan.append(("clouds", self._paint_clouds))
        if scene.amount("mountains") > 0:
            plan.append(("mountains", self._paint_mountains))
        for index in range(scene.layers):
            if index == scene.hills_behind:
                plan.append(("water", self._paint_water))
            plan.append((f"hills {index + 1}", partial(self._paint_hill, index)))
        if scene.amount("water") > 0 and scene.hills_behind == scene.layers:
            plan.append(("water", self._paint_water))
        for feature, work in (
            ("birds", self._paint_birds),
            ("snow", self._paint_snow),
            ("rain", self._paint_rain),
        ):
            if scene.amount(feature) > 0:
                plan.append((feature, work))
        plan.append(("brush", self._brush))
        plan.append(("finish", self._finish))
        return plan

    def paint(self) -> Iterator[Stage]:
        """Paint stage by stage."""
        for name, work in self.stages():
            work()
            yield Stage(name, self._canvas)

    def _rng(self, *key: int) -> np.random.Generator:
        return np.random.default_rng([self.scene.seed, 2, *key])

    def _noise(
        self, rng: np.random.Generator, cells_x: float, cells_y: float, octaves: int = 4
    ) -> Field:
        return fractal_field(rng, self.width, self.height, cells_x * self._aspect, cells_y, octaves)

    def _paint_sky(self) -> None:
        scene = self.scene
        fall = np.clip(self._y[:, 0] / (scene.horizon + 0.06), 0, 1)
        self._canvas[:] = gradient(scene.palette.sky, fall)[:, None, :]
        wash = self._noise(self._rng(0), 2.0, 3.0, 5)
        self._canvas += 0.035 * wash[..., None]

    def _paint_stars(self) -> None:
        scene = self.scene
        rng = self._rng(1)
        count = int(420 * scene.amount("stars") * self._aspect)
        glow = np.zeros((self.height, self.width), np.float32)
        # Few bright and many faint ones; thinner towards the light of the horizon.
        brightness = rng.random(count) ** 5 * 0.85 + 0.15
        xs, ys = rng.random(count), rng.random(count) ** 1.3 * scene.horizon
        for x, y, bright in zip(xs, ys, brightness, strict=True):
            fade = 1.0 - (y / scene.horizon) ** 1.5
            self._dot(glow, x, y, 0.0007 + 0.0011 * bright, float(bright * fade))
        star = np.array(mix(scene.palette.light, (1.0, 1.0, 1.0), 0.6), np.float32)
        self._canvas += glow[..., None] * star * (0.55 + 0.45 * min(scene.amount("stars"), 1.0))

    def _dot(self, field: Field, x: float, y: float, radius: float, strength: float) -> None:
        """Add a soft dot; ``radius`` in picture heights."""
        spread = max(radius * self.height, 0.55)
        reach = int(np.ceil(spread * 3))
        center_x, center_y = x * self.width, y * self.height
        left, top = int(center_x) - reach, int(center_y) - reach
        x0, x1 = max(left, 0), min(left + 2 * reach + 1, self.width)
        y0, y1 = max(top, 0), min(top + 2 * reach + 1, self.height)
        if x0 >= x1 or y0 >= y1:
            return
        dx = np.arange(x0, x1, dtype=np.float32) + 0.5 - center_x
        dy = np.arange(y0, y1, dtype=np.float32)[:, None] + 0.5 - center_y
        field[y0:y1, x0:x1] += strength * np.exp(-(dx * dx + dy * dy) / (2 * spread * spread))

    def _paint_aurora(self) -> None:
        scene = self.scene
        rng = self._rng(2)
        for band in range(3):
            line = scene.horizon * (0.75 - 0.2 * band) + 0.07 * fractal_line(
                rng, self.width, 2.5 * self._aspect, 3
            )
            rays = 0.6 + 0.4 * fractal_line(rng, self.width, 26 * self._aspect, 3)
            above = (line[None, :] - self._y) / (scene.horizon * 0.6)
            light = np.where(above > 0, np.exp(-above * 2.6), np.exp(above * 9))
            light = (light * rays[None, :]).astype(np.float32)
            tint = gradient(((0.35, 0.95, 0.65), (0.35, 0.55, 0.95), (0.6, 0.3, 0.85)),
                            np.clip(above * 0.9, 0, 1).ravel())  # fmt: skip
            strength = (0.34 - 0.08 * band) * scene.amount("aurora")
            self._canvas += light[..., None] * tint.reshape(*light.shape, 3) * strength

    def _light_distance(self) -> Field:
        scene = self.scene
        across = (self._x - scene.sun_x) * self._aspect
        return np.sqrt(across * across + (self._y - scene.sun_y) ** 2)

    def _paint_light(self) -> None:
        scene = self.scene
        palette = scene.palette
        distance = self._light_distance()
        wide, tight = (0.2, 0.5) if palette.is_moon else (0.42, 0.75)
        blend(self._canvas, palette.glow, wide * np.exp(-((distance / 0.42) ** 2)))
        blend(self._canvas, palette.glow, tight * np.exp(-distance / (scene.sun_radius * 1.9)))
        edge = np.clip((scene.sun_radius - distance) * self.height + 0.5, 0, 1)
        face = np.ones_like(distance)
        if palette.is_moon:
            face += 0.1 * self._noise(self._rng(3), 26, 26, 3)
            if scene.amount("moon") < 1.0:
                # A soft moon is a crescent: a second disc takes the light away.
                shift = (self._x - scene.sun_x - 0.5 * scene.sun_radius) * self._aspect
                shade = np.sqrt(shift * shift + (self._y - scene.sun_y + 0.012) ** 2)
                edge = edge * np.clip((shade - scene.sun_radius) * self.height + 0.5, 0, 1)
        disc = np.array(palette.light, np.float32) * face[..., None]
        self._canvas += (disc - self._canvas) * (edge * 0.97)[..., None]

    def _paint_clouds(self) -> None:
        scene = self.scene
        amount = scene.amount("clouds")
        cover = self._noise(self._rng(4), 2.2, 13.0, 6)
        height = self._y / scene.horizon
        band = np.exp(-(((height - 0.62) / 0.3) ** 2))
        density = smoothstep(0.25 - 0.35 * amount, 0.95, cover + 0.35 * band)
        density = density * np.clip(1.15 - height, 0, 1) * min(0.4 + 0.5 * amount, 0.95)
        distance = self._light_distance()
        density = density * (1 - 0.75 * np.exp(-((distance / (scene.sun_radius * 1.3)) ** 2)))
        near_light = np.exp(-((distance / 0.5) ** 2))
        lit = np.array(mix(scene.palette.glow, scene.palette.light, 0.35), np.float32)
        shade = np.array(mix(scene.palette.sky[1], scene.palette.mist, 0.55), np.float32)
        tone = shade + (lit - shade) * (0.15 + 0.85 * near_light)[..., None]
        self._canvas += (tone - self._canvas) * (density * 0.62)[..., None]

    def _paint_mountains(self) -> None:
        scene = self.scene
        rng = self._rng(5)
        for index, (lift, share) in enumerate(((0.2, 0.12), (0.13, 0.3))):
            base = fractal_line(rng, self.width, 2.2 * self._aspect, 2)
            peaks = ridged_line(rng, self.width, 3.4 * self._aspect, 6)
            line = scene.horizon + 0.05 - lift * (0.45 + 0.4 * peaks + 0.25 * base)
            body = mix(mix(scene.palette.sky[-1], scene.palette.far, 0.55), scene.palette.far,
                       share * 2)  # fmt: skip
            cover = self._below(line)
            tone = self._slope_light(line, body, rng, 0.5)
            depth = np.clip((self._y - line[None, :]) / (lift * 0.95), 0, 1)
            if scene.amount("snow") > 0 or index == 0:
                cap = smoothstep(0.3, 0.02, depth + 0.12 * self._noise(rng, 14, 18, 3))
                white = np.array(mix(scene.palette.light, (1, 1, 1), 0.55), np.float32)
                tone += (white - tone) * (cap * 0.42)[..., None]
            self._cover_with(tone, cover)
            self._add_mist(line, lift * 1.1, cover, 0.85)

    def _hill_line(self, index: int) -> np.ndarray:
        """Return the height of a hill's edge at each column, far hills first."""
        scene = self.scene
        nearness = (index + 0.6) / (scene.layers + 0.1)
        rng = self._rng(6, index)
        behind = scene.hills_behind
        tilt = np.zeros(self.width, np.float32)
        if scene.amount("water") == 0:
            base = scene.horizon + 0.015 + (0.99 - scene.horizon) * nearness**1.25 * 0.88
        elif index < behind:
            base = scene.horizon + 0.01 + (scene.shore - scene.horizon) * index / behind
        else:
            # Near banks leave the water open on one side.
            base = 0.97 + 0.06 * (index - behind)
            side = 1.0 if (index - behind) % 2 == (scene.sun_x > 0.5) else -1.0
            tilt = (side * 0.2 * (self._x[0] - 0.5)).astype(np.float32)
        swing = 0.035 + 0.075 * nearness
        cells = (3.4 - 1.7 * nearness) * self._aspect
        line = fractal_line(rng, self.width, cells, 6, roughness=0.42)
        edge: np.ndarray = base - swing * (line + 0.25) + tilt
        return edge

    def _paint_hill(self, index: int) -> None:
        scene = self.scene
        nearness = (index + 0.6) / (scene.layers + 0.1)
        rng = self._rng(7, index)
        line = self._hill_line(index)
        body = mix(scene.palette.far, scene.palette.near, nearness**1.15)
        if scene.amount("snow") > 0:
            body = mix(body, (0.93, 0.95, 1.0), 0.5 * (1 - 0.6 * nearness))
        cover = self._below(line)
        trees = scene.amount("trees")
        if trees > 0 and nearness > 0.25:
            cover = np.maximum(cover, self._tree_line(line, nearness, trees, rng))
        tone = self._slope_light(line, body, rng, 1.0 - 0.55 * nearness)
        self._cover_with(tone, cover)
        reach = (0.1 + 0.17 * nearness) * (0.7 + 0.3 * scene.amount("mist"))
        self._add_mist(line, reach, cover, (0.9 - 0.62 * nearness) * scene.amount("mist") * 1.25)
        if scene.amount("lights") > 0 and 0.25 < nearness < 0.8:
            self._paint_lights(line, nearness, rng)

    def _slope_light(
        self, line: np.ndarray, body: Color, rng: np.random.Generator, air: float
    ) -> np.ndarray:
        """Return the colour of a hill: folds along its edge, and light from the sun's side."""
        scene = self.scene
        folds = follow_line(self._noise(rng, 5.0, 26.0, 5), line, self.height)
        fine = follow_line(self._noise(rng, 14.0, 60.0, 3), line, self.height)
        near_sun = np.exp(-(((self._x - scene.sun_x) * self._aspect / 0.34) ** 2))
        depth = np.clip((self._y - line[None, :]) / 0.16, 0, 1)
        rim = np.exp(-np.abs(self._y - line[None, :]) * 60) * near_sun
        tone = np.empty((self.height, self.width, 3), np.float32)
        tone[:] = np.array(body, np.float32)
        tone *= (1.0 + 0.075 * folds + 0.03 * fine - 0.1 * depth)[..., None]
        glow = np.array(scene.palette.glow, np.float32)
        tone += (glow - tone) * (0.3 * air * near_sun * (1 - depth) + 0.14 * rim)[..., None]
        return tone

    def _below(self, line: np.ndarray) -> Field:
        """Return 1 below an edge and 0 above, with the edge smoothed over a pixel."""
        slope = np.gradient(line) * self.height
        gap = (self._y - line[None, :]) * self.height / np.sqrt(1 + slope * slope)[None, :]
        cover: Field = np.clip(gap + 0.5, 0, 1).astype(np.float32)
        return cover

    def _cover_with(self, tone: np.ndarray, cover: Field) -> None:
        self._canvas += (tone - self._canvas) * cover[..., None]
        self.sky_mask *= 1 - cover

    def _add_mist(self, line: np.ndarray, reach: float, cover: Field, strength: float) -> None:
        """Let the air grow thicker towards the foot of a hill."""
        depth = np.clip((self._y - line[None, :]) / reach, 0, 1)
        drift = 0.82 + 0.3 * self._noise(self._rng(8, int(reach * 1e6)), 2.0, 7.0, 4)
        veil = smoothstep(0.05, 1.0, depth) * cover * drift * min(strength, 0.97)
        near_sun = np.exp(-(((self._x - self.scene.sun_x) * self._aspect / 0.45) ** 2))
        mist = np.array(self.scene.palette.mist, np.float32)
        glow = np.array(self.scene.palette.glow, np.float32)
        tone = mist + (glow - mist) * (0.3 * near_sun)[..., None]
        self._canvas += (tone - self._canvas) * np.clip(veil, 0, 1)[..., None]

    def _tree_line(
        self, line: np.ndarray, nearness: float, amount: float, rng: np.random.Generator
    ) -> Field:
        """Return the silhouette of conifers that stand on an edge."""
        scale = 2
        sheet = Image.new("L", (self.width * scale, self.height * scale), 0)
        pen = ImageDraw.Draw(sheet)
        size = 0.022 + 0.12 * nearness**1.7
        groups = fractal_line(rng, self.width, 5 * self._aspect, 3)
        count = int(min(190, 20 + 4.5 / size) * amount * self._aspect)
        for x in rng.random(count):
            column = min(int(x * self.width), self.width - 1)
            height = size * float(rng.uniform(0.45, 1.0))
            if groups[column] < -0.25 * amount:
                continue
            foot = (float(line[column]) + 0.008) * self.height * scale
            draw_conifer(pen, x * self.width * scale, foot, height * self.height * scale, rng)
        return _shrink(sheet, self.width, self.height)

    def _paint_lights(self, line: np.ndarray, nearness: float, rng: np.random.Generator) -> None:
        glow = np.zeros((self.height, self.width), np.float32)
        center = float(rng.uniform(0.2, 0.8))
        for _ in range(int(5 * self.scene.amount("lights")) + 1):
            x = float(np.clip(rng.normal(center, 0.07), 0.02, 0.98))
            y = float(line[int(x * self.width)]) + float(rng.uniform(0.012, 0.035))
            self._dot(glow, x, y, 0.0022 + 0.002 * nearness, 0.95)
            self._dot(glow, x, y, 0.012 + 0.01 * nearness, 0.2)
        self._canvas += glow[..., None] * np.array((1.0, 0.78, 0.42), np.float32)

    def _paint_water(self) -> None:
        """Mirror what is above the shore, with waves that grow towards the viewer."""
        scene = self.scene
        rng = self._rng(9)
        shore = scene.shore
        row = int(shore * self.height)
        rows = self.height - row
        if rows < 2:
            return
        nearness = (np.arange(rows, dtype=np.float32) + 0.5) / rows
        waves = fractal_field(rng, self.width, rows, 5 * self._aspect, 46, 4)
        shift = (waves * (1 + 9 * nearness[:, None]) * self.height / 700).astype(np.int32)
        mirrored = np.clip(row - 1 - np.arange(rows)[:, None] + shift, 0, row - 1)
        sway = (waves * (2 + 10 * nearness[:, None]) * self.width / 1400).astype(np.int32)
        columns = np.clip(np.arange(self.width)[None, :] + sway, 0, self.width - 1)
        water = self._canvas[mirrored, columns]
        deep = np.array(mix(scene.palette.near, scene.palette.sky[0], 0.55), np.float32)
        # Steep views look into the water, flat ones mirror the sky.
        into = (0.12 + 0.36 * nearness**1.4)[:, None, None]
        # The mirrored sun stays bright.
        bright = water.mean(axis=-1, keepdims=True) ** 2
        water = water + (deep - water) * into * (1 - 0.7 * bright)
        water *= (1.0 + 0.05 * waves)[..., None]
        width = 0.035 + 0.1 * nearness[:, None]
        path = np.exp(-(((self._x - scene.sun_x) * self._aspect / width) ** 2))
        shine = (0.85 - 0.35 * nearness[:, None]) * float(scene.has_light)
        sparkle = smoothstep(0.18, 0.9, waves) * path * shine
        light = np.array(mix(scene.palette.light, scene.palette.glow, 0.35), np.float32)
        water = water + (light - water) * np.clip(sparkle * 0.9, 0, 1)[..., None]
        soft = np.clip((np.arange(rows, dtype=np.float32) + 0.5) / 2, 0, 1)[:, None, None]
        self._canvas[row:] += (water - self._canvas[row:]) * soft
        self.sky_mask[row:] = 0
        haze = np.exp(-(((self._y - shore) / 0.02) ** 2)) * 0.4 * min(scene.amount("mist"), 1.0)
        blend(self._canvas, scene.palette.mist, np.broadcast_to(haze, self.sky_mask.shape))

    def _paint_birds(self) -> None:
        scene = self.scene
        rng = self._rng(10)
        scale = 3
        sheet = Image.new("L", (self.width * scale, self.height * scale), 0)
        pen = ImageDraw.Draw(sheet)
        center = (0.5 + (0.5 - scene.sun_x) * 0.9, scene.horizon * 0.5)
        unit = self.height * scale
        for _ in range(int(7 * scene.amount("birds")) + 2):
            x = float(rng.normal(center[0], 0.09)) * self.width * scale
            y = float(rng.normal(center[1], 0.045)) * unit
            span = float(rng.uniform(0.006, 0.014)) * unit
            lift = span * float(rng.uniform(0.25, 0.6))
            points = [(x - span, y - lift), (x - span * 0.4, y - lift * 0.9), (x, y),
                      (x + span * 0.45, y - lift), (x + span, y - lift * 0.8)]  # fmt: skip
            pen.line(points, fill=255, width=max(2, round(unit / 700)), joint="curve")
        mask = _shrink(sheet, self.width, self.height)
        blend(self._canvas, mix(scene.palette.near, scene.palette.far, 0.25), mask * 0.85)

    def _paint_snow(self) -> None:
        rng = self._rng(11)
        flakes = np.zeros((self.height, self.width), np.float32)
        for _ in range(int(420 * self.scene.amount("snow") * self._aspect)):
            size = float(rng.random() ** 3) * 0.0026 + 0.0008
            self._dot(flakes, rng.random(), rng.random(), size, float(rng.uniform(0.35, 0.9)))
        blend(self._canvas, (0.97, 0.98, 1.0), np.clip(flakes, 0, 0.92))

    def _paint_rain(self) -> None:
        rng = self._rng(12)
        sheet = Image.new("L", (self.width, self.height), 0)
        pen = ImageDraw.Draw(sheet)
        for _ in range(int(700 * self.scene.amount("rain") * self._aspect)):
            x, y = rng.random() * self.width * 1.1, rng.random() * self.height
            length = float(rng.uniform(0.02, 0.06)) * self.height
            pen.line([(x, y), (x - length * 0.18, y + length)], fill=int(rng.uniform(40, 120)))
        streaks = np.asarray(sheet, np.float32) / 255
        blend(self._canvas, mix(self.scene.palette.mist, (1, 1, 1), 0.4), streaks * 0.6)

    def _brush(self) -> None:
        """Lay the marks of a flat brush over the painting."""
        rng = self._rng(13)
        bend = self._noise(rng, 2.0, 2.0, 2)
        bristles = self._noise(rng, 130.0, 130.0, 1)
        strokes = smear(bristles, 0.7 * bend, max(6, round(self.height / 56)))
        spread = float(strokes.std()) or 1.0
        self._canvas *= (1.0 + 0.013 * np.clip(strokes / spread, -2.5, 2.5))[..., None]

    def _finish(self) -> None:
        """Darken the corners a little, add paper grain, and cut to 0..1."""
        corner = ((self._x - 0.5) * 1.1) ** 2 + ((self._y - 0.5) * 1.1) ** 2
        self._canvas *= (1.0 - 0.16 * smoothstep(0.2, 0.75, corner))[..., None]
        grain = self._rng(14).normal(0, 0.011, (self.height, self.width)).astype(np.float32)
        self._canvas += grain[..., None]
        np.clip(self._canvas, 0, 1, out=self._canvas)


def draw_conifer(
    pen: ImageDraw.ImageDraw, x: float, foot: float, height: float, rng: np.random.Generator
) -> None:
    """Draw a fir with uneven branches; ``x`` and ``foot`` are pixels of its lower middle."""
    tiers = int(rng.integers(5, 8))
    half = height * float(rng.uniform(0.2, 0.28))
    pen.line([(x, foot), (x, foot - height)], fill=255, width=max(1, round(height * 0.035)))
    for tier in range(tiers):
        low = foot - height * (0.08 + 0.84 * tier / tiers)
        high = foot - height * min(1.0, 0.08 + 0.84 * (tier + 1.75) / tiers)
        wide = half * (1 - 0.82 * tier / tiers)
        left, right = (wide * float(rng.uniform(0.8, 1.15)) for _ in range(2))
        pen.polygon(
            [(x - left, low), (x - left * 0.3, low - height * 0.025), (x, high),
             (x + right * 0.3, low - height * 0.025), (x + right, low)],
            fill=255,
        )  # fmt: skip


def _shrink(sheet: Image.Image, width: int, height: int) -> Field:
    small = sheet.resize((width, height), Image.Resampling.BOX)
    return np.asarray(small, dtype=np.float32) / 255


def blend(canvas: np.ndarray, tone: Color, share: Field) -> None:
    """Move ``canvas`` towards a colour, in place."""
    canvas += (np.array(tone, np.float32) - canvas) * share[..., None].astype(np.float32)
