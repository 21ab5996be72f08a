"""Picture, mask and batch nodes, where the recorded numbers do not reach."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch

Call = Callable[..., Any]


def test_batch_images_fits_all_to_the_first_and_fills_alpha(call: Call) -> None:
    first, second = torch.zeros(1, 8, 6, 4), torch.ones(2, 4, 4, 3)

    (batch,) = call("BatchImagesNode", images={"image0": first, "image1": second})

    assert batch.shape == (3, 8, 6, 4)
    assert batch[1:].min() == 1


def test_batch_images_asks_for_a_picture(call: Call) -> None:
    with pytest.raises(ValueError, match="no picture"):
        call("BatchImagesNode", images={})


def test_batch_masks_fits_all_to_the_first(call: Call) -> None:
    masks = {"mask0": torch.zeros(1, 4, 6), "mask1": torch.ones(9, 9)}

    (batch,) = call("BatchMasksNode", masks=masks)

    assert batch.shape == (2, 4, 6)
    assert batch[1].min() == 1


def test_batch_latents_keeps_batch_numbers(call: Call) -> None:
    latents = {
        "latent0": {"samples": torch.zeros(2, 4, 4, 4)},
        "latent1": {"samples": torch.zeros(1, 4, 8, 8), "batch_index": [7]},
    }

    (batch,) = call("BatchLatentsNode", latents=latents)

    assert batch["samples"].shape == (3, 4, 4, 4)
    assert batch["batch_index"] == [0, 1, 7]


def test_latents_of_different_models_are_refused_in_words(call: Call) -> None:
    sd, flux = {"samples": torch.zeros(1, 4, 4, 4)}, {"samples": torch.zeros(1, 16, 4, 4)}

    with pytest.raises(ValueError, match="different kinds of models"):
        call("LatentAdd", samples1=sd, samples2=flux)


def test_rebatch_images_starts_a_new_batch_at_a_new_size_d254(call: Call) -> None:
    images = [torch.zeros(3, 4, 4, 3), torch.zeros(2, 4, 4, 3), torch.zeros(1, 8, 8, 3)]

    (batches,) = call("RebatchImages", images=images, batch_size=[2])

    assert [tuple(batch.shape[:2]) for batch in batches] == [(2, 4), (2, 4), (1, 4), (1, 8)]


def test_rebatch_latents_keeps_masks_and_numbers_d254(call: Call) -> None:
    masked = {"samples": torch.zeros(1, 4, 2, 2), "noise_mask": torch.zeros(1, 1, 16, 16)}
    plain = {"samples": torch.zeros(2, 4, 2, 2), "batch_index": [4, 5]}

    (batches,) = call("RebatchLatents", latents=[masked, plain], batch_size=[2])

    assert [batch["batch_index"] for batch in batches] == [[0, 4], [5]]
    assert batches[0]["noise_mask"].flatten(1).mean(1).tolist() == [0, 1]
    assert "noise_mask" not in batches[1]


def test_repeat_latent_batch_gives_each_copy_numbers_of_its_own(call: Call) -> None:
    latent = {"samples": torch.zeros(2, 4, 2, 2), "batch_index": [3, 5]}

    (repeated,) = call("RepeatLatentBatch", samples=latent, amount=3)

    assert repeated["batch_index"] == [3, 5, 6, 8, 9, 11]


@pytest.mark.parametrize(("behavior", "expected"), [("random", None), ("fixed", [6, 6, 6])])
def test_latent_batch_seed_behavior(call: Call, behavior: str, expected: Any) -> None:
    latent = {"samples": torch.zeros(3, 4, 2, 2), "batch_index": [6, 7, 8]}

    (result,) = call("LatentBatchSeedBehavior", samples=latent, seed_behavior=behavior)

    assert result.get("batch_index") == expected


def test_nodes_leave_their_inputs_alone(call: Call) -> None:
    latent = {"samples": torch.ones(1, 4, 4, 4)}
    other = {"samples": torch.zeros(1, 4, 2, 2)}

    call("LatentComposite", samples_to=latent, samples_from=other, x=0, y=0)
    call("SetLatentNoiseMask", samples=latent, mask=torch.ones(4, 4))

    assert set(latent) == {"samples"}
    assert latent["samples"].min() == 1


@pytest.mark.parametrize(("index", "first"), [(0, 0.0), (2, 2.0), (-1, 3.0)])
def test_replace_video_latent_frames(call: Call, index: int, first: float) -> None:
    video = {"samples": torch.zeros(1, 2, 4, 2, 2)}
    frame = {"samples": torch.ones(1, 2, 1, 2, 2)}

    (result,) = call("ReplaceVideoLatentFrames", destination=video, source=frame, index=index)

    assert result["samples"][0, 0, :, 0, 0].argmax().item() == first


def test_frames_that_do_not_fit_change_nothing(call: Call) -> None:
    video = {"samples": torch.zeros(1, 2, 4, 2, 2)}
    frames = {"samples": torch.ones(1, 2, 3, 2, 2)}

    (result,) = call("ReplaceVideoLatentFrames", destination=video, source=frames, index=2)

    assert result["samples"].max() == 0


def test_pad_for_outpaint_feathers_only_towards_new_borders_d248(call: Call) -> None:
    image = torch.zeros(1, 10, 12, 3)

    padded, mask = call(
        "ImagePadForOutpaint", image=image, left=0, top=2, right=0, bottom=0, feathering=4
    )

    assert padded.shape == (1, 12, 12, 3)
    assert padded[0, :2].min() == padded[0, :2].max() == 0.5
    assert mask[0, :, 5].tolist() == pytest.approx(
        [1, 1, 1, 0.5625, 0.25, 0.0625, 0, 0, 0, 0, 0, 0]
    )


def test_pad_for_outpaint_without_room_does_not_feather_d248(call: Call) -> None:
    _, mask = call(
        "ImagePadForOutpaint",
        image=torch.zeros(1, 8, 8, 3), left=8, top=0, right=0, bottom=0, feathering=4,
    )  # fmt: skip

    assert mask[0, :, 8:].max() == 0


def test_color_to_mask_compares_rounded_levels_d253(call: Call) -> None:
    image = torch.tensor([[[[0.2, 0.4, 0.6], [0.2, 0.4, 0.61]]]])

    (mask,) = call("ImageColorToMask", image=image, color=0x336699)

    assert mask.tolist() == [[[1.0, 0.0]]]


def test_threshold_is_strict_d253(call: Call) -> None:
    (mask,) = call("ThresholdMask", mask=torch.tensor([[[0.4, 0.5, 0.6]]]), value=0.5)

    assert mask.tolist() == [[[0.0, 0.0, 1.0]]]


def test_a_missing_alpha_channel_is_told_in_words(call: Call) -> None:
    with pytest.raises(ValueError, match="no alpha channel"):
        call("ImageToMask", image=torch.zeros(1, 2, 2, 3), channel="alpha")


def test_a_mask_is_cropped_only_inside(call: Call) -> None:
    with pytest.raises(ValueError, match="outside the mask of 4 x 3"):
        call("CropMask", mask=torch.zeros(1, 3, 4), x=4, y=0, width=2, height=2)


def test_join_and_split_alpha_are_inverse(call: Call) -> None:
    image, alpha = torch.rand(1, 4, 4, 3), torch.rand(1, 4, 4)

    (joined,) = call("JoinImageWithAlpha", image=image, alpha=alpha)
    colors, mask = call("SplitImageWithAlpha", image=joined)

    assert torch.equal(colors, image)
    assert torch.allclose(mask, alpha)


def test_planes_and_colours_are_inverse(call: Call) -> None:
    image = torch.rand(1, 4, 5, 3)

    y, u, v = call("ImageRGBToYUV", image=image)
    (back,) = call("ImageYUVToRGB", Y=y, U=u, V=v)

    assert torch.allclose(back, image, atol=5e-3)


def test_noise_of_a_seed_is_always_the_same_and_leaves_the_global_generator(call: Call) -> None:
    image = torch.full((1, 4, 4, 3), 0.5)
    torch.manual_seed(3)
    before = torch.random.get_rng_state()

    (first,) = call("ImageAddNoise", image=image, seed=2**64 - 1, strength=0.3)
    (second,) = call("ImageAddNoise", image=image, seed=2**64 - 1, strength=0.3)

    assert torch.equal(first, second)
    assert torch.equal(torch.random.get_rng_state(), before)


def test_blur_reaches_beyond_a_small_picture(call: Call) -> None:
    (blurred,) = call("ImageBlur", image=torch.ones(1, 3, 2, 3), blur_radius=31, sigma=2.0)

    assert torch.allclose(blurred, torch.ones(1, 3, 2, 3))


@pytest.mark.parametrize("method", ["lanczos", "area", "bicubic", "nearest-exact", "bilinear"])
def test_masks_can_be_resized_in_every_way(call: Call, method: str) -> None:
    wish = {"resize_type": "scale dimensions", "width": 6, "height": 0, "crop": "disabled"}

    (mask,) = call(
        "ResizeImageMaskNode", input=torch.ones(2, 4, 3), resize_type=wish, scale_method=method
    )

    assert mask.shape == (2, 8, 6)
    assert torch.allclose(mask, torch.ones(2, 8, 6), atol=1e-5)


def test_match_size_takes_the_size_of_a_mask(call: Call) -> None:
    wish = {"resize_type": "match size", "match": torch.zeros(1, 5, 9), "crop": "center"}

    (image,) = call(
        "ResizeImageMaskNode",
        input=torch.zeros(1, 20, 20, 3), resize_type=wish, scale_method="area",
    )  # fmt: skip

    assert image.shape == (1, 5, 9, 3)


def test_colour_grade_of_neutral_values_changes_nothing(call: Call) -> None:
    image = torch.rand(2, 3, 4, 4)

    (graded,) = call(
        "EaselColorGrade", image=image, exposure=0.0, contrast=1.0, saturation=1.0, warmth=0.0
    )

    assert torch.allclose(graded, image, atol=1e-5)


def test_colour_grade_acts_inside_the_mask_only(call: Call) -> None:
    image = torch.full((1, 2, 2, 3), 0.5)
    mask = torch.tensor([[[1.0, 0.0], [1.0, 0.0]]])

    (graded,) = call(
        "EaselColorGrade",
        image=image, exposure=1.0, contrast=1.0, saturation=1.0, warmth=0.0, mask=mask,
    )  # fmt: skip

    assert graded[0, 0, 0, 0].item() == pytest.approx(0.6858, abs=1e-3)
    assert graded[0, 0, 1, 0].item() == pytest.approx(0.5)


def test_gradient_runs_in_its_direction(call: Call) -> None:
    image, mask = call(
        "EaselGradient",
        width=4, height=2, start_color=0, end_color=0xFFFFFF, shape="linear", angle=0.0,
    )  # fmt: skip

    assert mask[0, 0].tolist() == pytest.approx([0.125, 0.375, 0.625, 0.875])
    assert torch.allclose(image[..., 1], mask)


def test_mask_shape_is_full_inside_and_empty_outside(call: Call) -> None:
    (mask,) = call(
        "EaselMaskShape",
        width=64, height=32, shape="ellipse", center_x=0.5, center_y=0.5,
        shape_width=0.5, shape_height=0.5, feather=0.05,
    )  # fmt: skip

    assert mask.shape == (1, 32, 64)
    assert mask[0, 16, 32] == 1
    assert mask[0, 0, 0] == 0


def test_text_is_drawn_in_its_corner_and_nowhere_else(call: Call) -> None:
    image = torch.zeros(1, 64, 128, 3)

    (written,) = call(
        "EaselDrawText",
        image=image, text="Hi", place="bottom right", size=0.2, margin=0.05,
        color=0xFF0000, opacity=1.0,
    )  # fmt: skip

    assert written[0, 32:, 64:, 0].max() > 0.9
    assert written[..., 1:].max() == 0
    assert written[0, :32].max() == 0
    assert written[0, :, :64].max() == 0


def test_contact_sheet_lays_pictures_out_in_rows(call: Call) -> None:
    images = torch.arange(5.0)[:, None, None, None].expand(5, 4, 6, 3) / 10

    (sheet,) = call(
        "EaselContactSheet", images=images, columns=0, gap=2, background=0xFFFFFF, numbers=False
    )

    assert sheet.shape == (1, 2 * 6 + 2, 3 * 8 + 2, 3)
    assert sheet[0, 8, 10, 0].item() == pytest.approx(0.4)
    assert sheet[0, 0].min() == 1


def test_contact_sheet_refuses_a_sheet_beyond_the_limit(call: Call) -> None:
    images = torch.zeros(1, 1, 1, 3).expand(100, 2048, 2048, 3)

    with pytest.raises(ValueError, match="make the pictures smaller"):
        call("EaselContactSheet", images=images, columns=10, gap=0, background=0, numbers=False)


def test_a_switch_runs_only_the_branch_it_needs(call: Call, engine: Any) -> None:
    prompt = {
        "1": {"class_type": "ManualSigmas", "inputs": {"sigmas": "1..2"}},
        "2": {"class_type": "PrimitiveInt", "inputs": {"value": 4}},
        "3": {
            "class_type": "ComfySwitchNode",
            "inputs": {"switch": True, "on_false": ["1", 0], "on_true": ["2", 0]},
        },
        "4": {"class_type": "PreviewAny", "inputs": {"source": ["3", 0]}},
    }

    result = engine.run(prompt)

    assert result.error is None
    assert result.outputs["4"]["text"] == ["4"]


class _Unprintable:
    def __str__(self) -> str:
        raise RuntimeError("no")

    __repr__ = __str__


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("words", "words"),
        (None, "None"),
        (1.5, "1.5"),
        (True, "True"),
        ({"a": "ü"}, '{\n    "a": "ü"\n}'),
        (_Unprintable(), "This value cannot be shown as text."),
    ],
)
def test_preview_any_shows_every_value(call: Call, value: Any, text: str) -> None:
    assert call("PreviewAny", source=value)["ui"]["text"] == (text,)


@pytest.mark.parametrize(
    ("mode", "group", "expected"),
    [
        ("First Match", 1, "k1"),
        ("All Matches", 1, "k\nm"),
        ("First Group", 2, "1"),
        ("All Groups", 2, "1\n22"),
        ("First Group", 9, ""),
    ],
)
def test_regex_extract_modes_d256(call: Call, mode: str, group: int, expected: str) -> None:
    (found,) = call(
        "RegexExtract",
        string="k1 m22", regex_pattern=r"([a-z])(\d+)", mode=mode,
        case_insensitive=False, multiline=False, dotall=False, group_index=group,
    )  # fmt: skip

    assert found == expected


def test_a_bad_pattern_matches_nothing_and_replaces_with_an_error_d256(call: Call) -> None:
    flags = {"case_insensitive": True, "multiline": False, "dotall": False}

    assert call("RegexMatch", string="x", regex_pattern="(", **flags) == (False,)
    with pytest.raises(ValueError, match="not a valid replacement"):
        call("RegexReplace", string="x", regex_pattern="(", replace="", **flags)
