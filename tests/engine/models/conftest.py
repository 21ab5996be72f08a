"""Makes the helpers of this folder importable and builds the random files once."""

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

import random_models


@pytest.fixture(scope="session")
def model_folder(tmp_path_factory):
    """Return a folder for random checkpoints that lives for the session."""
    return tmp_path_factory.mktemp("random_models")


@pytest.fixture(scope="session")
def embedding_folder(model_folder):
    """Return a folder with the three embeddings of the recordings."""
    folder = model_folder / "embeddings"
    folder.mkdir()
    random_models.write_embeddings(folder)
    return folder


@pytest.fixture(scope="session")
def tiny_file(model_folder):
    """Return the random checkpoint with the small UNet; skip where torch draws other numbers."""
    from safetensors.torch import save_file

    tensors = random_models.build("unet_tiny", "clip", "vae")
    name, expected = random_models.FINGERPRINT
    if random_models.digest(tensors[name]) != expected:
        pytest.skip("this torch build draws other random numbers than the recordings used")
    path = model_folder / "tiny.safetensors"
    save_file(tensors, path)
    return path


@pytest.fixture
def tiny(tiny_file, embedding_folder):
    """Return the tiny checkpoint, freshly loaded; everything is unloaded afterwards."""
    from app.engine.models import memory
    from app.engine.models.loading import load_checkpoint

    yield load_checkpoint(tiny_file, [embedding_folder])
    memory.unload_all_models()
