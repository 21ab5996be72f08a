"""The training pictures: fetched from npm by package name, rendered once, kept as arrays."""

from __future__ import annotations

import colorsys
import json
import re
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from tools.starter.captions import FAVOURITES, captions, wanted

PACKAGES: Final = (
    "@lobehub/fluent-emoji-3d@1.1.0",
    "@iconify-json/fluent-emoji-flat@1.2.6",
)
"""npm packages with the pictures, both under the MIT licence."""
SIZE: Final = 64
LARGE: Final = 256
SCALES: Final = (64, 60, 56)
"""Sides, in pixels, that a picture is drawn at on its canvas of ``SIZE``."""


@dataclass(slots=True)
class Picture:
    """What is known of one picture beside its pixels.

    Attributes:
        name: Its name in the icon set.
        style: ``3d`` or ``flat``.
        captions: Words for it, its name first.
        hue: Its main hue in degrees, or -1 when it has several or none.
        weight: How often it is shown, 1 is normal.
    """

    name: str
    style: str
    captions: tuple[str, ...]
    hue: float
    weight: float


def fetch(folder: Path) -> None:
    """Install the packages into ``folder`` with npm, unless they are there."""
    if (folder / "node_modules" / "@iconify-json").is_dir():
        return
    folder.mkdir(parents=True, exist_ok=True)
    command = ["npm", "install", "--no-audit", "--no-fund", "--ignore-scripts", *PACKAGES]
    subprocess.run([*command, "--prefix", str(folder)], check=True)


def prepare(folder: Path, out: Path) -> None:
    """Render every wanted picture and write ``pictures.npz`` and ``pictures.json`` to ``out``."""
    modules = folder / "node_modules"
    flat = modules / "@iconify-json" / "fluent-emoji-flat"
    assets = modules / "@lobehub" / "fluent-emoji-3d" / "assets"
    icons: dict[str, Any] = json.loads((flat / "icons.json").read_text())
    code_of = {name: code for code, name in json.loads((flat / "chars.json").read_text()).items()}
    categories: dict[str, list[str]] = json.loads((flat / "metadata.json").read_text())[
        "categories"
    ]
    files = {path.stem.replace("-fe0f", ""): path for path in assets.glob("*.webp")}
    known: list[Picture] = []
    small: list[NDArray[np.uint8]] = []
    large: list[NDArray[np.uint8]] = []
    for category, names in categories.items():
        for name in names:
            file = files.get(code_of.get(name, "?").replace("-fe0f", ""))
            if file is None or not wanted(name, category):
                continue
            drawings = {
                "3d": Image.open(file).convert("RGBA"),
                "flat": _render_svg(icons["icons"][name]["body"], icons["width"]),
            }
            for style, image in drawings.items():
                weight = (3.0 if name in FAVOURITES else 1.0) * (1.0 if style == "3d" else 0.25)
                known.append(Picture(name, style, captions(name), _main_hue(image), weight))
                small.append(np.stack([_on_canvas(image, side) for side in SCALES]))
                large.append(_premultiplied(image.resize((LARGE, LARGE), Image.Resampling.LANCZOS)))
    out.mkdir(parents=True, exist_ok=True)
    np.savez(out / "pictures.npz", small=np.stack(small), large=np.stack(large))
    rows = [{slot: getattr(item, slot) for slot in Picture.__slots__} for item in known]
    (out / "pictures.json").write_text(json.dumps(rows))


def load(out: Path) -> tuple[list[Picture], NDArray[np.uint8], NDArray[np.uint8]]:
    """Return what :func:`prepare` wrote: records, small ``(n, 3, 64, 64, 4)``, large pictures."""
    rows = json.loads((out / "pictures.json").read_text())
    arrays = np.load(out / "pictures.npz")
    known = [Picture(**{**row, "captions": tuple(row["captions"])}) for row in rows]
    return known, arrays["small"], arrays["large"]


def _render_svg(body: str, side: int) -> Image.Image:
    from PySide6.QtCore import QByteArray
    from PySide6.QtGui import QImage, QPainter
    from PySide6.QtSvg import QSvgRenderer

    body = re.sub(r'\bfill="none"', "", body, count=1) if body.startswith("<g") else body
    text = (
        f'<svg xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink" '
        f'viewBox="0 0 {side} {side}"><g fill="none">{body}</g></svg>'
    )
    image = QImage(LARGE, LARGE, QImage.Format.Format_RGBA8888)
    image.fill(0)
    painter = QPainter(image)
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    QSvgRenderer(QByteArray(text.encode())).render(painter)
    painter.end()
    return Image.frombytes("RGBA", (LARGE, LARGE), bytes(image.constBits()))


def _premultiplied(image: Image.Image) -> NDArray[np.uint8]:
    values = np.asarray(image, np.float32)
    alpha = values[..., 3:] / 255
    return np.concatenate([values[..., :3] * alpha, values[..., 3:]], -1).round().astype(np.uint8)


def _on_canvas(image: Image.Image, side: int) -> NDArray[np.uint8]:
    canvas = np.zeros((SIZE, SIZE, 4), np.uint8)
    start = (SIZE - side) // 2
    reduced = Image.fromarray(_premultiplied(image), "RGBA")
    # Each channel by itself: Pillow would divide by alpha and lose the premultiplied edges.
    parts = [band.resize((side, side), Image.Resampling.BOX) for band in reduced.split()]
    canvas[start : start + side, start : start + side] = np.stack(
        [np.asarray(part) for part in parts], -1
    )
    return canvas


def _main_hue(image: Image.Image) -> float:
    """Return the hue of most saturated pixels, or -1 when no hue covers 60 % of them."""
    reduced = np.asarray(image.resize((48, 48)), np.float32) / 255
    pixels = reduced[reduced[..., 3] > 0.8][:, :3]
    spread = pixels.max(-1) - pixels.min(-1) if len(pixels) else np.zeros(0)
    vivid = pixels[spread > 0.25] if len(pixels) else pixels
    if len(vivid) < 0.35 * max(1, len(pixels)) or len(vivid) < 40:
        return -1.0
    hues = np.array([colorsys.rgb_to_hsv(*pixel)[0] * 360 for pixel in vivid])
    bins = np.histogram(hues, 36, (0, 360))[0]
    wide = bins + np.roll(bins, 1) + np.roll(bins, -1) + np.roll(bins, 2) + np.roll(bins, -2)
    best = int(wide.argmax())
    return float(best * 10 + 5) if wide[best] >= 0.6 * len(vivid) else -1.0
