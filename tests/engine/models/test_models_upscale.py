"""Upscale models: loading, tiles, missing memory, stopping."""

import sys

import pytest
import torch
from safetensors.torch import save_file
from upscale_files import esrgan

from app.engine.errors import ModelFileError
from app.engine.models import memory, upscale
from app.engine.models.torchvision_stand_in import normalize, rotate, torchvision_stand_in

needs_spandrel = pytest.mark.skipif(
    bool(upscale.missing_packages()),
    reason="spandrel is not installed; see requirements-extra.lock",
)


@pytest.fixture
def picture():
    return torch.rand(1, 40, 56, 3, generator=torch.Generator().manual_seed(3))


@pytest.fixture
def four(tmp_path):
    save_file(esrgan(4), tmp_path / "four.safetensors")
    return upscale.load_upscale_model(tmp_path / "four.safetensors")


class Bar:
    """A progress bar that remembers."""

    made = ()

    def __init__(self, total):
        self.total, self.done = total, 0
        Bar.made = (*Bar.made, self)

    def update(self, value):
        self.done += value


@pytest.fixture(autouse=True)
def _no_bars():
    Bar.made = ()


@needs_spandrel
@pytest.mark.parametrize("scale", [2, 4])
def test_a_picture_becomes_as_many_times_larger_as_the_model_says(tmp_path, picture, scale):
    save_file(esrgan(scale), tmp_path / "m.safetensors")
    model = upscale.load_upscale_model(tmp_path / "m.safetensors")

    result = upscale.upscale(model, picture)

    assert result.shape == (1, 40 * scale, 56 * scale, 3)
    assert result.dtype == torch.float32
    assert 0 <= float(result.min()) < float(result.max()) <= 1
    assert not result.is_inference()


@needs_spandrel
@pytest.mark.parametrize("key", ["params_ema", "params", "state_dict", None])
def test_torch_files_of_training_programs_give_the_same_result(tmp_path, picture, four, key):
    tensors = esrgan(4)
    other = {name: torch.zeros_like(tensor) for name, tensor in tensors.items()}
    content = tensors if key is None else {key: tensors, "epoch": 3}
    if key == "params_ema":
        content["params"] = other
    torch.save(content, tmp_path / "m.pth")

    model = upscale.load_upscale_model(tmp_path / "m.pth")

    torch.testing.assert_close(upscale.upscale(model, picture), upscale.upscale(four, picture))


@needs_spandrel
def test_tiles_are_told_one_by_one_and_show_no_seam(four, picture, monkeypatch):
    whole = upscale.upscale(four, picture, Bar)
    monkeypatch.setattr(upscale, "TILE", 32)
    monkeypatch.setattr(upscale, "OVERLAP", 16)

    tiled = upscale.upscale(four, picture, Bar)

    first, second = Bar.made
    assert (first.total, first.done) == (1, 1)
    assert (second.total, second.done) == (6, 6)
    # The network sees a few px around each px, so tiles differ near their borders only.
    assert (tiled - whole).abs().mean() < 0.01
    assert (tiled - whole).abs().max() < 0.2


@needs_spandrel
def test_transparent_pictures_and_batches_are_upscaled(four, picture):
    with_alpha = torch.cat([picture, torch.zeros_like(picture[..., :1])], dim=-1)

    pair = upscale.upscale(four, torch.cat([with_alpha, 1 - with_alpha]))

    torch.testing.assert_close(pair[:1], upscale.upscale(four, picture))
    assert pair.shape[0] == 2


class Scarce:
    """Runs out of memory on pictures larger than a limit."""

    def __init__(self, model, limit, error):
        self.limit, self.error, self.sides = limit, error, []
        self._hook = model.model.register_forward_pre_hook(self.before)

    def before(self, module, arguments):
        side = max(arguments[0].shape[-2:])
        self.sides.append(side)
        if side > self.limit:
            raise self.error


ERRORS = [
    torch.OutOfMemoryError("CUDA out of memory."),
    MemoryError(),
    RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried to allocate 4 bytes."),
]


@needs_spandrel
@pytest.mark.parametrize("error", ERRORS, ids=lambda error: type(error).__name__)
def test_missing_memory_halves_the_tiles(four, error):
    scarce = Scarce(four, 128, error)

    result = upscale.upscale(four, torch.rand(1, 140, 300, 3), Bar)

    assert result.shape == (1, 560, 1200, 3)
    assert scarce.sides[:2] == [300, 256]
    assert max(scarce.sides[2:]) == 128
    assert Bar.made[-1].done == Bar.made[-1].total


@needs_spandrel
def test_too_little_memory_for_the_smallest_tile_is_a_sentence(four):
    Scarce(four, 100, MemoryError())

    with pytest.raises(MemoryError, match="not enough memory for upscaling this picture"):
        upscale.upscale(four, torch.rand(1, 200, 200, 3))

    assert next(four.model.parameters()).device.type == "cpu"


@needs_spandrel
def test_other_errors_of_a_network_are_not_taken_for_missing_memory(four):
    Scarce(four, 1, RuntimeError("shapes differ"))

    with pytest.raises(RuntimeError, match="shapes differ"):
        upscale.upscale(four, torch.rand(1, 8, 8, 3))


def test_little_free_memory_means_small_tiles_from_the_start():
    plenty = upscale.working_bytes(512, 4)

    assert upscale.first_tile(2000, 2000, 4, plenty) == 512
    assert upscale.first_tile(2000, 2000, 4, plenty - 1) == 256
    assert upscale.first_tile(2000, 2000, 4, 0) == 128
    assert upscale.first_tile(64, 64, 4, plenty // 8) == 512


@needs_spandrel
def test_stop_works_inside_a_tile(four):
    reached = []

    class StoppedError(Exception):
        pass

    def check():
        reached.append(True)
        if len(reached) == 3:
            raise StoppedError

    with pytest.raises(StoppedError):
        upscale.upscale(four, torch.rand(1, 16, 16, 3), check=check)

    count = len(reached)
    upscale.upscale(four, torch.rand(1, 16, 16, 3))
    assert len(reached) == count, "the hooks are still there"


@needs_spandrel
@pytest.mark.parametrize(
    ("tensors", "words"),
    [
        ({"first_stage_model.decoder.conv_in.weight": torch.zeros(4, 4, 3, 3)}, "looks like a VAE"),
        ({"something": torch.zeros(2)}, "not an upscale model that is known here"),
    ],
)
def test_a_file_of_another_kind_says_what_it_is(tmp_path, tensors, words):
    save_file(tensors, tmp_path / "m.safetensors")

    with pytest.raises(ModelFileError, match=words) as caught:
        upscale.load_upscale_model(tmp_path / "m.safetensors")

    assert '"m.safetensors"' in str(caught.value)


@needs_spandrel
def test_a_file_with_missing_weights_is_named(tmp_path):
    tensors = esrgan(4)
    del tensors["model.1.sub.0.RDB2.conv3.0.weight"]
    save_file(tensors, tmp_path / "m.safetensors")

    with pytest.raises(ModelFileError, match=r'"m\.safetensors" cannot be used.*not complete'):
        upscale.load_upscale_model(tmp_path / "m.safetensors")


def test_without_spandrel_the_sentence_says_what_to_do(monkeypatch):
    monkeypatch.setattr(upscale, "missing_packages", lambda: ["spandrel", "einops"])

    with pytest.raises(ModelFileError, match=r"spandrel and einops.*launch\.py --setup"):
        upscale.import_spandrel()


@needs_spandrel
def test_nobody_takes_the_stand_in_for_torchvision():
    upscale.import_spandrel()

    assert getattr(sys.modules.get("torchvision"), "__file__", "real") is not None
    with torchvision_stand_in():
        pass
    assert "torchvision.transforms.functional" not in sys.modules or hasattr(
        sys.modules["torchvision"], "__file__"
    )


def test_the_stand_in_leaves_a_real_torchvision_alone(monkeypatch):
    real = object()
    monkeypatch.setitem(sys.modules, "torchvision", real)

    with torchvision_stand_in():
        assert sys.modules["torchvision"] is real

    assert sys.modules["torchvision"] is real


def test_the_stand_ins_turn_and_scale_as_the_real_functions():
    square = torch.arange(16.0).reshape(1, 1, 4, 4)

    torch.testing.assert_close(rotate(square, 90), torch.rot90(square, 1, (2, 3)))
    torch.testing.assert_close(rotate(square, -180), torch.rot90(square, 2, (2, 3)))
    torch.testing.assert_close(
        normalize(torch.tensor([[[1.0]], [[0.0]]]), [0.5, 0.5], [0.5, 0.25]),
        torch.tensor([[[1.0]], [[-2.0]]]),
    )


@needs_spandrel
def test_upscaling_lets_loaded_models_go_when_memory_is_short(four, tiny, monkeypatch):
    memory.load_models_gpu([tiny.vae.patcher])
    monkeypatch.setattr(memory, "get_free_memory", lambda device=None: 0)

    upscale.upscale(four, torch.rand(1, 8, 8, 3))

    assert memory.loaded_models() == []
