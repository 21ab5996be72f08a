"""Mix models, add them up, and take one from another."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from .input_options import Option, number, plug
from .value_types import InputTypes

_CATEGORY = "advanced/model_merging"
_BY_FAMILY = "advanced/model_merging/model_specific"
_NETWORK = "diffusion_model."
_NO_WEIGHTS = (".position_ids", ".logit_scale")
"""Endings of text encoder tensors that mean nothing when mixed."""

_RATIO = "1 is only the first model, 0 only the second."
_MULTIPLIER = "Factor of the difference; below 0 it is turned around."


def _models() -> dict[str, Option]:
    return {
        "model1": plug("MODEL", "The first model; it also decides the hooks."),
        "model2": plug("MODEL", "The second model, of the same kind."),
    }


def _clips() -> dict[str, Option]:
    return {
        "clip1": plug("CLIP", "The first text encoder."),
        "clip2": plug("CLIP", "The second text encoder, of the same kind."),
    }


def _share(tooltip: str = _RATIO) -> Option:
    return number(1.0, 0.0, 1.0, 0.01, tooltip)


def merge_models(model1: Any, model2: Any, strength_second: float, strength_first: float) -> Any:
    """Return ``model1 * strength_first + model2 * strength_second``, as patches."""
    merged = model1.clone()
    merged.add_patches(model2.get_key_patches(_NETWORK), strength_second, strength_first)
    return merged


def merge_blocks(model1: Any, model2: Any, ratios: Mapping[str, float]) -> Any:
    """Mix two models part by part.

    Args:
        model1: The first patcher.
        model2: The second patcher.
        ratios: By the beginning of weight names; the longest that fits counts, and the first
            ratio where none does. 1 is only the first model.
    """
    merged = model1.clone()
    default = next(iter(ratios.values()))
    for name, patches in model2.get_key_patches(_NETWORK).items():
        inner = name.removeprefix(_NETWORK)
        fitting = [beginning for beginning in ratios if inner.startswith(beginning)]
        ratio = ratios[max(fitting, key=len)] if fitting else default
        merged.add_patches({name: patches}, 1.0 - ratio, ratio)
    return merged


def merge_clips(clip1: Any, clip2: Any, strength_second: float, strength_first: float) -> Any:
    """Return ``clip1 * strength_first + clip2 * strength_second``, as patches."""
    merged = clip1.clone()
    patches = {
        name: value
        for name, value in clip2.get_key_patches().items()
        if not name.endswith(_NO_WEIGHTS)
    }
    merged.add_patches(patches, strength_second, strength_first)
    return merged


class ModelMergeSimple:
    """Mix two models."""

    @classmethod
    def INPUT_TYPES(cls) -> InputTypes:
        """Declare two models and their ratio."""
        return {"required": {**_models(), "ratio": _share()}}

    RETURN_TYPES = ("MODEL",)
    FUNCTION = "merge"
    CATEGORY = _CATEGORY
    DESCRIPTION = "Mixes the weights of two models of the same kind in a chosen ratio."

    def merge(self, model1: Any, model2: Any, ratio: float) -> tuple[Any]:
        """Return the mixed model."""
        return (merge_models(model1, model2, 1.0 - ratio, ratio),)


class ModelMergeAdd:
    """Add two models."""

    @classmethod
    def INPUT_TYPES(cls) -> InputTypes:
        """Declare two models."""
        return {"required": _models()}

    RETURN_TYPES = ("MODEL",)
    FUNCTION = "merge"
    CATEGORY = _CATEGORY
    DESCRIPTION = "Adds the weights of one model to those of another."

    def merge(self, model1: Any, model2: Any) -> tuple[Any]:
        """Return the sum."""
        return (merge_models(model1, model2, 1.0, 1.0),)


class ModelMergeSubtract:
    """Take a model from another."""

    @classmethod
    def INPUT_TYPES(cls) -> InputTypes:
        """Declare two models and a factor."""
        return {
            "required": {**_models(), "multiplier": number(1.0, -10.0, 10.0, 0.01, _MULTIPLIER)}
        }

    RETURN_TYPES = ("MODEL",)
    FUNCTION = "merge"
    CATEGORY = _CATEGORY
    DESCRIPTION = (
        "Takes the weights of the second model from the first. Added to a third model, the "
        "difference carries over what the first one had learnt."
    )

    def merge(self, model1: Any, model2: Any, multiplier: float) -> tuple[Any]:
        """Return the difference."""
        return (merge_models(model1, model2, -multiplier, multiplier),)


class ModelMergeBlocks:
    """Mix two models level by level."""

    @classmethod
    def INPUT_TYPES(cls) -> InputTypes:
        """Declare two models and three ratios."""
        return {
            "required": {
                **_models(),
                "input": _share(f"Ratio on the way down. {_RATIO}"),
                "middle": _share(f"Ratio in the middle. {_RATIO}"),
                "out": _share(f"Ratio on the way up. {_RATIO}"),
            }
        }

    RETURN_TYPES = ("MODEL",)
    FUNCTION = "merge"
    CATEGORY = _CATEGORY
    DESCRIPTION = "Mixes two models with a ratio of its own for each third of the UNet."

    def merge(self, model1: Any, model2: Any, **kwargs: float) -> tuple[Any]:
        """Return the mixed model."""
        return (merge_blocks(model1, model2, kwargs),)


class _FamilyMerge:
    """Mix two models of one family block by block."""

    PARTS: tuple[str, ...] = ()

    @classmethod
    def INPUT_TYPES(cls) -> InputTypes:
        """Declare two models and a ratio for each block."""
        ratios = {part: _share(f'Ratio of "{part.rstrip(".")}". {_RATIO}') for part in cls.PARTS}
        return {"required": {**_models(), **ratios}}

    RETURN_TYPES = ("MODEL",)
    FUNCTION = "merge"
    CATEGORY = _BY_FAMILY

    def merge(self, model1: Any, model2: Any, **kwargs: float) -> tuple[Any]:
        """Return the mixed model."""
        return (merge_blocks(model1, model2, kwargs),)


def _unet_parts(count: int, end: str) -> tuple[str, ...]:
    return (
        "time_embed.",
        "label_emb.",
        *(f"input_blocks.{index}{end}" for index in range(count)),
        *(f"middle_block.{index}{end}" for index in range(3)),
        *(f"output_blocks.{index}{end}" for index in range(count)),
        "out.",
    )


class ModelMergeSD1(_FamilyMerge):
    """Mix two SD1 models block by block."""

    PARTS = _unet_parts(12, ".")
    DESCRIPTION = "Mixes two Stable Diffusion 1 models with a ratio of its own for each block."


class ModelMergeSD2(ModelMergeSD1):
    """Mix two SD2 models block by block."""

    DESCRIPTION = "Mixes two Stable Diffusion 2 models with a ratio of its own for each block."


class ModelMergeSDXL(_FamilyMerge):
    """Mix two SDXL models block by block."""

    PARTS = _unet_parts(9, "")
    DESCRIPTION = "Mixes two SDXL models with a ratio of its own for each block."


class CLIPMergeSimple:
    """Mix two text encoders."""

    @classmethod
    def INPUT_TYPES(cls) -> InputTypes:
        """Declare two encoders and their ratio."""
        ratio = _share("1 is only the first text encoder, 0 only the second.")
        return {"required": {**_clips(), "ratio": ratio}}

    RETURN_TYPES = ("CLIP",)
    FUNCTION = "merge"
    CATEGORY = _CATEGORY
    DESCRIPTION = "Mixes the weights of two text encoders of the same kind in a chosen ratio."

    def merge(self, clip1: Any, clip2: Any, ratio: float) -> tuple[Any]:
        """Return the mixed encoder."""
        return (merge_clips(clip1, clip2, 1.0 - ratio, ratio),)


class CLIPMergeAdd:
    """Add two text encoders."""

    @classmethod
    def INPUT_TYPES(cls) -> InputTypes:
        """Declare two encoders."""
        return {"required": _clips()}

    RETURN_TYPES = ("CLIP",)
    FUNCTION = "merge"
    CATEGORY = _CATEGORY
    DESCRIPTION = "Adds the weights of one text encoder to those of another."

    def merge(self, clip1: Any, clip2: Any) -> tuple[Any]:
        """Return the sum."""
        return (merge_clips(clip1, clip2, 1.0, 1.0),)


class CLIPMergeSubtract:
    """Take a text encoder from another."""

    SEARCH_ALIASES = ["clip difference", "text encoder subtract"]

    @classmethod
    def INPUT_TYPES(cls) -> InputTypes:
        """Declare two encoders and a factor."""
        return {"required": {**_clips(), "multiplier": number(1.0, -10.0, 10.0, 0.01, _MULTIPLIER)}}

    RETURN_TYPES = ("CLIP",)
    FUNCTION = "merge"
    CATEGORY = _CATEGORY
    DESCRIPTION = "Takes the weights of the second text encoder from the first."

    def merge(self, clip1: Any, clip2: Any, multiplier: float) -> tuple[Any]:
        """Return the difference."""
        return (merge_clips(clip1, clip2, -multiplier, multiplier),)


NODE_CLASS_MAPPINGS: dict[str, type] = {
    cls.__name__: cls
    for cls in (
        ModelMergeSimple, ModelMergeAdd, ModelMergeSubtract, ModelMergeBlocks, ModelMergeSD1,
        ModelMergeSD2, ModelMergeSDXL, CLIPMergeSimple, CLIPMergeAdd, CLIPMergeSubtract,
    )
}  # fmt: skip
