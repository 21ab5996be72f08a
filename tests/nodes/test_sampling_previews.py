"""Pictures of latents while sampling: by a matrix, or by the artist's small decoder."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

sys.path.insert(0, str(Path(__file__).parents[1] / "engine" / "models"))

import random_models

from app.engine.errors import ModelFileError
from app.engine.models import latent_formats, taesd
from app.engine.models.vae import VAE


def half(name):
    """Return one half of the random TAESD as its file stores it, without a prefix."""
    prefix = f"taesd_{name}."
    tensors = random_models.build("taesd", dtype=torch.float32)
    return {k.removeprefix(prefix): v for k, v in tensors.items() if k.startswith(prefix)}


@pytest.fixture(scope="module")
def folder(base_dir, engine):
    folder = base_dir / "models" / "vae_approx"
    folder.mkdir(parents=True, exist_ok=True)
    return folder


@pytest.fixture
def decoder_file(folder):
    """Put the decoder of SD 1 into the artist's folder for one test."""
    import folder_paths

    path = folder / "taesd_decoder.safetensors"
    save_file(half("decoder"), path)
    folder_paths.filename_list_cache.clear()
    yield path
    path.unlink()
    folder_paths.filename_list_cache.clear()


@pytest.fixture
def previews(engine):
    import latent_preview

    yield latent_preview
    latent_preview.set_default_preview_method("auto")


SD1 = latent_formats.SD15
LATENT = torch.randn(2, 4, 6, 8, generator=torch.Generator().manual_seed(1))


def test_the_decoder_gives_the_picture_of_the_whole_approximation(decoder_file):
    vae = VAE(sd=random_models.build("taesd", dtype=torch.float32))

    picture = taesd.TinyDecoder(decoder_file).decode(LATENT)

    assert picture.shape == (48, 64, 3)
    shown = ((picture + 1) / 2).clamp(0, 1)
    torch.testing.assert_close(shown, vae.decode(LATENT)[0], atol=1e-4, rtol=0)


def test_of_a_film_the_first_frame_is_shown(decoder_file):
    decoder = taesd.TinyDecoder(decoder_file)
    film = torch.stack([LATENT, LATENT * 0], dim=2)

    torch.testing.assert_close(decoder.decode(film), decoder.decode(LATENT))


@pytest.mark.parametrize("content", [{"1.weight": torch.zeros(3)}, {"a": torch.zeros(1)}])
def test_a_file_of_another_kind_is_named(tmp_path, content):
    save_file(content, tmp_path / "taesd_decoder.safetensors")

    with pytest.raises(ModelFileError):
        taesd.TinyDecoder(tmp_path / "taesd_decoder.safetensors")


def test_the_family_of_a_latent_finds_its_file():
    files = ["b/taesdxl_decoder.pth", "taesd_encoder.safetensors", "taesd_decoder.safetensors"]
    formats = {
        "SD15": "taesd_decoder.safetensors",
        "SDXL": "b/taesdxl_decoder.pth",
        "SD3": None,
        "FLUX": None,
    }

    for name, expected in formats.items():
        wanted = getattr(latent_formats, name).taesd_decoder_name
        assert taesd.find_decoder_file(wanted, files) == expected, name
    assert taesd.find_decoder_file(None, files) is None


def test_auto_takes_the_decoder_when_the_artist_has_it(previews, decoder_file):
    previewer = previews.get_previewer(torch.device("cpu"), SD1)

    picture = previewer.decode_latent_to_preview(LATENT)

    assert picture.size == (64, 48)


def test_auto_takes_the_matrix_without_a_file(previews, folder):
    previewer = previews.get_previewer(torch.device("cpu"), SD1)

    assert previewer.decode_latent_to_preview(LATENT).size == (8, 6)


@pytest.mark.parametrize(
    ("method", "size"), [("latent2rgb", (8, 6)), ("taesd", (64, 48)), ("auto", (64, 48))]
)
def test_the_method_can_be_chosen(previews, decoder_file, method, size):
    previews.set_default_preview_method(method)

    previewer = previews.get_previewer(torch.device("cpu"), SD1)

    assert previewer.decode_latent_to_preview(LATENT).size == size


def test_previews_can_be_off_and_one_prompt_can_differ(previews, decoder_file):
    previews.set_default_preview_method("none")
    assert previews.get_previewer(torch.device("cpu"), SD1) is None

    previews.set_preview_method("latent2rgb")
    assert previews.get_previewer(torch.device("cpu"), SD1) is not None
    previews.set_preview_method(None)
    assert previews.get_previewer(torch.device("cpu"), SD1) is None


def test_a_wish_that_cannot_be_met_is_logged_and_the_matrix_used(previews, folder, caplog):
    previews.set_default_preview_method("taesd")

    previewer = previews.get_previewer(torch.device("cpu"), SD1)

    assert previewer.decode_latent_to_preview(LATENT).size == (8, 6)
    assert "no taesd_decoder in models/vae_approx" in caplog.text


def test_a_damaged_decoder_costs_no_run(previews, decoder_file, caplog):
    decoder_file.write_bytes(b"<!DOCTYPE html><html>not here</html>")

    previewer = previews.get_previewer(torch.device("cpu"), SD1)

    assert previewer.decode_latent_to_preview(LATENT).size == (8, 6)
    assert "web page" in caplog.text


def test_latents_of_another_kind_fall_back_to_the_matrix(previews, decoder_file):
    previewer = previews.get_previewer(torch.device("cpu"), SD1)
    previewer.taesd.latent_channels = 16

    assert previewer.decode_latent_to_preview(LATENT).size == (8, 6)


def test_previews_take_a_small_part_of_the_time_and_the_last_step_always_has_one(
    previews, monkeypatch
):
    shown = []
    clock = [100.0]

    class Slow(previews.LatentPreviewer):
        def decode_latent_to_preview(self, x0):
            clock[0] += 1.0
            return previews.preview_to_image(torch.zeros(2, 2, 3))

    class Model:
        load_device = torch.device("cpu")
        model = type("Inner", (), {"latent_format": SD1})

    monkeypatch.setattr(previews, "get_previewer", lambda device, latent_format: Slow())
    monkeypatch.setattr(previews.time, "monotonic", lambda: clock[0])
    monkeypatch.setattr(
        previews.comfy.utils.ProgressBar,
        "update_absolute",
        lambda bar, value, total=None, preview=None: shown.append(preview is not None),
    )
    callback = previews.prepare_callback(Model, 30)
    for step in range(30):
        clock[0] += 1.0
        callback(step, LATENT, LATENT, 30)

    assert shown[0]
    assert shown[-1]
    assert 3 <= sum(shown) <= 6


def test_the_vae_menu_offers_an_approximation_with_both_halves(call, folder, decoder_file):
    import folder_paths

    from nodes import NODE_CLASS_MAPPINGS

    loader = NODE_CLASS_MAPPINGS["VAELoader"]
    assert "taesd" not in loader.vae_list()
    save_file(half("encoder"), folder / "taesd_encoder.safetensors")
    folder_paths.filename_list_cache.clear()
    try:
        assert "taesd" in loader.vae_list()
        vae = call("VAELoader", vae_name="taesd")[0]
    finally:
        (folder / "taesd_encoder.safetensors").unlink()

    picture = vae.decode(LATENT / 0.18215)[0]
    torch.testing.assert_close(
        picture,
        ((taesd.TinyDecoder(decoder_file).decode(LATENT) + 1) / 2).clamp(0, 1),
        atol=1e-4,
        rtol=0,
    )
    assert vae.encode(torch.rand(1, 32, 32, 3)).shape == (1, 4, 4, 4)
