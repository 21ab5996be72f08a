"""A checkpoint becomes a picture through the nodes of the built-in pack."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

sys.path.insert(0, str(Path(__file__).parents[1] / "engine" / "models"))

import random_models

from app.engine.errors import ModelFileError
from app.engine.events import PreviewEvent, ProgressEvent


@pytest.fixture(scope="module")
def checkpoint(base_dir, engine):
    """Put a small random checkpoint into the artist's folder and return its name."""
    from safetensors.torch import save_file

    folder = base_dir / "models" / "checkpoints"
    folder.mkdir(parents=True, exist_ok=True)
    save_file(random_models.build("unet_tiny", "clip", "vae"), folder / "tiny.safetensors")
    yield "tiny.safetensors"
    from app.engine.models import memory

    memory.unload_all_models()


def text_to_picture(seed=1, **sampler):
    """Return the prompt of the usual workflow, 64 px wide and 2 steps long."""
    run = {
        "model": ["1", 0], "seed": seed, "steps": 2, "cfg": 2.0, "sampler_name": "euler",
        "scheduler": "normal", "positive": ["2", 0], "negative": ["3", 0],
        "latent_image": ["4", 0], "denoise": 1.0,
    }  # fmt: skip
    return {
        "1": {"class_type": "CheckpointLoaderSimple", "inputs": {"ckpt_name": "tiny.safetensors"}},
        "2": {"class_type": "CLIPTextEncode", "inputs": {"clip": ["1", 1], "text": "a red apple"}},
        "3": {"class_type": "CLIPTextEncode", "inputs": {"clip": ["1", 1], "text": ""}},
        "4": {
            "class_type": "EmptyLatentImage",
            "inputs": {"width": 64, "height": 64, "batch_size": 1},
        },
        "5": {"class_type": "KSampler", "inputs": {**run, **sampler}},
        "6": {"class_type": "VAEDecode", "inputs": {"samples": ["5", 0], "vae": ["1", 2]}},
        "7": {
            "class_type": "SaveImage",
            "inputs": {"images": ["6", 0], "filename_prefix": "apple"},
        },
    }


def picture(result, base_dir):
    """Return the saved picture's values."""
    assert result.error is None, result.error
    saved = result.outputs["7"]["images"][0]
    with Image.open(base_dir / "output" / saved["subfolder"] / saved["filename"]) as image:
        return np.asarray(image.convert("RGB"))


def test_a_seed_gives_the_same_picture_again_and_another_seed_another(engine, base_dir, checkpoint):
    first = picture(engine.run(text_to_picture(1)), base_dir)
    other = picture(engine.run(text_to_picture(2)), base_dir)
    again = picture(engine.run(text_to_picture(1)), base_dir)

    assert first.shape == (64, 64, 3)
    assert first.std() > 0
    np.testing.assert_array_equal(first, again)
    assert not np.array_equal(first, other)


def test_sampling_shows_progress_and_previews_of_the_latent(engine, base_dir, checkpoint):
    events = []

    picture(engine.run(text_to_picture(11), on_event=events.append), base_dir)

    steps = [e.value for e in events if isinstance(e, ProgressEvent) and e.node == "5"]
    previews = [e for e in events if isinstance(e, PreviewEvent) and e.node_id == "5"]
    assert steps[-1] == 2
    assert previews
    assert previews[-1].rgb.shape[2] == 3


def test_an_interrupt_stops_in_the_middle_and_the_next_run_works(engine, base_dir, checkpoint):
    events = []

    def stop_at_first_step(event):
        events.append(event)
        if isinstance(event, ProgressEvent) and event.node == "5" and event.value == 1:
            engine.interrupt()

    stopped = engine.run(text_to_picture(12, steps=50), on_event=stop_at_first_step)

    reached = [e.value for e in events if isinstance(e, ProgressEvent) and e.node == "5"]
    assert "7" not in stopped.outputs
    assert max(reached) <= 2
    assert picture(engine.run(text_to_picture(13)), base_dir).shape == (64, 64, 3)


def test_a_missing_checkpoint_is_named_with_its_folder_and_the_nearest_name(
    call, base_dir, checkpoint
):
    with pytest.raises(ModelFileError, match=r'"tinny\.safetensors".*checkpoints') as caught:
        call("CheckpointLoaderSimple", ckpt_name="tinny.safetensors")

    assert '"tiny.safetensors"' in str(caught.value)
