"""Picture functions: formulas worked by hand, limits, and wrong values."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from app.engine.imaging import blending, color, edges, filters, masks, morphology, quantize, resize


@pytest.mark.parametrize(
    ("mode", "a", "b", "expected"),
    [
        ("normal", 0.2, 0.6, 0.6),
        ("multiply", 0.2, 0.6, 0.12),
        ("screen", 0.2, 0.6, 0.68),
        ("overlay", 0.2, 0.6, 0.24),
        ("overlay", 0.8, 0.6, 0.84),
        ("soft_light", 0.2, 0.4, 0.168),
        ("soft_light", 0.64, 0.75, 0.72),
        ("soft_light", 0.1, 0.75, 0.198),
        ("difference", 0.8, 0.6, 0.2),
        ("difference", 0.2, 0.6, 0.0),
    ],
)
def test_blend_modes_by_hand_d240(mode: str, a: float, b: float, expected: float) -> None:
    result = blending.blend(torch.tensor([a]), torch.tensor([b]), 1.0, mode)

    assert result.item() == pytest.approx(expected, abs=1e-5)


@pytest.mark.parametrize(
    ("mode", "expected_color", "expected_alpha"),
    [
        # Source 0.8 at alpha 0.5, destination 0.4 at alpha 0.25; colours not premultiplied.
        ("ADD", 0.5 / 0.75, 0.75),
        ("CLEAR", 0.0, 0.0),
        ("DARKEN", (0.75 * 0.4 + 0.5 * 0.1 + 0.1) / 0.625, 0.625),
        ("DST", 0.4, 0.25),
        ("DST_ATOP", (0.5 * 0.1 + 0.75 * 0.4) / 0.5, 0.5),
        ("DST_IN", 0.05 / 0.125, 0.125),
        ("DST_OUT", 0.05 / 0.125, 0.125),
        ("DST_OVER", (0.1 + 0.75 * 0.4) / 0.625, 0.625),
        ("LIGHTEN", (0.75 * 0.4 + 0.5 * 0.1 + 0.4) / 0.625, 1.0),
        ("MULTIPLY", 0.04 / 0.125, 0.125),
        ("OVERLAY", 0.08 / 0.625, 0.625),
        ("SCREEN", (0.5 - 0.04) / 0.625, 0.625),
        ("SRC", 0.8, 0.5),
        ("SRC_ATOP", (0.25 * 0.4 + 0.5 * 0.1) / 0.25, 0.25),
        ("SRC_IN", 0.1 / 0.125, 0.125),
        ("SRC_OUT", 0.3 / 0.375, 0.375),
        ("SRC_OVER", (0.4 + 0.5 * 0.1) / 0.625, 0.625),
        ("XOR", (0.75 * 0.4 + 0.5 * 0.1) / 0.5, 0.5),
    ],
)
def test_porter_duff_modes_by_hand_d251(
    mode: str, expected_color: float, expected_alpha: float
) -> None:
    source, destination = torch.tensor([0.8]), torch.tensor([0.4])

    result, mask = blending.porter_duff(
        source, torch.tensor([0.5]), destination, torch.tensor([0.75]), mode
    )

    alpha = 0.625 if mode == "LIGHTEN" else expected_alpha
    assert result.item() == pytest.approx(min(expected_color, 1.0), abs=1e-5)
    assert mask.item() == pytest.approx(1 - alpha, abs=1e-5)


def test_every_porter_duff_mode_of_the_menu_is_tested_above() -> None:
    assert len(blending.PORTER_DUFF_MODES) == 18


def test_a_blur_keeps_the_sum_and_a_sharpening_keeps_flat_areas_d241() -> None:
    flat = torch.full((1, 3, 7, 9), 0.3)

    assert torch.allclose(filters.gaussian_blur(flat, 3, 1.0), flat)
    assert torch.allclose(filters.sharpen(flat, 3, 1.0, 2.0), flat, atol=1e-5)


def test_the_kernel_is_a_normalised_bell_d241() -> None:
    kernel = filters.gaussian_kernel(5, 0.8)

    assert kernel.shape == (5, 5)
    assert kernel.sum().item() == pytest.approx(1)
    assert kernel[2, 2] == kernel.max()


@pytest.mark.parametrize(("tapered", "expected"), [(True, 13), (False, 25)])
def test_a_point_grows_into_a_diamond_or_a_square_d243(tapered: bool, expected: int) -> None:
    point = torch.zeros(1, 9, 9)
    point[0, 4, 4] = 1

    grown = masks.grow_mask(point, 2, tapered_corners=tapered)

    assert grown.sum().item() == expected


def test_shrinking_is_growing_of_the_rest_d243() -> None:
    mask = (torch.rand(1, 12, 12, generator=torch.Generator().manual_seed(2)) > 0.3).float()

    shrunk = masks.grow_mask(mask, -2)

    # The border counts as a mirror, so nothing creeps in from outside.
    assert torch.equal(shrunk, 1 - masks.grow_mask(1 - mask, 2))


@pytest.mark.parametrize("operation", morphology.MORPHOLOGY_OPERATIONS)
def test_morphology_of_a_flat_picture_is_flat(operation: str) -> None:
    flat = torch.full((1, 3, 6, 5), 0.4)

    result = morphology.morph(flat, operation, 4)

    expected = 0.4 if operation in ("erode", "dilate", "open", "close") else 0.0
    assert torch.allclose(result, torch.full_like(flat, expected))


def test_canny_draws_a_step_as_one_line() -> None:
    image = torch.zeros(1, 16, 16, 3)
    image[:, :, 8:] = 1

    lines = edges.canny(image, 0.2, 0.4)[0, 0]

    assert lines[8].sum() == 1
    assert lines[:, 7:9].sum() == 16


def test_canny_of_a_tiny_picture_finds_nothing() -> None:
    assert edges.canny(torch.ones(1, 1, 1, 3), 0.4, 0.8).tolist() == [[[[0.0]]]]


def test_quantize_uses_at_most_the_asked_colours_d242() -> None:
    image = torch.rand(1, 20, 20, 3, generator=torch.Generator().manual_seed(1))

    result = quantize.quantize(image, 5, "bayer-4")

    assert len({tuple(pixel) for pixel in result.reshape(-1, 3).tolist()}) <= 5


def test_the_bayer_matrix_holds_evenly_spaced_steps_d242() -> None:
    steps = sorted(quantize.bayer_matrix(4).flatten().tolist())

    assert steps == pytest.approx([(i - 7.5) / 16 for i in range(16)])


def test_srgb_and_linear_light_are_inverse() -> None:
    values = torch.linspace(0, 1, 101)

    assert torch.allclose(color.linear_to_srgb(color.srgb_to_linear(values)), values, atol=1e-5)


def test_grading_up_and_down_by_a_stop_is_inverse() -> None:
    values = torch.linspace(0.05, 0.6, 30).reshape(1, 1, 10, 3)

    up = color.grade(values, exposure=1.0)

    assert torch.allclose(color.grade(up, exposure=-1.0), values, atol=1e-4)


@pytest.mark.parametrize(
    "method", ["nearest-exact", "bilinear", "area", "bicubic", "lanczos", "bislerp"]
)
@settings(max_examples=12, deadline=None)
@given(
    height=st.integers(1, 9),
    width=st.integers(1, 9),
    new_height=st.integers(1, 12),
    new_width=st.integers(1, 12),
    channels=st.integers(1, 5),
    crop=st.sampled_from(["disabled", "center"]),
)
def test_every_size_can_be_resized_to_every_other_d176(
    method: str, height: int, width: int, new_height: int, new_width: int, channels: int, crop: str
) -> None:
    flat = torch.full((2, channels, height, width), 0.5)

    result = resize.common_upscale(flat, new_width, new_height, method, crop)

    assert result.shape == (2, channels, new_height, new_width)
    # Lanczos works in steps of 1/255, twice with alpha.
    assert torch.allclose(result, torch.full_like(result, 0.5), atol=2.5 / 255)


def test_video_frames_are_resized_one_by_one_d176() -> None:
    video = torch.rand(1, 3, 4, 6, 6)

    result = resize.common_upscale(video, 3, 2, "area", "disabled")

    frame = resize.common_upscale(video[:, :, 2], 3, 2, "area", "disabled")
    assert result.shape == (1, 3, 4, 2, 3)
    assert torch.equal(result[:, :, 2], frame)


@pytest.mark.parametrize(("width", "height"), [(0, 4), (4, 0), (-1, 4)])
def test_a_size_of_nothing_is_refused_in_words(width: int, height: int) -> None:
    with pytest.raises(ValueError, match="both sides must be at least 1"):
        resize.common_upscale(torch.zeros(1, 3, 4, 4), width, height, "area", "disabled")


@pytest.mark.parametrize(
    ("function", "arguments"),
    [
        (resize.common_upscale, (torch.zeros(1, 3, 4, 4), 2, 2, "magic", "disabled")),
        (blending.blend, (torch.zeros(1), torch.zeros(1), 0.5, "magic")),
        (blending.porter_duff, (*[torch.zeros(1)] * 4, "magic")),
        (masks.combine_masks, (torch.zeros(1, 2, 2), torch.zeros(1, 2, 2), 0, 0, "magic")),
        (masks.combine_masks, (torch.zeros(1, 2, 2), torch.zeros(1, 2, 2), 9, 9, "magic")),
        (morphology.morph, (torch.zeros(1, 1, 2, 2), "magic", 3)),
        (quantize.quantize, (torch.zeros(1, 2, 2, 3), 4, "magic")),
    ],
)
def test_an_unknown_way_is_refused_with_the_known_ones(function: object, arguments: tuple) -> None:
    with pytest.raises(ValueError, match=r'"magic"; known are \w'):
        function(*arguments)  # type: ignore[operator]
