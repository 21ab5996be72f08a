"""Latent formats and pictures of latents are as recorded (data: tests/data/diffusion)."""

from __future__ import annotations

import numpy as np
import pytest
import sampling_toy as toy
import torch
from diffusion_records import assert_recorded, cases, keys

from app.engine.diffusion.preview import latent_to_rgb
from app.engine.models import latent_formats
from app.engine.models.latent_formats import LatentFormat

FORMATS = {
    "Flux2": latent_formats.FLUX2,
    "HunyuanImage21": latent_formats.HUNYUAN_IMAGE,
    "HunyuanVideo": latent_formats.HUNYUAN_VIDEO,
    "SC_B": latent_formats.CASCADE_B,
    "SC_Prior": latent_formats.CASCADE_PRIOR,
    "SDXL_Playground_2_5": latent_formats.SDXL_PLAYGROUND_2_5,
}
ALL_FORMATS = [value for value in vars(latent_formats).values() if isinstance(value, LatentFormat)]


@pytest.mark.parametrize("key", keys("preview"))
def test_formats_and_pictures_are_as_recorded_d170_d174(key: str) -> None:
    case = cases("preview")[key]
    values, latent_format = case["values"], FORMATS[case["params"]["format"]]
    latent = toy.latent(case["params"]["shape"]) * 2

    assert_recorded("preview", key, "in", latent_format.process_in(latent))
    assert_recorded("preview", key, "out", latent_format.process_out(latent))
    picture = latent_to_rgb(latent, latent_format)
    assert picture is not None
    assert picture.dtype == np.uint8
    assert_recorded("preview", key, "preview_u8", torch.from_numpy(picture))
    assert latent_format.latent_channels == values["latent_channels"]
    assert latent_format.latent_dimensions == values["latent_dimensions"]
    assert latent_format.taesd_decoder_name == values["taesd"]


@pytest.mark.parametrize(
    ("latent_format", "expected"),
    [
        (latent_formats.SD15, 0.18215),
        (latent_formats.SDXL, 0.13025),
        (latent_formats.SD_X4, 0.08333),
        (latent_formats.SD3, (1 - 0.0609) * 1.5305),
        (latent_formats.FLUX, (1 - 0.1159) * 0.3611),
    ],
)
def test_the_scale_of_a_family_d170(latent_format: LatentFormat, expected: float) -> None:
    ones = torch.ones(1, latent_format.latent_channels, 2, 2)

    torch.testing.assert_close(latent_format.process_in(ones), ones * expected)


@pytest.mark.parametrize("latent_format", ALL_FORMATS, ids=lambda value: value.name)
def test_scales_are_undone(latent_format: LatentFormat) -> None:
    sizes = [3, 4, 5][: latent_format.latent_dimensions]
    latent = toy.latent((2, latent_format.latent_channels, *sizes))

    there_and_back = latent_format.process_out(latent_format.process_in(latent))

    torch.testing.assert_close(there_and_back, latent)


@pytest.mark.parametrize("latent_format", ALL_FORMATS, ids=lambda value: value.name)
def test_each_channel_has_a_colour(latent_format: LatentFormat) -> None:
    factors = latent_format.latent_rgb_factors
    if factors is None:
        assert latent_format.name in ("sd_x4", "stable_audio")
        return
    patch = 4 if latent_format.latent_rgb_factors_reshape else 1

    assert len(factors) * patch == latent_format.latent_channels


def test_a_picture_of_pixels_is_the_picture() -> None:
    latent = torch.tensor([-2.0, 0.0, 1.0]).reshape(1, 3, 1, 1)

    picture = latent_to_rgb(latent, latent_formats.PIXELS)

    assert picture is not None
    assert picture.tolist() == [[[0, 127, 255]]]


def test_unknown_colours_give_no_picture() -> None:
    assert latent_to_rgb(torch.zeros(1, 4, 8, 8), latent_formats.SD_X4) is None
    assert latent_to_rgb(torch.zeros(1, 16, 8, 8), latent_formats.SD15) is None
    assert latent_to_rgb(torch.zeros(1, 64, 8), latent_formats.STABLE_AUDIO) is None
