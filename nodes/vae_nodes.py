"""Turn pictures into latents and back."""

from __future__ import annotations

from typing import Any

import torch
from node_helpers import conditioning_set_values

from .value_types import Conditioning, InputTypes, Latent

_VAE: tuple[str, dict[str, Any]] = ("VAE", {"tooltip": "The VAE of the model."})
_SAMPLES: tuple[str, dict[str, Any]] = ("LATENT", {"tooltip": "The latent to decode."})
_PIXELS: tuple[str, dict[str, Any]] = ("IMAGE", {"tooltip": "The picture to encode."})


def _require(vae: Any) -> None:
    if vae is None:
        raise RuntimeError(
            "There is no VAE here: the checkpoint holds none. Load one with Load VAE."
        )


def _first_part(samples: Latent) -> torch.Tensor:
    """Return the latent; of a latent with several parts, the one of pictures."""
    latent = samples["samples"]
    if getattr(latent, "is_nested", False):
        latent = latent.unbind()[0]
    tensor: torch.Tensor = latent
    return tensor


def _as_batch(images: torch.Tensor) -> torch.Tensor:
    """Return ``(batch, height, width, 3)``; frames of films become pictures of the batch."""
    return images.reshape(-1, *images.shape[-3:]) if images.ndim == 5 else images


class VAEDecode:
    """Decode a latent."""

    @classmethod
    def INPUT_TYPES(cls) -> InputTypes:
        """Declare latent and VAE."""
        return {"required": {"samples": _SAMPLES, "vae": _VAE}}

    RETURN_TYPES = ("IMAGE",)
    OUTPUT_TOOLTIPS = ("The decoded picture.",)
    FUNCTION = "decode"
    CATEGORY = "latent"
    DESCRIPTION = "Turns a latent into a picture."
    SEARCH_ALIASES = ["latent to image", "decode"]

    def decode(self, vae: Any, samples: Latent) -> tuple[torch.Tensor]:
        """Return the pictures of a latent."""
        _require(vae)
        return (_as_batch(vae.decode(_first_part(samples))),)


class VAEEncode:
    """Encode a picture."""

    @classmethod
    def INPUT_TYPES(cls) -> InputTypes:
        """Declare picture and VAE."""
        return {"required": {"pixels": _PIXELS, "vae": _VAE}}

    RETURN_TYPES = ("LATENT",)
    FUNCTION = "encode"
    CATEGORY = "latent"
    DESCRIPTION = "Turns a picture into a latent, which samplers work on."
    SEARCH_ALIASES = ["image to latent", "encode", "img2img"]

    def encode(self, vae: Any, pixels: torch.Tensor) -> tuple[Latent]:
        """Return the latent of pictures (rule D-171)."""
        _require(vae)
        return ({"samples": vae.encode(pixels)},)


def _tile_inputs(step: int) -> dict[str, Any]:
    return {
        "tile_size": (
            "INT",
            {"default": 512, "min": 64, "max": 4096, "step": step,
             "tooltip": "Side of a tile in pixels; smaller ones need less memory."},
        ),
        "overlap": (
            "INT",
            {"default": 64, "min": 0, "max": 4096, "step": 32,
             "tooltip": "Pixels that neighbouring tiles share, to hide seams."},
        ),
        "temporal_size": (
            "INT",
            {"default": 64, "min": 8, "max": 4096, "step": 4,
             "tooltip": "Frames at once; only for films."},
        ),
        "temporal_overlap": (
            "INT",
            {"default": 8, "min": 4, "max": 4096, "step": 4,
             "tooltip": "Frames that neighbouring pieces share; only for films."},
        ),
    }  # fmt: skip


class VAEDecodeTiled:
    """Decode a latent in tiles."""

    @classmethod
    def INPUT_TYPES(cls) -> InputTypes:
        """Declare latent, VAE and tiles."""
        return {"required": {"samples": _SAMPLES, "vae": _VAE, **_tile_inputs(32)}}

    RETURN_TYPES = ("IMAGE",)
    FUNCTION = "decode"
    CATEGORY = "_for_testing"
    DESCRIPTION = "Turns a latent into a picture tile by tile, which needs less memory."

    def decode(
        self,
        vae: Any,
        samples: Latent,
        tile_size: int,
        overlap: int = 64,
        temporal_size: int = 64,
        temporal_overlap: int = 8,
    ) -> tuple[torch.Tensor]:
        """Return the pictures of a latent (rule D-172)."""
        _require(vae)
        overlap = tile_size // 4 if tile_size < overlap * 4 else overlap
        temporal_overlap = min(temporal_overlap, temporal_size // 2)
        tile_frames = shared_frames = None
        in_time = vae.temporal_compression_decode()
        if in_time is not None:
            tile_frames = max(2, temporal_size // in_time)
            shared_frames = max(1, min(tile_frames // 2, temporal_overlap // in_time))
        cell = vae.spacial_compression_decode()
        images = vae.decode_tiled(
            _first_part(samples),
            tile_x=tile_size // cell,
            tile_y=tile_size // cell,
            overlap=overlap // cell,
            tile_t=tile_frames,
            overlap_t=shared_frames,
        )
        return (_as_batch(images),)


class VAEEncodeTiled:
    """Encode a picture in tiles."""

    @classmethod
    def INPUT_TYPES(cls) -> InputTypes:
        """Declare picture, VAE and tiles."""
        return {"required": {"pixels": _PIXELS, "vae": _VAE, **_tile_inputs(64)}}

    RETURN_TYPES = ("LATENT",)
    FUNCTION = "encode"
    CATEGORY = "_for_testing"
    DESCRIPTION = "Turns a picture into a latent tile by tile, which needs less memory."

    def encode(
        self,
        vae: Any,
        pixels: torch.Tensor,
        tile_size: int,
        overlap: int,
        temporal_size: int = 64,
        temporal_overlap: int = 8,
    ) -> tuple[Latent]:
        """Return the latent of pictures."""
        _require(vae)
        latent = vae.encode_tiled(
            pixels,
            tile_x=tile_size,
            tile_y=tile_size,
            overlap=overlap,
            tile_t=temporal_size,
            overlap_t=temporal_overlap,
        )
        return ({"samples": latent},)


def _masked_pixels(
    vae: Any, pixels: torch.Tensor, mask: torch.Tensor
) -> tuple[torch.Tensor, torch.Tensor]:
    """Return pictures and mask in the picture's size, cut to whole cells around the middle.

    Args:
        vae: Tells the size of a cell.
        pixels: ``(batch, height, width, channels)``; not changed.
        mask: ``(batch, height, width)`` of any size.

    Returns:
        A copy of the pictures, and the mask ``(batch, 1, height, width)``.
    """
    height, width = pixels.shape[1:3]
    mask = mask.reshape((-1, 1, *mask.shape[-2:]))
    mask = torch.nn.functional.interpolate(mask, size=(height, width), mode="bilinear")
    cell = vae.spacial_compression_encode()
    top, left = (height % cell) // 2, (width % cell) // 2
    rows, columns = height // cell * cell, width // cell * cell
    if (rows, columns) != (height, width):
        pixels = pixels[:, top : top + rows, left : left + columns]
        mask = mask[:, :, top : top + rows, left : left + columns]
    return pixels.clone(), mask


def _grey_out(pixels: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
    """Return pictures that are grey where the rounded mask is 1."""
    kept = (1.0 - mask.round()).movedim(1, -1)
    colours = (pixels[..., :3] - 0.5) * kept + 0.5
    return torch.cat([colours, pixels[..., 3:].expand(*colours.shape[:-1], -1)], dim=-1)


class VAEEncodeForInpaint:
    """Encode a picture of which a part is made anew."""

    @classmethod
    def INPUT_TYPES(cls) -> InputTypes:
        """Declare picture, VAE, mask and margin."""
        grow = {"default": 6, "min": 0, "max": 64, "step": 1}
        return {
            "required": {
                "pixels": _PIXELS,
                "vae": _VAE,
                "mask": ("MASK", {"tooltip": "Bright where the picture is made anew."}),
                "grow_mask_by": (
                    "INT",
                    {**grow, "tooltip": "Pixels that the mask grows, so that no seam shows."},
                ),
            }
        }

    RETURN_TYPES = ("LATENT",)
    FUNCTION = "encode"
    CATEGORY = "latent/inpaint"
    DESCRIPTION = (
        "Encodes a picture with its masked part greyed out, for models made for inpainting."
    )
    SEARCH_ALIASES = ["inpaint"]

    def encode(
        self, vae: Any, pixels: torch.Tensor, mask: torch.Tensor, grow_mask_by: int = 6
    ) -> tuple[Latent]:
        """Return the latent with its noise mask."""
        _require(vae)
        pixels, mask = _masked_pixels(vae, pixels, mask)
        grown = mask.round()
        if grow_mask_by:
            kernel = torch.ones((1, 1, grow_mask_by, grow_mask_by))
            padding = grow_mask_by // 2
            spread = torch.nn.functional.conv2d(grown, kernel, padding=padding)
            grown = spread.clamp(0, 1)[:, :, : mask.shape[2], : mask.shape[3]]
        latent = vae.encode(_grey_out(pixels, mask))
        return ({"samples": latent, "noise_mask": grown.round()},)


class InpaintModelConditioning:
    """Show an inpainting model what it has to fill."""

    @classmethod
    def INPUT_TYPES(cls) -> InputTypes:
        """Declare prompts, VAE, picture and mask."""
        return {
            "required": {
                "positive": ("CONDITIONING", {"tooltip": "What the picture shall show."}),
                "negative": ("CONDITIONING", {"tooltip": "What it shall not show."}),
                "vae": _VAE,
                "pixels": ("IMAGE", {"tooltip": "The picture to change."}),
                "mask": ("MASK", {"tooltip": "Bright where the picture is made anew."}),
                "noise_mask": (
                    "BOOLEAN",
                    {
                        "default": True,
                        "tooltip": "Whether only the masked part may change at all.",
                    },
                ),
            }
        }

    RETURN_TYPES = ("CONDITIONING", "CONDITIONING", "LATENT")
    RETURN_NAMES = ("positive", "negative", "latent")
    FUNCTION = "encode"
    CATEGORY = "conditioning/inpaint"
    DESCRIPTION = "Adds the picture and its mask to both prompts, for models made for inpainting."
    SEARCH_ALIASES = ["inpaint", "fill"]

    def encode(
        self,
        positive: Conditioning,
        negative: Conditioning,
        pixels: torch.Tensor,
        vae: Any,
        mask: torch.Tensor,
        noise_mask: bool = True,
    ) -> tuple[Conditioning, Conditioning, Latent]:
        """Return both prompts and the latent of the whole picture (rule D-088)."""
        _require(vae)
        pixels, mask = _masked_pixels(vae, pixels, mask)
        values = {
            "concat_latent_image": vae.encode(_grey_out(pixels, mask)),
            "concat_mask": mask,
        }
        latent: Latent = {"samples": vae.encode(pixels)}
        if noise_mask:
            latent["noise_mask"] = mask
        return (
            conditioning_set_values(positive, values),
            conditioning_set_values(negative, values),
            latent,
        )


NODE_CLASS_MAPPINGS: dict[str, type] = {
    cls.__name__: cls
    for cls in (
        VAEDecode, VAEEncode, VAEDecodeTiled, VAEEncodeTiled, VAEEncodeForInpaint,
        InpaintModelConditioning,
    )
}  # fmt: skip

NODE_DISPLAY_NAME_MAPPINGS: dict[str, str] = {
    "VAEDecode": "VAE Decode",
    "VAEEncode": "VAE Encode",
    "VAEDecodeTiled": "VAE Decode (Tiled)",
    "VAEEncodeTiled": "VAE Encode (Tiled)",
    "VAEEncodeForInpaint": "VAE Encode (for Inpainting)",
    "InpaintModelConditioning": "InpaintModelConditioning",
}
