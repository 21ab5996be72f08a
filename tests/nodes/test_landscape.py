"""Paint Landscape: the same words paint the same picture, and words matter."""

from __future__ import annotations

import importlib
from collections.abc import Callable
from types import ModuleType
from typing import Any

import numpy as np
import pytest
import torch

from app.engine.engine import Engine
from app.engine.events import Event, PreviewEvent, ProgressEvent

Call = Callable[..., Any]
WORDS = "dusk, lake, mountains, mist, stars, birds, lanterns, pines"


@pytest.fixture
def scene(nodes: ModuleType) -> ModuleType:
    return importlib.import_module("nodes.landscape_scene")


def _paint(call: Call, words: str = WORDS, **changes: Any) -> tuple[torch.Tensor, torch.Tensor]:
    given = {"mood": "from the words", "seed": 5, "width": 96, "height": 64, "layers": 4}
    image, sky = call("EaselLandscape", words=words, **(given | changes))
    return image, sky


def test_the_same_seed_paints_the_same_picture(call: Call) -> None:
    assert torch.equal(_paint(call)[0], _paint(call)[0])


def test_another_seed_paints_another_picture(call: Call) -> None:
    assert not torch.allclose(_paint(call)[0], _paint(call, seed=6)[0], atol=0.05)


def test_the_largest_seed_is_a_seed(call: Call) -> None:
    image, _ = _paint(call, seed=2**64 - 1)

    assert torch.isfinite(image).all()


def test_picture_and_sky_have_the_shapes_of_images_and_masks(call: Call) -> None:
    image, sky = _paint(call)

    assert image.shape == (1, 64, 96, 3)
    assert image.dtype == torch.float32
    assert 0 <= image.min() <= image.max() <= 1
    assert sky.shape == (1, 64, 96)
    assert sky[0, 0].min() == 1
    assert sky[0, -1].max() == 0


def test_a_larger_picture_shows_the_same_landscape(call: Call) -> None:
    small, _ = _paint(call, words="noon", width=64, height=64)
    large, _ = _paint(call, words="noon", width=256, height=256)

    reduced = torch.nn.functional.avg_pool2d(large.movedim(-1, 1), 4).movedim(1, -1)

    assert (small - reduced).abs().mean() < 0.03


@pytest.mark.parametrize("layers", [1, 2, 16])
@pytest.mark.parametrize("words", ["", "sea", "mountains snow rain aurora moon village clouds"])
def test_every_combination_paints(call: Call, words: str, layers: int) -> None:
    image, _ = _paint(call, words=words, layers=layers, width=80, height=64)

    assert image.std() > 0.02


def test_night_is_darker_than_noon(call: Call) -> None:
    assert _paint(call, words="night")[0].mean() < _paint(call, words="noon")[0].mean() - 0.2


def test_a_chosen_mood_wins_over_the_words(call: Call) -> None:
    by_word, _ = _paint(call, words="noon")
    by_choice, _ = _paint(call, words="noon", mood="night")

    assert by_choice.mean() < by_word.mean() - 0.2


def test_a_colour_word_leans_the_picture(call: Call) -> None:
    plain, _ = _paint(call, words="dawn")
    teal, _ = _paint(call, words="dawn, teal")

    def warmth(image: torch.Tensor) -> float:
        return (image[..., 0] - image[..., 2]).mean().item()

    assert warmth(teal) < warmth(plain)


@pytest.mark.parametrize(
    ("words", "feature", "amount"),
    [
        ("stars", "stars", 1.0),
        ("many stars", "stars", 1.5),
        ("first stars", "stars", 0.6),
        ("dusk without any stars", "stars", 0.0),
        ("a starless box", "stars", 0.35),
        ("FOG!", "mist", 1.0),
    ],
)
def test_words_set_amounts(scene: ModuleType, words: str, feature: str, amount: float) -> None:
    assert scene.plan_scene(words, "dusk", 1, 5).amount(feature) == amount


def test_hostile_words_change_nothing(scene: ModuleType) -> None:
    plain = scene.plan_scene("", "dusk", 1, 5)

    odd = scene.plan_scene("\0 ☃ ' OR 1=1; %s {x} " + "z" * 10000, "dusk", 1, 5)

    assert odd == plain


def test_every_stage_shows_progress_and_a_preview(engine: Engine) -> None:
    seen: list[Event] = []
    stop = engine.subscribe(seen.append)
    inputs = {"words": "dusk, lake", "mood": "dusk", "seed": 1, "width": 64, "height": 64}
    prompt = {
        "1": {"class_type": "EaselLandscape", "inputs": {**inputs, "layers": 3}},
        "2": {"class_type": "PreviewImage", "inputs": {"images": ["1", 0]}},
    }

    result = engine.run(prompt)
    stop()

    assert result.error is None
    previews = [event for event in seen if isinstance(event, PreviewEvent)]
    steps = [event for event in seen if isinstance(event, ProgressEvent) and event.node == "1"]
    assert len(previews) >= 5
    assert previews[0].rgb.shape == (64, 64, 3)
    assert not np.array_equal(previews[0].rgb, previews[-1].rgb)
    assert steps[-1].value == steps[-1].max


def test_stop_ends_the_painting_between_two_layers(engine: Engine) -> None:
    previews: list[Event] = []

    def interrupt(event: Event) -> None:
        if isinstance(event, PreviewEvent):
            previews.append(event)
            engine.interrupt()

    stop = engine.subscribe(interrupt)
    inputs = {"words": "night", "mood": "night", "seed": 2, "width": 64, "height": 64}
    prompt = {
        "1": {"class_type": "EaselLandscape", "inputs": {**inputs, "layers": 9}},
        "2": {"class_type": "PreviewImage", "inputs": {"images": ["1", 0]}},
    }

    result = engine.run(prompt)
    stop()

    assert result.status == "interrupted"
    assert len(previews) <= 2
