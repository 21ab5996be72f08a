import json
import pickle
import struct

import pytest
import torch
from random_models import build
from safetensors.torch import save_file

from app.engine.errors import ModelFileError
from app.engine.models.clip_vision import load_clip_vision
from app.engine.models.controlnet import load_controlnet
from app.engine.models.embeddings import find_embedding_file, load_embedding
from app.engine.models.loading import (
    load_checkpoint,
    load_clip,
    load_diffusion_model,
    load_lora_file,
    load_vae,
)
from app.engine.models.weights import load_state_dict, read_metadata, read_weights, save_weights

LOADERS = {
    "checkpoint": load_checkpoint,
    "diffusion_model": load_diffusion_model,
    "clip": lambda path: load_clip([path]),
    "vae": load_vae,
    "lora": load_lora_file,
    "controlnet": load_controlnet,
    "clip_vision": load_clip_vision,
}


class Payload:
    """Writes a file when it is unpickled."""

    def __init__(self, path):
        self.path = str(path)

    def __reduce__(self):
        return (eval, (f"open({self.path!r}, 'w').close()",))


@pytest.fixture
def trap(tmp_path):
    """Return files that run code when opened carelessly, and the file that code would make."""
    mark = tmp_path / "payload_ran"
    new, old, bare = (tmp_path / f"{name}.ckpt" for name in ("new", "old", "bare"))
    torch.save({"state_dict": {"a": Payload(mark)}}, new)
    torch.save({"a": Payload(mark)}, old, _use_new_zipfile_serialization=False)
    bare.write_bytes(pickle.dumps({"a": Payload(mark)}))
    return (new, old, bare), mark


@pytest.mark.parametrize("loader", LOADERS.values(), ids=LOADERS)
@pytest.mark.parametrize("form", [0, 1, 2], ids=["zip", "legacy", "bare pickle"])
def test_a_file_with_code_is_refused_by_every_loader_and_never_runs(loader, form, trap):
    files, mark = trap

    with pytest.raises(ModelFileError, match=files[form].name):
        loader(files[form])

    assert not mark.exists()


def test_an_embedding_with_code_is_left_out_and_never_runs(trap, tmp_path, caplog):
    files, mark = trap
    files[0].rename(tmp_path / "bad.pt")

    assert load_embedding("bad", [tmp_path], 768, "clip_l") is None
    assert not mark.exists()
    assert "bad" in caplog.text


def header(**entries):
    text = json.dumps(entries).encode()
    return struct.pack("<Q", len(text)) + text


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "only|bytes"),
        (b"\x01\x02", "2 bytes"),
        (struct.pack("<Q", 2**62) + b"{}", "damaged"),
        (struct.pack("<Q", 50) + b"{}", "damaged"),
        (struct.pack("<Q", 5) + b"12345", "not a list|damaged"),
        (struct.pack("<Q", 2) + b"[]", "not a list"),
        (header(a={"dtype": "F32", "shape": [4], "data_offsets": [0, 16]}), "not complete"),
        (header(a={"dtype": "F32", "shape": [4], "data_offsets": [16, 0]}) + b"0" * 16, "ends"),
        (header(a={"dtype": "F32", "shape": [4]}), "no place"),
        (
            header(a={"dtype": "F32", "shape": [2**40], "data_offsets": [0, 16]}) + b"0" * 16,
            "damaged",
        ),
        (b"<!DOCTYPE html><html><body>Sign in</body></html>", "web page"),
        (b"version https://git-lfs.github.com/spec/v1\noid sha256:0", "Git LFS"),
        (b"\x89PNG\r\n\x1a\n" + b"\0" * 64, "PNG picture"),
    ],
)
def test_a_damaged_safetensors_file_is_named_with_what_is_wrong(content, words, tmp_path):
    path = tmp_path / "broken.safetensors"
    path.write_bytes(content)

    with pytest.raises(ModelFileError, match=rf"broken\.safetensors.*({words})"):
        load_checkpoint(path)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"\xff\xd8\xff\xe0" + b"\0" * 64, "JPEG picture"),
        (b"dear model,\n" * 10, "text file"),
        (b"", "empty"),
        (bytes(range(128, 256)), "damaged or not a model|code"),
    ],
)
def test_a_file_that_is_not_a_model_says_what_it_is(content, words, tmp_path):
    path = tmp_path / "odd.ckpt"
    path.write_bytes(content)

    with pytest.raises(ModelFileError, match=rf"odd\.ckpt.*({words})"):
        load_checkpoint(path)


def test_a_model_of_the_wrong_kind_is_called_by_its_name(tmp_path):
    path = tmp_path / "style.safetensors"
    save_file({"lora_unet_x.lora_up.weight": torch.zeros(2, 2)}, path)

    with pytest.raises(ModelFileError, match=r"style\.safetensors.*a LoRA"):
        load_checkpoint(path)
    with pytest.raises(ModelFileError, match="not a VAE but a LoRA"):
        load_vae(path)
    with pytest.raises(ModelFileError, match="looks like a LoRA"):
        load_controlnet(path)


def test_d210_the_state_dict_entry_or_the_only_entry_is_used(tmp_path):
    tensor = torch.ones(2)
    for name, content in (
        ("top", {"a": tensor, "step": 3}),
        ("nested", {"state_dict": {"a": tensor}, "epoch": 1}),
        ("only", {"model": {"a": tensor}}),
    ):
        torch.save(content, tmp_path / f"{name}.pt")
        assert list(load_state_dict(tmp_path / f"{name}.pt")) == ["a"]


def test_tensors_are_mapped_and_metadata_is_kept(tmp_path):
    path = tmp_path / "m.safetensors"
    save_weights(path, {"a": torch.arange(4.0)}, {"author": "me"})

    file = read_weights(path)

    assert file.metadata == read_metadata(path) == {"author": "me"}
    assert torch.equal(file.tensors["a"], torch.arange(4.0))
    assert [entry.name for entry in tmp_path.iterdir()] == ["m.safetensors"]


def test_half_precision_and_fp8_files_compute_the_same_kind_of_model(tmp_path):
    tensors = {
        name: tensor.to(torch.float8_e4m3fn) if tensor.ndim == 4 else tensor
        for name, tensor in build("unet_tiny").items()
    }
    path = tmp_path / "fp8.safetensors"
    save_file(tensors, path)

    model = load_diffusion_model(path)
    model.patch_model()

    weight = model.model.get_parameter("diffusion_model.input_blocks.0.0.weight")
    assert weight.dtype == torch.float32


def test_d151_an_embedding_is_found_below_its_folder_and_never_outside(tmp_path):
    inside = tmp_path / "embeddings" / "sub"
    inside.mkdir(parents=True)
    save_file({"x": torch.zeros(1, 768)}, inside / "deep.safetensors")
    save_file({"x": torch.zeros(1, 768)}, tmp_path / "secret.safetensors")
    folders = [tmp_path / "embeddings"]

    assert find_embedding_file("deep", folders) == inside / "deep.safetensors"
    assert find_embedding_file("sub/deep.safetensors", folders) == inside / "deep.safetensors"
    assert find_embedding_file("../secret", folders) is None


def test_d155_an_embedding_for_another_encoder_is_replaced_by_padding(tiny, tmp_path, caplog):
    rows = [
        [(49406, 1.0), (torch.zeros(1280), 1.0), (320, 1.0), (49407, 1.0)] + [(49407, 1.0)] * 73
    ]
    plain = [[(49406, 1.0), (320, 1.0)] + [(49407, 1.0)] * 75]

    cond = tiny.clip.encode_from_tokens({"l": rows})

    torch.testing.assert_close(cond, tiny.clip.encode_from_tokens({"l": plain}))
    assert "another text encoder" in caplog.text
