"""Folders in diffusers' layout load as the checkpoint with the same weights."""

import pytest
import torch
from diffusers_layout import RESNET, UNET, parts_of, unet_to_diffusers, write
from random_models import build, clip_text_weights, layouts, wave_latent, wave_text
from safetensors.torch import save_file

from app.engine.errors import ModelFileError
from app.engine.models import memory
from app.engine.models.diffusers_folder import list_folders, load_diffusers
from app.engine.models.diffusers_unet import own_layout
from app.engine.models.loading import checkpoint_from_tensors, load_clip, load_diffusion_model
from app.engine.models.text_encoder_files import encoder_tensors


@pytest.fixture(scope="module")
def tensors():
    yield build("unet_tiny", "clip", "vae")
    memory.unload_all_models()


@pytest.fixture(scope="module")
def parts(tensors):
    return parts_of(tensors)


@torch.no_grad()
def predict(model):
    memory.load_models_gpu([model])
    sigma = torch.tensor([2.5])
    return model.model.apply_model(wave_latent((1, 4, 8, 8)), sigma, c_crossattn=wave_text(1))


def assert_same(found, twin):
    assert torch.equal(predict(found.model), predict(twin.model))
    prompt = "a (red:1.3) apple"
    assert torch.equal(found.clip.encode(prompt), twin.clip.encode(prompt))
    latent = wave_latent((1, 4, 4, 4))
    assert torch.equal(found.vae.decode(latent), twin.vae.decode(latent))


def test_a_folder_of_safetensors_computes_as_its_checkpoint_does(tensors, parts, tmp_path):
    folder = write(tmp_path / "mine", parts)

    found = load_diffusers(folder)

    assert found.model.model.family.name == "SD15"
    assert_same(found, checkpoint_from_tensors(tensors))


def test_a_folder_of_torch_files_loads_and_half_precision_is_taken_first(tensors, parts, tmp_path):
    folder = write(tmp_path / "mine", parts, ".fp16.bin")
    damaged = folder / "unet" / "diffusion_pytorch_model.bin"
    damaged.write_bytes(b"not read")

    assert_same(load_diffusers(folder), checkpoint_from_tensors(tensors))


@pytest.mark.parametrize(
    "name",
    [
        "diffusion_pytorch_model-0000{}-of-00002.safetensors",
        "diffusion_pytorch_model-0000{}-of-00002.fp16.safetensors",
        "diffusion_pytorch_model.fp16-0000{}-of-00002.safetensors",
    ],
)
def test_weights_in_several_files_are_laid_together(tensors, parts, tmp_path, name):
    folder = write(tmp_path / "mine", {})
    unet = parts["unet/diffusion_pytorch_model"]
    halves = dict(list(unet.items())[:100]), dict(list(unet.items())[100:])
    (folder / "unet").mkdir()
    for number, half in enumerate(halves, 1):
        save_file(half, folder / "unet" / name.format(number))

    found = load_diffusers(folder)

    assert torch.equal(predict(found.model), predict(checkpoint_from_tensors(tensors).model))
    (folder / "unet" / name.format(1)).unlink()
    with pytest.raises(ModelFileError, match=r'"mine/unet" is not complete: it has 1 of 2 files'):
        load_diffusers(folder)


def test_d217_what_the_folder_lacks_is_none(parts, tmp_path):
    unet = "unet/diffusion_pytorch_model"

    found = load_diffusers(write(tmp_path / "mine", {unet: parts[unet]}))

    assert found.model is not None
    assert found.clip is None
    assert found.vae is None


def test_a_folder_without_a_unet_is_refused_by_its_name(parts, tmp_path):
    vae = "vae/diffusion_pytorch_model"
    folder = write(tmp_path / "mine", {vae: parts[vae]})

    with pytest.raises(ModelFileError, match=r'"mine" has no weights in a folder "unet"'):
        load_diffusers(folder)


def test_a_part_that_is_something_else_is_named(parts, tmp_path):
    swapped = {**parts, "text_encoder/model": parts["vae/diffusion_pytorch_model"]}

    with pytest.raises(ModelFileError, match=r'"mine/text_encoder" cannot be used.*a VAE'):
        load_diffusers(write(tmp_path / "mine", swapped))


class Payload:
    """A pickle of this would write a file."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return (open, (str(self.path), "w"))


def test_a_torch_file_with_code_is_refused_and_does_not_run(parts, tmp_path):
    folder = write(tmp_path / "mine", {k: v for k, v in parts.items() if "unet" not in k})
    (folder / "unet").mkdir()
    torch.save({"x": Payload(tmp_path / "ran")}, folder / "unet" / "diffusion_pytorch_model.bin")

    with pytest.raises(ModelFileError, match=r'"mine/unet" cannot be used'):
        load_diffusers(folder)

    assert not (tmp_path / "ran").exists()


def test_a_unet_file_of_diffusers_loads_alone(tensors, parts, tmp_path):
    path = tmp_path / "unet.safetensors"
    save_file(parts["unet/diffusion_pytorch_model"], path)

    alone = load_diffusion_model(path)

    assert torch.equal(predict(alone), predict(checkpoint_from_tensors(tensors).model))


@pytest.mark.parametrize("layout", ["unet", "unet_tiny_sd2"])
def test_d212_every_weight_of_a_unet_finds_its_place(layout):
    shapes = {name.removeprefix(UNET): shape for name, shape in layouts()[layout].items()}
    ours = {name: torch.empty(shape, device="meta") for name, shape in shapes.items()}
    regular = (2, 4) if layout == "unet" else (1, 2)

    again = own_layout(unet_to_diffusers(ours, *regular))

    assert again.keys() == ours.keys()
    assert all(again[name] is tensor for name, tensor in ours.items())


def test_d212_the_uneven_levels_and_the_size_vector_of_sdxl_find_their_places():
    shapes = sdxl_names()
    ours = {name: torch.empty(1, device="meta") for name in shapes}

    again = own_layout(unet_to_diffusers(ours, 2, 3))

    assert again.keys() == ours.keys()
    assert all(again[name] is tensor for name, tensor in ours.items())


def sdxl_names():
    """Return the layers of SDXL's UNet, which has attention only at its two lower levels."""
    names = [f"{name}.weight" for name in ("time_embed.0", "time_embed.2", "label_emb.0.0",
             "label_emb.0.2", "input_blocks.0.0", "out.0", "out.2")]  # fmt: skip
    depths = (0, 2, 10)

    def block(stem, depth):
        names.extend(f"{stem}.0.{part}.weight" for part in RESNET)
        if depth:
            names.extend(f"{stem}.1.{part}.weight" for part in ("norm", "proj_in", "proj_out"))
        for index in range(depth):
            inner = f"{stem}.1.transformer_blocks.{index}"
            names.extend(f"{inner}.attn{n}.to_{part}.weight" for n in (1, 2) for part in "qkv")
            names.extend(f"{inner}.norm{n}.weight" for n in (1, 2, 3))

    for level in range(3):
        for place in range(2):
            block(f"input_blocks.{1 + 3 * level + place}", depths[level])
        if level < 2:
            names.append(f"input_blocks.{3 + 3 * level}.0.op.weight")
    for level in range(3):
        depth = depths[2 - level]
        for place in range(3):
            block(f"output_blocks.{3 * level + place}", depth)
        if level < 2:
            names.append(f"output_blocks.{3 * level + 2}.{2 if depth else 1}.conv.weight")
    for place in (0, 2):
        names.extend(f"middle_block.{place}.{part}.weight" for part in RESNET)
    names.extend(f"middle_block.1.{part}.weight" for part in ("norm", "proj_in", "proj_out"))
    names.extend(f"middle_block.1.transformer_blocks.{i}.norm1.weight" for i in range(10))
    return names


def test_d157_sd2_reads_the_same_layer_when_the_unused_last_one_is_left_out(tmp_path):
    whole = clip_text_weights("h", 64, 128, 24, projection=False)
    short = {name: tensor for name, tensor in whole.items() if ".layers.23." not in name}
    files = []
    for name, tensors in (("whole", whole), ("short", short)):
        files.append(tmp_path / f"{name}.safetensors")
        save_file(tensors, files[-1])

    first, second = (load_clip([file]).encode("a red apple") for file in files)

    assert encoder_tensors(short)[0] == "h"
    assert torch.equal(first, second)


def test_sdxl_folders_give_both_text_encoders(parts, tmp_path):
    two = {
        "unet/diffusion_pytorch_model": parts["unet/diffusion_pytorch_model"],
        "text_encoder/model": clip_text_weights("l", 64, 128, 2, projection=False),
        "text_encoder_2/model": clip_text_weights("g", 64, 128, 32, projection=True),
    }

    clip = load_diffusers(write(tmp_path / "mine", two)).clip

    assert clip.encode("a red apple").shape == (1, 77, 128)
    assert set(clip.tokenize("a red apple")) == {"l", "g"}


def test_folders_are_found_below_the_roots_and_a_circle_of_links_ends(tmp_path):
    for name in ("one", "deep/two"):
        (tmp_path / name).mkdir(parents=True)
        (tmp_path / name / "model_index.json").write_text("{}")
    (tmp_path / "no_model").mkdir()
    (tmp_path / "deep" / "circle").symlink_to(tmp_path)

    assert sorted(list_folders([tmp_path, tmp_path / "missing"])) == ["deep/two", "one"]
