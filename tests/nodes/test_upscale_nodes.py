"""Pictures become larger through the nodes."""

from __future__ import annotations

import sys
import threading
import time
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from safetensors.torch import save_file

sys.path.insert(0, str(Path(__file__).parents[1] / "engine" / "models"))

from upscale_files import esrgan

from app.engine.events import ExecutionInterruptedEvent, ProgressEvent
from app.engine.models import upscale

pytestmark = pytest.mark.skipif(
    bool(upscale.missing_packages()),
    reason="spandrel is not installed; see requirements-extra.lock",
)


@pytest.fixture(scope="module")
def files(base_dir, engine):
    """Put a small model and a picture into the artist's folders."""
    folder = base_dir / "models" / "upscale_models"
    folder.mkdir(parents=True, exist_ok=True)
    save_file(esrgan(4), folder / "four.safetensors")
    save_file(esrgan(4, width=32, blocks=8), folder / "slow.safetensors")
    (base_dir / "input").mkdir(exist_ok=True)
    gradient = np.linspace(0, 255, 40 * 24 * 3).reshape(24, 40, 3).astype(np.uint8)
    Image.fromarray(gradient).save(base_dir / "input" / "small.png")
    Image.fromarray(gradient).resize((400, 400)).save(base_dir / "input" / "large.png")


def prompt(image="small.png", model="four.safetensors"):
    return {
        "1": {"class_type": "LoadImage", "inputs": {"image": image}},
        "2": {"class_type": "UpscaleModelLoader", "inputs": {"model_name": model}},
        "3": {
            "class_type": "ImageUpscaleWithModel",
            "inputs": {"upscale_model": ["2", 0], "image": ["1", 0]},
        },
        "4": {
            "class_type": "SaveImage",
            "inputs": {"images": ["3", 0], "filename_prefix": "upscaled"},
        },
    }


def test_a_picture_file_is_saved_four_times_as_large(engine, base_dir, files):
    events = []

    result = engine.run(prompt(), on_event=events.append)

    assert result.error is None, result.error
    saved = result.outputs["4"]["images"][0]
    with Image.open(base_dir / "output" / saved["filename"]) as image:
        assert image.size == (160, 96)
    bars = [event for event in events if isinstance(event, ProgressEvent) and event.node == "3"]
    assert (bars[-1].value, bars[-1].max) == (1, 1)


def test_stop_ends_a_long_tile_early_and_the_next_run_works(engine, base_dir, files):
    events = []
    stopped_at = []

    def stop_soon(event):
        events.append(event)
        if getattr(event, "NAME", "") == "executing" and getattr(event, "node", None) == "3":

            def stop():
                time.sleep(0.3)
                stopped_at.append(time.monotonic())
                engine.interrupt()

            threading.Thread(target=stop).start()

    result = engine.run(prompt("large.png", "slow.safetensors"), on_event=stop_soon)
    latency = time.monotonic() - stopped_at[0]

    assert "4" not in result.outputs
    assert any(isinstance(event, ExecutionInterruptedEvent) for event in events)
    # One tile of this picture takes far longer than this even on a fast machine.
    assert latency < 5
    assert engine.run(prompt()).error is None


def test_a_missing_file_names_the_folder(call, files):
    with pytest.raises(
        Exception, match=r'"fuor\.safetensors".*upscale_models.*"four\.safetensors"'
    ):
        call("UpscaleModelLoader", model_name="fuor.safetensors")
