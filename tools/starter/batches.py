"""Batches for training: pictures changed at random, with the words that say so."""

from __future__ import annotations

import random
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from app.engine.models.starter_text import WORDS
from tools.starter.captions import (
    BACKGROUNDS,
    COLOURS,
    STYLES,
    captions,
    is_held_out,
    without_colours,
)
from tools.starter.pictures import SCALES, Picture

_EMPTY_SHARE = 0.1
_COLOUR_SHARE = 0.13
_BACKGROUND_SHARE = 0.1


def vocabulary(pictures: list[Picture]) -> list[str]:
    """Return every word of every caption in order; the first, empty word means no word."""
    words = {word for item in pictures for text in captions(item.name) for word in text.split()}
    words |= set(COLOURS) | set(BACKGROUNDS) | set(STYLES) | {"background"}
    return ["", *sorted(words)]


def nearest_colour(hue: float) -> str:
    """Return the colour word for a hue in degrees."""
    return min(COLOURS, key=lambda name: abs((COLOURS[name] - hue + 180) % 360 - 180))


def turn_hue(pixels: torch.Tensor, degrees: torch.Tensor) -> torch.Tensor:
    """Turn the hue of ``(n, 3, h, w)`` colours in 0..1 by ``(n,)`` degrees, as HSV does."""
    high, _ = pixels.max(1)
    low, _ = pixels.min(1)
    spread = (high - low).clamp_min(1e-6)
    red, green, blue = pixels.unbind(1)
    hue = torch.where(
        high == red,
        ((green - blue) / spread) % 6,
        torch.where(high == green, (blue - red) / spread + 2, (red - green) / spread + 4),
    )
    hue = hue + degrees[:, None, None] / 60
    channels = []
    for offset in (5, 3, 1):
        k = (offset + hue) % 6
        channels.append(high - (high - low) * torch.minimum(k, 4 - k).clamp(0, 1))
    return torch.stack(channels, 1)


@dataclass(slots=True)
class Batches:
    """Draws batches.

    Attributes:
        pictures: What is known of each picture.
        pixels: ``(n, scales, 64, 64, 4)`` premultiplied, 0-255.
        words: Number of each word.
        rng: Source of every choice.
    """

    pictures: list[Picture]
    pixels: NDArray[np.uint8]
    words: dict[str, int]
    rng: random.Random

    def encode(self, caption: str) -> list[int]:
        """Return the numbers of a caption's known words, filled up to a whole row."""
        numbers = [self.words[word] for word in caption.split() if word in self.words][:WORDS]
        return numbers + [0] * (WORDS - len(numbers))

    def draw(self, count: int) -> tuple[torch.Tensor, torch.Tensor]:
        """Return pictures ``(count, 3, 64, 64)`` in -1..1 and word numbers ``(count, WORDS)``."""
        rng = self.rng
        weights = [item.weight for item in self.pictures]
        chosen = rng.choices(range(len(self.pictures)), weights, k=count)
        stack = np.empty((count, *self.pixels.shape[2:]), np.uint8)
        turns, grounds, texts = [0.0] * count, [(255, 255, 255)] * count, []
        for row, index in enumerate(chosen):
            scale = rng.randrange(len(SCALES))
            image = self.pixels[index, scale]
            room = (SCALES[0] - SCALES[scale]) // 2
            if room:
                shift = (rng.randint(-room, room), rng.randint(-room, room))
                image = np.roll(image, shift, (0, 1))
            stack[row] = image[:, ::-1] if rng.random() < 0.5 else image
            text, turns[row] = self._words(self.pictures[index])
            if rng.random() < _BACKGROUND_SHARE:
                name = rng.choice(list(BACKGROUNDS))
                grounds[row] = BACKGROUNDS[name]
                text = f"{text} {name} background"
            texts.append("" if rng.random() < _EMPTY_SHARE else text)
        values = torch.from_numpy(stack).permute(0, 3, 1, 2).float() / 255
        colour, alpha = values[:, :3], values[:, 3:]
        turned = [row for row, turn in enumerate(turns) if turn]
        if turned:
            part = alpha[turned]
            plain = colour[turned] / part.clamp_min(1e-3)
            degrees = torch.tensor([turns[row] for row in turned])
            colour[turned] = turn_hue(plain.clamp(0, 1), degrees) * part
        ground = torch.tensor(grounds).float()[:, :, None, None] / 255
        images = (colour + ground * (1 - alpha)) * 2 - 1
        return images, torch.tensor([self.encode(text) for text in texts])

    def _words(self, item: Picture) -> tuple[str, float]:
        """Return the caption of one showing, and how far its hue is turned."""
        rng = self.rng
        text = rng.choice(item.captions) if rng.random() < 0.6 else item.captions[0]
        turn = 0.0
        if item.hue >= 0 and rng.random() < _COLOUR_SHARE:
            colour = rng.choice(list(COLOURS))
            if not is_held_out(item.name, colour):
                turn = (COLOURS[colour] - item.hue) % 360 or 0.0
                text = f"{colour} {without_colours(text)}"
        elif item.hue >= 0 and rng.random() < 0.1:
            text = f"{nearest_colour(item.hue)} {without_colours(text)}"
        words = text.split()
        if len(words) > 2 and rng.random() < 0.08:
            words.pop(rng.randrange(len(words)))
        if item.style == "flat" or rng.random() < 0.4:
            words.insert(0 if rng.random() < 0.3 else len(words), item.style)
        return " ".join(words), turn
