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
