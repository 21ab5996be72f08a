"""The node that loads folders in diffusers' layout."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
import torch

sys.path.insert(0, str(Path(__file__).parents[1] / "engine" / "models"))

import diffusers_layout
import random_models

from app.engine.errors import ModelFileError
from app.engine.models import memory


@pytest.fixture(scope="module")
def folder(base_dir, engine):
    """Put a small model into the artist's folder and return its name."""
    parts = diffusers_layout.parts_of(random_models.build("unet_tiny", "clip", "vae"))
    diffusers_layout.write(base_dir / "models" / "diffusers" / "mine" / "tiny", parts)
    yield "mine/tiny"
    memory.unload_all_models()


def test_the_menu_offers_the_folders_of_models(folder, engine):
    declared = engine.object_info("DiffusersLoader")["DiffusersLoader"]["input"]["required"]

    assert declared["model_path"][0] == [folder]


def test_a_folder_becomes_model_text_encoder_and_vae(folder, call):
    model, clip, vae = call("DiffusersLoader", model_path=folder)

    assert model.model.family.name == "SD15"
    assert clip.encode("a red apple").shape == (1, 77, 768)
    assert vae.decode(torch.zeros(1, 4, 2, 2)).shape == (1, 16, 16, 3)


@pytest.mark.parametrize("name", ["mine/tinny", "../checkpoints", "mine"])
def test_only_what_the_menu_offers_is_loaded(folder, call, name):
    with pytest.raises(ModelFileError, match=f'"{name}" is not in .*diffusers'):
        call("DiffusersLoader", model_path=name)


def test_the_nearest_name_is_offered(folder, call):
    with pytest.raises(ModelFileError, match=r'nearest name there is "mine/tiny"'):
        call("DiffusersLoader", model_path="mine/tinny")


def test_a_workflow_samples_with_it_and_with_a_cache_around_it(folder, engine, base_dir):
    def node(kind, **inputs):
        return {"class_type": kind, "inputs": inputs}

    prompt = {
        "1": node("DiffusersLoader", model_path=folder),
        "2": node("CLIPTextEncode", clip=["1", 1], text="a red apple"),
        "3": node("EmptyLatentImage", width=64, height=64, batch_size=1),
        "4": node(
            "EasyCache", model=["1", 0], reuse_threshold=0.2, start_percent=0.15,
            end_percent=0.95, verbose=False,
        ),
        "5": node(
            "KSampler", model=["4", 0], seed=1, steps=4, cfg=2.0, sampler_name="euler",
            scheduler="normal", positive=["2", 0], negative=["2", 0], latent_image=["3", 0],
            denoise=1.0,
        ),
        "6": node("VAEDecode", samples=["5", 0], vae=["1", 2]),
        "7": node("SaveImage", images=["6", 0], filename_prefix="folder"),
    }  # fmt: skip

    result = engine.run(prompt)

    assert result.error is None
    (saved,) = result.outputs["7"]["images"]
    assert (base_dir / "output" / saved["filename"]).stat().st_size > 0
