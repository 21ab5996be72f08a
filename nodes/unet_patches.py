"""Change what happens inside a UNet: balance, tiles, merged tokens, smaller pictures."""

from __future__ import annotations

from typing import Any

import torch
from comfy_api.latest import io

from app.engine.diffusion import token_savings
from app.engine.diffusion.guidance_math import fourier_scale
from app.engine.imaging.resize import common_upscale

_PATCHES = "model_patches/unet"
_METHODS = ["bicubic", "nearest-exact", "bilinear", "area", "bislerp"]


def _model() -> io.Model.Input:
    return io.Model.Input("model", tooltip="The model to change.")


def _factor(name: str, default: float, tooltip: str) -> io.Float.Input:
    return io.Float.Input(name, default=default, min=0.0, max=10.0, step=0.01, tooltip=tooltip)


def _free_u_inputs(b1: float, b2: float) -> list[Any]:
    return [
        _model(),
        _factor("b1", b1, "Weight of the rough shapes in the deepest blocks; 1 leaves them."),
        _factor("b2", b2, "The same, one level up."),
        _factor("s1", 0.9, "Weight of what skips the deepest blocks; lower is smoother."),
        _factor("s2", 0.2, "The same, one level up."),
    ]


def _scales(
    model: Any, b1: float, b2: float, s1: float, s2: float
) -> dict[int, tuple[float, float]]:
    """Return factors of backbone and skip by the channels that tell a level."""
    base = model.model.diffusion_model.model_channels
    return {base * 4: (b1, s1), base * 2: (b2, s2)}


class FreeU(io.ComfyNode):
    """Balance rough shapes and details."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        """Declare model and four factors."""
        return io.Schema(
            node_id="FreeU",
            category=_PATCHES,
            description="Weighs rough shapes against details inside the model, at no cost.",
            inputs=_free_u_inputs(1.1, 1.2),
            outputs=[io.Model.Output()],
        )

    @classmethod
    def execute(cls, model: Any, b1: float, b2: float, s1: float, s2: float) -> io.NodeOutput:
        """Return the model with other balance (arXiv:2309.11497)."""
        scales = _scales(model, b1, b2, s1, s2)

        def weigh(
            h: torch.Tensor, skip: torch.Tensor, options: Any
        ) -> tuple[torch.Tensor, torch.Tensor]:
            found = scales.get(h.shape[1])
            if found is not None:
                h[:, : h.shape[1] // 2] *= found[0]
                skip = fourier_scale(skip, 1, found[1])
            return h, skip

        changed = model.clone()
        changed.set_model_output_block_patch(weigh)
        return io.NodeOutput(changed)

    patch = execute


class FreeU_V2(io.ComfyNode):
    """Balance rough shapes and details by what is in the picture."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        """Declare model and four factors."""
        return io.Schema(
            node_id="FreeU_V2",
            category=_PATCHES,
            description=(
                "Weighs rough shapes against details inside the model, more where there is more "
                "to see."
            ),
            inputs=_free_u_inputs(1.3, 1.4),
            outputs=[io.Model.Output()],
        )

    @classmethod
    def execute(cls, model: Any, b1: float, b2: float, s1: float, s2: float) -> io.NodeOutput:
        """Return the model with other balance (arXiv:2309.11497, second version)."""
        scales = _scales(model, b1, b2, s1, s2)

        def weigh(
            h: torch.Tensor, skip: torch.Tensor, options: Any
        ) -> tuple[torch.Tensor, torch.Tensor]:
            found = scales.get(h.shape[1])
            if found is not None:
                mean = h.mean(dim=1, keepdim=True)
                low, high = mean.amin(dim=(2, 3), keepdim=True), mean.amax(dim=(2, 3), keepdim=True)
                share = (mean - low) / (high - low)
                h[:, : h.shape[1] // 2] *= (found[0] - 1.0) * share + 1.0
                skip = fourier_scale(skip, 1, found[1])
            return h, skip

        changed = model.clone()
        changed.set_model_output_block_patch(weigh)
        return io.NodeOutput(changed)

    patch = execute


class HyperTile(io.ComfyNode):
    """Let cells look at their tile only."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        """Declare model and tiles."""
        return io.Schema(
            node_id="HyperTile",
            category=_PATCHES,
            description=(
                "Computes self-attention in tiles, which is much faster in large pictures. Tiles "
                "change their size at random, so that no borders show."
            ),
            inputs=[
                _model(),
                io.Int.Input(
                    "tile_size",
                    default=256,
                    min=1,
                    max=2048,
                    tooltip="Smallest side of a tile in pixels.",
                ),
                io.Int.Input(
                    "swap_size",
                    default=2,
                    min=1,
                    max=128,
                    tooltip="Number of tile sizes to choose from; 1 never changes them.",
                ),
                io.Int.Input(
                    "max_depth",
                    default=0,
                    min=0,
                    max=10,
                    tooltip="How many levels of the model are tiled below the first.",
                ),
                io.Boolean.Input(
                    "scale_depth",
                    default=False,
                    tooltip="Make tiles of deeper levels larger, in cells.",
                ),
            ],
            outputs=[io.Model.Output()],
        )

    @classmethod
    def execute(
        cls, model: Any, tile_size: int, swap_size: int, max_depth: int, scale_depth: bool
    ) -> io.NodeOutput:
        """Return the model with tiled self-attention."""
        tiles = token_savings.TiledAttention(tile_size, swap_size, max_depth, scale_depth)
        changed = model.clone()
        changed.set_model_attn1_patch(tiles.cut)
        changed.set_model_attn1_output_patch(tiles.join)
        return io.NodeOutput(changed)

    patch = execute


class TomePatchModel(io.ComfyNode):
    """Compute like cells once."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        """Declare model and share."""
        return io.Schema(
            node_id="TomePatchModel",
            category=_PATCHES,
            description=(
                "Merges cells that are alike before self-attention, which is faster and costs "
                "little detail (ToMe)."
            ),
            search_aliases=["token merging", "tomesd"],
            inputs=[
                _model(),
                io.Float.Input(
                    "ratio",
                    default=0.3,
                    min=0.0,
                    max=1.0,
                    step=0.01,
                    tooltip="Share of the cells that are merged; 0 switches it off.",
                ),
            ],
            outputs=[io.Model.Output()],
        )

    @classmethod
    def execute(cls, model: Any, ratio: float) -> io.NodeOutput:
        """Return the model with merged cells (arXiv:2303.17604)."""
        merging = token_savings.MergedAttention(ratio)
        changed = model.clone()
        changed.set_model_attn1_patch(merging.merge)
        changed.set_model_attn1_output_patch(merging.spread)
        return io.NodeOutput(changed)

    patch = execute


class PatchModelAddDownscale(io.ComfyNode):
    """Begin with a smaller picture inside the model."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        """Declare model, block, size and range."""
        share = {"min": 0.0, "max": 1.0, "step": 0.001}
        return io.Schema(
            node_id="PatchModelAddDownscale",
            display_name="PatchModelAddDownscale (Kohya Deep Shrink)",
            category=_PATCHES,
            description=(
                "Makes the picture smaller inside the model at the start of the run, so that "
                "large pictures keep one composition."
            ),
            search_aliases=["deep shrink", "high resolution"],
            inputs=[
                _model(),
                io.Int.Input(
                    "block_number",
                    default=3,
                    min=1,
                    max=32,
                    step=1,
                    tooltip="Input block after which the picture is made smaller.",
                ),
                io.Float.Input(
                    "downscale_factor",
                    default=2.0,
                    min=0.1,
                    max=9.0,
                    step=0.001,
                    tooltip="How many times smaller.",
                ),
                io.Float.Input(
                    "start_percent", default=0.0, **share, tooltip="It acts from here on."
                ),
                io.Float.Input("end_percent", default=0.35, **share, tooltip="It acts up to here."),
                io.Boolean.Input(
                    "downscale_after_skip",
                    default=True,
                    tooltip="Leave what skips the deeper blocks at its full size.",
                ),
                io.Combo.Input(
                    "downscale_method", options=_METHODS, tooltip="How it is made smaller."
                ),
                io.Combo.Input(
                    "upscale_method", options=_METHODS, tooltip="How it is made larger again."
                ),
            ],
            outputs=[io.Model.Output()],
        )

    @classmethod
    def execute(
        cls,
        model: Any,
        block_number: int,
        downscale_factor: float,
        start_percent: float,
        end_percent: float,
        downscale_after_skip: bool,
        downscale_method: str,
        upscale_method: str,
    ) -> io.NodeOutput:
        """Return the model with smaller inner pictures."""
        table = model.get_model_object("model_sampling")
        start, end = table.percent_to_sigma(start_percent), table.percent_to_sigma(end_percent)

        def shrink(h: torch.Tensor, options: dict[str, Any]) -> torch.Tensor:
            level = float(options["sigmas"][0])
            if options["block"][1] != block_number or not end <= level <= start:
                return h
            width, height = (round(h.shape[axis] / downscale_factor) for axis in (-1, -2))
            return common_upscale(h, width, height, downscale_method, "disabled")

        def grow(
            h: torch.Tensor, skip: torch.Tensor, options: Any
        ) -> tuple[torch.Tensor, torch.Tensor]:
            if h.shape[2:] != skip.shape[2:]:
                h = common_upscale(h, skip.shape[-1], skip.shape[-2], upscale_method, "disabled")
            return h, skip

        changed = model.clone()
        if downscale_after_skip:
            changed.set_model_input_block_patch_after_skip(shrink)
        else:
            changed.set_model_input_block_patch(shrink)
        changed.set_model_output_block_patch(grow)
        return io.NodeOutput(changed)

    patch = execute


NODE_CLASS_MAPPINGS: dict[str, type] = {
    cls.__name__: cls
    for cls in (FreeU, FreeU_V2, HyperTile, TomePatchModel, PatchModelAddDownscale)
}
