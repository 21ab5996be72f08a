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
